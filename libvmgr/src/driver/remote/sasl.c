/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SASL for a connection to a daemon. Names and passwords come from a file, as libvirt's clients
 * have it (auth.conf), or from the program's callback.
 */
#include "../../rpc/sasl.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../rpc/tls.h"
#include "remote.h"

#define LEAST_STRENGTH 56 /* bits, of a mechanism that must protect plain TCP */
#define TURNS_MAX      100

/* [credentials-X] and, by service and host, [auth-libvirt-HOST] with credentials=X. */
static char *from_file(const char *file, const char *host, const char *key)
{
    g_autoptr(GKeyFile) f = g_key_file_new();
    g_autofree char *group = g_strdup_printf("auth-libvirt-%s", host);
    g_autofree char *name = NULL, *credentials = NULL, *text = NULL;

    if (!g_key_file_load_from_file(f, file, G_KEY_FILE_NONE, NULL))
        return NULL;
    name = g_key_file_get_string(f, group, "credentials", NULL);
    if (!name)
        name = g_key_file_get_string(f, "auth-libvirt-default", "credentials", NULL);
    if (!name)
        return NULL;
    credentials = g_strdup_printf("credentials-%s", name);
    text = g_key_file_get_string(f, credentials, key, NULL);
    return text ? strdup(text) : NULL;
}

static char *from_files(const struct vmgr__remote_uri *u, const char *key)
{
    g_autofree char *own = g_build_filename(g_get_user_config_dir(), "libvirt", "auth.conf", NULL);
    const char *const files[] = { own, "/etc/libvirt/auth.conf" };
    const char *host = u->host ? u->host : "localhost";
    char *text = NULL;

    if (u->authfile)
        return from_file(u->authfile, host, key);
    for (size_t i = 0; i < G_N_ELEMENTS(files) && !text; i++)
        text = from_file(files[i], host, key);
    return text;
}

static char *ask(void *data, enum vmgr__sasl_question question)
{
    const struct vmgr__remote *r = data;
    const bool password = question == VMGR__SASL_PASSWORD;
    const struct vmgr_conn_options *o = r->options;
    char *text = NULL;

    if (!password && r->uri.user)
        return strdup(r->uri.user);
    text = from_files(&r->uri, password ? "password" : "authname");
    if (!text && o->auth &&
        o->auth(password ? VMGR_AUTH_PASSWORD : VMGR_AUTH_USERNAME, &text, o->auth_data) < 0)
        text = NULL;
    return text;
}

static char *address(int fd, int (*get)(int fd, struct sockaddr *addr, socklen_t *size))
{
    struct sockaddr_storage addr;
    socklen_t size = sizeof(addr);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (get(fd, (struct sockaddr *)&addr, &size) < 0 || addr.ss_family == AF_UNIX ||
        getnameinfo((struct sockaddr *)&addr, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return NULL;
    return g_strdup_printf("%s;%s", host, port);
}

static struct vmgr__sasl *begin(struct vmgr__remote *r, char **why)
{
    const char *wanted =
        r->uri.auth && g_str_has_prefix(r->uri.auth, "sasl.") ? r->uri.auth + 5 : NULL;
    g_autofree char *local = address(r->fd, getsockname), *remote = address(r->fd, getpeername);
    const struct vmgr__sasl_options o = {
        .host = r->uri.host,
        .local = local,
        .remote = remote,
        /* A unix socket or a tunnel is as good: nobody else reads it. */
        .tls_strength = r->layer                         ? vmgr__tls_strength(r->layer)
                        : r->uri.transport != REMOTE_TCP ? 256
                                                         : 0,
        .least_strength = LEAST_STRENGTH,
        .mechanisms = wanted,
        .ask = ask,
        .ask_data = r,
    };

    return vmgr__sasl_new(&o, why);
}

/* The exchange; the mechanism's words for what goes wrong in *why, a server's in *err. */
static int talk(struct vmgr__remote *r, struct vmgr__sasl *sasl, const char *offered, char **why,
                struct vmgr_error **err)
{
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    struct wire_auth_sasl_start_ret ret = { 0 };
    const char *mechanism = NULL, *out;
    size_t size;
    int done = vmgr__sasl_turn(sasl, offered, &mechanism, NULL, 0, &out, &size, why);
    int result = done < 0 ? -1 : 0;

    for (int turns = 0; result == 0 && !(done && ret.complete); turns++) {
        const struct wire_auth_sasl_start_args start = { .mech = (char *)mechanism,
                                                         .nil = !out,
                                                         .data = { (uint32_t)size, (char *)out } };
        const struct wire_auth_sasl_step_args step = { .nil = !out,
                                                       .data = { (uint32_t)size, (char *)out } };

        if (turns == TURNS_MAX) {
            *why = g_strdup("the server does not come to an end");
            result = -1;
            break;
        }
        vmgr__remote_reply_clear(&reply);
        reply = (struct vmgr__remote_reply)VMGR__REMOTE_REPLY_INIT;
        result = turns == 0 ? vmgr__remote_call(r, WIRE_AUTH_SASL_START, &start, &ret, &reply, err)
                            : vmgr__remote_call(r, WIRE_AUTH_SASL_STEP, &step, &ret, &reply, err);
        if (result == 0 && (!done || !ret.nil)) {
            done = vmgr__sasl_turn(sasl, NULL, NULL, ret.nil ? NULL : ret.data.v, ret.data.n, &out,
                                   &size, why);
            result = done < 0 ? -1 : 0;
        } else {
            out = NULL;
            size = 0;
        }
    }
    vmgr__remote_reply_clear(&reply);
    return result == 0 ? vmgr__sasl_check(sasl, why) : -1;
}

int vmgr__remote_sasl(struct vmgr__remote *r, struct vmgr_error **err)
{
    g_autofree char *why = NULL, *offered = NULL;
    struct vmgr__sasl *sasl;
    struct vmgr__layer *layer = NULL;
    int result = -1;

    if (vmgr__remote_text(r, WIRE_AUTH_SASL_INIT, NULL, &offered, err) < 0)
        return -1;
    /* The server's list has commas; the one mechanism that was asked for is not offered to us. */
    sasl = begin(r, &why);
    if (sasl && r->uri.auth && g_str_has_prefix(r->uri.auth, "sasl.")) {
        g_auto(GStrv) list = g_strsplit(offered, ",", -1);

        g_free(offered);
        offered = NULL;
        for (char **one = list; *one && !offered; one++)
            offered = g_ascii_strcasecmp(*one, r->uri.auth + 5) == 0 ? g_strdup(*one) : NULL;
        if (!offered) {
            why = g_strdup_printf("the server does not offer SASL mechanism '%s'", r->uri.auth + 5);
            g_clear_pointer(&sasl, vmgr__sasl_free);
        }
    }
    if (sasl)
        result = talk(r, sasl, offered, &why, err);
    if (result == 0 && r->uri.transport == REMOTE_TCP)
        layer = vmgr__sasl_layer(sasl);
    if (layer) {
        g_mutex_lock(&r->lock);
        r->layer = layer;
        g_mutex_unlock(&r->lock);
    } else {
        vmgr__sasl_free(sasl);
    }
    if (result < 0 && why)
        vmgr__error_set(err, VMGR_ERR_AUTH_FAILED, VMGR_FROM_REMOTE, "%s", why);
    return result;
}
