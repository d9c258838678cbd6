/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of PCI vendors and devices, out of the database that pciutils made usual: a vendor's line
 * begins with its number in hexadecimal, its devices' lines follow with a tab in front.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostdev.h"

static const char *const places[] = { "/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids" };

/* The name after "1af4  " if that is the number; NULL: another line. */
static char *name_after(const char *line, unsigned number)
{
    char *end;

    if (!g_ascii_isxdigit(*line) || strtoul(line, &end, 16) != number || end != line + 4 ||
        !g_utf8_validate(line, -1, NULL))
        return NULL;
    return g_strstrip(g_strdup(end));
}

void vmgr__pci_names(const struct vmgr__hostdev *h, unsigned vendor, unsigned device,
                     char **ret_vendor, char **ret_device)
{
    FILE *f = NULL;
    char line[512];

    *ret_vendor = *ret_device = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(places) && !f; i++) {
        g_autofree char *path = g_strconcat(h->root, places[i], NULL);

        f = fopen(path, "re");
    }
    while (f && !*ret_device && fgets(line, sizeof(line), f)) {
        if (*line == '#' || *line == '\n')
            continue;
        if (*line != '\t') {
            if (*ret_vendor)
                break; /* its devices are over */
            *ret_vendor = name_after(line, vendor);
        } else if (*ret_vendor && line[1] != '\t') {
            *ret_device = name_after(line + 1, device);
        }
    }
    if (f)
        fclose(f);
}
