/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running the system's programs.
 *
 * A program ends with the thread that waits for it, so that none is left working for a caller that
 * was killed; what it has left behind as a daemon by then stays.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "network.h"

/* Administrators' programs are often not on the path of others. */
static char *find(const char *name)
{
    static const char *const places[] = { "/usr/sbin", "/sbin", "/usr/local/sbin" };
    char *path = g_find_program_in_path(name);

    for (size_t i = 0; !path && i < G_N_ELEMENTS(places); i++) {
        g_autofree char *there = g_build_filename(places[i], name, NULL);

        if (g_file_test(there, G_FILE_TEST_IS_EXECUTABLE))
            path = g_steal_pointer(&there);
    }
    return path;
}

static void explain(const char *name, int status, char *words, struct vmgr_error **err)
{
    g_autofree char *text = g_utf8_make_valid(g_strchomp(words), -1);

    if (WIFEXITED(status))
        hostnet_error(err, VMGR_ERR_INTERNAL_ERROR, "%s failed with status %d: %s", name,
                      WEXITSTATUS(status), *text ? text : "it said nothing");
    else
        hostnet_error(err, VMGR_ERR_INTERNAL_ERROR, "%s was ended by signal %d", name,
                      WTERMSIG(status));
}

/* In the child, before it becomes the program: only calls that are safe there. A caller's thread
 * may block signals, by which servers are stopped and told to read their files again. */
static void prepare(void *data G_GNUC_UNUSED)
{
    struct sigaction normal = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (int i = 1; i < NSIG; i++)
        sigaction(i, &normal, NULL); /* fails for those that cannot be caught */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* The same; and the bounding set leaves the program of an administrator one capability. */
static void prepare_script(void *data)
{
    prepare(data);
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if (cap != CAP_NET_ADMIN)
            prctl(PR_CAPBSET_DROP, cap); /* fails for who has none to drop */
    }
}

/* Who a daemon is, and what it has. */
struct daemon {
    uid_t uid; /* 0, and gid 0: its caller */
    gid_t gid;
    int fd;
};

/* By the system calls themselves: those of the C library would look for other threads. */
static void prepare_daemon(void *data)
{
    static const char sorry[] = "cannot change the user\n";
    const struct daemon *d = data;
    ssize_t n;

    if ((d->uid || d->gid) && (syscall(SYS_setgroups, 0, NULL) < 0 ||
                               syscall(SYS_setresgid, d->gid, d->gid, d->gid) < 0 ||
                               syscall(SYS_setresuid, d->uid, d->uid, d->uid) < 0)) {
        n = write(STDERR_FILENO, sorry, sizeof(sorry) - 1);
        (void)n;
        _exit(127);
    }
    prepare(NULL); /* the signal at the caller's end is forgotten with the user */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    fcntl(d->fd, F_SETFD, 0);
}

/* brief: of what it said the last line is the reason. */
static int run(char **argv, const char *name, bool brief, GSpawnChildSetupFunc setup, void *data,
               struct vmgr_error **err)
{
    char *last;

    g_autofree char *said = NULL;
    GError *gerr = NULL;
    int status = 0;

    if (!g_spawn_sync("/", argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, setup, data, NULL, &said,
                      &status, &gerr)) {
        hostnet_error(err, VMGR_ERR_SYSTEM_ERROR, "cannot run %s: %s", argv[0], gerr->message);
        g_error_free(gerr);
        return -1;
    }
    if (status == 0)
        return 0;
    last = brief ? strrchr(g_strchomp(said), '\n') : NULL;
    explain(name, status, last ? last + 1 : said, err);
    return -1;
}

/* The words with the program's path, for g_strfreev(); NULL and *err. */
static char **locate(const char *const *argv, const char *package, struct vmgr_error **err)
{
    g_autofree char *path = find(argv[0]);
    char **args;

    if (!path) {
        hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                      "the program '%s' is not installed (package %s)", argv[0], package);
        return NULL;
    }
    args = g_strdupv((char **)argv);
    g_free(args[0]);
    args[0] = g_steal_pointer(&path);
    return args;
}

int vmgr__program_run(const char *const *argv, const char *package, struct vmgr_error **err)
{
    g_auto(GStrv) args = locate(argv, package, err);

    return args ? run(args, argv[0], false, prepare, NULL, err) : -1;
}

int vmgr__daemon_run(const char *const *argv, const char *package, uid_t uid, gid_t gid, int fd,
                     struct vmgr_error **err)
{
    struct daemon d = { .uid = uid, .gid = gid, .fd = fd };
    g_auto(GStrv) args = locate(argv, package, err);

    return args ? run(args, argv[0], true, prepare_daemon, &d, err) : -1;
}

int vmgr__script_run(const char *path, const char *interface, struct vmgr_error **err)
{
    char *argv[] = { (char *)path, (char *)interface, NULL };

    if (!path)
        return 0;
    if (!g_path_is_absolute(path))
        return hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "the path of the script '%s' is not absolute", path);
    return run(argv, path, false, prepare_script, NULL, err);
}
