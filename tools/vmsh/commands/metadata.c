/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metadata: what others have written into a domain's definition.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/domain.h"

const struct opt metadata_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "uri", .type = OPT_DATA, .help = "URI of the namespace" },
    { .name = "live", .type = OPT_BOOL, .help = "modify/get running state" },
    { .name = "config", .type = OPT_BOOL, .help = "modify/get persistent configuration" },
    { .name = "current", .type = OPT_BOOL, .help = "modify/get current state configuration" },
    { .name = "edit", .type = OPT_BOOL, .help = "use an editor to change the metadata" },
    { .name = "key", .type = OPT_STRING, .help = "key to be used as a namespace identifier" },
    { .name = "set", .type = OPT_STRING, .help = "new metadata to set" },
    { .name = "remove", .type = OPT_BOOL, .help = "remove the metadata corresponding to an uri" },
    OPT_END,
};

/* For free(); NULL: library error. */
static char *get(struct shell *sh, struct vmgr_domain *domain, const char *uri, uint32_t flags)
{
    char *text = NULL;
    return vmgr_domain_get_metadata(domain, VMGR_DOMAIN_METADATA_ELEMENT, uri, flags, &text,
                                    shell_err(sh)) < 0
               ? NULL
               : text;
}

/* text NULL: none any more. */
static bool set(struct shell *sh, struct vmgr_domain *domain, const char *text, const char *key,
                const char *uri, uint32_t flags)
{
    if (vmgr_domain_set_metadata(domain, VMGR_DOMAIN_METADATA_ELEMENT, text, key, uri, flags,
                                 shell_err(sh)) < 0)
        return false;
    shell_extra(sh, text ? "Metadata modified\n" : "Metadata removed\n");
    return true;
}

static bool edit(struct shell *sh, struct vmgr_domain *domain, const char *key, const char *uri,
                 uint32_t flags)
{
    char *old = get(sh, domain, uri, flags), *edited;
    bool ok = true;
    if (!old && vmgr_error_get_code(sh->error) != VMGR_ERR_NO_DOMAIN_METADATA)
        return false;
    if (!old) {
        shell_err_clear(sh);
        old = must_strdup("\n");
    }
    edited = edit_text(sh, old, ".xml");
    if (!edited)
        ok = false;
    else if (!strcmp(old, edited))
        shell_extra(sh, "Metadata not changed");
    else
        ok = set(sh, domain, edited, key, uri, flags);
    free(edited);
    free(old);
    return ok;
}

static bool show(struct shell *sh, struct vmgr_domain *domain, const char *uri, uint32_t flags)
{
    char *text = get(sh, domain, uri, flags);
    if (text)
        printf("%s\n", text);
    free(text);
    return text != NULL;
}

bool cmd_metadata(struct shell *sh, const struct args *args)
{
    const char *uri = args_string(args, "uri"), *key = args_string(args, "key");
    const char *text = args_string(args, "set");
    const bool editing = args_bool(args, "edit"), removing = args_bool(args, "remove");
    struct vmgr_domain *domain;
    uint32_t flags;
    if (!affect_flags(sh, args, &flags) || !args_exclusive(sh, args, "edit", "set") ||
        !args_exclusive(sh, args, "remove", "set") || !args_exclusive(sh, args, "remove", "edit") ||
        !(domain = args_domain(sh, args)))
        return false;
    bool ok = (!text && !editing) || key;
    if (!ok)
        shell_error(sh, "namespace key is required when modifying metadata");
    else if (editing)
        ok = edit(sh, domain, key, uri, flags);
    else if (text || removing)
        ok = set(sh, domain, text, text ? key : NULL, uri, flags);
    else
        ok = show(sh, domain, uri, flags);
    vmgr_domain_unref(domain);
    return ok;
}
