/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <filter> and <filterref>: read and written.
 *
 * Unlike other documents nothing is kept that is not understood: a rule that is left out would let
 * through what it was to stop.
 */
#include "nwfilter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "def.h"

#define RULE_PRIORITY  500
#define PRIORITY_LIMIT 1000 /* of either sign */
#define NAME_LIMIT     200

static const char *const actions[] = { "drop", "accept", "reject", "return", "continue", NULL };
static const char *const directions[] = { "in", "out", "inout", NULL };
static const char *const yes_no[] = { "no", "yes", NULL };

const struct vmgr__nwfilter_chain vmgr__nwfilter_chains[] = {
    { "root", 0, "" },
    { "stp", -810, "ether daddr 01:80:c2:00:00:00" },
    { "mac", -800, "" },
    { "vlan", -750, "ether type vlan" },
    { "ipv4", -700, "ether type ip" },
    { "ipv6", -600, "ether type ip6" },
    { "arp", -500, "ether type arp" },
    { "rarp", -400, "ether type 0x8035" },
    { NULL, 0, NULL },
};

int vmgr__nwfilter_chain(const char *name)
{
    int best = -1;
    size_t length = 0;

    for (int i = 0; vmgr__nwfilter_chains[i].name; i++) {
        const char *prefix = vmgr__nwfilter_chains[i].name;
        const char rest = g_str_has_prefix(name, prefix) ? name[strlen(prefix)] : 'x';

        if ((!rest || (rest == '-' && i)) && strlen(prefix) > length) {
            best = i;
            length = strlen(prefix);
        }
    }
    return best;
}

static void pair_free(void *data)
{
    struct vmgr__nwfilter_pair *p = data;

    g_free(p->name);
    g_free(p->value);
    g_free(p);
}

static void pair_add(GPtrArray *list, const char *name, const char *value)
{
    struct vmgr__nwfilter_pair *p = g_new0(struct vmgr__nwfilter_pair, 1);

    p->name = g_strdup(name);
    p->value = g_strdup(value);
    g_ptr_array_add(list, p);
}

void vmgr__nwfilter_ref_free(struct vmgr__nwfilter_ref *ref)
{
    if (!ref)
        return;
    g_free(ref->filter);
    g_ptr_array_unref(ref->params);
    g_free(ref);
}

static void entry_free(void *data)
{
    struct vmgr__nwfilter_entry *e = data;

    if (e->rule) {
        g_free(e->rule->protocol);
        g_ptr_array_unref(e->rule->pairs);
        g_free(e->rule);
    }
    vmgr__nwfilter_ref_free(e->ref);
    g_free(e);
}

void vmgr__nwfilter_def_free(void *data)
{
    struct vmgr__nwfilter_def *def = data;

    if (!def)
        return;
    g_free(def->name);
    g_free(def->chain);
    g_ptr_array_unref(def->entries);
    g_free(def);
}

/* ---- reading ---- */

static int read_priority(const xmlNode *node, int fallback, int *ret, struct vmgr_error **err)
{
    g_autofree char *text = vmgr__xml_attr(node, "priority");
    char *end = NULL;
    long n;

    *ret = fallback;
    if (!text)
        return 0;
    errno = 0;
    n = strtol(text, &end, 10);
    if (!*text || *end || errno || n < -PRIORITY_LIMIT || n > PRIORITY_LIMIT)
        return nwfilter_error(err, VMGR_ERR_XML_ERROR,
                              "priority '%s' of <%s> is not within [%d, %d]", text,
                              (const char *)node->name, -PRIORITY_LIMIT, PRIORITY_LIMIT);
    *ret = (int)n;
    return 0;
}

/* Names of filters and parameters go into file names and messages. */
static bool is_name(const char *text)
{
    if (!text || !*text || strlen(text) > NAME_LIMIT || *text == '.')
        return false;
    for (const char *at = text; *at; at++) {
        if (!g_ascii_isalnum(*at) && !strchr("_-.:", *at))
            return false;
    }
    return true;
}

struct vmgr__nwfilter_ref *vmgr__nwfilter_ref_read(const xmlNode *node, struct vmgr_error **err)
{
    struct vmgr__nwfilter_ref *ref = g_new0(struct vmgr__nwfilter_ref, 1);

