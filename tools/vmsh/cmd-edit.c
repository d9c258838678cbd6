/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Editing definitions and descriptions with the user's editor.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain-text.h"
#include "shell.h"

const struct opt edit_opts[] = {
    { .name = "domain", .type = OPT_DATA, .help = "domain name, id or uuid",
      .completer = COMPLETE_DOMAIN },
    { .name = "skip-validate", .type = OPT_BOOL,
      .help = "skip validation of the XML against the schema" },
    OPT_END,
};

/* $VISUAL or $EDITOR may hold arguments, so a shell runs it; the file name is passed apart. */
static bool run_editor(struct shell *sh, const char *path)
{
    const char *editor = getenv("VISUAL");
    if (!editor || !*editor)
        editor = getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    char *command = must_printf("%s \"$1\"", editor);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    free(command);
    if (child < 0 || status != 0) {
        shell_error(sh, "Editor '%s' failed", editor);
        return false;
    }
    return true;
}

static bool write_all(int fd, const char *text)
{
    size_t length = strlen(text);
    while (length) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        length -= (size_t)n;
    }
    return true;
}

char *edit_text(struct shell *sh, const char *text, const char *suffix)
{
    const char *directory = getenv("TMPDIR");
    char *path = must_printf("%s/vmshXXXXXX%s", directory && *directory ? directory : "/tmp",
                             suffix);
    char *edited = NULL;
    int fd = mkstemps(path, (int)strlen(suffix));
    if (fd < 0 || !write_all(fd, text)) {
        shell_error(sh, "Cannot write temporary file '%s': %s", path, strerror(errno));
    } else if (run_editor(sh, path)) {
        edited = file_read(sh, path);
    }
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    free(path);
    return edited;
}

/* 'y' edit again, 'n' give up, 'f' without validation. */
static char ask_retry(struct shell *sh)
{
    char line[64];
    shell_error(sh, "%s", vmgr_error_get_message(sh->error));
    for (;;) {
        printf("Failed. Try again? [y,n,f,?]: ");
        fflush(stdout);
        if (!isatty(STDIN_FILENO) || !fgets(line, sizeof(line), stdin))
            return 'n';
        if (strchr("ynf", line[0]) && line[0])
            return line[0];
        printf("y - yes, start editor again\nn - no, throw away my changes\n"
               "f - force, try to redefine again without validation\n? - print this help\n");
    }
}

/* True: done, *ok says how. False: edit `*text` again. */
static bool edit_apply(struct shell *sh, struct vmgr_domain *domain, const char *before,
                       const char *edited, uint32_t *flags, bool *ok)
{
    struct vmgr_domain *defined = NULL;
    char *now = NULL;
    *ok = false;
    if (!strcmp(before, edited)) {
        shell_extra(sh, "Domain '%s' XML configuration not changed.\n",
                    vmgr_domain_get_name(domain));
        *ok = true;
        return true;
    }
    if (vmgr_domain_get_xml(domain, VMGR_DOMAIN_XML_INACTIVE | VMGR_DOMAIN_XML_SECURE, &now,
                            shell_err(sh)) < 0)
        return true;
    bool changed = strcmp(now, before) != 0;
    free(now);
    if (changed) {
        shell_error(sh, "ERROR: the XML configuration was changed by another user");
        return true;
    }
    while (vmgr_domain_define_xml(sh->conn, edited, *flags, &defined, shell_err(sh)) < 0) {
        switch (ask_retry(sh)) {
        case 'y': return false;
        case 'f': *flags &= ~VMGR_DOMAIN_DEFINE_VALIDATE; break;
        default: shell_err_clear(sh); return true;
        }
    }
    shell_extra(sh, "Domain '%s' XML configuration edited.\n", vmgr_domain_get_name(defined));
    vmgr_domain_unref(defined);
    *ok = true;
    return true;
}

