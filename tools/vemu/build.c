/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chardevs, serial ports, monitors and devices from their option texts.
 */
#include "build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vemu/registry.h>

#include "cpus.h"
#include "drive.h"
#include "fds.h"
#include "fwfile.h"
#include "keyval.h"
#include "net.h"
#include "object.h"
#include "report.h"
#include "share.h"
#include "smbios.h"
#include "trace.h"

static bool fail(const char *option, const char *value, struct vemu_error *err)
{
    report("-%s %s: %s", option, value, err ? vemu_error_message(err) : "failed");
    vemu_error_free(err);
    return false;
}

/* "unix:" + path is QEMU's short form of "socket,path=". */
static const struct {
    const char *prefix, *class_name, *key;
} short_forms[] = {
    { "file:", "file", "path" },
    { "unix:", "socket", "path" },
    { "pipe:", "pipe", "path" },
};

static bool name_taken_literally(const char *word)
{
    static const char *const words[] = { "stdio", "pty", "null", "ring" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(word, words[i]))
            return true;
    return false;
}

/* -serial / -qmp shorthand: makes chardev `id` from it. */
static bool chardev_from_short(struct vemu_vm *vm, const char *option, const char *value,
                               const char *id, bool mux)
{
    struct keyval kv;
    struct vemu_error *err = NULL;
    const char *class_name = NULL;
    if (!keyval_parse(&kv, option, value, true))
        return false;
    struct vemu_property props[KEYVAL_MAX + 2];
    size_t count = 0;
    if (kv.first && name_taken_literally(kv.first))
        class_name = kv.first;
    for (size_t i = 0; kv.first && i < sizeof(short_forms) / sizeof(short_forms[0]); i++) {
        size_t length = strlen(short_forms[i].prefix);
        if (strncmp(kv.first, short_forms[i].prefix, length))
            continue;
        class_name = short_forms[i].class_name;
        props[count++] = (struct vemu_property){ short_forms[i].key, kv.first + length };
    }
    if (!class_name) {
        report("-%s: unknown back-end '%s'", option, value);
        keyval_free(&kv);
        return false;
    }
    if (mux)
        props[count++] = (struct vemu_property){ "mux", "on" };
    for (size_t i = 0; i < kv.count; i++)
        props[count++] = kv.items[i];
    int r = vemu_vm_add_chardev(vm, class_name, id, props, count, &err);
    keyval_free(&kv);
    return r < 0 ? fail(option, value, err) : true;
}

/* "tcp:HOST:PORT[,...]" into properties; HOST may be empty, or an IPv6 address in brackets. */
static bool split_tcp(char *text, const char **ret_host, const char **ret_port)
{
    char *colon = strrchr(text, ':');
    if (!colon || !colon[1])
        return false;
    *colon = '\0';
    *ret_port = colon + 1;
    size_t length = strlen(text);
    if (text[0] == '[' && length > 1 && text[length - 1] == ']') {
        text[length - 1] = '\0';
        text++;
    } else if (strchr(text, ':')) {
        return false;
    }
    *ret_host = text;
    return true;
}

static bool has_key(const struct keyval *kv, const char *name)
{
    for (size_t i = 0; i < kv->count; i++)
        if (!strcmp(kv->items[i].name, name))
            return true;
    return false;
}

/* A socket that a debugger comes to: it listens, and nobody waits for it. */
static bool gdb_chardev(struct vemu_vm *vm, const char *value, const char *id)
{
    struct keyval kv;
    struct vemu_error *err = NULL;
    const char *host, *port;
    if (!keyval_parse(&kv, "gdb", value, true))
        return false;
    struct vemu_property props[KEYVAL_MAX + 4];
    size_t count = 0;
    char *text = strdup(kv.first ? kv.first + strcspn(kv.first, ":") : "");
    bool ok = text != NULL;
    if (ok && !strncmp(value, "unix:", 5)) {
        props[count++] = (struct vemu_property){ "path", text + 1 };
    } else if (ok && *text && split_tcp(text + 1, &host, &port)) {
        props[count++] = (struct vemu_property){ "port", port };
        if (*host)
            props[count++] = (struct vemu_property){ "host", host };
    } else {
        report("-gdb: '%s' is not tcp:[HOST]:PORT", value);
        ok = false;
    }
    if (!has_key(&kv, "server"))
        props[count++] = (struct vemu_property){ "server", "on" };
    if (!has_key(&kv, "wait"))
        props[count++] = (struct vemu_property){ "wait", "off" };
    for (size_t i = 0; i < kv.count; i++)
        props[count++] = kv.items[i];
    if (ok && vemu_vm_add_chardev(vm, "socket", id, props, count, &err) < 0)
        ok = fail("gdb", value, err);
    free(text);
    keyval_free(&kv);
    return ok;
}

