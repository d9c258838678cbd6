/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * checkpoint-list: a domain's checkpoints as a table, a tree or names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../text/checkpoint.h"

#define TREE_DEPTH 1000

const struct opt checkpoint_list_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    FLAG("parent", "add a column showing parent checkpoint"),
    FLAG("roots", "list only checkpoints without parents"),
    FLAG("leaves", "list only checkpoints without children"),
    FLAG("no-leaves", "list only checkpoints that are not leaves (with children)"),
    FLAG("tree", "list checkpoints in a tree"),
    { .name = "from", .type = OPT_STRING, .help = "limit list to children of given checkpoint" },
    FLAG("descendants", "with --from, list all descendants"),
    FLAG("name", "list checkpoint names only"),
    FLAG("topological", "sort list topologically rather than by name"),
    OPT_END,
};

struct row {
    struct vmgr_checkpoint *checkpoint;
    const char *name;
    char *parent; /* NULL: not asked for */
};

struct list {
    struct row *rows;
    int count;
    const char *from; /* NULL: the domain */
};

/* --- arguments ------------------------------------------------------------------------------ */

static bool check(struct shell *sh, const struct args *args)
{
    if (!args_exclusive(sh, args, "tree", "name") || !args_exclusive(sh, args, "parent", "roots") ||
        !args_exclusive(sh, args, "parent", "tree") || !args_exclusive(sh, args, "roots", "tree"))
        return false;
    if (args_bool(args, "roots") && args_string(args, "from")) {
        shell_error(sh, "Options --roots and --from are mutually exclusive");
        return false;
    }
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "no-leaves" : "leaves";
        if (!args_bool(args, "tree") || !args_bool(args, name))
            continue;
        shell_error(sh, "--%s and --tree are mutually exclusive", name);
        return false;
    }
    if (args_bool(args, "descendants") && !args_string(args, "from")) {
        shell_error(sh, "--descendants requires --from");
        return false;
    }
    return true;
}

static uint32_t list_flags(const struct args *args)
{
    bool below =
        args_bool(args, "descendants") || (args_string(args, "from") && args_bool(args, "tree"));
    return (args_bool(args, "roots") ? VMGR_CHECKPOINT_LIST_ROOTS : 0) |
           (below ? VMGR_CHECKPOINT_LIST_DESCENDANTS : 0) |
           (args_bool(args, "leaves") ? VMGR_CHECKPOINT_LIST_LEAVES : 0) |
           (args_bool(args, "no-leaves") ? VMGR_CHECKPOINT_LIST_NO_LEAVES : 0) |
           (args_bool(args, "topological") ? VMGR_CHECKPOINT_LIST_TOPOLOGICAL : 0);
}

/* --- printing ------------------------------------------------------------------------------- */

/* When it was made; for free(), or NULL: the error is in sh->error. */
static char *creation_time(struct shell *sh, struct vmgr_checkpoint *checkpoint)
{
    static const char tag[] = "<creationTime>";
    char *xml = NULL, text[100] = "";
    struct tm tm;
    if (vmgr_checkpoint_get_xml(checkpoint, VMGR_CHECKPOINT_XML_NO_DOMAIN, &xml, shell_err(sh)) < 0)
        return NULL;
    const char *at = strstr(xml, tag);
    time_t when = at ? (time_t)strtoll(at + strlen(tag), NULL, 10) : 0;
    free(xml);
    if (at && localtime_r(&when, &tm))
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm);
    return must_strdup(text);
}

static bool print_table(struct shell *sh, const struct list *l, bool parents)
{
    struct table *table = parents ? table_new("Name", "Creation Time", "Parent", NULL)
                                  : table_new("Name", "Creation Time", NULL);
    bool ok = true;
    for (int i = 0; ok && i < l->count; i++) {
        char *when = creation_time(sh, l->rows[i].checkpoint);
        ok = when;
        if (ok && parents)
            table_row(table, l->rows[i].name, when, l->rows[i].parent, NULL);
        else if (ok)
            table_row(table, l->rows[i].name, when, NULL);
        free(when);
    }
    table_print(table, sh->quiet);
    return ok;
}

static void print_node(const struct list *l, const char *name, bool last, int depth, char *indent)
{
    size_t length = strlen(indent), own = length;
    int last_child = -1;
    printf("%s%s%s\n", indent, depth ? "+- " : "", name);
    if (depth)
        own = length + strlen(strcpy(indent + length, last ? "  " : "| "));
    for (int i = 0; depth < TREE_DEPTH && i < l->count; i++)
        if (!strcmp(l->rows[i].parent, name))
            last_child = i;
    if (last_child >= 0)
        printf("%s  |\n", indent);
    strcpy(indent + own, "  ");
    for (int i = 0; i <= last_child; i++)
        if (!strcmp(l->rows[i].parent, name))
            print_node(l, l->rows[i].name, i == last_child, depth + 1, indent);
    indent[own] = '\0';
    if (last_child < 0 && last)
        printf("%s\n", indent);
    indent[length] = '\0';
}

static void print_tree(const struct list *l)
{
    char indent[4 * (TREE_DEPTH + 2)] = "";
    if (l->from)
        print_node(l, l->from, true, 0, indent);
    for (int i = 0; !l->from && i < l->count; i++)
        if (!*l->rows[i].parent)
            print_node(l, l->rows[i].name, true, 0, indent);
}

/* --- the command ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    return strcasecmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static bool print(struct shell *sh, const struct args *args, struct list *l)
{
    if (!args_bool(args, "topological") && l->count)
        qsort(l->rows, (size_t)l->count, sizeof(*l->rows), by_name);
    if (args_bool(args, "tree")) {
        print_tree(l);
        return true;
    }
    if (!args_bool(args, "name"))
        return print_table(sh, l, args_bool(args, "parent"));
    for (int i = 0; i < l->count; i++)
        printf("%s\n", l->rows[i].name);
    return true;
}

static bool list(struct shell *sh, struct vmgr_domain *domain, const struct args *args)
{
    bool parents = args_bool(args, "parent") || args_bool(args, "tree"), ok = true;
    struct vmgr_checkpoint **all = NULL, *from = NULL;
    struct list l = { .from = args_string(args, "from") };
    if (l.from && vmgr_checkpoint_lookup_by_name(domain, l.from, &from, shell_err(sh)) < 0)
        return false;
    l.count = from ? vmgr_checkpoint_list_children(from, list_flags(args), &all, shell_err(sh))
                   : vmgr_domain_list_checkpoints(domain, list_flags(args), &all, shell_err(sh));
    vmgr_checkpoint_unref(from);
    if (l.count < 0)
        return false;
    l.rows = must_alloc(sizeof(*l.rows) * ((size_t)l.count + 1));
    for (int i = 0; i < l.count; i++) {
        l.rows[i] = (struct row){ all[i], vmgr_checkpoint_get_name(all[i]), NULL };
        if (parents && ok)
            ok = (l.rows[i].parent = checkpoint_parent_name(sh, all[i]));
    }
    ok = ok && print(sh, args, &l);
    for (int i = 0; i < l.count; i++)
        free(l.rows[i].parent);
    free(l.rows);
    vmgr_checkpoint_list_free(all);
    return ok;
}

bool cmd_checkpoint_list(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = check(sh, args) ? args_domain(sh, args) : NULL;
    bool ok = domain && list(sh, domain, args);
    vmgr_domain_unref(domain);
    return ok;
}
