/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What may stand at the cursor: commands, options, names of living objects. Used by Tab in the
 * shell and by bash through the hidden option --complete.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/top.h"
#include "shell.h"
#include "text/agent.h"
#include "text/domain.h"
#include "text/network.h"
#include "text/storage.h"

struct offers {
    char **items;
    size_t count, room;
    const char *prefix; /* what is there of the value */
    char *option;       /* "--name=" in front of it, "" without */
    const struct cmd *cmd;
    char *const *words; /* before it, of this command */
    size_t word_count;
};

static void offer(struct offers *o, const char *lead, const char *text)
{
    char *item = must_printf("%s%s%s", o->option, lead, text);
    if (strncmp(item + strlen(o->option), o->prefix, strlen(o->prefix))) {
        free(item);
        return;
    }
    if (o->count + 1 >= o->room) {
        o->room = o->room ? o->room * 2 : 32;
        char **items = must_alloc(o->room * sizeof(*items));
        if (o->count)
            memcpy(items, o->items, o->count * sizeof(*items));
        free(o->items);
        o->items = items;
    }
    o->items[o->count++] = item;
    o->items[o->count] = NULL;
}

/* The option that a word names, up to its `length`. */
static const struct opt *opt_find_n(const struct cmd *cmd, const char *word, size_t length)
{
    for (const struct opt *o = cmd->opts; o && o->name; o++)
        if (length == strlen(o->name) + 2 && !strncmp(word, "--", 2) &&
            !strncmp(o->name, word + 2, length - 2))
            return o;
    return NULL;
}

/* What is given for an option that stands first among the command's, by name or by place; NULL:
 * nothing. */
static const char *first_value(const struct offers *o)
{
    const struct opt *first = o->cmd ? o->cmd->opts : NULL;
    const char *placed = NULL;
    for (size_t i = 1; first && i < o->word_count; i++) {
        const char *word = o->words[i];
        size_t length = strcspn(word, "=");
        const struct opt *named = opt_find_n(o->cmd, word, length);
        bool apart = named && named->type != OPT_BOOL && !word[length];
        if (named == first && word[length])
            return word + length + 1;
        if (named == first)
            return i + 1 < o->word_count ? o->words[i + 1] : NULL;
        if (!named && !placed)
            placed = word;
        i += apart;
    }
    return placed;
}

static void offer_commands(struct offers *o)
{
    for (const struct cmd_group *g = cmd_groups; g->title; g++)
        for (const struct cmd *c = g->cmds; c->name; c++)
            offer(o, "", c->name);
}

/* Quietly: completion prints nothing. */
static bool connected(struct shell *sh)
{
    struct vmgr_conn_options options = VMGR_CONN_OPTIONS_INIT;
    if (sh->conn)
        return true;
    options.flags = sh->readonly ? VMGR_CONN_RO : 0;
    options.uri = sh->uri;
    options.root = sh->root;
    return vmgr_conn_open_with(&options, &sh->conn, NULL) >= 0;
}

static void offer_domains(struct shell *sh, struct offers *o, uint32_t flags)
{
    struct vmgr_domain **domains = NULL;
    if (!connected(sh))
        return;
    int count = vmgr_domain_list(sh->conn, flags, &domains, NULL);
    for (int i = 0; i < count; i++)
        offer(o, "", vmgr_domain_get_name(domains[i]));
    vmgr_domain_list_free(domains);
}

static void offer_networks(struct shell *sh, struct offers *o, uint32_t flags)
{
    struct vmgr_network **networks = NULL;
    if (!connected(sh))
        return;
    int count = vmgr_network_list(sh->conn, flags, &networks, NULL);
    for (int i = 0; i < count; i++)
        offer(o, "", vmgr_network_get_name(networks[i]));
    vmgr_network_list_free(networks);
}

static void offer_interfaces(struct shell *sh, struct offers *o)
{
    struct vmgr_interface **ifaces = NULL;
    if (!connected(sh))
        return;
    int count = vmgr_interface_list(sh->conn, 0, &ifaces, NULL);
    for (int i = 0; i < count; i++)
        offer(o, "", vmgr_interface_get_name(ifaces[i]));
    vmgr_interface_list_free(ifaces);
}

