/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about the shell itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../shell.h"

static const struct opt cd_opts[] = {
    { .name = "dir",
      .type = OPT_STRING,
      .help = "directory to switch to (default: home or else root)" },
    OPT_END,
};

static bool cmd_cd(struct shell *sh, const struct args *args)
{
    const char *dir = args_string(args, "dir");
    if (!sh->interactive) {
        shell_error(sh, "cd: command valid only in interactive mode");
        return false;
    }
    if (!dir)
        dir = getenv("HOME");
    if (!dir)
        dir = "/";
    if (chdir(dir) < 0) {
        shell_error(sh, "cd: %s: %s", strerror(errno), dir);
        return false;
    }
    return true;
}

static bool cmd_pwd(struct shell *sh, const struct args *args)
{
    char *dir = getcwd(NULL, 0);
    if (!dir) {
        shell_error(sh, "pwd: cannot get current directory: %s", strerror(errno));
        return false;
    }
    printf("%s\n", dir);
    free(dir);
    return true;
}

static bool cmd_quit(struct shell *sh, const struct args *args)
{
    sh->leave = true;
    return true;
}

static const struct opt connect_opts[] = {
    { .name = "name", .type = OPT_STRING, .may_empty = true, .help = "hypervisor connection URI" },
    { .name = "readonly", .type = OPT_BOOL, .help = "read-only connection" },
    OPT_END,
};

static bool cmd_connect(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "name");
    shell_disconnect(sh);
    if (name && !*name)
        name = NULL;
    if (name) {
        free(sh->uri);
        sh->uri = must_strdup(name);
    }
    sh->readonly = args_bool(args, "readonly") || (!name && sh->readonly);
    return shell_connect(sh) != NULL;
}

static const struct opt help_opts[] = {
    { .name = "command",
      .type = OPT_STRING,
      .may_empty = true,
      .help = "Prints global help, command specific help, or help for a group of related commands",
      .completer = COMPLETE_COMMAND },
    OPT_END,
};

static bool cmd_help(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "command");
    if (!name || !*name) {
        help_all();
        return true;
    }
    const struct cmd *cmd = cmd_find(name);
    const struct cmd_group *group = cmd_group_find(name);
    if (!cmd && !group) {
        shell_error(sh, "command or command group '%s' doesn't exist", name);
        return false;
    }
    if (cmd)
        help_command(cmd);
    else
        help_group(group);
    return true;
}

/* --- echo ----------------------------------------------------------------------------------- */

static const struct opt echo_opts[] = {
    { .name = "shell", .type = OPT_BOOL, .help = "escape for shell use" },
    { .name = "xml", .type = OPT_BOOL, .help = "escape for XML use" },
    { .name = "split",
      .type = OPT_BOOL,
      .help = "split each argument on ','; ',,' is an escape sequence" },
    { .name = "err", .type = OPT_BOOL, .help = "output to stderr" },
    { .name = "string", .type = OPT_ARGV, .named = true, .help = "arguments to echo" },
    OPT_END,
};

static char *replace_each(const char *text, const char *const map[][2])
{
    char *out = must_alloc(strlen(text) * 6 + 1), *at = out;
    for (; *text; text++) {
        size_t i = 0;
        while (map[i][0] && map[i][0][0] != *text)
            i++;
        if (map[i][0])
            at = stpcpy(at, map[i][1]);
        else
            *at++ = *text;
    }
    *at = '\0';
    return out;
}

static char *quote_xml(const char *text)
{
    static const char *const map[][2] = {
        { "<", "&lt;" },   { ">", "&gt;" },    { "&", "&amp;" },
        { "'", "&apos;" }, { "\"", "&quot;" }, { NULL, NULL },
    };
    return replace_each(text, map);
}

static char *quote_shell(const char *text)
{
    static const char *const map[][2] = { { "'", "'\\''" }, { NULL, NULL } };
    if (*text && !strpbrk(text, "\r\t\n !\"#$&'()*;<>?[\\]^`{|}~"))
        return must_strdup(text);
    char *inner = replace_each(text, map);
    char *out = must_printf("'%s'", inner);
    free(inner);
    return out;
}

/* Each part on a line of its own; ",," is a comma. */
static char *split_commas(const char *text)
{
    char *out = must_alloc(strlen(text) + 2), *at = out;
    for (; *text; text++) {
        bool twice = text[0] == ',' && text[1] == ',';
        *at++ = *text == ',' && !twice ? '\n' : *text;
        text += twice;
    }
    *at = '\n';
    return out;
}

static char *echo_text(const struct args *args, const char *value)
{
    char *text = args_bool(args, "xml") ? quote_xml(value) : must_strdup(value);
    char *(*change)(const char *) = args_bool(args, "shell")   ? quote_shell
                                    : args_bool(args, "split") ? split_commas
                                                               : NULL;
    if (!change)
        return text;
    char *changed = change(text);
    free(text);
    return changed;
}

static bool cmd_echo(struct shell *sh, const struct args *args)
{
    if (!args_exclusive(sh, args, "shell", "xml") || !args_exclusive(sh, args, "shell", "split") ||
        !args_exclusive(sh, args, "xml", "split"))
        return false;
    char *line = must_strdup("");
    const char *blank = "";
    for (size_t i = 0; i < args->count; i++) {
        if (args->items[i].opt->type != OPT_ARGV)
            continue;
        char *text = echo_text(args, args->items[i].value);
        char *longer = must_printf("%s%s%s", line, blank, text);
        blank = " ";
        free(text);
        free(line);
        line = longer;
    }
    if (args_bool(args, "err") && *line)
        shell_error(sh, "%s", line);
    else
        printf("%s", line);
    free(line);
    return true;
}

const struct cmd cmds_shell[] = {
    { "cd", cmd_cd, cd_opts, "change the current directory", "Change the current directory.",
      true },
    { "echo", cmd_echo, echo_opts, "echo arguments. Used for internal testing.",
      "Echo back arguments, possibly with quoting. Used for internal testing.", true },
    { "exit", cmd_quit, NULL, "quit this interactive terminal", "", true },
    { "help", cmd_help, help_opts, "print help",
      "Prints global help, command specific help, or help for a\n"
      "    group of related commands",
      true, true },
    { "pwd", cmd_pwd, NULL, "print the current directory", "Print the current directory.", true },
    { "quit", cmd_quit, NULL, "quit this interactive terminal", "", true },
    { "connect", cmd_connect, connect_opts, "(re)connect to hypervisor",
      "Connect to local hypervisor. This is built-in command after shell start up.", true },
    CMD_END,
};
