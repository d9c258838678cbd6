/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a server offers: vemu_nbd_list().
 */
#include <errno.h>
#include <glib.h>
#include <vemu/nbd.h>

#include "image/nbd/handshake.h"
#include "image/nbd/proto.h"

#define TIMEOUT_MS  10000u
#define EXPORTS_MAX 10000u

struct names {
    GPtrArray *names, *descriptions;
};

static int collect(void *data, const char *name, const char *description)
{
    struct names *names = data;

    g_ptr_array_add(names->names, g_strdup(name));
    g_ptr_array_add(names->descriptions, g_strdup(description));
    return names->names->len < EXPORTS_MAX ? 0 : -E2BIG;
}

static int tell(struct nbd_handshake *handshake, const struct names *names,
                int (*each)(void *data, const char *name, const char *description, uint64_t size,
                            uint32_t flags),
                void *data)
{
    bool ask = true;
    int r = 0;

    for (guint i = 0; i < names->names->len && r == 0; i++) {
        const char *name = names->names->pdata[i], *description = names->descriptions->pdata[i];
        struct nbd_export info = { 0 };

        /* a refusal concerns this export; without the option there is no sense in more */
        if (ask && strlen(name) <= NBD_MAX_STRING) {
            r = vemu__nbd_handshake_info(handshake, name, &info, NULL);
            ask = r != 0 && r != -ECONNRESET && r != -EPROTO && r != -ETIMEDOUT;
        }
        if (info.description && !*description)
            description = info.description;
        r = each(data, name, description, r > 0 ? info.size : UINT64_MAX, r > 0 ? info.flags : 0);
        vemu__nbd_export_clear(&info);
    }
    return r;
}

int vemu_nbd_list(const char *address, const char *tls_creds,
                  int (*each)(void *data, const char *name, const char *description, uint64_t size,
                              uint32_t flags),
                  void *data, struct vemu_error **err)
{
    struct names names = { g_ptr_array_new_with_free_func(g_free),
                           g_ptr_array_new_with_free_func(g_free) };
    struct nbd_address where = { 0 };
    struct nbd_handshake handshake;
    int r = vemu__nbd_address_parse(&where, address, err);

    if (r >= 0 && tls_creds) {
        g_free(where.tls_creds);
        where.tls_creds = g_strdup(tls_creds);
        where.tls = true;
    }
    if (r >= 0)
        r = vemu__nbd_handshake_start(&handshake, &where, TIMEOUT_MS, err);
    if (r >= 0) {
        r = vemu__nbd_handshake_list(&handshake, collect, &names, err);
        if (r == -E2BIG)
            vemu__error_set(err, E2BIG, "the server has more than %u exports", EXPORTS_MAX);
        if (r >= 0)
            r = tell(&handshake, &names, each, data);
        vemu__nbd_handshake_end(&handshake, false);
    }
    vemu__nbd_address_clear(&where);
    g_ptr_array_free(names.names, TRUE);
    g_ptr_array_free(names.descriptions, TRUE);
    return r;
}
