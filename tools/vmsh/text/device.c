/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices as documents: what the commands of disks and interfaces have in common.
 */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

char *device_attr(xmlNode *node, const char *child, const char *attr)
{
    xmlNode *found = NULL;
    for (xmlNode *c = node->children; c && !found; c = c->next)
        if (c->type == XML_ELEMENT_NODE && !strcmp((const char *)c->name, child))
            found = c;
    return found ? (char *)xmlGetProp(found, BAD_CAST attr) : NULL;
}

xmlDoc *device_definition(struct shell *sh, struct vmgr_domain *domain, uint32_t flags)
{
    char *xml = NULL;
    if (vmgr_domain_get_xml(domain,
                            flags & VMGR_DOMAIN_AFFECT_CONFIG ? VMGR_DOMAIN_XML_INACTIVE : 0, &xml,
                            shell_err(sh)) < 0)
        return NULL;
    xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
    free(xml);
    return doc;
}

xmlNode *device_next(xmlDoc *doc, xmlNode *after, const char *name)
{
    xmlNode *n = after ? after->next : NULL;
    if (!after) {
        for (n = xmlDocGetRootElement(doc)->children; n; n = n->next)
            if (n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, "devices"))
                break;
        n = n ? n->children : NULL;
    }
    for (; n; n = n->next)
        if (n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, name))
            return n;
    return NULL;
}

xmlNode *device_find_disk(xmlDoc *doc, const char *path)
{
    static const char *const attrs[] = { "file", "dev", "dir", "name" };
    for (xmlNode *n = device_next(doc, NULL, "disk"); n; n = device_next(doc, n, "disk")) {
        char *target = device_attr(n, "target", "dev");
        bool found = target && !strcmp(target, path);
        xmlFree(target);
        for (size_t i = 0; !found && i < 4; i++) {
            char *source = device_attr(n, "source", attrs[i]);
            found = source && !strcmp(source, path);
            xmlFree(source);
        }
        if (found)
            return n;
    }
    return NULL;
}

char *device_text(xmlDoc *doc, xmlNode *node)
{
    xmlBuffer *buf = xmlBufferCreate();
    xmlNodeDump(buf, doc, node, 0, 0);
    char *text = must_strdup((const char *)xmlBufferContent(buf));
    xmlBufferFree(buf);
    return text;
}

xmlDoc *device_begin(struct shell *sh, const struct args *args, uint32_t *flags)
{
    struct vmgr_domain *domain;
    if (!args_affect(sh, args, NULL, flags) || !(domain = args_domain(sh, args)))
        return NULL;
    args_affect(sh, args, domain, flags);
    xmlDoc *doc = device_definition(sh, domain, *flags & VMGR_DOMAIN_AFFECT_LIVE ? 0 : *flags);
    vmgr_domain_unref(domain);
    return doc;
}

bool device_finish(struct shell *sh, const struct args *args, char *xml, device_fn run,
                   uint32_t flags, const char *failed, const char *done)
{
    struct vmgr_domain *domain = NULL;
    bool ok = true;
    if (args_bool(args, "print-xml")) {
        printf("%s", xml);
    } else {
        domain = args_domain(sh, args);
        if (domain && !args_affect(sh, args, domain, &flags))
            ok = false;
        ok = ok && domain && run(domain, xml, flags, shell_err(sh)) == 0;
        if (ok)
            shell_extra(sh, "%s\n", done);
        else if (domain)
            shell_error(sh, "%s", failed);
    }
    vmgr_domain_unref(domain);
    free(xml);
    return ok;
}
