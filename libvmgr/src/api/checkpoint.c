/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints and backups of domains: handles, and the public calls, which check and pass on to the
 * driver.
 */
#include "../driver/checkpoint.h"

#include <stdlib.h>

#include "give.h"
#include "operation.h"

struct vmgr_checkpoint {
    gint refs;
    struct vmgr_domain *domain;
    char *name;
};

/* Takes the name over. */
static struct vmgr_checkpoint *checkpoint_new(struct vmgr_domain *domain, char *name)
{
    struct vmgr_checkpoint *checkpoint = g_new0(struct vmgr_checkpoint, 1);

    checkpoint->refs = 1;
    checkpoint->domain = vmgr_domain_ref(domain);
    checkpoint->name = name;
    return checkpoint;
}

struct vmgr_checkpoint *vmgr_checkpoint_ref(struct vmgr_checkpoint *checkpoint)
{
    g_atomic_int_inc(&checkpoint->refs);
    return checkpoint;
}

struct vmgr_checkpoint *vmgr_checkpoint_unref(struct vmgr_checkpoint *checkpoint)
{
    if (checkpoint && g_atomic_int_dec_and_test(&checkpoint->refs)) {
        vmgr_domain_unref(checkpoint->domain);
        g_free(checkpoint->name);
        g_free(checkpoint);
    }
    return NULL;
}

struct vmgr_checkpoint **vmgr_checkpoint_list_free(struct vmgr_checkpoint **checkpoints)
{
    for (struct vmgr_checkpoint **c = checkpoints; c && *c; c++)
        vmgr_checkpoint_unref(*c);
    free(checkpoints);
    return NULL;
}

const char *vmgr_checkpoint_get_name(struct vmgr_checkpoint *checkpoint)
{
    return checkpoint->name;
}

struct vmgr_domain *vmgr_checkpoint_get_domain(struct vmgr_checkpoint *checkpoint)
{
    return checkpoint->domain;
}

struct vmgr_conn *vmgr_checkpoint_get_conn(struct vmgr_checkpoint *checkpoint)
{
    return vmgr_domain_get_conn(checkpoint->domain);
}

/* ---- checked calls ---- */

/* The driver's table, when it has checkpoints. */
static const struct vmgr__checkpoint_ops *begin(struct vmgr_domain *domain, bool writes,
                                                uint32_t flags, uint32_t known,
                                                const char *function, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    if (!conn->driver->checkpoint) {
        vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain, "%s", function);
        return NULL;
    }
    if ((writes && vmgr__need_write(conn, function, err) < 0) ||
        vmgr__check_flags(flags, known, function, err) < 0)
        return NULL;
    return conn->driver->checkpoint;
}

static int need_text(const char *text, const char *what, const char *function,
                     struct vmgr_error **err)
{
    return text ? 0
                : vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN_CHECKPOINT,
                                  "%s in %s must not be NULL", what, function);
}

int vmgr_checkpoint_create_xml(struct vmgr_domain *domain, const char *xml, uint32_t flags,
                               struct vmgr_checkpoint **ret_checkpoint, struct vmgr_error **err)
{
    static const char function[] = "virDomainCheckpointCreateXML";
    const uint32_t redefine = VMGR_CHECKPOINT_CREATE_REDEFINE,
                   validate = VMGR_CHECKPOINT_CREATE_REDEFINE_VALIDATE;
    const struct vmgr__checkpoint_ops *ops = begin(
        domain, true, flags, redefine | VMGR_CHECKPOINT_CREATE_QUIESCE | validate, function, err);
    char *name = NULL;

    if (!ops || need_text(xml, "xmlDesc", function, err) < 0)
        return -1;
    if ((flags & redefine) && (flags & VMGR_CHECKPOINT_CREATE_QUIESCE))
        return vmgr__error_set_plain(
            err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN_CHECKPOINT,
            "Flags 'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE' and "
            "'VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE' are mutually exclusive");
    if ((flags & validate) && !(flags & redefine))
        return vmgr__error_set_plain(
            err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN_CHECKPOINT,
            "Flag 'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE' is required "
            "by flag 'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE'");
    if (ops->create(domain, xml, flags, &name, err) < 0)
        return -1;
    if (ret_checkpoint)
        *ret_checkpoint = checkpoint_new(domain, name);
    else
        g_free(name);
    return 0;
}

int vmgr_checkpoint_lookup_by_name(struct vmgr_domain *domain, const char *name,
                                   struct vmgr_checkpoint **ret_checkpoint, struct vmgr_error **err)
{
    static const char function[] = "virDomainCheckpointLookupByName";
    const struct vmgr__checkpoint_ops *ops = begin(domain, false, 0, 0, function, err);

    if (!ops || need_text(name, "name", function, err) < 0 || ops->lookup(domain, name, err) < 0)
        return -1;
    *ret_checkpoint = checkpoint_new(domain, g_strdup(name));
    return 0;
}

