/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of uses, and the terms it is written in.
 */
#include "uses.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpuid-bits.h"
#include "report.h"

static const struct use_info uses[] = {
    { "machine", "running a machine", "USER_MEMORY EXT_CPUID SET_TSS_ADDR MP_STATE",
      "IMMEDIATE_EXIT READONLY_MEM CHECK_EXTENSION_VM SYNC_MMU", NULL },
    { "kernel-mode", "kernel-mode code by hardware", "kernel-mode", "", NULL },
    { "irqchip", "interrupt controllers in the kernel", "IRQCHIP IRQ_ROUTING SIGNAL_MSI",
      "PIT2 SPLIT_IRQCHIP", NULL },
    { "split-irqchip", "IOAPIC in user space", "SPLIT_IRQCHIP SIGNAL_MSI X2APIC_API", "", NULL },
    { "fast-io", "devices without exits", "IRQFD IOEVENTFD",
      "IRQFD_RESAMPLE IOEVENTFD_NO_LENGTH IOEVENTFD_ANY_LENGTH", NULL },
    { "many-vcpus", "more than 255 vCPUs", "MAX_VCPUS>=256 X2APIC_API&3 SPLIT_IRQCHIP", "",
      "MAX_VCPUS" },
    { "sync-regs", "registers without system calls", "SYNC_REGS&3", "SYNC_REGS&7", NULL },
    { "snapshot", "saving and restoring", "VCPU_EVENTS DEBUGREGS MP_STATE ADJUST_CLOCK XSAVE XCRS",
      "XSAVE2 SREGS2 PIT_STATE2 EXCEPTION_PAYLOAD X86_TRIPLE_FAULT_EVENT", NULL },
    { "live-migration", "live migration",
      "VCPU_EVENTS DEBUGREGS MP_STATE ADJUST_CLOCK XSAVE XCRS USER_MEMORY",
      "MANUAL_DIRTY_LOG_PROTECT2&3 TSC_CONTROL KVMCLOCK_CTRL", NULL },
    { "dirty-ring", "dirty ring", "DIRTY_LOG_RING|DIRTY_LOG_RING_ACQ_REL",
      "DIRTY_LOG_RING_WITH_BITMAP", "DIRTY_LOG_RING" },
    { "debugging", "debugging a guest", "SET_GUEST_DEBUG", "SET_GUEST_DEBUG2 X86_ROBUST_SINGLESTEP",
      NULL },
    { "statistics", "statistics", "BINARY_STATS_FD", "", NULL },
    { "emulation-assist", "emulation failures in user space", "EXIT_ON_EMULATION_FAILURE",
      "INTERNAL_ERROR_DATA", NULL },
    { "msr-filter", "MSR accesses in user space", "X86_USER_SPACE_MSR X86_MSR_FILTER", "", NULL },
    { "coalesced-io", "collected device writes", "COALESCED_MMIO", "COALESCED_PIO", NULL },
    { "vfio", "assigned devices", "device:vfio IRQFD", "IRQFD_RESAMPLE", NULL },
    { "dedicated", "processors of its own", "X86_DISABLE_EXITS", "HALT_POLL", NULL },
    { "nested", "nested virtualization", "NESTED_STATE cpuid:vmx|cpuid:svm", "", NULL },
    { "smm", "firmware with SMM (secure boot)", "X86_SMM MULTI_ADDRESS_SPACE>=2", "", NULL },
    { "mce", "machine checks", "MCE", "", "MCE" },
    { "pmu", "performance counters", "PMU_CAPABILITY", "PMU_EVENT_FILTER", NULL },
    { "windows", "Windows enlightenments",
      "HYPERV HYPERV_TIME HYPERV_VAPIC HYPERV_SPIN HYPERV_SYNIC|HYPERV_SYNIC2 HYPERV_VP_INDEX "
      "HYPERV_CPUID|SYS_HYPERV_CPUID",
      "HYPERV_TLBFLUSH HYPERV_SEND_IPI HYPERV_ENFORCE_CPUID", NULL },
    { "guest-memfd", "memory of its own (guest_memfd)", "GUEST_MEMFD USER_MEMORY2",
      "MEMORY_FAULT_INFO", NULL },
    { "confidential", "confidential guests",
      "GUEST_MEMFD USER_MEMORY2 MEMORY_ATTRIBUTES MEMORY_FAULT_INFO VM_TYPES>=2",
      "PRE_FAULT_MEMORY", "VM_TYPES" },
    { "xen", "Xen guests", "XEN_HVM", "XEN_HVM&2", NULL },
};
#define USE_COUNT (sizeof(uses) / sizeof(uses[0]))

