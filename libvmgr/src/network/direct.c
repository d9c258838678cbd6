/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests' interfaces right on interfaces of the host, and which of those they are on.
 *
 * A macvtap link outlives its guest's emulator, so there is a record of each, in
 *
 *   RUN/macvtap/NAME.xml
 *
 * which is there before the link and goes after it: whoever brings a guest to a rest removes its
 * links by their records. The name of a record is taken, whether its link is there or not. A record
 * of another boot of the host counts for nothing. One lock is for all of them, the last one that
 * is taken.
 */
#include "direct.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../conf/device.h"
#include "../driver/vemu/run/process.h"
#include "../driver/vemu/state/lock.h"
#include "macvtap.h"

#define SUFFIX    ".xml"
#define NAMES_MAX 8192

struct record {
    struct vmgr__macvtap link;
    uint8_t owner[VMGR_UUID_SIZE];
    char *network; /* NULL: none */
};

static void record_free(void *data)
{
    struct record *r = data;

    vmgr__macvtap_clear(&r->link);
    g_free(r->network);
    g_free(r);
}

static char *record_path(const struct vemu *d, const char *name)
{
    return g_strdup_printf("%s/%s" SUFFIX, d->macvtap_run_dir, name);
}

static int lock_all(const struct vemu *d, struct vmgr_error **err)
{
    g_autofree char *path = g_strconcat(d->lock_dir, ".macvtap", NULL);

    return vmgr__file_lock(path, VEMU_LOCK_TIMEOUT_MS, err);
}

/* ---- records ---- */

static int save(const struct vemu *d, const struct record *r, struct vmgr_error **err)
{
    g_autofree char *path = record_path(d, r->link.name), *text = NULL;
    char owner[VMGR_UUID_STRING_SIZE], mac[VMGR__MAC_TEXT], lower[VMGR__MAC_TEXT];
    struct vmgr__xml_writer w;

    if (g_mkdir_with_parents(d->macvtap_run_dir, 0700) < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "cannot create directory '%s'",
                                     d->macvtap_run_dir);
    vmgr__uuid_format(r->owner, owner);
    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "macvtap");
    vmgr__xw_attr(&w, "boot", vmgr__boot_id());
    vmgr__xw_attr(&w, "owner", owner);
    vmgr__xw_attr(&w, "network", r->network);
    vmgr__xw_attr(&w, "dev", r->link.dev);
    vmgr__xw_attr(&w, "mac", vmgr__mac_format(r->link.mac, mac));
    vmgr__xw_attr(&w, "lower", vmgr__mac_format(r->link.lower, lower));
    vmgr__xw_attrf(&w, "index", "%d", r->link.index);
    vmgr__xw_end(&w, "macvtap");
    text = vmgr__xw_finish(&w);
    return vmgr__file_replace(path, text, false, err);
}

static bool read_root(const xmlNode *root, struct record *r)
{
    g_autofree char *boot = vmgr__xml_attr(root, "boot"), *owner = vmgr__xml_attr(root, "owner");
    g_autofree char *mac = vmgr__xml_attr(root, "mac"), *lower = vmgr__xml_attr(root, "lower");
    g_autofree char *index = vmgr__xml_attr(root, "index");
    uint32_t n;

    r->network = vmgr__xml_attr(root, "network");
    r->link.dev = vmgr__xml_attr(root, "dev");
    if (!boot || strcmp(boot, vmgr__boot_id()) != 0 || !owner || !mac || !lower || !r->link.dev ||
        !vmgr__parse_u32(index, &n) || n > INT32_MAX)
        return false;
    r->link.index = (int)n;
    return vmgr__uuid_parse(owner, r->owner) && vmgr__mac_parse(mac, r->link.mac) &&
           vmgr__mac_parse(lower, r->link.lower);
}

/* NULL: it says nothing, or nothing any more. */
static struct record *load_one(const struct vemu *d, const char *name)
{
    g_autofree char *path = record_path(d, name), *text = NULL;
    struct record *r;
    xmlDoc *doc;
    bool good;

    if (vmgr__file_read(path, &text, NULL) <= 0)
        return NULL;
    doc = vmgr__xml_parse(text, "(macvtap)", "macvtap", NULL);
    if (!doc)
        return NULL;
    r = g_new0(struct record, 1);
    r->link.name = g_strdup(name);
    good = read_root(xmlDocGetRootElement(doc), r);
    xmlFreeDoc(doc);
    if (!good)
        g_clear_pointer(&r, record_free);
    return r;
}

/* struct record *; for g_ptr_array_unref(). */
static GPtrArray *load(const struct vemu *d)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(record_free);
    g_autoptr(GDir) dir = g_dir_open(d->macvtap_run_dir, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *name = NULL;
        struct record *r;

        if (!g_str_has_suffix(file, SUFFIX))
            continue;
        name = g_strndup(file, strlen(file) - strlen(SUFFIX));
        r = load_one(d, name);
        if (r)
            g_ptr_array_add(list, r);
    }
    return list;
}

static void drop(const struct vemu *d, const struct record *r)
{
    g_autofree char *path = record_path(d, r->link.name);

    vmgr__macvtap_remove(&r->link);
    if (!vmgr__macvtap_is_there(&r->link))
        unlink(path);
}

/* ---- making ---- */

static const struct record *find(const GPtrArray *list, const char *name)
{
    for (guint i = 0; i < list->len; i++) {
        const struct record *r = list->pdata[i];

        if (strcmp(r->link.name, name) == 0)
            return r;
    }
    return NULL;
}

