/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What domains on this host can have (libvirt's domaincaps.rng).
 *
 * Theory of operation. Nothing here knows what the driver supports: small definitions are put
 * before the same check that a start goes through, one for each value that the format has a name
 * for, and what passes is listed. So a device that the driver learns shows up by itself, and
 * nothing is promised that a start would refuse.
 */
#include "domcaps.h"

#include <string.h>

#include "../device/parts.h"
#include "../run/firmware.h"
#include "../run/launch.h"

/* A start would take this: parts of <domain>, attributes and children of <os>, of <devices>. */
static bool takes_os(const struct vmgr__domcaps_target *t, const char *parts, const char *attrs,
                     const char *os, const char *devices)
{
    g_autofree char *xml =
        g_strdup_printf("<domain type='%s'><name>x</name><memory>65536</memory>%s"
                        "<os%s><type arch='%s' machine='%s'>hvm</type>%s</os>"
                        "<devices>%s</devices></domain>",
                        t->tried_type, parts, attrs, t->arch, t->machine, os, devices);
    struct vmgr__domain_def *def =
        vmgr__domain_def_parse(xml, &vmgr__vemu_defaults, VMGR__CONF_INACTIVE, NULL);
    const bool ok = def && vmgr__vemu_assign_addresses(def, 0, NULL) == 0 &&
                    vmgr__vemu_check_support(def, NULL) == 0 &&
                    vmgr__vemu_firmware_choose(t->d, def, NULL) == 0;

    vmgr__domain_def_free(def);
    return ok;
}

bool vmgr__domcaps_takes(const struct vmgr__domcaps_target *t, const char *parts,
                         const char *devices)
{
    return takes_os(t, parts, "", "<kernel>/x</kernel>", devices);
}

/* What starts instead of a kernel. */
static bool takes_firmware(const struct vmgr__domcaps_target *t, const char *attrs, const char *os)
{
    return takes_os(t, "<features><acpi/></features>", attrs, os, "");
}

void vmgr__domcaps_values(struct vmgr__xml_writer *w, const char *name, const GPtrArray *values)
{
    vmgr__xw_begin(w, "enum");
    vmgr__xw_attr(w, "name", name);
    for (guint i = 0; i < values->len; i++)
        vmgr__xw_text(w, "value", values->pdata[i]);
    vmgr__xw_end(w, "enum");
}

/* ---- firmware ---- */

static void write_os(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t)
{
    static const char *const firmwares[] = { "bios", "efi", NULL };
    static const char *const types[] = { "rom", "pflash", NULL };
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    g_autoptr(GPtrArray) loaders = g_ptr_array_new();
    g_autoptr(GPtrArray) read_only = g_ptr_array_new();
    g_autoptr(GPtrArray) secure = g_ptr_array_new();
    g_autoptr(GPtrArray) images = vmgr__vemu_firmware_list(t->d, t->arch, t->machine);

    for (int i = 0; firmwares[i]; i++) {
        g_autofree char *attr = g_strdup_printf(" firmware='%s'", firmwares[i]);

        if (takes_firmware(t, attr, ""))
            g_ptr_array_add(found, (char *)firmwares[i]);
    }
    for (int i = 0; types[i]; i++) {
        g_autofree char *element =
            g_strdup_printf("<loader readonly='yes' type='%s'>/x</loader>", types[i]);

        if (takes_firmware(t, "", element))
            g_ptr_array_add(loaders, (char *)types[i]);
    }
    if (loaders->len)
        g_ptr_array_add(read_only, (char *)"yes");
    if (takes_firmware(t, "", "<loader readonly='no' type='pflash'>/x</loader>"))
        g_ptr_array_add(read_only, (char *)"no");
    g_ptr_array_add(secure, (char *)"no");
    if (takes_firmware(t, "", "<loader readonly='yes' secure='yes' type='pflash'>/x</loader>"))
        g_ptr_array_add(secure, (char *)"yes");

    vmgr__xw_begin(w, "os");
    vmgr__xw_attr(w, "supported", "yes");
    vmgr__domcaps_values(w, "firmware", found);
    vmgr__xw_begin(w, "loader");
    vmgr__xw_attr(w, "supported", loaders->len ? "yes" : "no");
    for (guint i = 0; loaders->len && i < images->len; i++) {
        const struct vemu_firmware *f = images->pdata[i];

        if (f->kind == VMGR__FIRMWARE_EFI)
            vmgr__xw_text(w, "value", f->loader);
    }
    if (loaders->len) {
        vmgr__domcaps_values(w, "type", loaders);
        vmgr__domcaps_values(w, "readonly", read_only);
        vmgr__domcaps_values(w, "secure", secure);
    }
    vmgr__xw_end(w, "loader");
    vmgr__xw_end(w, "os");
}

/* ---- the rest ---- */

static void write_memory(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t)
{
    static const char *const sources[] = { "file", "anonymous", "memfd", NULL };
    g_autoptr(GPtrArray) found = g_ptr_array_new();

    for (int i = 0; sources[i]; i++) {
        g_autofree char *part =
            g_strdup_printf("<memoryBacking><source type='%s'/></memoryBacking>", sources[i]);

        if (vmgr__domcaps_takes(t, part, ""))
            g_ptr_array_add(found, (char *)sources[i]);
    }
    vmgr__xw_begin(w, "memoryBacking");
    vmgr__xw_attr(w, "supported", found->len ? "yes" : "no");
    if (found->len)
        vmgr__domcaps_values(w, "sourceType", found);
    vmgr__xw_end(w, "memoryBacking");
}

/* Enlightenments depend on the host; each is tried with what it needs. */
static void write_hyperv(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t)
{
    static const char vpindex[] = "<vpindex state='on'/>";
    static const char synic[] = "<vpindex state='on'/><synic state='on'/>";
    static const struct {
        const char *name, *attrs, *needs;
    } rows[] = {
        { "relaxed", "", "" },
        { "vapic", "", "" },
        { "spinlocks", " retries='8191'", "" },
        { "vpindex", "", "" },
        { "runtime", "", "" },
        { "synic", "", vpindex },
        { "stimer", "", synic },
        { "reset", "", "" },
        { "vendor_id", " value='x'", "" },
        { "frequencies", "", "" },
        { "reenlightenment", "", "" },
        { "tlbflush", "", vpindex },
        { "ipi", "", vpindex },
        { "evmcs", "", "<vapic state='on'/>" },
        { "avic", "", "" },
    };
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    struct vmgr__domcaps_target tried = *t;

    tried.tried_type = strcmp(t->virt_type, "kvm") == 0 ? "kvm" : "qemu";
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const bool timer = strcmp(rows[i].name, "stimer") == 0;
        g_autofree char *parts = g_strdup_printf(
            "<features><hyperv>%s<%s state='on'%s/></hyperv></features>%s", rows[i].needs,
            rows[i].name, rows[i].attrs,
            timer ? "<clock><timer name='hypervclock' present='yes'/></clock>" : "");

        if (vmgr__domcaps_takes(&tried, parts, ""))
            g_ptr_array_add(found, (char *)rows[i].name);
        else if (i == 0)
            break; /* what has not even this has none */
    }
    vmgr__xw_begin(w, "hyperv");
    vmgr__xw_attr(w, "supported", found->len ? "yes" : "no");
    if (found->len)
        vmgr__domcaps_values(w, "features", found);
    vmgr__xw_end(w, "hyperv");
}

