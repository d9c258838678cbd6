/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading XML documents that nobody vouches for, and the nodes in them.
 *
 * Theory of operation. libxml2 reads from memory, without network and without substituting
 * entities. The first thing it complains about becomes the error, with the line quoted and a
 * pointer under the column, as people know it from other tools; quotes are bounded and stripped of
 * control characters. A document type is refused the moment it starts, so no entity can be
 * declared: entity bombs have nowhere to live. Depth is limited by libxml2 (256), size by us.
 */
#include "xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#define QUOTE_MAX 4096

const char *const vmgr__on_off[] = { "default", "on", "off", NULL };
const char *const vmgr__yes_no[] = { "default", "yes", "no", NULL };

struct parse {
    const char *what;
    struct vmgr_error **err;
    bool failed;
};

/* Text of the line the parser stands on and the column in it. */
static char *source_line(const xmlParserInput *input, size_t *ret_column)
{
    const char *base = (const char *)input->base;
    const char *cur = (const char *)input->cur;
    const char *end = (const char *)input->end;
    const char *line;
    GString *s;

    if (!base || !cur || cur > end || *base == '\0')
        return NULL;
    while (cur > base && (*cur == '\n' || *cur == '\r'))
        cur--;
    line = cur;
    while (line > base && line[-1] != '\n' && line[-1] != '\r')
        line--;
    *ret_column = (const char *)input->cur > line ? (size_t)((const char *)input->cur - line) : 0;
    if (*ret_column > QUOTE_MAX)
        return NULL;
    s = g_string_new(NULL);
    for (; line < end && *line && *line != '\n' && *line != '\r' && s->len < QUOTE_MAX; line++)
        g_string_append_c(
            s, ((unsigned char)*line < 0x20 && *line != '\t') || *line == 0x7f ? '?' : *line);
    return g_string_free(s, FALSE);
}

/* SAX error callback: reports the first error of the document and no other. */
static void G_GNUC_PRINTF(2, 3) on_error(void *data, const char *format G_GNUC_UNUSED, ...)
{
    xmlParserCtxt *ctxt = data;
    struct parse *p = ctxt->_private;
    const char *message = ctxt->lastError.message;
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;
    size_t column = 0;

    if (!p || p->failed)
        return;
    p->failed = true;
    text = g_strdup(message ? message : "not a well-formed document");
    g_strchomp(text);
    if (ctxt->input)
        line = source_line(ctxt->input, &column);
    if (!line) {
        vmgr__error_set(p->err, VMGR_ERR_XML_DETAIL, VMGR_FROM_XML, "%s:%d: %s", p->what,
                        ctxt->lastError.line, text);
        return;
    }
    {
        g_autofree char *dashes = g_strnfill(column, '-');

        vmgr__error_set(p->err, VMGR_ERR_XML_DETAIL, VMGR_FROM_XML, "%s:%d: %s\n%s\n%s^", p->what,
                        ctxt->lastError.line, text, line, dashes);
    }
}

static void on_doctype(void *data, const xmlChar *name G_GNUC_UNUSED,
                       const xmlChar *external_id G_GNUC_UNUSED,
                       const xmlChar *system_id G_GNUC_UNUSED)
{
    xmlParserCtxt *ctxt = data;
    struct parse *p = ctxt->_private;

    if (!p->failed)
        vmgr__error_set(p->err, VMGR_ERR_XML_ERROR, VMGR_FROM_XML,
                        "%s: a document type declaration is not accepted", p->what);
    p->failed = true;
    xmlStopParser(ctxt);
}

xmlDoc *vmgr__xml_parse(const char *text, const char *what, const char *root,
                        struct vmgr_error **err)
{
    struct parse p = { .what = what, .err = err };
    size_t size = strlen(text);
    xmlParserCtxt *ctxt;
    xmlDoc *doc;
    xmlNode *top;

    if (size > VMGR__XML_MAX_SIZE) {
        vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_XML,
                        "%s: the document is larger than %u bytes", what, VMGR__XML_MAX_SIZE);
        return NULL;
    }
    if (size == 0) {
        vmgr__error_set(err, VMGR_ERR_XML_DETAIL, VMGR_FROM_XML, "%s:1: Document is empty", what);
        return NULL;
    }
    ctxt = xmlNewParserCtxt();
    if (!ctxt || !ctxt->sax) {
        xmlFreeParserCtxt(ctxt);
        vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_XML, NULL);
        return NULL;
    }
    ctxt->_private = &p;
    ctxt->sax->error = on_error;
    ctxt->sax->fatalError = on_error;
    ctxt->sax->warning = NULL;
    ctxt->sax->internalSubset = on_doctype;
    doc =
        xmlCtxtReadMemory(ctxt, text, (int)size, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOWARNING);
    if (!p.failed && (!doc || !ctxt->wellFormed))
        vmgr__error_set(err, VMGR_ERR_XML_DETAIL, VMGR_FROM_XML, "%s: not a well-formed document",
                        what);
    if (p.failed || !ctxt->wellFormed) {
        if (doc)
            xmlFreeDoc(doc);
        doc = NULL;
    }
    xmlFreeParserCtxt(ctxt);
    if (!doc)
        return NULL;

    top = xmlDocGetRootElement(doc);
    if (root && (!top || strcmp((const char *)top->name, root) != 0)) {
        vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_DOMAIN,
                        "expecting root element of '%s', not '%s'", root,
                        top ? (const char *)top->name : "");
        xmlFreeDoc(doc);
        return NULL;
    }
    return doc;
}

