/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting an emulator that outlives its starter, without a moment in which nobody knows of it.
 *
 * Theory of operation. Two forks: the first child makes a session and the second, and exits, so the
 * emulator is nobody's child that a caller could wait for or forget to. The second child tells its
 * pid and then waits on a pipe. The caller writes pid and start time into the status file, and only
 * then the byte that lets the child become the emulator. If the caller dies before, the pipe ends
 * and the child exits. An exec that fails reports its errno through a close-on-exec pipe, whose end
 * without a word means that the emulator runs.
 *
 * The emulator is ready when its monitor's socket appears in the run's directory (inotify) and
 * greets. If it ends instead, the last line it wrote to its log is the reason.
 *
 * Between fork and exec only async-signal-safe calls are made: the caller may have threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../conf/tuning.h"
#include "../state/paths.h"
#include "../state/status.h"
#include "../vemu.h"
#include "clock.h"
#include "files.h"
#include "launch.h"
#include "log.h"
#include "port.h"
#include "process.h"
#include "qmp.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif

#define NODES_MAX 1024
#define BITS      (8 * sizeof(unsigned long))

/* Everything the children need, made before the fork. */
struct plan {
    char **argv;
    char **envp;
    const char *dir;
    int null_fd, log_fd;
    int report[2]; /* child to caller */
    int go[2];     /* caller to child */
    GArray *ports; /* taps, which the emulator inherits */
    const GArray *files; /* likewise: disks */
    GArray *keep;  /* int: what the children need, in order */
    uid_t uid;     /* whom it becomes; 0: nobody else */
    gid_t gid, groups[1];
    size_t group_count;
    bool pin;
    cpu_set_t cpus;
    bool lock_memory;
    int numa_mode; /* of set_mempolicy(2); 0: none */
    unsigned long numa_nodes[NODES_MAX / BITS];
};

