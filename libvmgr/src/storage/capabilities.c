/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which types of pools there are, and with what formats.
 */
#include "backend.h"

static void write_enum(struct vmgr__xml_writer *w, const char *name, const char *const *values)
{
    vmgr__xw_begin(w, "enum");
    vmgr__xw_attr(w, "name", name);
    vmgr__xw_content(w);
    for (; *values; values++)
        vmgr__xw_text(w, "value", *values);
    vmgr__xw_end(w, "enum");
}

static void write_options(struct vmgr__xml_writer *w, const char *group, const char *name,
                          const char *const *formats, int default_format)
{
    if (!formats)
        return;
    vmgr__xw_begin(w, group);
    vmgr__xw_begin(w, "defaultFormat");
    vmgr__xw_attr(w, "type", formats[default_format]);
    vmgr__xw_end(w, "defaultFormat");
    write_enum(w, name, formats);
    vmgr__xw_end(w, group);
}

char *vmgr__storage_capabilities(void)
{
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "storagepoolCapabilities");
    for (int i = 0; i < VMGR__POOL_TYPES; i++) {
        const struct vmgr__pool_kind *kind = &vmgr__pool_kinds[i];

        vmgr__xw_begin(&w, "pool");
        vmgr__xw_attr(&w, "type", kind->name);
        vmgr__xw_attr(&w, "supported",
                      vmgr__backend_is_supported((enum vmgr__pool_type)i) ? "yes" : "no");
        vmgr__xw_content(&w);
        write_options(&w, "poolOptions", "sourceFormatType", kind->formats, kind->default_format);
        write_options(&w, "volOptions", "targetFormatType", kind->volume_formats,
                      kind->default_volume_format);
        vmgr__xw_end(&w, "pool");
    }
    vmgr__xw_end(&w, "storagepoolCapabilities");
    return vmgr__xw_finish(&w);
}

int vmgr__storage_get_capabilities(struct vmgr_conn *conn G_GNUC_UNUSED, char **ret,
                                   struct vmgr_error **err G_GNUC_UNUSED)
{
    *ret = vmgr__storage_capabilities();
    return 0;
}
