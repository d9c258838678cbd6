/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Texts of definitions that were asked for, until the definition is another.
 *
 * A document is the same bytes as long as its definition stands, and programs that watch many
 * domains ask for it again and again; to write it takes longer than all else in such a call.
 * Definitions in the cache are never changed, only replaced (cache.c), which forgets the text. What
 * has secrets in it is not kept, nor what is large. When the texts together are too much all go:
 * who asks for more domains than that in turn would not find any of them again anyway.
 */
#include "text.h"

#include <string.h>

#define ONE_MAX (64u << 10)
#define ALL_MAX (16u << 20)

struct text {
    const struct vmgr__domain_def *def; /* of which; borrowed, and only compared */
    uint32_t flags;                     /* VMGR__CONF_* it was written with */
    size_t size;
    char bytes[];
};

struct vemu_texts {
    GHashTable *by_name; /* name of the domain -> struct text */
    size_t bytes;        /* of all */
};

void vmgr__vemu_texts_fini(struct vemu *d)
{
    if (d->texts)
        g_hash_table_unref(d->texts->by_name);
    g_clear_pointer(&d->texts, g_free);
}

void vmgr__vemu_text_forget(struct vemu *d, const char *name)
{
    const struct text *t = d->texts ? g_hash_table_lookup(d->texts->by_name, name) : NULL;

    if (!t)
        return;
    d->texts->bytes -= t->size;
    g_hash_table_remove(d->texts->by_name, name);
}

static void keep(struct vemu *d, const char *name, const struct vmgr__domain_def *def,
                 uint32_t flags, const char *bytes)
{
    const size_t size = strlen(bytes) + 1;
    struct text *t;

    if (!(flags & VMGR__CONF_PUBLIC) || size > ONE_MAX)
        return;
    if (!d->texts) {
        d->texts = g_new0(struct vemu_texts, 1);
        d->texts->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    }
    vmgr__vemu_text_forget(d, name); /* with other flags, or of the other definition */
    if (d->texts->bytes + size > ALL_MAX) {
        g_hash_table_remove_all(d->texts->by_name);
        d->texts->bytes = 0;
    }
    t = g_malloc(sizeof(*t) + size);
    t->def = def;
    t->flags = flags;
    t->size = size;
    memcpy(t->bytes, bytes, size);
    d->texts->bytes += size;
    g_hash_table_insert(d->texts->by_name, g_strdup(name), t);
}

char *vmgr__vemu_text(struct vemu *d, const struct vmgr__domobj *obj, uint32_t flags)
{
    const char *name = vmgr__domobj_name(obj);
    uint32_t conf_flags;
    const struct vmgr__domain_def *def = vmgr__domobj_xml_def(obj, flags, &conf_flags);
    const struct text *t = d->texts ? g_hash_table_lookup(d->texts->by_name, name) : NULL;
    char *bytes;

    if (t && t->def == def && t->flags == conf_flags)
        return g_memdup2(t->bytes, t->size);
    bytes = vmgr__domain_def_format(def, conf_flags);
    keep(d, name, def, conf_flags, bytes);
    return bytes;
}
