/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains of the vemu driver in a sandbox, as two connections see them.
 */
#ifndef TESTS_VMGR_VEMU_DOMAIN_H
#define TESTS_VMGR_VEMU_DOMAIN_H

#include <time.h>

#include "sandbox.h"

#define UUID_V "6695eb01-f6a4-8304-79aa-97f2502e2001"
#define DOC(name, uuid, cmdline, more)                                                             \
    "<domain type='vemu'><name>" name "</name><uuid>" uuid "</uuid>"                               \
    "<memory unit='MiB'>64</memory><os><type>hvm</type><kernel>/boot/vmlinuz</kernel>"             \
    "<cmdline>" cmdline "</cmdline></os>" more "</domain>"
#define PTY "<devices><serial type='pty'/></devices>"

static struct vmgr_conn *conn, *other;

static inline void setup(void)
{
    sandbox_open();
    conn = sandbox_connect(0);
    other = sandbox_connect(0);
}

static inline void teardown(void)
{
    conn = vmgr_conn_unref(conn);
    other = vmgr_conn_unref(other);
    sandbox_close();
}

static inline struct vmgr_domain *define_v(const char *xml)
{
    struct vmgr_domain *dom = NULL;

    OK(vmgr_domain_define_xml(conn, xml, 0, &dom, &err));
    return dom;
}

static inline struct vmgr_domain *by_name(struct vmgr_conn *c, const char *name)
{
    struct vmgr_domain *dom = NULL;

    OK(vmgr_domain_lookup_by_name(c, name, &dom, &err));
    return dom;
}

static inline void await_no_emulator(void)
{
    for (int i = 0; i < 500 && sandbox_emulators(NULL); i++)
        nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
    ck_assert_int_eq(sandbox_emulators(NULL), 0);
}

#endif
