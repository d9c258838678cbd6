/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line: one table of options, in QEMU's grammar (one or two dashes, value as next
 * word).
 *
 * An option that QEMU has and vemu does not is refused by name. Adding an option is a function and
 * a line in the table; the manual page's list is checked against the table by a test.
 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpus.h"
#include "help.h"
#include "keyval.h"
#include "report.h"
#include "trace.h"

struct option {
    const char *name;
    const char *argument; /* how the value is shown; NULL: takes none */
    bool (*handle)(struct options *o, const char *value);
    const char *help;
};

void option_list_add(struct option_list *list, const char *item)
{
    const char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items) {
        report("out of memory");
        exit(1);
    }
    list->items = items;
    list->items[list->count++] = item;
}

/* A copy that lives as long as the options. */
static const char *keep(struct options *o, const char *text)
{
    char *copy = strdup(text);
    if (!copy) {
        report("out of memory");
        exit(1);
    }
    option_list_add(&o->owned, copy);
    return copy;
}

/* --- handlers --------------------------------------------------------------------------------- */

/* A text of bounded length; `used` goes on counting. */
struct text {
    char bytes[4096 + 64];
    size_t used;
};

static void text_add(struct text *text, const char *more)
{
    if (text->used < sizeof(text->bytes))
        snprintf(text->bytes + text->used, sizeof(text->bytes) - text->used, "%s", more);
    text->used += strlen(more);
}

/* A comma in a value is doubled. */
static void text_add_value(struct text *text, const char *value)
{
    for (; *value; value++) {
        const char one[] = { *value, *value == ',' ? ',' : '\0', '\0' };
        text_add(text, one);
    }
}

/* ",NAME=VALUE" for each. */
static void text_add_items(struct text *text, const struct keyval *kv)
{
    for (size_t i = 0; i < kv->count; i++) {
        text_add(text, ",");
        text_add(text, kv->items[i].name);
        text_add(text, "=");
        text_add_value(text, kv->items[i].value);
    }
}

static bool opt_machine(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "machine", value, true))
        return false;
    const char *type = keyval_take(&kv, "type");
    const char *accel = keyval_take(&kv, "accel");
    if (accel)
        o->config.accel = keep(o, accel);
    /* what is left goes to the machine class: "microvm,pit=off" */
    struct text text = { 0 };
    text_add(&text, type ? type : kv.first ? kv.first : "microvm");
    const char *memory = keyval_take(&kv, "memory-backend");
    if (memory)
        o->config.memory_backend = keep(o, memory);
    text_add_items(&text, &kv);
    keyval_free(&kv);
    if (text.used >= sizeof(text.bytes)) {
        report("-machine: too long");
        return false;
    }
    o->config.machine = keep(o, text.bytes);
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
    if (ok && text.used >= sizeof(text.bytes)) {
        report("-accel: too long");
        ok = false;
    }
    if (ok)
        o->config.accel = keep(o, text.bytes);
    keyval_free(&kv);
    return ok;
}

static bool opt_enable_kvm(struct options *o, const char *value)
{
    o->config.accel = "kvm";
    return true;
}

