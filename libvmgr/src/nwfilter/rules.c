/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From filters to a table of nft's bridge family.
 *
 * Two base chains see what the guest sends (bridge prerouting), two what it receives (postrouting):
 * the first of each has the rules on frames, the second those of the upper layer (<tcp>, <all>),
 * which therefore both have to accept. The root's rules and the chains of protocols are sorted by
 * priority. In a chain of one's own "return" goes back to the root. Rules that come with connection
 * tracking (all of the upper layer that accept, unless statematch='false') let answers through the
 * other way.
 *
 * $IP without a value is learned: the first address that the guest sends from, in ARP or IP, gets
 * into a set of one element.
 */
#include <string.h>

#include "nwfilter.h"

#define DEPTH_MAX 32   /* of filters that use filters */
#define RULES_MAX 4096 /* of one interface */

/* A line, or a jump to a chain, in the order of its priority. */
struct line {
    int priority;
    guint order;
    char *text;
};

/* One list of lines: of a base chain, or of a chain of its own. */
struct chain {
    char *name;    /* of nft */
    GArray *lines; /* struct line */
};

enum { FRAME_OUT, FRAME_IN, UPPER_OUT, UPPER_IN, BASES };

struct build {
    const struct vemu *d;
    struct chain *bases[BASES];
    GPtrArray *chains; /* struct chain *: all others */
    bool learned;
    guint count;
    struct vmgr_error **err;
};

static void line_clear(void *data)
{
    g_free(((struct line *)data)->text);
}

static struct chain *chain_new(char *name)
{
    struct chain *c = g_new0(struct chain, 1);

    c->name = name;
    c->lines = g_array_new(FALSE, FALSE, sizeof(struct line));
    g_array_set_clear_func(c->lines, line_clear);
    return c;
}

static void chain_free(void *data)
{
    struct chain *c = data;

    g_free(c->name);
    g_array_unref(c->lines);
    g_free(c);
}

static void add_line(struct build *b, struct chain *c, int priority, char *text)
{
    const struct line line = { priority, b->count++, text };

    g_array_append_val(c->lines, line);
}

/* The chain of a document in one direction; made, and reached from the base, when it is new. */
static struct chain *find_chain(struct build *b, const struct vmgr__nwfilter_def *def, bool out)
{
    const struct vmgr__nwfilter_chain *kind =
        &vmgr__nwfilter_chains[vmgr__nwfilter_chain(def->chain)];
    g_autofree char *name = NULL;
    struct chain *c;

    if (strcmp(def->chain, "root") == 0)
        return b->bases[out ? FRAME_OUT : FRAME_IN];
    name = g_strdup_printf("%s_%s", out ? "out" : "in", def->chain);
    g_strdelimit(name, "-.:", '_');
    for (guint i = 0; i < b->chains->len; i++) {
        c = b->chains->pdata[i];
        if (strcmp(c->name, name) == 0)
            return c;
    }
    c = chain_new(g_strdup(name));
    g_ptr_array_add(b->chains, c);
    add_line(b, b->bases[out ? FRAME_OUT : FRAME_IN], def->priority,
             g_strdup_printf("%s jump %s", kind->match, name));
    return c;
}

static const char *verdict(int action)
{
    switch (action) {
    case VMGR__NWFILTER_ACCEPT: return "accept";
    case VMGR__NWFILTER_RETURN: return "return";
    case VMGR__NWFILTER_CONTINUE: return "continue";
    default: return "drop"; /* reject: a bridge answers for nobody */
    }
}

static int add_rule_to(struct build *b, const struct vmgr__nwfilter_rule *rule, struct chain *c,
                       bool reverse, const char *state, GHashTable *vars)
{
    g_autofree char *match = vmgr__nwfilter_match(rule, reverse, vars, &b->learned, b->err);

    if (!match)
        return -1;
    if (b->count > RULES_MAX)
        return nwfilter_error(b->err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "more than %d rules for one interface", RULES_MAX);
    add_line(b, c, rule->priority, g_strdup_printf("%s%s %s", match, state, verdict(rule->action)));
    return 0;
}

