/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs and memory modules that are plugged in, in the DSDT: devices with _STA, _EJ0 and _OST, the
 * methods that work the registers of devices/acpi-hotplug, and who calls them.
 *
 * The board raises a general-purpose event (methods _E02 and _E03 of \_GPE), or where it has none
 * the interrupt of a generic event device (ACPI 6.4, 5.6.9). Both call a method that looks for
 * slots with an event, clears that and notifies the device: 1 to look again, 3 to let it go.
 */
#include "boot/acpi-hotplug.h"

#include <stdio.h>

#include "boot/aml.h"
#include "devices/acpi-hotplug/acpi-hotplug.h"

#define ZERO       0x00
#define ONE        0x01
#define BYTE       0x0a
#define BUFFER     0x11
#define LOCAL0     0x60
#define ARG0       0x68
#define ARG1       0x69
#define ARG2       0x6a
#define STORE      0x70
#define ADD        0x72
#define SUBTRACT   0x74
#define INCREMENT  0x75
#define SHIFT_LEFT 0x79
#define OR         0x7d
#define NOTIFY     0x86
#define QWORD_AT   0x8f
#define EQUAL      0x93
#define LESS       0x95
#define IF         0xa0
#define ELSE       0xa1
#define WHILE      0xa2
#define RETURN     0xa4

#define STA_ALL       0x0f
#define CHECK_DEVICE  1u
#define EJECT_REQUEST 3u

/* --- phrases ---------------------------------------------------------------------------------- */

/* Store (operand, name), operand being one byte: a local, an argument, Zero or One. */
static void set(GByteArray *out, const char *name, uint8_t operand)
{
    VEMU_AML(out, STORE, operand);
    vemu__aml_ref(out, name);
}

/* If (LEqual (name, One)) */
static gsize if_one(GByteArray *out, const char *name)
{
    gsize mark = vemu__aml_block(out, IF);

    VEMU_AML(out, EQUAL);
    vemu__aml_ref(out, name);
    VEMU_AML(out, ONE);
    return mark;
}

static void call_with_slot(GByteArray *out, const char *method, uint32_t n)
{
    vemu__aml_ref(out, method);
    vemu__aml_integer(out, n);
}

/* Method (name) { Return (method (n, ...)) } or, without a result, the call. */
static void delegate(GByteArray *out, const char *name, unsigned arguments, const char *method,
                     uint32_t n, bool returns)
{
    gsize mark = vemu__aml_method(out, name, arguments, false);

    if (returns)
        VEMU_AML(out, RETURN);
    call_with_slot(out, method, n);
    if (arguments > 1) /* _OST: what it is about, the result; details are read by nobody */
        VEMU_AML(out, ARG0, ARG1);
    vemu__aml_end(out, mark);
}

/* Which register interface, in the names of its fields and methods. */
struct interface {
    const char *lock, *select, *enabled, *inserting, *removing, *eject;
    const char *notify, *status, *eject_method;
    uint32_t count;
    char letter; /* of the devices */
};

/* Method (notify, 2): Notify (slot Arg0, Arg1). */
static void put_notify(GByteArray *out, const struct interface *i)
{
    gsize mark = vemu__aml_method(out, i->notify, 2, false), part;

    for (uint32_t n = 0; n < i->count; n++) {
        char name[5];

        snprintf(name, sizeof(name), "%c%03X", i->letter, n & 0xfff);
        part = vemu__aml_block(out, IF);
        VEMU_AML(out, EQUAL, ARG0);
        vemu__aml_integer(out, n);
        VEMU_AML(out, NOTIFY);
        vemu__aml_ref(out, name);
        VEMU_AML(out, ARG1);
        vemu__aml_end(out, part);
    }
    vemu__aml_end(out, mark);
}

/* Status and eject of slot Arg0. */
static void put_slot_methods(GByteArray *out, const struct interface *i)
{
    gsize mark = vemu__aml_method(out, i->status, 1, true), part;

    vemu__aml_acquire(out, i->lock);
    set(out, i->select, ARG0);
    VEMU_AML(out, STORE, ZERO, LOCAL0);
    part = if_one(out, i->enabled);
    VEMU_AML(out, STORE, BYTE, STA_ALL, LOCAL0);
    vemu__aml_end(out, part);
    vemu__aml_release(out, i->lock);
    VEMU_AML(out, RETURN, LOCAL0);
    vemu__aml_end(out, mark);

    mark = vemu__aml_method(out, i->eject_method, 1, true);
    vemu__aml_acquire(out, i->lock);
    set(out, i->select, ARG0);
    set(out, i->eject, ONE);
    vemu__aml_release(out, i->lock);
    vemu__aml_end(out, mark);
}

