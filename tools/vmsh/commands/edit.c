/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * edit: a definition in the user's editor, a domain's or that of another object.
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

#include "../text/domain.h"
#include "../shell.h"

const struct opt edit_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "skip-validate",
      .type = OPT_BOOL,
      .help = "skip validation of the XML against the schema" },
    OPT_END,
};

struct editing {
    struct shell *sh;
    const struct edit_object *object;
    char *before; /* the definition when editing began */
    char *text;   /* as edited last */
    bool validate;
    bool forced; /* define even if somebody else changed it */
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
    bool validating = e->validate;
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
    if (e->object->get_xml(e->object->handle, &now, shell_err(e->sh)) < 0)
        return -1;
    int changed = strcmp(now, e->before) != 0;
    free(now);
    return changed;
}

/* NULL: done; else why not, the library's error being in sh->error if it was one. */
static const char *apply(struct editing *e)
{
    int r = was_changed(e);
    shell_err_clear(e->sh);
    if (r > 0)
        return "The XML configuration was changed by another user.";
    r = e->object->define_handle ? e->object->define_handle(e->sh, e->object->handle, e->text)
                                 : e->object->define(e->sh, e->text, e->validate);
    if (r < 0 && e->validate &&
        vmgr_error_get_code(e->sh->error) == VMGR_ERR_ARGUMENT_UNSUPPORTED) {
        /* there is no schema to validate against */
        e->validate = false;
        r = e->object->define(e->sh, e->text, false);
    }
    return r < 0 ? "Failed." : NULL;
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
        case 'i': e->validate = false; break;
        case 'f': e->forced = true; break;
        default: return false;
        }
    }
    return true;
}

static bool edit(struct editing *e)
{
    if (e->object->get_xml(e->object->handle, &e->before, shell_err(e->sh)) < 0)
        return false;
    e->text = edit_text(e->sh, e->before, ".xml");
    if (!e->text)
        return false;
    if (strcmp(e->before, e->text))
        return define(e);
    shell_extra(e->sh, "%s XML configuration not changed.\n", e->object->label);
    return true;
}

bool edit_object(struct shell *sh, const struct edit_object *object, bool validate)
{
    struct editing e = { .sh = sh, .object = object, .validate = validate };
    bool ok = edit(&e);
    free(e.text);
    free(e.before);
    return ok;
}

static int get_domain(void *handle, char **xml, struct vmgr_error **err)
{
    return vmgr_domain_get_xml(handle, VMGR_DOMAIN_XML_INACTIVE | VMGR_DOMAIN_XML_SECURE, xml, err);
}

static int define_domain(struct shell *sh, const char *xml, bool validate)
{
    uint32_t flags = validate ? VMGR_DOMAIN_DEFINE_VALIDATE : 0;
    struct vmgr_domain *domain = NULL;
    if (vmgr_domain_define_xml(sh->conn, xml, flags, &domain, shell_err(sh)) < 0)
        return -1;
    shell_extra(sh, "Domain '%s' XML configuration edited.\n", vmgr_domain_get_name(domain));
    print_messages(domain);
    vmgr_domain_unref(domain);
    return 0;
}

bool cmd_edit(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    char *label = must_printf("Domain '%s'", vmgr_domain_get_name(domain));
    struct edit_object object = { .label = label,
                                  .handle = domain,
                                  .get_xml = get_domain,
                                  .define = define_domain };
    bool ok = edit_object(sh, &object, !args_bool(args, "skip-validate"));
    free(label);
    vmgr_domain_unref(domain);
    return ok;
}
