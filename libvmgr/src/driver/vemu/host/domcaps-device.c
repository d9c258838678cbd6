/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <devices> of domain capabilities: for each kind the values of its attributes that a start takes.
 */
#include <string.h>

#include "domcaps.h"

/* An attribute's values, and the device that has it: the value stands where %s is. */
struct choice {
    const char *name;
    const char *device;
    const char *const *values;
};
#define VALUES(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

struct group {
    const char *name;
    const struct choice *choices; /* ended by a name NULL; without values of the first: none */
};

/* Buses want names of their own. */
static const char *disk_name(const char *bus)
{
    return strcmp(bus, "virtio") == 0 ? "vda"
           : strcmp(bus, "ide") == 0  ? "hda"
           : strcmp(bus, "fdc") == 0  ? "fda"
                                      : "sda";
}

static bool takes_disk(const struct vmgr__domcaps_target *t, const char *kind, const char *bus,
                       const char *model)
{
    g_autofree char *attr = model ? g_strdup_printf(" model='%s'", model) : g_strdup("");
    g_autofree char *device = g_strdup_printf(
        "<disk type='file' device='%s'%s><source file='/x'/><target dev='%s' bus='%s'/></disk>",
        kind, attr, disk_name(bus), bus);

    return vmgr__domcaps_takes(t, "", device);
}

static void write_disk(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t)
{
    static const char *const kinds[] = { "disk", "cdrom", "floppy", "lun", NULL };
    static const char *const buses[] = { "ide", "fdc", "scsi", "virtio", "usb", "sata", NULL };
    static const char *const models[] = { "virtio", "virtio-transitional",
                                          "virtio-non-transitional", NULL };
    g_autoptr(GPtrArray) kind_list = g_ptr_array_new();
    g_autoptr(GPtrArray) bus_list = g_ptr_array_new();
    g_autoptr(GPtrArray) model_list = g_ptr_array_new();
    bool used[G_N_ELEMENTS(buses)] = { false };

    for (int k = 0; kinds[k]; k++) {
        bool any = false;

        for (int b = 0; buses[b]; b++) {
            if (takes_disk(t, kinds[k], buses[b], NULL))
                any = used[b] = true;
        }
        if (any)
            g_ptr_array_add(kind_list, (char *)kinds[k]);
    }
    for (int b = 0; buses[b]; b++) {
        if (used[b])
            g_ptr_array_add(bus_list, (char *)buses[b]);
    }
    for (int m = 0; models[m]; m++) {
        if (takes_disk(t, "disk", "virtio", models[m]))
            g_ptr_array_add(model_list, (char *)models[m]);
    }
    vmgr__xw_begin(w, "disk");
    vmgr__xw_attr(w, "supported", kind_list->len ? "yes" : "no");
    vmgr__domcaps_values(w, "diskDevice", kind_list);
    vmgr__domcaps_values(w, "bus", bus_list);
    vmgr__domcaps_values(w, "model", model_list);
    vmgr__xw_end(w, "disk");
}

#define GROUP(...)                                                                                 \
    (const struct choice[])                                                                        \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL, NULL, NULL                                                                       \
        }                                                                                          \
    }

static const struct group groups[] = {
    { "graphics", GROUP({ "type", "<graphics type='%s'/>",
                          VALUES("sdl", "vnc", "spice", "egl-headless", "dbus") }) },
    { "video",
      GROUP({ "modelType", "<video><model type='%s'/></video>",
              VALUES("vga", "cirrus", "vmvga", "qxl", "virtio", "none", "bochs", "ramfb") }) },
    { "hostdev",
      GROUP({ "mode",
              "<hostdev mode='%s' type='pci'><source><address domain='0x0000' bus='0x01' "
              "slot='0x00' function='0x0'/></source></hostdev>",
              VALUES("subsystem") },
            { "startupPolicy",
              "<hostdev mode='subsystem' type='usb'><source startupPolicy='%s'><vendor id='0x1'/>"
              "<product id='0x1'/></source></hostdev>",
              VALUES("default", "mandatory", "requisite", "optional") },
            { "subsysType",
              "<hostdev mode='subsystem' type='%s'><source><address domain='0x0000' bus='0x01' "
              "slot='0x00' function='0x0'/></source></hostdev>",
              VALUES("usb", "pci", "scsi") }) },
    { "rng",
      GROUP({ "model", "<rng model='%s'><backend model='random'>/dev/urandom</backend></rng>",
              VALUES("virtio", "virtio-transitional", "virtio-non-transitional") },
            { "backendModel", "<rng model='virtio'><backend model='%s'/></rng>",
              VALUES("random", "egd", "builtin") }) },
    { "filesystem",
      GROUP({ "driverType",
              "<filesystem type='mount'><driver type='%s'/><source dir='/x'/><target dir='x'/>"
              "</filesystem>",
              VALUES("path", "handle", "virtiofs") }) },
    { "tpm", GROUP({ "model", "<tpm model='%s'><backend type='emulator' version='2.0'/></tpm>",
                     VALUES("tpm-tis", "tpm-crb", "tpm-spapr") },
                   { "backendModel", "<tpm model='tpm-crb'><backend type='%s'/></tpm>",
                     VALUES("passthrough", "emulator", "external") }) },
    { "redirdev", GROUP({ "bus", "<redirdev bus='%s' type='spicevmc'/>", VALUES("usb") }) },
    { "channel", GROUP({ "type",
                         "<channel type='%s'><source mode='bind' path='/x'/>"
                         "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
                         VALUES("pty", "unix", "spicevmc", "dbus") }) },
};

static GPtrArray *find_values(const struct vmgr__domcaps_target *t, const struct choice *c)
{
    GPtrArray *found = g_ptr_array_new();

    for (const char *const *v = c->values; *v; v++) {
        g_auto(GStrv) halves = g_strsplit(c->device, "%s", 2);
        g_autofree char *device = g_strjoinv(*v, halves);

        if (vmgr__domcaps_takes(t, "", device))
            g_ptr_array_add(found, (char *)*v);
    }
    return found;
}

static void write_group(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t,
                        const struct group *g)
{
    for (const struct choice *c = g->choices; c->name; c++) {
        g_autoptr(GPtrArray) values = find_values(t, c);

        if (c == g->choices) {
            vmgr__xw_begin(w, g->name);
            vmgr__xw_attr(w, "supported", values->len ? "yes" : "no");
            if (!values->len)
                break;
        }
        vmgr__domcaps_values(w, c->name, values);
    }
    vmgr__xw_end(w, g->name);
}

void vmgr__domcaps_devices(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t)
{
    vmgr__xw_begin(w, "devices");
    write_disk(w, t);
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++)
        write_group(w, t, &groups[i]);
    vmgr__xw_end(w, "devices");
}