    ref->filter = vmgr__xml_attr(node, "filter");
    ref->params = g_ptr_array_new_with_free_func(pair_free);
    if (!is_name(ref->filter)) {
        nwfilter_error(err, VMGR_ERR_XML_ERROR, "'%s' of <filterref> is not the name of a filter",
                       ref->filter ? ref->filter : "");
        vmgr__nwfilter_ref_free(ref);
        return NULL;
    }
    for (const xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        g_autofree char *name = vmgr__xml_attr(c, "name");
        g_autofree char *value = vmgr__xml_attr(c, "value");

        if (!vmgr__xml_is(c, "parameter") || !is_name(name) || !value || !*value ||
            strlen(value) > NAME_LIMIT) {
            nwfilter_error(err, VMGR_ERR_XML_ERROR,
                           "<%s> of <filterref> is no parameter with a "
                           "name and a value",
                           (const char *)c->name);
            vmgr__nwfilter_ref_free(ref);
            return NULL;
        }
        pair_add(ref->params, name, value);
    }
    return ref;
}

static int read_protocol(const xmlNode *node, struct vmgr__nwfilter_rule *rule,
                         struct vmgr_error **err)
{
    int match = 1;

    if (rule->protocol)
        return nwfilter_error(err, VMGR_ERR_XML_ERROR,
                              "a rule matches one protocol, not <%s> and "
                              "<%s>",
                              rule->protocol, (const char *)node->name);
    rule->protocol = g_strdup((const char *)node->name);
    for (const xmlAttr *a = node->properties; a; a = a->next) {
        g_autofree char *value = vmgr__xml_attr(node, (const char *)a->name);

        if (strcmp((const char *)a->name, "match") == 0) {
            if (vmgr__xml_enum(node, "match", yes_no, &match, err) < 0)
                return -1;
        } else {
            pair_add(rule->pairs, (const char *)a->name, value);
        }
    }
    rule->negated = !match;
    return 0;
}

static int read_rule(const xmlNode *node, struct vmgr__nwfilter_rule *rule, struct vmgr_error **err)
{
    static const char *const bools[] = { "false", "0", "true", "1", NULL };
    int state = 2, r;

    r = vmgr__xml_enum(node, "action", actions, &rule->action, err);
    if (r == 0)
        return nwfilter_error(err, VMGR_ERR_INTERNAL_ERROR, "rule node requires action attribute");
    if (r < 0)
        return -1;
    r = vmgr__xml_enum(node, "direction", directions, &rule->direction, err);
    if (r == 0)
        return nwfilter_error(err, VMGR_ERR_INTERNAL_ERROR,
                              "rule node requires direction attribute");
    if (r < 0 || read_priority(node, RULE_PRIORITY, &rule->priority, err) < 0 ||
        vmgr__xml_enum(node, "statematch", bools, &state, err) < 0)
        return -1;
    rule->stateless = state < 2;
    for (const xmlNode *c = vmgr__xml_first(node); c; c = vmgr__xml_next(c, NULL)) {
        if (read_protocol(c, rule, err) < 0)
            return -1;
    }
    g_free(vmgr__nwfilter_match(rule, false, NULL, NULL, err));
    return *err ? -1 : 0;
}

static int read_entry(const xmlNode *node, struct vmgr__nwfilter_def *def, struct vmgr_error **err)
{
    struct vmgr__nwfilter_entry *e = g_new0(struct vmgr__nwfilter_entry, 1);

    g_ptr_array_add(def->entries, e);
    if (vmgr__xml_is(node, "filterref")) {
        e->ref = vmgr__nwfilter_ref_read(node, err);
        return e->ref ? 0 : -1;
    }
    if (!vmgr__xml_is(node, "rule"))
        return nwfilter_error(err, VMGR_ERR_XML_ERROR, "<%s> of <filter> is not understood",
                              (const char *)node->name);
    e->rule = g_new0(struct vmgr__nwfilter_rule, 1);
    e->rule->pairs = g_ptr_array_new_with_free_func(pair_free);
    return read_rule(node, e->rule, err);
}

