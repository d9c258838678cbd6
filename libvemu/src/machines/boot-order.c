/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What firmware is told about booting: the options of -boot, and the boot indexes of devices.
 *
 * Letters go to CMOS, where SeaBIOS finds kinds of drives; boot indexes to the fw_cfg file
 * "bootorder", which SeaBIOS and OVMF read and which comes first; the rest to fw_cfg as well. All
 * of it is as QEMU has it, since firmware was written for that.
 */
#include "machines/boot-order.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/bootindex.h"
#include "core/vm.h"
#include "devices/fw-cfg/fw-cfg.h"
#include "devices/rtc-mc146818/rtc.h"

#define LETTERS     "acdn" /* floppy disk, hard disk, CD-ROM, network: CMOS has 1 to 4 */
#define LETTERS_MAX 3u
#define CMOS_FIRST  0x3du /* second and first in order */
#define CMOS_THIRD  0x38u /* third, and whether floppy disks are looked at (0: they are) */
#define TIME_MAX    65535

static int check_letters(const char *name, const char *letters, struct vemu_error **err)
{
    if (strlen(letters) > LETTERS_MAX)
        return vemu__error_set(err, EINVAL, "%s: '%s' are more than %u boot devices", name, letters,
                               LETTERS_MAX);
    for (const char *p = letters; *p; p++) {
        if (!strchr(LETTERS, *p))
            return vemu__error_set(err, EINVAL,
                                   "%s: '%c' is no boot device (a: floppy disk, c: hard disk, d: "
                                   "CD-ROM, n: network)",
                                   name, *p);
        if (strchr(p + 1, *p))
            return vemu__error_set(err, EINVAL, "%s: boot device '%c' is given twice", name, *p);
    }
    return 0;
}

static int check_time(const char *name, int32_t value, struct vemu_error **err)
{
    if (value >= -1 && value <= TIME_MAX)
        return 0;
    return vemu__error_set(err, EINVAL, "%s is not from 0 to %d ms (-1: not told)", name, TIME_MAX);
}

int vemu__boot_order_check(const struct vemu_boot_order *boot, struct vemu_error **err)
{
    int r = check_letters("boot.order", boot->order, err);

    if (r >= 0 && boot->once)
        r = check_letters("boot.once", boot->once, err);
    if (r >= 0)
        r = check_time("boot.splash-time", boot->splash_time, err);
    if (r >= 0)
        r = check_time("boot.reboot-timeout", boot->reboot_timeout, err);
    return r;
}

static void publish_letters(struct vemu_device *rtc, const char *letters)
{
    uint8_t kinds[LETTERS_MAX] = { 0 };

    for (unsigned i = 0; letters[i]; i++)
        kinds[i] = (uint8_t)(strchr(LETTERS, letters[i]) - LETTERS + 1);
    vemu__rtc_set_cmos(rtc, CMOS_FIRST, (uint8_t)(kinds[1] << 4 | kinds[0]));
    vemu__rtc_set_cmos(rtc, CMOS_THIRD, (uint8_t)(kinds[2] << 4));
}

static void publish_devices(struct vemu_device *fw_cfg, bool strict)
{
    g_autofree char *list = vemu__bootindex_list(fw_cfg->vm);
    g_autofree char *text = g_strconcat(list, strict ? "\nHALT" : NULL, NULL);

    /* Empty once all of them are gone; there is no taking it away. */
    if (*list)
        vemu__fw_cfg_set_file(fw_cfg, "bootorder", text, strlen(text) + 1);
    else if (vemu__fw_cfg_has_file(fw_cfg, "bootorder"))
        vemu__fw_cfg_set_file(fw_cfg, "bootorder", "", 0);
}

void vemu__boot_order_publish(struct vemu_boot_order *boot, struct vemu_device *fw_cfg,
                              struct vemu_device *rtc)
{
    uint16_t splash = GUINT16_TO_LE((uint16_t)boot->splash_time);
    uint32_t timeout = GUINT32_TO_LE((uint32_t)boot->reboot_timeout);

    publish_letters(rtc, boot->once && !boot->once_done ? boot->once : boot->order);
    boot->once_done = true;
    vemu__fw_cfg_set_integer(fw_cfg, VEMU_FW_CFG_BOOT_MENU, boot->menu, 2);
    if (boot->splash_time >= 0)
        vemu__fw_cfg_set_file(fw_cfg, "etc/boot-menu-wait", &splash, sizeof(splash));
    if (boot->reboot_timeout >= 0)
        vemu__fw_cfg_set_file(fw_cfg, "etc/boot-fail-wait", &timeout, sizeof(timeout));
    publish_devices(fw_cfg, boot->strict);
}

#define OPTION(field, name, type, def, summary)                                                    \
    VEMU_PROP(struct vemu_boot_order, field, "boot." name, type, def, summary)

const struct vemu_prop vemu__boot_order_props[] = {
    OPTION(order, "order", STRING, "cad",
           "kinds of drives firmware tries: a floppy disk, c hard disk, d CD-ROM, n network"),
    OPTION(once, "once", STRING, NULL, "the same for the time before the first reset"),
    OPTION(menu, "menu", BOOL, "off", "let firmware show its boot menu"),
    OPTION(strict, "strict", BOOL, "off", "try nothing but devices with a bootindex, if any has"),
    OPTION(splash_time, "splash-time", S32, "-1", "how long the boot menu waits for a key, in ms"),
    OPTION(reboot_timeout, "reboot-timeout", S32, "-1",
           "time until the next try when nothing could be booted, in ms; -1: never"),
    VEMU_PROP_END,
};
