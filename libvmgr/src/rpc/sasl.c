/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SASL exchanges and their security layers.
 *
 * Over TLS a mechanism proves who the client is, and nothing more; mechanisms that send the
 * password are fine there. Without TLS the mechanism has to protect the bytes that follow.
 */
#include "sasl.h"

#include <errno.h>
#include <sasl/sasl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SERVICE    "libvirt" /* names of keys and digests are made with it */
#define BUFFER_MAX 65536u
#define CALLBACKS  5

struct vmgr__sasl {
    struct vmgr__layer layer; /* first; once there is one */
    GMutex lock;              /* of what follows, once there is a layer */
    sasl_conn_t *conn;
    sasl_callback_t callbacks[CALLBACKS];
    bool server;
    unsigned least_strength;
    char *mechanisms, *database;
    vmgr__sasl_ask_fn ask;
    void *ask_data;
    char *user;
    sasl_secret_t *secret;
    GByteArray *decoded;
    size_t decoded_taken;
    GByteArray *encoded; /* not yet sent, of that many bytes that came */
    size_t encoded_sent, encoded_of;
};

/* ---- the library ---- */

static void *mutex_new(void)
{
    GMutex *m = g_new0(GMutex, 1);

    g_mutex_init(m);
    return m;
}

static int mutex_lock(void *m)
{
    g_mutex_lock(m);
    return SASL_OK;
}

static int mutex_unlock(void *m)
{
    g_mutex_unlock(m);
    return SASL_OK;
}

static void mutex_free(void *m)
{
    g_mutex_clear(m);
    g_free(m);
}

/* It would write to syslog. */
static int no_log(void *context, int level, const char *message)
{
    (void)context;
    (void)level;
    (void)message;
    return SASL_OK;
}

#define AS_CALLBACK(fn) ((int (*)(void))(void (*)(void))(fn))

static int library_init(bool server)
{
    static const sasl_callback_t callbacks[] = { { SASL_CB_LOG, AS_CALLBACK(no_log), NULL },
                                                 { SASL_CB_LIST_END, NULL, NULL } };
    static GMutex lock;
    static bool mutexes, done[2];
    int r = SASL_OK;

    g_mutex_lock(&lock);
    if (!mutexes)
        sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock, mutex_free);
    mutexes = true;
    if (!done[server])
        r = server ? sasl_server_init(callbacks, SERVICE) : sasl_client_init(callbacks);
    done[server] = r == SASL_OK;
    g_mutex_unlock(&lock);
    return r;
}

/* ---- what a mechanism asks for ---- */

static int get_option(void *context, const char *plugin, const char *option, const char **result,
                      unsigned *length)
{
    const struct vmgr__sasl *s = context;

    (void)plugin;
    *result = strcmp(option, "mech_list") == 0     ? s->mechanisms
              : strcmp(option, "sasldb_path") == 0 ? s->database
                                                   : NULL;
    if (*result && length)
        *length = (unsigned)strlen(*result);
    return *result ? SASL_OK : SASL_FAIL;
}

static int get_user(void *context, int id, const char **result, unsigned *length)
{
    struct vmgr__sasl *s = context;

    (void)id;
    if (!s->user)
        s->user = s->ask ? s->ask(s->ask_data, VMGR__SASL_USER) : NULL;
    *result = s->user;
    if (s->user && length)
        *length = (unsigned)strlen(s->user);
    return s->user ? SASL_OK : SASL_FAIL;
}

static int get_secret(sasl_conn_t *conn, void *context, int id, sasl_secret_t **result)
{
    struct vmgr__sasl *s = context;
    char *text = s->ask ? s->ask(s->ask_data, VMGR__SASL_PASSWORD) : NULL;
    const size_t size = text ? strlen(text) : 0;

    (void)conn;
    (void)id;
    if (!text)
        return SASL_FAIL;
    free(s->secret);
    s->secret = malloc(sizeof(*s->secret) + size);
    if (s->secret) {
        s->secret->len = size;
        memcpy(s->secret->data, text, size + 1);
    }
    explicit_bzero(text, size);
    free(text);
    *result = s->secret;
    return s->secret ? SASL_OK : SASL_NOMEM;
}

/* ---- beginning and end ---- */

static int fail(struct vmgr__sasl *s, int r, const char *what, char **err)
{
    *err = g_strdup_printf("%s: %s", what,
                           s->conn ? sasl_errdetail(s->conn) : sasl_errstring(r, NULL, NULL));
    return -1;
}

