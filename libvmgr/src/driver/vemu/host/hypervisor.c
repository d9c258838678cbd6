/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions about an emulator of this host, by path, architecture, machine and kind: which one is
 * meant, what its domains can have, how CPUs compare with what it offers.
 */
#include <string.h>
#include <vemu/registry.h>

#include "../../../cpu/cpu.h"
#include "../../cpu.h"
#include "../device/parts.h"
#include "../run/launch.h"
#include "domcaps.h"
#include "host.h"

#define invalid(err, ...) vemu_error(err, VMGR_ERR_INVALID_ARG, __VA_ARGS__)

static int find_emulator(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv, char **ret,
                         struct vmgr_error **err)
{
    struct vmgr__domain_def def = { .emulator = (char *)hv->emulator };

    *ret = vmgr__vemu_find_emulator(conn->driver_data, &def, err);
    return *ret ? 0 : -1;
}

static int resolve(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                   struct vmgr__domcaps_target *ret, struct vmgr_error **err)
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
    struct vmgr__domcaps_target t = { 0 };

    if (resolve(conn, hv, &t, err) < 0)
        return -1;
    vmgr__xw_init(&w);
    vmgr__domcaps_write(&w, &t);
    *ret = vmgr__xw_finish(&w);
    g_free(t.emulator);
    return 0;
}

/* What vCPUs of that hypervisor can have. */
static int offered(struct vmgr_conn *conn, const struct vmgr_hypervisor *hv,
                   struct vmgr__cpu_set *ret, struct vmgr_error **err)
{
    struct vmgr__domcaps_target t = { 0 };

    if (resolve(conn, hv, &t, err) < 0)
        return -1;
    g_free(t.emulator);
    if (!vmgr__cpu_offered(vmgr__domcaps_accel(&t), ret))
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
