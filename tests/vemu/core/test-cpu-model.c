/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU models: parsing, what they take away and add, what they miss, leaf 0DH.
 */
#include "test-main.h"

#include <vemu/cpu.h>

#include "core/cpu-model.h"

#define OFFERED_1_ECX 0xf7fa3203u /* pni pclmulqdq ssse3 fma cx16 pcid sse4.1 ... hypervisor */
#define OFFERED_1_EDX 0x0fcbfbffu

static struct vemu_cpuid cpuid;

static void offer(void)
{
    static const struct vemu_cpuid_entry entries[] = {
        { 0, 0, 0, 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69 },
        { 1, 0, 0, 0x806f8, 0, OFFERED_1_ECX, OFFERED_1_EDX },
        { 7, 0, VEMU_CPUID_INDEXED, 2, 0x219d07ab, 0x40060c, 0x21000010 },
        { 7, 1, VEMU_CPUID_INDEXED, 0x10, 0, 0, 0xffffffff },
        { 0xd, 0, VEMU_CPUID_INDEXED, 0x202e7, 11008, 11008, 0 },
        { 0xd, 1, VEMU_CPUID_INDEXED, 0xf, 0, 0x800, 0 },
        { 0xd, 2, VEMU_CPUID_INDEXED, 256, 576, 0, 0 },
        { 0xd, 5, VEMU_CPUID_INDEXED, 64, 1088, 0, 0 },
        { 0xd, 6, VEMU_CPUID_INDEXED, 512, 1152, 0, 0 },
        { 0xd, 7, VEMU_CPUID_INDEXED, 1024, 1664, 0, 0 },
        { 0xd, 9, VEMU_CPUID_INDEXED, 8, 2688, 0, 0 },
        { 0xd, 11, VEMU_CPUID_INDEXED, 16, 0, 1, 0 },
        { 0xd, 17, VEMU_CPUID_INDEXED, 64, 2752, 2, 0 },
        { 0x40000000, 0, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d },
        { 0x40000001, 0, 0, 0x01000009, 0, 0, 0 },
        { 0x80000001, 0, 0, 0, 0, 0x21, 0x2c100800 },
        { 0x80000007, 0, 0, 0, 0, 0, 0x100 },
    };

    cpuid.count = G_N_ELEMENTS(entries);
    memcpy(cpuid.entries, entries, sizeof(entries));
}

static const struct vemu_cpuid_entry *leaf(uint32_t function, uint32_t index)
{
    for (uint32_t n = 0; n < cpuid.count; n++)
        if (cpuid.entries[n].function == function && cpuid.entries[n].index == index)
            return &cpuid.entries[n];
    return NULL;
}

/* Applies the model to what is offered; returns the names of what is missing. */
static char *apply(const char *model)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new_with_free_func(g_free);

    offer();
    OK(vemu__cpu_model_check(model, &err));
    OK(vemu__cpu_model_apply(model, &cpuid, missing, &err));
    g_ptr_array_add(missing, NULL);
    return g_strjoinv(" ", (char **)missing->pdata);
}

static bool has(const char *name)
{
    int n = vemu__cpu_feature_find(name, strlen(name));

    ck_assert_int_ge(n, 0);
    return vemu__cpu_feature_test(&cpuid, &vemu__cpu_features[n]);
}

#define APPLY(model, missed)                                                                       \
    do {                                                                                           \
        g_autofree char *names_ = apply(model);                                                    \
        ck_assert_str_eq(names_, missed);                                                          \
    } while (0)