static int read_head(const xmlNode *root, struct vmgr__nwfilter_def *def, struct vmgr_error **err)
{
    const xmlNode *uuid = vmgr__xml_child(root, "uuid");
    g_autofree char *text = uuid ? vmgr__xml_text(uuid) : NULL;
    int chain;

    def->name = vmgr__xml_attr(root, "name");
    if (!def->name)
        return nwfilter_error(err, VMGR_ERR_INTERNAL_ERROR, "filter has no name");
    if (!is_name(def->name))
        return nwfilter_error(err, VMGR_ERR_XML_ERROR, "'%s' is not the name of a filter",
                              def->name);
    def->chain = vmgr__xml_attr(root, "chain");
    if (!def->chain)
        def->chain = g_strdup("root");
    chain = is_name(def->chain) && strlen(def->chain) < 32 ? vmgr__nwfilter_chain(def->chain) : -1;
    if (chain < 0)
        return nwfilter_error(
            err, VMGR_ERR_INVALID_ARG,
            "Invalid chain name '%s'. Please use a chain name called 'root' or "
            "any of the following prefixes: stp, mac, vlan, ipv4, ipv6, arp, rarp",
            def->chain);
    if (read_priority(root, vmgr__nwfilter_chains[chain].priority, &def->priority, err) < 0)
        return -1;
    if (text && !vmgr__uuid_parse(text, def->uuid))
        return nwfilter_error(err, VMGR_ERR_INTERNAL_ERROR, "malformed uuid element");
    def->has_uuid = text != NULL;
    return text ? 0 : vmgr__uuid_generate(def->uuid, err);
}

struct vmgr__nwfilter_def *vmgr__nwfilter_def_parse(const char *xml, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(nwfilter_definition)", "filter", err);
    struct vmgr__nwfilter_def *def;
    struct vmgr_error *why = NULL;
    const xmlNode *root;
    int r;

    if (!doc)
        return NULL;
    def = g_new0(struct vmgr__nwfilter_def, 1);
    def->entries = g_ptr_array_new_with_free_func(entry_free);
    root = xmlDocGetRootElement(doc);
    r = read_head(root, def, &why);
    for (const xmlNode *c = vmgr__xml_first(root); c && r == 0; c = vmgr__xml_next(c, NULL)) {
        if (!vmgr__xml_is(c, "uuid"))
            r = read_entry(c, def, &why);
    }
    xmlFreeDoc(doc);
    if (r == 0)
        return def;
    vmgr__error_move(err, why);
    vmgr__nwfilter_def_free(def);
    return NULL;
}

/* ---- writing ---- */

void vmgr__nwfilter_ref_write(const struct vmgr__nwfilter_ref *ref, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "filterref");
    vmgr__xw_attr(w, "filter", ref->filter);
    for (guint i = 0; i < ref->params->len; i++) {
        const struct vmgr__nwfilter_pair *p = ref->params->pdata[i];

        vmgr__xw_begin(w, "parameter");
        vmgr__xw_attr(w, "name", p->name);
        vmgr__xw_attr(w, "value", p->value);
        vmgr__xw_end(w, "parameter");
    }
    vmgr__xw_end(w, "filterref");
}

static void write_rule(const struct vmgr__nwfilter_rule *rule, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "rule");
    vmgr__xw_attr(w, "action", actions[rule->action]);
    vmgr__xw_attr(w, "direction", directions[rule->direction]);
    vmgr__xw_attrf(w, "priority", "%d", rule->priority);
    if (rule->stateless)
        vmgr__xw_attr(w, "statematch", "false");
    if (rule->protocol) {
        vmgr__xw_begin(w, rule->protocol);
        if (rule->negated)
            vmgr__xw_attr(w, "match", "no");
        for (guint i = 0; i < rule->pairs->len; i++) {
            const struct vmgr__nwfilter_pair *p = rule->pairs->pdata[i];

            vmgr__xw_attr(w, p->name, p->value);
        }
        vmgr__xw_end(w, rule->protocol);
    }
    vmgr__xw_end(w, "rule");
}

char *vmgr__nwfilter_def_format(const struct vmgr__nwfilter_def *def)
{
    char uuid[VMGR_UUID_STRING_SIZE];
    struct vmgr__xml_writer w;

    vmgr__xw_init(&w);
    vmgr__xw_begin(&w, "filter");
    vmgr__xw_attr(&w, "name", def->name);
    vmgr__xw_attr(&w, "chain", def->chain);
    if (def->priority)
        vmgr__xw_attrf(&w, "priority", "%d", def->priority);
    vmgr__uuid_format(def->uuid, uuid);
    vmgr__xw_text(&w, "uuid", uuid);
    for (guint i = 0; i < def->entries->len; i++) {
        const struct vmgr__nwfilter_entry *e = def->entries->pdata[i];

        if (e->rule)
            write_rule(e->rule, &w);
        else
            vmgr__nwfilter_ref_write(e->ref, &w);
    }
    vmgr__xw_end(&w, "filter");
    return vmgr__xw_finish(&w);
}
