/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Outlines of stored definitions: name and UUID, without reading the rest.
 *
 * A daemon that starts with thousands of definitions, or a list of them, needs no more; the
 * document is parsed when somebody asks about the domain. Only what begins and ends exactly as the
 * library itself writes it is taken for granted; an edited file is parsed at once.
 */
#include <string.h>

#include "../vemu.h"
#include "cache.h"

static const char *skip(const char *at, const char *words)
{
    return at && g_str_has_prefix(at, words) ? at + strlen(words) : NULL;
}

/* Whether a name is written as it is. */
static bool is_plain(const char *name)
{
    return strpbrk(name, "<>&\"'\r\n\t") == NULL;
}

/* Past the first line, if it is one tag. */
static const char *skip_root(const char *text)
{
    const char *end = strchr(text, '\n');

    if (!end || !g_str_has_prefix(text, "<domain ") || end[-1] != '>' ||
        memchr(text + 1, '<', (size_t)(end - text - 1)) ||
        memchr(text, '>', (size_t)(end - text - 1)))
        return NULL;
    return end;
}

struct vmgr__domain_def *vmgr__vemu_outline(const char *text, const char *name)
{
    struct vmgr__domain_def *def;
    char uuid[VMGR_UUID_STRING_SIZE];
    uint8_t raw[VMGR_UUID_SIZE];
    const char *at;

    if (!is_plain(name) || !g_str_has_suffix(text, "</domain>\n"))
        return NULL;
    at = skip(skip(skip_root(text), "\n  <name>"), name);
    at = skip(at, "</name>\n  <uuid>");
    if (!at || strnlen(at, sizeof(uuid)) < sizeof(uuid))
        return NULL;
    g_strlcpy(uuid, at, sizeof(uuid));
    if (!skip(at + sizeof(uuid) - 1, "</uuid>\n") || !vmgr__uuid_parse(uuid, raw))
        return NULL;
    def = vmgr__domain_def_new();
    def->name = g_strdup(name);
    memcpy(def->uuid, raw, sizeof(raw));
    return def;
}