static bool opt_cpu(struct options *o, const char *value)
{
    o->config.cpu = value;
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

static bool opt_numa(struct options *o, const char *value)
{
    option_list_add(&o->numas, value);
    return true;
}

static bool opt_kernel(struct options *o, const char *value)
{
    o->config.kernel = value;
    return true;
}

static bool opt_initrd(struct options *o, const char *value)
{
    o->config.initrd = value;
    return true;
}

static bool opt_append(struct options *o, const char *value)
{
    o->config.cmdline = value;
    return true;
}

/* Options of the machine that have a name of their own. */
static bool machine_option(struct options *o, const char *option, const char *name,
                           const char *value)
{
    struct text text = { 0 };
    text_add(&text, ",");
    text_add(&text, name);
    text_add(&text, "=");
    text_add_value(&text, value);
    if (text.used >= sizeof(text.bytes)) {
        report("-%s: too long", option);
        return false;
    }
    option_list_add(&o->machine_options, keep(o, text.bytes));
    return true;
}

static bool opt_bios(struct options *o, const char *value)
{
    return machine_option(o, "bios", "firmware", value);
}

static bool opt_no_hpet(struct options *o, const char *value)
{
    return machine_option(o, "no-hpet", "hpet", "off");
}

/* "order=cd,menu=on", or the order alone. */
static bool opt_boot(struct options *o, const char *value)
{
    static const char *const names[] = { "order", "once", "menu", "strict", "splash-time",
                                         "reboot-timeout" };
    struct keyval kv;
    if (!keyval_parse(&kv, "boot", value, true))
        return false;
    bool ok = !kv.first || machine_option(o, "boot", "boot.order", kv.first);
    for (size_t i = 0; ok && i < sizeof(names) / sizeof(names[0]); i++) {
        char full[32];
        const char *text = keyval_take(&kv, names[i]);
        snprintf(full, sizeof(full), "boot.%s", names[i]);
        if (text)
            ok = machine_option(o, "boot", full, text);
    }
    ok = ok && keyval_done(&kv, "boot");
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
    if (text.used >= sizeof(text.bytes)) {
        report("-machine: too long");
        return false;
    }
    if (o->machine_options.count)
        o->config.machine = keep(o, text.bytes);
    return true;
}

bool options_add_machine_option(struct options *o, const char *name, const char *value)
{
    return machine_option(o, "drive", name, value);
}

static bool opt_name(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "name", value, true))
        return false;
    const char *named = keyval_take(&kv, "guest");
    bool ok = keyval_done(&kv, "name");
    if (ok)
        o->config.name = keep(o, kv.first ? kv.first : named ? named : "");
    keyval_free(&kv);
    return ok;
}

static bool opt_uuid(struct options *o, const char *value)
{
    o->config.uuid = value;
    return true;
}

static bool opt_chardev(struct options *o, const char *value)
{
    option_list_add(&o->chardevs, value);
    return true;
}

static bool opt_device(struct options *o, const char *value)
{
    option_list_add(&o->devices, value);
    return true;
}

static bool opt_blockdev(struct options *o, const char *value)
{
    option_list_add(&o->blockdevs, value);
    return true;
}

static bool opt_drive(struct options *o, const char *value)
{
    option_list_add(&o->drives, value);
    return true;
}

/* -drive with a place of its own. */
static bool opt_cdrom(struct options *o, const char *value)
{
    struct text text = { 0 };
    text_add(&text, "media=cdrom,index=2,file=");
    text_add_value(&text, value);
    if (text.used >= sizeof(text.bytes)) {
        report("-cdrom: too long");
        return false;
    }
    option_list_add(&o->drives, keep(o, text.bytes));
    return true;
}

static bool opt_netdev(struct options *o, const char *value)
{
    option_list_add(&o->netdevs, value);
    return true;
}

static bool opt_nic(struct options *o, const char *value)
{
    option_list_add(&o->nics, value);
    return true;
}

static bool opt_fsdev(struct options *o, const char *value)
{
    option_list_add(&o->fsdevs, value);
    return true;
}

static bool opt_virtfs(struct options *o, const char *value)
{
    option_list_add(&o->virtfs, value);
    return true;
}

static bool opt_object(struct options *o, const char *value)
{
    option_list_add(&o->objects, value);
    return true;
}

static bool opt_memory_path(struct options *o, const char *value)
{
    o->memory_path = value;
    return true;
}