enum { SAID_PID = 1, SAID_ERROR = 2, SAID_MEMORY = 3, SAID_USER = 4 };
struct word {
    int kind;
    int value;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void say(const struct plan *p, int kind, int value)
{
    struct word w = { kind, value };
    ssize_t n = write(p->report[1], &w, sizeof(w));

    (void)n; /* a caller that is gone hears nothing */
}

static void G_GNUC_NORETURN child_fail(const struct plan *p, int kind, int errnum)
{
    say(p, kind, errnum);
    _exit(127);
}

static void reset_signals(void)
{
    struct sigaction sa = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (int i = 1; i < NSIG; i++)
        sigaction(i, &sa, NULL); /* fails for those that cannot be caught */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The emulator inherits nothing but the three standard descriptors, its taps and
 * disks that it gets as descriptors. */
static void close_others(void)
{
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) < 0) {
        for (int fd = 3; fd < 4096; fd++)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

/* Where memory comes from, and how much of it may be locked. */
static int take_memory(const struct plan *p)
{
    static const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

    if (p->lock_memory && p->uid && setrlimit(RLIMIT_MEMLOCK, &none) < 0)
        return -1;
    return p->numa_mode
               ? (int)syscall(SYS_set_mempolicy, p->numa_mode, p->numa_nodes, NODES_MAX + 1)
               : 0;
}

/* Becomes the guest's user, for good. By the system calls themselves: those of the C library would
 * look for other threads. */
static int drop_rights(const struct plan *p)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    if (!p->uid && !p->gid)
        return 0;
    return syscall(SYS_setgroups, p->group_count, p->groups) < 0 ||
                   syscall(SYS_setresgid, p->gid, p->gid, p->gid) < 0 ||
                   syscall(SYS_setresuid, p->uid, p->uid, p->uid) < 0
               ? -1
               : 0;
}

static void G_GNUC_NORETURN become_emulator(const struct plan *p)
{
    char word;
    ssize_t n;

    say(p, SAID_PID, (int)getpid());
    do
        n = read(p->go[0], &word, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        _exit(126); /* the caller died or thought better of it */
    if (chdir(p->dir) < 0 || dup2(p->null_fd, 0) < 0 || dup2(p->log_fd, 1) < 0 ||
        dup2(p->log_fd, 2) < 0 || (p->pin && sched_setaffinity(0, sizeof(p->cpus), &p->cpus) < 0))
        child_fail(p, SAID_ERROR, errno);
    if (take_memory(p) < 0)
        child_fail(p, SAID_MEMORY, errno);
    if (drop_rights(p) < 0)
        child_fail(p, SAID_USER, errno);
    umask(077);
    reset_signals();
    close_others();
    for (size_t i = 0; i < vmgr__vemu_ports_count(p->ports); i++)
        fcntl(vmgr__vemu_ports_fd(p->ports, i), F_SETFD, 0);
    for (size_t i = 0; i < vmgr__vemu_files_count(p->files); i++)
        fcntl(vmgr__vemu_files_fd(p->files, i), F_SETFD, 0);
    execve(p->argv[0], p->argv, p->envp);
    child_fail(p, SAID_ERROR, errno);
}

static void close_between(unsigned first, unsigned last)
{
    if (first <= last && syscall(SYS_close_range, first, last, 0) < 0) {
        for (unsigned fd = first; fd <= last && fd < 4096; fd++)
            close((int)fd);
    }
}

static int compare_fds(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void list_own(struct plan *p)
{
    const int fixed[] = { p->null_fd, p->log_fd, p->report[1], p->go[0] };

    p->keep = g_array_new(FALSE, FALSE, sizeof(int));
    g_array_append_vals(p->keep, fixed, G_N_ELEMENTS(fixed));
    for (size_t i = 0; i < vmgr__vemu_ports_count(p->ports); i++) {
        const int fd = vmgr__vemu_ports_fd(p->ports, i);

        g_array_append_val(p->keep, fd);
    }
    for (size_t i = 0; i < vmgr__vemu_files_count(p->files); i++) {
        const int fd = vmgr__vemu_files_fd(p->files, i);

        g_array_append_val(p->keep, fd);
    }
    g_array_sort(p->keep, compare_fds);
}

/* What the caller holds is to end with the caller: locks, sockets, and the other ends of pipes of
 * starts that other threads are at, whose children would wait for each other. */
static void keep_own(const struct plan *p)
{
    unsigned from = 3;

    for (guint i = 0; i < p->keep->len; i++) {
        const int fd = g_array_index(p->keep, int, i);

        if (fd < 3)
            continue;
        close_between(from, (unsigned)fd - 1);
        from = (unsigned)fd + 1;
    }
    close_between(from, ~0u);
}

static int fork_twice(struct plan *p)
{
    sigset_t all, old;
    pid_t pid;
    int saved;

    list_own(p);
    /* No handler of the embedder runs in a child. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid = fork();
    if (pid == 0) {
        keep_own(p);
        setsid();
        pid = fork();
        if (pid == 0)
            become_emulator(p);
        if (pid < 0)
            child_fail(p, SAID_ERROR, errno);
        _exit(0);
    }
    saved = errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (pid > 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return 0;
    }
    errno = saved;
    return -1;
}

/* 1 a word, 0 the end, -1 deadline. */
static int hear(int fd, struct word *ret, int timeout_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ssize_t n;

    while ((n = poll(&p, 1, timeout_ms)) < 0 && errno == EINTR)
        ;
    if (n <= 0)
        return -1;
    do
        n = read(fd, ret, sizeof(*ret));
    while (n < 0 && errno == EINTR);
    return n == sizeof(*ret) ? 1 : 0;
}

static char **make_env(const struct vmgr__domain_def *def)
{
    static const char *const passed[] = { "PATH",          "HOME",         "LANG",
                                          "LC_ALL",        "TMPDIR",       "ASAN_OPTIONS",
                                          "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH" };
    const char *zone = vmgr__vemu_clock_zone(def);
    char **env = g_new0(char *, 1);
    char uuid[VMGR_UUID_STRING_SIZE];

    if (zone)
        env = g_environ_setenv(env, "TZ", zone, TRUE);
    for (size_t i = 0; i < G_N_ELEMENTS(passed); i++) {
        const char *value = g_getenv(passed[i]);

        if (value)
            env = g_environ_setenv(env, passed[i], value, TRUE);
    }
    for (guint i = 0; i < def->extra_env->len; i++) {
        g_auto(GStrv) parts = g_strsplit(def->extra_env->pdata[i], "=", 2);

        env = g_environ_setenv(env, parts[0], parts[1] ? parts[1] : "", TRUE);
    }
    vmgr__uuid_format(def->uuid, uuid);
    return g_environ_setenv(env, "VMGR_DOMAIN_UUID", uuid, TRUE);
}

/* The command line as a shell would take it. */
static char *quote(char **argv)
{
    GString *s = g_string_new(NULL);

    for (char **a = argv; *a; a++) {
        const char *plain = "-_=+:,./@%";
        bool safe = **a != '\0';

        for (const char *c = *a; *c; c++)
            safe = safe && (g_ascii_isalnum(*c) || strchr(plain, *c));
        g_autofree char *quoted = safe ? g_strdup(*a) : g_shell_quote(*a);
        g_string_append_printf(s, "%s%s", s->len ? " " : "", quoted);
    }
    return g_string_free(s, FALSE);
}

static int open_log(const struct vemu *d, const char *name, char **argv, off_t *ret_offset,
                    struct vmgr_error **err)
{
    g_autofree char *command = quote(argv);
    g_autofree char *text = g_strdup_printf("starting up: %s", command);
    int fd = vmgr__vemu_log_open(d, name, text, err);

    if (fd >= 0)
        *ret_offset = lseek(fd, 0, SEEK_END);
    return fd;
}

/* What the emulator wrote last, for an error message. */
static char *last_words(int log_fd, off_t from)
{
    char buf[2048];
    off_t end = lseek(log_fd, 0, SEEK_END);
    ssize_t n;
    char *line;

    if (end < from)
        from = 0; /* somebody emptied the log */
    if (end - from > (off_t)sizeof(buf) - 1)
        from = end - (off_t)sizeof(buf) + 1;
    n = pread(log_fd, buf, sizeof(buf) - 1, from);
    buf[n > 0 ? n : 0] = '\0';
    g_strchomp(buf);
    line = strrchr(buf, '\n');
    return g_utf8_make_valid(line ? line + 1 : buf, -1);
}

static void report_end(int log_fd, off_t log_from, struct vmgr_error **err)
{
    g_autofree char *words = last_words(log_fd, log_from);

    vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "process exited while connecting to monitor: %s",
               *words ? words : "it said nothing");
}

void vmgr__vemu_explain(const struct vemu *d, const char *name, const struct vemu_process *p,
                        off_t log_from, struct vmgr_error **err)
{
    g_autofree char *path = vmgr__vemu_log_path(d, name);
    int pidfd = vmgr__process_open(p);
    int log_fd;

    /* Its monitor is closed, so it is about to end, if it is not the monitor alone that fails. */
    if (pidfd >= 0 && !vmgr__process_wait(pidfd, 1000)) {
        close(pidfd);
        return;
    }
    close_fd(&pidfd);
    log_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (log_fd < 0)
        return;
    report_end(log_fd, log_from, err);
    close(log_fd);
}

/* Waits for the socket to appear. 0, or -1 when the process ended or time is over. */
static int await_socket(const char *dir, int inotify_fd, int pidfd, gint64 deadline)
{
    g_autofree char *path = g_build_filename(dir, "qmp.sock", NULL);
    struct pollfd fds[2] = { { .fd = inotify_fd, .events = POLLIN },
                             { .fd = pidfd, .events = POLLIN } };
    char buf[4096];

    for (;;) {
        gint64 left = (deadline - g_get_monotonic_time()) / 1000;

        if (access(path, F_OK) == 0)
            return 0;
        if (left <= 0 || (poll(fds, 2, (int)left) < 0 && errno != EINTR))
            return -1;
        if (fds[1].revents)
            return -1;
        if (fds[0].revents && read(inotify_fd, buf, sizeof(buf)) < 0 && errno != EAGAIN)
            return -1;
    }
}

static struct vemu_qmp *await_monitor(const char *dir, int inotify_fd, int pidfd, int log_fd,
                                      off_t log_from, struct vmgr_error **err)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)VEMU_START_TIMEOUT_MS * 1000;
    struct vmgr_error *why = NULL;
    struct vemu_qmp *q = NULL;

    if (await_socket(dir, inotify_fd, pidfd, deadline) == 0)
        q = vmgr__qmp_open(dir, pidfd, VEMU_START_TIMEOUT_MS, &why);
    /* A monitor that closed is an emulator that is about to end: its last words are the reason. */
    if (!q && vmgr__process_wait(
                  pidfd, vmgr_error_get_code(why) == VMGR_ERR_OPERATION_TIMEOUT ? 0 : 1000)) {
        report_end(log_fd, log_from, err);
    } else if (!q) {
        vemu_error(err, VMGR_ERR_OPERATION_TIMEOUT,
                   "the emulator did not open its monitor within %d seconds",
                   VEMU_START_TIMEOUT_MS / 1000);
    }
    vmgr_error_free(why);
    return q;
}

static int set_nodes(struct plan *p, const struct vmgr__tuning *t, struct vmgr_error **err)
{
    static const int modes[] = { MPOL_BIND, MPOL_PREFERRED, MPOL_INTERLEAVE };
    uint8_t set[NODES_MAX];

    p->lock_memory = t->locked;
    if (t->numa_mode < 0 || t->numa_mode >= (int)G_N_ELEMENTS(modes) || !t->numa_nodeset)
        return 0;
    if (!vmgr__cpuset_parse(t->numa_nodeset, set, sizeof(set)))
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "the host has no NUMA nodes '%s'",
                          t->numa_nodeset);
    for (size_t i = 0; i < NODES_MAX; i++) {
        g_autofree char *path = g_strdup_printf("/sys/devices/system/node/node%zu", i);

        if (set[i] && access(path, F_OK) < 0)
            return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "NUMA node %zu is unavailable: the host has none of this number", i);
        if (set[i])
            p->numa_nodes[i / BITS] |= 1ul << i % BITS;
    }
    p->numa_mode = modes[t->numa_mode];
    return 0;
}

