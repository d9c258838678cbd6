/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPUID: the default table, lookup rules, what is patched in from the vCPU's state. */
#include <check.h>
#include <string.h>

#include "accel/soft/trace/decode.h"
#include "accel/soft/fp/sse4.h"
#include "accel/soft/sys/sys.h"
#include "accel/soft/trace/trace.h"
#include "harness.h"

static struct sc_harness *h;
static struct sc_cpu *c;
static uint32_t r[4];

static void setup(void)
{
    h = sc_harness_new_smp(SC_HARNESS_64, 1, 3);
    c = h->cpu;
}
static void teardown(void)
{
    sc_harness_free(h);
}

static void get(uint32_t leaf, uint32_t subleaf)
{
    sc_cpuid(c, leaf, subleaf, r);
}

START_TEST(identity)
{
    char name[49] = "";

    get(0, 0);
    ck_assert_uint_ge(r[0], 0x16);
    ck_assert_mem_eq(&r[1], "Genu", 4);
    ck_assert_mem_eq(&r[3], "ineI", 4);
    ck_assert_mem_eq(&r[2], "ntel", 4);
    for (uint32_t n = 0; n < 3; n++) {
        get(0x80000002 + n, 0);
        memcpy(name + n * 16, r, 16);
    }
    ck_assert_str_eq(name, "vemu software CPU");
    get(0x40000000, 0);
    ck_assert_mem_eq(&r[1], "KVMKVMKVM\0\0\0", 12);
}
END_TEST

/* What is shown has to work: the features whose instructions or bits exist in this CPU. */
START_TEST(features)
{
    get(1, 0);
    ck_assert_uint_eq(r[2] & (1u << 26 | 1u << 27 | 1u << 28), 0); /* no XSAVE, no AVX */
    ck_assert_uint_eq(r[2] & (1u << 3), 0);                        /* no MONITOR */
    ck_assert_uint_eq(r[2] & (1u << 31), 1u << 31);
    ck_assert_uint_eq(r[3] & 0x07000001, 0x07000001); /* fpu fxsr sse sse2 */
    ck_assert_uint_eq(sc_cr4_allowed(c) & (SC_CR4_SMEP | SC_CR4_SMAP | SC_CR4_FSGSBASE),
                      SC_CR4_SMEP | SC_CR4_SMAP | SC_CR4_FSGSBASE);
    get(0x80000007, 0);
    ck_assert_uint_eq(r[3], 1u << 8);
    get(0x80000008, 0);
    ck_assert_uint_eq(r[0], 40 | 48 << 8);
    get(0x15, 0);
    ck_assert_uint_eq((uint64_t)r[2] * r[1] / r[0], SC_TSC_HZ);
    get(6, 0);
    ck_assert_uint_eq(r[0], 4);
}
END_TEST

START_TEST(per_vcpu)
{
    c = h->vm.cpus[2];
    get(1, 0);
    ck_assert_uint_eq(r[1] >> 24, 2);
    get(0xb, 0);
    ck_assert_uint_eq(r[3], 2);
    ck_assert_uint_eq(r[2], 1 << 8);
    get(0xb, 1);
    ck_assert_uint_eq(r[0], 2); /* SC_HARNESS_CPUS ids need two bits */
    get(0xb, 9);
    ck_assert_uint_eq(r[2], 9);
    ck_assert_uint_eq(r[3], 2);
    ck_assert_uint_eq(r[0] | r[1], 0);
    get(1, 0);
    ck_assert_uint_ne(r[3] & 1u << 9, 0);
    ck_assert_int_eq(sc_wrmsr(c, 0x1b, 0xfee00000), 0);
    get(1, 0);
    ck_assert_uint_eq(r[3] & 1u << 9, 0); /* the APIC was switched off */
}
END_TEST

START_TEST(out_of_range)
{
    uint32_t top[4];

    get(0x1f, 0);
    memcpy(top, r, sizeof(top));
    get(0x20, 0); /* the highest basic leaf answers */
    ck_assert_mem_eq(r, top, sizeof(top));
    get(0x80000fff, 0);
    ck_assert_mem_eq(r, top, sizeof(top));
    get(0x40000fff, 0);
    ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
    get(3, 0); /* within range but absent */
    ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
    get(7, 1);
    ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
    c->cpuid.count = 0;
    get(0, 0);
    ck_assert_uint_eq(r[0] | r[1] | r[2] | r[3], 0);
}
END_TEST

START_TEST(instruction)
{
    /* mov $0x80000008, %eax; cpuid; hlt, with rubbish in the upper halves before */
    ck_assert_int_eq(sc_harness_exec(h, "\x48\x83\xcb\xff\xb8\x08\x00\x00\x80\x0f\xa2\xf4", 12),
                     SC_HARNESS_HALT);
    ck_assert_uint_eq(c->gpr[VEMU_RAX], 40 | 48 << 8);
    ck_assert_uint_eq(c->gpr[VEMU_RBX], 0);
}
END_TEST