bool cmd_edit(struct shell *sh, const struct args *args)
{
    uint32_t flags = args_bool(args, "skip-validate") ? 0 : VMGR_DOMAIN_DEFINE_VALIDATE;
    char *before = NULL;
    bool ok = false, done = false;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    if (vmgr_domain_get_xml(domain, VMGR_DOMAIN_XML_INACTIVE | VMGR_DOMAIN_XML_SECURE, &before,
                            shell_err(sh)) >= 0) {
        char *text = must_strdup(before);
        while (!done) {
            char *edited = edit_text(sh, text, ".xml");
            if (!edited)
                break;
            done = edit_apply(sh, domain, before, edited, &flags, &ok);
            free(text);
            text = edited;
        }
        free(text);
    }
    free(before);
    vmgr_domain_unref(domain);
    return ok;
}

/* --- desc ----------------------------------------------------------------------------------------- */

const struct opt desc_opts[] = {
    { .name = "domain", .type = OPT_DATA, .help = "domain name, id or uuid",
      .completer = COMPLETE_DOMAIN },
    { .name = "live", .type = OPT_BOOL, .help = "modify/get running state" },
    { .name = "config", .type = OPT_BOOL, .help = "modify/get persistent configuration" },
    { .name = "current", .type = OPT_BOOL, .help = "modify/get current state configuration" },
    { .name = "title", .type = OPT_BOOL, .help = "modify/get the title instead of description" },
    { .name = "edit", .type = OPT_BOOL, .help = "open an editor to modify the description" },
    { .name = "new-desc", .type = OPT_ARGV, .help = "message" },
    OPT_END,
};

/* The words of --new-desc joined by blanks; NULL: none given. */
static char *desc_words(const struct args *args)
{
    char *text = NULL;
    for (size_t i = 0; i < args->count; i++) {
        if (strcmp(args->items[i].opt->name, "new-desc"))
            continue;
        char *longer = text ? must_printf("%s %s", text, args->items[i].value)
                            : must_strdup(args->items[i].value);
        free(text);
        text = longer;
    }
    return text;
}

/* The present text, "" when there is none; NULL: library error. */
static char *desc_get(struct shell *sh, struct vmgr_domain *domain, int type, uint32_t flags)
{
    char *text = NULL;
    if (vmgr_domain_get_metadata(domain, type, NULL, flags, &text, shell_err(sh)) >= 0)
        return text;
    if (vmgr_error_get_code(sh->error) != VMGR_ERR_NO_DOMAIN_METADATA)
        return NULL;
    shell_err_clear(sh);
    return must_strdup("");
}

static bool desc_set(struct shell *sh, struct vmgr_domain *domain, bool title, uint32_t flags,
                     char *text)
{
    int type = title ? VMGR_DOMAIN_METADATA_TITLE : VMGR_DOMAIN_METADATA_DESCRIPTION;
    size_t length = strlen(text);
    while (length && text[length - 1] == '\n') /* what an editor leaves at the end */
        text[--length] = '\0';
    if (vmgr_domain_set_metadata(domain, type, length ? text : NULL, NULL, NULL, flags,
                                 shell_err(sh)) < 0) {
        shell_error(sh, title ? "Failed to set new domain title"
                              : "Failed to set new domain description");
        return false;
    }
    printf(title ? "Domain title updated successfully"
                 : "Domain description updated successfully");
    return true;
}

static bool desc_show(struct vmgr_domain *domain, bool title, const char *text)
{
    if (*text)
        printf("%s", text);
    else
        printf(title ? "No title for domain: %s" : "No description for domain: %s",
               vmgr_domain_get_name(domain));
    return true;
}

bool cmd_desc(struct shell *sh, const struct args *args)
{
    bool title = args_bool(args, "title"), ok = false;
    uint32_t flags;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    char *wanted = desc_words(args);
    if (affect_flags(sh, args, &flags)) {
        char *old = desc_get(sh, domain,
                             title ? VMGR_DOMAIN_METADATA_TITLE : VMGR_DOMAIN_METADATA_DESCRIPTION,
                             flags);
        if (old && args_bool(args, "edit")) {
            char *edited = edit_text(sh, wanted ? wanted : old, ".txt");
            ok = edited && desc_set(sh, domain, title, flags, edited);
            free(edited);
        } else if (old) {
            ok = wanted ? desc_set(sh, domain, title, flags, wanted)
                        : desc_show(domain, title, old);
        }
        free(old);
    }
    free(wanted);
    vmgr_domain_unref(domain);
    return ok;
}
