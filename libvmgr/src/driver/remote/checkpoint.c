/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoints and backups of domains behind a server.
 */
#include "../checkpoint.h"

#include "remote.h"

/* Arguments of every procedure that takes a checkpoint and flags. */
struct checkpoint_args {
    struct wire_domain_checkpoint checkpoint;
    uint32_t flags;
};

static struct checkpoint_args args_of(struct vmgr_domain *dom, const char *name, uint32_t flags)
{
    return (struct checkpoint_args){
        .checkpoint = { .name = (char *)name, .dom = vmgr__remote_domain(dom) }, .flags = flags
    };
}

static struct vmgr__remote *remote_of(struct vmgr_domain *dom)
{
    return vmgr_domain_get_conn(dom)->driver_data;
}

/* A procedure that gives a checkpoint, and nothing else. */
static int ask(struct vmgr_domain *dom, int32_t procedure, const void *args, char **ret,
               struct vmgr_error **err)
{
    struct wire_domain_checkpoint out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(remote_of(dom), procedure, args, &out, &reply, err);

    if (r == 0 && ret)
        *ret = g_strdup(out.name);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int create(struct vmgr_domain *dom, const char *xml, uint32_t flags, char **ret,
                  struct vmgr_error **err)
{
    const struct wire_domain_checkpoint_create_xml_args args = { .dom = vmgr__remote_domain(dom),
                                                                 .xml_desc = (char *)xml,
                                                                 .flags = flags };

    return ask(dom, WIRE_DOMAIN_CHECKPOINT_CREATE_XML, &args, ret, err);
}

static int lookup(struct vmgr_domain *dom, const char *name, struct vmgr_error **err)
{
    const struct wire_domain_checkpoint_lookup_by_name_args args = { .dom =
                                                                         vmgr__remote_domain(dom),
                                                                     .name = (char *)name };

    return ask(dom, WIRE_DOMAIN_CHECKPOINT_LOOKUP_BY_NAME, &args, NULL, err);
}

static int get_parent(struct vmgr_domain *dom, const char *name, char **ret,
                      struct vmgr_error **err)
{
    const struct checkpoint_args args = args_of(dom, name, 0);

    return ask(dom, WIRE_DOMAIN_CHECKPOINT_GET_PARENT, &args, ret, err);
}

static int list(struct vmgr_domain *dom, const char *of, uint32_t flags, GPtrArray *ret,
                struct vmgr_error **err)
{
    const struct wire_domain_list_all_checkpoints_args all = { .dom = vmgr__remote_domain(dom),
                                                               .need_results = 1,
                                                               .flags = flags };
    const struct wire_domain_checkpoint_list_all_children_args below = {
        .checkpoint = { .name = (char *)of, .dom = vmgr__remote_domain(dom) },
        .need_results = 1,
        .flags = flags
    };
    /* Results of both have the same shape. */
    struct wire_domain_list_all_checkpoints_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(remote_of(dom),
                                    of ? WIRE_DOMAIN_CHECKPOINT_LIST_ALL_CHILDREN
                                       : WIRE_DOMAIN_LIST_ALL_CHECKPOINTS,
                                    of ? (const void *)&below : &all, &out, &reply, err);

    for (uint32_t i = 0; r == 0 && i < out.checkpoints.n; i++)
        g_ptr_array_add(ret, g_strdup(out.checkpoints.v[i].name));
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int get_xml(struct vmgr_domain *dom, const char *name, uint32_t flags, char **ret,
                   struct vmgr_error **err)
{
    const struct checkpoint_args args = args_of(dom, name, flags);

    return vmgr__remote_text(remote_of(dom), WIRE_DOMAIN_CHECKPOINT_GET_XML_DESC, &args, ret, err);
}

static int delete (struct vmgr_domain *dom, const char *name, uint32_t flags,
                   struct vmgr_error **err)
{
    const struct checkpoint_args args = args_of(dom, name, flags);

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_CHECKPOINT_DELETE, &args, err);
}

static int begin_backup(struct vmgr_domain *dom, const char *xml, const char *checkpoint_xml,
                        uint32_t flags, struct vmgr_error **err)
{
    const struct wire_domain_backup_begin_args args = { .dom = vmgr__remote_domain(dom),
                                                        .backup_xml = (char *)xml,
                                                        .checkpoint_xml = (char *)checkpoint_xml,
                                                        .flags = flags };

    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_BACKUP_BEGIN, &args, err);
}

static int get_backup_xml(struct vmgr_domain *dom, char **ret, struct vmgr_error **err)
{
    const struct wire_domain_backup_get_xml_desc_args args = { .dom = vmgr__remote_domain(dom) };

    return vmgr__remote_text(remote_of(dom), WIRE_DOMAIN_BACKUP_GET_XML_DESC, &args, ret, err);
}

const struct vmgr__checkpoint_ops vmgr__remote_checkpoint = {
    .create = create,
    .lookup = lookup,
    .list = list,
    .get_parent = get_parent,
    .get_xml = get_xml,
    .remove = delete,
    .begin_backup = begin_backup,
    .get_backup_xml = get_backup_xml,
};
