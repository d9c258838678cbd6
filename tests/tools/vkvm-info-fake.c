/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vkvm-info against hosts that do not exist here: the fake KVM with other capabilities, and folders
 * that stand for another host's /proc and /sys.
 */
#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../vkvm/fake_kvm.h"
#include "json.h"
#include "report.h"
#include "text.h"
#include "uses.h"

/* Two statistics, as the kernel lays them out. */
struct odd_stat {
    uint32_t flags;
    int16_t exponent;
    uint16_t size;
    uint32_t offset, bucket_size;
    char name[16];
};
static const struct {
    struct kvm_stats_header header;
    char id[16];
    struct odd_stat stats[2];
    uint64_t values[3];
} odd_stats = {
    .header = { .name_size = 16,
                .num_desc = 2,
                .id_offset = 24,
                .desc_offset = 40,
                .data_offset = 104 },
    .id = "kvm-7",
    .stats = { { KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_SECONDS | KVM_STATS_BASE_POW10, -9, 1,
                 0, 0, "wait_ns" },
               { KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_NONE, 0, 2, 8, 0, "hist" } },
    .values = { 1500000000, 3, 4 },
};

/* The fake with its answers bent. */
struct odd {
    struct fake_kvm fake; /* first: the table's data points to it */
    struct vkvm_syscalls sys;
    const char *const *caps; /* names; "NAME=VALUE" */
    int open_error;
    bool no_vm, busy_vm, no_vcpu, runs_wild;
    uint32_t us_a_run; /* how long KVM_RUN takes */
    uint32_t forced_ecx1;
};

static const char *const odd_caps[] = {
    /* a host without nesting, SMM, counters, Hyper-V, dirty ring */
    "USER_MEMORY",
    "EXT_CPUID",
    "SET_TSS_ADDR",
    "MP_STATE",
    "CHECK_EXTENSION_VM",
    "IRQCHIP",
    "IRQ_ROUTING=1024",
    "SIGNAL_MSI",
    "NR_VCPUS=8",
    "MAX_VCPUS=288",
    "NR_MEMSLOTS=512",
    "VCPU_EVENTS",
    "DEBUGREGS",
    "ADJUST_CLOCK=7",
    "XSAVE",
    "XCRS",
    "X2APIC_API=15",
    "MCE=32",
    "GET_MSR_FEATURES",
    "BINARY_STATS_FD",
    NULL,
};

static int odd_cap(const struct odd *o, uint32_t number)
{
    for (const char *const *cap = o->caps; *cap; cap++) {
        char name[64];
        size_t length = strcspn(*cap, "=");
        snprintf(name, sizeof(name), "%.*s", (int)length, *cap);
        if (vkvm_cap_number(name) == (int)number)
            return (*cap)[length] ? atoi(*cap + length + 1) : 1;
    }
    return 0;
}

static int odd_cpuid(struct kvm_cpuid2 *out)
{
    if (out->nent < 3)
        return -E2BIG;
    out->nent = 3;
    memset(out->entries, 0, 3 * sizeof(out->entries[0]));
    out->entries[0].eax = 7;
    out->entries[1].function = 1;
    out->entries[1].ecx = 1u << 0 | 1u << 13; /* sse3 cx16 */
    out->entries[2].function = 7;
    out->entries[2].flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    out->entries[2].ebx = 1u << 5; /* avx2 */
    return 0;
}

static int odd_run(struct odd *o)
{
    struct timespec pause = { 0, o->us_a_run * 1000l };
    if (o->us_a_run)
        nanosleep(&pause, NULL);
    o->fake.run->exit_reason = o->runs_wild ? KVM_EXIT_SHUTDOWN : KVM_EXIT_HLT;
    o->fake.regs.rcx = 0;
    return 0;
}