START_TEST(text)
{
    static const char *const good[] = {
        "max", "host", "base", "qemu64", "x86-64-v1", "x86-64-v2", "x86-64-v3", "max,+sse3",
        "max,-sse4_1,sse4.2=off,+lzcnt", "host,enforce", "max,check=off,enforce=on",
        "base,+kvmclock", "max,tsc_adjust=on", "max,kvm=off", "host,kvm=on,kvm",
        "max,kvm-hint-dedicated=on", "max,kvm_hint_dedicated=off,kvm=off",
        "max,phys-bits=32", "max,phys_bits=52,host_phys_bits=off", "max,phys-bits=0",
        "max,host-phys-bits=on,host-phys-bits-limit=39",
    };
    static const struct {
        const char *model, *complaint;
    } bad[] = {
        { "", "''" },
        { "Nehalen", "'Nehalen'" },
        { "maxi", "known are: max, host, base" },
        { "max,", "comma" },
        { "max,,+sse", "''" },
        { "max,avx", NULL },
        { "max,+avx3", "'+avx3'" },
        { "max,avx=yes", "'avx=yes'" },
        { "max,avx=", "'avx='" },
        { "max,+check", "'+check'" },
        { "max,-enforce", "'-enforce'" },
        { "max,migratable=on", "'migratable=on'" },
        { "max,kvm=no", "'kvm=no' is not on or off" },
        { "max,kvm=", "'kvm='" },
        { "max,-kvm", "'-kvm' is not known" },
        { "max,kvm-hint-dedicated=1", "'kvm-hint-dedicated=1' is not on or off" },
        { "max,-kvm-hint-dedicated", "'-kvm-hint-dedicated' is not known" },
        { "max,kvm-hint-dedicated,kvm=off", "which kvm=off hides" },
        { "max,phys-bits", "'phys-bits' is not a number of bits from 32 to 52" },
        { "max,phys-bits=", "'phys-bits='" },
        { "max,phys-bits=31", "'phys-bits=31'" },
        { "max,phys-bits=53", "'phys-bits=53'" },
        { "max,phys-bits=-40", "'phys-bits=-40'" },
        { "max,phys-bits=0x28", "'phys-bits=0x28'" },
        { "max,phys-bits=40 ", "'phys-bits=40 '" },
        { "max,phys-bits=4294967336", "'phys-bits=4294967336'" },
        { "max,host-phys-bits=40", "'host-phys-bits=40' is not on or off" },
        { "max,phys-bits=40,host-phys-bits", "exclude each other" },
        { "max,host-phys-bits-limit=40", "needs host-phys-bits" },
    };

    for (size_t n = 0; n < G_N_ELEMENTS(good); n++)
        OK(vemu__cpu_model_check(good[n], &err));
    for (size_t n = 0; n < G_N_ELEMENTS(bad); n++) {
        if (!bad[n].complaint) { /* a name alone turns it on, as QEMU has it */
            OK(vemu__cpu_model_check(bad[n].model, &err));
            continue;
        }
        FAILS(vemu__cpu_model_check(bad[n].model, &err), EINVAL, bad[n].complaint);
    }
}
END_TEST

START_TEST(everything)
{
    static struct vemu_cpuid before;

    offer();
    before = cpuid;
    APPLY("max", "");
    ck_assert_mem_eq(&before, &cpuid, sizeof(cpuid));
    APPLY("host,+avx,-pn", "");
    cpuid.entries[4].ebx = cpuid.entries[4].ecx = 11008; /* from all components' sizes */
    ck_assert_mem_eq(&before, &cpuid, sizeof(cpuid));
}
END_TEST

START_TEST(levels)
{
    APPLY("x86-64-v1", "");
    ck_assert_uint_eq(leaf(1, 0)->ecx, 0x80200000 | (OFFERED_1_ECX & 1u << 24));
    ck_assert(has("sse2") && has("lm") && has("nx") && has("syscall"));
    ck_assert(!has("pni") && !has("rdtscp") && !has("pcid") && !has("smap") && !has("fsrm"));
    ck_assert(has("x2apic") && has("hypervisor") && has("invtsc") && has("arch-capabilities"));
    ck_assert_uint_eq(leaf(7, 1)->eax, 0);
    ck_assert_uint_eq(leaf(0x40000001, 0)->eax, 0x01000009);
    ck_assert_ptr_null(leaf(0xd, 0));

    APPLY("x86-64-v2", "");
    ck_assert(has("sse4.2") && has("popcnt") && has("lahf-lm") && !has("abm") && !has("avx"));

    APPLY("x86-64-v2,+avx,+xsave,-popcnt", "");
    ck_assert(has("avx") && !has("avx2") && !has("popcnt"));
    ck_assert_uint_eq(leaf(0xd, 0)->eax, 7);
    ck_assert_uint_eq(leaf(0xd, 0)->ecx, 832);
    ck_assert_ptr_nonnull(leaf(0xd, 2));
    ck_assert_ptr_null(leaf(0xd, 5));
    ck_assert_ptr_null(leaf(0xd, 17));
    ck_assert_ptr_nonnull(leaf(0xd, 11)); /* not one of XCR0 */

    APPLY("base", "");
    ck_assert_uint_eq(leaf(1, 0)->edx, 0);
}
END_TEST

START_TEST(single)
{
    APPLY("max,-avx512f,-hypervisor,-kvmclock", "");
    ck_assert_uint_eq(leaf(0xd, 0)->eax, 0x20207);
    ck_assert_uint_eq(leaf(0xd, 0)->ecx, 2816);
    ck_assert_ptr_null(leaf(0x40000000, 0));
    ck_assert_ptr_null(leaf(0x40000001, 0));
    APPLY("max,-kvmclock", ""); /* both of its bits */
    ck_assert_uint_eq(leaf(0x40000001, 0)->eax, 0x01000000);
    APPLY("max,sse4_1=off,sse3=off", "");
    ck_assert(!has("sse4.1") && !has("pni") && has("ssse3"));
    APPLY("max,-pcid,+pcid", "");
    ck_assert(has("pcid"));
}
END_TEST

