/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Texts in the user's editor.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text/domain.h"
#include "shell.h"

/* $VISUAL or $EDITOR may hold arguments, so a shell runs it; the file name is passed apart. Ctrl-C
 * and Ctrl-\ are the editor's meanwhile: we and the shell outlive it, and the file is removed. */
static bool run_editor(struct shell *sh, const char *path)
{
    const char *editor = getenv("VISUAL");
    if (!editor || !*editor)
        editor = getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    char *command = must_printf("trap : INT QUIT\n%s \"$1\"", editor);
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction interrupt, quit;
    sigaction(SIGINT, &ignore, &interrupt);
    sigaction(SIGQUIT, &ignore, &quit);
    pid_t child = fork();
    if (child == 0) {
        sigaction(SIGINT, &interrupt, NULL);
        sigaction(SIGQUIT, &quit, NULL);
        execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGQUIT, &quit, NULL);
    free(command);
    if (child < 0 || status != 0) {
        shell_error(sh, "Editor '%s' failed", editor);
        return false;
    }
    return true;
}

static bool write_all(int fd, const char *text)
{
    size_t length = strlen(text);
    while (length) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        length -= (size_t)n;
    }
    return true;
}

char *edit_text(struct shell *sh, const char *text, const char *suffix)
{
    const char *directory = getenv("TMPDIR");
    char *path =
        must_printf("%s/vmshXXXXXX%s", directory && *directory ? directory : "/tmp", suffix);
    char *edited = NULL;
    int fd = mkstemps(path, (int)strlen(suffix));
    if (fd < 0 || !write_all(fd, text)) {
        shell_error(sh, "Cannot write temporary file '%s': %s", path, strerror(errno));
    } else if (run_editor(sh, path)) {
        edited = file_read(sh, path);
    }
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    free(path);
    return edited;
}
