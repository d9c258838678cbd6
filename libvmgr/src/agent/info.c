/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guest tells about itself, as names and values; and its network interfaces.
 */
#include "agent.h"

#include <string.h>

#include "../driver/stats.h"

/* A text of the answer, if it is there. */
static void add_text(GArray *list, struct json_object *o, const char *key, const char *name)
{
    const char *text = vmgr__agent_string(o, key);

    if (text)
        vmgr__stat_add_text(list, text, "%s", name);
}

static void add_count(GArray *list, struct json_object *array, const char *name)
{
    vmgr__stat_add(list, VMGR_STAT_UINT, json_object_array_length(array), "%s", name);
}

/* ---- users ---- */

static int add_users(struct json_object *users, const GArray *disks G_GNUC_UNUSED, GArray *ret,
                     struct vmgr_error **err)
{
    if (!vmgr__agent_is_list(users, "guest-get-users", err))
        return -1;
    add_count(ret, users, "user.count");
    for (size_t i = 0; i < json_object_array_length(users); i++) {
        struct json_object *o = json_object_array_get_idx(users, i), *login;
        const char *name = vmgr__agent_string(o, "user");
        const char *domain = vmgr__agent_string(o, "domain");

        if (!name)
            return vmgr__agent_lacks("guest-get-users", "user", err);
        vmgr__stat_add_text(ret, name, "user.%zu.name", i);
        if (domain)
            vmgr__stat_add_text(ret, domain, "user.%zu.domain", i);
        /* Seconds, with a fraction; here milliseconds. */
        if (json_object_object_get_ex(o, "login-time", &login)) {
            const double ms = json_object_get_double(login) * 1000;

            if (ms >= 0 && ms < 1e18)
                vmgr__stat_add(ret, VMGR_STAT_ULLONG, (uint64_t)ms, "user.%zu.login-time", i);
        }
    }
    return 0;
}

/* ---- the system ---- */

static int add_os(struct json_object *o, const GArray *disks G_GNUC_UNUSED, GArray *ret,
                  struct vmgr_error **err G_GNUC_UNUSED)
{
    static const char *const keys[] = {
        "id",      "name",    "pretty-name", "version",        "version-id",
        "machine", "variant", "variant-id",  "kernel-release", "kernel-version"
    };

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *name = g_strconcat("os.", keys[i], NULL);

        add_text(ret, o, keys[i], name);
    }
    return 0;
}

static int add_timezone(struct json_object *o, const GArray *disks G_GNUC_UNUSED, GArray *ret,
                        struct vmgr_error **err)
{
    int64_t offset;

    add_text(ret, o, "zone", "timezone.name");
    if (!vmgr__agent_int(o, "offset", &offset) || offset < -86400 || offset > 86400)
        return vmgr__agent_lacks("guest-get-timezone", "offset", err);
    vmgr__stat_add(ret, VMGR_STAT_INT, (uint64_t)offset, "timezone.offset");
    return 0;
}

static int add_hostname(struct json_object *o, const GArray *disks G_GNUC_UNUSED, GArray *ret,
                        struct vmgr_error **err G_GNUC_UNUSED)
{
    add_text(ret, o, "host-name", "hostname");
    return 0;
}

/* ---- file systems and disks ---- */

static void add_fs_disk(GArray *ret, struct json_object *disk, const GArray *disks, size_t i,
                        size_t j)
{
    const char *target = vmgr__agent_disk_target(disks, disk);
    const char *serial = vmgr__agent_string(disk, "serial");
    const char *device = vmgr__agent_string(disk, "dev");

    if (target)
        vmgr__stat_add_text(ret, target, "fs.%zu.disk.%zu.alias", i, j);
    if (serial)
        vmgr__stat_add_text(ret, serial, "fs.%zu.disk.%zu.serial", i, j);
    if (device)
        vmgr__stat_add_text(ret, device, "fs.%zu.disk.%zu.device", i, j);
}

static int add_filesystems(struct json_object *list, const GArray *disks, GArray *ret,
                           struct vmgr_error **err)
{
    static const char *const texts[][2] = { { "mountpoint", "mountpoint" },
                                            { "name", "name" },
                                            { "type", "fstype" } };
    static const char *const sizes[] = { "total-bytes", "used-bytes" };

    if (!vmgr__agent_is_list(list, "guest-get-fsinfo", err))
        return -1;
    add_count(ret, list, "fs.count");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        struct json_object *on = vmgr__agent_member(o, "disk", json_type_array);
        int64_t bytes;

