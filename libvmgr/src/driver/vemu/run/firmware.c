/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what a definition says of firmware to flash, or a ROM, of the emulator.
 */
#include "firmware.h"

#include <string.h>

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

/* The emulator's nodes, as libvirt calls them. */
#define CODE_NODE      "libvirt-pflash0-format"
#define VARIABLES_NODE "libvirt-pflash1-format"

int vmgr__vemu_firmware_check_define(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__firmware *f = &def->os.firmware;
    const bool uefi = f->kind == VMGR__FIRMWARE_EFI ||
                      (f->loader_type == VMGR__LOADER_PFLASH && f->readonly == 1);
    const int acpi = vmgr__name_index(vmgr__feature_names, "acpi");

    if (vmgr__firmware_check(def, err) < 0)
        return -1;
    if (uefi && !def->features[acpi].present)
        return unsupported(err, "UEFI requires ACPI on this architecture");
    if (f->useserial == 1 && !def->serials->len)
        return vemu_error(err, VMGR_ERR_XML_ERROR,
                          "need at least one serial port to use BIOS serial output");
    return 0;
}

static bool is_raw(const char *format)
{
    return !format || strcmp(format, "raw") == 0;
}

static int check_nvram(const struct vmgr__firmware *f, struct vmgr_error **err)
{
    if (f->nvram_type && strcmp(f->nvram_type, "file") != 0)
        return unsupported(err, "<nvram> of type '%s' is not supported by the vemu driver yet",
                           f->nvram_type);
    if (f->nvram_source && !f->nvram_source_plain)
        return unsupported(err, "elements in <source> of <nvram> are not supported by the vemu "
                                "driver yet");
    if (!is_raw(f->nvram_format))
        return unsupported(err, "<nvram> in format '%s' is not supported by the vemu driver yet",
                           f->nvram_format);
    if (f->has_nvram && f->loader && f->loader_type != VMGR__LOADER_PFLASH)
        return unsupported(err, "<nvram> needs a <loader> of type 'pflash'");
    if (f->nvram && !g_path_is_absolute(f->nvram))
        return unsupported(err, "the path of <nvram> must be absolute: '%s'", f->nvram);
    if (f->nvram_template && !g_path_is_absolute(f->nvram_template))
        return unsupported(err, "the path of the template of <nvram> must be absolute: '%s'",
                           f->nvram_template);
    return 0;
}

static int check_loader(const struct vmgr__firmware *f, struct vmgr_error **err)
{
    if (f->secure == 1 || f->features[VMGR__FIRMWARE_SECURE_BOOT] == 1)
        return unsupported(err, "secure boot needs system management mode (SMM), which is not "
                                "supported by the vemu driver yet");
    if (!is_raw(f->loader_format))
        return unsupported(err, "<loader> in format '%s' is not supported by the vemu driver yet",
                           f->loader_format);
    if (f->loader && !g_path_is_absolute(f->loader))
        return unsupported(err, "the path of <loader> must be absolute: '%s'", f->loader);
    if (f->loader_type == VMGR__LOADER_ROM && f->readonly == 2)
        return unsupported(err, "a <loader> of type 'rom' cannot be written to");
    return check_nvram(f, err);
}

int vmgr__vemu_firmware_check(const struct vmgr__domain_def *def, struct vmgr_error **err)
{
    const struct vmgr__firmware *f = &def->os.firmware;
    const bool wanted = f->kind || f->loader;

    if ((wanted || f->menu == 1 || f->has_reboot_timeout) && !vmgr__vemu_has_pci(def))
        return unsupported(err, "machine '%s' has no firmware: <%s> needs machine 'q35'",
                           def->os.machine,
                           f->kind        ? "os firmware='...'"
                           : f->loader    ? "loader"
                           : f->menu == 1 ? "bootmenu"
                                          : "bios");
    if (f->kind == VMGR__FIRMWARE_BIOS && def->os.kernel)
        return unsupported(err, "a <kernel> that BIOS firmware starts is not supported by the vemu "
                                "driver: without firmware='bios' it is started directly");
    if ((f->menu == 1 || f->has_reboot_timeout) && def->os.kernel && !wanted)
        return unsupported(err,
                           "<%s> of a domain with a <kernel> is not supported by the vemu "
                           "driver: no firmware runs",
                           f->menu == 1 ? "bootmenu" : "bios");
    if (f->useserial == 1)
        return unsupported(err, "attribute 'useserial' of <bios> is not supported by the vemu "
                                "driver yet");
    return check_loader(f, err);
}

