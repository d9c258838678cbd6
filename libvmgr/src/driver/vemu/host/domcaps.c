/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What domains on this host can have (libvirt's domaincaps.rng).
 *
 * Theory of operation. Nothing here knows what the driver supports: small definitions are put
 * before the same check that a start goes through, one for each value that the format has a name
 * for, and what passes is listed. So a device that the driver learns shows up by itself, and
 * nothing is promised that a start would refuse.
 */
#include <string.h>
#include <vemu/registry.h>

#include "../../../cpu/cpu.h"
#include "../../cpu.h"
#include "../device/parts.h"
#include "../run/firmware.h"
#include "../run/launch.h"
#include "host.h"

#define invalid(err, ...) vemu_error(err, VMGR_ERR_INVALID_ARG, __VA_ARGS__)

struct target {
    const struct vemu *d;
    char *emulator;
    const char *arch, *machine, *virt_type;
    const char *tried_type; /* of definitions that are tried: "vemu", of which no host is asked */
    uint32_t max_vcpus;
};

/* A start would take this: parts of <domain>, attributes and children of <os>, of <devices>. */
static bool takes_os(const struct target *t, const char *parts, const char *attrs, const char *os,
                     const char *devices)
{
    g_autofree char *xml =
        g_strdup_printf("<domain type='%s'><name>x</name><memory>65536</memory>%s"
                        "<os%s><type arch='%s' machine='%s'>hvm</type>%s</os>"
                        "<devices>%s</devices></domain>",
                        t->tried_type, parts, attrs, t->arch, t->machine, os, devices);
    struct vmgr__domain_def *def =
        vmgr__domain_def_parse(xml, &vmgr__vemu_defaults, VMGR__CONF_INACTIVE, NULL);
    const bool ok = def && vmgr__vemu_assign_addresses(def, 0, NULL) == 0 &&
                    vmgr__vemu_check_support(def, NULL) == 0 &&
                    vmgr__vemu_firmware_choose(t->d, def, NULL) == 0;

    vmgr__domain_def_free(def);
    return ok;
}

static bool takes(const struct target *t, const char *parts, const char *devices)
{
    return takes_os(t, parts, "", "<kernel>/x</kernel>", devices);
}

/* What starts instead of a kernel. */
static bool takes_firmware(const struct target *t, const char *attrs, const char *os)
{
    return takes_os(t, "<features><acpi/></features>", attrs, os, "");
}

/* ---- enumerations ---- */

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

static bool takes_disk(const struct target *t, const char *kind, const char *bus, const char *model)
{
    g_autofree char *attr = model ? g_strdup_printf(" model='%s'", model) : g_strdup("");
    g_autofree char *device = g_strdup_printf(
        "<disk type='file' device='%s'%s><source file='/x'/><target dev='%s' bus='%s'/></disk>",
        kind, attr, disk_name(bus), bus);

    return takes(t, "", device);
}

static void write_values(struct vmgr__xml_writer *w, const char *name, const GPtrArray *values)
{
    vmgr__xw_begin(w, "enum");
    vmgr__xw_attr(w, "name", name);
    for (guint i = 0; i < values->len; i++)
        vmgr__xw_text(w, "value", values->pdata[i]);
    vmgr__xw_end(w, "enum");
}

static void write_disk(struct vmgr__xml_writer *w, const struct target *t)
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
    write_values(w, "diskDevice", kind_list);
    write_values(w, "bus", bus_list);
    write_values(w, "model", model_list);
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

static GPtrArray *find_values(const struct target *t, const struct choice *c)
{
    GPtrArray *found = g_ptr_array_new();

    for (const char *const *v = c->values; *v; v++) {
        g_auto(GStrv) halves = g_strsplit(c->device, "%s", 2);
        g_autofree char *device = g_strjoinv(*v, halves);

        if (takes(t, "", device))
            g_ptr_array_add(found, (char *)*v);
    }
    return found;
}

static void write_group(struct vmgr__xml_writer *w, const struct target *t, const struct group *g)
{
    for (const struct choice *c = g->choices; c->name; c++) {
        g_autoptr(GPtrArray) values = find_values(t, c);

        if (c == g->choices) {
            vmgr__xw_begin(w, g->name);
            vmgr__xw_attr(w, "supported", values->len ? "yes" : "no");
            if (!values->len)
                break;
        }
        write_values(w, c->name, values);
    }
    vmgr__xw_end(w, g->name);
}

/* ---- firmware ---- */

static void write_os(struct vmgr__xml_writer *w, const struct target *t)
{
    static const char *const firmwares[] = { "bios", "efi", NULL };
    static const char *const types[] = { "rom", "pflash", NULL };
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    g_autoptr(GPtrArray) loaders = g_ptr_array_new();
    g_autoptr(GPtrArray) read_only = g_ptr_array_new();
    g_autoptr(GPtrArray) secure = g_ptr_array_new();
    g_autoptr(GPtrArray) images = vmgr__vemu_firmware_list(t->d, t->arch, t->machine);

    for (int i = 0; firmwares[i]; i++) {
        g_autofree char *attr = g_strdup_printf(" firmware='%s'", firmwares[i]);

        if (takes_firmware(t, attr, ""))
            g_ptr_array_add(found, (char *)firmwares[i]);
    }
    for (int i = 0; types[i]; i++) {
        g_autofree char *element =
            g_strdup_printf("<loader readonly='yes' type='%s'>/x</loader>", types[i]);

        if (takes_firmware(t, "", element))
            g_ptr_array_add(loaders, (char *)types[i]);
    }
    if (loaders->len)
        g_ptr_array_add(read_only, (char *)"yes");
    if (takes_firmware(t, "", "<loader readonly='no' type='pflash'>/x</loader>"))
        g_ptr_array_add(read_only, (char *)"no");
    g_ptr_array_add(secure, (char *)"no");
    if (takes_firmware(t, "", "<loader readonly='yes' secure='yes' type='pflash'>/x</loader>"))
        g_ptr_array_add(secure, (char *)"yes");

    vmgr__xw_begin(w, "os");
    vmgr__xw_attr(w, "supported", "yes");
    write_values(w, "firmware", found);
    vmgr__xw_begin(w, "loader");
    vmgr__xw_attr(w, "supported", loaders->len ? "yes" : "no");
    for (guint i = 0; loaders->len && i < images->len; i++) {
        const struct vemu_firmware *f = images->pdata[i];

        if (f->kind == VMGR__FIRMWARE_EFI)
            vmgr__xw_text(w, "value", f->loader);
    }
    if (loaders->len) {
        write_values(w, "type", loaders);
        write_values(w, "readonly", read_only);
        write_values(w, "secure", secure);
    }
    vmgr__xw_end(w, "loader");
    vmgr__xw_end(w, "os");
}

/* ---- processors ---- */

static const char *accel_of(const struct target *t)
{
    return strcmp(t->virt_type, "kvm") == 0 ? "kvm" : "soft";
}

static void write_mode(struct vmgr__xml_writer *w, const char *name, bool supported)
{
    vmgr__xw_begin(w, "mode");
    vmgr__xw_attr(w, "name", name);
    vmgr__xw_attr(w, "supported", supported ? "yes" : "no");
}

static void write_host_model(struct vmgr__xml_writer *w, const struct vmgr__cpu_set *set)
{
    struct vemu_cpu_model_info model = VEMU_CPU_MODEL_INFO_INIT;
    g_autoptr(GPtrArray) more = NULL;

    if (!set || !vmgr__cpu_best_model(set, &model)) {
        write_mode(w, "host-model", false);
        vmgr__xw_end(w, "mode");
        return;
    }
    more = vmgr__cpu_difference(set->on, model.features);
    write_mode(w, "host-model", true);
    vmgr__xw_begin(w, "model");
    vmgr__xw_attr(w, "fallback", "forbid");
    vmgr__xw_end_text(w, "model", model.name);
    vmgr__xw_text(w, "vendor", *model.vendor ? model.vendor : NULL);
    for (guint i = 0; i < more->len; i++) {
        vmgr__xw_begin(w, "feature");
        vmgr__xw_attr(w, "policy", "require");
        vmgr__xw_attr(w, "name", more->pdata[i]);
        vmgr__xw_end(w, "feature");
    }
    vmgr__xw_end(w, "mode");
}

static void write_custom(struct vmgr__xml_writer *w, const struct vmgr__cpu_set *set)
{
    struct vemu_cpu_model_info m = VEMU_CPU_MODEL_INFO_INIT;
    uint32_t i = 0;

    write_mode(w, "custom", true);
    while (vmgr__cpu_model_next(&i, &m)) {
        bool usable = set != NULL;

        for (size_t f = 0; usable && f < G_N_ELEMENTS(m.features); f++)
            usable = !m.features[f] || set->on[f];
        vmgr__xw_begin(w, "model");
        vmgr__xw_attr(w, "usable", usable ? "yes" : "no");
        vmgr__xw_attr(w, "vendor", *m.vendor ? m.vendor : "unknown");
        vmgr__xw_end_text(w, "model", m.name);
    }
    vmgr__xw_end(w, "mode");
}

static void write_cpu(struct vmgr__xml_writer *w, const struct target *t)
{
    struct vmgr__cpu_set set = { 0 };
    const bool known = vmgr__cpu_offered(accel_of(t), &set);
    const bool native = strcmp(t->virt_type, "kvm") == 0;
    g_autoptr(GPtrArray) on_off = g_ptr_array_new();

    g_ptr_array_add(on_off, (char *)"on");
    g_ptr_array_add(on_off, (char *)"off");
    vmgr__xw_begin(w, "cpu");
    write_mode(w, "host-passthrough", native);
    if (native)
        write_values(w, "hostPassthroughMigratable", on_off);
    vmgr__xw_end(w, "mode");
    write_mode(w, "maximum", true);
    write_values(w, "maximumMigratable", on_off);
    vmgr__xw_end(w, "mode");
    write_host_model(w, known ? &set : NULL);
    write_custom(w, known ? &set : NULL);
    vmgr__xw_end(w, "cpu");
}

/* ---- the rest ---- */

static void write_memory(struct vmgr__xml_writer *w, const struct target *t)
{
    static const char *const sources[] = { "file", "anonymous", "memfd", NULL };
    g_autoptr(GPtrArray) found = g_ptr_array_new();

    for (int i = 0; sources[i]; i++) {
        g_autofree char *part =
            g_strdup_printf("<memoryBacking><source type='%s'/></memoryBacking>", sources[i]);

        if (takes(t, part, ""))
            g_ptr_array_add(found, (char *)sources[i]);
    }
    vmgr__xw_begin(w, "memoryBacking");
    vmgr__xw_attr(w, "supported", found->len ? "yes" : "no");
    if (found->len)
        write_values(w, "sourceType", found);
    vmgr__xw_end(w, "memoryBacking");
}

/* Enlightenments depend on the host; each is tried with what it needs. */
static void write_hyperv(struct vmgr__xml_writer *w, const struct target *t)
{
    static const char vpindex[] = "<vpindex state='on'/>";
    static const char synic[] = "<vpindex state='on'/><synic state='on'/>";
    static const struct {
        const char *name, *attrs, *needs;
    } rows[] = {
        { "relaxed", "", "" },
        { "vapic", "", "" },
        { "spinlocks", " retries='8191'", "" },
        { "vpindex", "", "" },
        { "runtime", "", "" },
        { "synic", "", vpindex },
        { "stimer", "", synic },
        { "reset", "", "" },
        { "vendor_id", " value='x'", "" },
        { "frequencies", "", "" },
        { "reenlightenment", "", "" },
        { "tlbflush", "", vpindex },
        { "ipi", "", vpindex },
        { "evmcs", "", "<vapic state='on'/>" },
        { "avic", "", "" },
    };
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    struct target tried = *t;

    tried.tried_type = strcmp(t->virt_type, "kvm") == 0 ? "kvm" : "qemu";
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const bool timer = strcmp(rows[i].name, "stimer") == 0;
        g_autofree char *parts = g_strdup_printf(
            "<features><hyperv>%s<%s state='on'%s/></hyperv></features>%s", rows[i].needs,
            rows[i].name, rows[i].attrs,
            timer ? "<clock><timer name='hypervclock' present='yes'/></clock>" : "");

        if (takes(&tried, parts, ""))
            g_ptr_array_add(found, (char *)rows[i].name);
        else if (i == 0)
            break; /* what has not even this has none */
    }
    vmgr__xw_begin(w, "hyperv");
    vmgr__xw_attr(w, "supported", found->len ? "yes" : "no");
    if (found->len)
        write_values(w, "features", found);
    vmgr__xw_end(w, "hyperv");
}

