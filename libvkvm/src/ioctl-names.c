/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of KVM's ioctls.
 *
 * All of them on every architecture: a recording made on one host is read on another. Those whose
 * structures only one architecture's header has are given by direction, number and size; register
 * groups (KVM_GET_REGS and the like) have the size of the architecture this is compiled for. A few
 * numbers are used twice; direction and size tell them apart, as they do in the kernel.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <vkvm/error.h>
#include <vkvm/uapi.h>

#define W  _IOC_WRITE
#define R  _IOC_READ
#define WR (_IOC_READ | _IOC_WRITE)

static const struct {
    uint32_t request;
    const char *name;
} ioctls[] = {
#define NAME(name)                                                                                 \
    {                                                                                              \
        KVM_##name, "KVM_" #name                                                                   \
    }
    NAME(GET_API_VERSION),
    NAME(CREATE_VM),
    NAME(S390_ENABLE_SIE),
    NAME(CHECK_EXTENSION),
    NAME(GET_VCPU_MMAP_SIZE),
    NAME(SET_MEMORY_REGION),
    NAME(CREATE_VCPU),
    NAME(GET_DIRTY_LOG),
    NAME(SET_NR_MMU_PAGES),
    NAME(GET_NR_MMU_PAGES),
    NAME(SET_USER_MEMORY_REGION),
    NAME(SET_TSS_ADDR),
    NAME(SET_IDENTITY_MAP_ADDR),
    NAME(S390_UCAS_MAP),
    NAME(S390_UCAS_UNMAP),
    NAME(S390_VCPU_FAULT),
    NAME(CREATE_IRQCHIP),
    NAME(IRQ_LINE),
    NAME(GET_IRQCHIP),
    NAME(SET_IRQCHIP),
    NAME(CREATE_PIT),
    NAME(IRQ_LINE_STATUS),
    NAME(REGISTER_COALESCED_MMIO),
    NAME(UNREGISTER_COALESCED_MMIO),
    NAME(ASSIGN_PCI_DEVICE),
    NAME(SET_GSI_ROUTING),
    NAME(ASSIGN_DEV_IRQ),
    NAME(REINJECT_CONTROL),
    NAME(DEASSIGN_PCI_DEVICE),
    NAME(ASSIGN_SET_MSIX_NR),
    NAME(ASSIGN_SET_MSIX_ENTRY),
    NAME(DEASSIGN_DEV_IRQ),
    NAME(IRQFD),
    NAME(CREATE_PIT2),
    NAME(SET_BOOT_CPU_ID),
    NAME(IOEVENTFD),
    NAME(SET_CLOCK),
    NAME(GET_CLOCK),
    NAME(PPC_GET_PVINFO),
    NAME(SET_TSC_KHZ),
    NAME(GET_TSC_KHZ),
    NAME(ASSIGN_SET_INTX_MASK),
    NAME(SIGNAL_MSI),
    NAME(PPC_GET_SMMU_INFO),
    NAME(PPC_ALLOCATE_HTAB),
    NAME(ARM_SET_DEVICE_ADDR),
    NAME(PPC_RESIZE_HPT_PREPARE),
    NAME(PPC_RESIZE_HPT_COMMIT),
    NAME(SET_PMU_EVENT_FILTER),
    NAME(PPC_SVM_OFF),
    NAME(CREATE_DEVICE),
    NAME(SET_DEVICE_ATTR),
    NAME(GET_DEVICE_ATTR),
    NAME(HAS_DEVICE_ATTR),
    NAME(RUN),
    NAME(GET_REGS),
    NAME(SET_REGS),
    NAME(GET_SREGS),
    NAME(SET_SREGS),
    NAME(TRANSLATE),
    NAME(INTERRUPT),
    NAME(SET_SIGNAL_MASK),
    NAME(GET_FPU),
    NAME(SET_FPU),
    NAME(TPR_ACCESS_REPORTING),
    NAME(SET_VAPIC_ADDR),
    NAME(S390_INTERRUPT),
    NAME(S390_STORE_STATUS),
    NAME(S390_SET_INITIAL_PSW),
    NAME(S390_INITIAL_RESET),
    NAME(GET_MP_STATE),
    NAME(SET_MP_STATE),
    NAME(NMI),
    NAME(SET_GUEST_DEBUG),
    NAME(X86_SETUP_MCE),
    NAME(X86_GET_MCE_CAP_SUPPORTED),
    NAME(GET_VCPU_EVENTS),
    NAME(SET_VCPU_EVENTS),
    NAME(ENABLE_CAP),
    NAME(DIRTY_TLB),
    NAME(GET_ONE_REG),
    NAME(SET_ONE_REG),
    NAME(KVMCLOCK_CTRL),
    NAME(GET_REG_LIST),
    NAME(S390_MEM_OP),
    NAME(S390_GET_SKEYS),
    NAME(S390_SET_SKEYS),
    NAME(S390_IRQ),
    NAME(S390_SET_IRQ_STATE),
    NAME(S390_GET_IRQ_STATE),
    NAME(SMI),
    NAME(S390_GET_CMMA_BITS),
    NAME(S390_SET_CMMA_BITS),
    NAME(MEMORY_ENCRYPT_OP),
    NAME(MEMORY_ENCRYPT_REG_REGION),
    NAME(MEMORY_ENCRYPT_UNREG_REGION),
    NAME(HYPERV_EVENTFD),
    NAME(CLEAR_DIRTY_LOG),
    NAME(ARM_VCPU_FINALIZE),
    NAME(S390_NORMAL_RESET),
    NAME(S390_CLEAR_RESET),
    NAME(S390_PV_COMMAND),
    NAME(RESET_DIRTY_RINGS),
    NAME(XEN_HVM_GET_ATTR),
    NAME(XEN_HVM_SET_ATTR),
    NAME(XEN_VCPU_GET_ATTR),
    NAME(XEN_VCPU_SET_ATTR),
    NAME(XEN_HVM_EVTCHN_SEND),
    NAME(GET_STATS_FD),
    NAME(S390_PV_CPU_COMMAND),
    NAME(S390_ZPCI_OP),
    NAME(SET_USER_MEMORY_REGION2),
    NAME(SET_MEMORY_ATTRIBUTES),
    NAME(CREATE_GUEST_MEMFD),
    NAME(PRE_FAULT_MEMORY),
#undef NAME
#define OTHER(name, direction, number, size)                                                       \
    {                                                                                              \
        _IOC(direction, KVMIO, number, size), "KVM_" #name                                         \
    }
    /* x86 */
    OTHER(GET_MSR_INDEX_LIST, WR, 0x02, 4),
    OTHER(GET_SUPPORTED_CPUID, WR, 0x05, 8),
    OTHER(GET_EMULATED_CPUID, WR, 0x09, 8),
    OTHER(GET_MSR_FEATURE_INDEX_LIST, WR, 0x0a, 4),
    OTHER(SET_MEMORY_ALIAS, W, 0x43, 32),
    OTHER(GET_PIT, WR, 0x65, 72),
    OTHER(SET_PIT, R, 0x66, 72),
    OTHER(XEN_HVM_CONFIG, W, 0x7a, 56),
    OTHER(GET_PIT2, R, 0x9f, 112),
    OTHER(SET_PIT2, W, 0xa0, 112),
    OTHER(GET_MSRS, WR, 0x88, 8),
    OTHER(SET_MSRS, W, 0x89, 8),
    OTHER(SET_CPUID, W, 0x8a, 8),
    OTHER(GET_LAPIC, R, 0x8e, 1024),
    OTHER(SET_LAPIC, W, 0x8f, 1024),
    OTHER(SET_CPUID2, W, 0x90, 8),
    OTHER(GET_CPUID2, WR, 0x91, 8),
    OTHER(X86_SET_MCE, W, 0x9e, 64),
    OTHER(GET_DEBUGREGS, R, 0xa1, 128),
    OTHER(SET_DEBUGREGS, W, 0xa2, 128),
    OTHER(GET_XSAVE, R, 0xa4, 4096),
    OTHER(SET_XSAVE, W, 0xa5, 4096),
    OTHER(GET_XCRS, R, 0xa6, 392),
    OTHER(SET_XCRS, W, 0xa7, 392),
    OTHER(GET_NESTED_STATE, WR, 0xbe, 128),
    OTHER(SET_NESTED_STATE, W, 0xbf, 128),
    OTHER(GET_SUPPORTED_HV_CPUID, WR, 0xc1, 8),
    OTHER(X86_SET_MSR_FILTER, W, 0xc6, 392),
    OTHER(GET_SREGS2, R, 0xcc, 320),
    OTHER(SET_SREGS2, W, 0xcd, 320),
    OTHER(GET_XSAVE2, R, 0xcf, 4096),
    /* arm64, PowerPC, s390 */
    OTHER(ARM_VCPU_INIT, W, 0xae, 32),
    OTHER(ARM_PREFERRED_TARGET, R, 0xaf, 32),
    OTHER(ARM_MTE_COPY_TAGS, R, 0xb4, 48),
    OTHER(ARM_SET_COUNTER_OFFSET, W, 0xb5, 16),
    OTHER(ARM_GET_REG_WRITABLE_MASKS, R, 0xb6, 64),
    OTHER(CREATE_SPAPR_TCE, W, 0xa8, 16),
    OTHER(CREATE_SPAPR_TCE_64, W, 0xa8, 32),
    OTHER(ALLOCATE_RMA, R, 0xa9, 8),
    OTHER(PPC_GET_HTAB_FD, W, 0xaa, 32),
    OTHER(PPC_RTAS_DEFINE_TOKEN, W, 0xac, 128),
    OTHER(PPC_CONFIGURE_V3_MMU, W, 0xaf, 16),
    OTHER(PPC_GET_RMMU_INFO, W, 0xb0, 96),
    OTHER(PPC_GET_CPU_CHAR, R, 0xb1, 32),
    OTHER(S390_KEYOP, WR, 0x53, 16),
#undef OTHER
};
#define IOCTL_COUNT (sizeof(ioctls) / sizeof(ioctls[0]))

const char *vkvm_ioctl_name(uint64_t request)
{
    for (size_t i = 0; i < IOCTL_COUNT; i++)
        if (ioctls[i].request == request)
            return ioctls[i].name;
    return NULL;
}

int vkvm_ioctl_number(const char *name, uint64_t *ret_request)
{
    static const char prefix[] = "KVM_";
    size_t skip = strncmp(name, prefix, sizeof(prefix) - 1) ? sizeof(prefix) - 1 : 0;
    for (size_t i = 0; i < IOCTL_COUNT; i++)
        if (!strcmp(ioctls[i].name + skip, name)) {
            *ret_request = ioctls[i].request;
            return 0;
        }
    return -ENOENT;
}