static bool opt_memory_prealloc(struct options *o, const char *value)
{
    o->memory_prealloc = true;
    return true;
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

static bool opt_serial(struct options *o, const char *value)
{
    option_list_add(&o->serials, value);
    return true;
}

static bool opt_qmp(struct options *o, const char *value)
{
    option_list_add(&o->qmps, value);
    return true;
}

static bool opt_monitor(struct options *o, const char *value)
{
    if (!strcmp(value, "none") || !strcmp(value, "null"))
        return true;
    report("-monitor %s: there is no human monitor; use -qmp", value);
    return false;
}

static bool opt_display(struct options *o, const char *value)
{
    if (!strcmp(value, "none"))
        return true;
    report("-display %s: only 'none' is supported (QMP's screendump takes pictures)", value);
    return false;
}

/* Displays are devices here. */
static bool opt_vga(struct options *o, const char *value)
{
    if (!strcmp(value, "none"))
        return true;
    report("-vga %s: there is no VGA adapter; displays are -device bochs-display and -device ramfb",
           value);
    return false;
}

static bool opt_trace(struct options *o, const char *value)
{
    return trace_option(o, value);
}

static bool opt_nographic(struct options *o, const char *value)
{
    o->nographic = true;
    return true;
}

static bool opt_nodefaults(struct options *o, const char *value)
{
    o->nodefaults = true;
    return true;
}

/* vemu reads no configuration file, so there is nothing to leave out. */
static bool opt_no_user_config(struct options *o, const char *value)
{
    return true;
}

static bool opt_paused(struct options *o, const char *value)
{
    o->paused = true;
    return true;
}

static bool opt_gdb(struct options *o, const char *value)
{
    if (o->gdb && strcmp(o->gdb, "none")) {
        report("-gdb %s: there is one at '%s' already", value, o->gdb);
        return false;
    }
    o->gdb = value;
    return true;
}

static bool opt_gdb_default(struct options *o, const char *value)
{
    return opt_gdb(o, "tcp::1234");
}

static bool opt_no_reboot(struct options *o, const char *value)
{
    o->no_reboot = true;
    return true;
}

static bool opt_no_shutdown(struct options *o, const char *value)
{
    o->no_shutdown = true;
    return true;
}

static bool opt_watchdog_action(struct options *o, const char *value)
{
    o->config.watchdog_action = keep(o, value);
    return true;
}

/* One event=action pair of -action. */
static bool action_set(struct options *o, const char *event, const char *action)
{
    if (!strcmp(event, "watchdog"))
        return opt_watchdog_action(o, action);
    static const struct {
        const char *event, *action;
        int what;
    } rows[] = {
        { "reboot", "reset", 0 },      { "reboot", "shutdown", 1 }, { "shutdown", "poweroff", 2 },
        { "shutdown", "pause", 3 },    { "panic", "shutdown", 4 },  { "panic", "pause", 5 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].event, event) || strcmp(rows[i].action, action))
            continue;
        switch (rows[i].what) {
        case 0: case 1: o->no_reboot = rows[i].what == 1; break;
        case 2: case 3: o->no_shutdown = rows[i].what == 3; break;
        default: o->on_panic = rows[i].what == 5 ? PANIC_PAUSE : PANIC_SHUTDOWN; break;
        }
        return true;
    }
    report("-action: '%s=%s' is not supported (reboot=reset|shutdown, shutdown=poweroff|pause, "
           "panic=shutdown|pause, watchdog=reset|shutdown|poweroff|pause|debug|none|inject-nmi)",
           event, action);
    return false;
}

static bool opt_action(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "action", value, false))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < kv.count; i++)
        ok = action_set(o, kv.items[i].name, kv.items[i].value);
    keyval_free(&kv);
    return ok;
}

static bool opt_daemonize(struct options *o, const char *value)
{
    o->daemonize = true;
    return true;
}

static bool opt_pidfile(struct options *o, const char *value)
{
    o->pidfile = value;
    return true;
}

static bool opt_exit_file(struct options *o, const char *value)
{
    o->exit_file = value;
    return true;
}

static bool opt_log_level(struct options *o, const char *value)
{
    static const char *const levels[] = { "error", "warning", "info", "debug" };
    for (int i = 0; i < 4; i++)
        if (!strcmp(value, levels[i])) {
            o->log_level = i;
            return true;
        }
    report("-d: '%s' is not a log level (error, warning, info, debug)", value);
    return false;
}