/* A rule of both directions is written from the guest's side of what it receives. */
static int add_rule(struct build *b, const struct vmgr__nwfilter_def *def,
                    const struct vmgr__nwfilter_rule *rule, GHashTable *vars)
{
    const bool upper = vmgr__nwfilter_is_upper(rule);
    const bool both = rule->direction == VMGR__NWFILTER_INOUT;
    const bool tracked =
        upper && !both && !rule->stateless && rule->action == VMGR__NWFILTER_ACCEPT;

    for (int out = 0; out < 2; out++) {
        const bool own = both || (rule->direction == VMGR__NWFILTER_OUT) == (out == 1);
        struct chain *c;

        if (!own && !tracked)
            continue;
        c = upper ? b->bases[out ? UPPER_OUT : UPPER_IN] : find_chain(b, def, out == 1);
        if (add_rule_to(b, rule, c, both ? out == 1 : !own,
                        !tracked ? ""
                        : own    ? " ct state new,established"
                                 : " ct state established",
                        vars) < 0)
            return -1;
    }
    return 0;
}

/* The parameters of a filter that is used inside another: its own, and over them the user's. */
static GHashTable *merge(const struct vmgr__nwfilter_ref *ref, GHashTable *vars)
{
    GHashTable *all = vmgr__nwfilter_vars_new();
    GHashTableIter iter;
    void *name, *values;

    for (guint i = 0; i < ref->params->len; i++) {
        const struct vmgr__nwfilter_pair *p = ref->params->pdata[i];

        if (!g_hash_table_contains(vars, p->name))
            vmgr__nwfilter_vars_add(all, p->name, p->value);
    }
    g_hash_table_iter_init(&iter, vars);
    while (g_hash_table_iter_next(&iter, &name, &values)) {
        for (guint i = 0; i < ((GPtrArray *)values)->len; i++)
            vmgr__nwfilter_vars_add(all, name, ((GPtrArray *)values)->pdata[i]);
    }
    return all;
}

static int add_filter(struct build *b, const struct vmgr__nwfilter_ref *ref, GHashTable *outer,
                      int depth)
{
    g_autoptr(GHashTable) vars = merge(ref, outer);
    struct vmgr__nwfilter_def *def;
    int r = 0;

    if (depth > DEPTH_MAX)
        return nwfilter_error(b->err, VMGR_ERR_OPERATION_FAILED,
                              "filter '%s' uses itself, or too many others", ref->filter);
    def = vmgr__nwfilter_load(b->d, ref->filter, b->err);
    if (!def)
        return -1;
    for (guint i = 0; i < def->entries->len && r == 0; i++) {
        const struct vmgr__nwfilter_entry *e = def->entries->pdata[i];

        r = e->rule ? add_rule(b, def, e->rule, vars) : add_filter(b, e->ref, vars, depth + 1);
    }
    vmgr__nwfilter_def_free(def);
    return r;
}

bool vmgr__nwfilter_uses(const struct vemu *d, const char *name, const char *other)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GPtrArray) todo = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(todo, g_strdup(name));
    while (todo->len) {
        g_autofree char *one = g_ptr_array_steal_index(todo, todo->len - 1);
        struct vmgr__nwfilter_def *def = vmgr__nwfilter_load(d, one, NULL);

        for (guint i = 0; def && i < def->entries->len; i++) {
            const struct vmgr__nwfilter_entry *e = def->entries->pdata[i];

            if (e->ref && g_hash_table_add(seen, g_strdup(e->ref->filter)))
                g_ptr_array_add(todo, g_strdup(e->ref->filter));
        }
        vmgr__nwfilter_def_free(def);
    }
    return g_hash_table_contains(seen, other);
}

/* ---- writing ---- */

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void write_lines(GString *s, struct chain *c)
{
    g_array_sort(c->lines, compare_lines);
    for (guint i = 0; i < c->lines->len; i++)
        g_string_append_printf(s, "    %s\n", g_array_index(c->lines, struct line, i).text);
    g_string_append(s, "  }\n");
}

