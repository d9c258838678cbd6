/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Storage that goes with a domain: undefine --storage, --remove-all-storage.
 *
 * Volumes are looked up while the definition is still there, and removed once it is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/device.h"
#include "undefine-storage.h"

struct doomed {
    struct vmgr_volume *volume;
    char *target, *source;
    struct doomed *next;
};

/* Whether one of the comma-separated words is this. */
static bool is_listed(const char *list, const char *word)
{
    const size_t length = strlen(word);

    for (const char *w = list; w; w = strchr(w, ','), w = w ? w + 1 : NULL)
        if (strncmp(w, word, length) == 0 && (w[length] == ',' || !w[length]))
            return true;
    return false;
}

static struct vmgr_volume *volume_of(struct shell *sh, xmlNode *disk, const char *source)
{
    char *pool_name = device_attr(disk, "source", "pool");
    struct vmgr_volume *volume = NULL;
    struct vmgr_pool *pool = NULL;
    int r;

    if (!pool_name)
        r = vmgr_volume_lookup_by_path(sh->conn, source, &volume, NULL);
    else if ((r = vmgr_pool_lookup_by_name(sh->conn, pool_name, &pool, NULL)) >= 0)
        r = vmgr_volume_lookup_by_name(pool, source, &volume, NULL);
    vmgr_pool_unref(pool);
    xmlFree(pool_name);
    return r < 0 ? NULL : volume;
}

static bool add(struct shell *sh, xmlNode *disk, const char *list, struct doomed **last)
{
    static const char *const attrs[] = { "file", "dev", "volume", "name", "dir" };
    char *target = device_attr(disk, "target", "dev"), *source = NULL;
    struct vmgr_volume *volume = NULL;
    bool wanted;

    for (size_t i = 0; !source && i < sizeof(attrs) / sizeof(attrs[0]); i++)
        source = device_attr(disk, "source", attrs[i]);
    wanted = target && source && (!list || is_listed(list, target) || is_listed(list, source));
    if (wanted && !(volume = volume_of(sh, disk, source)))
        shell_error(sh, "Storage volume '%s'(%s) is not managed by libvirt. Remove it manually.\n",
                    target, source);
    if (!volume) {
        xmlFree(target);
        xmlFree(source);
        return false;
    }
    *last = must_alloc(sizeof(**last));
    **last = (struct doomed){ .volume = volume, .target = target, .source = source };
    return true;
}

bool undefine_storage_find(struct shell *sh, struct vmgr_domain *domain, const struct args *args,
                           struct doomed **ret)
{
    const char *list = args_string(args, "storage");
    bool all = args_bool(args, "remove-all-storage");
    struct doomed **last = ret;
    xmlDoc *doc;

    *ret = NULL;
    if (!list && !all)
        return true;
    if (vmgr_domain_is_active(domain, NULL) != 0) {
        shell_error(sh, "Storage volume deletion is supported only on stopped domains");
        return false;
    }
    if (list && all) {
        shell_error(sh, "Specified both --storage and --remove-all-storage");
        return false;
    }
    doc = device_definition(sh, domain, VMGR_DOMAIN_AFFECT_CONFIG);
    if (!doc)
        return false;
    for (xmlNode *n = device_next(doc, NULL, "disk"); n; n = device_next(doc, n, "disk"))
        if (add(sh, n, list, last))
            last = &(*last)->next;
    xmlFreeDoc(doc);
    return true;
}

static bool wipe(struct shell *sh, const struct doomed *d)
{
    shell_extra(sh, "Wiping volume '%s'(%s) ... ", d->target, d->source);
    fflush(stdout);
    if (vmgr_volume_wipe(d->volume, VMGR_VOLUME_WIPE_ZERO, 0, shell_err(sh)) < 0) {
        shell_error(sh, "Failed! Volume not removed.");
        return false;
    }
    shell_extra(sh, "Done.\n");
    return true;
}

bool undefine_storage_remove(struct shell *sh, const struct args *args, const struct doomed *doomed)
{
    uint32_t flags = args_bool(args, "delete-storage-volume-snapshots")
                         ? VMGR_VOLUME_DELETE_WITH_SNAPSHOTS
                         : VMGR_VOLUME_DELETE_NORMAL;
    bool ok = true;

    for (const struct doomed *d = doomed; d; d = d->next) {
        if (args_bool(args, "wipe-storage") && !wipe(sh, d)) {
            ok = false;
        } else if (vmgr_volume_delete(d->volume, flags, shell_err(sh)) < 0) {
            shell_error(sh, "Failed to remove storage volume '%s'(%s)", d->target, d->source);
            ok = false;
        } else {
            shell_extra(sh, "Volume '%s'(%s) removed.\n", d->target, d->source);
        }
    }
    return ok;
}

void undefine_storage_free(struct doomed *doomed)
{
    while (doomed) {
        struct doomed *next = doomed->next;

        vmgr_volume_unref(doomed->volume);
        xmlFree(doomed->target);
        xmlFree(doomed->source);
        free(doomed);
        doomed = next;
    }
}
