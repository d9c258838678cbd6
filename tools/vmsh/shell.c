/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running commands: connection, errors, command strings.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shell.h"

void shell_error(struct shell *sh, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    va_start(args, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void shell_extra(struct shell *sh, const char *format, ...)
{
    va_list args;
    if (sh->quiet)
        return;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
}

bool shell_flush(struct shell *sh)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return !sh->output_lost;
    if (!sh->output_lost)
        fprintf(stderr, "error: cannot write to standard output: %s\n",
                errno ? strerror(errno) : "some of it is lost");
    sh->output_lost = true;
    return false;
}

void shell_err_clear(struct shell *sh)
{
    sh->error = vmgr_error_free(sh->error);
}

struct vmgr_error **shell_err(struct shell *sh)
{
    shell_err_clear(sh);
    return &sh->error;
}

void shell_report(struct shell *sh)
{
    if (sh->error) {
        shell_error(sh, "%s", vmgr_error_get_message(sh->error));
        shell_err_clear(sh);
    }
}

struct vmgr_conn *shell_connect(struct shell *sh)
{
    if (sh->conn)
        return sh->conn;
    struct vmgr_conn_options options = VMGR_CONN_OPTIONS_INIT;
    options.flags = sh->readonly ? VMGR_CONN_RO : 0;
    options.uri = sh->uri;
    options.root = sh->root;
    options.auth = shell_ask;
    options.auth_data = sh;
    if (vmgr_conn_open_with(&options, &sh->conn, shell_err(sh)) < 0) {
        shell_error(sh, "failed to connect to the hypervisor");
        shell_report(sh);
        sh->conn = NULL;
    } else if (sh->keepalive_interval >= 0 || sh->keepalive_count >= 0) {
        /* What is not given is as the library begins. */
        vmgr_conn_set_keepalive(sh->conn, sh->keepalive_interval < 0 ? 5 : sh->keepalive_interval,
                                sh->keepalive_count < 0 ? 5 : (unsigned)sh->keepalive_count, NULL);
    }
    return sh->conn;
}

void shell_disconnect(struct shell *sh)
{
    sh->conn = vmgr_conn_unref(sh->conn);
}

static double elapsed_ms(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) * 1e3 +
           (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

static bool run_command(struct shell *sh, const struct args *args)
{
    if (args->help) {
        help_command(args->cmd);
        return true;
    }
    return args_check_values(sh, args) && args->cmd->run(sh, args);
}

static bool run(struct shell *sh, const struct args *args)
{
    struct timespec start;
    if (!args->cmd->offline && !args->help && !shell_connect(sh))
        return false;
    clock_gettime(CLOCK_MONOTONIC, &start);
    bool ok = run_command(sh, args);
    double ms = elapsed_ms(&start);
    if (!ok)
        shell_report(sh);
    else
        shell_err_clear(sh);
    if (sh->timing)
        printf("\n(Time: %.3f ms)\n\n", ms);
    else if (!sh->leave)
        shell_extra(sh, "\n");
    return shell_flush(sh) && ok;
}

/* For args_fini() in either case. */
static bool parse(struct shell *sh, struct args *args, char *const *words, size_t count)
{
    const struct cmd *cmd = cmd_find(words[0]);
    *args = (struct args){ 0 };
    if (!cmd) {
        shell_error(sh, "unknown command: '%s'", words[0]);
        return false;
    }
    return args_parse(sh, args, cmd, words + 1, count - 1);
}

bool shell_run_words(struct shell *sh, char *const *words, size_t count)
{
    struct args args;
    bool ok = parse(sh, &args, words, count) && run(sh, &args);
    args_fini(&args);
    return ok;
}

/* A command of a string, parsed. */
struct step {
    struct step *next;
    char **words;
    struct args args;
};

/* False: an error was printed. *first is to be freed in either case. */
static bool parse_string(struct shell *sh, const char *text, struct step **first)
{
    struct step **last = first;
    const char *error;
    char **words;
    size_t count;
    int r;
    while ((r = lexer_next(&text, &words, &count, &error)) > 0) {
        if (!count) {
            words_free(words);
            continue;
        }
        struct step *step = must_alloc(sizeof(*step));
        *last = step;
        last = &step->next;
        step->words = words;
        if (!parse(sh, &step->args, words, count))
            return false;
    }
    if (r < 0)
        shell_error(sh, "%s", error);
    return r == 0;
}

bool shell_run_string(struct shell *sh, const char *text)
{
    struct step *first = NULL;
    bool ok = *text && parse_string(sh, text, &first), runs = ok;
    while (first) {
        struct step *step = first;
        first = step->next;
        if (runs && !sh->leave)
            ok = run(sh, &step->args);
        args_fini(&step->args);
        words_free(step->words);
        free(step);
    }
    return ok;
}
