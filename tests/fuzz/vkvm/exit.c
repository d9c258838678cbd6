/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz target: the exit decoder. Input: two bytes that choose how much is mapped, then the page.
 * Everything the decoded exit points to is read, and written where an answer goes.
 */
#include <stdlib.h>
#include <string.h>
#include <vkvm/vkvm.h>

#include "driver.h"

#define MAX_RUN 12288

/* Reads and answers. */
static void use(void *bytes, size_t size)
{
    fuzz_read(bytes, size);
    memset(bytes, 0x5a, size);
}

static void use_exit(struct vkvm_exit *e)
{
    switch (e->kind) {
    case VKVM_EXIT_IO_IN:
    case VKVM_EXIT_IO_OUT: use(e->io.data, (size_t)e->io.size * e->io.count); break;
    case VKVM_EXIT_MMIO_READ:
    case VKVM_EXIT_MMIO_WRITE:
    case VKVM_EXIT_LOONGARCH_IOCSR_READ:
    case VKVM_EXIT_LOONGARCH_IOCSR_WRITE:
        if (e->mmio.length > 8)
            abort();
        use(e->mmio.data, e->mmio.length);
        break;
    case VKVM_EXIT_INTERNAL_ERROR:
        fuzz_read(e->internal.data, e->internal.count * sizeof(*e->internal.data));
        if (e->internal.insn_size > 15)
            abort();
        if (e->internal.insn_size)
            fuzz_read(e->internal.insn, e->internal.insn_size);
        vkvm_internal_error_name(e->internal.suberror);
        break;
    case VKVM_EXIT_SYSTEM_EVENT:
        fuzz_read(e->system_event.data, e->system_event.count * sizeof(*e->system_event.data));
        vkvm_system_event_name(e->system_event.type);
        break;
    case VKVM_EXIT_HYPERCALL:
        fuzz_read(e->hypercall.args, 6 * sizeof(*e->hypercall.args));
        use(e->hypercall.result, sizeof(*e->hypercall.result));
        break;
    case VKVM_EXIT_RDMSR:
    case VKVM_EXIT_WRMSR:
        use(e->msr.data, sizeof(*e->msr.data));
        use(e->msr.error, sizeof(*e->msr.error));
        break;
    case VKVM_EXIT_HYPERV: use(e->hyperv, sizeof(*e->hyperv)); break;
    case VKVM_EXIT_XEN: use(e->xen, sizeof(*e->xen)); break;
    case VKVM_EXIT_TDX:
        use(e->tdx.result, sizeof(*e->tdx.result));
        use(e->tdx.data, 6 * sizeof(*e->tdx.data));
        break;
    case VKVM_EXIT_SNP_REQ_CERTS:
        use(e->snp_req_certs.pages, sizeof(*e->snp_req_certs.pages));
        use(e->snp_req_certs.result, sizeof(*e->snp_req_certs.result));
        break;
    case VKVM_EXIT_DCR: use(e->dcr.data, sizeof(*e->dcr.data)); break;
    case VKVM_EXIT_OSI: use(e->osi.gprs, 32 * sizeof(*e->osi.gprs)); break;
    case VKVM_EXIT_PAPR_HCALL:
        use(e->papr_hcall.result, sizeof(*e->papr_hcall.result));
        use(e->papr_hcall.args, 9 * sizeof(*e->papr_hcall.args));
        break;
    case VKVM_EXIT_EPR: use(e->epr.value, sizeof(*e->epr.value)); break;
    case VKVM_EXIT_RISCV_SBI:
        fuzz_read(e->riscv_sbi.args, 6 * sizeof(*e->riscv_sbi.args));
        use(e->riscv_sbi.result, 2 * sizeof(*e->riscv_sbi.result));
        break;
    case VKVM_EXIT_RISCV_CSR: use(e->riscv_csr.result, sizeof(*e->riscv_csr.result)); break;
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t mapped = (data[0] | (size_t)data[1] << 8) % (MAX_RUN + 1);
    uint8_t *page = calloc(1, mapped ? mapped : 1); /* exact: sanitizers see its end */
    struct vkvm_exit e;
    if (!page)
        return 0;
    data += 2;
    size -= 2;
    memcpy(page, data, size < mapped ? size : mapped);
    memset(&e, 0xee, sizeof(e));
    vkvm_exit_decode((struct kvm_run *)page, mapped, &e);
    vkvm_exit_name(e.kind);
    vkvm_exit_reason_name(e.kvm_reason);
    use_exit(&e);
    free(page);
    return 0;
}

/* One for each reason there is, with the whole mapping. */
uint8_t *fuzz_seed(unsigned index, size_t *ret_size)
{
    if (index > 50)
        return NULL;
    *ret_size = 2 + 600;
    uint8_t *seed = calloc(1, *ret_size);
    if (!seed)
        return NULL;
    seed[0] = (uint8_t)MAX_RUN;
    seed[1] = MAX_RUN >> 8;
    seed[2 + offsetof(struct kvm_run, exit_reason)] = (uint8_t)index;
    seed[2 + offsetof(struct kvm_run, io) + 1] = 4;  /* size, or what else is there */
    seed[2 + offsetof(struct kvm_run, io) + 4] = 2;  /* count */
    seed[2 + offsetof(struct kvm_run, io) + 9] = 16; /* data_offset 4096 */
    return seed;
}
