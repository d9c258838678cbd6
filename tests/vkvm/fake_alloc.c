/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocations that fail on demand. Only programs linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray come through here, and only
 * what is compiled into them: libraries' own allocations stay as they are.
 */
#include <stdlib.h>

#include "fake_kvm.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static _Thread_local int alloc_fail_at, alloc_count;

void fake_alloc_fail(int nth)
{
    alloc_fail_at = nth;
    alloc_count = 0;
}

int fake_alloc_count(void)
{
    return alloc_count;
}

/* The fake itself allocates too, but aborts on nothing: its rows are part of the kernel. */
static bool alloc_fails(void)
{
    return ++alloc_count == alloc_fail_at;
}

void *__wrap_malloc(size_t size)
{
    return alloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return alloc_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return alloc_fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return alloc_fails() ? NULL : __real_reallocarray(old, count, size);
}