static unsigned count(const GPtrArray *list, const char *network, const char *dev)
{
    unsigned n = 0;

    for (guint i = 0; i < list->len; i++) {
        const struct record *r = list->pdata[i];

        n += g_strcmp0(r->network, network) == 0 && strcmp(r->link.dev, dev) == 0;
    }
    return n;
}

/* Of a network's interfaces the one with the fewest guests; in mode passthrough one without. */
static const char *choose(const GPtrArray *list, const struct vmgr__tap *tap,
                          struct vmgr_error **err)
{
    const char *dev = NULL;
    unsigned least = 0;

    if (!tap->network)
        return tap->pool->pdata[0];
    for (guint i = 0; i < tap->pool->len; i++) {
        const unsigned n = count(list, tap->network, tap->pool->pdata[i]);

        if (dev ? n < least : !n || strcmp(tap->mode, "passthrough") != 0) {
            dev = tap->pool->pdata[i];
            least = n;
        }
    }
    if (!dev)
        hostnet_error(err, VMGR_ERR_INTERNAL_ERROR,
                      "network '%s' requires exclusive access to interfaces, but none are "
                      "available",
                      tap->network);
    return dev;
}

static int choose_name(const GPtrArray *list, const struct vmgr__tap *tap, char **ret,
                       struct vmgr_error **err)
{
    if (tap->name && (find(list, tap->name) || vmgr__link_exists(tap->name)))
        return hostnet_error(err, VMGR_ERR_OPERATION_FAILED,
                             "Unable to create macvtap device %s: File exists", tap->name);
    *ret = g_strdup(tap->name);
    for (int i = 0; !*ret && i < NAMES_MAX; i++) {
        g_autofree char *name = g_strdup_printf("macvtap%d", i);

        if (!find(list, name) && !vmgr__link_exists(name))
            *ret = g_steal_pointer(&name);
    }
    return *ret ? 0
                : hostnet_error(err, VMGR_ERR_INTERNAL_ERROR,
                                "the names of interfaces up to macvtap%d are taken", NAMES_MAX - 1);
}

static int open_queues(const struct vmgr__macvtap *link, struct vmgr__tap *tap,
                       struct vmgr_error **err)
{
    for (unsigned i = 0; i < tap->queues; i++) {
        tap->fds[i] = vmgr__macvtap_open(link, tap->queues > 1, err);
        if (tap->fds[i] < 0)
            return -1;
    }
    return 0;
}

static int make(const struct vemu *d, struct record *r, struct vmgr__tap *tap,
                struct vmgr_error **err)
{
    const int mode = vmgr__name_index(vmgr__direct_modes, tap->mode);

    if (vmgr__macvtap_look(&r->link, err) < 0 || save(d, r, err) < 0)
        return -1;
    if (vmgr__macvtap_make(&r->link, mode, tap->mtu, err) == 0 && save(d, r, err) == 0 &&
        open_queues(&r->link, tap, err) == 0)
        return 0;
    vmgr__tap_close_queues(tap);
    drop(d, r);
    return -1;
}

static int open_locked(const struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = load(d);
    const char *dev = choose(list, tap, err);
    struct record *r;
    int result;

    if (!dev)
        return -1;
    r = g_new0(struct record, 1);
    r->link.dev = g_strdup(dev);
    r->network = g_strdup(tap->network);
    memcpy(r->link.mac, tap->mac, sizeof(tap->mac));
    memcpy(r->owner, tap->owner, VMGR_UUID_SIZE);
    result = choose_name(list, tap, &r->link.name, err);
    if (result == 0)
        result = make(d, r, tap, err);
    if (result == 0) {
        g_free(tap->name);
        tap->name = g_strdup(r->link.name);
        g_free(tap->dev);
        tap->dev = g_strdup(dev);
    }
    record_free(r);
    return result;
}

int vmgr__direct_open(const struct vemu *d, struct vmgr__tap *tap, struct vmgr_error **err)
{
    const int lock = lock_all(d, err);
    int r;

    if (lock < 0)
        return -1;
    r = open_locked(d, tap, err);
    vmgr__vemu_unlock(lock);
    return r;
}

/* ---- removing ---- */

static bool is_named(const struct vmgr__domain_def *def, const char *name)
{
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *target =
            strcmp(dev->name, "interface") == 0 ? vmgr__device_get(dev, "target", "dev") : NULL;

        if (g_strcmp0(target, name) == 0)
            return true;
    }
    return false;
}

/* Those of a guest; name NULL and def NULL: all of them. Most guests have none: no lock is made. */
static void drop_all(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE], const char *name,
                     const struct vmgr__domain_def *def)
{
    g_autoptr(GPtrArray) list = NULL;
    int lock;

    if (access(d->macvtap_run_dir, F_OK) < 0 || (lock = lock_all(d, NULL)) < 0)
        return;
    list = load(d);
    for (guint i = 0; i < list->len; i++) {
        const struct record *r = list->pdata[i];

        if (memcmp(r->owner, owner, VMGR_UUID_SIZE) == 0 &&
            (!name || strcmp(name, r->link.name) == 0) && !(def && is_named(def, r->link.name)))
            drop(d, r);
    }
    vmgr__vemu_unlock(lock);
}

void vmgr__direct_forget(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE],
                         const char *name)
{
    drop_all(d, owner, name, NULL);
}

void vmgr__direct_sweep(const struct vemu *d, const struct vmgr__domain_def *def)
{
    drop_all(d, def->uuid, NULL, def);
}
