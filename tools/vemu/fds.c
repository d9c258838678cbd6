/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -add-fd: descriptors that vemu was started with stand for files.
 */
#include "fds.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vemu/block.h>

#include "keyval.h"
#include "report.h"

static bool number(const char *value, const char *name, const char *text, long long least,
                   long long most, long long *ret)
{
    char *end;
    if (!text) {
        report("-add-fd %s: parameter '%s' is missing", value, name);
        return false;
    }
    *ret = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || *ret < least || *ret > most) {
        report("-add-fd %s: '%s=%s' is no number from %lld on", value, name, text, least);
        return false;
    }
    return true;
}

static bool build_fd(struct vemu_vm *vm, const char *value)
{
    struct keyval kv;
    struct vemu_error *err = NULL;
    long long fd = -1, set = -1;
    if (!keyval_parse(&kv, "add-fd", value, false))
        return false;
    const char *fd_text = keyval_take(&kv, "fd"), *set_text = keyval_take(&kv, "set");
    const char *opaque = keyval_take(&kv, "opaque");
    bool ok = keyval_done(&kv, "add-fd") &&
              number(value, "fd", fd_text, STDERR_FILENO + 1, 0x7fffffff, &fd) &&
              number(value, "set", set_text, 0, 0x7fffffffffffffff, &set);
    if (ok && vemu_vm_add_fd(vm, set, (int)fd, opaque, &err) < 0) {
        report("-add-fd %s: %s", value, vemu_error_message(err));
        vemu_error_free(err);
        ok = false;
    }
    keyval_free(&kv);
    if (ok)
        close((int)fd);
    return ok;
}

bool build_fds(struct vemu_vm *vm, const struct options *o)
{
    for (size_t i = 0; i < o->fds.count; i++)
        if (!build_fd(vm, o->fds.items[i]))
            return false;
    return true;
}
