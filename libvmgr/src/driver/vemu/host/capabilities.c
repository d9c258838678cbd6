/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capabilities of the host and of the vemu driver (libvirt's capability.rng).
 *
 * Domains of type vemu take whichever accelerator is better. That type is this driver's own, and
 * the format has no name for it: it is not listed.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <vemu/registry.h>

#include "../../../cpu/cpu.h"
#include "host.h"
#include "../vemu.h"
#include "../run/launch.h"
#include "../run/seclabel.h"

static void write_domain_type(struct vmgr__xml_writer *w, const char *type)
{
    vmgr__xw_begin(w, "domain");
    vmgr__xw_attr(w, "type", type);
    vmgr__xw_end(w, "domain");
}

static void write_empty(struct vmgr__xml_writer *w, const char *name)
{
    vmgr__xw_begin(w, name);
    vmgr__xw_end(w, name);
}

/* The processor: the model that says most of it, and what it has besides. */
static void write_model(struct vmgr__xml_writer *w, const struct vemu_cpu_offer *offer,
                        GPtrArray **ret_more)
{
    struct vemu_cpu_model_info model = VEMU_CPU_MODEL_INFO_INIT;
    struct vmgr__cpu_set set = { 0 };
    static const uint8_t none[VEMU_CPU_FEATURES_MAX];

    vmgr__cpu_offered(NULL, &set);
    if (!vmgr__cpu_best_model(&set, &model)) {
        *ret_more = vmgr__cpu_difference(set.on, none);
        return;
    }
    *ret_more = vmgr__cpu_difference(set.on, model.features);
    vmgr__xw_text(w, "model", model.name);
    vmgr__xw_text(w, "vendor", set.vendor);
    vmgr__xw_begin(w, "signature");
    vmgr__xw_attrf(w, "family", "%u", offer->family);
    vmgr__xw_attrf(w, "model", "%u", offer->model);
    vmgr__xw_attrf(w, "stepping", "%u", offer->stepping);
    vmgr__xw_end(w, "signature");
}

static void write_cpu(struct vmgr__xml_writer *w, const struct vmgr__host_topology *t,
                      const char *arch)
{
    const struct vemu_cpu_offer *offer = vmgr__cpu_offer(NULL);
    g_autoptr(GPtrArray) more = NULL;

    vmgr__xw_begin(w, "cpu");
    vmgr__xw_text(w, "arch", arch);
    if (offer)
        write_model(w, offer, &more);
    vmgr__xw_begin(w, "topology");
    vmgr__xw_attrf(w, "sockets", "%u", t->packages);
    vmgr__xw_attr(w, "dies", "1");
    vmgr__xw_attrf(w, "cores", "%u", t->cores_per_package);
    vmgr__xw_attrf(w, "threads", "%u", t->threads_per_core);
    vmgr__xw_end(w, "topology");
    if (offer && offer->physical_bits) {
        vmgr__xw_begin(w, "maxphysaddr");
        vmgr__xw_attr(w, "mode", "emulate");
        vmgr__xw_attrf(w, "bits", "%u", offer->physical_bits);
        vmgr__xw_end(w, "maxphysaddr");
    }
    for (guint i = 0; more && i < more->len; i++) {
        vmgr__xw_begin(w, "feature");
        vmgr__xw_attr(w, "name", more->pdata[i]);
        vmgr__xw_end(w, "feature");
    }
    vmgr__host_write_pages(w);
    vmgr__xw_end(w, "cpu");
}

/* The machine's own: SMBIOS's UUID, else the one of its installation. */
static void write_uuid(struct vmgr__xml_writer *w)
{
    g_autofree char *text = vmgr__sys_read("class/dmi/id/product_uuid");
    uint8_t uuid[VMGR_UUID_SIZE];
    char clean[VMGR_UUID_STRING_SIZE];

    if (!text || !vmgr__uuid_parse(g_strstrip(text), uuid)) {
        g_clear_pointer(&text, g_free);
        if (!g_file_get_contents("/etc/machine-id", &text, NULL, NULL) ||
            !vmgr__uuid_parse(g_strstrip(text), uuid))
            return;
    }
    vmgr__uuid_format(uuid, clean);
    vmgr__xw_text(w, "uuid", clean);
}

static void write_power(struct vmgr__xml_writer *w)
{
    g_autofree char *states = vmgr__sys_read("power/state");
    g_auto(GStrv) words = g_strsplit(states ? g_strstrip(states) : "", " ", -1);

    vmgr__xw_begin(w, "power_management");
    if (g_strv_contains((const char *const *)words, "mem"))
        write_empty(w, "suspend_mem");
    if (g_strv_contains((const char *const *)words, "disk"))
        write_empty(w, "suspend_disk");
    vmgr__xw_end(w, "power_management");
}

static bool has_iommu(void)
{
    g_autofree char *path = vmgr__sys_path("kernel/iommu_groups");
    GDir *dir = g_dir_open(path, 0, NULL);
    const bool any = dir && g_dir_read_name(dir);

    if (dir)
        g_dir_close(dir);
    return any;
}

static void write_model_name(struct vmgr__xml_writer *w, const char *model)
{
    vmgr__xw_begin(w, "secmodel");
    vmgr__xw_text(w, "model", model);
    vmgr__xw_text(w, "doi", "0");
}

/* Models of access control. Who is a user of its own at each start has no label beforehand. */
static void write_models(struct vmgr__xml_writer *w, const struct vemu *d)
{
    static const char *const types[] = { "kvm", "qemu" };
    struct vemu_settings set;

    write_model_name(w, "none");
    vmgr__xw_end(w, "secmodel");
    if (!vmgr__vemu_seclabel_available(d, &set))
        return;
    write_model_name(w, "dac");
    for (size_t i = 0; set.way == VEMU_GUESTS_AS_ONE && i < G_N_ELEMENTS(types); i++) {
        g_autofree char *label = g_strdup_printf("+%u:+%u", set.uid, set.gid);

        vmgr__xw_begin(w, "baselabel");
        vmgr__xw_attr(w, "type", types[i]);
        vmgr__xw_end_text(w, "baselabel", label);
    }
    vmgr__xw_end(w, "secmodel");
}

static void write_host(struct vmgr__xml_writer *w, const struct vemu *d)
{
    const struct vmgr__host_topology t = vmgr__host_read_topology();
    struct utsname u = { 0 };

    uname(&u);
    vmgr__xw_begin(w, "host");
    write_uuid(w);
    write_cpu(w, &t, u.machine);
    write_power(w);
    vmgr__xw_begin(w, "iommu");
    vmgr__xw_attr(w, "support", has_iommu() ? "yes" : "no");
    vmgr__xw_end(w, "iommu");
    vmgr__host_write_topology(w);
    vmgr__host_write_caches(w);
    write_models(w, d);
    vmgr__xw_end(w, "host");
    vmgr__xw_raw(w, "\n");
}

static void write_machine(struct vmgr__xml_writer *w, const struct vemu_class_info *info,
                          const char *canonical, const char *name)
{
    vmgr__xw_begin(w, "machine");
    vmgr__xw_attr(w, "canonical", canonical);
    vmgr__xw_attrf(w, "maxCpus", "%u", info->max_vcpus);
    vmgr__xw_end_text(w, "machine", name);
}

static void write_features(struct vmgr__xml_writer *w, bool is_64)
{
    static const struct {
        const char *name, *preset, *toggle;
    } rows[] = { { "acpi", "on", "no" }, { "apic", "on", "no" } };

    vmgr__xw_begin(w, "features");
    if (!is_64)
        write_empty(w, "pae");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        vmgr__xw_begin(w, rows[i].name);
        vmgr__xw_attr(w, "default", rows[i].preset);
        vmgr__xw_attr(w, "toggle", rows[i].toggle);
        vmgr__xw_end(w, rows[i].name);
    }
    vmgr__xw_begin(w, "cpuselection");
    vmgr__xw_end(w, "cpuselection");
    vmgr__xw_begin(w, "deviceboot");
    vmgr__xw_end(w, "deviceboot");
    vmgr__xw_end(w, "features");
}

