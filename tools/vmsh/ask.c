/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking the person for a name and a password, when a daemon wants them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "shell.h"

static void set_echo(int fd, bool on)
{
    struct termios t;

    if (tcgetattr(fd, &t) < 0)
        return;
    if (on)
        t.c_lflag |= ECHO;
    else
        t.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &t);
}

int shell_ask(int kind, char **ret_text, void *data)
{
    const struct shell *sh = data;
    const bool secret = kind == VMGR_AUTH_PASSWORD;
    FILE *tty = fopen("/dev/tty", "r+e");
    size_t room = 0;
    char *line = NULL;
    ssize_t n;

    if (!tty)
        return -1; /* nobody to ask */
    fprintf(tty, secret ? "Enter password for %s: " : "Enter username for %s: ", sh->uri);
    fflush(tty);
    if (secret)
        set_echo(fileno(tty), false);
    n = getline(&line, &room, tty);
    if (secret) {
        set_echo(fileno(tty), true);
        fputc('\n', tty);
    }
    fclose(tty);
    if (n <= 0) {
        free(line);
        return -1;
    }
    line[strcspn(line, "\n")] = 0;
    *ret_text = line;
    return 0;
}