static void write_features(struct vmgr__xml_writer *w, const struct target *t)
{
    static const struct {
        const char *name, *parts, *devices;
    } rows[] = {
        { "gic", NULL, NULL }, /* of another architecture */
        { "vmcoreinfo", "<features><vmcoreinfo state='on'/></features>", "" },
        { "genid", "<genid/>", "" },
        { "backingStoreInput", "",
          "<disk type='file' device='disk'><driver type='qcow2'/><source file='/x'/><backingStore "
          "type='file'><format type='raw'/><source file='/y'/></backingStore><target dev='vda' "
          "bus='virtio'/></disk>" },
        { "backup", NULL, NULL },
        { "sev", NULL, NULL },
        { "sgx", NULL, NULL },
    };

    vmgr__xw_begin(w, "features");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const bool ok = rows[i].parts && takes(t, rows[i].parts, rows[i].devices);

        vmgr__xw_begin(w, rows[i].name);
        vmgr__xw_attr(w, "supported", ok ? "yes" : "no");
        vmgr__xw_end(w, rows[i].name);
    }
    write_hyperv(w, t);
    vmgr__xw_end(w, "features");
}

static void write_all(struct vmgr__xml_writer *w, const struct target *t)
{
    vmgr__xw_begin(w, "domainCapabilities");
    vmgr__xw_text(w, "path", t->emulator);
    vmgr__xw_text(w, "domain", t->virt_type);
    vmgr__xw_text(w, "machine", t->machine);
    vmgr__xw_text(w, "arch", t->arch);
    vmgr__xw_begin(w, "vcpu");
    vmgr__xw_attrf(w, "max", "%u", t->max_vcpus);
    vmgr__xw_end(w, "vcpu");
    vmgr__xw_begin(w, "iothreads");
    vmgr__xw_attr(w, "supported", takes(t, "<iothreads>1</iothreads>", "") ? "yes" : "no");
    vmgr__xw_end(w, "iothreads");
    write_os(w, t);
    write_cpu(w, t);
    write_memory(w, t);
    vmgr__xw_begin(w, "devices");
    write_disk(w, t);
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++)
        write_group(w, t, &groups[i]);
    vmgr__xw_end(w, "devices");
    write_features(w, t);
    vmgr__xw_end(w, "domainCapabilities");
}

