/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <genid>: the number by which a guest knows that it goes on from where it has been before. One
 * without a text is chosen when the document is read.
 */
#include "element.h"

static int genid_parse(struct vmgr__parse *p, xmlNode *node)
{
    g_autofree char *text = vmgr__xml_text(node);

    if (vmgr__xml_next(node, "genid"))
        return conf_error(p, VMGR_ERR_XML_ERROR, "element 'genid' can only appear once");
    vmgr__warn_attrs(p, node, NULL);
    p->def->has_genid = true;
    if (!text || !*text)
        return vmgr__uuid_generate(p->def->genid, p->err);
    if (!vmgr__uuid_parse(text, p->def->genid))
        return conf_error(p, VMGR_ERR_INTERNAL_ERROR, "malformed genid element");
    return 0;
}

static void genid_format(const struct vmgr__domain_def *def, uint32_t flags G_GNUC_UNUSED,
                         struct vmgr__xml_writer *w)
{
    char text[VMGR_UUID_STRING_SIZE];

    if (!def->has_genid)
        return;
    vmgr__uuid_format(def->genid, text);
    vmgr__xw_text(w, "genid", text);
}

const struct vmgr__element vmgr__element_genid = { "genid", genid_parse, genid_format,
                                                   .repeats = true };
