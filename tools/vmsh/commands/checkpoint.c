/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about checkpoints of domains.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/checkpoint.h"
#include "../text/domain.h"

#define CHECKPOINT_OPT(help_)                                                                      \
    {                                                                                              \
        .name = "checkpointname", .type = OPT_STRING, .help = help_,                               \
        .completer = COMPLETE_CHECKPOINT                                                           \
    }

struct vmgr_checkpoint *args_checkpoint(struct shell *sh, struct vmgr_domain *domain,
                                        const struct args *args)
{
    const char *name = args_string(args, "checkpointname");
    struct vmgr_checkpoint *checkpoint = NULL;
    if (!name)
        shell_error(sh, "--checkpointname is required");
    else
        vmgr_checkpoint_lookup_by_name(domain, name, &checkpoint, shell_err(sh));
    return checkpoint;
}

/* --- making --------------------------------------------------------------------------------- */

static bool create(struct shell *sh, struct vmgr_domain *domain, const char *xml, uint32_t flags,
                   const char *from)
{
    struct vmgr_checkpoint *checkpoint = NULL;
    if (vmgr_checkpoint_create_xml(domain, xml, flags, &checkpoint, shell_err(sh)) < 0)
        return false;
    const char *name = vmgr_checkpoint_get_name(checkpoint);
    if (from)
        shell_extra(sh, "Domain checkpoint %s created from '%s'", name, from);
    else
        shell_extra(sh, "Domain checkpoint %s created", name);
    vmgr_checkpoint_unref(checkpoint);
    return true;
}

static const struct opt create_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "xmlfile",
      .type = OPT_STRING,
      .help = "domain checkpoint XML",
      .completer = COMPLETE_FILE },
    FLAG("redefine", "redefine metadata for existing checkpoint"),
    FLAG("redefine-validate", "validate the redefined checkpoint"),
    FLAG("quiesce", "quiesce guest's file systems"),
    OPT_END,
};

static bool checkpoint_create(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "xmlfile");
    bool redefine = args_bool(args, "redefine"), validate = args_bool(args, "redefine-validate");
    uint32_t flags = (redefine ? VMGR_CHECKPOINT_CREATE_REDEFINE : 0) |
                     (validate ? VMGR_CHECKPOINT_CREATE_REDEFINE_VALIDATE : 0) |
                     (args_bool(args, "quiesce") ? VMGR_CHECKPOINT_CREATE_QUIESCE : 0);
    if (validate && !redefine) {
        shell_error(sh, "Option --redefine is required by option --redefine-validate");
        return false;
    }
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    char *xml = path ? file_read(sh, path) : must_strdup("<domaincheckpoint/>");
    bool ok = xml && create(sh, domain, xml, flags, path);
    free(xml);
    vmgr_domain_unref(domain);
    return ok;
}

static const struct opt create_as_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "name", .type = OPT_STRING, .help = "name of checkpoint" },
    { .name = "description", .type = OPT_STRING, .help = "description of checkpoint" },
    FLAG("print-xml", "print XML document rather than create"),
    FLAG("quiesce", "quiesce guest's file systems"),
    { .name = "diskspec",
      .type = OPT_ARGV,
      .help = "disk attributes: disk[,checkpoint=type][,bitmap=name]" },
    OPT_END,
};

static void escape(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '\'': fputs("&apos;", out); break;
        case '"': fputs("&quot;", out); break;
        default: fputc(*text, out);
        }
    }
}

/* Cuts the next part off, up to a comma; two commas are one that belongs to it. In place. */
static char *next_part(char **text)
{
    char *part = *text, *to = part, *at = part;
    if (!part)
        return NULL;
    for (; *at && !(at[0] == ',' && at[1] != ','); at++) {
        at += *at == ',';
        *to++ = *at;
    }
    *text = *at ? at + 1 : NULL;
    *to = '\0';
    return part;
}

