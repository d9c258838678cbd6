/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making each call, or each allocation, of a scenario fail in turn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_kvm.h"

#define WALK_LIMIT 10000

/* One run; the fake is fresh and checked for leaks afterwards. */
static int walk_once(int (*scenario)(struct fake_kvm *), void (*prepare)(struct fake_kvm *),
                     int nth_call, int error, int nth_alloc, int *ret_count)
{
    struct fake_kvm *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    fake_kvm_init(f);
    if (prepare)
        prepare(f);
    f->fallible = 0;
    if (nth_call)
        fake_inject_nth(f, nth_call, error);
    fake_alloc_fail(nth_alloc);
    int r = scenario(f);
    *ret_count = nth_alloc ? fake_alloc_count() : f->fallible;
    fake_alloc_fail(0);
    if (f->open_fds || f->mapped) {
        fprintf(stderr, "walk: with %s %d failing, %d descriptors and %d mappings are left\n",
                nth_alloc ? "allocation" : "call", nth_alloc ? nth_alloc : nth_call, f->open_fds,
                f->mapped);
        abort();
    }
    fake_kvm_fini(f);
    free(f);
    return r;
}

int fake_walk(int (*scenario)(struct fake_kvm *), void (*prepare)(struct fake_kvm *), int error,
              int *ret_ignored)
{
    int total, count, ignored = 0;
    int r = walk_once(scenario, prepare, 0, 0, 0, &total);
    if (r < 0) {
        fprintf(stderr, "walk: the undisturbed scenario fails: %d\n", r);
        abort();
    }
    for (int nth = 1; nth <= total && nth < WALK_LIMIT; nth++) {
        r = walk_once(scenario, prepare, nth, error, 0, &count);
        if (r >= 0) {
            ignored++;
            if (!ret_ignored) {
                fprintf(stderr, "walk: the failure of call %d is not reported\n", nth);
                abort();
            }
        }
    }
    if (ret_ignored)
        *ret_ignored = ignored;
    return total;
}

int fake_walk_alloc(int (*scenario)(struct fake_kvm *), void (*prepare)(struct fake_kvm *))
{
    int nth, count;
    for (nth = 1; nth < WALK_LIMIT; nth++) {
        int r = walk_once(scenario, prepare, 0, 0, nth, &count);
        if (count < nth) /* it was never reached: done */
            break;
        if (r != -ENOMEM) {
            fprintf(stderr, "walk: with allocation %d failing, %d instead of -ENOMEM\n", nth, r);
            abort();
        }
    }
    return nth - 1;
}