static void write_guest(struct vmgr__xml_writer *w, const char *arch, const char *emulator)
{
    const bool is_64 = strcmp(arch, "x86_64") == 0;
    struct vemu_class_info info = VEMU_CLASS_INFO_INIT;

    vmgr__xw_begin(w, "guest");
    vmgr__xw_text(w, "os_type", "hvm");
    vmgr__xw_begin(w, "arch");
    vmgr__xw_attr(w, "name", arch);
    vmgr__xw_text(w, "wordsize", is_64 ? "64" : "32");
    vmgr__xw_text(w, "emulator", emulator);
    for (uint32_t i = 0; vemu_class_get(VEMU_CLASS_MACHINE, i, &info) == 0; i++)
        write_machine(w, &info, NULL, info.name);
    write_domain_type(w, "qemu");
    if (vmgr__vemu_has_kvm())
        write_domain_type(w, "kvm");
    vmgr__xw_end(w, "arch");
    write_features(w, is_64);
    vmgr__xw_end(w, "guest");
    vmgr__xw_raw(w, "\n");
}

int vmgr__vemu_get_capabilities(struct vmgr_conn *conn, char **ret,
                                struct vmgr_error **err G_GNUC_UNUSED)
{
    g_autofree char *emulator = vmgr__vemu_find_emulator(conn->driver_data, NULL, NULL);
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "capabilities");
    vmgr__xw_raw(&w, "\n");
    write_host(&w, conn->driver_data);
    if (emulator) {
        write_guest(&w, "i686", emulator);
        write_guest(&w, "x86_64", emulator);
    }
    vmgr__xw_end(&w, "capabilities");
    *ret = vmgr__xw_finish(&w);
    return 0;
}