static int odd_ioctl(void *data, int fd, unsigned long request, void *argument)
{
    struct odd *o = data;
    const struct fake_handle *handle = fake_handle(&o->fake, fd);
    bool on_vm = handle && handle->kind == 'v';
    switch (request) {
    case KVM_CHECK_EXTENSION:
        /* as on real hosts, a VM may offer less */
        if (on_vm && (uintptr_t)argument == KVM_CAP_X2APIC_API)
            return 11;
        return odd_cap(o, (uint32_t)(uintptr_t)argument);
    case KVM_CREATE_VM:
        if (o->no_vm || o->busy_vm)
            return o->busy_vm ? -EBUSY : -ENOMEM;
        break;
    case KVM_CREATE_VCPU:
        if (o->no_vcpu)
            return -EINVAL;
        break;
    case KVM_GET_SUPPORTED_CPUID: return odd_cpuid(argument);
    case KVM_GET_CPUID2: {
        struct kvm_cpuid2 *table = argument;
        int r = o->fake.sys.ioctl(data, fd, request, argument);
        for (uint32_t i = 0; r >= 0 && i < table->nent; i++)
            if (table->entries[i].function == 1)
                table->entries[i].ecx |= o->forced_ecx1;
        return r;
    }
    case KVM_GET_MSR_FEATURE_INDEX_LIST: {
        struct kvm_msr_list *list = argument;
        uint32_t room = list->nmsrs;
        list->nmsrs = 2;
        if (room < 2)
            return -E2BIG;
        list->indices[0] = 0x10a;
        list->indices[1] = 0x99999;
        return 0;
    }
    case KVM_GET_MSRS: {
        struct kvm_msrs *msrs = argument;
        if (msrs->entries[0].index == 0x99999)
            return 0;
        msrs->entries[0].data = 0x8000000000000001;
        return 1;
    }
    case KVM_GET_STATS_FD: {
        int stats_fd = fake_new_fd(&o->fake, 's', NULL, 0);
        fake_handle(&o->fake, stats_fd)->bytes = &odd_stats;
        fake_handle(&o->fake, stats_fd)->bytes_size = sizeof(odd_stats);
        return stats_fd;
    }
    case KVM_RUN: return odd_run(o);
    default: break;
    }
    return o->fake.sys.ioctl(data, fd, request, argument);
}

static int odd_open(void *data, const char *path, int flags)
{
    struct odd *o = data;
    return o->open_error ? o->open_error : o->fake.sys.open(data, path, flags);
}

static void odd_init(struct odd *o)
{
    memset(o, 0, sizeof(*o));
    fake_kvm_init(&o->fake);
    o->sys = o->fake.sys;
    o->sys.open = odd_open;
    o->sys.ioctl = odd_ioctl;
    o->caps = odd_caps;
}

static struct report report;
static struct odd odd; /* each test runs in a process of its own */

static int collect(uint32_t sections)
{
    int status = report_collect(&odd.sys, NULL, "/nonexistent", sections, &report);
    for (uint32_t i = 0; i < report.problem_count; i++)
        printf("problem: %s\n", report.problems[i]);
    ck_assert_int_eq(odd.fake.mapped, 0);
    return status;
}

static void done(void)
{
    report_free(&report);
    ck_assert_int_eq(odd.fake.open_fds, 0);
}

static char *written(bool as_json, int status)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (as_json)
        ck_assert_int_eq(json_write(&report, status, f), 0);
    else
        text_write(&report, f);
    fclose(f);
    return text;
}

/* A path such as "uses.nested.status". */
static struct json_object *at(struct json_object *object, const char *path)
{
    char key[64];
    for (; *path; path += *path == '.') {
        size_t length = strcspn(path, ".");
        snprintf(key, sizeof(key), "%.*s", (int)length, path);
        ck_assert_msg(json_object_object_get_ex(object, key, &object), "no key %s", key);
        path += length;
    }
    return object;
}

#define ck_json(object, path, expected)                                                            \
    ck_assert_str_eq(json_object_to_json_string_ext(at(object, path), JSON_C_TO_STRING_PLAIN),     \
                     expected)

