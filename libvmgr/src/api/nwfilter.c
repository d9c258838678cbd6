/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network filters: handles, and the public calls, which check and pass on to the driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include "../driver/nwfilter.h"

#include <stdlib.h>
#include <string.h>

#include "../conf/def.h"
#include "operation.h"

struct vmgr_nwfilter {
    gint refs;
    struct vmgr_conn *conn;
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    char uuid_string[VMGR_UUID_STRING_SIZE];
};

struct vmgr_nwfilter *vmgr__nwfilter_new(struct vmgr_conn *conn, const char *name,
                                         const uint8_t uuid[VMGR_UUID_SIZE])
{
    struct vmgr_nwfilter *f = g_new0(struct vmgr_nwfilter, 1);

    *f = (struct vmgr_nwfilter){ .refs = 1, .conn = vmgr_conn_ref(conn), .name = g_strdup(name) };
    memcpy(f->uuid, uuid, VMGR_UUID_SIZE);
    vmgr__uuid_format(uuid, f->uuid_string);
    return f;
}

struct vmgr_nwfilter *vmgr_nwfilter_ref(struct vmgr_nwfilter *filter)
{
    g_atomic_int_inc(&filter->refs);
    return filter;
}

struct vmgr_nwfilter *vmgr_nwfilter_unref(struct vmgr_nwfilter *filter)
{
    if (filter && g_atomic_int_dec_and_test(&filter->refs)) {
        vmgr_conn_unref(filter->conn);
        g_free(filter->name);
        g_free(filter);
    }
    return NULL;
}

static void drop(void *filter)
{
    vmgr_nwfilter_unref(filter);
}

struct vmgr_nwfilter **vmgr_nwfilter_list_free(struct vmgr_nwfilter **filters)
{
    for (struct vmgr_nwfilter **f = filters; f && *f; f++)
        vmgr_nwfilter_unref(*f);
    g_free(filters);
    return NULL;
}

const char *vmgr_nwfilter_get_name(struct vmgr_nwfilter *filter)
{
    return filter->name;
}

void vmgr_nwfilter_get_uuid(struct vmgr_nwfilter *filter, uint8_t ret_uuid[VMGR_UUID_SIZE])
{
    memcpy(ret_uuid, filter->uuid, VMGR_UUID_SIZE);
}

const char *vmgr_nwfilter_get_uuid_string(struct vmgr_nwfilter *filter)
{
    return filter->uuid_string;
}

struct vmgr_conn *vmgr_nwfilter_get_conn(struct vmgr_nwfilter *filter)
{
    return filter->conn;
}

/* ---- calls ---- */

int vmgr_nwfilter_lookup_by_name(struct vmgr_conn *conn, const char *name,
                                 struct vmgr_nwfilter **ret_filter, struct vmgr_error **err)
{
    NEED_IN(conn, nwfilter, lookup, "virNWFilterLookupByName");
    if (!name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NWFILTER, "no name given");
    return conn->driver->nwfilter->lookup(conn, NULL, name, ret_filter, err);
}

int vmgr_nwfilter_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                                 struct vmgr_nwfilter **ret_filter, struct vmgr_error **err)
{
    NEED_IN(conn, nwfilter, lookup, "virNWFilterLookupByUUID");
    return conn->driver->nwfilter->lookup(conn, uuid, NULL, ret_filter, err);
}

int vmgr_nwfilter_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                        struct vmgr_nwfilter **ret_filter, struct vmgr_error **err)
{
    uint8_t bytes[VMGR_UUID_SIZE];

    if (!uuid || !vmgr__uuid_parse(uuid, bytes))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NWFILTER,
                               "uuidstr in virNWFilterLookupByUUIDString must be a valid UUID");
    return vmgr_nwfilter_lookup_by_uuid(conn, bytes, ret_filter, err);
}

int vmgr_nwfilter_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_nwfilter ***ret_filters,
                       struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(drop);
    int n;

    NEED_IN(conn, nwfilter, list, "virConnectListAllNWFilters");
    if (vmgr__check_flags(flags, 0, "virConnectListAllNWFilters", err) < 0 ||
        conn->driver->nwfilter->list(conn, list, err) < 0)
        return -1;
    n = (int)list->len;
    if (ret_filters) {
        g_ptr_array_add(list, NULL);
        g_ptr_array_set_free_func(list, NULL);
        *ret_filters = (struct vmgr_nwfilter **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
    }
    return n;
}

int vmgr_nwfilter_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                             struct vmgr_nwfilter **ret_filter, struct vmgr_error **err)
{
    NEED_IN(conn, nwfilter, define, "virNWFilterDefineXML");
    if (vmgr__need_write(conn, "virNWFilterDefineXML", err) < 0 ||
        vmgr__check_flags(flags, VMGR_NWFILTER_DEFINE_VALIDATE, "virNWFilterDefineXMLFlags", err) <
            0)
        return -1;
    if (flags)
        return vmgr__error_set(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_NWFILTER,
                               "validation against a schema is not available");
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NWFILTER, "no document given");
    return conn->driver->nwfilter->define(conn, xml, ret_filter, err);
}

int vmgr_nwfilter_undefine(struct vmgr_nwfilter *filter, struct vmgr_error **err)
{
    NEED_IN(filter->conn, nwfilter, undefine, "virNWFilterUndefine");
    if (vmgr__need_write(filter->conn, "virNWFilterUndefine", err) < 0)
        return -1;
    return filter->conn->driver->nwfilter->undefine(filter, err);
}

int vmgr_nwfilter_get_xml(struct vmgr_nwfilter *filter, uint32_t flags, char **ret_xml,
                          struct vmgr_error **err)
{
    g_autofree char *text = NULL;

    NEED_IN(filter->conn, nwfilter, get_xml, "virNWFilterGetXMLDesc");
    if (vmgr__check_flags(flags, 0, "virNWFilterGetXMLDesc", err) < 0 ||
        filter->conn->driver->nwfilter->get_xml(filter, &text, err) < 0)
        return -1;
    *ret_xml = strdup(text);
    return *ret_xml ? 0 : vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
}
