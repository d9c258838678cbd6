/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of the command line: the machine itself: CPU, memory, what it boots, its name.
 */
#include <stdio.h>
#include <string.h>

#include "cpus.h"
#include "help.h"
#include "keyval.h"
#include "option-table.h"
#include "report.h"
#include "smbios.h"
#include "text.h"

static bool opt_machine(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "machine", value, true))
        return false;
    const char *type = keyval_take(&kv, "type");
    const char *accel = keyval_take(&kv, "accel");
    if (accel)
        o->config.accel = options_keep(o, accel);
    /* what is left goes to the machine class: "microvm,pit=off" */
    struct text text = { 0 };
    text_add(&text, type ? type : kv.first ? kv.first : "microvm");
    const char *memory = keyval_take(&kv, "memory-backend");
    if (memory)
        o->config.memory_backend = options_keep(o, memory);
    text_add_items(&text, &kv);
    keyval_free(&kv);
    if (!text_fits(&text, "machine"))
        return false;
    o->config.machine = options_keep(o, text.bytes);
    return true;
}

static bool opt_accel(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "accel", value, true))
        return false;
    const char *named = keyval_take(&kv, "accel");
    const char *name = kv.first ? kv.first : named;
    bool ok = name != NULL;
    if (!ok)
        report("-accel: no accelerator named");
    /* what is left goes to the accelerator: "kvm,record=FILE" */
    struct text text = { 0 };
    if (ok)
        text_add(&text, name);
    if (ok)
        text_add_items(&text, &kv);
    ok = ok && text_fits(&text, "accel");
    if (ok)
        o->config.accel = options_keep(o, text.bytes);
    keyval_free(&kv);
    return ok;
}

static bool opt_enable_kvm(struct options *o, const char *value)
{
    o->config.accel = "kvm";
    return true;
}

static bool opt_memory(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "m", value, true))
        return false;
    const char *named = keyval_take(&kv, "size");
    const char *size = kv.first ? kv.first : named;
    const char *max = keyval_take(&kv, "maxmem"), *slots = keyval_take(&kv, "slots");
    unsigned long long bytes = 0, max_bytes = 0, slot_count = 0;
    bool ok = keyval_done(&kv, "m");
    if (ok && !size) {
        report("-m: no size given");
        ok = false;
    }
    ok = ok && parse_size("m", size, 1024 * 1024, &bytes);
    if (ok && (!bytes || bytes % 4096)) {
        report("-m: '%s' is not a positive multiple of 4096 bytes", size);
        ok = false;
    }
    ok = ok && (!max || parse_size("m", max, 1024 * 1024, &max_bytes));
    ok = ok && (!slots || parse_size("m", slots, 1, &slot_count));
    if (ok && (max_bytes % 4096 || (max && max_bytes < bytes))) {
        report("-m: maxmem=%s is not a multiple of 4096 bytes, at least the size", max);
        ok = false;
    }
    if (ok && (slot_count > 256 || (slot_count && !max))) {
        report("-m: slots=%s: at most 256, and only with maxmem=", slots);
        ok = false;
    }
    o->config.memory_bytes = bytes;
    o->config.max_memory_bytes = max_bytes;
    o->config.memory_slots = (uint32_t)slot_count;
    keyval_free(&kv);
    return ok;
}

static bool opt_overcommit(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "overcommit", value, false))
        return false;
    const char *lock = keyval_take(&kv, "mem-lock"), *pm = keyval_take(&kv, "cpu-pm");
    bool ok = keyval_done(&kv, "overcommit"), cpu_pm = false;
    ok = ok && (!lock || parse_switch("overcommit", "mem-lock", lock, &o->memory_lock));
    ok = ok && (!pm || parse_switch("overcommit", "cpu-pm", pm, &cpu_pm));
    if (ok && cpu_pm) {
        report("-overcommit: cpu-pm=on is not supported");
        ok = false;
    }
    keyval_free(&kv);
    return ok;
}

/* Options of the machine that have a name of their own. */
bool options_add_machine_option(struct options *o, const char *option, const char *name,
                                const char *value)
{
    struct text text = { 0 };
    text_add_item(&text, name, value);
    if (!text_fits(&text, option))
        return false;
    option_list_add(&o->machine_options, options_keep(o, text.bytes));
    return true;
}

static bool opt_bios(struct options *o, const char *value)
{
    return options_add_machine_option(o, "bios", "firmware", value);
}

static bool opt_no_hpet(struct options *o, const char *value)
{
    return options_add_machine_option(o, "no-hpet", "hpet", "off");
}

/* Defaults of QEMU's device classes, as management writes them: those that are options of a machine
 * here. */
static bool opt_global(struct options *o, const char *value)
{
    static const char wanted[] = "ICH9-LPC.disable_s3";
    struct keyval kv;
    bool disabled;
    if (!keyval_parse(&kv, "global", value, false))
        return false;
    const char *given = keyval_take(&kv, wanted);
    const char *disable = given && strcmp(given, "1") == 0   ? "on"
                          : given && strcmp(given, "0") == 0 ? "off"
                                                             : given;
    bool ok = keyval_done(&kv, "global");
    if (ok && !disable) {
        report("-global: '%s' does not set a property", value);
        ok = false;
    }
    ok = ok && parse_switch("global", wanted, disable, &disabled) &&
         options_add_machine_option(o, "global", "s3", disabled ? "off" : "on");
    keyval_free(&kv);
    return ok;
}