static void write_features(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t)
{
    static const struct {
        const char *name, *parts, *devices;
    } rows[] = {
        { "gic", NULL, NULL }, /* of another architecture */
        { "vmcoreinfo", "<features><vmcoreinfo state='on'/></features>", "" },
        { "genid", "<genid/>", "" },
        { "backingStoreInput", "",
          "<disk type='file' device='disk'><driver type='qcow2'/><source file='/x'/><backingStore "
          "type='file'><format type='raw'/><source file='/y'/></backingStore><target dev='vda' "
          "bus='virtio'/></disk>" },
        { "backup", NULL, NULL },
        { "sev", NULL, NULL },
        { "sgx", NULL, NULL },
    };

    vmgr__xw_begin(w, "features");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const bool ok = rows[i].parts && vmgr__domcaps_takes(t, rows[i].parts, rows[i].devices);

        vmgr__xw_begin(w, rows[i].name);
        vmgr__xw_attr(w, "supported", ok ? "yes" : "no");
        vmgr__xw_end(w, rows[i].name);
    }
    write_hyperv(w, t);
    vmgr__xw_end(w, "features");
}

void vmgr__domcaps_write(struct vmgr__xml_writer *w, const struct vmgr__domcaps_target *t)
{
    vmgr__xw_begin(w, "domainCapabilities");
    vmgr__xw_text(w, "path", t->emulator);
    vmgr__xw_text(w, "domain", t->virt_type);
    vmgr__xw_text(w, "machine", t->machine);
    vmgr__xw_text(w, "arch", t->arch);
    vmgr__xw_begin(w, "vcpu");
    vmgr__xw_attrf(w, "max", "%u", t->max_vcpus);
    vmgr__xw_end(w, "vcpu");
    vmgr__xw_begin(w, "iothreads");
    vmgr__xw_attr(w, "supported",
                  vmgr__domcaps_takes(t, "<iothreads>1</iothreads>", "") ? "yes" : "no");
    vmgr__xw_end(w, "iothreads");
    write_os(w, t);
    vmgr__domcaps_cpu(w, t);
    write_memory(w, t);
    vmgr__domcaps_devices(w, t);
    write_features(w, t);
    vmgr__xw_end(w, "domainCapabilities");
}