static bool build_gdb(struct vemu_vm *vm, const char *value)
{
    static const char chardev_prefix[] = "chardev:", id[] = "gdb";
    struct vemu_error *err = NULL;
    const char *chardev = id;
    if (!strcmp(value, "none"))
        return true;
    if (!strncmp(value, chardev_prefix, sizeof(chardev_prefix) - 1))
        chardev = value + sizeof(chardev_prefix) - 1;
    else if (!strncmp(value, "tcp:", 4) || !strncmp(value, "unix:", 5)) {
        if (!gdb_chardev(vm, value, id))
            return false;
    } else if (!chardev_from_short(vm, "gdb", value, id, false)) {
        return false;
    }
    if (vemu_vm_add_gdbserver(vm, chardev, &err) < 0)
        return fail("gdb", value, err);
    return true;
}

static bool build_chardev(struct vemu_vm *vm, const char *value)
{
    struct keyval kv;
    struct vemu_error *err = NULL;
    if (!keyval_parse(&kv, "chardev", value, true))
        return false;
    const char *named = keyval_take(&kv, "backend");
    const char *class_name = kv.first ? kv.first : named;
    const char *id = keyval_take(&kv, "id");
    bool ok = class_name && id;
    if (!ok)
        report("-chardev %s: %s", value, class_name ? "parameter 'id' is missing"
                                                    : "the back-end is missing");
    else if (vemu_vm_add_chardev(vm, class_name, id, kv.items, kv.count, &err) < 0)
        ok = fail("chardev", value, err);
    keyval_free(&kv);
    return ok;
}

static bool build_device(struct vemu_vm *vm, const char *value)
{
    struct keyval kv;
    struct vemu_error *err = NULL;
    if (!keyval_parse(&kv, "device", value, true))
        return false;
    const char *named = keyval_take(&kv, "driver");
    const char *class_name = kv.first ? kv.first : named;
    const char *id = keyval_take(&kv, "id");
    bool ok = class_name != NULL;
    if (!ok)
        report("-device %s: the device class is missing", value);
    else if (vemu_vm_add_device(vm, class_name, id, kv.items, kv.count, &err) < 0)
        ok = fail("device", value, err);
    keyval_free(&kv);
    return ok;
}

/* The nth -serial: COM1.. with a chardev of its own or a named one. */
static bool build_serial(struct vemu_vm *vm, const char *value, unsigned n, bool mux)
{
    static const char chardev_prefix[] = "chardev:";
    char id[32], index[16];
    struct vemu_error *err = NULL;
    if (!strcmp(value, "none"))
        return true;
    bool mon = !strncmp(value, "mon:", 4); /* multiplexed with a monitor in QEMU */
    const char *chardev = id;
    snprintf(id, sizeof(id), "serial%u", n);
    snprintf(index, sizeof(index), "%u", n);
    if (!strncmp(value, chardev_prefix, sizeof(chardev_prefix) - 1))
        chardev = value + sizeof(chardev_prefix) - 1;
    else if (!chardev_from_short(vm, "serial", mon ? value + 4 : value, id, mux || mon))
        return false;
    const struct vemu_property props[] = { { "chardev", chardev }, { "index", index } };
    if (vemu_vm_add_device(vm, "isa-serial", NULL, props, 2, &err) < 0)
        return fail("serial", value, err);
    return true;
}

static bool build_serials(struct vemu_vm *vm, const struct options *o)
{
    bool ok = true;
    for (size_t i = 0; ok && i < o->serials.count; i++)
        ok = build_serial(vm, o->serials.items[i], (unsigned)i,
                          o->nographic && !strcmp(o->serials.items[i], "stdio"));
    if (!o->serials.count && !o->nodefaults)
        ok = build_serial(vm, o->nographic ? "stdio" : "null", 0, o->nographic);
    return ok;
}

