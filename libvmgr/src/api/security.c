/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access control of the host, and what it calls guests: the public calls, which check and pass on
 * to the driver.
 */
#include "operation.h"

int vmgr_conn_get_security_model(struct vmgr_conn *conn, struct vmgr_security_model *ret_model,
                                 struct vmgr_error **err)
{
    NEED(conn, get_security_model, "virNodeGetSecurityModel");
    if (ret_model->size < sizeof(*ret_model))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE,
                               "size of struct vmgr_security_model is not set");
    return conn->driver->get_security_model(conn, ret_model, err);
}

int vmgr_domain_get_security_label(struct vmgr_domain *domain,
                                   struct vmgr_security_label *ret_label, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED(conn, domain_get_security_label, "virDomainGetSecurityLabel");
    if (ret_label->size < sizeof(*ret_label))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "size of struct vmgr_security_label is not set");
    return conn->driver->domain_get_security_label(domain, ret_label, err);
}

struct vmgr_security_label *vmgr__security_label_new(const char *text, bool enforcing)
{
    struct vmgr_security_label *label = g_new0(struct vmgr_security_label, 1);

    label->size = sizeof(*label);
    label->enforcing = enforcing;
    g_strlcpy(label->label, text, sizeof(label->label));
    return label;
}

struct vmgr_security_label **vmgr_security_labels_free(struct vmgr_security_label **labels)
{
    for (struct vmgr_security_label **l = labels; l && *l; l++)
        g_free(*l);
    g_free(labels);
    return NULL;
}

int vmgr_domain_get_security_labels(struct vmgr_domain *domain,
                                    struct vmgr_security_label ***ret_labels,
                                    struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    int n;

    NEED(conn, domain_get_security_labels, "virDomainGetSecurityLabelList");
    if (conn->driver->domain_get_security_labels(domain, list, err) < 0)
        return -1;
    n = (int)list->len;
    g_ptr_array_add(list, NULL);
    g_ptr_array_set_free_func(list, NULL);
    *ret_labels = (struct vmgr_security_label **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
    return n;
}
