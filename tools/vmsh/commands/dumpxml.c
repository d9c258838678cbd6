/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dumpxml: a definition, or the parts of it an XPath expression chooses.
 */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/domain.h"
#include "../shell.h"

const struct opt dumpxml_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "inactive", .type = OPT_BOOL, .help = "show inactive defined XML" },
    { .name = "security-info",
      .type = OPT_BOOL,
      .help = "include security sensitive information in XML dump" },
    { .name = "update-cpu", .type = OPT_BOOL, .help = "update guest CPU according to host CPU" },
    { .name = "migratable", .type = OPT_BOOL, .help = "provide XML suitable for migrations" },
    OPT_XPATH,
    OPT_END,
};

static void print_node(xmlDocPtr doc, xmlNodePtr node)
{
    xmlBufferPtr buffer = xmlBufferCreate();
    if (buffer && xmlNodeDump(buffer, doc, node, 0, 1) >= 0)
        printf("%s\n", (const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
}

/* All in one <nodes> element. */
static bool print_wrapped(xmlNodeSetPtr nodes)
{
    xmlDocPtr doc = xmlNewDoc(BAD_CAST "1.0");
    xmlNodePtr root = doc ? xmlNewNode(NULL, BAD_CAST "nodes") : NULL;
    bool ok = root != NULL;
    if (ok)
        xmlDocSetRootElement(doc, root);
    for (int i = 0; ok && nodes && i < nodes->nodeNr; i++) {
        xmlNodePtr copy = xmlDocCopyNode(nodes->nodeTab[i], doc, 1);
        ok = copy && xmlAddChild(root, copy);
    }
    if (ok)
        print_node(doc, root);
    xmlFreeDoc(doc);
    return ok;
}

static void quiet(void *data, xmlErrorPtr error)
{
    (void)data;
    (void)error;
}

static bool print_matches(struct shell *sh, xmlXPathContextPtr context, const char *expression,
                          bool wrap)
{
    xmlXPathObjectPtr found = xmlXPathEval(BAD_CAST expression, context);
    bool ok = found && found->type == XPATH_NODESET;
    if (!ok)
        shell_error(sh, "internal error: Incorrect xpath '%s'", expression);
    else if (wrap)
        ok = print_wrapped(found->nodesetval);
    else
        for (int i = 0; found->nodesetval && i < found->nodesetval->nodeNr; i++)
            print_node(context->doc, found->nodesetval->nodeTab[i]);
    xmlXPathFreeObject(found);
    return ok;
}

static bool print_filtered(struct shell *sh, const char *xml, const char *expression, bool wrap)
{
    int length = (int)strlen(xml); /* the library keeps documents under 8 MiB */
    xmlDocPtr doc =
        xmlReadMemory(xml, length, "domain.xml", NULL, XML_PARSE_NONET | XML_PARSE_NOBLANKS);
    xmlXPathContextPtr context = doc ? xmlXPathNewContext(doc) : NULL;
    bool ok = false;
    if (context) {
        xmlSetStructuredErrorFunc(NULL, quiet);
        context->error = quiet;
        ok = print_matches(sh, context, expression, wrap);
        xmlSetStructuredErrorFunc(NULL, NULL);
    } else {
        shell_error(sh, "cannot read the document");
    }
    xmlXPathFreeContext(context);
    xmlFreeDoc(doc);
    return ok;
}

bool print_xml(struct shell *sh, const struct args *args, char *xml)
{
    const char *expression = args_string(args, "xpath");
    bool ok = true;
    if (expression)
        ok = print_filtered(sh, xml, expression, args_bool(args, "wrap"));
    else
        printf("%s", xml);
    free(xml);
    return ok;
}

bool cmd_dumpxml(struct shell *sh, const struct args *args)
{
    static const struct flag table[] = {
        { "inactive", VMGR_DOMAIN_XML_INACTIVE },
        { "security-info", VMGR_DOMAIN_XML_SECURE },
        { "update-cpu", VMGR_DOMAIN_XML_UPDATE_CPU },
        { "migratable", VMGR_DOMAIN_XML_MIGRATABLE },
        { NULL, 0 },
    };
    char *xml = NULL;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    bool ok = vmgr_domain_get_xml(domain, args_flags(args, table), &xml, shell_err(sh)) >= 0 &&
              print_xml(sh, args, xml);
    vmgr_domain_unref(domain);
    return ok;
}