static void write_base(GString *s, struct chain *c, bool out, int priority, const char *interface,
                       const char *first)
{
    if (!c->lines->len)
        return;
    g_string_append_printf(s,
                           "  chain %s {\n"
                           "    type filter hook %s priority %d; policy accept;\n"
                           "    %s != \"%s\" accept\n%s",
                           c->name, out ? "prerouting" : "postrouting", priority,
                           out ? "iifname" : "oifname", interface, first);
    write_lines(s, c);
}

/* After another MAC address or a source of nothing nobody learns. */
static char *learning(const struct vmgr__nwfilter_binding *binding)
{
    return g_strdup_printf("    ether type ip ether saddr %s ip saddr != 0.0.0.0 add @learned { ip "
                           "saddr }\n"
                           "    ether type arp ether saddr %s arp saddr ip != 0.0.0.0 add @learned "
                           "{ arp saddr ip }\n",
                           binding->mac, binding->mac);
}

static char *write_table(struct build *b, const struct vmgr__nwfilter_binding *binding)
{
    GString *s = g_string_new(NULL);
    g_autofree char *learn = b->learned ? learning(binding) : g_strdup("");
    const char *name = binding->interface;

    g_string_append_printf(s,
                           "table bridge vmgr_filter_%s\ndelete table bridge vmgr_filter_%s\n"
                           "table bridge vmgr_filter_%s {\n",
                           name, name, name);
    if (b->learned)
        g_string_append(s, "  set learned {\n    type ipv4_addr\n    size 1\n    flags dynamic\n"
                           "  }\n");
    for (guint i = 0; i < b->chains->len; i++) {
        struct chain *c = b->chains->pdata[i];

        g_string_append_printf(s, "  chain %s {\n", c->name);
        write_lines(s, c);
    }
    write_base(s, b->bases[FRAME_OUT], true, -300, name, learn);
    write_base(s, b->bases[UPPER_OUT], true, -200, name, "");
    write_base(s, b->bases[FRAME_IN], false, 300, name, "");
    write_base(s, b->bases[UPPER_IN], false, 310, name, "");
    g_string_append(s, "}\n");
    return g_string_free(s, FALSE);
}

/* How $IP comes by its value, CTRL_IP_LEARNING of libvirt: "any" of what is sent, or "none". */
static int check_learning(const struct build *b, GHashTable *vars)
{
    const GPtrArray *values = g_hash_table_lookup(vars, "CTRL_IP_LEARNING");
    const char *how = values ? values->pdata[0] : "any";

    if (strcmp(how, "any") != 0 && strcmp(how, "none") != 0)
        return nwfilter_error(b->err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "CTRL_IP_LEARNING '%s' is not supported", how);
    if (b->learned && strcmp(how, "none") == 0)
        return nwfilter_error(b->err, VMGR_ERR_INTERNAL_ERROR,
                              "Cannot instantiate filter due to unresolvable variables or "
                              "unavailable list elements: IP");
    return 0;
}

char *vmgr__nwfilter_script(const struct vemu *d, const struct vmgr__nwfilter_binding *binding,
                            struct vmgr_error **err)
{
    static const char *const names[BASES] = { "frames_out", "frames_in", "upper_out", "upper_in" };
    g_autoptr(GHashTable) vars = vmgr__nwfilter_vars_new();
    struct build b = { .d = d, .err = err };
    char *script = NULL;

    for (int i = 0; i < BASES; i++)
        b.bases[i] = chain_new(g_strdup(names[i]));
    b.chains = g_ptr_array_new_with_free_func(chain_free);
    for (guint i = 0; i < binding->ref->params->len; i++) {
        const struct vmgr__nwfilter_pair *p = binding->ref->params->pdata[i];

        vmgr__nwfilter_vars_add(vars, p->name, p->value);
    }
    if (!g_hash_table_contains(vars, "MAC"))
        vmgr__nwfilter_vars_add(vars, "MAC", binding->mac);
    if (add_filter(&b, binding->ref, vars, 0) == 0 && check_learning(&b, vars) == 0)
        script = write_table(&b, binding);
    g_ptr_array_unref(b.chains);
    for (int i = 0; i < BASES; i++)
        chain_free(b.bases[i]);
    return script;
}
