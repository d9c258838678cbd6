/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command's options from its words, with virsh's grammar and usage errors.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shell.h"

static const struct opt *opt_by_name(const struct cmd *cmd, const char *name, size_t length)
{
    for (const struct opt *o = cmd->opts; o && o->name; o++)
        if (strlen(o->name) == length && !memcmp(o->name, name, length))
            return o;
    return NULL;
}

static bool args_have(const struct args *args, const struct opt *opt)
{
    for (size_t i = 0; i < args->count; i++)
        if (args->items[i].opt == opt)
            return true;
    return false;
}

/* The next option that takes a word without a name. */
static const struct opt *opt_positional(const struct args *args)
{
    for (const struct opt *o = args->cmd->opts; o && o->name; o++) {
        if (o->type == OPT_ARGV)
            return o;
        if (o->type != OPT_BOOL && !o->named && !args_have(args, o))
            return o;
    }
    return NULL;
}

static bool args_add(struct args *args, const struct opt *opt, const char *value)
{
    if (args->count == args->room) {
        size_t room = args->room ? args->room * 2 : 16;
        struct arg *items = must_alloc(room * sizeof(*items));
        if (args->count)
            memcpy(items, args->items, args->count * sizeof(*items));
        free(args->items);
        args->items = items;
        args->room = room;
    }
    args->items[args->count++] = (struct arg){ opt, value };
    return true;
}

void args_fini(struct args *args)
{
    free(args->items);
    *args = (struct args){ 0 };
}

/* --help, which every command has. */
static bool parse_help(struct shell *sh, struct args *args, bool equals)
{
    if (equals)
        shell_error(sh, "invalid '=' after option --help");
    args->help = true;
    return !equals;
}

/* Takes "--name", "--name=value" or "--name value"; *used becomes the number of words. */
static bool parse_named(struct shell *sh, struct args *args, char *const *words, size_t count,
                        size_t *used)
{
    const char *name = words[0] + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct opt *opt = opt_by_name(args->cmd, name, length);
    *used = 1;
    if (!opt && length == 4 && !memcmp(name, "help", 4))
        return parse_help(sh, args, equals != NULL);
    if (!opt && args->cmd->lenient)
        return true;
    if (!opt) {
        shell_error(sh, "command '%s' doesn't support option --%.*s", args->cmd->name, (int)length,
                    name);
        return false;
    }
    if (opt->type != OPT_ARGV && args_have(args, opt)) {
        shell_error(sh, "option --%s already seen", opt->name);
        return false;
    }
    if (opt->type == OPT_BOOL) {
        if (equals) {
            shell_error(sh, "invalid '=' after option --%s", opt->name);
            return false;
        }
        return args_add(args, opt, NULL);
    }
    const char *value = equals ? equals + 1 : count > 1 ? words[1] : NULL;
    if (!value) {
        shell_error(sh, "expected syntax: --%s <%s>", opt->name,
                    opt->type == OPT_INT ? "number" : "string");
        return false;
    }
    *used = equals ? 1 : 2;
    return args_add(args, opt, value);
}

static bool parse_plain(struct shell *sh, struct args *args, const char *word)
{
    const struct opt *opt = opt_positional(args);
    if (opt)
        return args_add(args, opt, word);
    if (args->cmd->lenient)
        return true;
    shell_error(sh, "unexpected data '%s'", word);
    return false;
}

static bool args_required(struct shell *sh, const struct args *args)
{
    bool ok = true;
    for (const struct opt *o = args->cmd->opts; o && o->name; o++)
        if ((o->type == OPT_DATA || o->required) && !args_have(args, o)) {
            shell_error(sh,
                        o->type == OPT_INT ? "command '%s' requires --%s option"
                                           : "command '%s' requires <%s> option",
                        args->cmd->name, o->name);
            ok = false;
        }
    return ok;
}

bool args_parse(struct shell *sh, struct args *args, const struct cmd *cmd, char *const *words,
                size_t count)
{
    bool data_only = false, ok = true;
    *args = (struct args){ .cmd = cmd };
    for (size_t i = 0, used; ok && i < count; i += used) {
        const char *w = words[i];
        used = 1;
        if (!data_only && !strcmp(w, "--"))
            data_only = true;
        else if (!data_only && w[0] == '-' && w[1] == '-' && isalnum((unsigned char)w[2]))
            ok = parse_named(sh, args, words + i, count - i, &used);
        else
            ok = parse_plain(sh, args, w);
    }
    return ok && (args->help || args_required(sh, args));
}

