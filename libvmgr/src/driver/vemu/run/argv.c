/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a definition to the emulator's command line.
 *
 * What a definition asks for and the guest would not get is refused here by name: a guest that
 * starts has everything its definition says. Elements that mean nothing to anybody ask for
 * nothing; they were warned about when they were defined.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../../conf/tuning.h"
#include "../device/memory.h"
#include "../device/parts.h"
#include "../device/ram.h"
#include "../state/paths.h"
#include "../tune/feature.h"
#include "../tune/iothread.h"
#include "../tune/numa.h"
#include "../tune/resource.h"
#include "clock.h"
#include "files.h"
#include "firmware.h"
#include "fwcfg.h"
#include "launch.h"
#include "lifecycle-action.h"
#include "pm.h"
#include "seclabel.h"
#include "smbios.h"

const struct vmgr__conf_defaults vmgr__vemu_defaults = { .arch = "x86_64",
                                                         .machine = "microvm",
                                                         .serial_target = true,
                                                         .disk_files = true,
                                                         .commandline = true,
                                                         .security_model = "none" };

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

static int no_element(struct vmgr_error **err, const char *name)
{
    return unsupported(err, "<%s> is not supported by the vemu driver yet", name);
}

/* Versions have no commas: what follows one would be an option of the emulator's. */
static bool knows_machine(const char *machine)
{
    static const char versioned[] = "pc-q35-";

    if (g_str_has_prefix(machine, versioned)) {
        const char *version = machine + strlen(versioned);

        return *version &&
               strspn(version, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_") == strlen(version);
    }
    return strcmp(machine, "microvm") == 0 || strcmp(machine, "q35") == 0;
}

int vmgr__vemu_check_define(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    switch (def->virt_type) {
    case VMGR__VIRT_KVM:
    case VMGR__VIRT_QEMU:
    case VMGR__VIRT_VEMU: break;
    default:
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "could not find capabilities for domaintype=%s",
                          vmgr__virt_type_names[def->virt_type]);
    }
    if (def->os.type != VMGR__OS_HVM)
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "could not find capabilities for ostype=%s",
                          vmgr__os_type_names[def->os.type]);
    if (strcmp(def->os.arch, "x86_64") != 0 && strcmp(def->os.arch, "i686") != 0)
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "could not find capabilities for arch=%s",
                          def->os.arch);
    if (!knows_machine(def->os.machine))
        return unsupported(err, "Emulator 'vemu' does not support machine type '%s'",
                           def->os.machine);
    if (strlen(def->name) > VEMU_NAME_MAX)
        return unsupported(err, "the domain's name is longer than %d bytes", VEMU_NAME_MAX);
    if (vmgr__vemu_vcpus_check_define(def, err) < 0)
        return -1;
    return vmgr__vemu_firmware_check_define(def, err);
}

static int check_os(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__os *os = &def->os;
    const struct {
        const char *name;
        const char *path;
    } files[] = { { "kernel", os->kernel }, { "initrd", os->initrd } };

    for (guint i = 0; i < os->kept_names->len; i++) {
        const char *name = os->kept_names->pdata[i];

        if (*name && strcmp(name, "smbios") != 0)
            return no_element(err, os->kept_names->pdata[i]);
    }
    if (os->init)
        return no_element(err, "init");
    if (vmgr__vemu_firmware_check(def, err) < 0)
        return -1;
    if (!os->kernel && !vmgr__vemu_has_pci(def))
        return unsupported(err, "the domain has no <kernel>, and machine '%s' boots nothing else",
                           os->machine);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        if (files[i].path && !g_path_is_absolute(files[i].path))
            return unsupported(err, "the path of <%s> must be absolute: '%s'", files[i].name,
                               files[i].path);
    }
    return 0;
}

static int check_ports(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    struct vemu_parts parts;
    int r;

    vmgr__vemu_parts_init(&parts);
    r = vmgr__vemu_serials_parts(def, &parts, err);
    if (r == 0)
        r = vmgr__vemu_consoles_parts(def, &parts, err);
    vmgr__vemu_parts_fini(&parts);
    return r;
}

