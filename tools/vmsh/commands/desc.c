/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * desc: a domain's description and title.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/domain.h"
#include "../shell.h"

const struct opt desc_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "live", .type = OPT_BOOL, .help = "modify/get running state" },
    { .name = "config", .type = OPT_BOOL, .help = "modify/get persistent configuration" },
    { .name = "current", .type = OPT_BOOL, .help = "modify/get current state configuration" },
    { .name = "title", .type = OPT_BOOL, .help = "modify/get the title instead of description" },
    { .name = "edit", .type = OPT_BOOL, .help = "open an editor to modify the description" },
    { .name = "new-desc", .type = OPT_ARGV, .help = "message" },
    OPT_END,
};

static int desc_type(const struct args *args)
{
    return args_bool(args, "title") ? VMGR_DOMAIN_METADATA_TITLE : VMGR_DOMAIN_METADATA_DESCRIPTION;
}

/* The present text, "" when there is none; NULL: library error. */
static char *desc_get(struct shell *sh, struct vmgr_domain *domain, const struct args *args,
                      uint32_t flags)
{
    char *text = NULL;
    if (flags & VMGR_DOMAIN_AFFECT_CONFIG) /* both are shown by the one that lasts */
        flags = VMGR_DOMAIN_AFFECT_CONFIG;
    if (vmgr_domain_get_metadata(domain, desc_type(args), NULL, flags, &text, shell_err(sh)) >= 0)
        return text;
    if (vmgr_error_get_code(sh->error) != VMGR_ERR_NO_DOMAIN_METADATA)
        return NULL;
    shell_err_clear(sh);
    return must_strdup("");
}

static bool desc_set(struct shell *sh, struct vmgr_domain *domain, const struct args *args,
                     uint32_t flags, const char *text)
{
    const char *what = args_bool(args, "title") ? "title" : "description";
    char *old = desc_get(sh, domain, args, flags & VMGR_DOMAIN_AFFECT_CONFIG);
    if (!old) /* there is nothing that could be set */
        return false;
    free(old);
    if (vmgr_domain_set_metadata(domain, desc_type(args), *text ? text : NULL, NULL, NULL, flags,
                                 shell_err(sh)) < 0) {
        shell_error(sh, "Failed to set new domain %s", what);
        return false;
    }
    shell_extra(sh, "Domain %s updated successfully", what);
    return true;
}

static bool desc_show(struct shell *sh, struct vmgr_domain *domain, const struct args *args,
                      uint32_t flags)
{
    char *text = desc_get(sh, domain, args, flags);
    if (!text)
        return false;
    if (*text)
        printf("%s", text);
    else
        shell_extra(sh, "No %s for domain: %s", args_bool(args, "title") ? "title" : "description",
                    vmgr_domain_get_name(domain));
    free(text);
    return true;
}

/* `wanted`: what the editor begins with instead of the present text; may be NULL. */
static bool desc_edit(struct shell *sh, struct vmgr_domain *domain, const struct args *args,
                      uint32_t flags, const char *wanted)
{
    bool title = args_bool(args, "title"), ok = false;
    char *old = desc_get(sh, domain, args, flags);
    char *edited = old ? edit_text(sh, wanted ? wanted : old, ".txt") : NULL;
    size_t length = edited ? strlen(edited) : 0;
    if (title && length && edited[length - 1] == '\n') /* editors end the line */
        edited[length - 1] = '\0';
    if (edited && !strcmp(old, edited)) {
        shell_extra(sh, title ? "Domain title not changed\n" : "Domain description not changed\n");
        ok = true;
    } else if (edited) {
        ok = desc_set(sh, domain, args, flags, edited);
    }
    free(edited);
    free(old);
    return ok;
}

bool cmd_desc(struct shell *sh, const struct args *args)
{
    uint32_t flags;
    if (!affect_flags(sh, args, &flags))
        return false;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    char *wanted = args_words(args, "new-desc");
    bool ok = args_bool(args, "edit") ? desc_edit(sh, domain, args, flags, wanted)
              : wanted                ? desc_set(sh, domain, args, flags, wanted)
                                      : desc_show(sh, domain, args, flags);
    free(wanted);
    vmgr_domain_unref(domain);
    return ok;
}