static int list(struct vmgr_domain *domain, const char *of, uint32_t flags,
                struct vmgr_checkpoint ***ret, const char *function, struct vmgr_error **err)
{
    const uint32_t known = VMGR_CHECKPOINT_LIST_ROOTS | VMGR_CHECKPOINT_LIST_TOPOLOGICAL |
                           VMGR_CHECKPOINT_LIST_LEAVES | VMGR_CHECKPOINT_LIST_NO_LEAVES;
    const struct vmgr__checkpoint_ops *ops = begin(domain, false, flags, known, function, err);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    int r = ops ? ops->list(domain, of, flags, names, err) : -1;

    if (r == 0 && ret) {
        for (guint i = 0; i < names->len; i++)
            names->pdata[i] = checkpoint_new(domain, names->pdata[i]);
        return vmgr__give_array(names, ret, err);
    }
    r = r < 0 ? -1 : (int)names->len;
    g_ptr_array_foreach(names, (GFunc)(void (*)(void))g_free, NULL);
    return r;
}

int vmgr_domain_list_checkpoints(struct vmgr_domain *domain, uint32_t flags,
                                 struct vmgr_checkpoint ***ret_list, struct vmgr_error **err)
{
    return list(domain, NULL, flags, ret_list, "virDomainListAllCheckpoints", err);
}

int vmgr_checkpoint_list_children(struct vmgr_checkpoint *checkpoint, uint32_t flags,
                                  struct vmgr_checkpoint ***ret_list, struct vmgr_error **err)
{
    return list(checkpoint->domain, checkpoint->name, flags, ret_list,
                "virDomainCheckpointListAllChildren", err);
}

int vmgr_checkpoint_get_parent(struct vmgr_checkpoint *checkpoint,
                               struct vmgr_checkpoint **ret_parent, struct vmgr_error **err)
{
    const struct vmgr__checkpoint_ops *ops =
        begin(checkpoint->domain, false, 0, 0, "virDomainCheckpointGetParent", err);
    char *name = NULL;

    if (!ops || ops->get_parent(checkpoint->domain, checkpoint->name, &name, err) < 0)
        return -1;
    *ret_parent = checkpoint_new(checkpoint->domain, name);
    return 0;
}

int vmgr_checkpoint_get_xml(struct vmgr_checkpoint *checkpoint, uint32_t flags, char **ret_xml,
                            struct vmgr_error **err)
{
    static const char function[] = "virDomainCheckpointGetXMLDesc";
    const struct vmgr__checkpoint_ops *ops =
        begin(checkpoint->domain, flags & VMGR_CHECKPOINT_XML_SECURE, flags,
              VMGR_CHECKPOINT_XML_SECURE | VMGR_CHECKPOINT_XML_NO_DOMAIN | VMGR_CHECKPOINT_XML_SIZE,
              function, err);
    char *xml = NULL;
    int r = ops ? ops->get_xml(checkpoint->domain, checkpoint->name, flags, &xml, err) : -1;

    return vmgr__give_text(xml, r, ret_xml, err);
}

int vmgr_checkpoint_delete(struct vmgr_checkpoint *checkpoint, uint32_t flags,
                           struct vmgr_error **err)
{
    const struct vmgr__checkpoint_ops *ops =
        begin(checkpoint->domain, true, flags,
              VMGR_CHECKPOINT_DELETE_CHILDREN | VMGR_CHECKPOINT_DELETE_METADATA_ONLY |
                  VMGR_CHECKPOINT_DELETE_CHILDREN_ONLY,
              "virDomainCheckpointDelete", err);

    if (!ops)
        return -1;
    if ((flags & VMGR_CHECKPOINT_DELETE_CHILDREN) && (flags & VMGR_CHECKPOINT_DELETE_CHILDREN_ONLY))
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN_CHECKPOINT,
                                     "Flags 'VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN' and "
                                     "'VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY' are mutually "
                                     "exclusive");
    return ops->remove(checkpoint->domain, checkpoint->name, flags, err);
}

/* ---- backups ---- */

static int no_backups(struct vmgr_domain *domain, const char *function, struct vmgr_error **err)
{
    return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT,
                           vmgr_domain_get_conn(domain)->driver->error_domain, "%s", function);
}

int vmgr_domain_begin_backup(struct vmgr_domain *domain, const char *xml,
                             const char *checkpoint_xml, uint32_t flags, struct vmgr_error **err)
{
    static const char function[] = "virDomainBackupBegin";
    const struct vmgr__checkpoint_ops *ops =
        begin(domain, true, flags, VMGR_BACKUP_REUSE_EXTERNAL, function, err);

    if (!ops || need_text(xml, "backupXML", function, err) < 0)
        return -1;
    return ops->begin_backup ? ops->begin_backup(domain, xml, checkpoint_xml, flags, err)
                             : no_backups(domain, function, err);
}

int vmgr_domain_get_backup_xml(struct vmgr_domain *domain, uint32_t flags, char **ret_xml,
                               struct vmgr_error **err)
{
    static const char function[] = "virDomainBackupGetXMLDesc";
    const struct vmgr__checkpoint_ops *ops = begin(domain, false, flags, 0, function, err);
    char *xml = NULL;
    int r = -1;

    if (ops)
        r = ops->get_backup_xml ? ops->get_backup_xml(domain, &xml, err)
                                : no_backups(domain, function, err);
    return vmgr__give_text(xml, r, ret_xml, err);
}