/* ---- the choice ---- */

static bool fits(const struct vmgr__domain_def *def, const struct vemu_firmware *f)
{
    const struct vmgr__firmware *want = &def->os.firmware;

    if (f->kind != want->kind || f->stateless != (want->stateless == 1) ||
        (f->rom && want->has_nvram) || (def->pm_mem == 1 && !f->s3) ||
        (def->pm_disk == 1 && !f->s4))
        return false;
    for (int i = 0; i < VMGR__FIRMWARE_FEATURES; i++) {
        if ((want->features[i] == 1 && !f->features[i]) ||
            (want->features[i] == 2 && f->features[i]))
            return false;
    }
    return true;
}

static int choose(const GPtrArray *list, struct vmgr__domain_def *def, struct vmgr_error **err)
{
    struct vmgr__firmware *f = &def->os.firmware;

    for (guint i = 0; i < list->len; i++) {
        const struct vemu_firmware *candidate = list->pdata[i];

        if (!fits(def, candidate))
            continue;
        f->kind = VMGR__FIRMWARE_NONE;
        f->has_loader = true;
        f->loader = g_strdup(candidate->loader);
        f->loader_type = candidate->rom ? VMGR__LOADER_ROM : VMGR__LOADER_PFLASH;
        f->readonly = candidate->rom ? 0 : 1;
        f->nvram_template = g_strdup(candidate->template);
        return 0;
    }
    return vemu_error(err, VMGR_ERR_OPERATION_FAILED, "Unable to find any firmware to satisfy '%s'",
                      vmgr__firmware_names[f->kind]);
}

int vmgr__vemu_firmware_choose(const struct vemu *d, struct vmgr__domain_def *def,
                               struct vmgr_error **err)
{
    struct vmgr__firmware *f = &def->os.firmware;
    g_autoptr(GPtrArray) list = NULL;

    if (!f->kind && !f->loader)
        return 0;
    list = vmgr__vemu_firmware_list(d, def->os.arch, def->os.machine);
    if (f->kind && choose(list, def, err) < 0)
        return -1;
    vmgr__vemu_nvram_place(d, def);
    for (guint i = 0; i < list->len && f->nvram && !f->nvram_template; i++) {
        const struct vemu_firmware *known = list->pdata[i];

        if (strcmp(known->loader, f->loader) == 0)
            f->nvram_template = g_strdup(known->template);
    }
    return 0;
}

/* ---- the emulator ---- */

static bool is_flash(const struct vmgr__firmware *f)
{
    return f->loader && f->loader_type == VMGR__LOADER_PFLASH;
}

static void add_flash(struct vemu_parts *parts, const char *node, const char *path, bool read_only)
{
    struct json_object *o = vmgr__vemu_part_add(parts, VEMU_PART_BLOCK, "raw", node);
    struct json_object *file = json_object_new_object();

    vmgr__vemu_set_bool(o, "read-only", read_only);
    vmgr__vemu_set(file, "driver", "file");
    vmgr__vemu_set(file, "filename", path);
    vmgr__vemu_set_bool(file, "read-only", read_only);
    json_object_object_add(o, "file", file);
}

void vmgr__vemu_firmware_argv(const struct vmgr__domain_def *def, GPtrArray *args)
{
    const struct vmgr__firmware *f = &def->os.firmware;
    struct vemu_parts parts;

    if (f->loader && !is_flash(f)) {
        g_ptr_array_add(args, g_strdup("-bios"));
        g_ptr_array_add(args, g_strdup(f->loader));
    }
    if (!is_flash(f))
        return;
    vmgr__vemu_parts_init(&parts);
    add_flash(&parts, CODE_NODE, f->loader, f->readonly == 1);
    if (f->nvram)
        add_flash(&parts, VARIABLES_NODE, f->nvram, false);
    vmgr__vemu_parts_argv(&parts, args);
    vmgr__vemu_parts_fini(&parts);
}

const char *vmgr__vemu_firmware_options(const struct vmgr__domain_def *def)
{
    const struct vmgr__firmware *f = &def->os.firmware;

    return !is_flash(f) ? ""
           : f->nvram   ? ",pflash0=" CODE_NODE ",pflash1=" VARIABLES_NODE
                        : ",pflash0=" CODE_NODE;
}
