/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -sandbox: system calls that this process gives up before it reads anything of a guest.
 *
 * What a machine needs is open: files, sockets, memory, threads, KVM. What no machine needs, and
 * what an intruder would go on with, fails with EPERM: changing mounts and namespaces, the clock
 * and the kernel, looking into other processes. The groups of -sandbox add to that. The filter
 * (seccomp(2)) depends on the call's number alone but for clone(2), so the kernel finds calls that
 * are allowed in a bitmap, and the loop of a vCPU does not pay for it.
 */
#include "sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keyval.h"
#include "report.h"

/* Calls with the bit of the x32 interface have other numbers for the same things. */
#define X32_BIT 0x40000000u

static const struct call {
    uint32_t group, number;
} calls[] = {
    /* mounts, namespaces */
    { SANDBOX_ON, SYS_mount },
    { SANDBOX_ON, SYS_umount2 },
    { SANDBOX_ON, SYS_pivot_root },
    { SANDBOX_ON, SYS_chroot },
    { SANDBOX_ON, SYS_unshare },
    { SANDBOX_ON, SYS_setns },
    { SANDBOX_ON, SYS_open_tree },
    { SANDBOX_ON, SYS_move_mount },
    { SANDBOX_ON, SYS_fsopen },
    { SANDBOX_ON, SYS_fsconfig },
    { SANDBOX_ON, SYS_fsmount },
    { SANDBOX_ON, SYS_fspick },
    { SANDBOX_ON, SYS_open_by_handle_at },
    { SANDBOX_ON, SYS_fanotify_init },
    /* other processes */
    { SANDBOX_ON, SYS_ptrace },
    { SANDBOX_ON, SYS_process_vm_readv },
    { SANDBOX_ON, SYS_process_vm_writev },
    { SANDBOX_ON, SYS_kcmp },
    { SANDBOX_ON, SYS_pidfd_getfd },
    { SANDBOX_ON, SYS_perf_event_open },
    /* the kernel */
    { SANDBOX_ON, SYS_bpf },
    { SANDBOX_ON, SYS_init_module },
    { SANDBOX_ON, SYS_finit_module },
    { SANDBOX_ON, SYS_delete_module },
    { SANDBOX_ON, SYS_kexec_load },
    { SANDBOX_ON, SYS_kexec_file_load },
    { SANDBOX_ON, SYS_add_key },
    { SANDBOX_ON, SYS_request_key },
    { SANDBOX_ON, SYS_keyctl },
    { SANDBOX_ON, SYS_userfaultfd },
    { SANDBOX_ON, SYS_modify_ldt },
    /* the host */
    { SANDBOX_ON, SYS_reboot },
    { SANDBOX_ON, SYS_syslog },
    { SANDBOX_ON, SYS_acct },
    { SANDBOX_ON, SYS_swapon },
    { SANDBOX_ON, SYS_swapoff },
    { SANDBOX_ON, SYS_sethostname },
    { SANDBOX_ON, SYS_setdomainname },
    { SANDBOX_ON, SYS_settimeofday },
    { SANDBOX_ON, SYS_clock_settime },
    { SANDBOX_ON, SYS_adjtimex },
    { SANDBOX_ON, SYS_clock_adjtime },
    { SANDBOX_ON, SYS_iopl },
    { SANDBOX_ON, SYS_ioperm },
    { SANDBOX_ON, SYS_vhangup },
    { SANDBOX_ON, SYS_quotactl },

    { SANDBOX_OBSOLETE, SYS_uselib },
    { SANDBOX_OBSOLETE, SYS_ustat },
    { SANDBOX_OBSOLETE, SYS_sysfs },
    { SANDBOX_OBSOLETE, SYS__sysctl },
    { SANDBOX_OBSOLETE, SYS_create_module },
    { SANDBOX_OBSOLETE, SYS_get_kernel_syms },
    { SANDBOX_OBSOLETE, SYS_query_module },
    { SANDBOX_OBSOLETE, SYS_nfsservctl },
    { SANDBOX_OBSOLETE, SYS_lookup_dcookie },
    { SANDBOX_OBSOLETE, SYS_readahead },
    { SANDBOX_OBSOLETE, SYS_remap_file_pages },

    { SANDBOX_PRIVILEGES, SYS_setuid },
    { SANDBOX_PRIVILEGES, SYS_setgid },
    { SANDBOX_PRIVILEGES, SYS_setreuid },
    { SANDBOX_PRIVILEGES, SYS_setregid },
    { SANDBOX_PRIVILEGES, SYS_setresuid },
    { SANDBOX_PRIVILEGES, SYS_setresgid },
    { SANDBOX_PRIVILEGES, SYS_setfsuid },
    { SANDBOX_PRIVILEGES, SYS_setfsgid },
    { SANDBOX_PRIVILEGES, SYS_setgroups },

    { SANDBOX_SPAWN, SYS_fork },
    { SANDBOX_SPAWN, SYS_vfork },
    { SANDBOX_SPAWN, SYS_execve },
    { SANDBOX_SPAWN, SYS_execveat },

    { SANDBOX_RESOURCES, SYS_setpriority },
    { SANDBOX_RESOURCES, SYS_ioprio_set },
    { SANDBOX_RESOURCES, SYS_sched_setparam },
    { SANDBOX_RESOURCES, SYS_sched_setscheduler },
    { SANDBOX_RESOURCES, SYS_sched_setattr },
    { SANDBOX_RESOURCES, SYS_sched_setaffinity },
    { SANDBOX_RESOURCES, SYS_mbind },
    { SANDBOX_RESOURCES, SYS_migrate_pages },
};

