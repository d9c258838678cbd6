/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU models: which of the features that the accelerator offers a vCPU shows.
 *
 * "max" and "host" take all of them. The others are sets of features; nothing else of CPUID changes
 * with them, neither vendor nor family, so that what guests know about errata of the processor they
 * run on stays right. A feature that no set has a name for is not in it. What describes the machine
 * rather than the instruction set (vemu__cpu_words[].platform: x2APIC, the TSC deadline timer,
 * KVM's interfaces, what has to do with mitigations) stays as it is offered.
 *
 * Leaf 0DH follows: without XSAVE it is gone, components whose feature is off are not in it.
 */
#include "core/cpu-model.h"

#include <errno.h>
#include <string.h>

#include "core/error.h"

/* --- the option's text ------------------------------------------------------------------------ */

struct item {
    int feature; /* index; -1: a setting */
    bool on;     /* of the feature */
};

/* Parses from *text, which moves behind it. */
static int item_parse(const char **text, struct vemu_cpu_settings *settings, struct item *ret,
                      struct vemu_error **err)
{
    const char *start = *text, *end = strchrnul(start, ','), *name = start, *equals;
    const size_t length = (size_t)(end - start);
    size_t name_length = length;

    *text = *end ? end + 1 : end;
    ret->on = *start != '-';
    if (*start == '+' || *start == '-') {
        name++;
        name_length--;
    } else {
        int r = vemu__cpu_settings_take(settings, start, length, err);

        ret->feature = -1;
        if (r)
            return r;
        if ((equals = memchr(start, '=', length))) {
            const size_t value = (size_t)(end - equals - 1);

            name_length = (size_t)(equals - start);
            ret->on = value == 2 && !memcmp(equals + 1, "on", 2);
            if (!ret->on && !(value == 3 && !memcmp(equals + 1, "off", 3)))
                return vemu__error_set(err, EINVAL, "CPU feature '%.*s' is not FEATURE=on or =off",
                                       (int)length, start);
        }
    }
    ret->feature = vemu__cpu_feature_find(name, name_length);
    if (ret->feature < 0)
        return vemu__error_set(err, EINVAL, "CPU feature '%.*s' is not known", (int)length, start);
    return 0;
}

static int model_find(const char *model, const char **ret_rest, struct vemu_error **err)
{
    const char *end = strchrnul(model, ','), *name;
    g_autoptr(GString) known = g_string_new(NULL);

    *ret_rest = *end ? end + 1 : end;
    for (unsigned n = 0; (name = vemu__cpu_model_name(n)); n++) {
        if (strlen(name) == (size_t)(end - model) && !strncmp(name, model, (size_t)(end - model)))
            return (int)n;
        g_string_append_printf(known, "%s%s", n ? ", " : "", name);
    }
    return vemu__error_set(err, EINVAL, "CPU model '%.*s' is not known; known are: %s",
                           (int)(end - model), model, known->str);
}

struct words;
static void words_put(struct words *words, int feature, bool on);

/* What stands behind the model's name: settings, and features for `words` (NULL: not wanted). */
static int take_items(const char *text, struct words *words, struct vemu_cpu_settings *settings,
                      struct vemu_error **err)
{
    struct item item;

    vemu__cpu_settings_init(settings);
    while (*text) {
        int r = item_parse(&text, settings, &item, err);

        if (r < 0)
            return r;
        if (item.feature >= 0 && words)
            words_put(words, item.feature, item.on);
    }
    return 0;
}

int vemu__cpu_model_check(const char *model, struct vemu_error **err)
{
    struct vemu_cpu_settings settings;
    const char *rest;
    int r = model_find(model, &rest, err);

    if (r >= 0 && g_str_has_suffix(model, ","))
        return vemu__error_set(err, EINVAL, "CPU model '%s' ends with a comma", model);
    if (r >= 0)
        r = take_items(rest, NULL, &settings, err);
    return r < 0 ? r : vemu__cpu_settings_check(&settings, err);
}

void vemu__cpu_model_settings(const char *model, struct vemu_cpu_settings *ret)
{
    const char *end = strchrnul(model, ',');

    take_items(*end ? end + 1 : end, NULL, ret, NULL);
}

/* --- bits ------------------------------------------------------------------------------------- */

static uint32_t *word_at(struct vemu_cpuid *cpuid, const struct vemu_cpu_word *word)
{
    struct vemu_cpuid_entry *e = vemu__cpuid_find(cpuid, word->function, word->index);

    if (!e)
        return NULL;
    return word->reg == 0   ? &e->eax
           : word->reg == 1 ? &e->ebx
           : word->reg == 2 ? &e->ecx
                            : &e->edx;
}

static void remove_if(struct vemu_cpuid *cpuid,
                      bool (*fits)(const struct vemu_cpuid_entry *e, uint64_t data), uint64_t data)
{
    uint32_t to = 0;

    for (uint32_t from = 0; from < cpuid->count; from++)
        if (!fits(&cpuid->entries[from], data))
            cpuid->entries[to++] = cpuid->entries[from];
    cpuid->count = to;
}

/* --- what follows from features --------------------------------------------------------------- */

static bool is_hypervisor_leaf(const struct vemu_cpuid_entry *e, uint64_t unused)
{
    return e->function >> 16 == 0x4000;
}

static bool is_xsave_leaf(const struct vemu_cpuid_entry *e, uint64_t unused)
{
    return e->function == 0xd;
}

static bool is_component_not_in(const struct vemu_cpuid_entry *e, uint64_t components)
{
    return e->function == 0xd && e->index >= 2 && e->index < 63 && !(components >> e->index & 1);
}

static bool has(const struct vemu_cpuid *cpuid, const char *name)
{
    const int feature = vemu__cpu_feature_find(name, strlen(name));

    g_assert(feature >= 0);
    return vemu__cpu_feature_test(cpuid, &vemu__cpu_features[feature]);
}

/* Components of XSAVE without their feature (SDM Vol. 1, 13.1). */
static void fit_xsave(struct vemu_cpuid *cpuid)
{
    struct vemu_cpuid_entry *e = vemu__cpuid_find(cpuid, 0xd, 0);
    uint64_t components;
    uint32_t size = 576; /* x87, SSE and the header */

    if (!has(cpuid, "xsave")) {
        remove_if(cpuid, is_xsave_leaf, 0);
        return;
    }
    if (!e)
        return;
    components = e->eax | (uint64_t)e->edx << 32;
    if (!has(cpuid, "avx"))
        components &= ~(uint64_t)0xe4;
    if (!has(cpuid, "mpx"))
        components &= ~(uint64_t)0x18;
    if (!has(cpuid, "avx512f"))
        components &= ~(uint64_t)0xe0;
    if (!has(cpuid, "pku"))
        components &= ~((uint64_t)1 << 9);
    if (!has(cpuid, "amx-tile"))
        components &= ~((uint64_t)3 << 17);
    e->eax = (uint32_t)components;
    e->edx = (uint32_t)(components >> 32);
    for (uint32_t n = 0; n < cpuid->count; n++) {
        const struct vemu_cpuid_entry *c = &cpuid->entries[n];
        const uint64_t end = (uint64_t)c->ebx + c->eax;

        /* Those of XCR0; the others have no place of their own. */
        if (c->function == 0xd && c->index >= 2 && c->index < 63 &&
            (components >> c->index & 1) && !(c->ecx & 1) && end > size && end <= UINT16_MAX)
            size = (uint32_t)end;
    }
    e->ebx = e->ecx = size;
    e = vemu__cpuid_find(cpuid, 0xd, 1);
    if (e)
        components |= e->ecx | (uint64_t)e->edx << 32; /* supervisor components */
    remove_if(cpuid, is_component_not_in, components);
}

/* AMD repeats bits of 1.EDX in 80000001H.EDX. */
static void fit_amd(struct vemu_cpuid *cpuid)
{
    const uint32_t repeated = 0x0183f3ff;
    struct vemu_cpuid_entry *vendor = vemu__cpuid_find(cpuid, 0, 0),
                            *one = vemu__cpuid_find(cpuid, 1, 0),
                            *extended = vemu__cpuid_find(cpuid, 0x80000001, 0);

    if (vendor && vendor->ebx == 0x68747541 /* AuthenticAMD */ && one && extended)
        extended->edx &= ~repeated | one->edx;
}

/* --- applying --------------------------------------------------------------------------------- */

/* Names of features in `wanted` that are not in `offered`. */
static void note_missing(const uint32_t *wanted, const uint32_t *offered, GPtrArray *missing)
{
    for (unsigned n = 0; n < vemu__cpu_feature_count; n++) {
        const struct vemu_cpu_feature *f = &vemu__cpu_features[n];

        if ((wanted[f->word] & ~offered[f->word]) >> f->bit & 1 &&
            !g_ptr_array_find_with_equal_func(missing, f->name, g_str_equal, NULL))
            g_ptr_array_add(missing, g_strdup(f->name));
    }
}

/* Words of features, in the order of vemu__cpu_words. */
struct words {
    uint32_t *offered; /* by the accelerator */
    uint32_t *wanted;  /* by the model, and what is said of it */
    uint32_t *shown;   /* to the guest */
};

static void words_clear(struct words *words)
{
    g_free(words->offered);
    g_free(words->wanted);
    g_free(words->shown);
}

static void words_init(struct words *ret, const struct vemu_cpu_model *model,
                       struct vemu_cpuid *cpuid)
{
    const unsigned count = vemu__cpu_word_count;
    const bool all = vemu__cpu_model_is_all(model);

    ret->offered = g_new0(uint32_t, count);
    ret->wanted = g_new0(uint32_t, count);
    ret->shown = g_new0(uint32_t, count);
    if (!all)
        vemu__cpu_model_words(model, ret->wanted);
    for (unsigned w = 0; w < count; w++) {
        const uint32_t *v = word_at(cpuid, &vemu__cpu_words[w]);

        ret->offered[w] = v ? *v : 0;
        ret->shown[w] = all ? ret->offered[w]
                            : ret->offered[w] & (ret->wanted[w] | vemu__cpu_words[w].platform);
    }
}

static void words_put(struct words *words, int feature, bool on)
{
    const unsigned count = vemu__cpu_word_count;
    g_autofree uint32_t *bits = g_new0(uint32_t, count);

    vemu__cpu_feature_put(bits, feature, true);
    for (unsigned w = 0; w < count; w++) {
        words->wanted[w] = on ? words->wanted[w] | bits[w] : words->wanted[w] & ~bits[w];
        words->shown[w] = on ? words->shown[w] | (bits[w] & words->offered[w])
                             : words->shown[w] & ~bits[w];
    }
}

/* Advice for the guest, which needs nothing of the accelerator: KVM's documentation, cpuid.rst,
 * KVM_HINTS_REALTIME. */
static int hint_dedicated(struct vemu_cpuid *cpuid, struct vemu_error **err)
{
    struct vemu_cpuid_entry *e = vemu__cpuid_find(cpuid, 0x40000001, 0);

    if (!e)
        return vemu__error_set(err, ENOTSUP,
                               "CPU setting kvm-hint-dedicated: vCPUs do not have KVM's leaves");
    e->edx |= 1;
    return 0;
}

/* The guest is shown these words, and what goes with them. */
static void show(struct vemu_cpuid *cpuid, const struct words *words, bool kvm)
{
    for (unsigned w = 0; w < vemu__cpu_word_count; w++) {
        uint32_t *v = word_at(cpuid, &vemu__cpu_words[w]);

        if (v)
            *v = words->shown[w];
    }
    if (!kvm || !has(cpuid, "hypervisor"))
        remove_if(cpuid, is_hypervisor_leaf, 0);
    fit_xsave(cpuid);
    fit_amd(cpuid);
}

int vemu__cpu_model_apply(const char *model, struct vemu_cpuid *cpuid, GPtrArray *missing,
                          struct vemu_error **err)
{
    g_autoptr(GPtrArray) lacks = g_ptr_array_new_with_free_func(g_free);
    struct vemu_cpu_settings settings;
    const struct vemu_cpu_model *known;
    struct words words;
    const char *rest;
    int r = model_find(model, &rest, err);

    if (r < 0)
        return r;
    known = vemu__cpu_model_at((unsigned)r);
    if (vemu__cpu_model_is_all(known) && !*rest)
        return 0;
    words_init(&words, known, cpuid);
    r = take_items(rest, &words, &settings, err);
    if (r < 0)
        goto out;
    note_missing(words.wanted, words.offered, lacks);
    if (settings.enforce && lacks->len) {
        g_autofree char *text = NULL;

        g_ptr_array_add(lacks, NULL);
        text = g_strjoinv(" ", (char **)lacks->pdata);
        r = vemu__error_set(err, ENOTSUP, "CPU model '%s': the accelerator does not have %s", model,
                            text);
        goto out;
    }
    for (guint n = 0; missing && settings.check && n < lacks->len; n++)
        g_ptr_array_add(missing, g_strdup(lacks->pdata[n]));
    show(cpuid, &words, settings.kvm);
    if (settings.kvm_hint_dedicated)
        r = hint_dedicated(cpuid, err);
out:
    words_clear(&words);
    return r;
}
