/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain commands with files of their own, and small translations.
 */
#ifndef VMSH_DOMAIN_TEXT_H
#define VMSH_DOMAIN_TEXT_H

#include "shell.h"

/* cmd-edit.c */
extern const struct opt edit_opts[];
bool cmd_edit(struct shell *sh, const struct args *args);

/* cmd-desc.c */
extern const struct opt desc_opts[];
bool cmd_desc(struct shell *sh, const struct args *args);

/* cmd-dumpxml.c */
extern const struct opt dumpxml_opts[];
bool cmd_dumpxml(struct shell *sh, const struct args *args);

/* editor.c */
/* Lets the user edit `text`; new text for free(), or NULL: printed why. */
char *edit_text(struct shell *sh, const char *text, const char *suffix);

/* cmd-vcpucount.c */
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
