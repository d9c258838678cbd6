/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU models and features as the public interface tells of them.
 */
#include <errno.h>
#include <string.h>
#include <vemu/cpu.h>

#include "core/cpu-model.h"
#include "core/error.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

/* The first entry of a name stands for all of them. */
static bool is_first(unsigned n)
{
    const char *name = vemu__cpu_features[n].name;

    return vemu__cpu_feature_find(name, strlen(name)) == (int)n;
}

const char *vemu_cpu_feature_name(uint32_t index)
{
    if (index >= vemu__cpu_feature_count)
        return NULL;
    return is_first(index) ? vemu__cpu_features[index].name : "";
}

int vemu_cpu_feature_lookup(const char *name)
{
    const int n = vemu__cpu_feature_find(name, strlen(name));

    return n < 0 ? -ENOENT : n;
}

static void features_from_words(const uint32_t *words, uint8_t *ret)
{
    G_STATIC_ASSERT(VEMU_CPU_FEATURES_MAX >= 256);
    memset(ret, 0, VEMU_CPU_FEATURES_MAX);
    for (unsigned n = 0; n < vemu__cpu_feature_count && n < VEMU_CPU_FEATURES_MAX; n++) {
        const struct vemu_cpu_feature *f = &vemu__cpu_features[n];

        ret[n] = is_first(n) && words[f->word] >> f->bit & 1;
    }
}

int vemu_cpu_model_get(uint32_t index, struct vemu_cpu_model_info *ret)
{
    static const char *const vendors[] = { "", "Intel", "AMD" };
    const struct vemu_cpu_model *m;
    g_autofree uint32_t *words = g_new0(uint32_t, vemu__cpu_word_count);

    if (ret->size < sizeof(*ret))
        return -EINVAL;
    m = vemu__cpu_model_at(index);
    if (!m)
        return -ENOENT;
    ret->everything = vemu__cpu_model_is_all(m);
    ret->name = m->name;
    ret->vendor = vendors[m->vendor];
    ret->family = m->family;
    ret->reserved = 0;
    if (!ret->everything)
        vemu__cpu_model_words(m, words);
    features_from_words(words, ret->features);
    return 0;
}

/* --- who offers what -------------------------------------------------------------------------- */

static const struct vemu_cpuid_entry *leaf(const struct vemu_cpuid *cpuid, uint32_t function,
                                           uint32_t index)
{
    for (uint32_t n = 0; n < cpuid->count; n++)
        if (cpuid->entries[n].function == function && cpuid->entries[n].index == index)
            return &cpuid->entries[n];
    return NULL;
}

#if defined(__x86_64__) || defined(__i386__)
static void add_leaf(struct vemu_cpuid *cpuid, uint32_t function, uint32_t index)
{
    struct vemu_cpuid_entry e = { .function = function, .index = index };

    if (!leaf(cpuid, function, index) &&
        __get_cpuid_count(function, index, &e.eax, &e.ebx, &e.ecx, &e.edx))
        cpuid->entries[cpuid->count++] = e;
}

static int ask_processor(struct vemu_cpuid *cpuid)
{
    add_leaf(cpuid, 0, 0);
    add_leaf(cpuid, 0x80000008, 0);
    for (unsigned w = 0; w < vemu__cpu_word_count; w++) /* those of hypervisors are not its own */
        if (vemu__cpu_words[w].function >> 16 != 0x4000)
            add_leaf(cpuid, vemu__cpu_words[w].function, vemu__cpu_words[w].index);
    return 0;
}
#else
static int ask_processor(struct vemu_cpuid *cpuid G_GNUC_UNUSED)
{
    return -ENOTSUP;
}
#endif

/* -EINVAL, -ENODEV: without words. */
static int find_accelerator(const char *name, const struct vemu_accel_ops **ret)
{
    struct vemu_error *err = NULL;
    char reason[256];

    if (strcmp(name, "kvm") != 0 && strcmp(name, "soft") != 0 && strcmp(name, "auto") != 0)
        return -EINVAL;
    *ret = vemu__accel_choose(name, reason, sizeof(reason), &err);
    vemu_error_free(err);
    return *ret ? 0 : -ENODEV;
}