static bool opt_log_file(struct options *o, const char *value)
{
    o->log_file = value;
    return true;
}

static const struct option table[] = {
    { "machine", "TYPE[,OPTION=VALUE...]", opt_machine, "machine type and options ('help' lists)" },
    { "M", "TYPE[,OPTION=VALUE...]", opt_machine, "the same" },
    { "accel", "kvm|soft|auto", opt_accel, "what runs the vCPUs (auto: kvm where it is fast)" },
    { "enable-kvm", NULL, opt_enable_kvm, "the same as -accel kvm" },
    { "cpu", "MODEL[,+FEATURE|-FEATURE]...", opt_cpu,
      "CPU model (-cpu help); default: max, all the accelerator offers" },
    { "m", "SIZE[bKMGT][,slots=N,maxmem=SIZE]", opt_memory,
      "guest memory, in MiB without suffix (default 128); room for memory that is plugged in" },
    { "smp", "[cpus=]N[,maxcpus=N][,sockets=N][,dies=N][,cores=N][,threads=N]", parse_smp,
      "number of vCPUs (default 1), with those plugged in later, and where they sit" },
    { "numa", "node[,nodeid=N][,cpus=N[-N]]...[,memdev=ID|,mem=SIZE]", opt_numa,
      "a NUMA node: its vCPUs and its part of the memory" },
    { "numa", "dist,src=N,dst=N,val=N", opt_numa, "how far one node is from another (10: local)" },
    { "object", "CLASS,id=ID[,PROPERTY=VALUE...]", opt_object,
      "make memory for -machine memory-backend=ID or a device's memdev=ID ('help' lists)" },
    { "mem-path", "PATH", opt_memory_path, "guest memory is this file, or one in this directory" },
    { "mem-prealloc", NULL, opt_memory_prealloc, "allocate guest memory at once" },
    { "overcommit", "mem-lock=on|off", opt_overcommit, "lock guest memory in the host's" },
    { "kernel", "FILE", opt_kernel, "bzImage, ELF vmlinux or multiboot image to boot" },
    { "initrd", "FILE", opt_initrd, "initial RAM disk for the kernel" },
    { "append", "TEXT", opt_append, "kernel command line" },
    { "bios", "FILE", opt_bios, "firmware image to start, without a kernel" },
    { "boot",
      "[order=]LETTERS[,once=LETTERS][,menu=on][,strict=on][,splash-time=MS][,reboot-timeout=MS]",
      opt_boot, "what firmware boots: c disk, d CD-ROM (bootindex= of devices comes first)" },
    { "device", "CLASS[,PROPERTY=VALUE...]", opt_device, "add a device ('help' lists)" },
    { "chardev", "BACKEND,id=ID[,PROPERTY=VALUE...]", opt_chardev,
      "add a character back-end ('help' lists)" },
    { "drive",
      "file=FILE[,if=ide|virtio|pflash|none][,media=disk|cdrom][,index=N][,format=FORMAT]"
      "[,readonly=on][,cache=MODE][,snapshot=on][,throttling.LIMIT=N][,werror=HOW][,id=ID]...",
      opt_drive, "add a disk (if=none: only its image)" },
    { "cdrom", "FILE", opt_cdrom, "the same as -drive file=FILE,media=cdrom,index=2" },
    { "blockdev", "DRIVER,node-name=ID[,PROPERTY=VALUE...]", opt_blockdev,
      "open an image as a block node ('help' lists)" },
    { "netdev", "CLASS,id=ID[,PROPERTY=VALUE...]", opt_netdev,
      "make a network for a device's netdev=ID ('help' lists)" },
    { "nic", "[CLASS][,mac=MAC][,model=virtio-net][,PROPERTY=VALUE...]", opt_nic,
      "add a network card and its network (user unless named; none: no card, not even q35's own)" },
    { "fsdev", "local,id=ID,path=DIR,security_model=MODEL[,readonly=on]", opt_fsdev,
      "share a directory with a device's fsdev=ID ('help' lists)" },
    { "virtfs", "local,path=DIR,mount_tag=TAG,security_model=MODEL[,readonly=on][,id=ID]",
      opt_virtfs, "the same with its virtio-9p device" },
    { "serial", "stdio|pty|null|file:F|unix:S[,server=on][,wait=off]|chardev:ID|none", opt_serial,
      "connect the next serial port" },
    { "qmp", "stdio|unix:S[,server=on][,wait=off]|chardev:ID", opt_qmp, "offer a QMP monitor" },
    { "monitor", "none", opt_monitor, "human monitor (there is none)" },
    { "display", "none", opt_display, "show nothing (QMP's screendump takes pictures)" },
    { "vga", "none", opt_vga, "VGA adapter (there is none; see -device bochs-display, ramfb)" },
    { "nographic", NULL, opt_nographic, "first serial port on the terminal (Ctrl-A h for help)" },
    { "nodefaults", NULL, opt_nodefaults, "no serial port and no network unless asked for" },
    { "no-user-config", NULL, opt_no_user_config, "read no configuration file (there is none)" },
    { "name", "NAME", opt_name, "name of the guest" },
    { "uuid", "UUID", opt_uuid, "UUID of the guest" },
    { "S", NULL, opt_paused, "do not start the vCPUs (QMP 'cont' or a debugger does)" },
    { "gdb", "tcp:[HOST]:PORT|unix:S|stdio|chardev:ID|none", opt_gdb,
      "wait for GDB to connect (HOST: the loopback unless given)" },
    { "s", NULL, opt_gdb_default, "the same as -gdb tcp::1234" },
    { "no-hpet", NULL, opt_no_hpet, "the same as -machine hpet=off" },
    { "no-reboot", NULL, opt_no_reboot, "exit when the guest reboots" },
    { "no-shutdown", NULL, opt_no_shutdown, "stay, stopped, when the guest powers off" },
    { "action", "EVENT=ACTION[,...]", opt_action,
      "reboot=reset|shutdown, shutdown=poweroff|pause, panic=shutdown|pause, "
      "watchdog=reset|shutdown|poweroff|pause|debug|none|inject-nmi" },
    { "watchdog-action", "ACTION", opt_watchdog_action, "the same as -action watchdog=ACTION" },
    { "daemonize", NULL, opt_daemonize, "go to the background once the machine is ready" },
    { "pidfile", "FILE", opt_pidfile, "write the process id" },
    { "exit-file", "FILE", opt_exit_file, "write why the machine ended, as JSON" },
    { "d", "error|warning|info|debug", opt_log_level, "log level (default warning)" },
    { "D", "FILE", opt_log_file, "log to FILE instead of stderr" },
    { "trace", "[enable=]PATTERN[,events=FILE][,file=FILE]", opt_trace,
      "print events of the machine's inside ('help' lists)" },
    /* QEMU has these, vemu does not: refused by name. */
    { "sandbox", "...", NULL, NULL },
    { "incoming", "...", NULL, NULL },
    { "rtc", "...", NULL, NULL },
    { "mon", "...", NULL, NULL },
    { NULL, NULL, NULL, NULL },
};

