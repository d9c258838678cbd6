/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running the system's programs.
 *
 * A program ends with the thread that waits for it, so that none is left working for a caller that
 * was killed; what it has left behind as a daemon by then stays.
 */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

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

int vmgr__program_run(const char *const *argv, const char *package, struct vmgr_error **err)
{
    g_autofree char *path = find(argv[0]);
    g_autofree char *said = NULL;
    g_auto(GStrv) args = g_strdupv((char **)argv);
    GError *gerr = NULL;
    int status = 0;

    if (!path)
        return hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "the program '%s' is not installed (package %s)", argv[0], package);
    g_free(args[0]);
    args[0] = g_strdup(path);
    if (!g_spawn_sync("/", args, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, prepare, NULL, NULL, &said,
                      &status, &gerr)) {
        hostnet_error(err, VMGR_ERR_SYSTEM_ERROR, "cannot run %s: %s", path, gerr->message);
        g_error_free(gerr);
        return -1;
    }
    if (status == 0)
        return 0;
    explain(argv[0], status, said, err);
    return -1;
}