static const struct {
    const char *name;
    uint32_t group;
    bool by_default;
} groups[] = {
    { "obsolete", SANDBOX_OBSOLETE, true },
    { "elevateprivileges", SANDBOX_PRIVILEGES, false },
    { "spawn", SANDBOX_SPAWN, false },
    { "resourcecontrol", SANDBOX_RESOURCES, false },
};

static bool parse_group(struct keyval *kv, const char *name, uint32_t group, uint32_t *what)
{
    const char *value = keyval_take(kv, name);
    if (!value)
        return true;
    *what &= ~group;
    if (!strcmp(value, "deny"))
        *what |= group;
    /* Programs that it starts get no further rights in any case. */
    else if (strcmp(value, "allow") && (group != SANDBOX_PRIVILEGES || strcmp(value, "children"))) {
        report("-sandbox: parameter '%s' is 'deny' or 'allow', not '%s'", name, value);
        return false;
    }
    return true;
}

bool sandbox_parse(const char *text, uint32_t *ret)
{
    struct keyval kv;
    uint32_t what = SANDBOX_ON;
    bool on = false;
    if (!keyval_parse(&kv, "sandbox", text, true))
        return false;
    const char *given = kv.first ? kv.first : keyval_take(&kv, "enable");
    bool ok = parse_switch("sandbox", "enable", given ? given : "", &on);
    for (size_t i = 0; ok && i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (groups[i].by_default)
            what |= groups[i].group;
        ok = parse_group(&kv, groups[i].name, groups[i].group, &what);
    }
    ok = ok && keyval_done(&kv, "sandbox");
    keyval_free(&kv);
    *ret = on ? what : 0;
    return ok;
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define FAIL(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
/* The next instruction if the accumulator is (has) K, else the one after `no` others. */
#define IF_EQUAL(k, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (no))
#define IF_BITS(k, no)  BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (k), 0, (no))

#define NAMESPACES                                                                                 \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)

struct program {
    struct sock_filter code[2 * sizeof(calls) / sizeof(calls[0]) + 24];
    unsigned short length;
};

static void emit(struct program *p, const struct sock_filter *code, size_t count)
{
    memcpy(p->code + p->length, code, count * sizeof(*code));
    p->length = (unsigned short)(p->length + count);
}
#define EMIT(p, ...)                                                                               \
    do {                                                                                           \
        const struct sock_filter code_[] = { __VA_ARGS__ };                                        \
        emit((p), code_, sizeof(code_) / sizeof(code_[0]));                                        \
    } while (0)

static void make(struct program *p, uint32_t what)
{
    EMIT(p, LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0), FAIL(EPERM),
         LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1), FAIL(EPERM));
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (calls[i].group & what)
            EMIT(p, IF_EQUAL(calls[i].number, 1), FAIL(EPERM));
    }
    /* Its flags are in memory, where a filter cannot look. The C library then takes clone(2). */
    EMIT(p, IF_EQUAL(SYS_clone3, 1), FAIL(ENOSYS));
    EMIT(p, IF_EQUAL(SYS_clone, what & SANDBOX_SPAWN ? 5 : 3), LOAD(args[0]),
         IF_BITS(NAMESPACES, 1), FAIL(EPERM));
    if (what & SANDBOX_SPAWN)
        EMIT(p, BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0), FAIL(EPERM));
    EMIT(p, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

/*
 * Capabilities that are permitted and not in effect go. After that, and with no new privileges,
 * capset(2) can only give up, so it stays open: programs that are started (vemu-slirp) drop theirs
 * with it.
 */
static bool drop_reserve(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct caps[2];
    if (syscall(SYS_capget, &header, caps) < 0)
        return false;
    for (int i = 0; i < 2; i++) {
        caps[i].permitted = caps[i].effective;
        caps[i].inheritable &= caps[i].effective;
    }
    return syscall(SYS_capset, &header, caps) == 0;
}

bool sandbox_enter(uint32_t what)
{
    struct program p = { .length = 0 };
    struct sock_fprog program = { .filter = p.code };
    if (!(what & SANDBOX_ON))
        return true;
    if (what & SANDBOX_PRIVILEGES && !drop_reserve()) {
        report("-sandbox: cannot drop capabilities: %s", strerror(errno));
        return false;
    }
    make(&p, what);
    program.len = p.length;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
        report("-sandbox: cannot filter system calls: %s", strerror(errno));
        return false;
    }
    return true;
}
