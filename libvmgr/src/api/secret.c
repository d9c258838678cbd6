/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secrets: handles, and the public calls, which check and pass on to the driver.
 */
#include "../driver/secret.h"

#include <stdlib.h>
#include <string.h>

#include "../conf/def.h"
#include "give.h"
#include "operation.h"

struct vmgr_secret {
    gint refs;
    struct vmgr_conn *conn;
    uint8_t uuid[VMGR_UUID_SIZE];
    char uuid_string[VMGR_UUID_STRING_SIZE];
    int usage_type;
    char *usage_id;
};

struct vmgr_secret *vmgr__secret_new(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                                     int usage_type, const char *usage_id)
{
    struct vmgr_secret *secret = g_new0(struct vmgr_secret, 1);

    secret->refs = 1;
    secret->conn = vmgr_conn_ref(conn);
    memcpy(secret->uuid, uuid, VMGR_UUID_SIZE);
    vmgr__uuid_format(uuid, secret->uuid_string);
    secret->usage_type = usage_type;
    secret->usage_id = g_strdup(usage_id ? usage_id : "");
    return secret;
}

struct vmgr_secret *vmgr_secret_ref(struct vmgr_secret *secret)
{
    g_atomic_int_inc(&secret->refs);
    return secret;
}

struct vmgr_secret *vmgr_secret_unref(struct vmgr_secret *secret)
{
    if (secret && g_atomic_int_dec_and_test(&secret->refs)) {
        vmgr_conn_unref(secret->conn);
        g_free(secret->usage_id);
        g_free(secret);
    }
    return NULL;
}

struct vmgr_secret **vmgr_secret_list_free(struct vmgr_secret **secrets)
{
    for (struct vmgr_secret **s = secrets; s && *s; s++)
        vmgr_secret_unref(*s);
    free(secrets);
    return NULL;
}

void vmgr_secret_get_uuid(struct vmgr_secret *secret, uint8_t ret_uuid[VMGR_UUID_SIZE])
{
    memcpy(ret_uuid, secret->uuid, VMGR_UUID_SIZE);
}

const char *vmgr_secret_get_uuid_string(struct vmgr_secret *secret)
{
    return secret->uuid_string;
}

int vmgr_secret_get_usage_type(struct vmgr_secret *secret)
{
    return secret->usage_type;
}

const char *vmgr_secret_get_usage_id(struct vmgr_secret *secret)
{
    return secret->usage_id;
}

struct vmgr_conn *vmgr_secret_get_conn(struct vmgr_secret *secret)
{
    return secret->conn;
}

/* ---- checked calls ---- */

/* The driver's table, when it has the operation. */
static const struct vmgr__secret_ops *begin(struct vmgr_conn *conn, bool writes, uint32_t flags,
                                            uint32_t known, const char *function,
                                            struct vmgr_error **err)
{
    if (!conn->driver->secret) {
        vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain, "%s", function);
        return NULL;
    }
    if (writes && conn->read_only) {
        vmgr__error_set(err, VMGR_ERR_OPERATION_DENIED, VMGR_FROM_SECRET,
                        "read only access prevents %s", function);
        return NULL;
    }
    return vmgr__check_flags(flags, known, function, err) < 0 ? NULL : conn->driver->secret;
}

int vmgr_secret_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                               struct vmgr_secret **ret_secret, struct vmgr_error **err)
{
    const struct vmgr__secret_ops *ops = begin(conn, false, 0, 0, "virSecretLookupByUUID", err);

    return ops ? ops->lookup(conn, uuid, 0, NULL, ret_secret, err) : -1;
}

int vmgr_secret_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                      struct vmgr_secret **ret_secret, struct vmgr_error **err)
{
    uint8_t bytes[VMGR_UUID_SIZE];

    if (!vmgr__uuid_parse(uuid, bytes))
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_SECRET,
                                     "uuidstr in virSecretLookupByUUIDString must be a valid UUID");
    return vmgr_secret_lookup_by_uuid(conn, bytes, ret_secret, err);
}

int vmgr_secret_lookup_by_usage(struct vmgr_conn *conn, int usage_type, const char *usage_id,
                                struct vmgr_secret **ret_secret, struct vmgr_error **err)
{
    const struct vmgr__secret_ops *ops = begin(conn, false, 0, 0, "virSecretLookupByUsage", err);

    return ops ? ops->lookup(conn, NULL, usage_type, usage_id, ret_secret, err) : -1;
}

static void drop(void *secret)
{
    vmgr_secret_unref(secret);
}

int vmgr_secret_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_secret ***ret_secrets,
                     struct vmgr_error **err)
{
    const struct vmgr__secret_ops *ops =
        begin(conn, false, flags,
              VMGR_SECRET_LIST_EPHEMERAL | VMGR_SECRET_LIST_NO_EPHEMERAL |
                  VMGR_SECRET_LIST_PRIVATE | VMGR_SECRET_LIST_NO_PRIVATE,
              "virConnectListAllSecrets", err);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(drop);
    int n;

    if (!ops || ops->list(conn, flags, list, err) < 0)
        return -1;
    n = (int)list->len;
    if (!ret_secrets)
        return n;
    *ret_secrets = calloc(list->len + 1, sizeof(**ret_secrets));
    if (!*ret_secrets)
        return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
    for (int i = 0; i < n; i++)
        (*ret_secrets)[i] = vmgr_secret_ref(list->pdata[i]);
    return n;
}

int vmgr_secret_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                           struct vmgr_secret **ret_secret, struct vmgr_error **err)
{
    const struct vmgr__secret_ops *ops = begin(conn, true, flags, 0, "virSecretDefineXML", err);
    struct vmgr_secret *secret = NULL;

    if (!ops || ops->define(conn, xml, &secret, err) < 0)
        return -1;
    if (ret_secret)
        *ret_secret = secret;
    else
        vmgr_secret_unref(secret);
    return 0;
}

int vmgr_secret_undefine(struct vmgr_secret *secret, struct vmgr_error **err)
{
    const struct vmgr__secret_ops *ops = begin(secret->conn, true, 0, 0, "virSecretUndefine", err);

    return ops ? ops->undefine(secret, err) : -1;
}

int vmgr_secret_get_xml(struct vmgr_secret *secret, uint32_t flags, char **ret_xml,
                        struct vmgr_error **err)
{
    const struct vmgr__secret_ops *ops =
        begin(secret->conn, false, flags, 0, "virSecretGetXMLDesc", err);
    char *text = NULL;

    if (!ops || ops->get_xml(secret, &text, err) < 0)
        return -1;
    return vmgr__give_text(text, 0, ret_xml, err);
}

int vmgr_secret_set_value(struct vmgr_secret *secret, const uint8_t *value, size_t size,
                          uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__secret_ops *ops =
        begin(secret->conn, true, flags, 0, "virSecretSetValue", err);

    if (!ops)
        return -1;
    if (size > VMGR_SECRET_VALUE_MAX)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_SECRET,
                               "value of a secret is longer than %d bytes", VMGR_SECRET_VALUE_MAX);
    return ops->set_value(secret, value, size, err);
}

int vmgr_secret_get_value(struct vmgr_secret *secret, uint32_t flags, uint8_t **ret_value,
                          size_t *ret_size, struct vmgr_error **err)
{
    const struct vmgr__secret_ops *ops =
        begin(secret->conn, true, flags, 0, "virSecretGetValue", err);

    return ops ? ops->get_value(secret, ret_value, ret_size, err) : -1;
}
