/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Results for callers of the interface, who free with free().
 */
#ifndef VMGR_SRC_API_GIVE_H
#define VMGR_SRC_API_GIVE_H

#include <glib.h>
#include <vmgr/error.h>

/* Gives a GLib string, which it frees; NULL is given as NULL. r < 0: nothing to give. */
int vmgr__give_text(char *text, int r, char **ret, struct vmgr_error **err);
/* Gives the pointers of an array as a NULL-terminated one, to *(void ***)ret. Takes the elements,
 * not the array. Returns how many. */
int vmgr__give_array(GPtrArray *list, void *ret, struct vmgr_error **err);

#endif
