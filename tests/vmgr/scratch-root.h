/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A directory of a test's own that stands for the root of the file system (vmgr_conn_options.root).
 */
#ifndef TESTS_VMGR_SCRATCH_ROOT_H
#define TESTS_VMGR_SCRATCH_ROOT_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <vmgr/vmgr.h>

static char scratch_root[256];

static inline void scratch_open(void)
{
    snprintf(scratch_root, sizeof(scratch_root), "/tmp/vmgr-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch_root));
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void scratch_close(void)
{
    nftw(scratch_root, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* emulator: NULL for the one that is installed. */
static inline struct vmgr_conn *scratch_connect(const char *uri, const char *emulator,
                                                uint32_t flags)
{
    struct vmgr_conn_options o = VMGR_CONN_OPTIONS_INIT;
    struct vmgr_conn *conn = NULL;
    struct vmgr_error *err = NULL;

    o.uri = uri;
    o.flags = flags;
    o.root = scratch_root;
    o.emulator = emulator;
    ck_assert_msg(vmgr_conn_open_with(&o, &conn, &err) == 0, "%s", vmgr_error_get_message(err));
    return conn;
}

#endif
