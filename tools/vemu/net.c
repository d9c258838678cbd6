/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -netdev and -nic: networks and network cards.
 *
 * What an option does not know goes to the library as a property, which names it if it does not
 * know it either. hostfwd may be given several times; the library takes one list.
 */
#include "net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <vemu/net.h>

#include "build.h"
#include "keyval.h"
#include "report.h"

/* All hostfwd= as one. False: too long. */
static bool join_forwards(struct keyval *kv, char *text, size_t size)
{
    size_t kept = 0, used = 0;
    for (size_t i = 0; i < kv->count; i++) {
        struct vemu_property item = kv->items[i];
        if (strcmp(item.name, "hostfwd")) {
            kv->items[kept++] = item;
            continue;
        }
        int n = snprintf(text + used, size - used, "%s%s", used ? ";" : "", item.value);
        if (n < 0 || (size_t)n >= size - used)
            return false;
        used += (size_t)n;
    }
    kv->count = kept;
    if (used)
        kv->items[kv->count++] = (struct vemu_property){ "hostfwd", text };
    return true;
}

static bool add_net(struct vemu_vm *vm, const char *option, const char *value,
                    const char *class_name, const char *id, struct keyval *kv)
{
    char forwards[4096];
    struct vemu_error *err = NULL;
    if (!join_forwards(kv, forwards, sizeof(forwards))) {
        report("-%s: hostfwd is too long", option);
        return false;
    }
    if (vemu_vm_add_net(vm, class_name, id, kv->items, kv->count, &err) >= 0)
        return true;
    report("-%s %s: %s", option, value, vemu_error_message(err));
    vemu_error_free(err);
    return false;
}

static bool build_netdev(struct vemu_vm *vm, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "netdev", value, true))
        return false;
    const char *named = keyval_take(&kv, "type");
    const char *class_name = kv.first ? kv.first : named;
    const char *id = keyval_take(&kv, "id");
    bool ok = class_name && id;
    if (ok)
        ok = add_net(vm, "netdev", value, class_name, id, &kv);
    else
        report("-netdev %s: parameter '%s' is missing", value, class_name ? "id" : "type");
    keyval_free(&kv);
    return ok;
}

static bool build_nic(struct vemu_vm *vm, const char *value, unsigned n)
{
    struct keyval kv;
    char made[32];
    struct vemu_error *err = NULL;
    if (!strcmp(value, "none"))
        return true;
    if (!keyval_parse(&kv, "nic", value, true))
        return false;
    const char *id = keyval_take(&kv, "id"), *mac = keyval_take(&kv, "mac");
    const char *model = keyval_take(&kv, "model");
    snprintf(made, sizeof(made), "nic%u", n);
    id = id ? id : made;
    const struct vemu_property props[] = { { "netdev", id }, { "mac", mac } };
    bool ok = !model || !strcmp(model, "virtio") || !strncmp(model, "virtio-net", 10);
    if (!ok)
        report("-nic %s: model '%s' is not supported (virtio-net)", value, model);
    if (!model || !strcmp(model, "virtio"))
        model = "virtio-net"; /* on the machine's own bus */
    ok = ok && add_net(vm, "nic", value, kv.first ? kv.first : "user", id, &kv);
    if (ok && vemu_vm_add_device(vm, model, NULL, props, mac ? 2 : 1, &err) < 0) {
        report("-nic %s: %s", value, vemu_error_message(err));
        vemu_error_free(err);
        ok = false;
    }
    keyval_free(&kv);
    return ok;
}

bool build_nets(struct vemu_vm *vm, const struct options *o)
{
    for (size_t i = 0; i < o->netdevs.count; i++)
        if (!build_netdev(vm, o->netdevs.items[i]))
            return false;
    for (size_t i = 0; i < o->nics.count; i++)
        if (!build_nic(vm, o->nics.items[i], (unsigned)i))
            return false;
    return true;
}

bool build_default_net(struct vemu_vm *vm, const struct options *o)
{
    static const char id[] = "default-net";
    const struct vemu_property props[] = { { "netdev", id } };
    struct vemu_error *err = NULL;
    if (o->nodefaults || o->netdevs.count || o->nics.count ||
        !machine_is_pc(o))
        return true;
    int r = vemu_vm_add_net(vm, "user", id, NULL, 0, &err);
    if (r == -ENOENT) { /* this build, or this installation, has no network in user space */
        vemu_error_free(err);
        return true;
    }
    if (r >= 0)
        r = vemu_vm_add_device(vm, "virtio-net", id, props, 1, &err);
    if (r < 0)
        report("the default network (-nic none leaves it out): %s", vemu_error_message(err));
    vemu_error_free(err);
    return r >= 0;
}
