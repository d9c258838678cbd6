/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving up what a TLS connection does not need, before the first byte of the peer is read.
 *
 * The credentials are in memory by then. What a peer could make of this process can talk on the two
 * sockets it has, and nothing else. A call that is not listed fails with EPERM, so that a library
 * that tries something new goes on.
 */
#include "sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const int calls[] = {
    SCMP_SYS(read),         SCMP_SYS(write),
    SCMP_SYS(readv),        SCMP_SYS(writev),
    SCMP_SYS(sendto),       SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),      SCMP_SYS(recvmsg),
    SCMP_SYS(poll),         SCMP_SYS(ppoll),
    SCMP_SYS(select),       SCMP_SYS(pselect6),
    SCMP_SYS(shutdown),     SCMP_SYS(close),
    SCMP_SYS(fstat),        SCMP_SYS(newfstatat),
    SCMP_SYS(getsockopt),   SCMP_SYS(brk),
    SCMP_SYS(mmap),         SCMP_SYS(munmap),
    SCMP_SYS(mremap),       SCMP_SYS(mprotect),
    SCMP_SYS(madvise),      SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(getrandom),    SCMP_SYS(futex),
    SCMP_SYS(getpid),       SCMP_SYS(gettid),
    SCMP_SYS(getrusage),    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),         SCMP_SYS(exit_group),
};

/* Descriptor flags may be changed, nothing else. */
static int allow_fcntl(scmp_filter_ctx ctx)
{
    int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, 3));
    return r < 0
               ? r
               : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, 4));
}

void sandbox_enter(void)
{
    const struct rlimit no_core = { 0, 0 };
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = ctx ? 0 : -ENOMEM;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        die("prctl: %s", strerror(errno));
    setrlimit(RLIMIT_CORE, &no_core);
    for (size_t i = 0; r >= 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
        r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
    if (r >= 0)
        r = allow_fcntl(ctx);
    if (r >= 0)
        r = seccomp_load(ctx);
    if (r < 0)
        die("cannot filter system calls: %s", strerror(-r));
    seccomp_release(ctx);
}
