/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing XML in house style: two columns an indent, single quotes, empty elements closed in place.
 */
#include "xml.h"

#include <libxml/xmlmemory.h>
#include <libxml/xmlsave.h>
#include <string.h>

void vmgr__xw_escape(GString *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': g_string_append(out, "&lt;"); break;
        case '>': g_string_append(out, "&gt;"); break;
        case '&': g_string_append(out, "&amp;"); break;
        case '"': g_string_append(out, "&quot;"); break;
        case '\'': g_string_append(out, "&apos;"); break;
        case '\r':
            g_string_append(out, "&#13;");
            break; /* a bare one would read back as a newline */
        default: g_string_append_c(out, *text); break;
        }
    }
}

/* In attributes a reader turns white space into blanks, unless it is written as a reference. */
static void escape_attr(GString *out, const char *text)
{
    for (; *text; text++) {
        char one[2] = { *text, '\0' };

        if (*text == '\n')
            g_string_append(out, "&#10;");
        else if (*text == '\t')
            g_string_append(out, "&#9;");
        else
            vmgr__xw_escape(out, one);
    }
}

static void indent(GString *out, int level)
{
    for (int i = 0; i < level; i++)
        g_string_append(out, "  ");
}

void vmgr__xw_init(struct vmgr__xml_writer *w)
{
    w->out = g_string_sized_new(2048);
    w->level = 0;
    w->open = false;
}

void vmgr__xw_content(struct vmgr__xml_writer *w)
{
    if (!w->open)
        return;
    g_string_append(w->out, ">\n");
    w->level++;
    w->open = false;
}

void vmgr__xw_begin(struct vmgr__xml_writer *w, const char *name)
{
    vmgr__xw_content(w);
    indent(w->out, w->level);
    g_string_append_c(w->out, '<');
    g_string_append(w->out, name);
    w->open = true;
}

void vmgr__xw_attr(struct vmgr__xml_writer *w, const char *name, const char *value)
{
    if (!value)
        return;
    g_string_append_printf(w->out, " %s='", name);
    escape_attr(w->out, value);
    g_string_append_c(w->out, '\'');
}

void vmgr__xw_attrf(struct vmgr__xml_writer *w, const char *name, const char *format, ...)
{
    g_autofree char *value = NULL;
    va_list ap;

    va_start(ap, format);
    value = g_strdup_vprintf(format, ap);
    va_end(ap);
    vmgr__xw_attr(w, name, value);
}

void vmgr__xw_end(struct vmgr__xml_writer *w, const char *name)
{
    if (w->open) {
        g_string_append(w->out, "/>\n");
        w->open = false;
        return;
    }
    w->level--;
    indent(w->out, w->level);
    g_string_append_printf(w->out, "</%s>\n", name);
}

void vmgr__xw_end_text(struct vmgr__xml_writer *w, const char *name, const char *text)
{
    g_string_append_c(w->out, '>');
    vmgr__xw_escape(w->out, text);
    g_string_append_printf(w->out, "</%s>\n", name);
    w->open = false;
}

void vmgr__xw_text(struct vmgr__xml_writer *w, const char *name, const char *text)
{
    if (!text)
        return;
    vmgr__xw_begin(w, name);
    vmgr__xw_end_text(w, name, text);
}

void vmgr__xw_raw(struct vmgr__xml_writer *w, const char *text)
{
    if (!text)
        return;
    vmgr__xw_content(w);
    g_string_append(w->out, text);
}

char *vmgr__xw_finish(struct vmgr__xml_writer *w)
{
    char *text = g_string_free(w->out, FALSE);

    w->out = NULL;
    return text;
}

/* ---- what is kept without being understood ---- */

static bool is_blank(const xmlNode *node)
{
    return node->type == XML_TEXT_NODE && xmlIsBlankNode(node);
}

/* Text beside elements, or text alone, must stay exactly as it is. */
static bool has_text(const xmlNode *node)
{
    for (const xmlNode *c = node->children; c; c = c->next) {
        if (c->type == XML_ENTITY_REF_NODE || c->type == XML_CDATA_SECTION_NODE ||
            (c->type == XML_TEXT_NODE && !xmlIsBlankNode(c)))
            return true;
    }
    return false;
}