static void print_help(void)
{
    printf(
        "usage: vemu [options]\n\n"
        "Runs a virtual machine. The exit status is 0 when the guest powered off, 1 on an error,\n"
        "3 after a guest panic, and (value << 1) | 1 after a write to the debug-exit port.\n\n"
        "Options:\n");
    for (const struct option *opt = table; opt->name; opt++)
        if (opt->help)
            printf("  -%s%s%s\n        %s\n", opt->name, opt->argument ? " " : "",
                   opt->argument ? opt->argument : "", opt->help);
    printf("  -help, -h\n        this text\n  -version\n        version\n");
}

/* -machine help and the like. */
static bool answer_help(const char *name, const char *value)
{
    if (!strcmp(name, "device"))
        return help_devices(value);
    if (!strcmp(name, "chardev"))
        return help_chardevs(value);
    if (!strcmp(name, "netdev") || !strcmp(name, "nic"))
        return help_netdevs(value);
    if (!strcmp(name, "fsdev") || !strcmp(name, "virtfs"))
        return help_fsdevs(value);
    if (!strcmp(name, "object"))
        return help_objects(value);
    if (!strcmp(name, "blockdev"))
        return help_blockdevs(value);
    if (!strcmp(name, "machine") || !strcmp(name, "M"))
        return help_machines(value);
    if (!strcmp(name, "accel"))
        return help_accels(value);
    if (!strcmp(name, "cpu"))
        return help_cpus(value);
    if (!strcmp(name, "trace"))
        return trace_help(value);
    return false;
}