/* "order=cd,menu=on", or the order alone. */
static bool opt_boot(struct options *o, const char *value)
{
    static const char *const names[] = { "order",  "once",        "menu",
                                         "strict", "splash-time", "reboot-timeout" };
    struct keyval kv;
    if (!keyval_parse(&kv, "boot", value, true))
        return false;
    bool ok = !kv.first || options_add_machine_option(o, "boot", "boot.order", kv.first);
    for (size_t i = 0; ok && i < sizeof(names) / sizeof(names[0]); i++) {
        char full[32];
        const char *text = keyval_take(&kv, names[i]);
        snprintf(full, sizeof(full), "boot.%s", names[i]);
        if (text)
            ok = options_add_machine_option(o, "boot", full, text);
    }
    ok = ok && keyval_done(&kv, "boot");
    keyval_free(&kv);
    return ok;
}

static bool opt_name(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "name", value, true))
        return false;
    const char *named = keyval_take(&kv, "guest");
    bool ok = keyval_done(&kv, "name");
    if (ok)
        o->config.name = options_keep(o, kv.first ? kv.first : named ? named : "");
    keyval_free(&kv);
    return ok;
}

/* Those given by options of their own, behind those of -machine. */
bool options_finish_machine(struct options *o)
{
    struct text text = { 0 };
    text_add(&text, o->config.machine ? o->config.machine : "microvm");
    for (size_t i = 0; i < o->machine_options.count; i++)
        text_add(&text, o->machine_options.items[i]);
    if (!text_fits(&text, "machine"))
        return false;
    if (o->machine_options.count)
        o->config.machine = options_keep(o, text.bytes);
    return true;
}

static const struct option table[] = {
    { "machine", "TYPE[,OPTION=VALUE...]", "machine type and options ('help' lists)",
      CALL(opt_machine), .answer = help_machines },
    { "M", "TYPE[,OPTION=VALUE...]", "the same", CALL(opt_machine), .answer = help_machines },
    { "accel", "kvm|soft|auto", "what runs the vCPUs (auto: kvm where it is fast)", CALL(opt_accel),
      .answer = help_accels },
    { "enable-kvm", NULL, "the same as -accel kvm", CALL(opt_enable_kvm) },
    { "cpu", "MODEL[,+FEATURE|-FEATURE]...",
      "CPU model (-cpu help); default: max, all the accelerator offers", TEXT(config.cpu),
      .answer = help_cpus },
    { "m", "SIZE[bKMGT][,slots=N,maxmem=SIZE]",
      "guest memory, in MiB without suffix (default 128); room for memory that is plugged in",
      CALL(opt_memory) },
    { "smp", "[cpus=]N[,maxcpus=N][,sockets=N][,dies=N][,cores=N][,threads=N]",
      "number of vCPUs (default 1), with those plugged in later, and where they sit",
      CALL(parse_smp) },
    { "numa", "node[,nodeid=N][,cpus=N[-N]]...[,memdev=ID|,mem=SIZE]",
      "a NUMA node: its vCPUs and its part of the memory", LIST(numas) },
    { "numa", "dist,src=N,dst=N,val=N", "how far one node is from another (10: local)",
      LIST(numas) },
    { "object", "CLASS,id=ID[,PROPERTY=VALUE...]",
      "make memory for -machine memory-backend=ID or a device's memdev=ID ('help' lists)",
      LIST(objects), .answer = help_objects },
    { "mem-path", "PATH", "guest memory is this file, or one in this directory",
      TEXT(memory_path) },
    { "mem-prealloc", NULL, "allocate guest memory at once", FLAG(memory_prealloc) },
    { "overcommit", "mem-lock=on|off", "lock guest memory in the host's", CALL(opt_overcommit) },
    { "kernel", "FILE", "bzImage, ELF vmlinux or multiboot image to boot", TEXT(config.kernel) },
    { "initrd", "FILE", "initial RAM disk for the kernel", TEXT(config.initrd) },
    { "append", "TEXT", "kernel command line", TEXT(config.cmdline) },
    { "bios", "FILE", "firmware image to start; of a kernel, only UEFI", CALL(opt_bios) },
    { "boot",
      "[order=]LETTERS[,once=LETTERS][,menu=on][,strict=on][,splash-time=MS][,reboot-timeout=MS]",
      "what firmware boots: c disk, d CD-ROM (bootindex= of devices comes first)", CALL(opt_boot) },
    { "smbios", "type=N[,FIELD=TEXT...]",
      "what SMBIOS tells the guest: 0 BIOS, 1 system, 2 base board, 3 chassis, 11 OEM strings",
      CALL(smbios_option) },
    { "fw_cfg", "[name=]opt/NAME,string=TEXT|file=FILE",
      "a file that the guest reads by fw_cfg (/sys/firmware/qemu_fw_cfg)", LIST(fw_files) },
    { "global", "ICH9-LPC.disable_s3=0|1", "1: the same as -machine s3=off", CALL(opt_global) },
    { "no-hpet", NULL, "the same as -machine hpet=off", CALL(opt_no_hpet) },
    { "name", "NAME", "name of the guest", CALL(opt_name) },
    { "uuid", "UUID", "UUID of the guest", TEXT(config.uuid) },
    { 0 },
};

const struct option_group options_of_machine = { "The machine", table };
