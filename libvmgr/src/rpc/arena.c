/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arenas: the memory of one message, freed at once.
 */
#include <string.h>

#include "codec.h"

#define BLOCK_SIZE 4000u

struct vmgr__arena_block {
    struct vmgr__arena_block *next;
    size_t used, size;
    _Alignas(16) uint8_t data[];
};

struct adopted {
    void *p;
    void (*free_fn)(void *p);
};

static void adopted_free(void *data)
{
    struct adopted *a = data;

    a->free_fn(a->p);
    g_free(a);
}

void vmgr__arena_clear(struct vmgr__arena *a)
{
    struct vmgr__arena_block *next;

    for (struct vmgr__arena_block *b = a->blocks; b; b = next) {
        next = b->next;
        g_free(b);
    }
    g_slist_free_full(a->adopted, adopted_free);
    a->blocks = NULL;
    a->adopted = NULL;
    a->allocated = 0;
}

void *vmgr__arena_alloc(struct vmgr__arena *a, size_t size)
{
    struct vmgr__arena_block *b = a->blocks;
    void *p;

    size = (size + 15) & ~(size_t)15;
    if (!b || b->size - b->used < size) {
        const size_t block = MAX(size, BLOCK_SIZE);

        b = g_try_malloc(sizeof(*b) + block);
        if (!b)
            return NULL;
        b->used = 0;
        b->size = block;
        a->allocated += block;
        /* One large piece must not hide the room that is left in the block before it. */
        if (size > BLOCK_SIZE / 2 && a->blocks) {
            b->next = a->blocks->next;
            a->blocks->next = b;
        } else {
            b->next = a->blocks;
            a->blocks = b;
        }
    }
    p = b->data + b->used;
    b->used += size;
    /* Now, and not the block at once: most calls need little of it. */
    return memset(p, 0, size);
}

char *vmgr__arena_strdup(struct vmgr__arena *a, const char *text)
{
    return vmgr__arena_adopt(a, g_strdup(text), g_free);
}

void *vmgr__arena_adopt(struct vmgr__arena *a, void *p, void (*free_fn)(void *p))
{
    struct adopted *one = g_new(struct adopted, 1);

    *one = (struct adopted){ p, free_fn };
    a->adopted = g_slist_prepend(a->adopted, one);
    return p;
}
