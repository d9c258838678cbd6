/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -fw_cfg: "[name=]NAME,string=TEXT" or "[name=]NAME,file=FILE".
 */
#include "fwfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyval.h"
#include "report.h"

/* All of a file, for free(); NULL: said why. */
static void *read_whole(const char *path, size_t *ret_size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = { 0 };
    if (fd < 0 || fstat(fd, &st) < 0) {
        report("-fw_cfg: cannot open '%s': %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > VEMU_FW_CFG_DATA_MAX) {
        report("-fw_cfg: '%s' is not a file of at most %u MiB", path, VEMU_FW_CFG_DATA_MAX >> 20);
        close(fd);
        return NULL;
    }
    char *data = malloc((size_t)st.st_size + 1);
    size_t size = 0;
    ssize_t n = 1;
    while (data && n > 0 && size < (size_t)st.st_size) {
        n = read(fd, data + size, (size_t)st.st_size - size);
        if (n > 0)
            size += (size_t)n;
    }
    if (!data || n < 0) {
        report("-fw_cfg: cannot read '%s': %s", path, strerror(errno));
        free(data);
        data = NULL;
    }
    close(fd);
    *ret_size = size;
    return data;
}

static bool add(struct vemu_vm *vm, const char *name, const char *string, const char *file)
{
    struct vemu_error *err = NULL;
    size_t size = string ? strlen(string) : 0;
    void *data = file ? read_whole(file, &size) : NULL;
    if (file && !data)
        return false;
    const bool ok = vemu_vm_add_fw_cfg(vm, name, data ? data : string, size, &err) >= 0;
    if (!ok)
        report("-fw_cfg: %s", vemu_error_message(err));
    vemu_error_free(err);
    free(data);
    return ok;
}

static bool build_one(struct vemu_vm *vm, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "fw_cfg", value, true))
        return false;
    const char *named = keyval_take(&kv, "name"), *name = kv.first ? kv.first : named;
    const char *string = keyval_take(&kv, "string"), *file = keyval_take(&kv, "file");
    bool ok = keyval_done(&kv, "fw_cfg");
    if (ok && (!name || (kv.first && named) || !string == !file)) {
        report("-fw_cfg %s: a name and either string= or file= are wanted", value);
        ok = false;
    }
    ok = ok && add(vm, name, string, file);
    keyval_free(&kv);
    return ok;
}

bool build_fw_files(struct vemu_vm *vm, const struct options *o)
{
    for (size_t i = 0; i < o->fw_files.count; i++)
        if (!build_one(vm, o->fw_files.items[i]))
            return false;
    return true;
}
