/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processor of a guest: what a definition says of it, checked, and as the emulator's options.
 *
 * A guest that starts has the features its definition requires: what the accelerator does not offer
 * is an error here, or with accelerator "auto" (domains of type vemu) the emulator's, unless the
 * definition says check='none'. "host-model" becomes a model and features when a guest starts, so
 * that its description says what it has.
 */
#include "../../../cpu/cpu.h"

#include <string.h>

#include "../device/parts.h"
#include "feature.h"
#include "numa.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

/* As in conf/cpu.c. */
enum { POLICY_FORCE, POLICY_REQUIRE, POLICY_OPTIONAL, POLICY_DISABLE, POLICY_FORBID };
enum { CHECK_NONE };

const char *vmgr__vemu_accel(const struct vmgr__domain_def *def)
{
    return def->virt_type == VMGR__VIRT_KVM    ? "kvm"
           : def->virt_type == VMGR__VIRT_QEMU ? "soft"
                                               : "auto";
}

/* What the guest's accelerator offers, as far as that is known at no cost. */
static bool offered(const struct vmgr__domain_def *def, struct vmgr__cpu_set *ret)
{
    return def->virt_type != VMGR__VIRT_VEMU && vmgr__cpu_offered(vmgr__vemu_accel(def), ret);
}

/* ---- checks ---- */

/* <cache> that is what the guest gets anyway. */
static int check_cache(const struct vmgr__cpu *cpu, const xmlNode *node, struct vmgr_error **err)
{
    g_autofree char *mode = vmgr__xml_attr(node, "mode");

    if (g_strcmp0(mode, "passthrough") == 0 && cpu->mode == VMGR__CPU_HOST_PASSTHROUGH)
        return 0;
    return unsupported(err, "<cache> of <cpu> in mode '%s' is not supported by the vemu driver%s",
                       mode ? mode : "",
                       g_strcmp0(mode, "passthrough") == 0 ? " without CPU mode 'host-passthrough'"
                                                           : " yet");
}

/* <maxphysaddr>: the value of -cpu that goes with it, for g_free(). */
static char *width_option(const xmlNode *node)
{
    g_autofree char *mode = vmgr__xml_attr(node, "mode");
    g_autofree char *bits = vmgr__xml_attr(node, "bits");
    g_autofree char *limit = vmgr__xml_attr(node, "limit");

    if (g_strcmp0(mode, "emulate") == 0)
        return g_strdup_printf(",phys-bits=%s", bits);
    return g_strdup_printf(",host-phys-bits=on%s%s", limit ? ",host-phys-bits-limit=" : "",
                           limit ? limit : "");
}

/* Whether the accelerator can have so many is found out with the rest of the option. */
static int check_width(const xmlNode *node, struct vmgr_error **err)
{
    g_autofree char *mode = vmgr__xml_attr(node, "mode");
    g_autofree char *bits = vmgr__xml_attr(node, "bits");
    g_autofree char *limit = vmgr__xml_attr(node, "limit");
    const bool emulate = g_strcmp0(mode, "emulate") == 0;
    const char *number = emulate ? bits : limit;
    uint32_t value;

    if (!emulate && g_strcmp0(mode, "passthrough") != 0)
        return unsupported(err, "CPU maximum physical address mode '%s' is not known",
                           mode ? mode : "");
    if (emulate && !bits)
        return unsupported(err,
                           "if using CPU maximum physical address mode='%s', bits= must be "
                           "specified too",
                           mode);
    if (!emulate && bits)
        return unsupported(err,
                           "CPU maximum physical address bits number specification cannot be used "
                           "with mode='%s'",
                           mode);
    if (emulate && limit)
        return unsupported(err, "attribute limit of <maxphysaddr> cannot be used with mode='%s'",
                           mode);
    if (number && (!vmgr__parse_u32(number, &value) || value < 32 || value > 52))
        return unsupported(err, "CPU maximum physical address of '%s' bits is not one of 32 to 52",
                           number);
    return 0;
}

static int check_kept(const struct vmgr__cpu *cpu, guint n, struct vmgr_error **err)
{
    const char *name = cpu->kept_names->pdata[n];
    xmlDoc *doc = vmgr__xml_parse(cpu->kept->pdata[n], "(cpu)", name, err);
    int r;

    if (!doc)
        return -1;
    r = strcmp(name, "cache") == 0 ? check_cache(cpu, xmlDocGetRootElement(doc), err)
                                   : check_width(xmlDocGetRootElement(doc), err);
    xmlFreeDoc(doc);
    return r;
}

/* What -cpu says besides model and features of <cpu>. True: there are features that must be. */
static bool add_machine(const struct vmgr__domain_def *def, GString *option)
{
    const struct vmgr__cpu *cpu = &def->cpu;

    for (guint i = 0; cpu->present && i < cpu->kept->len; i++) {
        const char *name = cpu->kept_names->pdata[i];
        xmlDoc *doc = strcmp(name, "maxphysaddr") == 0
                          ? vmgr__xml_parse(cpu->kept->pdata[i], "(cpu)", name, NULL)
                          : NULL;

        if (doc) {
            g_autofree char *width = width_option(xmlDocGetRootElement(doc));

            g_string_append(option, width);
            xmlFreeDoc(doc);
        }
    }
    return vmgr__vemu_features_cpu(def, option);
}

/* Settings that some hosts and accelerators cannot have: they have the words. */
static int check_option(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    g_autoptr(GString) said = g_string_new(NULL);
    g_autofree char *option = NULL;
    struct vemu_error *why = NULL;

    add_machine(def, said);
    if (!said->len || def->virt_type == VMGR__VIRT_VEMU)
        return 0;
    option = vmgr__vemu_cpu_option(def);
    if (vemu_cpu_check(vmgr__vemu_accel(def), option, &why) < 0) {
        unsupported(err, "%s", vemu_error_message(why));
        vemu_error_free(why);
        return -1;
    }
    return 0;
}