/* Tells of one of two events of the selected slot. `again`: sets Local1 if there was one. */
static void put_event(GByteArray *out, const struct interface *i, void (*number)(GByteArray *out),
                      const char *flag, unsigned code, bool again)
{
    vemu__aml_ref(out, i->notify);
    number(out);
    vemu__aml_integer(out, code);
    set(out, flag, ONE);
    if (again)
        VEMU_AML(out, STORE, ONE, LOCAL0 + 1);
}

/* What the scan does with the selected slot. */
static void put_events(GByteArray *out, const struct interface *i, void (*number)(GByteArray *out),
                       bool again)
{
    gsize part = if_one(out, i->inserting), other, inner;

    put_event(out, i, number, i->inserting, CHECK_DEVICE, again);
    vemu__aml_end(out, part);
    other = vemu__aml_block(out, ELSE);
    inner = if_one(out, i->removing);
    put_event(out, i, number, i->removing, EJECT_REQUEST, again);
    vemu__aml_end(out, inner);
    vemu__aml_end(out, other);
}

static void put_controller(GByteArray *out, const char *name, const char *uid, uint16_t port,
                           uint8_t size)
{
    gsize device = vemu__aml_device(out, name), crs;

    vemu__aml_name_eisaid(out, "_HID", "PNP0A06");
    vemu__aml_name_string(out, "_UID", uid);
    crs = vemu__aml_crs(out);
    vemu__aml_io(out, port, size);
    vemu__aml_crs_end(out, crs);
    vemu__aml_end(out, device);
}

/* --- CPUs ------------------------------------------------------------------------------------- */

static void put_cpu_fields(GByteArray *out)
{
    gsize field;

    vemu__aml_io_region(out, "PRST", VEMU_HOTPLUG_CPU_PORT, VEMU_HOTPLUG_CPU_SIZE);
    field = vemu__aml_field(out, "PRST", VEMU_AML_FIELD_BYTES | VEMU_AML_FIELD_ZEROS);
    vemu__aml_field_unit(out, NULL, 32);
    vemu__aml_field_unit(out, "CPEN", 1);
    vemu__aml_field_unit(out, "CINS", 1);
    vemu__aml_field_unit(out, "CRMV", 1);
    vemu__aml_field_unit(out, "CEJ0", 1);
    vemu__aml_field_unit(out, NULL, 4);
    vemu__aml_field_unit(out, "CCMD", 8);
    vemu__aml_end(out, field);
    field = vemu__aml_field(out, "PRST", VEMU_AML_FIELD_DWORDS);
    vemu__aml_field_unit(out, "CSEL", 32);
    vemu__aml_field_unit(out, NULL, 32);
    vemu__aml_field_unit(out, "CDAT", 32);
    vemu__aml_end(out, field);
}

static void cpu_number(GByteArray *out)
{
    vemu__aml_ref(out, "CDAT");
}

/* Command 0 selects a CPU with an event and reads back its number; until none has one. */
static void put_cpu_scan(GByteArray *out, const struct interface *i)
{
    gsize method = vemu__aml_method(out, "CSCN", 0, true), loop;

    vemu__aml_acquire(out, i->lock);
    set(out, i->select, ZERO);
    VEMU_AML(out, STORE, ONE, LOCAL0 + 1);
    loop = vemu__aml_block(out, WHILE);
    VEMU_AML(out, EQUAL, LOCAL0 + 1, ONE, STORE, ZERO, LOCAL0 + 1);
    set(out, "CCMD", ZERO);
    put_events(out, i, cpu_number, true);
    vemu__aml_end(out, loop);
    vemu__aml_release(out, i->lock);
    vemu__aml_end(out, method);
}

static void put_cpu_report(GByteArray *out, const struct interface *i)
{
    gsize method = vemu__aml_method(out, "COST", 3, true);

    vemu__aml_acquire(out, i->lock);
    set(out, i->select, ARG0);
    set(out, "CCMD", ONE);
    set(out, "CDAT", ARG1);
    VEMU_AML(out, STORE, BYTE, 2);
    vemu__aml_ref(out, "CCMD");
    set(out, "CDAT", ARG2);
    vemu__aml_release(out, i->lock);
    vemu__aml_end(out, method);
}

