/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What vCPUs of guests see besides their model: the emulator's -cpu, and what is refused.
 */
#include "vemu-domain.h"

#define GUEST(type, more)                                                                          \
    "<domain type='" type "'><name>v</name><uuid>" UUID_V "</uuid><memory unit='MiB'>64</memory>"  \
    "<os><type>hvm</type><kernel>/boot/vmlinuz</kernel></os>" more "</domain>"
#define FEATURES(more)    "<features>" more "</features>"
#define HYPERV(more)      FEATURES("<hyperv mode='custom'>" more "</hyperv>")
#define HYPERVCLOCK                                                                                \
    "<clock offset='localtime'><timer name='hypervclock' present='yes'/></clock>"
#define PASSTHROUGH(more) "<cpu mode='host-passthrough'>" more "</cpu>"

START_TEST(test_words)
{
    static const struct {
        const char *xml, *words;
    } rows[] = {
        { GUEST("qemu", ""), " -cpu max -smp " },
        { GUEST("qemu", FEATURES("<kvm><hidden state='on'/></kvm>")), " -cpu max,kvm=off -smp " },
        { GUEST("vemu", FEATURES("<kvm><hidden state='on'/></kvm>")), " -cpu max,kvm=off -smp " },
        { GUEST("qemu", FEATURES("<kvm><hidden state='off'/><hint-dedicated state='off'/>"
                                 "<dirty-ring state='off'/></kvm>")),
          " -cpu max -smp " },
        { GUEST("qemu", FEATURES("<kvm/>")), " -cpu max -smp " },
        { GUEST("vemu", FEATURES("<kvm><poll-control state='on'/><pv-ipi state='off'/></kvm>")),
          " -cpu max,kvm-poll-control=on,kvm-pv-ipi=off,enforce -smp " },
        { GUEST("qemu", FEATURES("<kvm><hint-dedicated state='on'/></kvm>")),
          " -cpu max,kvm-hint-dedicated=on -smp " },
        { GUEST("qemu", FEATURES("<kvm><pv-ipi state='off'/></kvm>")),
          " -cpu max,kvm-pv-ipi=off -smp " },
        { GUEST("vemu", FEATURES("<apic eoi='on'/>")), " -cpu max,kvm-pv-eoi=on,enforce -smp " },
        { GUEST("qemu", FEATURES("<apic eoi='off'/>")), " -cpu max,kvm-pv-eoi=off -smp " },
        { GUEST("qemu", FEATURES("<acpi/><apic/><ioapic driver='qemu'/>")), " -cpu max -smp " },
        { GUEST("qemu", PASSTHROUGH("<maxphysaddr mode='emulate' bits='42'/>")),
          " -cpu max,phys-bits=42 -smp " },
        { GUEST("vemu", PASSTHROUGH("<maxphysaddr mode='passthrough'/>")),
          " -cpu max,host-phys-bits=on -smp " },
        { GUEST("qemu", PASSTHROUGH("<maxphysaddr mode='passthrough' limit='39'/>")),
          " -cpu max,host-phys-bits=on,host-phys-bits-limit=39 -smp " },
        { GUEST("qemu", "<cpu><model>x86-64-v1</model><maxphysaddr mode='emulate' bits='36'/></cpu>"
                        FEATURES("<kvm><hidden state='on'/></kvm>")),
          " -cpu x86-64-v1,phys-bits=36,kvm=off,enforce -smp " },
        { GUEST("qemu", "<clock offset='utc'><timer name='kvmclock' present='no'/></clock>"),
          " -cpu max,kvmclock=off -smp " },
        { GUEST("qemu", "<clock offset='utc'><timer name='kvmclock' present='yes'/>"
                        "<timer name='hypervclock' present='no'/></clock>"),
          " -cpu max -smp " },
        /* what virt-install writes for Windows */
        { GUEST("vemu", HYPERV("<relaxed state='on'/><vapic state='on'/>"
                               "<spinlocks state='on' retries='8191'/>")
                            HYPERVCLOCK),
          " -cpu max,hv-relaxed=on,hv-vapic=on,hv-spinlocks=0x1fff,hv-time=on -smp " },
        { GUEST("vemu", HYPERV("<vpindex state='on'/><runtime state='on'/><synic state='on'/>"
                               "<stimer state='on'><direct state='on'/></stimer>"
                               "<reset state='on'/><vendor_id state='on' value='KVM Hv'/>"
                               "<frequencies state='on'/><reenlightenment state='off'/>"
                               "<tlbflush state='on'/><ipi state='on'/><evmcs state='off'/>"
                               "<avic state='on'/>")
                            HYPERVCLOCK),
          ",hv-vpindex=on,hv-runtime=on,hv-synic=on,hv-stimer=on,hv-stimer-direct=on,hv-reset=on,"
          "hv-vendor-id=KVM Hv,hv-frequencies=on,hv-tlbflush=on,hv-ipi=on,hv-avic=on,hv-time=on" },
        { GUEST("vemu", FEATURES("<hyperv mode='passthrough'/>")),
          " -cpu max,hv-passthrough=on -smp " },
        { GUEST("qemu", HYPERV("<relaxed state='off'/><vapic state='off'/><stimer state='off'>"
                               "<direct state='off'/></stimer><spinlocks state='off'/>"
                               "<vendor_id state='off'/>")),
          " -cpu max -smp " },
        { GUEST("qemu", FEATURES("<hyperv/>")), " -cpu max -smp " },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vmgr_domain *dom = define_v(rows[i].xml);

        OK(vmgr_domain_start(dom, 0, &err));
        OK(vmgr_domain_destroy(dom, 0, &err));
        ck_assert_msg(strstr(sandbox_command_line("v"), rows[i].words) != NULL, "%s: %s",
                      rows[i].xml, sandbox_command_line("v"));
        vmgr_domain_unref(dom);
    }
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *xml, *message;
    } rows[] = {
        { GUEST("qemu",
                FEATURES("<kvm><hidden state='on'/><hint-dedicated state='on'/></kvm>")),
          "CPU setting kvm-hint-dedicated is told in KVM's leaves, which kvm=off hides" },
        { GUEST("vemu", FEATURES("<kvm><dirty-ring state='on' size='4096'/></kvm>")),
          "<dirty-ring> of feature 'kvm' is not supported by the vemu driver yet" },
        { GUEST("vemu", FEATURES("<ioapic driver='kvm'/>")),
          "driver 'kvm' of <ioapic> is not supported by the vemu driver" },
        { GUEST("qemu", FEATURES("<apic eoi='on'/>")),
          "CPU model 'max,kvm-pv-eoi=on,enforce': the accelerator does not have kvm-pv-eoi" },
        { GUEST("qemu", FEATURES("<kvm><poll-control state='on'/></kvm>")),
          "CPU model 'max,kvm-poll-control=on,enforce': the accelerator does not have "
          "kvm-poll-control" },
        { GUEST("vemu", PASSTHROUGH("<maxphysaddr mode='emulate'/>")),
          "if using CPU maximum physical address mode='emulate', bits= must be specified too" },
        { GUEST("vemu", PASSTHROUGH("<maxphysaddr mode='passthrough' bits='40'/>")),
          "CPU maximum physical address bits number specification cannot be used with "
          "mode='passthrough'" },
        { GUEST("vemu", PASSTHROUGH("<maxphysaddr mode='emulate' bits='40' limit='39'/>")),
          "attribute limit of <maxphysaddr> cannot be used with mode='emulate'" },
        { GUEST("vemu", PASSTHROUGH("<maxphysaddr mode='emulate' bits='53'/>")),
          "CPU maximum physical address of '53' bits is not one of 32 to 52" },
        { GUEST("vemu", PASSTHROUGH("<maxphysaddr mode='passthrough' limit='9'/>")),
          "CPU maximum physical address of '9' bits is not one of 32 to 52" },
        { GUEST("vemu", PASSTHROUGH("<maxphysaddr mode='guess'/>")),
          "CPU maximum physical address mode 'guess' is not known" },
        { GUEST("vemu", PASSTHROUGH("<cache mode='emulate' level='3'/>")),
          "<cache> of <cpu> in mode 'emulate' is not supported by the vemu driver yet" },
        { GUEST("qemu", HYPERV("<relaxed state='on'/>")),
          "accelerator soft has no Hyper-V enlightenments" },
        { GUEST("qemu", HYPERVCLOCK), "accelerator soft has no Hyper-V enlightenments" },
        { GUEST("qemu", FEATURES("<hyperv mode='passthrough'/>")),
          "accelerator soft has no Hyper-V enlightenments" },
        { GUEST("qemu", HYPERV("<synic state='on'/>")),
          "Hyper-V synthetic interrupt controller (hv-synic) requires Hyper-V VP_INDEX MSR "
          "(hv-vpindex)" },
        { GUEST("vemu", HYPERV("<evmcs state='on'/>")),
          "<evmcs> of feature 'hyperv' is not supported by the vemu driver yet" },
    };
    static const struct {
        const char *xml, *message;
    } wrong[] = {
        { GUEST("vemu", FEATURES("<kvm><hidden/></kvm>")),
          "Missing required attribute 'state' in element 'hidden'" },
        { GUEST("vemu", HYPERV("<relaxed/>")),
          "Missing required attribute 'state' in element 'relaxed'" },
        { GUEST("vemu", HYPERV("<stimer state='on'><direct/></stimer>")),
          "Missing required attribute 'state' in element 'direct'" },
        { GUEST("vemu", HYPERV("<stimer state='on'><direct state='maybe'/></stimer>")),
          "Missing required attribute 'state' in element 'direct'" },
        { GUEST("vemu", HYPERV("<spinlocks state='on'/>")),
          "Missing required attribute 'retries' in element 'spinlocks'" },
        { GUEST("vemu", HYPERV("<spinlocks state='on' retries='4094'/>")),
          "HyperV spinlock retry count must be at least 4095" },
        { GUEST("vemu", HYPERV("<vendor_id state='on'/>")),
          "missing 'value' attribute for HyperV feature 'vendor_id'" },
        { GUEST("vemu", HYPERV("<vendor_id state='on' value='thirteenchars'/>")),
          "HyperV vendor_id value must not be more than 12 characters." },
        { GUEST("vemu", HYPERV("<vendor_id state='on' value='a,kvm=off'/>")),
          "HyperV vendor_id value is invalid" },
        { GUEST("vemu", FEATURES("<hyperv mode='all'/>")),
          "Invalid value for attribute 'mode' in element 'hyperv': 'all'." },
    };
    char message[300];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vmgr_domain *dom = define_v(rows[i].xml);

        snprintf(message, sizeof(message), "unsupported configuration: %s", rows[i].message);
        FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_CONFIG_UNSUPPORTED, message);
        vmgr_domain_unref(dom);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct vmgr_domain *dom = define_v(wrong[i].xml);

        snprintf(message, sizeof(message), "XML error: %s", wrong[i].message);
        FAILS(vmgr_domain_start(dom, 0, &err), VMGR_ERR_XML_ERROR, message);
        vmgr_domain_unref(dom);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cpu");
    TCase *t = tcase_create("cpu");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_words);
    tcase_add_test(t, test_refused);
    suite_add_tcase(s, t);
    return run_suite(s);
}