static bool print_disk(struct shell *sh, FILE *out, const char *spec)
{
    static const struct {
        const char *prefix, *attribute;
    } known[] = { { "checkpoint=", "checkpoint" }, { "bitmap=", "bitmap" } };
    const char *values[2] = { NULL, NULL };
    char *copy = must_strdup(spec), *rest = copy;
    const char *name = next_part(&rest), *part;
    bool ok = true;
    while (ok && (part = next_part(&rest))) {
        ok = false;
        for (size_t i = 0; i < 2; i++) {
            size_t length = strlen(known[i].prefix);
            if (values[i] || strncmp(part, known[i].prefix, length) != 0)
                continue;
            values[i] = part + length;
            ok = true;
        }
    }
    if (ok) {
        fputs("    <disk name='", out);
        escape(out, name);
        for (size_t i = 0; i < 2; i++) {
            if (!values[i])
                continue;
            fprintf(out, "' %s='", known[i].attribute);
            escape(out, values[i]);
        }
        fputs("'/>\n", out);
    } else {
        shell_error(sh, "unable to parse diskspec: %s", spec);
    }
    free(copy);
    return ok;
}

static void print_text(FILE *out, const char *name, const char *text)
{
    if (!text)
        return;
    fprintf(out, "  <%s>", name);
    escape(out, text);
    fprintf(out, "</%s>\n", name);
}

/* For free(); NULL: printed why. */
static char *make_xml(struct shell *sh, const struct args *args)
{
    char *xml = NULL;
    size_t size = 0, disks = 0;
    FILE *out = open_memstream(&xml, &size);
    bool ok = out;
    if (!out)
        return NULL;
    fputs("<domaincheckpoint>\n", out);
    print_text(out, "name", args_string(args, "name"));
    print_text(out, "description", args_string(args, "description"));
    for (size_t i = 0; ok && i < args->count; i++) {
        if (strcmp(args->items[i].opt->name, "diskspec") != 0)
            continue;
        if (!disks++)
            fputs("  <disks>\n", out);
        ok = print_disk(sh, out, args->items[i].value);
    }
    fputs(disks ? "  </disks>\n</domaincheckpoint>\n" : "</domaincheckpoint>\n", out);
    fclose(out);
    if (ok)
        return xml;
    free(xml);
    return NULL;
}

static bool checkpoint_create_as(struct shell *sh, const struct args *args)
{
    uint32_t flags = args_bool(args, "quiesce") ? VMGR_CHECKPOINT_CREATE_QUIESCE : 0;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    char *xml = make_xml(sh, args);
    bool ok = xml;
    if (xml && args_bool(args, "print-xml"))
        printf("%s\n", xml);
    else if (xml)
        ok = create(sh, domain, xml, flags, NULL);
    free(xml);
    vmgr_domain_unref(domain);
    return ok;
}

/* --- changing ------------------------------------------------------------------------------- */

static const struct opt delete_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    CHECKPOINT_OPT("checkpoint name"),
    FLAG("children", "delete checkpoint and all children"),
    FLAG("children-only", "delete children but not checkpoint"),
    FLAG("metadata", "delete only libvirt metadata, leaving checkpoint contents behind"),
    OPT_END,
};

static bool delete (struct shell *sh, struct vmgr_checkpoint *checkpoint, const struct args *args)
{
    const char *name = vmgr_checkpoint_get_name(checkpoint);
    bool only = args_bool(args, "children-only");
    uint32_t flags = (args_bool(args, "children") ? VMGR_CHECKPOINT_DELETE_CHILDREN : 0) |
                     (only ? VMGR_CHECKPOINT_DELETE_CHILDREN_ONLY : 0) |
                     (args_bool(args, "metadata") ? VMGR_CHECKPOINT_DELETE_METADATA_ONLY : 0);
    if (vmgr_checkpoint_delete(checkpoint, flags, shell_err(sh)) < 0) {
        shell_error(sh, "Failed to delete checkpoint %s", name);
        return false;
    }
    shell_extra(sh,
                only ? "Domain checkpoint %s children deleted\n" : "Domain checkpoint %s deleted\n",
                name);
    return true;
}