static int check_devices(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    for (guint i = 0; i < def->devices->len; i++) {
        struct vemu_parts parts;
        int r;

        vmgr__vemu_parts_init(&parts);
        r = vmgr__vemu_device_parts(def, def->devices->pdata[i], &parts, err);
        vmgr__vemu_parts_fini(&parts);
        if (r < 0)
            return -1;
    }
    return check_ports(def, err);
}

/* Top-level elements that ask for nothing. */
static bool is_harmless(const struct vmgr__kept *k)
{
    return k->unknown || strcmp(k->name, "sysinfo") == 0;
}

bool vmgr__vemu_has_balloon(const struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];

        if (strcmp(dev->name, "memballoon") == 0 && dev->model == 1)
            return true;
    }
    return false;
}

int vmgr__vemu_check_support(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    for (guint i = 0; i < def->kept->len; i++) {
        const struct vmgr__kept *k = def->kept->pdata[i];

        if (!is_harmless(k))
            return no_element(err, k->name);
    }
    if (def->has_genid && !vmgr__vemu_has_pci(def))
        return unsupported(err, "<genid> on machine '%s' is not supported", def->os.machine);
    if (vmgr__vemu_pm_check(def, err) < 0 || vmgr__vemu_smbios_check(def, err) < 0 ||
        vmgr__vemu_fwcfg_check(def, err) < 0 || vmgr__vemu_seclabel_check(def, err) < 0)
        return -1;
    if (def->dump_core)
        return unsupported(
            err, "attribute dumpCore of <memory> is not supported by the vemu driver yet");
    if (def->current_memory_kib != def->memory_kib && !vmgr__vemu_has_balloon(def))
        return unsupported(err, "<currentMemory> below <memory> needs a memory balloon");
    if (vmgr__vemu_check_define(def, err) < 0 || check_os(def, err) < 0 ||
        vmgr__vemu_features_check(def, err) < 0 || vmgr__vemu_check_cpu(def, err) < 0 ||
        vmgr__vemu_clock_check(def, err) < 0 || vmgr__vemu_check_actions(def, err) < 0 ||
        vmgr__vemu_tune_check(def, err) < 0 || vmgr__vemu_memory_check(def, NULL, err) < 0)
        return -1;
    return check_devices(def, err);
}

/* ---- the command line ---- */

static void add(GPtrArray *args, const char *option, const char *value)
{
    g_ptr_array_add(args, g_strdup(option));
    if (value)
        g_ptr_array_add(args, g_strdup(value));
}

static void G_GNUC_PRINTF(3, 4) addf(GPtrArray *args, const char *option, const char *format, ...)
{
    va_list ap;

    g_ptr_array_add(args, g_strdup(option));
    va_start(ap, format);
    g_ptr_array_add(args, g_strdup_vprintf(format, ap));
    va_end(ap);
}

/* In values of key=value lists a comma is written twice. */
static char *escape(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    return g_strjoinv(",,", parts);
}

/* Serial ports, or consoles: all of a definition. */
static void add_ports(GPtrArray *args, const struct vmgr__domain_def *def, const char *run_dir,
                      int (*make)(const struct vmgr__domain_def *def, struct vemu_parts *parts,
                                  struct vmgr_error **err))
{
    struct vemu_parts parts;

    vmgr__vemu_parts_init(&parts);
    if (make(def, &parts, NULL) == 0) {
        vmgr__vemu_parts_shorten(&parts, run_dir);
        vmgr__vemu_parts_argv(&parts, args);
    }
    vmgr__vemu_parts_fini(&parts);
}

/* What is behind others comes after them: root ports, controllers, the rest. */
static int stage_of(const struct vmgr__device *dev)
{
    g_autofree char *type = NULL;

    if (strcmp(dev->name, "controller") != 0)
        return 2;
    type = vmgr__device_get(dev, NULL, "type");
    return g_strcmp0(type, "pci") == 0 ? 0 : 1;
}