static bool emits(const char *bytes)
{
    static struct sc_insn records[SC_TRACE_RECORDS + 1];
    struct sc_tb tb = { .c = c, .mode = SC_M_64, .insn = records, .max = SC_TRACE_RECORDS };
    uint8_t code[15] = { 0 };
    struct sc_dec d;

    memcpy(code, bytes, strlen(bytes));
    ck_assert_int_gt(sc_decode(&d, code, sizeof(code), SC_M_64, 0), 0);
    return sc_emit(&tb, &d);
}

/* An instruction goes with its bit, and with no other. (None has a zero byte but at its end.) */
START_TEST(masked)
{
    static const struct {
        uint32_t leaf;
        unsigned reg, bit;
        const char *bytes;
    } list[] = {
        { 1, 2, SC_BIT_SSE3, "\xf2\x0f\x7c\xc1" },          /* HADDPS */
        { 1, 2, SC_BIT_SSE3, "\xf2\x0f\x12\xc1" },          /* MOVDDUP */
        { 1, 2, SC_BIT_SSE3, "\xdb\x08" },                  /* FISTTP */
        { 1, 2, SC_BIT_SSSE3, "\x66\x0f\x38\x1c\xc1" },     /* PABSB */
        { 1, 2, SC_BIT_SSSE3, "\x0f\x38\x1c\xc1" },         /* on MMX */
        { 1, 2, SC_BIT_SSSE3, "\x66\x0f\x3a\x0f\xc1\x01" }, /* PALIGNR */
        { 1, 2, SC_BIT_SSE41, "\x66\x0f\x38\x40\xc1" },     /* PMULLD */
        { 1, 2, SC_BIT_SSE41, "\x66\x0f\x3a\x08\xc1\x01" }, /* ROUNDPS */
        { 1, 2, SC_BIT_SSE42, "\x66\x0f\x38\x37\xc1" },     /* PCMPGTQ */
        { 1, 2, SC_BIT_SSE42, "\x66\x0f\x3a\x63\xc1\x01" }, /* PCMPISTRI */
        { 1, 2, SC_BIT_SSE42, "\xf2\x0f\x38\xf1\xc1" },     /* CRC32 */
        { 1, 2, 13, "\x48\x0f\xc7\x08" },                  /* CMPXCHG16B */
        { 1, 2, 22, "\x0f\x38\xf1\x08" },                  /* MOVBE */
        { 1, 2, 23, "\xf3\x0f\xb8\xc1" },                  /* POPCNT */
        { 1, 2, 30, "\x0f\xc7\xf1" },                      /* RDRAND */
        { 7, 1, 10, "\x66\x0f\x38\x82\x08" },              /* INVPCID */
        { 7, 1, 18, "\x0f\xc7\xf9" },                      /* RDSEED */
        { 7, 1, 19, "\x66\x0f\x38\xf6\xc1" },              /* ADCX */
        { 7, 1, 19, "\xf3\x0f\x38\xf6\xc1" },              /* ADOX */
        { 7, 1, 20, "\x0f\x01\xca" },                      /* CLAC */
        { 7, 2, 22, "\xf3\x0f\xc7\xf9" },                  /* RDPID */
        { 0x80000001, 2, 0, "\x9f" },                        /* LAHF */
        { 0x80000001, 3, 27, "\x0f\x01\xf9" },             /* RDTSCP */
    };

    for (size_t n = 0; n < sizeof(list) / sizeof(list[0]); n++) {
        struct vemu_cpuid_entry *e = (struct vemu_cpuid_entry *)(uintptr_t)sc_cpuid_find(
            &c->cpuid, list[n].leaf, 0);
        uint32_t *regs[4] = { &e->eax, &e->ebx, &e->ecx, &e->edx }, kept = *regs[list[n].reg];
        const uint32_t bit = 1u << list[n].bit;

        if (list[n].leaf == 1 && (SC_HOST_SSE_BITS & bit) && !(sc_host_sse() & bit)) {
            ck_assert(!emits(list[n].bytes));
            *regs[list[n].reg] |= bit; /* whatever the guest is told */
            ck_assert(!emits(list[n].bytes));
            *regs[list[n].reg] = kept;
            continue;
        }
        ck_assert_msg(kept & bit, "%zu is not there", n);
        ck_assert_msg(emits(list[n].bytes), "%zu does nothing", n);
        *regs[list[n].reg] = bit;
        ck_assert_msg(emits(list[n].bytes), "%zu wants another bit", n);
        *regs[list[n].reg] = ~bit;
        ck_assert_msg(!emits(list[n].bytes), "%zu is still there", n);
        *regs[list[n].reg] = kept;
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-cpuid");
    TCase *t = tcase_create("cpuid");
    SRunner *run;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, identity);
    tcase_add_test(t, features);
    tcase_add_test(t, per_vcpu);
    tcase_add_test(t, out_of_range);
    tcase_add_test(t, instruction);
    tcase_add_test(t, masked);
    suite_add_tcase(s, t);
    run = srunner_create(s);
    srunner_run_all(run, CK_NORMAL);
    failed = srunner_ntests_failed(run);
    srunner_free(run);
    return failed ? 1 : 0;
}
