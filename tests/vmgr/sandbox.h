/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A state directory of a test's own, and the emulators that run in it.
 */
#ifndef TESTS_VMGR_SANDBOX_H
#define TESTS_VMGR_SANDBOX_H

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "scratch-root.h"

/* Calls fn with the pid of each emulator whose directory is in the sandbox; returns how many. */
static inline int sandbox_emulators(void (*fn)(int pid))
{
    const char *fake = getenv("FAKE_VEMU");
    DIR *dir = opendir("/proc");
    const struct dirent *e;
    int count = 0;

    while ((e = readdir(dir))) {
        char link[300], exe[512] = "", cwd[512] = "";

        if (e->d_name[0] < '1' || e->d_name[0] > '9')
            continue;
        snprintf(link, sizeof(link), "/proc/%s/exe", e->d_name);
        if (readlink(link, exe, sizeof(exe) - 1) < 0 || strcmp(exe, fake) != 0)
            continue;
        snprintf(link, sizeof(link), "/proc/%s/cwd", e->d_name);
        if (readlink(link, cwd, sizeof(cwd) - 1) < 0 ||
            strncmp(cwd, scratch_root, strlen(scratch_root)) != 0)
            continue;
        count++;
        if (fn)
            fn(atoi(e->d_name));
    }
    closedir(dir);
    return count;
}

static inline void sandbox_open(void)
{
    scratch_open();
    ck_assert_ptr_nonnull(getenv("FAKE_VEMU"));
}

/* Whether files can be written; false: as on a full disk. Nothing of Check may be called meanwhile:
 * it writes too. */
static inline void sandbox_set_room(bool room)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = room ? limit.rlim_max : 0;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static inline void sandbox_kill(int pid)
{
    kill(pid, SIGKILL);
}

/* A caller that never ends by itself, killed within `most_us`. */
static inline void sandbox_kill_caller(void (*work)(void), int most_us)
{
    const pid_t child = fork();
    struct timespec now;
    int status = 0;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work();
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    usleep((useconds_t)(now.tv_nsec / 1000 % most_us));
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
}

static inline void sandbox_close(void)
{
    sandbox_emulators(sandbox_kill);
    scratch_close();
}

static inline struct vmgr_conn *sandbox_connect(uint32_t flags)
{
    return scratch_connect("vemu:///system", getenv("FAKE_VEMU"), flags);
}

/* The last command line of a domain. */
static inline const char *sandbox_command_line(const char *name)
{
    static char text[65536];
    char path[400], *last = text;
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/log/vmgr/%s.log", scratch_root, name);
    f = fopen(path, "re");
    ck_assert_ptr_nonnull(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    for (char *l = text; (l = strstr(l, "starting up: ")); l++)
        last = l;
    last[strcspn(last, "\n")] = '\0';
    return last;
}

/* Whether the command line has this in it; else it is printed. */
static inline bool sandbox_ran_with(const char *name, const char *words)
{
    const char *line = sandbox_command_line(name);

    if (!strstr(line, words))
        fprintf(stderr, "not in there: %s\n%s\n", words, line);
    return strstr(line, words) != NULL;
}

/* Whether a definition has this in it; else it is printed. */
static inline bool sandbox_shows(struct vmgr_domain *dom, uint32_t flags, const char *words)
{
    char *xml = NULL;
    bool found;

    OK(vmgr_domain_get_xml(dom, flags, &xml, &err));
    found = strstr(xml, words) != NULL;
    if (!found)
        fprintf(stderr, "not in there: %s\n%s", words, xml);
    free(xml);
    return found;
}

#endif