static int set_affinity(struct plan *p, const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    uint8_t set[CPU_SETSIZE];

    if (set_nodes(p, &def->tuning, err) < 0)
        return -1;
    if (!def->cpuset)
        return 0;
    if (!vmgr__cpuset_parse(def->cpuset, set, sizeof(set)))
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "the host has no CPUs '%s'",
                          def->cpuset);
    CPU_ZERO(&p->cpus);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (set[i])
            CPU_SET(i, &p->cpus);
    }
    p->pin = true;
    return 0;
}

/* The group that has /dev/kvm is the only one besides the guest's own. */
static void set_user(struct plan *p, const struct vemu_status *s)
{
    struct stat st;

    p->uid = s->uid;
    p->gid = s->gid;
    if ((s->uid || s->gid) && s->def->virt_type != VMGR__VIRT_QEMU && stat("/dev/kvm", &st) == 0 &&
        (st.st_mode & 0060) == 0060 && st.st_gid != 0)
        p->groups[p->group_count++] = st.st_gid;
}

/* What the child could not do. */
static void explain_child(const struct plan *p, const struct word *w, struct vmgr_error **err)
{
    if (w->kind == SAID_MEMORY)
        vmgr__error_set_errno(err, w->value, VMGR_FROM_VEMU,
                              "cannot make <locked/> of <memoryBacking> or <numatune> hold for the "
                              "emulator's memory");
    else if (w->kind == SAID_USER)
        vmgr__error_set_errno(err, w->value, VMGR_FROM_VEMU,
                              "cannot give the emulator the user %u and the group %u", p->uid,
                              p->gid);
    else
        vmgr__error_set_errno(err, w->value, VMGR_FROM_VEMU, "cannot execute binary %s",
                              p->argv[0]);
}