static void put_cpu(GByteArray *out, const struct vemu_acpi_config *config, uint32_t n)
{
    /* _MAT: the local APIC structure of the MADT (5.2.12.2), enabled */
    const uint32_t apic_id = vemu__topology_apic_id(&config->topology, n);
    const uint8_t apic[] = { 0, 8, (uint8_t)n, (uint8_t)apic_id, 1, 0, 0, 0 };
    char name[5];
    gsize device, buffer;

    snprintf(name, sizeof(name), "C%03X", n & 0xfff);
    device = vemu__aml_device(out, name);
    vemu__aml_name_string(out, "_HID", "ACPI0007");
    vemu__aml_name_integer(out, "_UID", n);
    delegate(out, "_STA", 0, "CSTA", n, true);
    buffer = vemu__aml_name_buffer(out, "_MAT");
    VEMU_AML(out, BYTE, sizeof(apic));
    vemu__aml_bytes(out, apic, sizeof(apic));
    vemu__aml_end(out, buffer);
    if (n >= config->boot_vcpus)
        delegate(out, "_EJ0", 1, "CEJM", n, false);
    if (config->numa)
        vemu__aml_name_integer(out, "_PXM", config->numa->cpu_nodes[n]);
    delegate(out, "_OST", 3, "COST", n, false);
    vemu__aml_end(out, device);
}

