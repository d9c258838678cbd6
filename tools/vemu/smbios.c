/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -smbios, with QEMU's names of types and fields.
 */
#include "smbios.h"

#include <stdio.h>
#include <string.h>

#include "keyval.h"
#include "option-table.h"
#include "report.h"
#include "text.h"

#define FIELDS_MAX 7

static const struct {
    const char *type, *prefix;
    const char *fields[FIELDS_MAX + 1];
} types[] = {
    { "0", "smbios.bios", { "vendor", "version", "date", "release" } },
    { "1",
      "smbios.system",
      { "manufacturer", "product", "version", "serial", "uuid", "sku", "family" } },
    { "2",
      "smbios.board",
      { "manufacturer", "product", "version", "serial", "asset", "location" } },
    { "3", "smbios.chassis", { "manufacturer", "version", "serial", "asset", "sku" } },
};

static bool take_fields(struct options *o, struct keyval *kv, size_t type)
{
    bool ok = true;

    for (size_t i = 0; ok && types[type].fields[i]; i++) {
        const char *value = keyval_take(kv, types[type].fields[i]);
        char name[40];

        snprintf(name, sizeof(name), "%s.%s", types[type].prefix, types[type].fields[i]);
        if (value)
            ok = options_add_machine_option(o, "smbios", name, value);
    }
    return ok;
}

static bool take_oem(struct options *o, struct keyval *kv)
{
    const char *value;
    bool any = false;

    while ((value = keyval_take(kv, "value"))) {
        if (strchr(value, '\n')) {
            report("-smbios: a value has a line break");
            return false;
        }
        option_list_add(&o->oem_strings, options_keep(o, value));
        any = true;
    }
    if (!any)
        report("-smbios type=11: no value");
    return any;
}

static bool take_type(struct options *o, struct keyval *kv, const char *type)
{
    if (strcmp(type, "11") == 0)
        return take_oem(o, kv);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].type, type) == 0)
            return take_fields(o, kv, i);
    }
    report("-smbios: type '%s' is not 0 (BIOS), 1 (system), 2 (base board), 3 (chassis) or 11 "
           "(OEM strings)",
           type);
    return false;
}

bool smbios_option(struct options *o, const char *value)
{
    struct keyval kv;

    if (!keyval_parse(&kv, "smbios", value, false))
        return false;
    const char *type = keyval_take(&kv, "type");
    bool ok = !type || take_type(o, &kv, type);
    ok = ok && keyval_done(&kv, "smbios");
    keyval_free(&kv);
    return ok;
}

bool smbios_finish(struct options *o)
{
    struct text lines = { 0 };

    if (!o->oem_strings.count)
        return true;
    for (size_t i = 0; i < o->oem_strings.count; i++) {
        if (i)
            text_add(&lines, "\n");
        text_add(&lines, o->oem_strings.items[i]);
    }
    return text_fits(&lines, "smbios") &&
           options_add_machine_option(o, "smbios", "smbios.oem", lines.bytes);
}
