/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of networks that run: who is plugged in, in files of the run's directory, which go with it.
 *
 *   RUN/networks/NAME.d/client-UUID.port         made by a client
 *   RUN/networks/NAME.d/guest-OWNER-UUID.port    of a guest's interface; OWNER is the guest's UUID
 *
 * A guest's port is removed with its interface. One whose interface has gone otherwise counts for
 * nothing: whoever settles the run removes it.
 */
#include "port.h"

#include <string.h>
#include <unistd.h>

#include "../driver/vemu/state/lock.h"

#define SUFFIX ".port"

static char *port_path(const struct vemu *d, const char *network,
                       const struct vmgr__network_port *port)
{
    char uuid[VMGR_UUID_STRING_SIZE], owner[VMGR_UUID_STRING_SIZE];
    g_autofree char *file = NULL;

    vmgr__uuid_format(port->uuid, uuid);
    vmgr__uuid_format(port->owner_uuid, owner);
    file = port->interface ? g_strdup_printf("guest-%s-%s" SUFFIX, owner, uuid)
                           : g_strdup_printf("client-%s" SUFFIX, uuid);
    return vmgr__hostnet_run_path(d, network, file);
}

int vmgr__hostnet_port_save(const struct vemu *d, const char *network,
                            const struct vmgr__network_port *port, struct vmgr_error **err)
{
    g_autofree char *path = port_path(d, network, port);
    g_autofree char *text = vmgr__network_port_format(port, true);

    return vmgr__file_replace(path, text, false, err);
}

int vmgr__hostnet_port_remove(const struct vemu *d, const char *network,
                              const struct vmgr__network_port *port, struct vmgr_error **err)
{
    g_autofree char *path = port_path(d, network, port);

    return vmgr__file_remove(path, true, err);
}

/* Those whose files' names begin and end like this. */
static void load(const struct vemu *d, const char *network, const char *begin, const char *end,
                 GPtrArray *ret)
{
    g_autofree char *path = vmgr__hostnet_run_path(d, network, NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *whole = g_build_filename(path, file, NULL), *text = NULL;
        struct vmgr__network_port port;

        if (!g_str_has_prefix(file, begin) || !g_str_has_suffix(file, end) ||
            vmgr__file_read(whole, &text, NULL) <= 0 ||
            vmgr__network_port_parse(text, &port, NULL) < 0)
            continue;
        g_ptr_array_add(ret, g_memdup2(&port, sizeof(port)));
    }
}

static bool is_there(const struct vmgr__network_port *port)
{
    return !port->interface || vmgr__link_exists(port->interface);
}

GPtrArray *vmgr__hostnet_ports(const struct vemu *d, const char *network)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(vmgr__network_port_free);

    load(d, network, "", SUFFIX, list);
    for (guint i = list->len; i-- > 0;) {
        if (!is_there(list->pdata[i]))
            g_ptr_array_remove_index(list, i);
    }
    return list;
}

void vmgr__hostnet_ports_count(const struct vemu *d, struct vmgr__network_def *def)
{
    g_autoptr(GPtrArray) ports = vmgr__hostnet_ports(d, def->name);
    const GPtrArray *pool = def->forward.interfaces;

    if (!def->forward.uses)
        def->forward.uses = g_array_new(FALSE, TRUE, sizeof(uint32_t));
    g_array_set_size(def->forward.uses, 0);
    g_array_set_size(def->forward.uses, pool->len);
    def->uses = ports->len;
    for (guint i = 0; i < ports->len; i++) {
        const struct vmgr__network_port *port = ports->pdata[i];

        for (guint k = 0; port->dev && k < pool->len; k++)
            g_array_index(def->forward.uses, uint32_t, k) += strcmp(pool->pdata[k], port->dev) == 0;
    }
}

int vmgr__hostnet_port_find(const struct vemu *d, const char *network,
                            const uint8_t uuid[VMGR_UUID_SIZE], struct vmgr__network_port *ret)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(vmgr__network_port_free);
    char text[VMGR_UUID_STRING_SIZE];
    g_autofree char *end = NULL;

    vmgr__uuid_format(uuid, text);
    end = g_strdup_printf("-%s" SUFFIX, text);
    load(d, network, "", end, list);
    if (!list->len || !is_there(list->pdata[0]))
        return -1;
    g_ptr_array_set_free_func(list, NULL);
    for (guint i = 1; i < list->len; i++)
        vmgr__network_port_free(list->pdata[i]);
    *ret = *(struct vmgr__network_port *)list->pdata[0];
    g_free(list->pdata[0]);
    return 0;
}

/* ---- of guests ---- */

