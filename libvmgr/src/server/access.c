/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may come in over the network: lists of certificates' subjects and of users, which may change
 * while the server runs.
 */
#include <string.h>

#include "internal.h"

void vmgr__access_clear(struct vmgr__server_access *a)
{
    g_strfreev(a->subjects);
    g_strfreev(a->users);
    g_free(a->mechanisms);
    g_free(a->user_database);
    memset(a, 0, sizeof(*a));
}

static struct vmgr__server_access copy(const struct vmgr__server_access *a)
{
    struct vmgr__server_access c = *a;

    c.subjects = g_strdupv(a->subjects);
    c.users = g_strdupv(a->users);
    c.mechanisms = g_strdup(a->mechanisms);
    c.user_database = g_strdup(a->user_database);
    return c;
}

struct vmgr__server_access vmgr__server_access(struct vmgr__server *s)
{
    struct vmgr__server_access a;

    g_mutex_lock(&s->limits_lock);
    a = copy(&s->access);
    g_mutex_unlock(&s->limits_lock);
    return a;
}

void vmgr__server_set_access(struct vmgr__server *s, const struct vmgr__server_access *access)
{
    struct vmgr__server_access old, fresh = copy(access);

    g_mutex_lock(&s->limits_lock);
    old = s->access;
    s->access = fresh;
    g_mutex_unlock(&s->limits_lock);
    vmgr__access_clear(&old);
}

bool vmgr__access_matches(char *const *patterns, const char *name)
{
    if (!patterns)
        return true;
    /* GLib matches characters, and asserts that they are. Other names are nobody's. */
    if (!g_utf8_validate(name, -1, NULL))
        return false;
    for (char *const *p = patterns; *p; p++) {
        if (g_pattern_match_simple(*p, name))
            return true;
    }
    return false;
}