        for (size_t j = 0; j < G_N_ELEMENTS(texts); j++) {
            g_autofree char *name = g_strdup_printf("fs.%zu.%s", i, texts[j][1]);

            add_text(ret, o, texts[j][0], name);
        }
        for (size_t j = 0; j < G_N_ELEMENTS(sizes); j++) {
            if (vmgr__agent_int(o, sizes[j], &bytes) && bytes >= 0)
                vmgr__stat_add(ret, VMGR_STAT_ULLONG, (uint64_t)bytes, "fs.%zu.%s", i, sizes[j]);
        }
        if (!on)
            continue;
        if (!vmgr__agent_is_list(on, "guest-get-fsinfo", err))
            return -1;
        vmgr__stat_add(ret, VMGR_STAT_UINT, json_object_array_length(on), "fs.%zu.disk.count", i);
        for (size_t j = 0; j < json_object_array_length(on); j++)
            add_fs_disk(ret, json_object_array_get_idx(on, j), disks, i, j);
    }
    return 0;
}

static void add_dependencies(GArray *ret, struct json_object *disk, size_t i)
{
    struct json_object *list = vmgr__agent_member(disk, "dependencies", json_type_array);
    size_t n = 0;

    for (size_t j = 0; list && j < MIN(json_object_array_length(list), AGENT_LIST_MAX); j++) {
        struct json_object *o = json_object_array_get_idx(list, j);

        if (json_object_is_type(o, json_type_string) &&
            g_utf8_validate(json_object_get_string(o), -1, NULL))
            vmgr__stat_add_text(ret, json_object_get_string(o), "disk.%zu.dependency.%zu.name", i,
                                n++);
    }
    if (list)
        vmgr__stat_add(ret, VMGR_STAT_UINT, n, "disk.%zu.dependency.count", i);
}

static int add_disks(struct json_object *list, const GArray *disks, GArray *ret,
                     struct vmgr_error **err)
{
    if (!vmgr__agent_is_list(list, "guest-get-disks", err))
        return -1;
    add_count(ret, list, "disk.count");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        struct json_object *part = vmgr__agent_member(o, "partition", json_type_boolean);
        struct json_object *at = vmgr__agent_member(o, "address", json_type_object);
        const char *name = vmgr__agent_string(o, "name"), *alias = vmgr__agent_string(o, "alias");
        const char *serial = vmgr__agent_string(at, "serial");
        const char *bus = vmgr__agent_string(at, "bus-type");
        const char *target = at ? vmgr__agent_disk_target(disks, at) : NULL;

        if (!name)
            return vmgr__agent_lacks("guest-get-disks", "name", err);
        vmgr__stat_add_text(ret, name, "disk.%zu.name", i);
        vmgr__stat_add(ret, VMGR_STAT_BOOLEAN, part && json_object_get_boolean(part),
                       "disk.%zu.partition", i);
        add_dependencies(ret, o, i);
        if (serial)
            vmgr__stat_add_text(ret, serial, "disk.%zu.serial", i);
        if (target)
            vmgr__stat_add_text(ret, target, "disk.%zu.alias", i);
        if (alias)
            vmgr__stat_add_text(ret, alias, "disk.%zu.guest_alias", i);
        if (bus)
            vmgr__stat_add_text(ret, bus, "disk.%zu.guest_bus", i);
    }
    return 0;
}

/* ---- interfaces ---- */

static const char get_interfaces[] = "guest-network-get-interfaces";

static int tell_interfaces(struct json_object *list, vmgr__agent_interface_fn fn, void *data,
                           struct vmgr_error **err)
{
    if (!vmgr__agent_is_list(list, get_interfaces, err))
        return -1;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        struct json_object *addresses = vmgr__agent_member(o, "ip-addresses", json_type_array);
        const char *name = vmgr__agent_string(o, "name");
        const char *hwaddr = vmgr__agent_string(o, "hardware-address");

        if (!name)
            return vmgr__agent_lacks(get_interfaces, "name", err);
        if (!addresses || !json_object_array_length(addresses)) {
            fn(data, name, hwaddr, NULL, 0, false);
            continue;
        }
        if (!vmgr__agent_is_list(addresses, get_interfaces, err))
            return -1;
        for (size_t j = 0; j < json_object_array_length(addresses); j++) {
            struct json_object *at = json_object_array_get_idx(addresses, j);
            const char *type = vmgr__agent_string(at, "ip-address-type");
            const char *address = vmgr__agent_string(at, "ip-address");
            int64_t prefix;

            if (!type || !address)
                return vmgr__agent_lacks(get_interfaces, "ip-address", err);
            if (!vmgr__agent_int(at, "prefix", &prefix) || prefix < 0 || prefix > 128)
                return vmgr__agent_lacks(get_interfaces, "prefix", err);
            fn(data, name, hwaddr, address, (unsigned)prefix, strcmp(type, "ipv6") == 0);
        }
    }
    return 0;
}