START_TEST(odd_host_json)
{
    odd_init(&odd);
    odd.forced_ecx1 = 1u << 23 | 1u << 27; /* popcnt; osxsave, which follows CR4 */
    ck_assert_int_eq(collect(SECTION_ALL), STATUS_OK);
    char *text = written(true, STATUS_OK);
    struct json_object *top = json_tokener_parse(text);
    ck_assert_ptr_nonnull(top);
    ck_json(top, "status", "0");
    ck_json(top, "device.usable", "true");
    ck_json(top, "device.error", "null");
    ck_json(top, "device.api_version", "12");
    ck_json(top, "host.modules", "[]");
    ck_json(top, "host.container", "null");
    ck_json(top, "uses.machine.status", "\"partial\"");
    ck_json(top, "uses.nested.status", "\"missing\"");
    ck_json(top, "uses.nested.missing", "[\"NESTED_STATE\",\"cpuid:vmx|cpuid:svm\"]");
    ck_json(top, "uses.smm.missing", "[\"X86_SMM\",\"MULTI_ADDRESS_SPACE>=2\"]");
    ck_json(top, "uses.dirty-ring.missing", "[\"DIRTY_LOG_RING|DIRTY_LOG_RING_ACQ_REL\"]");
    ck_json(top, "uses.pmu.status", "\"missing\"");
    ck_json(top, "uses.mce.status", "\"ok\"");
    ck_json(top, "uses.live-migration.missing", "[]");
    ck_json(top, "uses.live-migration.recommended_missing",
            "[\"MANUAL_DIRTY_LOG_PROTECT2&3\",\"TSC_CONTROL\",\"KVMCLOCK_CTRL\"]");
    ck_json(top, "uses.many-vcpus.missing", "[\"SPLIT_IRQCHIP\"]");
    ck_json(top, "cpuid.unmaskable",
            "[{\"function\":\"0x00000001\",\"index\":0,\"register\":\"ECX\","
            "\"bits\":\"0x00800000\",\"names\":[\"popcnt\"]}]");
    ck_json(top, "cpuid.lost", "[]");
    ck_json(top, "msrs.features",
            "[{\"index\":\"0x0000010a\",\"name\":\"IA32_ARCH_CAPABILITIES\","
            "\"value\":\"0x8000000000000001\"},"
            "{\"index\":\"0x00099999\",\"name\":null,\"value\":null}]");
    ck_json(top, "statistics.vcpu",
            "[{\"name\":\"wait_ns\",\"kind\":\"cumulative\",\"unit\":\"seconds\",\"base\":10,"
            "\"exponent\":-9,\"bucket_size\":0,\"values\":[1500000000]},"
            "{\"name\":\"hist\",\"kind\":\"log-histogram\",\"unit\":\"\",\"base\":10,"
            "\"exponent\":0,\"bucket_size\":0,\"values\":[3,4]}]");
    struct json_object *caps = at(top, "capabilities");
    bool seen = false;
    for (size_t i = 0; i < json_object_array_length(caps); i++) {
        struct json_object *cap = json_object_array_get_idx(caps, i);
        if (strcmp(json_object_get_string(at(cap, "name")), "KVM_CAP_X2APIC_API"))
            continue;
        seen = true;
        ck_json(cap, "system", "15");
        ck_json(cap, "vm", "11");
        ck_json(cap, "group", "\"interrupts\"");
    }
    ck_assert(seen);
    json_object_put(top);
    free(text);
    done();
}
END_TEST