static int set_properties(struct vmgr__sasl *s, const struct vmgr__sasl_options *o)
{
    const sasl_ssf_t outside = o->tls_strength;
    sasl_security_properties_t p = { .maxbufsize = BUFFER_MAX,
                                     .security_flags = SASL_SEC_NOANONYMOUS };
    int r = SASL_OK;

    if (o->tls_strength) {
        r = sasl_setprop(s->conn, SASL_SSF_EXTERNAL, &outside);
    } else {
        p.min_ssf = o->least_strength;
        p.max_ssf = 100000;
        p.security_flags |= SASL_SEC_NOPLAINTEXT;
    }
    return r == SASL_OK ? sasl_setprop(s->conn, SASL_SEC_PROPS, &p) : r;
}

struct vmgr__sasl *vmgr__sasl_new(const struct vmgr__sasl_options *o, char **err)
{
    struct vmgr__sasl *s = g_new0(struct vmgr__sasl, 1);
    int r = library_init(o->server);

    g_mutex_init(&s->lock);
    s->server = o->server;
    s->least_strength = o->tls_strength ? 0 : o->least_strength;
    s->mechanisms = g_strdup(o->mechanisms);
    s->database = g_strdup(o->database);
    s->ask = o->ask;
    s->ask_data = o->ask_data;
    s->decoded = g_byte_array_new();
    s->encoded = g_byte_array_new();
    s->callbacks[0] = (sasl_callback_t){ SASL_CB_GETOPT, AS_CALLBACK(get_option), s };
    s->callbacks[1] = (sasl_callback_t){ SASL_CB_LOG, AS_CALLBACK(no_log), NULL };
    s->callbacks[2] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
    if (!o->server) {
        s->callbacks[2] = (sasl_callback_t){ SASL_CB_AUTHNAME, AS_CALLBACK(get_user), s };
        s->callbacks[3] = (sasl_callback_t){ SASL_CB_PASS, AS_CALLBACK(get_secret), s };
        s->callbacks[4] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
    }
    if (r == SASL_OK)
        r = o->server ? sasl_server_new(SERVICE, NULL, NULL, o->local, o->remote, s->callbacks,
                                        SASL_SUCCESS_DATA, &s->conn)
                      : sasl_client_new(SERVICE, o->host ? o->host : "localhost", o->local,
                                        o->remote, s->callbacks, SASL_SUCCESS_DATA, &s->conn);
    if (r == SASL_OK)
        r = set_properties(s, o);
    if (r != SASL_OK) {
        fail(s, r, "cannot begin SASL", err);
        vmgr__sasl_free(s);
        return NULL;
    }
    return s;
}

void vmgr__sasl_free(struct vmgr__sasl *s)
{
    if (!s)
        return;
    if (s->conn)
        sasl_dispose(&s->conn);
    if (s->secret)
        explicit_bzero(s->secret->data, s->secret->len);
    free(s->secret);
    free(s->user);
    g_free(s->mechanisms);
    g_free(s->database);
    g_byte_array_unref(s->decoded);
    g_byte_array_unref(s->encoded);
    g_mutex_clear(&s->lock);
    g_free(s);
}

/* ---- the exchange ---- */

const char *vmgr__sasl_mechanisms(struct vmgr__sasl *s, char **err)
{
    const char *list = NULL;
    int count = 0;
    const int r = sasl_listmech(s->conn, NULL, "", ",", "", &list, NULL, &count);

    if (r == SASL_OK && count > 0)
        return list;
    if (r == SASL_OK)
        *err = g_strdup("no mechanism of SASL is strong enough and configured");
    else
        fail(s, r, "cannot list mechanisms of SASL", err);
    return NULL;
}

int vmgr__sasl_turn(struct vmgr__sasl *s, const char *mechanism, const char **ret_mechanism,
                    const char *in, size_t in_size, const char **ret_out, size_t *ret_out_size,
                    char **err)
{
    const unsigned n = (unsigned)in_size;
    unsigned out_size = 0;
    int r;

    *ret_out = NULL;
    if (s->server && mechanism)
        r = sasl_server_start(s->conn, mechanism, in, n, ret_out, &out_size);
    else if (s->server)
        r = sasl_server_step(s->conn, in, n, ret_out, &out_size);
    else if (mechanism)
        r = sasl_client_start(s->conn, mechanism, NULL, ret_out, &out_size, ret_mechanism);
    else
        r = sasl_client_step(s->conn, in, n, NULL, ret_out, &out_size);
    *ret_out_size = out_size;
    if (r != SASL_OK && r != SASL_CONTINUE)
        return fail(s, r, "SASL", err);
    return r == SASL_OK;
}

