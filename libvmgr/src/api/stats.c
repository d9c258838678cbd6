/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics: the public calls, and the list that drivers fill.
 */
#include "../driver/stats.h"

#include <string.h>

#include "operation.h"

void vmgr__stat_add(GArray *list, int type, uint64_t number, const char *name, ...)
{
    struct vmgr_stat stat = { .type = type, .number = number };
    va_list ap;

    va_start(ap, name);
    stat.name = g_strdup_vprintf(name, ap);
    va_end(ap);
    g_array_append_val(list, stat);
}

void vmgr__stat_add_text(GArray *list, const char *text, const char *name, ...)
{
    struct vmgr_stat stat = { .type = VMGR_STAT_STRING, .text = g_strdup(text) };
    va_list ap;

    va_start(ap, name);
    stat.name = g_strdup_vprintf(name, ap);
    va_end(ap);
    g_array_append_val(list, stat);
}

struct vmgr_stat *vmgr_stats_free(struct vmgr_stat *stats)
{
    for (struct vmgr_stat *s = stats; s && s->name; s++) {
        g_free((char *)s->name);
        g_free((char *)s->text);
    }
    g_free(stats);
    return NULL;
}

struct vmgr_stat *vmgr__stats_copy(const struct vmgr_stat *stats)
{
    struct vmgr_stat *copy;
    size_t n = 0;

    if (!stats)
        return NULL;
    while (stats[n].name)
        n++;
    copy = g_new0(struct vmgr_stat, n + 1);
    for (size_t i = 0; i < n; i++) {
        copy[i] = stats[i];
        copy[i].name = g_strdup(stats[i].name);
        copy[i].text = g_strdup(stats[i].text);
    }
    return copy;
}

const struct vmgr_stat *vmgr_stats_find(const struct vmgr_stat *stats, const char *name)
{
    for (const struct vmgr_stat *s = stats; s && s->name; s++) {
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

int vmgr_domain_get_stats(struct vmgr_domain *domain, uint32_t groups, uint32_t flags,
                          struct vmgr_stat **ret_stats, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    uint32_t known = conn->driver->stats_groups;
    GArray *list;
    int n;

    NEED(conn, domain_get_stats, "virConnectGetAllDomainStats");
    if (vmgr__check_flags(flags, VMGR_STATS_NOWAIT | VMGR_STATS_ENFORCE,
                          "virConnectGetAllDomainStats", err) < 0)
        return -1;
    if (flags & VMGR_STATS_ENFORCE && groups & ~known)
        return vmgr__error_set(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, conn->driver->error_domain,
                               "Stats types bits 0x%x are not supported by this daemon",
                               groups & ~known);
    list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
    n = conn->driver->domain_get_stats(domain, groups ? groups & known : known, flags, list, err);
    if (n == 0)
        n = (int)list->len;
    *ret_stats = (struct vmgr_stat *)(void *)g_array_free(list, FALSE);
    if (n < 0)
        *ret_stats = vmgr_stats_free(*ret_stats);
    return n;
}