static void offer_nodedevs(struct shell *sh, struct offers *o)
{
    struct vmgr_nodedev **devs = NULL;
    if (!connected(sh))
        return;
    int count = vmgr_nodedev_list(sh->conn, 0, &devs, NULL);
    for (int i = 0; i < count; i++)
        offer(o, "", vmgr_nodedev_get_name(devs[i]));
    vmgr_nodedev_list_free(devs);
}

static void offer_pools(struct shell *sh, struct offers *o, uint32_t flags)
{
    struct vmgr_pool **pools = NULL;
    if (!connected(sh))
        return;
    int count = vmgr_pool_list(sh->conn, flags, &pools, NULL);
    for (int i = 0; i < count; i++)
        offer(o, "", vmgr_pool_get_name(pools[i]));
    vmgr_pool_list_free(pools);
}

/* Volumes of all active pools, by name. */
static void offer_volumes(struct shell *sh, struct offers *o)
{
    struct vmgr_pool **pools = NULL;
    if (!connected(sh))
        return;
    int count = vmgr_pool_list(sh->conn, VMGR_POOL_LIST_ACTIVE, &pools, NULL);
    for (int i = 0; i < count; i++) {
        struct vmgr_volume **volumes = NULL;
        int n = vmgr_pool_list_volumes(pools[i], 0, &volumes, NULL);
        for (int j = 0; j < n; j++)
            offer(o, "", vmgr_volume_get_name(volumes[j]));
        vmgr_volume_list_free(volumes);
    }
    vmgr_pool_list_free(pools);
}

/* Names in the directory part of the prefix; directories end with '/'. */
static void offer_files(struct offers *o)
{
    const char *slash = strrchr(o->prefix, '/');
    char *lead =
        slash ? must_printf("%.*s", (int)(slash - o->prefix + 1), o->prefix) : must_strdup("");
    DIR *dir = opendir(*lead ? lead : ".");
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        struct stat st;
        if (entry->d_name[0] == '.')
            continue;
        char *path = must_printf("%s%s", lead, entry->d_name);
        char *name = must_printf("%s%s", entry->d_name,
                                 stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? "/" : "");
        offer(o, lead, name);
        free(name);
        free(path);
    }
    if (dir)
        closedir(dir);
    free(lead);
}

static void offer_nwfilters(struct shell *sh, struct offers *o)
{
    struct vmgr_nwfilter **filters = NULL;
    if (!connected(sh))
        return;
    int count = vmgr_nwfilter_list(sh->conn, 0, &filters, NULL);
    for (int i = 0; i < count; i++)
        offer(o, "", vmgr_nwfilter_get_name(filters[i]));
    vmgr_nwfilter_list_free(filters);
}

static void offer_bindings(struct shell *sh, struct offers *o)
{
    struct vmgr_nwfilter_binding **bindings = NULL;
    if (!connected(sh))
        return;
    int count = vmgr_nwfilter_binding_list(sh->conn, 0, &bindings, NULL);
    for (int i = 0; i < count; i++)
        offer(o, "", vmgr_nwfilter_binding_get_port_dev(bindings[i]));
    vmgr_nwfilter_binding_list_free(bindings);
}

static void offer_checkpoints(struct shell *sh, struct offers *o)
{
    const char *name = first_value(o);
    struct vmgr_checkpoint **checkpoints = NULL;
    struct vmgr_domain *domain = NULL;
    if (!name || !connected(sh) || vmgr_domain_lookup_by_name(sh->conn, name, &domain, NULL) < 0)
        return;
    int count = vmgr_domain_list_checkpoints(domain, 0, &checkpoints, NULL);
    for (int i = 0; i < count; i++)
        offer(o, "", vmgr_checkpoint_get_name(checkpoints[i]));
    vmgr_checkpoint_list_free(checkpoints);
    vmgr_domain_unref(domain);
}

