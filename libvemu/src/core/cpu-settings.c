/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What -cpu says besides features. The names are QEMU's.
 *
 * The width of physical addresses is CPUID 8000_0008H EAX[7:0] (Intel SDM Vol. 2A, CPUID), of 32 to
 * 52 bits. A guest may be shown fewer than the accelerator offers; more only where that does not
 * depend on the processor (accel.h, phys_bits_max).
 */
#include "core/cpu-settings.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <vemu/cpu.h>

#include "accel/accel.h"
#include "core/cpu-model.h"
#include "core/error.h"

#define WIDTH_LEAF 0x80000008u
#define WIDTH_MIN  32
#define WIDTH_MAX  52

static const struct {
    char name[24];
    bool is_number;
    uint16_t offset; /* in struct vemu_cpu_settings */
} table[] = {
    { "check", false, offsetof(struct vemu_cpu_settings, check) },
    { "enforce", false, offsetof(struct vemu_cpu_settings, enforce) },
    { "kvm", false, offsetof(struct vemu_cpu_settings, kvm) },
    { "kvm-hint-dedicated", false, offsetof(struct vemu_cpu_settings, kvm_hint_dedicated) },
    { "host-phys-bits", false, offsetof(struct vemu_cpu_settings, host_phys_bits) },
    { "host-phys-bits-limit", true, offsetof(struct vemu_cpu_settings, host_phys_bits_limit) },
    { "phys-bits", true, offsetof(struct vemu_cpu_settings, phys_bits) },
};

void vemu__cpu_settings_init(struct vemu_cpu_settings *ret)
{
    *ret = (struct vemu_cpu_settings){ .check = true,
                                       .kvm = true,
                                       .hyperv.spinlocks = VEMU_HYPERV_NEVER };
}

/* --- text ------------------------------------------------------------------------------------- */

static int take_switch(bool *ret, const char *text, size_t length, const char *value,
                       struct vemu_error **err)
{
    const size_t size = value ? (size_t)(text + length - value) : 0;

    *ret = !value || (size == 2 && !memcmp(value, "on", 2));
    if (!*ret && !(size == 3 && !memcmp(value, "off", 3)))
        return vemu__error_set(err, EINVAL, "CPU setting '%.*s' is not on or off", (int)length,
                               text);
    return 1;
}

static int take_width(uint32_t *ret, const char *text, size_t length, const char *value,
                      struct vemu_error **err)
{
    g_autofree char *number = value ? g_strndup(value, (size_t)(text + length - value)) : NULL;
    guint64 bits;

    if (!number || !g_ascii_string_to_unsigned(number, 10, 0, WIDTH_MAX, &bits, NULL) ||
        (bits && bits < WIDTH_MIN))
        return vemu__error_set(err, EINVAL,
                               "CPU setting '%.*s' is not a number of bits from %d to %d, or 0",
                               (int)length, text, WIDTH_MIN, WIDTH_MAX);
    *ret = (uint32_t)bits;
    return 1;
}

int vemu__cpu_settings_take(struct vemu_cpu_settings *settings, const char *text, size_t length,
                            struct vemu_error **err)
{
    const char *equals = memchr(text, '=', length), *value = equals ? equals + 1 : NULL;
    const size_t name_length = equals ? (size_t)(equals - text) : length;

    for (size_t n = 0; n < G_N_ELEMENTS(table); n++) {
        void *field = (char *)settings + table[n].offset;

        if (vemu__cpu_name_is(table[n].name, text, name_length))
            return table[n].is_number ? take_width(field, text, length, value, err)
                                      : take_switch(field, text, length, value, err);
    }
    return vemu__hyperv_take(&settings->hyperv, text, length, err);
}

int vemu__cpu_settings_check(const struct vemu_cpu_settings *s, struct vemu_error **err)
{
    if (s->phys_bits && s->host_phys_bits)
        return vemu__error_set(err, EINVAL,
                               "CPU settings phys-bits and host-phys-bits exclude "
                               "each other");
    if (s->host_phys_bits_limit && !s->host_phys_bits)
        return vemu__error_set(err, EINVAL,
                               "CPU setting host-phys-bits-limit needs host-phys-bits");
    if (s->kvm_hint_dedicated && !s->kvm)
        return vemu__error_set(err, EINVAL,
                               "CPU setting kvm-hint-dedicated is told in KVM's leaves, which "
                               "kvm=off hides");
    return vemu__hyperv_check(&s->hyperv, err);
}

