/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces that have filters: their files and tables.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../driver/vemu/state/lock.h"
#include "../network/network.h"
#include "nwfilter.h"

int vmgr__nwfilter_lock(const struct vemu *d, struct vmgr_error **err)
{
    g_autofree char *path = g_strconcat(d->lock_dir, ".nwfilter", NULL);

    return vmgr__file_lock(path, VEMU_LOCK_TIMEOUT_MS, err);
}

static char *binding_path(const struct vemu *d, const char *interface)
{
    return g_strdup_printf("%s/%s.xml", d->nwfilter_run_dir, interface);
}

/* What goes into a script as it stands. */
static bool is_plain(const char *interface)
{
    for (const char *at = interface; *at; at++) {
        if (!g_ascii_isalnum(*at) && !strchr("_-.", *at))
            return false;
    }
    return *interface != '\0';
}

static int save(const struct vemu *d, const struct vmgr__nwfilter_binding *b,
                struct vmgr_error **err)
{
    g_autofree char *path = binding_path(d, b->interface);
    g_autofree char *text = vmgr__nwfilter_binding_format(b);

    if (g_mkdir_with_parents(d->nwfilter_run_dir, 0700) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_NWFILTER, "cannot create directory '%s'",
                                     d->nwfilter_run_dir);
    return vmgr__file_replace(path, text, false, err);
}

bool vmgr__nwfilter_binding_load(const struct vemu *d, const char *interface,
                                 struct vmgr__nwfilter_binding *ret)
{
    g_autofree char *path = binding_path(d, interface);
    g_autofree char *text = NULL;

    memset(ret, 0, sizeof(*ret));
    if (!is_plain(interface) || vmgr__file_read(path, &text, NULL) <= 0 ||
        vmgr__nwfilter_binding_parse(text, ret, NULL) < 0)
        return false;
    if (strcmp(ret->interface, interface) == 0)
        return true;
    vmgr__nwfilter_binding_clear(ret);
    return false;
}

/* Also when it is not there. */
static int delete_table(const char *interface, struct vmgr_error **err)
{
    g_autofree char *script =
        g_strdup_printf("add table bridge vmgr_filter_%s; delete table bridge vmgr_filter_%s",
                        interface, interface);
    const char *const argv[] = { "nft", script, NULL };

    return vmgr__program_run(argv, "nftables", err);
}

/* On failure the file stays: rules that may be in force are known by it, and whoever comes next
 * tries again. */
static int remove_table(const struct vemu *d, const char *interface, struct vmgr_error **err)
{
    g_autofree char *path = binding_path(d, interface);

    if (delete_table(interface, err) < 0)
        return -1;
    unlink(path);
    return 0;
}

static int load_table(const struct vemu *d, const struct vmgr__nwfilter_binding *b,
                      struct vmgr_error **err)
{
    g_autofree char *script = vmgr__nwfilter_script(d, b, err);
    g_autofree char *path = g_strdup_printf("%s/%s.nft", d->nwfilter_run_dir, b->interface);
    const char *const argv[] = { "nft", "-f", path, NULL };
    int r;

    if (!script)
        return -1;
    r = vmgr__file_replace(path, script, false, err);
    if (r == 0)
        r = vmgr__program_run(argv, "nftables", err);
    unlink(path);
    return r;
}

static int bind_locked(struct vemu *d, const struct vmgr__nwfilter_binding *b,
                       struct vmgr_error **err)
{
    g_autofree char *path = binding_path(d, b->interface);
    struct vmgr__nwfilter_binding old;
    const bool had = vmgr__nwfilter_binding_load(d, b->interface, &old);
    const bool same = had && memcmp(old.uuid, b->uuid, VMGR_UUID_SIZE) == 0;
    int r = save(d, b, err);

    if (r == 0)
        r = load_table(d, b, err);
    /* All rules were loaded or none. Those of another run go, if they can. */
    if (r < 0 && had && (same || delete_table(b->interface, NULL) < 0))
        save(d, &old, NULL);
    else if (r < 0)
        unlink(path);
    vmgr__nwfilter_binding_clear(&old);
    return r;
}

static int check_plain(const char *interface, struct vmgr_error **err)
{
    return is_plain(interface)
               ? 0
               : nwfilter_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                                "a filter of an interface called '%s' is not supported", interface);
}

int vmgr__nwfilter_binding_make(struct vemu *d, const struct vmgr__nwfilter_binding *b,
                                struct vmgr_error **err)
{
    g_autofree char *path = binding_path(d, b->interface);