static int check_topology(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__cpu *cpu = &def->cpu;
    uint64_t total;

    if (vmgr__vemu_boot_vcpus(def) != def->max_vcpus && !vmgr__vemu_has_pci(def))
        return unsupported(err,
                           "fewer current than maximum vCPUs (%u of %u) are not supported on "
                           "machine '%s'",
                           vmgr__vemu_boot_vcpus(def), def->max_vcpus, def->os.machine);
    if (!cpu->present || !cpu->sockets)
        return 0;
    if (__builtin_mul_overflow((uint64_t)cpu->sockets * cpu->dies,
                               (uint64_t)cpu->cores * cpu->threads, &total) ||
        total != def->max_vcpus)
        return unsupported(err, "CPU topology doesn't match maximum vcpu count");
    if (cpu->dies > 1 && !vmgr__vemu_has_pci(def))
        return unsupported(err, "CPU topology with dies is not supported on machine '%s'",
                           def->os.machine);
    return 0;
}

static int check_features(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__cpu *cpu = &def->cpu;
    struct vmgr__cpu_set require, forbid, host;
    g_autofree char *lacks = NULL;

    if (vmgr__cpu_wanted(cpu, &require, &forbid, err) < 0)
        return -1;
    if (!offered(def, &host))
        return 0; /* whoever starts the accelerator has the words */
    if (require.vendor && g_strcmp0(require.vendor, host.vendor) != 0)
        return vmgr__error_set(err, VMGR_ERR_CPU_INCOMPATIBLE, VMGR_FROM_CPU,
                               "host CPU vendor does not match required CPU vendor %s",
                               require.vendor);
    for (size_t i = 0; i < G_N_ELEMENTS(forbid.on); i++) {
        if (forbid.on[i] && host.on[i])
            return vmgr__error_set(err, VMGR_ERR_CPU_INCOMPATIBLE, VMGR_FROM_CPU,
                                   "Host CPU provides forbidden features: %s",
                                   vmgr__cpu_feature_label((int)i));
    }
    lacks = vmgr__cpu_difference_text(require.on, host.on);
    if (cpu->check != CHECK_NONE && *lacks)
        return vmgr__error_set(err, VMGR_ERR_CPU_INCOMPATIBLE, VMGR_FROM_CPU,
                               "Host CPU does not provide required features: %s", lacks);
    return 0;
}

int vmgr__vemu_check_cpu(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__cpu *cpu = &def->cpu;

    if (def->vcpu_placement)
        return unsupported(err, "vCPU placement 'auto' is not supported by the vemu driver yet");
    if (check_topology(def, err) < 0)
        return -1;
    if (!cpu->present)
        return check_option(def, err);
    if (cpu->vendor_id)
        return unsupported(err, "vendor_id of CPU models is not supported by the vemu driver yet");
    for (guint i = 0; i < cpu->kept_names->len; i++) {
        const char *name = cpu->kept_names->pdata[i];

        if (strcmp(name, "numa") != 0 && check_kept(cpu, i, err) < 0)
            return -1;
    }
    return vmgr__vemu_check_numa(def, err) < 0 || check_features(def, err) < 0
               ? -1
               : check_option(def, err);
}

/* ---- a run's definition ---- */

int vmgr__vemu_cpu_expand(struct vmgr__domain_def *def, struct vmgr_error **err)
{
    struct vmgr__cpu_set host = { 0 };

    if (!def->cpu.present || def->cpu.mode != VMGR__CPU_HOST_MODEL)
        return 0;
    if (!vmgr__cpu_offered(vmgr__vemu_accel(def), &host))
        return unsupported(err,
                           "CPU mode 'host-model' is not supported: accelerator %s cannot be used",
                           vmgr__vemu_accel(def));
    return vmgr__cpu_expand(&def->cpu, &host, err);
}

/* ---- options ---- */

static bool is_on(const struct vmgr__domain_def *def, const struct vmgr__cpu_feature *f, int index)
{
    struct vmgr__cpu_set host;

    if (f->policy != POLICY_OPTIONAL)
        return f->policy == POLICY_FORCE || f->policy == POLICY_REQUIRE;
    return vmgr__cpu_offered(vmgr__vemu_accel(def), &host) && host.on[index];
}

static bool is_custom(const struct vmgr__cpu *cpu)
{
    return cpu->present && cpu->mode == VMGR__CPU_CUSTOM && cpu->model;
}

const char *vmgr__vemu_cpu_model(const struct vmgr__domain_def *def)
{
    return is_custom(&def->cpu) ? def->cpu.model : "max";
}

char *vmgr__vemu_cpu_option(const struct vmgr__domain_def *def)
{
    const struct vmgr__cpu *cpu = &def->cpu;
    GString *s = g_string_new(vmgr__vemu_cpu_model(def));
    guint n = cpu->present ? cpu->features->len : 0;
    bool must;

    for (guint i = 0; i < n; i++) {
        const struct vmgr__cpu_feature *f =
            &g_array_index(cpu->features, struct vmgr__cpu_feature, i);
        const int index = vmgr__cpu_feature(f->name);

        if (index >= 0)
            g_string_append_printf(s, ",%s=%s", vemu_cpu_feature_name((uint32_t)index),
                                   is_on(def, f, index) ? "on" : "off");
    }
    if (strcmp(def->os.arch, "i686") == 0)
        g_string_append(s, ",lm=off");
    must = add_machine(def, s);
    if (must || ((is_custom(cpu) || n) && cpu->check != CHECK_NONE))
        g_string_append(s, ",enforce");
    return g_string_free(s, FALSE);
}
