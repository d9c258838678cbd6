/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that a connection needs: one that carries its bytes, and a vmgrd of its own.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "remote.h"

#define IDLE_SECONDS "120" /* after which a daemon that was started so ends */
#define WORDS_MAX    1023  /* bytes of a program's standard error that are kept */
#define WORDS_TURNS  64    /* of reading it, once it is asked for */

static void add(GPtrArray *argv, const char *text)
{
    g_ptr_array_add(argv, g_strdup(text));
}

char **vmgr__remote_ssh_argv(const struct vmgr__remote_uri *u, bool read_only)
{
    GPtrArray *argv = g_ptr_array_new();
    g_autofree char *path = vmgr__remote_uri_socket(u, read_only);
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *netcat = g_shell_quote(u->netcat ? u->netcat : "nc");

    add(argv, u->command ? u->command : "ssh");
    if (u->port) {
        add(argv, "-p");
        add(argv, u->port);
    }
    if (u->user) {
        add(argv, "-l");
        add(argv, u->user);
    }
    if (u->keyfile) {
        add(argv, "-i");
        add(argv, u->keyfile);
    }
    if (u->known_hosts)
        g_ptr_array_add(argv, g_strconcat("-oUserKnownHostsFile=", u->known_hosts, NULL));
    if (u->no_verify)
        add(argv, "-oStrictHostKeyChecking=no");
    if (u->no_tty) {
        add(argv, "-oBatchMode=yes");
        add(argv, "-oPasswordAuthentication=no");
    }
    add(argv, "-T");
    add(argv, "-e");
    add(argv, "none");
    add(argv, "--");
    add(argv, u->host);
    g_ptr_array_add(argv, g_strconcat("exec ", netcat, " -U ", quoted, NULL));
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(argv, FALSE);
}

int vmgr__remote_spawn(struct vmgr__remote *r, char **argv, struct vmgr_error **err)
{
    g_autoptr(GError) cause = NULL;
    int fds[2], errs[2];
    gboolean started;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_RPC, "cannot make a socket");
    if (!g_unix_open_pipe(errs, FD_CLOEXEC, &cause)) {
        close(fds[0]);
        close(fds[1]);
        return vmgr__error_set(err, VMGR_ERR_SYSTEM_ERROR, VMGR_FROM_RPC, "%s", cause->message);
    }
    g_unix_set_fd_nonblocking(errs[0], TRUE, NULL);
    started =
        g_spawn_async_with_fds(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                               NULL, NULL, &r->child, fds[1], fds[1], errs[1], &cause);
    close(fds[1]);
    close(errs[1]);
    r->child_err_fd = errs[0];
    if (!started) {
        close(fds[0]);
        r->child = 0;
        return vmgr__error_set(err, VMGR_ERR_SYSTEM_ERROR, VMGR_FROM_RPC, "cannot run %s: %s",
                               argv[0], cause->message);
    }
    r->fd = fds[0];
    return 0;
}

bool vmgr__remote_hear_locked(struct vmgr__remote *r)
{
    char text[4096];
    ssize_t n;

    if (r->child_err_fd < 0)
        return false;
    n = read(r->child_err_fd, text, sizeof(text));
    if (n > 0) {
        g_string_append_len(r->words, text, n);
        g_string_erase(r->words, 0, (gssize)(r->words->len - MIN(r->words->len, WORDS_MAX)));
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(r->child_err_fd);
        r->child_err_fd = -1;
    }
    return n > 0;
}

char *vmgr__remote_last_words_locked(struct vmgr__remote *r)
{
    g_autofree char *text = NULL;

    for (int turns = 0; turns < WORDS_TURNS && vmgr__remote_hear_locked(r); turns++)
        continue;
    text = g_utf8_make_valid(r->words->str, (gssize)r->words->len);
    g_strstrip(text);
    return *text ? g_strdelimit(g_steal_pointer(&text), "\r\n", ' ') : NULL;
}

/* ---- vmgrd ---- */

bool vmgr__remote_may_start(const struct vmgr__remote_uri *u)
{
    return strcmp(u->scheme, "vemu") == 0 && !u->socket && !u->no_start &&
           (geteuid() == 0 || u->root || vmgr__remote_uri_is_session(u));
}

static char *find_daemon(void)
{
    static const char *const places[] = { "vmgrd", "../sbin/vmgrd", "../vmgrd/vmgrd" };
    const char *env = g_getenv("VMGR_DAEMON");
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *dir = self ? g_path_get_dirname(self) : NULL;

    if (env && *env)
        return g_canonicalize_filename(env, NULL);
    for (size_t i = 0; dir && i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = g_build_filename(dir, places[i], NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR) && access(path, X_OK) == 0)
            return g_canonicalize_filename(path, NULL);
    }
    return g_strdup(VMGR_SBINDIR "/vmgrd");
}

int vmgr__remote_start_daemon(const struct vmgr__remote_uri *u, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) cause = NULL;
    g_autofree char *words = NULL;
    int status;

    g_ptr_array_add(argv, find_daemon());
    add(argv, "--daemon");
    add(argv, "--timeout");
    add(argv, IDLE_SECONDS);
    if (vmgr__remote_uri_is_session(u))
        add(argv, "--session");
    if (u->root) {
        add(argv, "--root");
        add(argv, u->root);
    }
    if (u->emulator) {
        add(argv, "--emulator");
        add(argv, u->emulator);
    }
    g_ptr_array_add(argv, NULL);
    if (!g_spawn_sync("/", (char **)argv->pdata, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                      &words, &status, &cause) ||
        !g_spawn_check_wait_status(status, &cause)) {
        if (words)
            g_strstrip(words);
        return vmgr__error_set(err, VMGR_ERR_SYSTEM_ERROR, VMGR_FROM_RPC, "cannot start %s: %s",
                               (const char *)argv->pdata[0],
                               words && *words ? words : cause->message);
    }
    return 0;
}
