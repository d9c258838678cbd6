/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of domains with what each is doing.
 */
#include "operation.h"

struct vmgr_domain_entry *vmgr_domain_entries_free(struct vmgr_domain_entry *entries)
{
    for (struct vmgr_domain_entry *e = entries; e && e->domain; e++)
        vmgr_domain_unref(e->domain);
    g_free(entries);
    return NULL;
}

/* For drivers that know no shorter way. A domain that has gone meanwhile is left out. */
static int ask_each(struct vmgr_conn *conn, uint32_t flags, GArray *ret, struct vmgr_error **err)
{
    struct vmgr_domain **domains;

    if (vmgr_domain_list(conn, flags, &domains, err) < 0)
        return -1;
    for (struct vmgr_domain **d = domains; *d; d++) {
        struct vmgr_domain_entry e = { .domain = *d, .id = vmgr_domain_get_id(*d, NULL) };
        int state, reason;

        if (e.id < 0 || vmgr_domain_get_state(*d, 0, &state, &reason, NULL) < 0)
            continue;
        vmgr_domain_ref(e.domain);
        e.state = state;
        e.reason = reason;
        g_array_append_val(ret, e);
    }
    vmgr_domain_list_free(domains);
    return 0;
}

int vmgr_domain_list_entries(struct vmgr_conn *conn, uint32_t flags,
                             struct vmgr_domain_entry **ret_entries, struct vmgr_error **err)
{
    GArray *list;
    int n;

    NEED(conn, domain_list, "virConnectListAllDomains");
    if (vmgr__check_flags(flags, 0xffff, "virConnectListAllDomains", err) < 0)
        return -1;
    list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_domain_entry));
    n = conn->driver->domain_list_entries
            ? conn->driver->domain_list_entries(conn, flags, list, err)
            : ask_each(conn, flags, list, err);
    if (n == 0)
        n = (int)list->len;
    *ret_entries = (struct vmgr_domain_entry *)(void *)g_array_free(list, FALSE);
    if (n < 0)
        *ret_entries = vmgr_domain_entries_free(*ret_entries);
    return n;
}