static const struct opt edit_options[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    CHECKPOINT_OPT("checkpoint name"),
    OPT_END,
};

static int get_checkpoint(void *handle, char **xml, struct vmgr_error **err)
{
    return vmgr_checkpoint_get_xml(handle, VMGR_CHECKPOINT_XML_SECURE, xml, err);
}

static int redefine(struct shell *sh, struct vmgr_domain *domain, const char *was, const char *xml)
{
    struct vmgr_checkpoint *now = NULL;
    int r = vmgr_checkpoint_create_xml(domain, xml, VMGR_CHECKPOINT_CREATE_REDEFINE, &now,
                                       shell_err(sh));
    if (r < 0)
        return -1;
    const char *name = vmgr_checkpoint_get_name(now);
    if (strcmp(name, was) != 0) {
        /* a second one has come: what was meant cannot be told */
        shell_error(sh, "Cannot rename checkpoint %s to %s", was, name);
        vmgr_checkpoint_delete(now, VMGR_CHECKPOINT_DELETE_METADATA_ONLY, NULL);
        r = -1;
    } else {
        shell_extra(sh, "Checkpoint %s edited.\n", name);
    }
    vmgr_checkpoint_unref(now);
    return r;
}

static int define_edited(struct shell *sh, void *handle, const char *xml)
{
    return redefine(sh, vmgr_checkpoint_get_domain(handle), vmgr_checkpoint_get_name(handle), xml);
}

static bool edit(struct shell *sh, struct vmgr_checkpoint *checkpoint, const struct args *args)
{
    char *label = must_printf("Checkpoint %s", vmgr_checkpoint_get_name(checkpoint));
    struct edit_object object = { .label = label,
                                  .handle = checkpoint,
                                  .get_xml = get_checkpoint,
                                  .define_handle = define_edited };
    bool ok = edit_object(sh, &object, false);
    (void)args;
    if (!ok)
        shell_error(sh, "Failed to update %s", vmgr_checkpoint_get_name(checkpoint));
    free(label);
    return ok;
}

/* --- looking -------------------------------------------------------------------------------- */

static const struct opt dumpxml_options[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    CHECKPOINT_OPT("checkpoint name"),
    FLAG("security-info", "include security sensitive information in XML dump"),
    FLAG("no-domain", "exclude <domain> from XML"),
    FLAG("size", "include backup size estimate in XML dump"),
    OPT_XPATH,
    OPT_END,
};

static bool dumpxml(struct shell *sh, struct vmgr_checkpoint *checkpoint, const struct args *args)
{
    uint32_t flags = (args_bool(args, "security-info") ? VMGR_CHECKPOINT_XML_SECURE : 0) |
                     (args_bool(args, "no-domain") ? VMGR_CHECKPOINT_XML_NO_DOMAIN : 0) |
                     (args_bool(args, "size") ? VMGR_CHECKPOINT_XML_SIZE : 0);
    char *xml = NULL;
    bool ok = vmgr_checkpoint_get_xml(checkpoint, flags, &xml, shell_err(sh)) >= 0 &&
              print_xml(sh, args, xml);
    return ok;
}

static const struct opt info_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    CHECKPOINT_OPT("checkpoint name"),
    OPT_END,
};

char *checkpoint_parent_name(struct shell *sh, struct vmgr_checkpoint *checkpoint)
{
    struct vmgr_checkpoint *parent = NULL;
    if (vmgr_checkpoint_get_parent(checkpoint, &parent, shell_err(sh)) < 0) {
        if (vmgr_error_get_code(sh->error) != VMGR_ERR_NO_DOMAIN_CHECKPOINT)
            return NULL;
        shell_err_clear(sh);
        return must_strdup("");
    }
    char *name = must_strdup(vmgr_checkpoint_get_name(parent));
    vmgr_checkpoint_unref(parent);
    return name;
}