    if (check_plain(b->interface, err) < 0)
        return -1;
    if (access(path, F_OK) == 0)
        return nwfilter_error(err, VMGR_ERR_OPERATION_FAILED, "binding '%s' already exists",
                              b->interface);
    if (!vmgr__link_exists(b->interface))
        return vmgr__error_set_errno(err, ENODEV, VMGR_FROM_NWFILTER,
                                     "Unable to get index for interface %s", b->interface);
    return bind_locked(d, b, err);
}

int vmgr__nwfilter_binding_remove(struct vemu *d, const char *interface, struct vmgr_error **err)
{
    return remove_table(d, interface, err);
}

int vmgr__nwfilter_bind(struct vemu *d, const struct vmgr__nwfilter_binding *b,
                        struct vmgr_error **err)
{
    g_autofree char *path = binding_path(d, b->interface);
    int lock, r;

    if (!b->ref && (!is_plain(b->interface) || access(path, F_OK) < 0))
        return 0;
    if (check_plain(b->interface, err) < 0)
        return -1;
    lock = vmgr__nwfilter_lock(d, err);
    if (lock < 0)
        return -1;
    r = b->ref ? bind_locked(d, b, err) : remove_table(d, b->interface, err);
    vmgr__vemu_unlock(lock);
    return r;
}

/* Whether its rules are this domain's. What nobody can read is whoever's. */
static bool is_of(const struct vemu *d, const char *interface, const uint8_t uuid[VMGR_UUID_SIZE])
{
    struct vmgr__nwfilter_binding b;
    const bool ours =
        !vmgr__nwfilter_binding_load(d, interface, &b) || memcmp(b.uuid, uuid, VMGR_UUID_SIZE) == 0;

    vmgr__nwfilter_binding_clear(&b);
    return ours;
}

int vmgr__nwfilter_unbind(struct vemu *d, const uint8_t uuid[VMGR_UUID_SIZE], const char *interface,
                          struct vmgr_error **err)
{
    g_autofree char *path = binding_path(d, interface);
    int lock, r = 0;

    if (!is_plain(interface) || access(path, F_OK) < 0 || !is_of(d, interface, uuid))
        return 0;
    lock = vmgr__nwfilter_lock(d, err);
    if (lock < 0)
        return -1;
    if (access(path, F_OK) == 0 && is_of(d, interface, uuid))
        r = remove_table(d, interface, err);
    vmgr__vemu_unlock(lock);
    return r;
}

GPtrArray *vmgr__nwfilter_binding_names(const struct vemu *d)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(d->nwfilter_run_dir, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        if (g_str_has_suffix(file, ".xml"))
            g_ptr_array_add(list, g_strndup(file, strlen(file) - 4));
    }
    return list;
}

int vmgr__nwfilter_unbind_all(struct vemu *d, const uint8_t uuid[VMGR_UUID_SIZE],
                              struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = vmgr__nwfilter_binding_names(d);
    int r = 0;

    for (guint i = 0; i < list->len; i++) {
        if (vmgr__nwfilter_unbind(d, uuid, list->pdata[i], r == 0 ? err : NULL) < 0)
            r = -1;
    }
    return r;
}

/* Those whose filters use this one. */
static GPtrArray *bound_to(const struct vemu *d, const char *name)
{
    GPtrArray *list = vmgr__nwfilter_binding_names(d);
    struct vmgr__nwfilter_binding b;

    for (guint i = list->len; i-- > 0;) {
        const bool uses =
            vmgr__nwfilter_binding_load(d, list->pdata[i], &b) &&
            (strcmp(b.ref->filter, name) == 0 || vmgr__nwfilter_uses(d, b.ref->filter, name));

        if (!uses)
            g_ptr_array_remove_index(list, i);
        vmgr__nwfilter_binding_clear(&b);
    }
    return list;
}

bool vmgr__nwfilter_is_bound(const struct vemu *d, const char *name)
{
    g_autoptr(GPtrArray) list = bound_to(d, name);

    for (guint i = 0; i < list->len; i++) {
        if (vmgr__link_exists(list->pdata[i]))
            return true;
    }
    return false;
}

int vmgr__nwfilter_rebuild(struct vemu *d, const char *name, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = bound_to(d, name);
    struct vmgr__nwfilter_binding b;
    int r = 0;

    for (guint i = 0; i < list->len && r == 0; i++) {
        if (vmgr__link_exists(list->pdata[i]) && vmgr__nwfilter_binding_load(d, list->pdata[i], &b))
            r = load_table(d, &b, err);
        else
            memset(&b, 0, sizeof(b));
        vmgr__nwfilter_binding_clear(&b);
    }
    return r;
}