static void put_cpus(GByteArray *out, const struct vemu_acpi_config *config)
{
    const struct interface i = {
        .lock = "CPLK", .select = "CSEL", .enabled = "CPEN", .inserting = "CINS",
        .removing = "CRMV", .eject = "CEJ0", .notify = "CTFY", .status = "CSTA",
        .eject_method = "CEJM", .count = config->vcpus, .letter = 'C',
    };
    gsize device;

    put_controller(out, "CPUR", "CPU hot-plug registers", VEMU_HOTPLUG_CPU_PORT,
                   VEMU_HOTPLUG_CPU_SIZE);
    device = vemu__aml_device(out, "CPUS");
    vemu__aml_name_string(out, "_HID", "ACPI0010"); /* processor container */
    vemu__aml_name_eisaid(out, "_CID", "PNP0A05");
    vemu__aml_mutex(out, i.lock);
    put_cpu_fields(out);
    put_slot_methods(out, &i);
    put_cpu_report(out, &i);
    for (uint32_t n = 0; n < config->vcpus; n++)
        put_cpu(out, config, n);
    put_notify(out, &i);
    put_cpu_scan(out, &i);
    vemu__aml_end(out, device);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void put_memory_fields(GByteArray *out)
{
    static const char *const reads[] = { "MADL", "MADH", "MSZL", "MSZH", "MPXM" };
    static const char *const writes[] = { "MSEL", "MOEV", "MOSC" };
    gsize field;

    vemu__aml_io_region(out, "MHPR", VEMU_HOTPLUG_MEMORY_PORT, VEMU_HOTPLUG_MEMORY_SIZE);
    field = vemu__aml_field(out, "MHPR", VEMU_AML_FIELD_DWORDS);
    for (unsigned i = 0; i < G_N_ELEMENTS(reads); i++)
        vemu__aml_field_unit(out, reads[i], 32);
    vemu__aml_end(out, field);
    field = vemu__aml_field(out, "MHPR", VEMU_AML_FIELD_BYTES | VEMU_AML_FIELD_ZEROS);
    vemu__aml_field_unit(out, NULL, 160);
    vemu__aml_field_unit(out, "MEN_", 1);
    vemu__aml_field_unit(out, "MINS", 1);
    vemu__aml_field_unit(out, "MRMV", 1);
    vemu__aml_field_unit(out, "MEJ0", 1);
    vemu__aml_end(out, field);
    field = vemu__aml_field(out, "MHPR", VEMU_AML_FIELD_DWORDS);
    for (unsigned i = 0; i < G_N_ELEMENTS(writes); i++)
        vemu__aml_field_unit(out, writes[i], 32);
    vemu__aml_end(out, field);
}

static void slot_number(GByteArray *out)
{
    VEMU_AML(out, LOCAL0);
}

static void put_memory_scan(GByteArray *out, const struct interface *i)
{
    gsize method = vemu__aml_method(out, "MSCN", 0, true), loop;

    vemu__aml_acquire(out, i->lock);
    VEMU_AML(out, STORE, ZERO, LOCAL0);
    loop = vemu__aml_block(out, WHILE);
    VEMU_AML(out, LESS, LOCAL0);
    vemu__aml_integer(out, i->count);
    set(out, i->select, LOCAL0);
    put_events(out, i, slot_number, false);
    VEMU_AML(out, INCREMENT, LOCAL0);
    vemu__aml_end(out, loop);
    vemu__aml_release(out, i->lock);
    vemu__aml_end(out, method);
}

static void put_memory_report(GByteArray *out, const struct interface *i)
{
    gsize method = vemu__aml_method(out, "MOST", 3, true);

    vemu__aml_acquire(out, i->lock);
    set(out, i->select, ARG0);
    set(out, "MOEV", ARG1);
    set(out, "MOSC", ARG2);
    vemu__aml_release(out, i->lock);
    vemu__aml_end(out, method);
}

/* name = low | high << 32 */
static void join_halves(GByteArray *out, const char *low, const char *high, const char *name)
{
    VEMU_AML(out, SHIFT_LEFT);
    vemu__aml_ref(out, high);
    VEMU_AML(out, BYTE, 32, LOCAL0);
    VEMU_AML(out, OR, LOCAL0);
    vemu__aml_ref(out, low);
    vemu__aml_ref(out, name);
}

/* A 64-bit address space descriptor (6.4.3.5.1) whose numbers are filled in. */
static void put_memory_resources(GByteArray *out, const struct interface *i)
{
    static const struct {
        const char *name;
        uint8_t offset;
    } numbers[] = { { "MMIN", 14 }, { "MMAX", 22 }, { "MLEN", 38 } };
    /* memory; consumer, fixed at both ends; cacheable, read-write */
    static const uint8_t head[] = { 0x8a, 43, 0, 0, 0x0d, 0x03 };
    static const uint8_t zeros[40], end[] = { 0x79, 0 };
    gsize method, buffer;

    buffer = vemu__aml_name_buffer(out, "MR64");
    VEMU_AML(out, BYTE, sizeof(head) + sizeof(zeros) + sizeof(end));
    vemu__aml_bytes(out, head, sizeof(head));
    vemu__aml_bytes(out, zeros, sizeof(zeros));
    vemu__aml_bytes(out, end, sizeof(end));
    vemu__aml_end(out, buffer);
    method = vemu__aml_method(out, "MCRS", 1, true);
    vemu__aml_acquire(out, i->lock);
    set(out, i->select, ARG0);
    for (unsigned n = 0; n < G_N_ELEMENTS(numbers); n++) {
        VEMU_AML(out, QWORD_AT);
        vemu__aml_ref(out, "MR64");
        VEMU_AML(out, BYTE, numbers[n].offset);
        vemu__aml_ref(out, numbers[n].name);
    }
    join_halves(out, "MADL", "MADH", "MMIN");
    join_halves(out, "MSZL", "MSZH", "MLEN");
    VEMU_AML(out, ADD); /* MMAX = MMIN + MLEN - 1 */
    vemu__aml_ref(out, "MMIN");
    vemu__aml_ref(out, "MLEN");
    VEMU_AML(out, LOCAL0);
    VEMU_AML(out, SUBTRACT, LOCAL0, ONE);
    vemu__aml_ref(out, "MMAX");
    vemu__aml_release(out, i->lock);
    VEMU_AML(out, RETURN);
    vemu__aml_ref(out, "MR64");
    vemu__aml_end(out, method);
}

/* Method (MPRX, 1): the proximity domain of module Arg0 */
static void put_memory_domain(GByteArray *out, const struct interface *i)
{
    gsize method = vemu__aml_method(out, "MPRX", 1, true);

    vemu__aml_acquire(out, i->lock);
    set(out, i->select, ARG0);
    VEMU_AML(out, STORE);
    vemu__aml_ref(out, "MPXM");
    VEMU_AML(out, LOCAL0);
    vemu__aml_release(out, i->lock);
    VEMU_AML(out, RETURN, LOCAL0);
    vemu__aml_end(out, method);
}

static void put_module(GByteArray *out, uint32_t n, bool has_domain)
{
    char name[5];
    gsize device;

    snprintf(name, sizeof(name), "M%03X", n & 0xfff);
    device = vemu__aml_device(out, name);
    vemu__aml_name_eisaid(out, "_HID", "PNP0C80");
    vemu__aml_name_integer(out, "_UID", n);
    delegate(out, "_STA", 0, "MSTA", n, true);
    delegate(out, "_CRS", 0, "MCRS", n, true);
    delegate(out, "_EJ0", 1, "MEJM", n, false);
    delegate(out, "_OST", 3, "MOST", n, false);
    if (has_domain)
        delegate(out, "_PXM", 0, "MPRX", n, true);
    vemu__aml_end(out, device);
}

static void put_memory(GByteArray *out, const struct vemu_acpi_config *config)
{
    const struct interface i = {
        .lock = "MLCK", .select = "MSEL", .enabled = "MEN_", .inserting = "MINS",
        .removing = "MRMV", .eject = "MEJ0", .notify = "MTFY", .status = "MSTA",
        .eject_method = "MEJM", .count = config->memory_slots, .letter = 'M',
    };
    gsize device;

    put_controller(out, "MEMR", "Memory hot-plug registers", VEMU_HOTPLUG_MEMORY_PORT,
                   VEMU_HOTPLUG_MEMORY_SIZE);
    device = vemu__aml_device(out, "MEMS");
    vemu__aml_name_string(out, "_HID", "PNP0A06");
    vemu__aml_name_string(out, "_UID", "Memory modules");
    vemu__aml_mutex(out, i.lock);
    put_memory_fields(out);
    put_slot_methods(out, &i);
    put_memory_resources(out, &i);
    if (config->numa)
        put_memory_domain(out, &i);
    put_memory_report(out, &i);
    for (uint32_t n = 0; n < config->memory_slots; n++)
        put_module(out, n, config->numa != NULL);
    put_notify(out, &i);
    put_memory_scan(out, &i);
    vemu__aml_end(out, device);
}

/* --- who calls -------------------------------------------------------------------------------- */

static void put_gpe(GByteArray *out, unsigned n, const char *scan)
{
    char name[5];
    gsize method;

    snprintf(name, sizeof(name), "_E%02X", n & 0xff);
    method = vemu__aml_method(out, name, 0, false);
    vemu__aml_ref(out, scan);
    vemu__aml_end(out, method);
}

static void put_event_device(GByteArray *out, uint32_t gsi, bool cpus, bool memory)
{
    gsize device = vemu__aml_device(out, "GED"), crs, method;

    vemu__aml_name_string(out, "_HID", "ACPI0013");
    vemu__aml_name_integer(out, "_UID", 0);
    crs = vemu__aml_crs(out);
    vemu__aml_gsi_edge(out, gsi);
    vemu__aml_crs_end(out, crs);
    method = vemu__aml_method(out, "_EVT", 1, true);
    if (cpus)
        vemu__aml_ref(out, "\\_SB_.CPUS.CSCN");
    if (memory)
        vemu__aml_ref(out, "\\_SB_.MEMS.MSCN");
    vemu__aml_end(out, method);
    vemu__aml_end(out, device);
}

void vemu__acpi_dsdt_hotplug(GByteArray *out, const struct vemu_acpi_config *config)
{
    bool cpus = config->boot_vcpus && config->boot_vcpus < config->vcpus;
    bool memory = config->memory_slots > 0;
    gsize scope;

    if (!cpus && !memory)
        return;
    scope = vemu__aml_scope(out, "\\_SB_");
    if (cpus)
        put_cpus(out, config);
    if (memory)
        put_memory(out, config);
    if (config->event_gsi)
        put_event_device(out, config->event_gsi, cpus, memory);
    vemu__aml_end(out, scope);
    if (config->event_gsi)
        return;
    scope = vemu__aml_scope(out, "\\_GPE");
    if (cpus)
        put_gpe(out, VEMU_ACPI_GPE_CPU, "\\_SB_.CPUS.CSCN");
    if (memory)
        put_gpe(out, VEMU_ACPI_GPE_MEMORY, "\\_SB_.MEMS.MSCN");
    vemu__aml_end(out, scope);
}