xmlDoc *vmgr__xml_parse_fragment(const char *text, struct vmgr_error **err)
{
    return vmgr__xml_parse(text, "(metadata_xml)", NULL, err);
}

bool vmgr__xml_is(const xmlNode *node, const char *name)
{
    return node && node->type == XML_ELEMENT_NODE && !node->ns &&
           strcmp((const char *)node->name, name) == 0;
}

static xmlNode *find_from(xmlNode *node, const char *name)
{
    for (; node; node = node->next) {
        if (name ? vmgr__xml_is(node, name) : node->type == XML_ELEMENT_NODE)
            return node;
    }
    return NULL;
}

xmlNode *vmgr__xml_child(const xmlNode *node, const char *name)
{
    return node ? find_from(node->children, name) : NULL;
}

xmlNode *vmgr__xml_first(const xmlNode *node)
{
    return node ? find_from(node->children, NULL) : NULL;
}

xmlNode *vmgr__xml_next(const xmlNode *node, const char *name)
{
    return node ? find_from(node->next, name) : NULL;
}

char *vmgr__xml_attr(const xmlNode *node, const char *name)
{
    xmlChar *value;
    char *copy;

    if (!node)
        return NULL;
    value = xmlGetNoNsProp(node, (const xmlChar *)name);
    if (!value)
        return NULL;
    copy = g_strdup((const char *)value);
    xmlFree(value);
    return copy;
}

char *vmgr__xml_text(const xmlNode *node)
{
    xmlChar *value;
    char *copy;

    if (!node)
        return NULL;
    value = xmlNodeGetContent(node);
    copy = g_strdup(value ? (const char *)value : "");
    xmlFree(value);
    return copy;
}

int vmgr__name_index(const char *const *names, const char *value)
{
    for (int i = 0; value && names[i]; i++) {
        if (strcmp(names[i], value) == 0)
            return i;
    }
    return -1;
}

int vmgr__xml_enum(const xmlNode *node, const char *attr, const char *const *names, int *ret,
                   struct vmgr_error **err)
{
    g_autofree char *value = vmgr__xml_attr(node, attr);
    int index;

    if (!value)
        return 0;
    index = vmgr__name_index(names, value);
    if (index < 0)
        return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_XML,
                               "Invalid value for attribute '%s' in element '%s': '%s'.", attr,
                               (const char *)node->name, value);
    *ret = index;
    return 1;
}

bool vmgr__parse_u64(const char *text, uint64_t *ret)
{
    uint64_t v = 0;

    if (!text || !g_ascii_isdigit(*text))
        return false;
    for (; *text; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (!g_ascii_isdigit(*text) || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *ret = v;
    return true;
}

bool vmgr__parse_u32(const char *text, uint32_t *ret)
{
    uint64_t v;

    if (!vmgr__parse_u64(text, &v) || v > UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}

int vmgr__scale(uint64_t value, const char *unit, uint64_t scale, uint64_t limit, uint64_t *ret,
                struct vmgr_error **err)
{
    static const char prefixes[] = "kmgtpe";
    uint64_t factor = scale;

    if (unit && *unit) {
        if (g_ascii_strcasecmp(unit, "b") == 0 || g_ascii_strcasecmp(unit, "byte") == 0 ||
            g_ascii_strcasecmp(unit, "bytes") == 0) {
            factor = 1;
        } else {
            const char *p = strchr(prefixes, g_ascii_tolower(*unit));
            uint64_t base = 0;

            if (p && (!unit[1] || g_ascii_strcasecmp(unit + 1, "ib") == 0))
                base = 1024;
            else if (p && g_ascii_strcasecmp(unit + 1, "b") == 0)
                base = 1000;
            if (!base)
                return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE,
                                       "unknown suffix '%s'", unit);
            factor = 1;
            for (; p >= prefixes; p--)
                factor *= base;
        }
    }
    if (value && factor > limit / value)
        return vmgr__error_set(err, VMGR_ERR_OVERFLOW, VMGR_FROM_NONE,
                               "value too large: %" G_GUINT64_FORMAT "%s", value, unit ? unit : "");
    *ret = value * factor;
    return 0;
}
