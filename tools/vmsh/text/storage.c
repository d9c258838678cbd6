/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools and volumes from options, sizes as people write and read them, small documents.
 */
#include "storage.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vmgr_pool *args_pool_by(struct shell *sh, const struct args *args, const char *option,
                               unsigned by)
{
    const char *text = args_string(args, option);
    struct vmgr_pool *pool = NULL;
    if (!text)
        return NULL;
    if (by & BY_UUID && strlen(text) == VMGR_UUID_SIZE * 2 + 4)
        vmgr_pool_lookup_by_uuid_string(sh->conn, text, &pool, NULL);
    if (!pool && by & BY_NAME)
        vmgr_pool_lookup_by_name(sh->conn, text, &pool, shell_err(sh));
    if (!pool)
        shell_error(sh, "failed to get pool '%s'", text);
    return pool;
}

struct vmgr_pool *args_pool(struct shell *sh, const struct args *args)
{
    return args_pool_by(sh, args, "pool", BY_UUID | BY_NAME);
}

struct vmgr_volume *find_volume(struct shell *sh, struct vmgr_pool *pool, const char *text)
{
    struct vmgr_volume *volume = NULL;
    if (pool)
        vmgr_volume_lookup_by_name(pool, text, &volume, NULL);
    if (!volume)
        vmgr_volume_lookup_by_key(sh->conn, text, &volume, NULL);
    if (!volume)
        vmgr_volume_lookup_by_path(sh->conn, text, &volume, shell_err(sh));
    return volume;
}

struct vmgr_volume *args_volume(struct shell *sh, const struct args *args, const char *pool_option)
{
    const char *text = args_string(args, "vol");
    const char *pool_text = pool_option ? args_string(args, pool_option) : NULL;
    struct vmgr_pool *pool = NULL;
    struct vmgr_volume *volume;
    if (pool_text && !(pool = args_pool_by(sh, args, pool_option, BY_UUID | BY_NAME)))
        return NULL;
    if (pool && vmgr_pool_is_active(pool, NULL) != 1) {
        shell_error(sh, "pool '%s' is not active", pool_text);
        vmgr_pool_unref(pool);
        return NULL;
    }
    volume = find_volume(sh, pool, text);
    if (!volume && (pool || !pool_option))
        shell_error(sh, "failed to get vol '%s'", text);
    else if (!volume)
        shell_error(sh, "failed to get vol '%s', specifying --%s might help", text, pool_option);
    if (volume && pool && strcmp(vmgr_volume_get_pool_name(volume), vmgr_pool_get_name(pool))) {
        shell_error(sh, "Requested volume '%s' is not in pool '%s'", text, pool_text);
        volume = vmgr_volume_unref(volume);
    }
    vmgr_pool_unref(pool);
    return volume;
}

/* --- sizes ---------------------------------------------------------------------------------- */

double pretty_size(uint64_t bytes, const char **unit)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    size_t n = 0;
    for (uint64_t rest = bytes; rest >= 1024; rest /= 1024, n++)
        value /= 1024;
    *unit = units[n];
    return value;
}

char *size_text(uint64_t bytes)
{
    const char *unit;
    double value = pretty_size(bytes, &unit);
    return must_printf("%.2lf %s", value, unit);
}

bool parse_size(const char *text, uint64_t *ret)
{
    static const char prefixes[] = "kmgtpe";
    char *end;
    uint64_t factor = 1, base = 1024;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || strchr(text, '-'))
        return false;
    while (isspace((unsigned char)*end))
        end++;
    if (*end && strcasecmp(end, "b") && strcasecmp(end, "byte") && strcasecmp(end, "bytes")) {
        const char *p = strchr(prefixes, tolower((unsigned char)*end));
        if (!p)
            return false;
        if (end[1] && !strcasecmp(end + 1, "b"))
            base = 1000;
        else if (end[1] && strcasecmp(end + 1, "ib"))
            return false;
        for (; p >= prefixes; p--)
            factor *= base;
    }
    if (value && factor > INT64_MAX / value)
        return false;
    *ret = value * factor;
    return true;
}

/* --- words ---------------------------------------------------------------------------------- */

const char *pool_type_name(size_t n)
{
    static const char *const names[] = { "dir",     "fs",   "netfs",    "logical",     "disk",
                                         "iscsi",   "scsi", "mpath",    "rbd",         "sheepdog",
                                         "gluster", "zfs",  "vstorage", "iscsi-direct" };
    return n < sizeof(names) / sizeof(names[0]) ? names[n] : NULL;
}

const char *wipe_algorithm_name(size_t n)
{
    static const char *const names[] = { "zero",     "nnsa",      "dod",        "bsi",    "gutmann",
                                         "schneier", "pfitzner7", "pfitzner33", "random", "trim" };
    return n < sizeof(names) / sizeof(names[0]) ? names[n] : NULL;
}

const char *volume_type_name(int type)
{
    static const char *const names[] = { "file", "block", "dir", "network", "netdir", "ploop" };
    return type >= 0 && (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

bool build_flags(struct shell *sh, const struct args *args, uint32_t *flags)
{
    *flags = 0;
    if (!args_exclusive(sh, args, "overwrite", "no-overwrite"))
        return false;
    if (args_bool(args, "build"))
        *flags |= VMGR_POOL_CREATE_WITH_BUILD;
    if (args_bool(args, "overwrite"))
        *flags |= VMGR_POOL_CREATE_WITH_BUILD_OVERWRITE;
    if (args_bool(args, "no-overwrite"))
        *flags |= VMGR_POOL_CREATE_WITH_BUILD_NO_OVERWRITE;
    return true;
}

/* --- documents ------------------------------------------------------------------------------ */

char *xml_escape(const char *text)
{
    char *out = must_alloc(strlen(text) * 6 + 1), *at = out;
    for (; *text; text++) {
        const char *as = *text == '<'    ? "&lt;"
                         : *text == '>'  ? "&gt;"
                         : *text == '&'  ? "&amp;"
                         : *text == '\'' ? "&apos;"
                         : *text == '"'  ? "&quot;"
                                         : NULL;
        if (as)
            at = stpcpy(at, as);
        else
            *at++ = *text;
    }
    return out;
}

static void append(struct text *t, const char *line)
{
    size_t n = strlen(line), room = (size_t)t->level * 2;
    t->s = must_realloc(t->s, t->length + room + n + 2);
    t->length += (size_t)sprintf(t->s + t->length, "%*s%s\n", (int)room, "", line);
}

void xml_line(struct text *t, const char *format, ...)
{
    char *line;
    va_list args;
    va_start(args, format);
    if (vasprintf(&line, format, args) < 0)
        abort();
    va_end(args);
    append(t, line);
    free(line);
}

void xml_open(struct text *t, const char *name)
{
    xml_line(t, "<%s>", name);
    t->level++;
}

void xml_close(struct text *t, const char *name)
{
    t->level--;
    xml_line(t, "</%s>", name);
}

void xml_attr(struct text *t, const char *name, const char *attr, const char *value)
{
    if (!value)
        return;
    char *escaped = xml_escape(value);
    xml_line(t, "<%s %s='%s'/>", name, attr, escaped);
    free(escaped);
}

void xml_text(struct text *t, const char *name, const char *value)
{
    if (!value)
        return;
    char *escaped = xml_escape(value);
    xml_line(t, "<%s>%s</%s>", name, escaped, name);
    free(escaped);
}