START_TEST(missing)
{
    APPLY("max,+svm,+la57", "la57 svm");
    ck_assert(!has("svm"));
    APPLY("max,+svm,check=off", "");
    APPLY("x86-64-v3,-fma", "");
    offer();
    cpuid.entries[1].ecx &= ~(1u << 20);
    FAILS(vemu__cpu_model_apply("x86-64-v2,enforce", &cpuid, NULL, &err), ENOTSUP, "sse4.2");
    FAILS(vemu__cpu_model_apply("max,+svm,enforce", &cpuid, NULL, &err), ENOTSUP, "svm");
    OK(vemu__cpu_model_apply("x86-64-v2,-sse4_2,enforce", &cpuid, NULL, &err));
}
END_TEST

START_TEST(amd)
{
    offer();
    cpuid.entries[0].ebx = 0x68747541;
    cpuid.entries[15].edx |= 0x0183f3ff;
    OK(vemu__cpu_model_apply("max,-cx8,-mmx", &cpuid, NULL, &err));
    ck_assert_uint_eq(leaf(0x80000001, 0)->edx & 0x00800100, 0);
    ck_assert_uint_ne(leaf(0x80000001, 0)->edx & 1, 0);
}
END_TEST

static bool in_set(const uint8_t *features, const char *name)
{
    const int n = vemu_cpu_feature_lookup(name);

    ck_assert_int_ge(n, 0);
    return features[n];
}

static void get_model(const char *name, struct vemu_cpu_model_info *ret)
{
    for (uint32_t n = 0; vemu_cpu_model_get(n, ret) == 0; n++)
        if (!strcmp(ret->name, name))
            return;
    ck_abort_msg("no model %s", name);
}

START_TEST(told)
{
    struct vemu_cpu_model_info m = VEMU_CPU_MODEL_INFO_INIT;
    uint32_t count = 0;

    while (vemu_cpu_model_get(count, &m) == 0)
        count++;
    ck_assert_uint_gt(count, 40);
    ck_assert_int_eq(vemu_cpu_model_get(count, &m), -ENOENT);
    get_model("Broadwell-noTSX-IBRS", &m);
    ck_assert_str_eq(m.vendor, "Intel");
    ck_assert(in_set(m.features, "spec_ctrl") && in_set(m.features, "rdseed"));
    ck_assert(in_set(m.features, "fpu") && !in_set(m.features, "rtm"));
    get_model("Skylake-Client-noTSX-IBRS", &m); /* taken away again */
    ck_assert(in_set(m.features, "xsavec") && !in_set(m.features, "hle"));
    get_model("EPYC", &m);
    ck_assert_str_eq(m.vendor, "AMD");
    get_model("host", &m);
    ck_assert_uint_eq(m.everything, 1);
    m.size = 4;
    ck_assert_int_eq(vemu_cpu_model_get(0, &m), -EINVAL);

    ck_assert_int_eq(vemu_cpu_feature_lookup("pclmuldq"), vemu_cpu_feature_lookup("pclmulqdq"));
    ck_assert_int_eq(vemu_cpu_feature_lookup("bogus"), -ENOENT);
    ck_assert_str_eq(vemu_cpu_feature_name(0), "fpu");
    ck_assert_ptr_null(vemu_cpu_feature_name(VEMU_CPU_FEATURES_MAX));
}
END_TEST

/* KVM's leaves go; that there is a hypervisor is still said. */
START_TEST(without_kvm)
{
    APPLY("max,kvm=off", "");
    ck_assert_ptr_null(leaf(0x40000000, 0));
    ck_assert_ptr_null(leaf(0x40000001, 0));
    ck_assert(has("hypervisor") && !has("kvmclock"));
    APPLY("max,kvm=off,kvm=on", "");
    ck_assert_ptr_nonnull(leaf(0x40000000, 0));
    APPLY("x86-64-v2,+kvmclock,kvm=off", "");
    ck_assert_ptr_null(leaf(0x40000001, 0));
}
END_TEST

/* The hint is not among what is offered: nobody has it who does not ask. */
START_TEST(dedicated)
{
    APPLY("max,kvm-hint-dedicated=off", "");
    ck_assert_uint_eq(leaf(0x40000001, 0)->edx, 0);
    APPLY("max,kvm-hint-dedicated=on,enforce", "");
    ck_assert_uint_eq(leaf(0x40000001, 0)->edx, 1);
    ck_assert_uint_eq(leaf(0x40000001, 0)->eax, 0x01000009);
    offer();
    FAILS(vemu__cpu_model_apply("max,-hypervisor,kvm-hint-dedicated", &cpuid, NULL, &err), ENOTSUP,
          "vCPUs do not have KVM's leaves");
}
END_TEST