const struct use_info *uses_table(size_t *ret_count)
{
    *ret_count = USE_COUNT;
    return uses;
}

const char *uses_status_name(uint32_t status)
{
    static const char *const names[] = { "missing", "partial", "ok" };
    return status <= USE_OK ? names[status] : "?";
}

static int term_cap(const struct report *report, const char *term)
{
    char name[64];
    size_t length = strcspn(term, ">&");
    const char *op = term + length;
    if (length >= sizeof(name))
        return -ENOENT;
    memcpy(name, term, length);
    name[length] = '\0';
    int number = vkvm_cap_number(name);
    if (number < 0 || number >= CAP_COUNT)
        return -ENOENT;
    int value = report->caps.vm[number];
    if (!*op)
        return value > 0;
    char *end;
    const char *digits = op + (op[0] == '>' ? 2 : 1);
    if ((op[0] == '>' && op[1] != '=') || *digits < '0' || *digits > '9')
        return -ENOENT;
    long wanted = strtol(digits, &end, 0);
    if (*end)
        return -ENOENT;
    return op[0] == '>' ? value >= wanted : (value & wanted) == wanted;
}

static int term_single(const struct report *report, const char *term)
{
    if (!strcmp(term, "kernel-mode"))
        return report->probe.known && report->probe.mode == PROBE_HARDWARE;
    if (!strcmp(term, "device:vfio"))
        return report->vfio;
    if (!strncmp(term, "cpuid:", 6)) {
        struct feature_place place;
        if (!features_find(term + 6, &place))
            return -ENOENT;
        return cpuid_guest_has(&report->cpuid, &place);
    }
    return term_cap(report, term);
}

/* Alternatives: all names must be known, one must hold. */
static int term_any(const struct report *report, const char *term)
{
    char part[80];
    int any = 0;
    for (;;) {
        size_t length = strcspn(term, "|");
        if (length == 0 || length >= sizeof(part))
            return -ENOENT;
        memcpy(part, term, length);
        part[length] = '\0';
        int r = term_single(report, part);
        if (r < 0)
            return r;
        any |= r;
        if (!term[length])
            return any;
        term += length + 1;
    }
}

/* Appends to `ret` the terms of `list` that do not hold. */
static void missing_terms(const struct report *report, const char *list, char *ret, size_t size)
{
    char term[200];
    ret[0] = '\0';
    for (; *list; list += strspn(list, " ")) {
        size_t length = strcspn(list, " ");
        snprintf(term, sizeof(term), "%.*s", (int)length, list);
        list += length;
        if (term_any(report, term) > 0)
            continue;
        size_t used = strlen(ret);
        snprintf(ret + used, size - used, "%s%s", used ? " " : "", term);
    }
}

void uses_check(const struct report *report, const struct use_info *use, struct use_result *ret)
{
    missing_terms(report, use->needs, ret->needs, sizeof(ret->needs));
    missing_terms(report, use->wants, ret->wants, sizeof(ret->wants));
    ret->status = ret->needs[0] ? USE_MISSING : ret->wants[0] ? USE_PARTIAL : USE_OK;
}

int uses_term(const struct report *report, const char *term)
{
    for (size_t i = 0; i < USE_COUNT; i++) {
        struct use_result result;
        if (strcmp(uses[i].id, term) != 0)
            continue;
        uses_check(report, &uses[i], &result);
        return result.status != USE_MISSING;
    }
    return term_any(report, term);
}