static void keep_name(GString *out, const xmlNs *ns, const xmlChar *name)
{
    if (ns && ns->prefix)
        g_string_append_printf(out, "%s:", (const char *)ns->prefix);
    g_string_append(out, (const char *)name);
}

static void keep_node(GString *out, xmlNode *node, int level, bool inline_text)
{
    bool text, any = false;

    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
        vmgr__xw_escape(out, node->content ? (const char *)node->content : "");
        return;
    }
    if (node->type == XML_COMMENT_NODE) {
        if (!inline_text)
            indent(out, level);
        g_string_append_printf(out, "<!--%s-->", node->content ? (const char *)node->content : "");
        if (!inline_text)
            g_string_append_c(out, '\n');
        return;
    }
    if (node->type != XML_ELEMENT_NODE)
        return;
    if (!inline_text)
        indent(out, level);
    g_string_append_c(out, '<');
    keep_name(out, node->ns, node->name);
    for (xmlNs *ns = node->nsDef; ns; ns = ns->next) {
        g_string_append(out, " xmlns");
        if (ns->prefix)
            g_string_append_printf(out, ":%s", (const char *)ns->prefix);
        g_string_append(out, "='");
        escape_attr(out, ns->href ? (const char *)ns->href : "");
        g_string_append_c(out, '\'');
    }
    for (xmlAttr *a = node->properties; a; a = a->next) {
        xmlChar *value = xmlNodeListGetString(node->doc, a->children, 1);

        g_string_append_c(out, ' ');
        keep_name(out, a->ns, a->name);
        g_string_append(out, "='");
        escape_attr(out, value ? (const char *)value : "");
        g_string_append_c(out, '\'');
        xmlFree(value);
    }
    text = inline_text || has_text(node);
    for (xmlNode *c = node->children; c; c = c->next)
        any = any || text || !is_blank(c);
    if (!any) {
        g_string_append(out, "/>");
    } else {
        g_string_append(out, text ? ">" : ">\n");
        for (xmlNode *c = node->children; c; c = c->next) {
            if (text || !is_blank(c))
                keep_node(out, c, level + 1, text);
        }
        if (!text)
            indent(out, level);
        g_string_append(out, "</");
        keep_name(out, node->ns, node->name);
        g_string_append_c(out, '>');
    }
    if (!inline_text)
        g_string_append_c(out, '\n');
}

/* A copy makes sense on its own: libxml2 declares in it each namespace that an ancestor had
 * declared. */
static xmlNode *stand_alone(xmlNode *node)
{
    return xmlDocCopyNode(node, node->doc, 1);
}

char *vmgr__xml_keep(xmlNode *node, int level)
{
    xmlNode *copy = stand_alone(node);
    GString *out = g_string_new(NULL);

    if (copy) {
        keep_node(out, copy, level, false);
        xmlFreeNode(copy);
    }
    return g_string_free(out, FALSE);
}

static void drop_blanks(xmlNode *node)
{
    xmlNode *c, *next;

    if (has_text(node) || (node->children && !node->children->next && is_blank(node->children)))
        return; /* a blank that is alone is content, not layout */
    for (c = node->children; c; c = next) {
        next = c->next;
        if (is_blank(c)) {
            xmlUnlinkNode(c);
            xmlFreeNode(c);
        } else if (c->type == XML_ELEMENT_NODE) {
            drop_blanks(c);
        }
    }
}

char *vmgr__xml_dump(xmlNode *node, int level)
{
    xmlNode *copy = stand_alone(node);
    xmlBuffer *buf = xmlBufferCreate();
    char *text = NULL;

    if (copy && buf) {
        drop_blanks(copy);
        xmlNodeDump(buf, node->doc, copy, level, 1);
        text = g_strdup((const char *)xmlBufferContent(buf));
    }
    if (copy)
        xmlFreeNode(copy);
    if (buf)
        xmlBufferFree(buf);
    return text ? text : g_strdup("");
}
