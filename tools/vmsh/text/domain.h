/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain commands with files of their own, and small translations.
 */
#ifndef VMSH_DOMAIN_TEXT_H
#define VMSH_DOMAIN_TEXT_H

#include "../shell.h"

/* commands/edit.c */
extern const struct opt edit_opts[];
bool cmd_edit(struct shell *sh, const struct args *args);
/* What has a definition that can be edited. */
struct edit_object {
    const char *label; /* "Domain 'x'" */
    void *handle;
    int (*get_xml)(void *handle, char **xml, struct vmgr_error **err);
    /* Says so when it is done. The library's error goes to shell_err(). */
    int (*define)(struct shell *sh, const char *xml, bool validate);
    /* The same for what is no object of the connection alone. One of the two. */
    int (*define_handle)(struct shell *sh, void *handle, const char *xml);
};
bool edit_object(struct shell *sh, const struct edit_object *object, bool validate);

/* commands/desc.c */
extern const struct opt desc_opts[];
bool cmd_desc(struct shell *sh, const struct args *args);
extern const struct opt dom_fd_associate_opts[];
bool cmd_dom_fd_associate(struct shell *sh, const struct args *args);

/* commands/metadata.c */
extern const struct opt metadata_opts[];
bool cmd_metadata(struct shell *sh, const struct args *args);

/* commands/dumpxml.c */
extern const struct opt dumpxml_opts[];
bool cmd_dumpxml(struct shell *sh, const struct args *args);
/* Options of commands that print a document. */
#define OPT_XPATH                                                                                  \
    { .name = "xpath",                                                                             \
      .type = OPT_STRING,                                                                          \
      .named = true,                                                                               \
      .help = "xpath expression to filter the XML document" },                                     \
    FLAG("wrap", "wrap xpath results in an common root element")
/* Prints one, or what they choose of it; it is taken over, for free(). */
bool print_xml(struct shell *sh, const struct args *args, char *xml);

/* commands/event.c */
struct event_wait {
    int count; /* of events that came */
    bool timestamp;
};
/* "2024-01-02 03:04:05.678+0000: " */
void print_timestamp(void);
/* Waits as --loop and --timeout say while callbacks count; prints how many came. */
bool event_wait_for(struct shell *sh, const struct args *args, struct event_wait *w);
/* Checks --timeout: to be called before callbacks are registered. */
bool event_timeout_valid(struct shell *sh, const struct args *args);

/* editor.c */
/* Lets the user edit `text`; new text for free(), or NULL: printed why. */
char *edit_text(struct shell *sh, const char *text, const char *suffix);

/* commands/vcpucount.c */
extern const struct opt vcpucount_opts[];
bool cmd_vcpucount(struct shell *sh, const struct args *args);

/* VMGR_DOMAIN_SHUTDOWN_* for "acpi", ...; 0: unknown. */
uint32_t shutdown_mode_flag(const char *name);
/* The nth mode's name, NULL after the last. */
const char *shutdown_mode_name(size_t n);

/* VMGR_DOMAIN_AFFECT_* from --live, --config, --current. False: they exclude each other, printed.
 * */
bool affect_flags(struct shell *sh, const struct args *args, uint32_t *flags);

/* Remarks of the library on what it did not understand in a definition, on stderr. */
void print_messages(struct vmgr_domain *domain);

#endif