static int ask_accelerator(const struct vemu_accel_ops *ops, struct vemu_cpuid *cpuid)
{
    struct vemu_accel_config config = { .vcpus = 1, .ioapic_pins = 24 };
    struct vemu_error *err = NULL;
    struct vemu_accel_vm *vm = NULL;
    int r;

    r = ops->supported_cpuid(&config, NULL, cpuid);
    if (r != -EAGAIN)
        return r < 0 ? -ENODEV : 0;
    r = ops->vm_create(&config, &vm, &err); /* it has to see a machine */
    vemu_error_free(err);
    if (r < 0)
        return r == -ENOMEM ? r : -ENODEV;
    r = ops->supported_cpuid(&config, vm, cpuid);
    ops->vm_destroy(vm);
    return r < 0 ? -ENODEV : 0;
}

/* Vendor; family, model and stepping: Intel SDM Vol. 2A, CPUID, "Input EAX = 01H". */
static void put_identity(const struct vemu_cpuid *cpuid, struct vemu_cpu_offer *ret)
{
    const struct vemu_cpuid_entry *e = leaf(cpuid, 0, 0);

    if (e) {
        memcpy(ret->vendor, &e->ebx, 4);
        memcpy(ret->vendor + 4, &e->edx, 4);
        memcpy(ret->vendor + 8, &e->ecx, 4);
    }
    e = leaf(cpuid, 1, 0);
    if (e) {
        ret->family = e->eax >> 8 & 0xf;
        ret->model = e->eax >> 4 & 0xf;
        ret->stepping = e->eax & 0xf;
        if (ret->family == 6 || ret->family == 15)
            ret->model |= e->eax >> 12 & 0xf0;
        if (ret->family == 15)
            ret->family += e->eax >> 20 & 0xff;
    }
    e = leaf(cpuid, 0x80000008, 0);
    if (e)
        ret->physical_bits = e->eax & 0xff;
}

int vemu_cpu_get_offer(const char *accel, struct vemu_cpu_offer *ret)
{
    g_autofree struct vemu_cpuid *cpuid = g_try_new0(struct vemu_cpuid, 1);
    g_autofree uint32_t *words = g_new0(uint32_t, vemu__cpu_word_count);
    const struct vemu_accel_ops *ops = NULL;
    const uint32_t size = ret->size;
    int r = 0;

    if (size < sizeof(*ret))
        return -EINVAL;
    if (!cpuid)
        return -ENOMEM;
    if (accel)
        r = find_accelerator(accel, &ops);
    if (r >= 0)
        r = ops ? ask_accelerator(ops, cpuid) : ask_processor(cpuid);
    if (r < 0)
        return r;
    memset(ret, 0, sizeof(*ret));
    ret->size = size;
    put_identity(cpuid, ret);
    for (unsigned w = 0; w < vemu__cpu_word_count; w++) {
        const struct vemu_cpu_word *word = &vemu__cpu_words[w];
        const struct vemu_cpuid_entry *e = leaf(cpuid, word->function, word->index);

        if (e)
            words[w] = (const uint32_t[]){ e->eax, e->ebx, e->ecx, e->edx }[word->reg];
    }
    features_from_words(words, ret->features);
    return 0;
}

int vemu_cpu_check(const char *accel, const char *cpu, struct vemu_error **err)
{
    const struct vemu_accel_config config = { .vcpus = 1, .ioapic_pins = 24 };
    g_autofree struct vemu_cpuid *cpuid = g_try_new0(struct vemu_cpuid, 1);
    const struct vemu_accel_ops *ops = NULL;
    struct vemu_cpu_settings settings;
    int r;

    if (!cpuid)
        return vemu__error_set(err, ENOMEM, "out of memory");
    r = vemu__cpu_model_check(cpu, err);
    if (r < 0)
        return r;
    r = find_accelerator(accel, &ops);
    if (r >= 0)
        r = ask_accelerator(ops, cpuid);
    if (r < 0)
        return vemu__error_set(err, -r, "accelerator %s %s", accel,
                               r == -EINVAL ? "is not known" : "cannot be used");
    vemu__cpu_model_settings(cpu, &settings);
    r = vemu__cpu_model_apply(cpu, cpuid, NULL, err);
    if (r >= 0)
        r = vemu__cpu_settings_fit_width(&settings, ops, cpuid, err);
    if (r >= 0) {
        r = vemu__cpu_settings_add_hyperv(&settings, ops, &config, NULL, cpuid, err);
        if (r == -EAGAIN)
            vemu__error_set(err, ENODEV, "accelerator %s cannot be used", accel);
    }
    return r;
}
