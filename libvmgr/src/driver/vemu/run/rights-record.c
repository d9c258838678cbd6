/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of what runs' users were given: reading them, one's own and those of others.
 */
#include "rights-record.h"

#include "../state/lock.h"
#include "../state/paths.h"

int vmgr__rights_lock(const struct vemu *d, struct vmgr_error **err)
{
    g_autofree char *path = g_strconcat(d->lock_dir, ".rights", NULL);

    return vmgr__file_lock(path, VEMU_LOCK_TIMEOUT_MS, err);
}

char **vmgr__rights_read(const struct vemu *d, const char *name)
{
    g_autofree char *path = vmgr__vemu_run_path(d, name, "rights");
    g_autofree char *text = NULL;

    if (vmgr__file_read(path, &text, NULL) <= 0)
        return NULL;
    return g_strsplit(text, "\n", -1);
}

bool vmgr__rights_user(char *const *lines, uint32_t *ret)
{
    return lines && lines[0] && vmgr__parse_u32(lines[0], ret);
}

bool vmgr__rights_user_is_used(const struct vemu *d, uid_t uid)
{
    g_autoptr(GDir) dir = g_dir_open(d->run_dir, 0, NULL);
    const char *file;
    bool used = false;

    while (!used && dir && (file = g_dir_read_name(dir))) {
        g_autofree char *name = g_strndup(file, strlen(file) - MIN(strlen(file), 2));
        g_auto(GStrv) lines = vmgr__rights_read(d, name);
        uint32_t user;

        used = vmgr__rights_user(lines, &user) && user == uid;
    }
    return used;
}

GHashTable *vmgr__rights_of_others(const struct vemu *d, const char *name, uint32_t user)
{
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GDir) dir = g_dir_open(d->run_dir, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *other = g_strndup(file, strlen(file) - MIN(strlen(file), 2));
        g_auto(GStrv) lines = strcmp(other, name) != 0 ? vmgr__rights_read(d, other) : NULL;
        uint32_t its;

        if (!vmgr__rights_user(lines, &its) || its != user)
            continue;
        for (char **line = lines + 1; *line; line++)
            g_hash_table_add(set, g_strdup(*line));
    }
    return set;
}
