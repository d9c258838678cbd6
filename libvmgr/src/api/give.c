/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results for callers of the interface: from GLib's memory to malloc()'s. */
#include "give.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

int vmgr__give_text(char *text, int r, char **ret, struct vmgr_error **err)
{
    char *copy = r >= 0 && text ? strdup(text) : NULL;

    if (r >= 0 && text && !copy)
        r = vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
    g_free(text);
    if (r >= 0)
        *ret = copy;
    return r < 0 ? -1 : 0;
}

int vmgr__give_array(GPtrArray *list, void *ret, struct vmgr_error **err)
{
    void **out = calloc(list->len + 1, sizeof(*out));

    if (!out)
        return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
    if (list->len) /* pdata may be NULL */
        memcpy(out, list->pdata, list->len * sizeof(*out));
    g_ptr_array_set_free_func(list, NULL);
    *(void **)ret = out;
    return (int)list->len;
}
