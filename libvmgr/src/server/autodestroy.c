/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs that end with the client that started them.
 *
 * The driver ends them with the server; here they end with the client. A run is known by its
 * number: a domain that was stopped and started again since is left alone.
 */
#include "internal.h"

struct autodestroy {
    struct vmgr_domain *dom;
    int id;
};

static void one_free(void *data)
{
    struct autodestroy *one = data;

    vmgr_domain_unref(one->dom);
    g_free(one);
}

void vmgr__autodestroy_add(struct vmgr__call *call, struct vmgr_domain *dom)
{
    struct vmgr__client *c = call->client;
    struct autodestroy *one = g_new0(struct autodestroy, 1);
    bool dead;

    one->dom = vmgr_domain_ref(dom);
    one->id = vmgr_domain_get_id(dom, NULL);
    g_mutex_lock(&c->lock);
    dead = c->dead;
    c->autodestroy = g_slist_prepend(c->autodestroy, one);
    g_mutex_unlock(&c->lock);
    if (dead)
        vmgr__autodestroy_run(c);
}

static gpointer destroy_all(gpointer data)
{
    GSList *list = data;

    for (GSList *l = list; l; l = l->next) {
        struct autodestroy *one = l->data;

        if (one->id > 0 && vmgr_domain_get_id(one->dom, NULL) == one->id)
            vmgr_domain_destroy(one->dom, 0, NULL); /* it may have ended meanwhile */
    }
    g_slist_free_full(list, one_free);
    return NULL;
}

void vmgr__autodestroy_run(struct vmgr__client *c)
{
    GSList *list;
    GThread *thread;

    g_mutex_lock(&c->lock);
    list = g_steal_pointer(&c->autodestroy);
    g_mutex_unlock(&c->lock);
    if (!list)
        return;
    thread = g_thread_try_new("vmgrd-destroy", destroy_all, list, NULL);
    if (thread)
        g_thread_unref(thread);
    else
        destroy_all(list);
}
