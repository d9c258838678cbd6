/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The interactive shell: prompt, history, Tab. Line editing is libedit's.
 */
#include <editline/readline.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell.h"

#define HISTORY_DEFAULT 500

static struct shell *current; /* libedit's callbacks take no data */
static char **matches;        /* of the completion in progress */

static char *next_match(const char *text, int state)
{
    static size_t at;
    (void)text;
    if (state == 0)
        at = 0;
    return matches && matches[at] ? must_strdup(matches[at++]) : NULL;
}

static char **complete(const char *text, int start, int end)
{
    (void)text;
    char *line = must_printf("%.*s", end, rl_line_buffer);
    matches = complete_line(current, line, (size_t)start);
    free(line);
    char **result = rl_completion_matches(text, next_match);
    for (size_t i = 0; matches[i]; i++)
        free(matches[i]);
    free(matches);
    matches = NULL;
    rl_attempted_completion_over = 1; /* no file names behind our back */
    return result;
}

/* $XDG_CACHE_HOME/vmsh/history; NULL: no home. */
static char *history_path(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *dir = cache && *cache ? must_strdup(cache)
                : home && *home ? must_printf("%s/.cache", home)
                                : NULL;
    if (!dir)
        return NULL;
    mkdir(dir, 0700);
    char *own = must_printf("%s/vmsh", dir);
    mkdir(own, 0700);
    char *path = must_printf("%s/history", own);
    free(own);
    free(dir);
    return path;
}

static int history_size(void)
{
    const char *text = getenv("VMSH_HISTSIZE");
    if (!text)
        text = getenv("VIRSH_HISTSIZE");
    char *end;
    long n = text ? strtol(text, &end, 10) : HISTORY_DEFAULT;
    return text && (*end || end == text || n < 0 || n > 1000000) ? HISTORY_DEFAULT : (int)n;
}

static char *read_line(struct shell *sh)
{
    const char *prompt = sh->readonly ? "vmsh > " : "vmsh # ";
    if (isatty(STDIN_FILENO))
        return readline(prompt);
    char *line = NULL;
    size_t room = 0;
    printf("%s", prompt);
    fflush(stdout);
    ssize_t n = getline(&line, &room, stdin);
    if (n < 0) {
        free(line);
        return NULL;
    }
    if (n && line[n - 1] == '\n')
        line[n - 1] = '\0';
    printf("%s\n", line); /* what a person would see */
    return line;
}

int shell_interactive(struct shell *sh)
{
    bool terminal = isatty(STDIN_FILENO);
    char *history_file = NULL;
    sh->interactive = true;
    current = sh;
    shell_extra(sh, "Welcome to vmsh, the virtualization interactive terminal.\n\n"
                    "Type:  'help' for help with commands\n"
                    "       'quit' to quit\n\n");
    if (terminal) {
        rl_readline_name = "vmsh";
        using_history();
        stifle_history(history_size());
        history_file = history_path();
        if (history_file)
            read_history(history_file);
        rl_attempted_completion_function = complete;
        rl_basic_word_break_characters = " \t\n;";
    }
    while (!sh->leave) {
        char *line = read_line(sh);
        if (!line)
            break;
        if (*line) {
            if (terminal)
                add_history(line);
            shell_run_string(sh, line);
        }
        free(line);
    }
    printf("\n");
    if (history_file)
        write_history(history_file);
    free(history_file);
    return 0;
}