/* ---- which emulator is meant ---- */

static int find_emulator(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv, char **ret,
                         struct vmgr_error **err)
{
    struct vmgr__domain_def def = { .emulator = (char *)hv->emulator };

    *ret = vmgr__vemu_find_emulator(conn->driver_data, &def, err);
    return *ret ? 0 : -1;
}

static int resolve(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv, struct target *ret,
                   struct vmgr_error **err)
{
    struct vemu_class_info info = VEMU_CLASS_INFO_INIT;

    ret->d = conn->driver_data;
    ret->tried_type = "vemu";
    ret->arch = hv->arch ? hv->arch : "x86_64";
    ret->machine = hv->machine ? hv->machine : vmgr__vemu_defaults.machine;
    ret->virt_type = hv->virt_type ? hv->virt_type : vmgr__vemu_has_kvm() ? "kvm" : "qemu";
    if (vmgr__name_index(vmgr__virt_type_names, ret->virt_type) < 0)
        return invalid(err, "unknown virttype: %s", ret->virt_type);
    if (strcmp(ret->virt_type, "kvm") != 0 && strcmp(ret->virt_type, "qemu") != 0 &&
        strcmp(ret->virt_type, "vemu") != 0)
        return invalid(err, "the accel '%s' is not supported by emulator 'vemu' on this host",
                       ret->virt_type);
    if (strcmp(ret->virt_type, "kvm") == 0 && !vmgr__vemu_has_kvm())
        return invalid(err, "the accel 'kvm' is not supported by emulator 'vemu' on this host");
    if (strcmp(ret->arch, "x86_64") != 0 && strcmp(ret->arch, "i686") != 0)
        return invalid(err, "unknown architecture: %s", ret->arch);
    if (vemu_class_lookup(VEMU_CLASS_MACHINE, ret->machine, &info) < 0)
        return invalid(err, "the machine '%s' is not supported by emulator 'vemu'", ret->machine);
    ret->max_vcpus = info.max_vcpus;
    return find_emulator(conn, hv, &ret->emulator, err);
}

