/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gathering a report.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

#define TSS_ADDRESS 0xfffbd000u /* below the BIOS, where nothing is */

void report_problem(struct report *report, const char *format, ...)
{
    va_list args;
    if (report->problem_count == MAX_PROBLEMS)
        return;
    va_start(args, format);
    vsnprintf(report->problems[report->problem_count++], sizeof(report->problems[0]), format, args);
    va_end(args);
}

static void note(struct report *report, int r, const char *what)
{
    if (r < 0)
        report_problem(report, "%s: %s", what, strerror(-r));
}

/* What takes a vCPU. */
static int collect_vcpu(struct vkvm_vm *vm, struct report *report)
{
    struct vkvm_vcpu *vcpu = NULL;
    int r = vkvm_vm_create_vcpu(vm, 0, &vcpu);
    note(report, r, "a vCPU cannot be made");
    if (r < 0)
        return r;
    if (report->cpuid.supported) {
        r = cpuid_read_vcpu(vcpu, &report->cpuid);
        note(report, r, "CPUID of a vCPU cannot be set and read");
    }
    if (report->sections & (SECTION_SUMMARY | SECTION_STATS) && /* something to count */
        !(report->sections & SECTION_NO_PROBE)) {
        int r2 = probe_run(vm, vcpu, &report->probe);
        note(report, r2, "the measuring guest cannot be set up");
        if (r2 >= 0 && report->probe.mode == PROBE_FAILED) {
            report_problem(report, "the measuring guest does not run: %s", report->probe.failure);
            r2 = -1;
        }
        r = r < 0 ? r : r2;
    }
    if (report->sections & SECTION_STATS) {
        int r3 = stats_read_vcpu(vcpu, &report->stats);
        note(report, r3, "statistics of a vCPU cannot be read");
        r = r < 0 ? r : r3;
    }
    vkvm_vcpu_close(vcpu);
    return r;
}

static int collect_vm(struct vkvm *kvm, struct report *report)
{
    struct vkvm_vm *vm = NULL;
    struct vkvm_device *device = NULL;
    int r = vkvm_create_vm(kvm, 0, &vm);
    if (r == -EBUSY)
        report_problem(report, "a virtual machine cannot be made: another hypervisor on this host "
                               "uses the processor's virtualization");
    else
        note(report, r, "a virtual machine cannot be made");
    int r2 = caps_read(kvm, vm, &report->caps);
    note(report, r2, "capabilities cannot be asked for");
    if (r >= 0) {
        r = vkvm_vm_set_tss_addr(vm, TSS_ADDRESS); /* VT-x without unrestricted guests needs it */
        note(report, r, "the place of the task state cannot be set");
        report->vfio =
            vkvm_vm_create_device(vm, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST, &device) >= 0;
        if (report->sections & (SECTION_SUMMARY | SECTION_CPUID | SECTION_STATS)) {
            int r3 = collect_vcpu(vm, report);
            r = r < 0 ? r : r3;
        }
    }
    if (vm && report->sections & SECTION_STATS) {
        int r4 = stats_read_vm(vm, &report->stats);
        note(report, r4, "statistics of a machine cannot be read");
        r = r < 0 ? r : r4;
    }
    vkvm_vm_close(vm);
    return r < 0 ? r : r2;
}

static int collect_msrs(struct vkvm *kvm, struct report *report)
{
    int r = msrs_read_state(kvm, &report->msrs);
    note(report, r, "the list of MSRs cannot be read");
    if (caps_get(&report->caps, "GET_MSR_FEATURES") <= 0)
        return r;
    int r2 = msrs_read_features(kvm, &report->msrs);
    note(report, r2, "feature MSRs cannot be read");
    return r < 0 ? r : r2;
}

int report_collect(const struct vkvm_syscalls *sys, const char *path, const char *root,
                   uint32_t sections, struct report *ret)
{
    struct vkvm *kvm = NULL;
    int failed = 0;
    memset(ret, 0, sizeof(*ret));
    ret->sections = sections;
    if (root)
        host_read(root, &ret->host);
    int status = device_open(sys, path, &ret->host, &ret->device, &kvm);
    if (status != STATUS_OK)
        return status;
    ret->vcpu_mmap_size = vkvm_get_vcpu_mmap_size(kvm);
    note(ret, ret->vcpu_mmap_size, "the size of the run page cannot be asked for");
    if (sections & (SECTION_SUMMARY | SECTION_CPUID)) {
        int r = cpuid_read_system(kvm, &ret->cpuid);
        note(ret, r, "supported CPUID cannot be read");
        failed |= r < 0;
    }
    failed |= collect_vm(kvm, ret) < 0;
    if (sections & SECTION_MSRS)
        failed |= collect_msrs(kvm, ret) < 0;
    vkvm_close(kvm);
    return failed ? STATUS_KVM_FAILED : STATUS_OK;
}

void report_free(struct report *report)
{
    cpuid_free(&report->cpuid);
    msrs_free(&report->msrs);
    stats_free(&report->stats);
}
