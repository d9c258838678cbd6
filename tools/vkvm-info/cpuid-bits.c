/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID bits. Sources: Intel SDM volume 2A (CPUID), AMD APM volume 3 appendix E, the kernel's
 * Documentation/virt/kvm/x86/cpuid.rst for 0x40000001.
 */
#include "cpuid-bits.h"

#include <stdio.h>
#include <string.h>

/* One register; names from bit 0 up, "-" where a bit has none. */
static const struct {
    uint32_t function, index, reg;
    const char *names;
} words[] = {
    { 1, 0, 3,
      "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn "
      "clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe" },
    { 1, 0, 2,
      "sse3 pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr "
      "pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline aes xsave osxsave "
      "avx f16c rdrand hypervisor" },
    { 7, 0, 1,
      "fsgsbase tsc_adjust sgx bmi1 hle avx2 fdp_excptn_only smep bmi2 erms invpcid rtm "
      "cqm zero_fcs_fds mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - "
      "clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl" },
    { 7, 0, 2,
      "prefetchwt1 avx512vbmi umip pku ospke waitpkg avx512_vbmi2 shstk gfni vaes "
      "vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid "
      "keylocker bus_lock_detect cldemote - movdiri movdir64b enqcmd sgx_lc pks" },
    { 7, 0, 3,
      "- sgx_keys avx512_4vnniw avx512_4fmaps fsrm uintr - - avx512_vp2intersect "
      "srbds_ctrl md_clear rtm_always_abort - tsx_force_abort serialize hybrid_cpu "
      "tsxldtrk - pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 "
      "spec_ctrl intel_stibp flush_l1d arch_capabilities core_capabilities "
      "spec_ctrl_ssbd" },
    { 7, 1, 0,
      "sha512 sm3 sm4 rao_int avx_vnni avx512_bf16 lass cmpccxadd arch_perfmon_ext - "
      "fzrm fsrs fsrc - - - - fred lkgs wrmsrns nmi_src amx_fp16 hreset avx_ifma - - lam "
      "msrlist - - - movrs" },
    { 7, 2, 3, "psfd ipred_ctrl rrsba_ctrl ddpd_u bhi_ctrl mcdt_no uc_lock_disable" },
    { 0xd, 1, 0, "xsaveopt xsavec xgetbv1 xsaves xfd" },
    { 6, 0, 0,
      "dtherm turbo arat - pln ecmd pts hwp hwp_notify hwp_act_window hwp_epp "
      "hwp_pkg_req" },
    { 0x40000001, 0, 0,
      "kvm_clocksource kvm_nop_io_delay kvm_mmu_op kvm_clocksource2 "
      "kvm_async_pf kvm_steal_time kvm_pv_eoi kvm_pv_unhalt - kvm_pv_tlb_flush "
      "kvm_async_pf_vmexit kvm_pv_send_ipi kvm_poll_control kvm_pv_sched_yield "
      "kvm_async_pf_int kvm_msi_ext_dest_id kvm_hc_map_gpa_range "
      "kvm_migration_control - - - - - - kvm_clocksource_stable" },
    { 0x80000001, 0, 2,
      "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse "
      "3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - nodeid_msr - tbm "
      "topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx "
      "addr_mask_ext" },
    { 0x80000001, 0, 3,
      "fpu vme de pse tsc msr pae mce cx8 apic - syscall mtrr pge mca cmov pat "
      "pse36 - mp nx - mmxext mmx fxsr fxsr_opt pdpe1gb rdtscp - lm 3dnowext "
      "3dnow" },
    { 0x80000007, 0, 3,
      "ts fid vid ttp hw_tm stc 100mhzsteps hw_pstate invariant_tsc cpb "
      "eff_freq_ro proc_feedback" },
    { 0x80000008, 0, 1,
      "clzero irperf xsaveerptr invlpgb rdpru - mba - mcommit wbnoinvd - - ibpb "
      "int_wbinvd ibrs stibp ibrs_always_on stibp_always_on ibrs_preferred "
      "ibrs_same_mode efer_lmsle_unsupported invlpgb_nested - ppin ssbd "
      "virt_ssbd ssb_no cppc psfd_amd btc_no ibpb_ret" },
    { 0x8000000a, 0, 3,
      "npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid "
      "decodeassists - - pausefilter - pfthreshold avic - v_vmsave_vmload vgif "
      "gmet x2avic sss_check v_spec_ctrl - - - - vnmi ibs_virt" },
    { 0x80000021, 0, 0,
      "no_nested_data_bp fsgs_non_serializing lfence_rdtsc smm_pg_cfg_lock - "
      "verw_clear null_sel_clears_base upper_addr_ignore auto_ibrs "
      "no_smm_ctl_msr fsrs_amd fsrc_amd - prefetch_ctl_msr - - - "
      "cpuid_user_dis epsf - - - - - - - - sbpb ibpb_brtype srso_no "
      "srso_user_kernel_no srso_msr_fix" },
    { 0x80000021, 0, 2, "- tsa_sq_no tsa_l1_no" },
};
#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

static const char *word_names(uint32_t function, uint32_t index, uint32_t reg)
{
    for (size_t i = 0; i < WORD_COUNT; i++)
        if (words[i].function == function && words[i].index == index && words[i].reg == reg)
            return words[i].names;
    return NULL;
}

bool features_known(uint32_t function, uint32_t index, uint32_t reg)
{
    return word_names(function, index, reg) != NULL;
}

void features_name(uint32_t function, uint32_t index, uint32_t reg, uint32_t bit, char *ret,
                   size_t size)
{
    const char *p = word_names(function, index, reg);
    for (uint32_t i = 0; p && *p && i < bit; i++) {
        p += strcspn(p, " ");
        p += *p == ' ';
    }
    size_t length = p ? strcspn(p, " ") : 0;
    if (length == 0 || *p == '-')
        snprintf(ret, size, "bit%u", bit);
    else
        snprintf(ret, size, "%.*s", (int)length, p);
}

bool features_find(const char *name, struct feature_place *ret)
{
    size_t wanted = strlen(name);
    if (!wanted || !strcmp(name, "-"))
        return false;
    for (size_t i = 0; i < WORD_COUNT; i++) {
        const char *p = words[i].names;
        for (uint32_t bit = 0; *p; bit++) {
            size_t length = strcspn(p, " ");
            if (length == wanted && !memcmp(p, name, length)) {
                *ret =
                    (struct feature_place){ words[i].function, words[i].index, words[i].reg, bit };
                return true;
            }
            p += length;
            p += *p == ' ';
        }
    }
    return false;
}

uint32_t features_dynamic(uint32_t function, uint32_t index, uint32_t reg)
{
    if (function == 1 && reg == 2)
        return 1u << 27 | 1u << 3; /* OSXSAVE follows CR4; MONITOR an MSR */
    if (function == 1 && reg == 3)
        return 1u << 9; /* APIC follows the APIC base */
    if (function == 7 && index == 0 && reg == 2)
        return 1u << 4; /* OSPKE follows CR4 */
    if (function == 0xd && index <= 1 && reg == 1)
        return ~0u; /* sizes follow XCR0 and XSS */
    return 0;
}

const char *features_reg_name(uint32_t reg)
{
    static const char *const names[] = { "EAX", "EBX", "ECX", "EDX" };
    return reg < 4 ? names[reg] : "?";
}