bool args_check_values(struct shell *sh, const struct args *args)
{
    for (size_t i = 0; i < args->count; i++) {
        const struct opt *o = args->items[i].opt;
        bool text = (o->type == OPT_STRING || o->type == OPT_DATA) && !o->may_empty;
        if (text && !*args->items[i].value) {
            shell_error(sh, "Failed to get option '%s': Option argument is empty", o->name);
            return false;
        }
    }
    return true;
}

bool args_exclusive(struct shell *sh, const struct args *args, const char *a, const char *b)
{
    if (!args_bool(args, a) || !args_bool(args, b))
        return true;
    shell_error(sh, "Options --%s and --%s are mutually exclusive", a, b);
    return false;
}

bool args_bool(const struct args *args, const char *name)
{
    for (size_t i = 0; i < args->count; i++)
        if (!strcmp(args->items[i].opt->name, name))
            return true;
    return false;
}

uint32_t args_flags(const struct args *args, const struct flag *table)
{
    uint32_t flags = 0;
    for (; table->name; table++)
        if (args_bool(args, table->name))
            flags |= table->flag;
    return flags;
}

const char *args_string(const struct args *args, const char *name)
{
    for (size_t i = 0; i < args->count; i++)
        if (!strcmp(args->items[i].opt->name, name))
            return args->items[i].value;
    return NULL;
}

int args_int(struct shell *sh, const struct args *args, const char *name, int *ret)
{
    const char *text = args_string(args, name);
    char *end;
    if (!text)
        return 0;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < INT_MIN || value > INT_MAX) {
        shell_error(sh, "Numeric value '%s' for <%s> option is malformed or out of range", text,
                    name);
        return -1;
    }
    *ret = (int)value;
    return 1;
}

int args_size(struct shell *sh, const struct args *args, const char *name, unsigned long long unit,
              unsigned long long *ret)
{
    static const char letters[] = "kmgtpe";
    const char *text = args_string(args, name), *at;
    char *end = NULL;
    if (!text)
        return 0;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10), scale = unit;
    bool ok = !errno && isdigit((unsigned char)*text);
    if (ok && *end &&
        !(strcasecmp(end, "b") && strcasecmp(end, "byte") && strcasecmp(end, "bytes")))
        scale = 1;
    else if (ok && *end && (at = strchr(letters, tolower((unsigned char)*end)))) {
        unsigned long long base = strcasecmp(end + 1, "b") ? 1024 : 1000;
        ok = !end[1] || base == 1000 || !strcasecmp(end + 1, "ib");
        scale = 1;
        for (const char *c = letters; c <= at; c++)
            scale *= base;
    } else if (ok && *end) {
        ok = false;
    }
    if (!ok || value > ULLONG_MAX / 2 / scale) {
        shell_error(sh, "Scaled numeric value '%s' for <%s> option is malformed or out of range",
                    text, name);
        return -1;
    }
    *ret = value * scale;
    return 1;
}

struct vmgr_domain *domain_by_text(struct shell *sh, const char *text, unsigned by)
{
    struct vmgr_domain *domain = NULL;
    char *end;
    errno = 0;
    long id = strtol(text, &end, 10);
    if (by & BY_ID && !errno && end != text && !*end && id >= 0 && id <= INT_MAX)
        vmgr_domain_lookup_by_id(sh->conn, (int)id, &domain, NULL);
    if (!domain && by & BY_UUID && strlen(text) == VMGR_UUID_SIZE * 2 + 4)
        vmgr_domain_lookup_by_uuid_string(sh->conn, text, &domain, NULL);
    if (!domain && by & BY_NAME)
        vmgr_domain_lookup_by_name(sh->conn, text, &domain, NULL);
    if (!domain)
        shell_error(sh, "failed to get domain '%s'", text);
    return domain;
}

struct vmgr_domain *args_domain_by(struct shell *sh, const struct args *args, unsigned by)
{
    const char *text = args_string(args, "domain");
    return text ? domain_by_text(sh, text, by) : NULL;
}

/* By id, then UUID, then name, as virsh does. */
struct vmgr_domain *args_domain(struct shell *sh, const struct args *args)
{
    return args_domain_by(sh, args, BY_ID | BY_UUID | BY_NAME);
}

char *args_words(const struct args *args, const char *name)
{
    char *text = NULL;
    for (size_t i = 0; i < args->count; i++) {
        if (strcmp(args->items[i].opt->name, name))
            continue;
        char *longer = text ? must_printf("%s %s", text, args->items[i].value)
                            : must_strdup(args->items[i].value);
        free(text);
        text = longer;
    }
    return text;
}