START_TEST(odd_host_text)
{
    odd_init(&odd);
    odd.forced_ecx1 = 1u << 23;
    ck_assert_int_eq(collect(SECTION_ALL), STATUS_OK);
    char *text = written(false, STATUS_OK);
    static const char *const lines[] = {
        "8 recommended, 288 at most, ids below 288\n",
        "  memory slots a machine              512\n",
        "  nested virtualization               no: missing NESTED_STATE\n",
        "  firmware with SMM (secure boot)     no: missing X86_SMM",
        "\nDirty tracking\n  there     -\n  missing   MANUAL_DIRTY_LOG_PROTECT2",
        "\nXen\n  there     -\n  missing   XEN_HVM\n",
        "  there     MCE=32\n",
        "\nCPUID bits that cannot be hidden from a guest\n  0x1.0 ECX           popcnt\n",
        " 129  KVM_CAP_X2APIC_API                    0xf         0xb         32-bit APIC ids\n",
        "  0x00099999                                  not readable\n",
        "\nStatistics of a vCPU\n  wait_ns                             1.5 seconds\n",
        "  hist                                3 4\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        ck_assert_msg(strstr(text, lines[i]), "not found: %s", lines[i]);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        ck_assert_msg(strlen(line) <= 110, "long: %s", line);
    free(text);
    done();
}
END_TEST

START_TEST(kernel_mode)
{
    /* by what KVM_RUN took */
    odd_init(&odd);
    ck_assert_int_eq(collect(SECTION_SUMMARY), STATUS_OK);
    ck_assert_int_eq(report.probe.mode, PROBE_HARDWARE);
    ck_assert_int_eq(uses_term(&report, "kernel-mode"), 1);
    done();
    odd.us_a_run = 1000;
    ck_assert_int_eq(collect(SECTION_SUMMARY), STATUS_OK);
    ck_assert_int_eq(report.probe.mode, PROBE_EMULATED);
    ck_assert(report.probe.mips > 0 && report.probe.mips <= 1.0); /* no bound on a busy machine */
    ck_assert_int_eq(uses_term(&report, "kernel-mode"), 0);
    char *text = written(false, 0);
    ck_assert_ptr_nonnull(strstr(text, "emulated, only "));
    free(text);
    done();
    /* a guest that dies */
    odd.runs_wild = true;
    ck_assert_int_eq(collect(SECTION_SUMMARY), STATUS_KVM_FAILED);
    ck_assert_int_eq(report.probe.mode, PROBE_FAILED);
    ck_assert_str_eq(report.problems[0],
                     "the measuring guest does not run: the guest ended with exit \"shutdown\"");
    done();
    ck_assert_int_eq(probe_classify(1000, 1000000), PROBE_EMULATED);
    ck_assert_int_eq(probe_classify(1000, 1000), PROBE_HARDWARE);
    ck_assert_int_eq(probe_classify(1000, 0), PROBE_HARDWARE);
}
END_TEST

START_TEST(refused_calls)
{
    /* the rest is still told */
    odd_init(&odd);
    odd.busy_vm = true;
    ck_assert_int_eq(collect(SECTION_ALL), STATUS_KVM_FAILED);
    ck_assert_ptr_nonnull(strstr(report.problems[0], "another hypervisor"));
    ck_assert(report.caps.known && !report.caps.vm_known && !report.probe.known);
    char *text = written(true, STATUS_KVM_FAILED);
    struct json_object *top = json_tokener_parse(text);
    ck_json(top, "kernel_mode", "null");
    ck_json(top, "cpuid.unmaskable", "null");
    ck_json(top, "uses.mce.status", "\"ok\"");
    ck_json(top, "status", "6");
    json_object_put(top);
    free(text);
    text = written(false, 0);
    ck_assert_ptr_nonnull(strstr(text, "cannot be hidden from a guest\n  not known"));
    free(text);
    done();

    odd_init(&odd);
    odd.no_vcpu = true;
    ck_assert_int_eq(collect(SECTION_ALL), STATUS_KVM_FAILED);
    ck_assert_str_eq(report.problems[0], "a vCPU cannot be made: Invalid argument");
    ck_assert(report.caps.vm_known);
    done();

    odd_init(&odd);
    fake_inject(&odd.fake, KVM_SET_CPUID2, 1, -EINVAL);
    ck_assert_int_eq(collect(SECTION_CPUID), STATUS_KVM_FAILED);
    ck_assert_ptr_null(report.cpuid.masked);
    ck_assert_ptr_nonnull(report.cpuid.effective);
    done();

    odd_init(&odd);
    fake_inject(&odd.fake, KVM_GET_MSR_INDEX_LIST, 1, -EFAULT);
    ck_assert_int_eq(collect(SECTION_MSRS), STATUS_KVM_FAILED);
    ck_assert(!report.msrs.state_known && report.msrs.features_known);
    done();
}
END_TEST

START_TEST(wrong_version)
{
    odd_init(&odd);
    odd.fake.api_version = 11;
    ck_assert_int_eq(collect(SECTION_ALL), STATUS_NOT_KVM);
    ck_assert_ptr_nonnull(strstr(report.device.message, "another version of the KVM API than 12"));
    char *text = written(true, STATUS_NOT_KVM);
    struct json_object *top = json_tokener_parse(text);
    ck_json(top, "device.usable", "false");
    ck_json(top, "device.error.code", "\"EPROTO\"");
    ck_json(top, "device.api_version", "null");
    ck_json(top, "uses", "null");
    ck_json(top, "capabilities", "null");
    json_object_put(top);
    free(text);
    done();
}
END_TEST

/* --- hosts ------------------------------------------------------------------------------------ */

static char root[] = "/tmp/vkvm-info-XXXXXX";

static void put(const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(full, 0777);
        *p = '/';
    }
    FILE *f = fopen(full, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static void clear(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", root);
    ck_assert_int_eq(system(command), 0);
    strcpy(root + strlen(root) - 6, "XXXXXX");
}

static void refused(int error, int status, const char *message, const char *cure)
{
    odd_init(&odd);
    odd.open_error = error;
    ck_assert_int_eq(report_collect(&odd.sys, NULL, root, SECTION_ALL, &report), status);
    ck_assert_msg(strstr(report.device.message, message), "%s", report.device.message);
    char all[MAX_CURES * 240] = "";
    for (uint32_t i = 0; i < report.device.cure_count; i++)
        strcat(all, report.device.cures[i]);
    ck_assert_msg(strstr(all, cure), "'%s' lacks '%s'", all, cure);
    done();
}

START_TEST(hosts)
{
    ck_assert_ptr_nonnull(mkdtemp(root));
    put("/proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Old One\n"
                         "flags\t\t: fpu xvmx lm\n\nprocessor\t: 1\nflags\t\t: vmx\n");
    refused(-ENOENT, STATUS_NO_DEVICE, "no such device", "firmware");
    put("/proc/cpuinfo", "flags\t\t: fpu hypervisor lm\n\n");
    refused(-ENOENT, STATUS_NO_DEVICE, "no such device", "nested");
    put("/proc/cpuinfo", "flags\t\t: fpu svm lm\n\n");
    refused(-ENOENT, STATUS_NO_DEVICE, "no such device", "modprobe kvm_amd");
    put("/proc/cpuinfo", "vendor_id\t: GenuineIntel\nmodel name\t: New One\nflags\t\t: fpu vmx\n");
    refused(-ENODEV, STATUS_NO_DEVICE, "no driver", "modprobe kvm_intel");
    put("/run/systemd/container", "lxc\n");
    refused(-ENOENT, STATUS_NO_DEVICE, "no such device", "start the lxc container with --device");
    put("/sys/module/kvm/parameters/halt_poll_ns", "200000\n");
    put("/sys/module/kvm_intel/parameters/nested", "Y\n");
    put("/sys/module/kvm_intel/parameters/ept", "Y\n");
    refused(-ENOENT, STATUS_NO_DEVICE, "no such device", "module kvm_intel), but this lxc");
    refused(-EPERM, STATUS_DENIED, "may not be opened", "");
    refused(-ENOTTY, STATUS_NOT_KVM, "is not a KVM device", "without --device");
    refused(-EMFILE, STATUS_KVM_FAILED, "Too many open files", "");

    odd_init(&odd);
    ck_assert_int_eq(report_collect(&odd.sys, NULL, root, SECTION_SUMMARY, &report), STATUS_OK);
    ck_assert_str_eq(report.host.model, "New One");
    ck_assert_uint_eq(report.host.module_count, 2);
    ck_assert_str_eq(host_vendor_module(&report.host)->name, "kvm_intel");
    ck_assert_str_eq(report.host.modules[1].parameters[1].name, "nested");
    ck_assert_str_eq(report.host.modules[1].parameters[1].value, "Y");
    char *text = written(true, 0);
    struct json_object *top = json_tokener_parse(text);
    ck_json(top, "host.cpu.vmx", "true");
    ck_json(top, "host.container", "\"lxc\"");
    ck_json(top, "host.modules",
            "[{\"name\":\"kvm\",\"parameters\":{\"halt_poll_ns\":\"200000\"}},"
            "{\"name\":\"kvm_intel\",\"parameters\":{\"ept\":\"Y\",\"nested\":\"Y\"}}]");
    json_object_put(top);
    free(text);
    done();
    clear();
}
END_TEST

/* --- tables ----------------------------------------------------------------------------------- */

START_TEST(terms)
{
    odd_init(&odd);
    odd.forced_ecx1 = 1u << 23;
    ck_assert_int_eq(collect(SECTION_SUMMARY), STATUS_OK);
    static const struct {
        const char *term;
        int value;
    } cases[] = {
        { "MCE", 1 },
        { "KVM_CAP_MCE", 1 },
        { "MCE>=32", 1 },
        { "MCE>=33", 0 },
        { "MCE&0x20", 1 },
        { "MCE&1", 0 },
        { "X86_SMM", 0 },
        { "X86_SMM|MCE", 1 },
        { "X86_SMM|XEN_HVM", 0 },
        { "nested", 0 },
        { "mce", 1 },
        { "machine", 1 },
        { "vfio", 0 },
        { "device:vfio", 1 },
        { "cpuid:popcnt", 1 },
        { "cpuid:avx2", 1 },
        { "cpuid:sse4_1", 0 },
        { "X2APIC_API&4", 0 }, /* 11 on the VM */
        { "", -ENOENT },
        { "NO_SUCH", -ENOENT },
        { "MCE|NO_SUCH", -ENOENT },
        { "MCE|", -ENOENT },
        { "MCE>32", -ENOENT },
        { "MCE>=", -ENOENT },
        { "MCE>=x", -ENOENT },
        { "MCE&1x", -ENOENT },
        { "cpuid:", -ENOENT },
        { "cpuid:-", -ENOENT },
        { "cpuid:nosuch", -ENOENT },
        { "MCE>=-1", -ENOENT },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(uses_term(&report, cases[i].term) == cases[i].value, "%s: %d", cases[i].term,
                      uses_term(&report, cases[i].term));
    done();
}
END_TEST

START_TEST(tables)
{
    uint32_t count;
    size_t use_count;
    const struct cap_info *caps = caps_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_msg(vkvm_cap_number(caps[i].name) >= 0, "libvkvm does not know %s", caps[i].name);
        ck_assert_int_lt(vkvm_cap_number(caps[i].name), CAP_COUNT);
        ck_assert(i == 0 || caps[i].group >= caps[i - 1].group);
        for (uint32_t j = 0; j < i; j++)
            ck_assert_str_ne(caps[i].name, caps[j].name);
    }
    /* every term of every use names something */
    const struct use_info *uses = uses_table(&use_count);
    odd_init(&odd);
    ck_assert_int_eq(collect(SECTION_SUMMARY), STATUS_OK);
    for (size_t i = 0; i < use_count; i++) {
        char list[800];
        snprintf(list, sizeof(list), "%s %s", uses[i].needs, uses[i].wants);
        for (char *term = strtok(list, " "); term; term = strtok(NULL, " "))
            ck_assert_msg(uses_term(&report, term) >= 0, "%s: %s", uses[i].id, term);
        ck_assert(!uses[i].shows || caps_info((uint32_t)vkvm_cap_number(uses[i].shows)));
    }
    done();
    /* bits at known places (Intel SDM, AMD APM) */
    static const struct {
        const char *name;
        uint32_t function, reg, bit;
    } bits[] = {
        { "cx16", 1, 2, 13 },
        { "popcnt", 1, 2, 23 },
        { "hypervisor", 1, 2, 31 },
        { "pbe", 1, 3, 31 },
        { "avx2", 7, 1, 5 },
        { "avx512vl", 7, 1, 31 },
        { "rdpid", 7, 2, 22 },
        { "movdir64b", 7, 2, 28 },
        { "pks", 7, 2, 31 },
        { "fsrm", 7, 3, 4 },
        { "amx_tile", 7, 3, 24 },
        { "arch_capabilities", 7, 3, 29 },
        { "spec_ctrl_ssbd", 7, 3, 31 },
        { "svm", 0x80000001, 2, 2 },
        { "mwaitx", 0x80000001, 2, 29 },
        { "nx", 0x80000001, 3, 20 },
        { "lm", 0x80000001, 3, 29 },
        { "invariant_tsc", 0x80000007, 3, 8 },
        { "xsaveerptr", 0x80000008, 1, 2 },
        { "btc_no", 0x80000008, 1, 29 },
        { "srso_no", 0x80000021, 0, 29 },
        { "vnmi", 0x8000000a, 3, 25 },
        { "kvm_pv_sched_yield", 0x40000001, 0, 13 },
        { "kvm_clocksource_stable", 0x40000001, 0, 24 },
    };
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        struct feature_place place;
        char name[64];
        ck_assert(features_find(bits[i].name, &place));
        ck_assert_msg(place.function == bits[i].function && place.reg == bits[i].reg &&
                          place.bit == bits[i].bit,
                      "%s is at %#x.%u bit %u", bits[i].name, place.function, place.reg, place.bit);
        features_name(place.function, place.index, place.reg, place.bit, name, sizeof(name));
        ck_assert_str_eq(name, bits[i].name);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vkvm-info");
    TCase *tcase = tcase_create("fake");
    tcase_add_test(tcase, odd_host_json);
    tcase_add_test(tcase, odd_host_text);
    tcase_add_test(tcase, kernel_mode);
    tcase_add_test(tcase, refused_calls);
    tcase_add_test(tcase, wrong_version);
    tcase_add_test(tcase, hosts);
    tcase_add_test(tcase, terms);
    tcase_add_test(tcase, tables);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
