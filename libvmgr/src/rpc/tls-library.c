/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading GnuTLS.
 */
#include "tls-library.h"

#include <dlfcn.h>
#include <glib.h>

/* Of the interface that <gnutls/gnutls.h> has had since 3.6. */
#define LIBRARY "libgnutls.so.30"

struct vmgr__gnutls vmgr__gnutls;

/* NULL, or why it cannot be used. It stays: threads of its users may be in it until the end. */
static char *load(void)
{
    static const char *const names[] = {
#define NAME(name) "gnutls_" #name,
        VMGR__GNUTLS(NAME)
#undef NAME
    };
    void **const members[] = {
#define MEMBER(name) (void **)(void *)&vmgr__gnutls.name,
        VMGR__GNUTLS(MEMBER)
#undef MEMBER
    };
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    if (!library)
        return g_strdup_printf("cannot use TLS: %s", dlerror());
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        *members[i] = dlsym(library, names[i]);
        if (!*members[i])
            return g_strdup_printf("cannot use TLS: %s", dlerror());
    }
    return NULL;
}

bool vmgr__gnutls_load(char **err)
{
    static gsize done;
    static char *why;

    if (g_once_init_enter(&done)) {
        why = load();
        g_once_init_leave(&done, 1);
    }
    if (why)
        *err = g_strdup(why);
    return !why;
}