/* From here on the process is in the status file. Lets it go and waits for its monitor. */
static struct vemu_qmp *release(struct plan *p, const struct vemu_status *s, int inotify_fd,
                                off_t log_from, struct vmgr_error **err)
{
    int pidfd = vmgr__process_open(&s->process);
    struct vemu_qmp *q = NULL;
    struct word w;

    if (pidfd < 0 || write(p->go[1], "g", 1) != 1) {
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "the emulator's process is gone");
    } else if (hear(p->report[0], &w, VEMU_START_TIMEOUT_MS) == 1) {
        explain_child(p, &w, err);
    } else {
        q = await_monitor(p->dir, inotify_fd, pidfd, p->log_fd, log_from, err);
    }
    if (!q && pidfd >= 0) {
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
        vmgr__process_wait(pidfd, VEMU_QMP_TIMEOUT_MS);
    }
    close_fd(&pidfd);
    return q;
}

int vmgr__vemu_launch(struct vemu *d, const char *name, struct vemu_status *s,
                      struct vemu_qmp **ret_qmp, off_t *ret_log_from, struct vmgr_error **err)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    g_autoptr(GArray) ports = vmgr__vemu_ports_open(d, s, err);
    g_auto(GStrv) argv =
        ports ? vmgr__vemu_argv(s->def, s->def->emulator, s->sandbox, ports, s->files, dir) : NULL;
    g_auto(GStrv) envp = make_env(s->def);
    struct plan p = { .argv = argv,
                      .ports = ports,
                      .files = s->files,
                      .envp = envp,
                      .dir = dir,
                      .null_fd = -1,
                      .log_fd = -1,
                      .report = { -1, -1 },
                      .go = { -1, -1 } };
    int inotify_fd = -1, r = -1;
    struct word w = { 0 };
    off_t log_from = 0;

    s->ports_open = ports;
    if (!ports || set_affinity(&p, s->def, err) < 0)
        return -1;
    set_user(&p, s);
    vmgr__vemu_run_sweep(d, name);
    p.log_fd = open_log(d, name, argv, &log_from, err);
    if (p.log_fd < 0)
        return -1;
    inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    p.null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (inotify_fd < 0 || p.null_fd < 0 || pipe2(p.report, O_CLOEXEC) < 0 ||
        pipe2(p.go, O_CLOEXEC) < 0 ||
        inotify_add_watch(inotify_fd, dir, IN_CREATE | IN_MOVED_TO) < 0 || fork_twice(&p) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot start a process");
        goto out;
    }
    close_fd(&p.report[1]);
    close_fd(&p.go[0]);
    if (hear(p.report[0], &w, VEMU_START_TIMEOUT_MS) != 1 || w.kind != SAID_PID) {
        vmgr__error_set_errno(err, w.kind == SAID_ERROR ? w.value : ECHILD, VMGR_FROM_VEMU,
                              "cannot start a process");
        goto out;
    }
    if (!vmgr__process_identify(w.value, &s->process)) {
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "the emulator's process is gone");
        goto out;
    }
    if (vmgr__vemu_status_save(d, name, s, err) < 0)
        goto out; /* closing the pipe ends the child */
    *ret_log_from = log_from;
    *ret_qmp = release(&p, s, inotify_fd, log_from, err);
    r = *ret_qmp ? 0 : -1;
out:
    g_clear_pointer(&p.keep, g_array_unref);
    close_fd(&p.report[0]);
    close_fd(&p.report[1]);
    close_fd(&p.go[0]);
    close_fd(&p.go[1]);
    close_fd(&p.null_fd);
    close_fd(&p.log_fd);
    close_fd(&inotify_fd);
    return r;
}
