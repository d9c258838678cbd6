/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Groups of descriptors that clients have associated with domains.
 *
 * The driver keeps a group as long as the server's connection; here it ends with the client that
 * made it last. All clients see all groups.
 */
#include <string.h>
#include <vmgr/files.h>

#include "internal.h"

struct association {
    const struct vmgr__client *client; /* borrowed: a client that goes drops its own */
    struct vmgr_domain *dom;
    char *name;
};

static void association_free(void *data)
{
    struct association *a = data;

    vmgr_domain_unref(a->dom);
    g_free(a->name);
    g_free(a);
}

void vmgr__associations_init(struct vmgr__associations *as)
{
    g_mutex_init(&as->lock);
    as->list = g_ptr_array_new_with_free_func(association_free);
}

void vmgr__associations_fini(struct vmgr__associations *as)
{
    g_ptr_array_unref(as->list);
    g_mutex_clear(&as->lock);
}

static bool is_of(const struct association *a, const uint8_t *uuid, const char *name)
{
    uint8_t its[VMGR_UUID_SIZE];

    vmgr_domain_get_uuid(a->dom, its);
    return strcmp(a->name, name) == 0 && memcmp(its, uuid, VMGR_UUID_SIZE) == 0;
}

/* Whoever made a group of this name before has it no more. */
static void note_locked(struct vmgr__associations *as, const struct vmgr__client *client,
                        struct vmgr_domain *dom, const char *name)
{
    struct association *a = g_new0(struct association, 1);
    uint8_t uuid[VMGR_UUID_SIZE];

    vmgr_domain_get_uuid(dom, uuid);
    for (guint i = as->list->len; i-- > 0;) {
        if (is_of(as->list->pdata[i], uuid, name))
            g_ptr_array_remove_index_fast(as->list, i);
    }
    a->client = client;
    a->dom = vmgr_domain_ref(dom);
    a->name = g_strdup(name);
    g_ptr_array_add(as->list, a);
}

int vmgr__associate(struct vmgr__call *call, struct vmgr_domain *dom, const char *name,
                    uint32_t flags)
{
    struct vmgr__associations *as = &call->server->associations;
    bool dead;
    int r;

    g_mutex_lock(&as->lock);
    r = vmgr_domain_associate_files(dom, name, call->packet->fds, call->packet->n_fds, flags,
                                    &call->err);
    if (r == 0)
        note_locked(as, call->client, dom, name);
    g_mutex_unlock(&as->lock);
    g_mutex_lock(&call->client->lock);
    dead = call->client->dead || !call->client->opened;
    g_mutex_unlock(&call->client->lock);
    if (r == 0 && dead)
        vmgr__associations_drop(call->server, call->client);
    return r;
}

void vmgr__associations_drop(struct vmgr__server *s, const struct vmgr__client *client)
{
    struct vmgr__associations *as = &s->associations;

    g_mutex_lock(&as->lock);
    for (guint i = as->list->len; i-- > 0;) {
        const struct association *a = as->list->pdata[i];

        if (a->client != client)
            continue;
        vmgr_domain_dissociate_files(a->dom, a->name, NULL);
        g_ptr_array_remove_index_fast(as->list, i);
    }
    g_mutex_unlock(&as->lock);
}
