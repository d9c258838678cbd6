/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What firmware says of this host: SMBIOS as the kernel shows it (Linux:
 * Documentation/ABI/testing/sysfs-class-dmi... and drivers/firmware/dmi-id.c).
 */
#include <string.h>

#include "host.h"
#include "../vemu.h"

static const struct {
    const char *element, *entry, *file;
} rows[] = {
    { "bios", "vendor", "bios_vendor" },
    { "bios", "version", "bios_version" },
    { "bios", "date", "bios_date" },
    { "bios", "release", "bios_release" },
    { "system", "manufacturer", "sys_vendor" },
    { "system", "product", "product_name" },
    { "system", "version", "product_version" },
    { "system", "serial", "product_serial" },
    { "system", "uuid", "product_uuid" },
    { "system", "sku", "product_sku" },
    { "system", "family", "product_family" },
    { "baseBoard", "manufacturer", "board_vendor" },
    { "baseBoard", "product", "board_name" },
    { "baseBoard", "version", "board_version" },
    { "baseBoard", "serial", "board_serial" },
    { "baseBoard", "asset", "board_asset_tag" },
    { "chassis", "manufacturer", "chassis_vendor" },
    { "chassis", "version", "chassis_version" },
    { "chassis", "serial", "chassis_serial" },
    { "chassis", "asset", "chassis_asset_tag" },
};

/* Serial numbers are for root alone: who may not read them is not told. */
int vmgr__vemu_get_sysinfo(struct vmgr_conn *conn G_GNUC_UNUSED, char **ret,
                           struct vmgr_error **err)
{
    struct vmgr__xml_writer w;
    const char *open = NULL;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "sysinfo");
    vmgr__xw_attr(&w, "type", "smbios");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = vmgr__sys_read("class/dmi/id/%s", rows[i].file);

        if (!text || !*g_strstrip(text) || !g_utf8_validate(text, -1, NULL))
            continue;
        if (!open || strcmp(open, rows[i].element) != 0) {
            if (open)
                vmgr__xw_end(&w, open);
            open = rows[i].element;
            vmgr__xw_begin(&w, open);
        }
        vmgr__xw_begin(&w, "entry");
        vmgr__xw_attr(&w, "name", rows[i].entry);
        vmgr__xw_end_text(&w, "entry", text);
    }
    if (open)
        vmgr__xw_end(&w, open);
    vmgr__xw_end(&w, "sysinfo");
    *ret = vmgr__xw_finish(&w);
    if (open)
        return 0;
    g_clear_pointer(ret, g_free);
    return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, "Host SMBIOS information is not available");
}
