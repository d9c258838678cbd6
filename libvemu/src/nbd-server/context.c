/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Negotiating contexts of NBD_CMD_BLOCK_STATUS: base:allocation, qemu:allocation-depth,
 * qemu:dirty-bitmap:NAME.
 */
#include <errno.h>
#include <string.h>

#include "nbd-server/server.h"

#define QUERIES_MAX 128u

struct text {
    const char *at;
    uint32_t size;
};

/* Takes a string with its length from `data`. */
static bool take_text(const uint8_t **data, uint32_t *left, struct text *ret)
{
    if (*left < 4)
        return false;
    ret->size = be_get32(*data);
    if (ret->size > NBD_MAX_STRING || ret->size > *left - 4)
        return false;
    ret->at = (const char *)*data + 4;
    *data += 4 + ret->size;
    *left -= 4 + ret->size;
    return true;
}

/* In a list, a name that ends in a colon stands for all that begin so. */
static bool matches(const char *name, const struct text *query, bool list)
{
    if (query->size == strlen(name) && !memcmp(query->at, name, query->size))
        return true;
    return list && query->size && query->at[query->size - 1] == ':' && query->size < strlen(name) &&
           !memcmp(query->at, name, query->size);
}

static int send_contexts(struct nbd_session *session, const struct nbd_server_export *export,
                         uint32_t option, uint64_t mask)
{
    bool list = option == NBD_OPT_LIST_META_CONTEXT;
    int r = 0;

    for (unsigned i = 0; i < NBD_CONTEXTS && r >= 0; i++) {
        g_autofree char *name = mask >> i & 1 ? vemu__nbd_context_name(export, i) : NULL;
        g_autofree uint8_t *data = NULL;
        size_t size;

        if (!name)
            continue;
        size = strlen(name);
        data = g_malloc(4 + size);
        be_put32(data, list ? 0 : i);
        memcpy(data + 4, name, size);
        r = vemu__nbd_option_reply(session, option, NBD_REP_META_CONTEXT, data, 4 + size);
    }
    return r < 0 ? r : vemu__nbd_option_reply(session, option, NBD_REP_ACK, NULL, 0);
}

/* The contexts that queries name. False: the message is malformed. */
static bool read_queries(const struct nbd_server_export *export, const uint8_t *data, uint32_t left,
                         bool list, uint64_t *ret)
{
    uint32_t count = left >= 4 ? be_get32(data) : UINT32_MAX;

    *ret = list && count == 0 ? UINT64_MAX : 0;
    if (count > QUERIES_MAX)
        return false;
    data += 4;
    left -= 4;
    while (count--) {
        struct text query;

        if (!take_text(&data, &left, &query))
            return false;
        for (unsigned i = 0; i < NBD_CONTEXTS; i++) {
            g_autofree char *name = vemu__nbd_context_name(export, i);

            if (name && matches(name, &query, list))
                *ret |= 1ull << i;
        }
    }
    return left == 0;
}

/* Chosen contexts hold on to their export, so that its bitmaps are those that were named. */
static void remember(struct nbd_session *session, struct nbd_server_export *export, uint64_t mask)
{
    struct nbd_server_export *before = session->contexts_of;

    session->contexts = mask;
    pthread_mutex_lock(&session->server->lock);
    session->contexts_of = export;
    pthread_mutex_unlock(&session->server->lock);
    vemu__nbd_session_unuse(session, before);
}

int vemu__nbd_negotiate_contexts(struct nbd_session *session, uint32_t option, const uint8_t *data,
                                 uint32_t size)
{
    bool set = option == NBD_OPT_SET_META_CONTEXT;
    struct nbd_server_export *export;
    struct text name;
    uint64_t mask;
    int r;

    if (set)
        remember(session, NULL, 0);
    if (set && !session->structured)
        return vemu__nbd_option_error(session, option, NBD_REP_ERR_INVALID,
                                      "contexts need structured replies");
    if (!take_text(&data, &size, &name))
        return vemu__nbd_option_error(session, option, NBD_REP_ERR_INVALID,
                                      "the length of the name is wrong");
    export = vemu__nbd_session_use(session, name.at, name.size);
    if (!export)
        return vemu__nbd_option_error(session, option, NBD_REP_ERR_UNKNOWN, "");
    if (!read_queries(export, data, size, !set, &mask))
        r = vemu__nbd_option_error(session, option, NBD_REP_ERR_INVALID,
                                   "the queries are malformed, or too many");
    else
        r = send_contexts(session, export, option, mask);
    if (r >= 0 && set)
        remember(session, export, mask);
    else
        vemu__nbd_session_unuse(session, export);
    return r;
}