/* What is done with each port of a guest's interface. */
typedef void (*port_fn)(const struct vemu *d, const char *network, struct vmgr__network_port *port,
                        void *data);

/* interface NULL: all of the guest's. */
static void each_of(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE],
                    const char *interface, port_fn fn, void *data)
{
    g_autoptr(GDir) dir = g_dir_open(d->net_run_dir, 0, NULL);
    char text[VMGR_UUID_STRING_SIZE];
    g_autofree char *begin = NULL;
    const char *file;

    vmgr__uuid_format(owner, text);
    begin = g_strdup_printf("guest-%s-", text);
    while (dir && (file = g_dir_read_name(dir))) {
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(vmgr__network_port_free);
        g_autofree char *network = NULL;

        if (!g_str_has_suffix(file, ".d"))
            continue;
        network = g_strndup(file, strlen(file) - 2);
        load(d, network, begin, SUFFIX, list);
        for (guint i = 0; i < list->len; i++) {
            struct vmgr__network_port *port = list->pdata[i];

            if (!interface || g_strcmp0(port->interface, interface) == 0)
                fn(d, network, port, data);
        }
    }
}

static void forget_one(const struct vemu *d, const char *network, struct vmgr__network_port *port,
                       void *data G_GNUC_UNUSED)
{
    vmgr__hostnet_port_remove(d, network, port, NULL);
}

void vmgr__hostnet_port_forget(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE],
                               const char *interface)
{
    each_of(d, owner, interface, forget_one, NULL);
}

static void sweep_one(const struct vemu *d, const char *network, struct vmgr__network_port *port,
                      void *data G_GNUC_UNUSED)
{
    if (!is_there(port))
        vmgr__hostnet_port_remove(d, network, port, NULL);
}

void vmgr__hostnet_port_sweep(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE])
{
    each_of(d, owner, NULL, sweep_one, NULL);
}

static void limit_one(const struct vemu *d, const char *network, struct vmgr__network_port *port,
                      void *data)
{
    port->bandwidth = *(const struct vmgr__bandwidth *)data;
    vmgr__hostnet_port_save(d, network, port, NULL);
}

void vmgr__hostnet_port_limit(const struct vemu *d, const uint8_t owner[VMGR_UUID_SIZE],
                              const char *interface, const struct vmgr__bandwidth *b)
{
    struct vmgr__bandwidth limits = *b;

    each_of(d, owner, interface, limit_one, &limits);
}

/* Whether an interface has a port on this network already. */
struct known {
    const char *network;
    bool found;
    uint8_t uuid[VMGR_UUID_SIZE];
};

static void look_at(const struct vemu *d G_GNUC_UNUSED, const char *network,
                    struct vmgr__network_port *port, void *data)
{
    struct known *known = data;

    if (strcmp(network, known->network) != 0)
        return;
    known->found = true;
    memcpy(known->uuid, port->uuid, VMGR_UUID_SIZE);
}

int vmgr__hostnet_port_make(struct vemu *d, const struct vmgr__tap *tap,
                            const struct vmgr__domain_def *def, uint8_t ret_uuid[VMGR_UUID_SIZE],
                            struct vmgr_error **err)
{
    char mac[VMGR__MAC_TEXT];
    struct vmgr__network_port port = { .owner = def->name,
                                       .group = (char *)tap->portgroup,
                                       .mac = (char *)vmgr__mac_format(tap->mac, mac),
                                       .bandwidth = tap->bandwidth,
                                       .isolated = tap->isolated,
                                       .bridge = tap->bridge,
                                       .dev = tap->dev,
                                       .mode = tap->mode,
                                       .interface = tap->name };
    g_autofree char *dir = vmgr__hostnet_run_path(d, tap->network, NULL);
    struct known known = { .network = tap->network };
    int lock, r;

    each_of(d, def->uuid, tap->name, look_at, &known);
    memcpy(port.uuid, known.uuid, VMGR_UUID_SIZE);
    memcpy(port.owner_uuid, def->uuid, VMGR_UUID_SIZE);
    if (!known.found && vmgr__uuid_generate(port.uuid, err) < 0)
        return -1;
    vmgr__hostnet_port_forget(d, def->uuid, tap->name);
    lock = vmgr__hostnet_lock(d, err);
    if (lock < 0)
        return -1;
    if (access(dir, F_OK) == 0) /* else it stopped meanwhile */
        r = vmgr__hostnet_port_save(d, tap->network, &port, err);
    else
        r = hostnet_error(err, VMGR_ERR_OPERATION_INVALID, "network '%s' is not active",
                          tap->network);
    vmgr__vemu_unlock(lock);
    memcpy(ret_uuid, port.uuid, VMGR_UUID_SIZE);
    return r;
}