static unsigned strength(struct vmgr__sasl *s)
{
    const void *value = NULL;

    return sasl_getprop(s->conn, SASL_SSF, &value) == SASL_OK && value ? *(const sasl_ssf_t *)value
                                                                       : 0;
}

int vmgr__sasl_check(struct vmgr__sasl *s, char **err)
{
    if (strength(s) >= s->least_strength)
        return 0;
    *err = g_strdup_printf("SASL would protect the connection with %u bits, %u are wanted",
                           strength(s), s->least_strength);
    return -1;
}

const char *vmgr__sasl_user(struct vmgr__sasl *s)
{
    const void *value = NULL;

    return sasl_getprop(s->conn, SASL_USERNAME, &value) == SASL_OK && value ? value : "";
}

/* ---- the layer ---- */

static ssize_t take_decoded(struct vmgr__sasl *s, void *buf, size_t size)
{
    const size_t n = MIN(size, s->decoded->len - s->decoded_taken);

    memcpy(buf, s->decoded->data + s->decoded_taken, n);
    s->decoded_taken += n;
    if (s->decoded_taken == s->decoded->len) {
        g_byte_array_set_size(s->decoded, 0);
        s->decoded_taken = 0;
    }
    return (ssize_t)n;
}

static ssize_t recv_decoded(struct vmgr__sasl *s, int fd, void *buf, size_t size)
{
    char raw[16384];

    while (!s->decoded->len) {
        const ssize_t n = recv(fd, raw, sizeof(raw), MSG_DONTWAIT);
        const char *plain = NULL;
        unsigned plain_size = 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        if (sasl_decode(s->conn, raw, (unsigned)n, &plain, &plain_size) != SASL_OK)
            return -EPROTO;
        if (plain_size)
            g_byte_array_append(s->decoded, (const guint8 *)plain, plain_size);
    }
    return take_decoded(s, buf, size);
}

static ssize_t send_encoded(struct vmgr__sasl *s, int fd, const void *buf, size_t size)
{
    const void *max = NULL;
    const char *secret = NULL;
    unsigned secret_size = 0;

    if (!s->encoded->len) {
        sasl_getprop(s->conn, SASL_MAXOUTBUF, &max);
        s->encoded_of = MIN(size, max ? *(const unsigned *)max : 1024u);
        if (!s->encoded_of ||
            sasl_encode(s->conn, buf, (unsigned)s->encoded_of, &secret, &secret_size) != SASL_OK)
            return -EPROTO;
        g_byte_array_append(s->encoded, (const guint8 *)secret, secret_size);
        s->encoded_sent = 0;
    }
    while (s->encoded_sent < s->encoded->len) {
        const ssize_t n = send(fd, s->encoded->data + s->encoded_sent,
                               s->encoded->len - s->encoded_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        s->encoded_sent += (size_t)n;
    }
    g_byte_array_set_size(s->encoded, 0);
    return (ssize_t)s->encoded_of;
}

static ssize_t layer_recv(struct vmgr__layer *layer, int fd, void *buf, size_t size)
{
    struct vmgr__sasl *s = (struct vmgr__sasl *)layer;
    ssize_t n;

    g_mutex_lock(&s->lock);
    n = recv_decoded(s, fd, buf, size);
    g_mutex_unlock(&s->lock);
    return n;
}

static ssize_t layer_send(struct vmgr__layer *layer, int fd, const void *buf, size_t size)
{
    struct vmgr__sasl *s = (struct vmgr__sasl *)layer;
    ssize_t n;

    g_mutex_lock(&s->lock);
    n = send_encoded(s, fd, buf, size);
    g_mutex_unlock(&s->lock);
    return n;
}

static bool layer_pending(struct vmgr__layer *layer)
{
    struct vmgr__sasl *s = (struct vmgr__sasl *)layer;
    bool pending;

    g_mutex_lock(&s->lock);
    pending = s->decoded->len > 0;
    g_mutex_unlock(&s->lock);
    return pending;
}

static void layer_free(struct vmgr__layer *layer)
{
    vmgr__sasl_free((struct vmgr__sasl *)layer);
}

struct vmgr__layer *vmgr__sasl_layer(struct vmgr__sasl *s)
{
    static const struct vmgr__layer_ops ops = {
        .recv = layer_recv, .send = layer_send, .pending = layer_pending, .free = layer_free
    };

    if (strength(s) == 0)
        return NULL;
    s->layer.ops = &ops;
    return &s->layer;
}
