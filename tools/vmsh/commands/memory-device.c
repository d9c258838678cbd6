/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * update-memory-device: another size that a virtio-mem is to have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/device.h"

const struct opt update_memory_device_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    OPT_AFFECT,
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print updated memory device XML instead of executing the change" },
    { .name = "alias", .type = OPT_STRING, .help = "memory device alias" },
    { .name = "node", .type = OPT_INT, .help = "memory device target node" },
    { .name = "requested-size",
      .type = OPT_INT,
      .help = "new value of <requested/> size, as scaled integer (default KiB)" },
    OPT_END,
};

static xmlNode *target_child(xmlNode *device, const char *name)
{
    const char *const path[] = { "target", name };
    xmlNode *at = device;
    for (size_t i = 0; i < 2 && at; i++) {
        xmlNode *child = at->children;
        while (child &&
               (child->type != XML_ELEMENT_NODE || strcmp((const char *)child->name, path[i]) != 0))
            child = child->next;
        at = child;
    }
    return at;
}

/* Whether a device is of this node of the guest, else has this alias; without either, any is. */
static bool is_meant(xmlNode *device, const int *node, const char *alias)
{
    char number[16];
    if (node) {
        xmlNode *child = target_child(device, "node");
        char *text = child ? (char *)xmlNodeGetContent(child) : NULL;
        snprintf(number, sizeof(number), "%d", *node);
        bool is = text && !strcmp(text, number);
        xmlFree(text);
        return is;
    }
    char *has = alias ? device_attr(device, "alias", "name") : NULL;
    bool is = !alias || (has && !strcmp(has, alias));
    xmlFree(has);
    return is;
}

static xmlNode *find(struct shell *sh, xmlDoc *doc, const int *node, const char *alias)
{
    xmlNode *found = NULL;
    for (xmlNode *n = device_next(doc, NULL, "memory"); n; n = device_next(doc, n, "memory")) {
        if (!is_meant(n, node, alias))
            continue;
        if (found) {
            shell_error(sh, "multiple memory devices found, use --alias or --node to select one");
            return NULL;
        }
        found = n;
    }
    if (!found)
        shell_error(sh, "no memory device found");
    return found;
}

static bool request(struct shell *sh, const struct args *args, xmlNode *device)
{
    unsigned long long bytes = 0;
    char text[24];
    int given = args_size(sh, args, "requested-size", 1024, &bytes);
    if (given <= 0)
        return given == 0;
    xmlNode *requested = target_child(device, "requested");
    if (!requested) {
        shell_error(sh, "virtio-mem device is missing <requested/>");
        return false;
    }
    snprintf(text, sizeof(text), "%llu", (bytes + 1023) / 1024);
    xmlNodeSetContent(requested, BAD_CAST text);
    return true;
}

static bool update(struct shell *sh, const struct args *args, struct vmgr_domain *domain,
                   xmlDoc *doc, xmlNode *device, uint32_t flags)
{
    char *xml = device_text(doc, device);
    bool ok = true;
    if (args_bool(args, "print-xml"))
        printf("%s", xml);
    else
        ok = vmgr_domain_update_device(domain, xml, flags, shell_err(sh)) == 0;
    free(xml);
    return ok;
}

bool cmd_update_memory_device(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain;
    uint32_t flags;
    int node = 0;
    if (!args_affect(sh, args, NULL, &flags) || !args_exclusive(sh, args, "node", "alias") ||
        !(domain = args_domain(sh, args)))
        return false;
    xmlDoc *doc = device_definition(sh, domain, flags);
    int has_node = doc ? args_int(sh, args, "node", &node) : -1;
    if (has_node > 0 && node < 0) {
        shell_error(sh, "Numeric value '%s' for <node> option is malformed or out of range",
                    args_string(args, "node"));
        has_node = -1;
    }
    xmlNode *device =
        has_node < 0 ? NULL : find(sh, doc, has_node ? &node : NULL, args_string(args, "alias"));
    bool ok = device && request(sh, args, device) && update(sh, args, domain, doc, device, flags);
    xmlFreeDoc(doc);
    vmgr_domain_unref(domain);
    return ok;
}