static bool info(struct shell *sh, struct vmgr_checkpoint *checkpoint, const struct args *args)
{
    (void)args;
    printf("%-15s %s\n", "Name:", vmgr_checkpoint_get_name(checkpoint));
    printf("%-15s %s\n", "Domain:", vmgr_domain_get_name(vmgr_checkpoint_get_domain(checkpoint)));
    char *parent = checkpoint_parent_name(sh, checkpoint);
    if (!parent)
        return false;
    printf("%-15s %s\n", "Parent:", *parent ? parent : "-");
    free(parent);
    int count = vmgr_checkpoint_list_children(checkpoint, 0, NULL, shell_err(sh));
    if (count < 0)
        return false;
    printf("%-15s %d\n", "Children:", count);
    count = vmgr_checkpoint_list_children(checkpoint, VMGR_CHECKPOINT_LIST_DESCENDANTS, NULL,
                                          shell_err(sh));
    if (count < 0)
        return false;
    printf("%-15s %d\n", "Descendants:", count);
    return true;
}

static const struct opt parent_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    CHECKPOINT_OPT("find parent of checkpoint name"),
    OPT_END,
};

static bool parent(struct shell *sh, struct vmgr_checkpoint *checkpoint, const struct args *args)
{
    char *name = checkpoint_parent_name(sh, checkpoint);
    bool ok = name && *name;
    (void)args;
    if (ok)
        printf("%s", name);
    else if (name)
        shell_error(sh, "checkpoint '%s' has no parent", vmgr_checkpoint_get_name(checkpoint));
    free(name);
    return ok;
}

/* --- the frame of those with a domain and a checkpoint ---------------------------------------- */

static bool with_checkpoint(struct shell *sh, const struct args *args,
                            bool (*run)(struct shell *, struct vmgr_checkpoint *,
                                        const struct args *))
{
    struct vmgr_domain *domain = args_domain(sh, args);
    struct vmgr_checkpoint *checkpoint = domain ? args_checkpoint(sh, domain, args) : NULL;
    bool ok = checkpoint && run(sh, checkpoint, args);
    vmgr_checkpoint_unref(checkpoint);
    vmgr_domain_unref(domain);
    return ok;
}

#define WITH_CHECKPOINT(run)                                                                       \
    static bool checkpoint_##run(struct shell *sh, const struct args *args)                        \
    {                                                                                              \
        return with_checkpoint(sh, args, run);                                                     \
    }
WITH_CHECKPOINT(delete)
WITH_CHECKPOINT(dumpxml)
WITH_CHECKPOINT(edit)
WITH_CHECKPOINT(info)
WITH_CHECKPOINT(parent)

const struct cmd cmds_checkpoint[] = {
    { "checkpoint-create", checkpoint_create, create_opts, "Create a checkpoint from XML",
      "Create a checkpoint from XML for use in future incremental backups", false },
    { "checkpoint-create-as", checkpoint_create_as, create_as_opts,
      "Create a checkpoint from a set of args",
      "Create a checkpoint from arguments for use in future incremental backups", false },
    { "checkpoint-delete", checkpoint_delete, delete_opts, "Delete a domain checkpoint",
      "Checkpoint Delete", false },
    { "checkpoint-dumpxml", checkpoint_dumpxml, dumpxml_options, "Dump XML for a domain checkpoint",
      "Checkpoint Dump XML", false },
    { "checkpoint-edit", checkpoint_edit, edit_options, "edit XML for a checkpoint",
      "Edit the domain checkpoint XML for a named checkpoint", false },
    { "checkpoint-info", checkpoint_info, info_opts, "checkpoint information",
      "Returns basic information about a checkpoint.", false },
    { "checkpoint-list", cmd_checkpoint_list, checkpoint_list_opts, "List checkpoints for a domain",
      "Checkpoint List", false },
    { "checkpoint-parent", checkpoint_parent, parent_opts,
      "Get the name of the parent of a checkpoint", "Extract the checkpoint's parent, if any",
      false },
    CMD_END,
};