static void add_devices(GPtrArray *args, const struct vmgr__domain_def *def, const GArray *ports,
                        const char *run_dir)
{
    for (int stage = 0; stage < 3; stage++) {
        for (guint i = 0; i < def->devices->len; i++) {
            const struct vmgr__device *dev = def->devices->pdata[i];
            struct vemu_parts parts;

            if (stage_of(dev) != stage)
                continue;
            vmgr__vemu_parts_init(&parts);
            if (vmgr__vemu_device_parts(def, dev, &parts, NULL) == 0) {
                vmgr__vemu_parts_shorten(&parts, run_dir);
                vmgr__vemu_ports_give(ports, &parts);
                vmgr__vemu_parts_argv(&parts, args);
            }
            vmgr__vemu_parts_fini(&parts);
        }
    }
}

/* <boot dev='...'/>: letters as firmware of PCs has them; <bootmenu>, <bios>. */
static void add_boot(GPtrArray *args, const struct vmgr__os *os)
{
    const struct vmgr__firmware *f = &os->firmware;
    g_autoptr(GString) order = g_string_new(NULL);
    g_autoptr(GString) boot = g_string_new(NULL);

    for (guint i = 0; i < os->boot->len; i++) {
        const char *name = vmgr__boot_names[g_array_index(os->boot, int, i)];

        g_string_append_c(order, strcmp(name, "hd") == 0      ? 'c'
                                 : strcmp(name, "cdrom") == 0 ? 'd'
                                 : strcmp(name, "fd") == 0    ? 'a'
                                                              : 'n');
    }
    if (order->len)
        g_string_append_printf(boot, ",order=%s", order->str);
    if (f->menu)
        g_string_append_printf(boot, ",menu=%s", f->menu == 1 ? "on" : "off");
    if (f->has_menu_timeout)
        g_string_append_printf(boot, ",splash-time=%d", f->menu_timeout);
    if (f->has_reboot_timeout)
        g_string_append_printf(boot, ",reboot-timeout=%d", f->reboot_timeout);
    if (boot->len)
        add(args, "-boot", boot->str + 1);
}

static void add_genid(GPtrArray *args, const struct vmgr__domain_def *def)
{
    char text[VMGR_UUID_STRING_SIZE];

    if (!def->has_genid)
        return;
    vmgr__uuid_format(def->genid, text);
    addf(args, "-device", "vmgenid,guid=%s,id=vmgenid0", text);
}

static void add_actions(GPtrArray *args, const struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *action =
            strcmp(dev->name, "watchdog") == 0 ? vmgr__device_get(dev, NULL, "action") : NULL;

        if (action) /* crash.c dumps */
            addf(args, "-action", "watchdog=%s", strcmp(action, "dump") == 0 ? "pause" : action);
    }
    if (def->on_reboot == VMGR__ACTION_DESTROY)
        add(args, "-no-reboot", NULL);
    if (def->on_poweroff == VMGR__ACTION_PRESERVE)
        add(args, "-action", "shutdown=pause");
    if (def->on_crash != VMGR__ACTION_DESTROY)
        add(args, "-action", "panic=pause");
}

/* -machine, with what <memory> is made of; -m. The emulator wants whole pages. */
static void add_machine(GPtrArray *args, const struct vmgr__domain_def *def)
{
    const struct vmgr__tuning *t = &def->tuning;
    const uint64_t kib = (vmgr__memory_initial(def) + 3) / 4 * 4;
    g_autofree char *size = vmgr__vemu_memory_option(def);
    const bool backend = vmgr__vemu_ram_is_own(t) && !vmgr__vemu_numa_cells(def);
    g_autofree char *clock = vmgr__vemu_clock_option(def);
    bool no_hpet = false;

    for (guint i = 0; i < def->clock.timers->len; i++) {
        const struct vmgr__timer *timer = &g_array_index(def->clock.timers, struct vmgr__timer, i);

        no_hpet =
            no_hpet || (strcmp(vmgr__timer_names[timer->name], "hpet") == 0 && timer->present == 2);
    }
    if (backend)
        vmgr__vemu_ram_argv(
            t,
            &(struct vemu_ram){
                .id = "pc.ram", .file = "pc.ram", .bytes = kib * 1024, .node = -1 },
            args);
    addf(args, "-machine", "%s%s%s%s%s%s", def->os.machine, backend ? ",memory-backend=pc.ram" : "",
         no_hpet && vmgr__vemu_has_pci(def) ? ",hpet=off" : "",
         def->pm_mem == 2 && vmgr__vemu_has_pci(def) ? ",s3=off" : "",
         vmgr__vemu_firmware_options(def), clock);
    add(args, "-m", size);
    if (t->allocation == 1)
        add(args, "-mem-prealloc", NULL);
    if (t->locked)
        add(args, "-overcommit", "mem-lock=on");
}