static const struct option *option_find(const char *word)
{
    if (word[0] != '-' || !word[1])
        return NULL;
    word += word[1] == '-' ? 2 : 1;
    for (const struct option *opt = table; opt->name; opt++)
        if (!strcmp(opt->name, word))
            return opt;
    return NULL;
}

static bool word_is(const char *word, const char *a, const char *b)
{
    return !strcmp(word, a) || !strcmp(word, b);
}

enum options_result options_parse(struct options *o, int argc, char **argv)
{
    memset(o, 0, sizeof(*o));
    o->config = (struct vemu_vm_config)VEMU_VM_CONFIG_INIT;
    o->log_level = VEMU_LOG_WARNING;
    for (int i = 1; i < argc; i++) {
        if (word_is(argv[i], "-h", "-help") || !strcmp(argv[i], "--help")) {
            print_help();
            return OPTIONS_DONE;
        }
        if (word_is(argv[i], "-version", "--version")) {
            printf("vemu %s\n", vemu_version());
            return OPTIONS_DONE;
        }
        const struct option *opt = option_find(argv[i]);
        if (!opt) {
            if (argv[i][0] == '-')
                report("%s: unknown option (-help lists them)", argv[i]);
            else
                report("unexpected argument '%s' (disk images are not supported yet)", argv[i]);
            return OPTIONS_ERROR;
        }
        if (!opt->handle) {
            report("-%s: not supported yet", opt->name);
            return OPTIONS_ERROR;
        }
        const char *value = NULL;
        if (opt->argument) {
            if (++i == argc) {
                report("-%s: requires an argument: %s", opt->name, opt->argument);
                return OPTIONS_ERROR;
            }
            value = argv[i];
            if (answer_help(opt->name, value))
                return OPTIONS_DONE;
        }
        if (!opt->handle(o, value))
            return OPTIONS_ERROR;
    }
    o->config.flags = (o->no_reboot ? VEMU_VM_NO_REBOOT : 0) |
                      (o->no_shutdown ? VEMU_VM_NO_SHUTDOWN : 0) |
                      (o->on_panic == PANIC_PAUSE ? VEMU_VM_PANIC_PAUSE : 0) | VEMU_VM_CALLER_LOOP |
                      (o->memory_lock ? VEMU_VM_MEMORY_LOCK : 0) |
                      (o->memory_prealloc ? VEMU_VM_MEMORY_PREALLOC : 0);
    return OPTIONS_RUN;
}

void options_free(struct options *o)
{
    for (size_t i = 0; i < o->owned.count; i++)
        free((char *)o->owned.items[i]);
    free(o->owned.items);
    free(o->machine_options.items);
    free(o->chardevs.items);
    free(o->blockdevs.items);
    free(o->drives.items);
    free(o->netdevs.items);
    free(o->nics.items);
    free(o->fsdevs.items);
    free(o->virtfs.items);
    free(o->traces.items);
    free(o->trace_files.items);
    free(o->objects.items);
    free(o->numas.items);
    free(o->devices.items);
    free(o->serials.items);
    free(o->qmps.items);
}