/* "unix:PATH,server=on,wait=off,clients=N": a socket for several. */
static bool build_qmp_server(struct vemu_vm *vm, const char *value, const char *id,
                             struct keyval *kv, const char *clients)
{
    static const char prefix[] = "unix:";
    const char *server = keyval_take(kv, "server"), *wait = keyval_take(kv, "wait");
    bool is_server = false, waits = true;
    struct vemu_error *err = NULL;
    char *end;
    unsigned long most = strtoul(clients, &end, 10);
    if (!keyval_done(kv, "qmp") || (server && !parse_switch("qmp", "server", server, &is_server)) ||
        (wait && !parse_switch("qmp", "wait", wait, &waits)))
        return false;
    if (!kv->first || strncmp(kv->first, prefix, sizeof(prefix) - 1) || !is_server || waits) {
        report("-qmp %s: clients= is of unix:PATH,server=on,wait=off", value);
        return false;
    }
    if (*clients < '0' || *clients > '9' || *end || most > UINT32_MAX) {
        report("-qmp %s: clients=%s is not a number", value, clients);
        return false;
    }
    if (vemu_vm_add_monitor_server(vm, id, kv->first + sizeof(prefix) - 1, (uint32_t)most, &err) <
        0)
        return fail("qmp", value, err);
    return true;
}

static bool build_qmp(struct vemu_vm *vm, const char *value, unsigned n)
{
    static const char chardev_prefix[] = "chardev:";
    char id[32];
    struct vemu_error *err = NULL;
    const char *chardev = id;
    if (!strcmp(value, "none"))
        return true;
    snprintf(id, sizeof(id), "qmp%u", n);
    struct keyval kv;
    if (!keyval_parse(&kv, "qmp", value, true))
        return false;
    const char *clients = keyval_take(&kv, "clients");
    bool ok = clients && build_qmp_server(vm, value, id, &kv, clients);
    keyval_free(&kv);
    if (clients)
        return ok;
    if (!strncmp(value, chardev_prefix, sizeof(chardev_prefix) - 1))
        chardev = value + sizeof(chardev_prefix) - 1;
    else if (!chardev_from_short(vm, "qmp", value, id, false))
        return false;
    if (vemu_vm_add_monitor(vm, chardev, &err) < 0)
        return fail("qmp", value, err);
    return true;
}

bool machine_is_pc(const struct options *o)
{
    struct vemu_class_info info = VEMU_CLASS_INFO_INIT;
    char name[64];
    snprintf(name, sizeof(name), "%s", o->config.machine ? o->config.machine : "microvm");
    name[strcspn(name, ",")] = '\0';
    return vemu_class_lookup(VEMU_CLASS_MACHINE, name, &info) >= 0 && !strcmp(info.name, "q35");
}

struct vemu_vm *build_machine(struct options *o, struct trace *trace)
{
    struct vemu_vm *vm = NULL;
    struct vemu_error *err = NULL;
    if (!drives_announce_flash(o) || !smbios_finish(o))
        return NULL;
    if (o->machine_options.count && !machine_is_pc(o)) {
        report("-bios, -boot, -smbios and if=pflash: only machine q35 starts with firmware or has "
               "its tables, and takes -global");
        return NULL;
    }
    if (!options_finish_machine(o))
        return NULL;
    bool ok = prepare_objects(o) && vemu_vm_new(&o->config, &vm, &err) >= 0;
    ok = ok && trace_begin(trace, vm, o);
    ok = ok && build_fds(vm, o) && build_fw_files(vm, o);
    ok = ok && build_objects(vm, o) && build_numa(vm, o);
    for (size_t i = 0; ok && i < o->chardevs.count; i++)
        ok = build_chardev(vm, o->chardevs.items[i]);
    ok = ok && build_drives(vm, o);
    ok = ok && build_nets(vm, o);
    ok = ok && build_shares(vm, o);
    ok = ok && build_serials(vm, o);
    for (size_t i = 0; ok && i < o->devices.count; i++)
        ok = build_device(vm, o->devices.items[i]);
    ok = ok && build_default_net(vm, o);
    /* monitors last: whoever can connect finds a machine that is ready */
    ok = ok && vemu_vm_realize(vm, &err) >= 0;
    for (size_t i = 0; ok && i < o->qmps.count; i++)
        ok = build_qmp(vm, o->qmps.items[i], (unsigned)i);
    ok = ok && (!o->gdb || build_gdb(vm, o->gdb));
    if (err) {
        report("%s", vemu_error_message(err));
        vemu_error_free(err);
    }
    return ok ? vm : vemu_vm_unref(vm);
}