static int get_domain_capabilities(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                                   char **ret, struct vmgr_error **err)
{
    struct vmgr__xml_writer w;
    struct target t = { 0 };

    if (resolve(conn, hv, &t, err) < 0)
        return -1;
    vmgr__xw_init(&w);
    write_all(&w, &t);
    *ret = vmgr__xw_finish(&w);
    g_free(t.emulator);
    return 0;
}

/* What vCPUs of that hypervisor can have. */
static int offered(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                   struct vmgr__cpu_set *ret, struct vmgr_error **err)
{
    struct target t = { 0 };

    if (resolve(conn, hv, &t, err) < 0)
        return -1;
    g_free(t.emulator);
    if (!vmgr__cpu_offered(accel_of(&t), ret))
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "the accelerator of domains of type '%s' cannot be used", t.virt_type);
    return 0;
}

static int compare_hypervisor(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                              const char *xml, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__cpu_set set = { 0 };

    return offered(conn, hv, &set, err) < 0
               ? -1
               : vmgr__cpu_compare(xml, &set, flags & VMGR_CPU_COMPARE_FAIL_INCOMPATIBLE, err);
}

static int baseline_hypervisor(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                               const char *const *xml, uint32_t count, uint32_t flags, char **ret,
                               struct vmgr_error **err)
{
    struct vmgr__cpu_set set = { 0 };

    return offered(conn, hv, &set, err) < 0 ? -1
                                            : vmgr__cpu_baseline(xml, count, &set, flags, ret, err);
}

static int compare(struct vmgr_conn *conn G_GNUC_UNUSED, const char *xml, uint32_t flags,
                   struct vmgr_error **err)
{
    struct vmgr__cpu_set set = { 0 };

    if (!vmgr__cpu_offered(NULL, &set))
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "cannot compare with a CPU that is not an x86");
    return vmgr__cpu_compare(xml, &set, flags & VMGR_CPU_COMPARE_FAIL_INCOMPATIBLE, err);
}

const struct vmgr__cpu_ops vmgr__vemu_cpu = {
    .get_domain_capabilities = get_domain_capabilities,
    .get_model_names = vmgr__host_cpu_model_names,
    .compare = compare,
    .baseline = vmgr__host_cpu_baseline,
    .compare_hypervisor = compare_hypervisor,
    .baseline_hypervisor = baseline_hypervisor,
};