/* What is offered, with addresses of 46 bits. */
static struct vemu_cpu_settings settings_of(const char *model)
{
    struct vemu_cpu_settings settings;

    offer();
    cpuid.entries[cpuid.count++] = (struct vemu_cpuid_entry){ .function = 0x80000008,
                                                              .eax = 0x392e, .ebx = 7 };
    OK(vemu__cpu_model_check(model, &err));
    vemu__cpu_model_settings(model, &settings);
    return settings;
}

#define FIT(accel, settings) vemu__cpu_settings_fit_width(&(settings), &(accel), &cpuid, &err)

START_TEST(widths)
{
    static const struct {
        const char *model;
        uint32_t most, bits;
    } rows[] = {
        { "max", 0, 46 },
        { "max", 52, 46 },
        { "max,phys-bits=36", 0, 36 },
        { "max,phys-bits=46", 0, 46 },
        { "max,phys-bits=47", 0, 0 },
        { "max,phys-bits=52", 52, 52 },
        { "max,phys-bits=51", 50, 0 },
        { "max,host-phys-bits", 0, 46 },
        { "max,host-phys-bits,host-phys-bits-limit=40", 0, 40 },
        { "max,host-phys-bits,host-phys-bits-limit=50", 0, 46 },
    };
    struct vemu_cpu_offer processor = VEMU_CPU_OFFER_INIT;

    for (size_t n = 0; n < G_N_ELEMENTS(rows); n++) {
        const struct vemu_accel_ops accel = { .name = "some", .phys_bits_max = rows[n].most };
        const struct vemu_cpu_settings settings = settings_of(rows[n].model);

        if (!rows[n].bits) {
            FAILS(FIT(accel, settings), ENOTSUP, "accelerator some");
            continue;
        }
        OK(FIT(accel, settings));
        ck_assert_uint_eq(leaf(0x80000008, 0)->eax, 0x3900 | rows[n].bits);
        ck_assert_uint_eq(leaf(0x80000008, 0)->ebx, 7);
    }
    if (vemu_cpu_get_offer(NULL, &processor) == 0) { /* one that can have any */
        const struct vemu_accel_ops any = { .name = "any", .phys_bits_max = 52 };
        struct vemu_cpu_settings settings = settings_of("max,host-phys-bits");

        OK(FIT(any, settings));
        ck_assert_uint_eq(leaf(0x80000008, 0)->eax & 0xff, processor.physical_bits);
        settings = settings_of("max,host-phys-bits,host-phys-bits-limit=33");
        OK(FIT(any, settings));
        ck_assert_uint_eq(leaf(0x80000008, 0)->eax & 0xff, 33);
    }
}
END_TEST

START_TEST(offers)
{
    struct vemu_cpu_offer o = VEMU_CPU_OFFER_INIT;

    ck_assert_int_eq(vemu_cpu_get_offer("soft", &o), 0);
    ck_assert_uint_eq(o.size, sizeof(o));
    ck_assert_uint_eq(strlen(o.vendor), 12);
    ck_assert(in_set(o.features, "lm") && in_set(o.features, "sse4.2"));
    ck_assert(!in_set(o.features, "amx-tile"));
    ck_assert_int_eq(vemu_cpu_get_offer("hard", &o), -EINVAL);
#ifdef __x86_64__
    ck_assert_int_eq(vemu_cpu_get_offer(NULL, &o), 0);
    ck_assert(in_set(o.features, "lm") && in_set(o.features, "sse2"));
    ck_assert_uint_ge(o.physical_bits, 32);
#endif
    o.size = 4;
    ck_assert_int_eq(vemu_cpu_get_offer("soft", &o), -EINVAL);

    OK(vemu_cpu_check("soft", "max,kvm=off,phys-bits=52", &err));
    OK(vemu_cpu_check("soft", "max,+amx-tile", &err));
    FAILS(vemu_cpu_check("soft", "max,+amx-tile,enforce", &err), ENOTSUP, "amx-tile");
    FAILS(vemu_cpu_check("soft", "max,phys-bits=53", &err), EINVAL, "'phys-bits=53'");
    FAILS(vemu_cpu_check("hard", "max", &err), EINVAL, "accelerator hard is not known");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { text, everything, levels,      single, missing, amd,
                                   told, offers,     without_kvm, dedicated, widths, NULL };

    return run_tests("cpu-model", tests);
}