bool vemu__cpu_settings_get(const struct vemu_cpu_settings *settings, unsigned n,
                            struct vemu_cpu_setting *ret)
{
    const struct vemu_hyperv *hv = &settings->hyperv;
    const unsigned own = G_N_ELEMENTS(table);

    *ret = (struct vemu_cpu_setting){ 0 };
    if (n < own) {
        const void *field = (const char *)settings + table[n].offset;

        ret->name = table[n].name;
        ret->is_number = table[n].is_number;
        ret->value = ret->is_number ? *(const uint32_t *)field : *(const bool *)field;
        return true;
    }
    switch (n - own) {
    case 0:
        *ret = (struct vemu_cpu_setting){ "hv-passthrough", false, hv->passthrough, NULL };
        break;
    case 1: *ret = (struct vemu_cpu_setting){ "hv-spinlocks", true, hv->spinlocks, NULL }; break;
    case 2: *ret = (struct vemu_cpu_setting){ "hv-vendor-id", false, 0, hv->vendor_id }; break;
    default:
        ret->name = vemu__hyperv_feature_name(n - own - 3);
        ret->value = ret->name ? hv->features >> (n - own - 3) & 1 : 0;
    }
    return ret->name;
}

/* --- the width of addresses ------------------------------------------------------------------- */

/* What the host has, as far as the accelerator can have it; 0: that is not known. */
static uint32_t host_width(const struct vemu_accel_ops *accel, uint32_t offered)
{
    struct vemu_cpu_offer processor = VEMU_CPU_OFFER_INIT;

    if (!accel->phys_bits_max)
        return offered;
    if (vemu_cpu_get_offer(NULL, &processor) < 0)
        return 0;
    return MIN(processor.physical_bits, accel->phys_bits_max);
}

int vemu__cpu_settings_fit_width(const struct vemu_cpu_settings *s,
                                 const struct vemu_accel_ops *accel, struct vemu_cpuid *cpuid,
                                 struct vemu_error **err)
{
    struct vemu_cpuid_entry *e = vemu__cpuid_find(cpuid, WIDTH_LEAF, 0);
    uint32_t offered = e ? e->eax & 0xff : 0, most, bits = s->phys_bits;

    if (s->host_phys_bits) {
        bits = host_width(accel, offered);
        if (!bits)
            return vemu__error_set(err, ENOTSUP,
                                   "host-phys-bits: the host does not say how wide its physical "
                                   "addresses are");
        if (s->host_phys_bits_limit)
            bits = MIN(bits, s->host_phys_bits_limit);
    }
    if (!bits)
        return 0;
    most = accel->phys_bits_max ? accel->phys_bits_max : offered;
    if (!e || bits > most)
        return vemu__error_set(err, ENOTSUP,
                               "phys-bits=%u: accelerator %s has physical addresses of at most %u "
                               "bits",
                               bits, accel->name, most);
    e->eax = (e->eax & ~0xffu) | bits;
    return 0;
}

/* --- Hyper-V ---------------------------------------------------------------------------------- */

int vemu__cpu_settings_add_hyperv(const struct vemu_cpu_settings *settings,
                                  const struct vemu_accel_ops *accel,
                                  const struct vemu_accel_config *config, struct vemu_accel_vm *vm,
                                  struct vemu_cpuid *cpuid, struct vemu_error **err)
{
    g_autofree struct vemu_cpuid *offered = NULL;
    int r;

    if (!vemu__hyperv_wanted(&settings->hyperv))
        return 0;
    if (!accel->supported_hyperv)
        return vemu__error_set(err, ENOTSUP, "accelerator %s has no Hyper-V enlightenments",
                               accel->name);
    offered = g_new0(struct vemu_cpuid, 1);
    r = accel->supported_hyperv(config, vm, offered);
    if (r == -EAGAIN)
        return r;
    if (r == -ENOTSUP)
        return vemu__error_set(err, ENOTSUP,
                               "this host's KVM has no Hyper-V enlightenments "
                               "(KVM_CAP_SYS_HYPERV_CPUID)");
    if (r < 0)
        return vemu__error_set(err, -r,
                               "cannot ask accelerator %s for its Hyper-V enlightenments: %s",
                               accel->name, strerror(-r));
    return vemu__hyperv_apply(&settings->hyperv, offered, cpuid, err);
}