char **vmgr__vemu_argv(const struct vmgr__domain_def *def, const char *emulator, bool sandbox,
                       const GArray *ports, const GArray *files, const char *run_dir)
{
    GPtrArray *args = g_ptr_array_new();
    g_autofree char *name = escape(def->name);
    g_autofree char *cpu = vmgr__vemu_cpu_option(def);
    g_autofree char *smp = vmgr__vemu_smp_option(def);
    char uuid[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(def->uuid, uuid);
    add(args, emulator, NULL);
    addf(args, "-name", "guest=%s", name);
    add(args, "-uuid", uuid);
    if (sandbox) /* programs: a network of type 'user' that comes later is one */
        add(args, "-sandbox", "on,elevateprivileges=deny,spawn=allow,resourcecontrol=deny");
    add(args, "-nodefaults", NULL);
    add(args, "-display", "none");
    add_machine(args, def);
    vmgr__vemu_firmware_argv(def, args);
    add(args, "-accel", vmgr__vemu_accel(def));
    add(args, "-cpu", cpu);
    add(args, "-smp", smp);
    vmgr__vemu_vcpus_argv(def, args);
    vmgr__vemu_smbios_argv(def, args);
    vmgr__vemu_fwcfg_argv(def, args);
    vmgr__vemu_numa_argv(def, args);
    vmgr__vemu_iothreads_argv(def, args);
    if (def->os.kernel)
        add(args, "-kernel", def->os.kernel);
    else
        add_boot(args, &def->os);
    if (def->os.initrd)
        add(args, "-initrd", def->os.initrd);
    if (def->os.cmdline)
        add(args, "-append", def->os.cmdline);
    add_ports(args, def, run_dir, vmgr__vemu_serials_parts);
    add_genid(args, def);
    vmgr__vemu_files_argv(files, args);
    add_devices(args, def, ports, run_dir);
    add_ports(args, def, run_dir, vmgr__vemu_consoles_parts); /* behind their controller */
    add_actions(args, def);
    /* Relative to the run's directory, in which the emulator lives. */
    add(args, "-qmp", "unix:events.sock,server=on,wait=off,clients=8");
    add(args, "-qmp", "unix:qmp.sock,server=on,wait=off,clients=16");
    add(args, "-exit-file", "exit.json");
    add(args, "-S", NULL);
    for (guint i = 0; i < def->extra_args->len; i++)
        add(args, def->extra_args->pdata[i], NULL);
    g_ptr_array_add(args, NULL);
    return (char **)g_ptr_array_free(args, FALSE);
}

/* ---- the program ---- */

static char *beside_caller(void)
{
    static const char *const places[] = { "vemu", "../vemu/vemu" }; /* installed; build tree */
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *dir = self ? g_path_get_dirname(self) : NULL;

    for (size_t i = 0; dir && i < G_N_ELEMENTS(places); i++) {
        g_autofree char *raw = g_build_filename(dir, places[i], NULL);
        char *path = g_canonicalize_filename(raw, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR) && access(path, X_OK) == 0)
            return path;
        g_free(path);
    }
    return NULL;
}

char *vmgr__vemu_find_emulator(const struct vemu *d, const struct vmgr__domain_def *def,
                               struct vmgr_error **err)
{
    const char *env = g_getenv("VMGR_EMULATOR");
    char *path;

    if (def && def->emulator)
        path = g_strdup(def->emulator);
    else if (d->emulator)
        path = g_strdup(d->emulator);
    else if (env && *env)
        path = g_canonicalize_filename(env, NULL);
    else
        path = beside_caller();
    if (!path)
        path = g_strdup(VMGR_BINDIR "/vemu");
    if (!g_path_is_absolute(path) || access(path, X_OK) < 0) {
        vmgr__error_set_errno(err, g_path_is_absolute(path) ? errno : EINVAL, VMGR_FROM_VEMU,
                              "Cannot check emulator binary %s", path);
        g_clear_pointer(&path, g_free);
    }
    return path;
}
