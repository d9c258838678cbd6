/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of classes and their properties.
 */
#include "help.h"

#include <stdio.h>
#include <string.h>
#include <vemu/registry.h>

static bool asks(const char *value)
{
    return !strcmp(value, "help") || !strcmp(value, "?");
}

static void list_classes(int kind, const char *title)
{
    struct vemu_class_info info = VEMU_CLASS_INFO_INIT;
    printf("%s:\n", title);
    for (uint32_t i = 0; vemu_class_get(kind, i, &info) == 0; i++) {
        if (info.flags & VEMU_CLASS_INTERNAL)
            continue;
        printf("  %-18s %s", info.name, info.summary);
        if (info.alias)
            printf(" (alias %s)", info.alias);
        printf("\n");
    }
}

static void list_properties(int kind, const char *name)
{
    struct vemu_property_info info = VEMU_PROPERTY_INFO_INIT;
    printf("%s properties:\n", name);
    for (uint32_t i = 0; vemu_class_get_property(kind, name, i, &info) == 0; i++) {
        printf("  %s=<%s>", info.name, info.type);
        if (info.default_value)
            printf(" (default %s)", info.default_value);
        printf("\n      %s\n", info.summary);
    }
}

/* "help", or "CLASS,help". */
static bool help_kind(int kind, const char *title, const char *value)
{
    struct vemu_class_info info = VEMU_CLASS_INFO_INIT;
    char name[64];
    if (asks(value)) {
        list_classes(kind, title);
        return true;
    }
    const char *comma = strchr(value, ',');
    if (!comma || !asks(comma + 1) || (size_t)(comma - value) >= sizeof(name))
        return false;
    memcpy(name, value, (size_t)(comma - value));
    name[comma - value] = '\0';
    if (vemu_class_lookup(kind, name, &info) < 0)
        return false; /* the normal way reports the unknown class */
    list_properties(kind, info.name);
    return true;
}

bool help_devices(const char *value)
{
    return help_kind(VEMU_CLASS_DEVICE, "Devices (-device CLASS,help lists properties)", value);
}

bool help_chardevs(const char *value)
{
    return help_kind(VEMU_CLASS_CHARDEV, "Character back-ends (-chardev CLASS,help)", value);
}

bool help_blockdevs(const char *value)
{
    return help_kind(VEMU_CLASS_BLOCK, "Block drivers (-blockdev DRIVER,help)", value);
}

bool help_netdevs(const char *value)
{
    return help_kind(VEMU_CLASS_NET, "Network back-ends (-netdev CLASS,help)", value);
}

bool help_fsdevs(const char *value)
{
    return help_kind(VEMU_CLASS_FSDEV, "Shared directories (-fsdev CLASS,help)", value);
}

bool help_objects(const char *value)
{
    return help_kind(VEMU_CLASS_OBJECT, "Objects (-object CLASS,help lists properties)", value);
}

bool help_machines(const char *value)
{
    return help_kind(VEMU_CLASS_MACHINE, "Machines (-machine TYPE,help lists options)", value);
}

bool help_accels(const char *value)
{
    if (!asks(value))
        return false;
    printf("Accelerators:\n"
           "  kvm                the host's /dev/kvm\n"
           "  soft               software x86-64 CPU (alias tcg)\n"
           "  auto               kvm where it is usable and fast, else soft (default)\n");
    return true;
}

bool help_cpus(const char *value)
{
    if (!asks(value))
        return false;
    printf("CPU models:\n"
           "  max                all the accelerator offers (default)\n"
           "  host               the same\n"
           "  base               no features but what belongs to the machine\n"
           "  qemu64             x86-64-v1, pni, cx16, lahf-lm\n"
           "  x86-64-v1          the levels of the System V ABI\n"
           "  x86-64-v2\n"
           "  x86-64-v3\n"
           "Behind the model: ,+FEATURE ,-FEATURE ,FEATURE=on|off; ,enforce refuses to start\n"
           "without a feature that is asked for, ,check=off says nothing about it. The monitor's\n"
           "query-cpu-model-expansion lists the features.\n"
           "Settings:\n"
           "  kvm=off            KVM's leaves are not shown\n"
           "  kvm-hint-dedicated=on  vCPUs have CPUs of their own: guests need not yield\n"
           "  phys-bits=N        width of physical addresses\n"
           "  host-phys-bits=on  the host's; not more than host-phys-bits-limit=N\n"
           "  hv-NAME            Hyper-V enlightenments, on kvm: relaxed vapic time crash reset\n"
           "                     vpindex runtime synic stimer stimer-direct frequencies\n"
           "                     reenlightenment tlbflush ipi avic passthrough spinlocks=N\n"
           "                     vendor-id=NAME\n");
    return true;
}