static void offer_ports(struct shell *sh, struct offers *o)
{
    const char *name = first_value(o);
    struct vmgr_network_port **ports = NULL;
    struct vmgr_network *network = NULL;
    if (!name || !connected(sh) || vmgr_network_lookup_by_name(sh->conn, name, &network, NULL) < 0)
        return;
    int count = vmgr_network_port_list(network, 0, &ports, NULL);
    for (int i = 0; i < count; i++)
        offer(o, "", vmgr_network_port_get_uuid_string(ports[i]));
    vmgr_network_port_list_free(ports);
    vmgr_network_unref(network);
}

static void offer_values(struct shell *sh, struct offers *o, enum completer completer)
{
    switch (completer) {
    case COMPLETE_NONE: break;
    case COMPLETE_DOMAIN: offer_domains(sh, o, 0); break;
    case COMPLETE_DOMAIN_ACTIVE: offer_domains(sh, o, VMGR_DOMAIN_LIST_ACTIVE); break;
    case COMPLETE_DOMAIN_INACTIVE: offer_domains(sh, o, VMGR_DOMAIN_LIST_INACTIVE); break;
    case COMPLETE_DOMAIN_PERSISTENT: offer_domains(sh, o, VMGR_DOMAIN_LIST_PERSISTENT); break;
    case COMPLETE_CHECKPOINT: offer_checkpoints(sh, o); break;
    case COMPLETE_FILE: offer_files(o); break;
    case COMPLETE_COMMAND:
        offer_commands(o);
        for (const struct cmd_group *g = cmd_groups; g->title; g++)
            offer(o, "", g->keyword);
        break;
    case COMPLETE_EVENT:
        offer(o, "", "lifecycle");
        offer(o, "", "reboot");
        break;
    case COMPLETE_SHUTDOWN_MODE:
        for (size_t i = 0; shutdown_mode_name(i); i++)
            offer(o, "", shutdown_mode_name(i));
        break;
    case COMPLETE_SUSPEND_TARGET:
        for (size_t i = 0; suspend_target_name(i); i++)
            offer(o, "", suspend_target_name(i));
        break;
    case COMPLETE_TOP_KEY:
        for (size_t i = 0; top_key_name(i); i++)
            offer(o, "", top_key_name(i));
        break;
    case COMPLETE_NETWORK: offer_networks(sh, o, 0); break;
    case COMPLETE_NETWORK_ACTIVE: offer_networks(sh, o, VMGR_NETWORK_LIST_ACTIVE); break;
    case COMPLETE_NETWORK_INACTIVE: offer_networks(sh, o, VMGR_NETWORK_LIST_INACTIVE); break;
    case COMPLETE_NETWORK_PERSISTENT: offer_networks(sh, o, VMGR_NETWORK_LIST_PERSISTENT); break;
    case COMPLETE_NETWORK_PORT: offer_ports(sh, o); break;
    case COMPLETE_NETWORK_UPDATE_COMMAND:
        for (size_t i = 0; net_update_command_name(i); i++)
            offer(o, "", net_update_command_name(i));
        break;
    case COMPLETE_NETWORK_UPDATE_SECTION:
        for (size_t i = 0; net_update_section_name(i); i++)
            offer(o, "", net_update_section_name(i));
        break;
    case COMPLETE_NETWORK_EVENT: offer(o, "", "lifecycle"); break;
    case COMPLETE_INTERFACE: offer_interfaces(sh, o); break;
    case COMPLETE_NODEDEV: offer_nodedevs(sh, o); break;
    case COMPLETE_NODEDEV_CAP:
        for (unsigned i = 0; vmgr_nodedev_cap_name(i); i++)
            offer(o, "", vmgr_nodedev_cap_name(i));
        break;
    case COMPLETE_NODEDEV_EVENT:
        offer(o, "", "lifecycle");
        offer(o, "", "update");
        break;
    case COMPLETE_NWFILTER: offer_nwfilters(sh, o); break;
    case COMPLETE_NWFILTER_BINDING: offer_bindings(sh, o); break;
    case COMPLETE_POOL: offer_pools(sh, o, 0); break;
    case COMPLETE_POOL_ACTIVE: offer_pools(sh, o, VMGR_POOL_LIST_ACTIVE); break;
    case COMPLETE_POOL_INACTIVE: offer_pools(sh, o, VMGR_POOL_LIST_INACTIVE); break;
    case COMPLETE_POOL_PERSISTENT: offer_pools(sh, o, VMGR_POOL_LIST_PERSISTENT); break;
    case COMPLETE_POOL_EVENT:
        offer(o, "", "lifecycle");
        offer(o, "", "refresh");
        break;
    case COMPLETE_POOL_TYPE:
        for (size_t i = 0; pool_type_name(i); i++)
            offer(o, "", pool_type_name(i));
        break;
    case COMPLETE_VOLUME: offer_volumes(sh, o); break;
    case COMPLETE_WIPE_ALGORITHM:
        for (size_t i = 0; wipe_algorithm_name(i); i++)
            offer(o, "", wipe_algorithm_name(i));
        break;
    }
}