int vmgr__agent_interfaces(struct vmgr__agent *a, vmgr__agent_interface_fn fn, void *data,
                           struct vmgr_error **err)
{
    struct json_object *list;
    int r;

    if (vmgr__agent_call(a, get_interfaces, NULL, &list, err) < 0)
        return -1;
    r = tell_interfaces(list, fn, data, err);
    json_object_put(list);
    return r;
}

/* Where in the list the walk is. */
struct walk {
    GArray *ret;
    char *name; /* of the interface before */
    size_t count, addresses;
};

static void end_interface(struct walk *w)
{
    if (w->name)
        vmgr__stat_add(w->ret, VMGR_STAT_UINT, w->addresses, "if.%zu.addr.count", w->count - 1);
    g_clear_pointer(&w->name, g_free);
    w->addresses = 0;
}

static void add_address(void *data, const char *name, const char *hwaddr, const char *address,
                        unsigned prefix, bool ipv6)
{
    struct walk *w = data;
    const size_t i = g_strcmp0(name, w->name) == 0 ? w->count - 1 : w->count;

    if (i == w->count) {
        end_interface(w);
        w->name = g_strdup(name);
        w->count++;
        vmgr__stat_add_text(w->ret, name, "if.%zu.name", i);
        if (hwaddr)
            vmgr__stat_add_text(w->ret, hwaddr, "if.%zu.hwaddr", i);
    }
    if (!address)
        return;
    vmgr__stat_add_text(w->ret, ipv6 ? "ipv6" : "ipv4", "if.%zu.addr.%zu.type", i, w->addresses);
    vmgr__stat_add_text(w->ret, address, "if.%zu.addr.%zu.addr", i, w->addresses);
    vmgr__stat_add(w->ret, VMGR_STAT_UINT, prefix, "if.%zu.addr.%zu.prefix", i, w->addresses);
    w->addresses++;
}

static int add_interfaces(struct json_object *list, const GArray *disks G_GNUC_UNUSED, GArray *ret,
                          struct vmgr_error **err)
{
    struct walk w = { .ret = ret };
    int r = tell_interfaces(list, add_address, &w, err);

    end_interface(&w);
    vmgr__stat_add(ret, VMGR_STAT_UINT, w.count, "if.count");
    return r;
}

/* ---- all of it ---- */

static const struct {
    uint32_t type;
    const char *command;
    int (*add)(struct json_object *answer, const GArray *disks, GArray *ret,
               struct vmgr_error **err);
} kinds[] = {
    { VMGR_GUEST_INFO_USERS, "guest-get-users", add_users },
    { VMGR_GUEST_INFO_OS, "guest-get-osinfo", add_os },
    { VMGR_GUEST_INFO_TIMEZONE, "guest-get-timezone", add_timezone },
    { VMGR_GUEST_INFO_HOSTNAME, "guest-get-host-name", add_hostname },
    { VMGR_GUEST_INFO_FILESYSTEM, "guest-get-fsinfo", add_filesystems },
    { VMGR_GUEST_INFO_DISKS, "guest-get-disks", add_disks },
    { VMGR_GUEST_INFO_INTERFACES, get_interfaces, add_interfaces },
};

int vmgr__agent_get_info(struct vmgr__agent *a, const GArray *disks, uint32_t types, GArray *ret,
                         struct vmgr_error **err)
{
    uint32_t known = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        known |= kinds[i].type;
    if (types & ~known)
        return agent_error(err, VMGR_ERR_INVALID_ARG, "unsupported guest information types '0x%x'",
                           types & ~known);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const guint before = ret->len;
        struct json_object *answer = NULL;
        struct vmgr_error *why = NULL;
        int r = 0;

        if (types && !(types & kinds[i].type))
            continue;
        r = vmgr__agent_call(a, kinds[i].command, NULL, &answer, &why);
        if (r == 0)
            r = kinds[i].add(answer, disks, ret, &why);
        json_object_put(answer);
        /* What nobody asked for by name may be missing; a guest that is silent is no such thing. */
        if (r < 0 && (types || vmgr_error_get_code(why) != VMGR_ERR_INTERNAL_ERROR)) {
            vmgr__error_move(err, why);
            return -1;
        }
        if (r < 0) {
            for (guint k = before; k < ret->len; k++) {
                struct vmgr_stat *s = &g_array_index(ret, struct vmgr_stat, k);

                g_free((char *)s->name);
                g_free((char *)s->text);
            }
            g_array_set_size(ret, before);
        }
        vmgr_error_free(why);
    }
    return 0;
}
