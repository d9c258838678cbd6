/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <name>, <uuid>, <title>, <description>: who a domain is.
 */
#include "element.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int vmgr__name_check(const char *name, struct vmgr_error **err)
{
    if (!*name)
        return vmgr__error_set(err, VMGR_ERR_NO_NAME, VMGR_FROM_DOMAIN, NULL);
    if (strchr(name, '/'))
        return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_DOMAIN,
                               "name %s cannot contain '/'", name);
    if (strchr(name, '\n'))
        return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_DOMAIN,
                               "name %s cannot contain '\\n'", name);
    return 0;
}

static int name_parse(struct vmgr__parse *p, xmlNode *node)
{
    char *name = vmgr__xml_text(node);

    if (!name || !*name) {
        g_free(name);
        return conf_error(p, VMGR_ERR_NO_NAME, NULL);
    }
    vmgr__warn_attrs(p, node, NULL);
    p->def->name = name;
    return 0;
}

static void name_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                        struct vmgr__xml_writer *w)
{
    vmgr__xw_text(w, "name", def->name);
}

const struct vmgr__element vmgr__element_name = { "name", name_parse, name_format, .always = true };

bool vmgr__uuid_parse(const char *text, uint8_t ret[VMGR_UUID_SIZE])
{
    int digits = 0;

    while (g_ascii_isspace(*text))
        text++;
    for (; digits < 2 * VMGR_UUID_SIZE; text++) {
        int v;

        if (*text == '-')
            continue;
        v = g_ascii_xdigit_value(*text);
        if (v < 0)
            return false;
        if (digits % 2 == 0)
            ret[digits / 2] = (uint8_t)(v << 4);
        else
            ret[digits / 2] |= (uint8_t)v;
        digits++;
    }
    while (g_ascii_isspace(*text))
        text++;
    return *text == '\0';
}

void vmgr__uuid_format(const uint8_t uuid[VMGR_UUID_SIZE], char ret[VMGR_UUID_STRING_SIZE])
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < VMGR_UUID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *ret++ = '-';
        *ret++ = hex[uuid[i] >> 4];
        *ret++ = hex[uuid[i] & 15];
    }
    *ret = '\0';
}

int vmgr__uuid_generate(uint8_t ret[VMGR_UUID_SIZE], struct vmgr_error **err)
{
    if (getrandom(ret, VMGR_UUID_SIZE, 0) != VMGR_UUID_SIZE)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_DOMAIN, "Failed to generate UUID");
    ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x40); /* RFC 4122 4.4 */
    ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
    return 0;
}

static int uuid_parse(struct vmgr__parse *p, xmlNode *node)
{
    g_autofree char *text = vmgr__xml_text(node);

    if (!text)
        return vmgr__uuid_generate(p->def->uuid, p->err);
    vmgr__warn_attrs(p, node, NULL);
    if (!vmgr__uuid_parse(text, p->def->uuid))
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR, "malformed uuid element");
    p->def->has_uuid = true;
    return 0;
}

static void uuid_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                        struct vmgr__xml_writer *w)
{
    char text[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(def->uuid, text);
    vmgr__xw_text(w, "uuid", text);
}

const struct vmgr__element vmgr__element_uuid = { "uuid", uuid_parse, uuid_format, .always = true };

int vmgr__title_check(const char *title, struct vmgr_error **err)
{
    if (title && strchr(title, '\n'))
        return vmgr__error_set(err, VMGR_ERR_XML_ERROR, VMGR_FROM_DOMAIN,
                               "Domain title can't contain newlines");
    return 0;
}

static char *text_or_null(xmlNode *node)
{
    char *text = vmgr__xml_text(node);

    if (text && !*text)
        g_clear_pointer(&text, g_free);
    return text;
}

static int title_parse(struct vmgr__parse *p, xmlNode *node)
{
    p->def->title = text_or_null(node);
    vmgr__warn_attrs(p, node, NULL);
    return vmgr__title_check(p->def->title, p->err);
}

static void title_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                         struct vmgr__xml_writer *w)
{
    vmgr__xw_text(w, "title", def->title);
}

const struct vmgr__element vmgr__element_title = { "title", title_parse, title_format };

static int description_parse(struct vmgr__parse *p, xmlNode *node)
{
    p->def->description = text_or_null(node);
    vmgr__warn_attrs(p, node, NULL);
    return 0;
}

static void description_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                               struct vmgr__xml_writer *w)
{
    vmgr__xw_text(w, "description", def->description);
}

const struct vmgr__element vmgr__element_description = { "description", description_parse,
                                                         description_format };
