/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * edit: a domain's definition in the user's editor.
 *
 * What the editor returns is defined. When that fails, or the definition changed meanwhile, the
 * user is asked: edit again, define without validation, define in spite of the change, or give up.
 * Nobody is asked without a terminal; it then fails.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "domain-text.h"
#include "shell.h"

const struct opt edit_opts[] = {
    { .name = "domain",
      .type = OPT_DATA,
      .help = "domain name, id or uuid",
      .completer = COMPLETE_DOMAIN },
    { .name = "skip-validate",
      .type = OPT_BOOL,
      .help = "skip validation of the XML against the schema" },
    OPT_END,
};

struct editing {
    struct shell *sh;
    struct vmgr_domain *domain;
    char *before;   /* the definition when editing began */
    char *text;     /* as edited last */
    uint32_t flags; /* VMGR_DOMAIN_DEFINE_* */
    bool forced;    /* define even if somebody else changed it */
};

/* One key from the terminal, without waiting for a line; 0: none to come. */
static char read_key(void)
{
    struct termios saved, raw;
    char key = 0;
    ssize_t n;
    if (tcgetattr(STDIN_FILENO, &saved) < 0)
        return 0;
    raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    do
        n = read(STDIN_FILENO, &key, 1);
    while (n < 0 && errno == EINTR);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
    return n == 1 && key != ('D' & 0x1f) ? key : 0;
}

/* 'y' edit again, 'n' give up, 'i' without validation, 'f' define again whatever was changed. */
static char ask_retry(const struct editing *e, const char *why)
{
    bool validating = e->flags & VMGR_DOMAIN_DEFINE_VALIDATE;
    for (;;) {
        printf("\r%s Try again? %s: ", why, validating ? "[y,n,i,f,?]" : "[y,n,f,?]");
        fflush(stdout);
        char key = read_key();
        if (key == 0)
            key = 'n';
        if (!strchr(validating ? "ynif?" : "ynf?", key))
            continue;
        printf("\n");
        if (key != '?')
            return key;
        printf("y - yes, start editor again\nn - no, throw away my changes\n");
        if (validating)
            printf("i - turn off validation and try to redefine again\n");
        printf("f - force, try to redefine again\n? - print this help\n");
    }
}

/* Did somebody else change it? Also notices that it is gone. -1: library error. */
static int was_changed(struct editing *e)
{
    char *now = NULL;
    if (e->forced)
        return 0;
    if (vmgr_domain_get_xml(e->domain, VMGR_DOMAIN_XML_INACTIVE | VMGR_DOMAIN_XML_SECURE, &now,
                            shell_err(e->sh)) < 0)
        return -1;
    int changed = strcmp(now, e->before) != 0;
    free(now);
    return changed;
}

/* NULL: done; else why not, the library's error being in sh->error if it was one. */
static const char *apply(struct editing *e)
{
    struct vmgr_domain *defined = NULL;
    int r = was_changed(e);
    shell_err_clear(e->sh);
    if (r > 0)
        return "The XML configuration was changed by another user.";
    r = vmgr_domain_define_xml(e->sh->conn, e->text, e->flags, &defined, shell_err(e->sh));
    if (r < 0 && e->flags & VMGR_DOMAIN_DEFINE_VALIDATE &&
        vmgr_error_get_code(e->sh->error) == VMGR_ERR_ARGUMENT_UNSUPPORTED) {
        /* there is no schema to validate against */
        e->flags &= ~(uint32_t)VMGR_DOMAIN_DEFINE_VALIDATE;
        r = vmgr_domain_define_xml(e->sh->conn, e->text, e->flags, &defined, shell_err(e->sh));
    }
    if (r < 0)
        return "Failed.";
    shell_extra(e->sh, "Domain '%s' XML configuration edited.\n", vmgr_domain_get_name(defined));
    print_messages(defined);
    vmgr_domain_unref(defined);
    return NULL;
}

/* Until it is defined, or the user gives up: false. */
static bool define(struct editing *e)
{
    const char *why;
    while ((why = apply(e))) {
        bool terminal = isatty(STDIN_FILENO);
        if (!terminal && !e->sh->error)
            shell_error(e->sh, "%s", why);
        if (!terminal)
            return false;
        shell_report(e->sh);
        switch (ask_retry(e, why)) {
        case 'y': {
            char *again = edit_text(e->sh, e->text, ".xml");
            if (!again)
                return false;
            free(e->text);
            e->text = again;
            break;
        }
        case 'i': e->flags &= ~(uint32_t)VMGR_DOMAIN_DEFINE_VALIDATE; break;
        case 'f': e->forced = true; break;
        default: return false;
        }
    }
    return true;
}

static bool edit(struct editing *e)
{
    if (vmgr_domain_get_xml(e->domain, VMGR_DOMAIN_XML_INACTIVE | VMGR_DOMAIN_XML_SECURE,
                            &e->before, shell_err(e->sh)) < 0)
        return false;
    e->text = edit_text(e->sh, e->before, ".xml");
    if (!e->text)
        return false;
    if (strcmp(e->before, e->text))
        return define(e);
    shell_extra(e->sh, "Domain '%s' XML configuration not changed.\n",
                vmgr_domain_get_name(e->domain));
    return true;
}

bool cmd_edit(struct shell *sh, const struct args *args)
{
    struct editing e = { .sh = sh, .domain = args_domain(sh, args) };
    if (!e.domain)
        return false;
    e.flags = args_bool(args, "skip-validate") ? 0 : VMGR_DOMAIN_DEFINE_VALIDATE;
    bool ok = edit(&e);
    free(e.text);
    free(e.before);
    vmgr_domain_unref(e.domain);
    return ok;
}