static const struct opt *opt_find(const struct cmd *cmd, const char *word)
{
    return opt_find_n(cmd, word, strlen(word));
}

static bool was_given(const struct cmd *cmd, const struct opt *opt, char *const *words,
                      size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (opt_find_n(cmd, words[i], strcspn(words[i], "=")) == opt)
            return true;
    return false;
}

/* The positional option whose turn it is after these words. */
static const struct opt *opt_next_positional(const struct cmd *cmd, char *const *words,
                                             size_t count)
{
    size_t filled = 0;
    for (size_t i = 1; i < count; i++) {
        const struct opt *o = opt_find_n(cmd, words[i], strcspn(words[i], "="));
        if (o && o->type != OPT_BOOL && !strchr(words[i], '='))
            i++;
        else if (!o)
            filled++;
    }
    for (const struct opt *o = cmd->opts; o && o->name; o++) {
        if (o->type == OPT_ARGV)
            return o;
        if (o->type != OPT_BOOL && !o->named && !was_given(cmd, o, words, count) && filled-- == 0)
            return o;
    }
    return NULL;
}

static void offer_for_command(struct shell *sh, struct offers *o, const struct cmd *cmd,
                              char *const *words, size_t count)
{
    const struct opt *before = opt_find(cmd, words[count - 1]);
    o->cmd = cmd;
    o->words = words;
    o->word_count = count;
    if (count > 1 && before && before->type != OPT_BOOL) {
        offer_values(sh, o, before->completer);
        return;
    }
    const char *equals = strchr(o->prefix, '=');
    if (equals) {
        const struct opt *named = opt_find_n(cmd, o->prefix, (size_t)(equals - o->prefix));
        if (!named || named->type == OPT_BOOL)
            return;
        free(o->option);
        o->option = must_printf("%.*s", (int)(equals + 1 - o->prefix), o->prefix);
        o->prefix = equals + 1;
        offer_values(sh, o, named->completer);
        return;
    }
    if (o->prefix[0] == '-') {
        for (const struct opt *opt = cmd->opts; opt && opt->name; opt++)
            if (!was_given(cmd, opt, words, count) && !(opt->type == OPT_ARGV && opt->named))
                offer(o, "--", opt->name);
        return;
    }
    const struct opt *next = opt_next_positional(cmd, words, count);
    if (next)
        offer_values(sh, o, next->completer);
}

char **complete_line(struct shell *sh, const char *line, size_t start)
{
    struct offers o = { .prefix = line + start, .option = must_strdup("") };
    char *head = must_printf("%.*s", (int)start, line);
    const char *at = head, *error;
    char **words = NULL, **last = NULL;
    size_t count = 0, last_count = 0;
    o.items = must_alloc(sizeof(*o.items));
    o.room = 1;
    /* only the command the cursor is in */
    while (lexer_next(&at, &words, &count, &error) > 0) {
        words_free(last);
        last = words;
        last_count = count;
        if (!*at)
            break;
    }
    bool fresh = !last_count || (start && strchr(";\n", head[start - 1]));
    const struct cmd *cmd = fresh ? NULL : cmd_find(last[0]);
    if (fresh)
        offer_commands(&o);
    else if (cmd)
        offer_for_command(sh, &o, cmd, last, last_count);
    words_free(last);
    free(head);
    free(o.option);
    return o.items;
}
