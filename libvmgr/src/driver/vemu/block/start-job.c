/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on disks that begin: pull, commit, copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "block-work.h"
#include "../device/parts.h"
#include "../run/rights.h"
#include "../run/qmp.h"
#include "../state/status.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED, __VA_ARGS__)

/* Begins a job; args is taken over. mirror: where it copies to, with its format; or NULL. */
static int start(struct vemu_block_work *w, int type, const char *command, struct json_object *args,
                 uint64_t speed, const char *mirror, const char *format, const char *files,
                 struct vmgr_error **err)
{
    struct vemu_blockjob *job = vmgr__blockjob_add(&w->c.status, w->dev->target, type);
    g_autofree char *id = vmgr__blockjob_id(job);
    int r;

    job->node = vmgr__vemu_disk_node(w->q, w->alias);
    job->files = g_strdup(files);
    vmgr__vemu_set(args, "job-id", id);
    vmgr__vemu_set(args, "device", w->alias);
    if (speed)
        vmgr__vemu_set_int(args, "speed", (int64_t)speed);
    vmgr__vemu_set_bool(args, "auto-dismiss", false);
    r = vmgr__vemu_status_save(w->c.d, w->c.name, &w->c.status, err);
    if (r == 0)
        r = vmgr__qmp_execute(w->q, command, args, NULL, err);
    else
        json_object_put(args);
    if (r == 0) {
        job->state = VEMU_JOB_RUNNING;
        if (mirror)
            vmgr__blockjob_set_mirror(w->dev, type, mirror, format, false);
    } else {
        vmgr__blockjob_remove(&w->c.status, job);
    }
    if (vmgr__vemu_status_save(w->c.d, w->c.name, &w->c.status, r < 0 ? NULL : err) < 0)
        r = -1;
    return r;
}

/* Gives the run's user a file that it will write to, for the rest of the run. */
static int lend(struct vemu_block_work *w, const char *path, struct vmgr_error **err)
{
    return vmgr__vemu_rights_file(w->c.d, w->c.name, &w->c.status, path, true, err);
}

static int pull(struct vmgr_domain *dom, const char *disk, const char *base, uint64_t bandwidth,
                bool is_bytes, struct vmgr_error **err)
{
    g_autofree char *path = NULL;
    struct json_object *args;
    struct vemu_block_work w;
    uint64_t speed = 0;
    int r = 0;

    if (vmgr__block_to_bytes(bandwidth, is_bytes, &speed, err) < 0 ||
        vmgr__block_begin_job(&w, dom, disk, err) < 0)
        return -1;
    if (base) {
        path = vmgr__vemu_chain_resolve(w.dev, base, err);
        r = path ? 0 : -1;
        if (path && strcmp(path, w.dev->source) == 0)
            r = vemu_error(err, VMGR_ERR_INVALID_ARG, "can't find '%s' below disk '%s'", base,
                           w.dev->target);
    }
    if (r == 0) {
        args = json_object_new_object();
        vmgr__vemu_set(args, "base", path);
        r = start(&w, VMGR_BLOCK_JOB_PULL, "block-stream", args, speed, NULL, NULL, NULL, err);
    }
    return vmgr__block_end(&w, r);
}

int vmgr__vemu_block_pull(struct vmgr_domain *dom, const char *disk, uint64_t bandwidth,
                          uint32_t flags, struct vmgr_error **err)
{
    return pull(dom, disk, NULL, bandwidth, flags & VMGR_BLOCK_PULL_BANDWIDTH_BYTES, err);
}

/* ---- commit ---- */

struct range {
    guint top, base; /* places in the chain */
};

static int place_of(const struct vemu_block_work *w, GPtrArray *paths, const char *name, guint *ret,
                    struct vmgr_error **err)
{
    g_autofree char *path = vmgr__vemu_chain_resolve(w->dev, name, err);

    if (!path)
        return -1;
    for (*ret = 0; strcmp(paths->pdata[*ret], path) != 0;)
        (*ret)++;
    return 0;
}

static int find_range(const struct vemu_block_work *w, GPtrArray *paths, const char *base,
                      const char *top, uint32_t flags, struct range *ret, struct vmgr_error **err)
{
    ret->top = 0;
    if (top && place_of(w, paths, top, &ret->top, err) < 0)
        return -1;
    ret->base = flags & VMGR_BLOCK_COMMIT_SHALLOW ? ret->top + 1 : paths->len - 1;
    if (base && place_of(w, paths, base, &ret->base, err) < 0)
        return -1;
    if (ret->top == 0 && !(flags & VMGR_BLOCK_COMMIT_ACTIVE))
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "commit of '%s' active layer requires active flag", w->dev->target);
    if (ret->top && (flags & VMGR_BLOCK_COMMIT_ACTIVE))
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "active commit requested but '%s' is not active", top);
    if (ret->top + 1 >= paths->len)
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "top '%s' in chain for '%s' has no backing file",
                          (char *)paths->pdata[ret->top], w->dev->source);
    if (ret->base <= ret->top)
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "could not find base '%s' below '%s' in chain for '%s'", base ? base : "",
                          (char *)paths->pdata[ret->top], w->dev->target);
    if (base && (flags & VMGR_BLOCK_COMMIT_SHALLOW) && ret->base != ret->top + 1)
        return vemu_error(err, VMGR_ERR_INVALID_ARG,
                          "base '%s' is not immediately below '%s' in chain for '%s'", base,
                          (char *)paths->pdata[ret->top], w->dev->target);
    return 0;
}

/* The format of an image of the chain, for g_free(). */
static char *format_at(const struct vmgr__device *dev, guint place)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    const xmlNode *at = xmlDocGetRootElement(doc), *node;
    char *format = NULL;

    for (guint i = 0; at && i < place; i++)
        at = vmgr__xml_child(at, "backingStore");
    node = at ? vmgr__xml_child(at, "format") : NULL;
    if (node)
        format = vmgr__xml_attr(node, "type");
    xmlFreeDoc(doc);
    return format ? format : g_strdup("raw");
}

/* The files that nothing needs when all between top and base is in the base. */
static char *files_of(GPtrArray *paths, const struct range *range)
{
    g_autoptr(GString) list = g_string_new(NULL);

    for (guint i = range->top; i < range->base; i++)
        g_string_append_printf(list, "%s%s", list->len ? "\n" : "", (char *)paths->pdata[i]);
    return g_strdup(list->str);
}

static int start_commit(struct vemu_block_work *w, const char *base, const char *top,
                        uint64_t speed, uint32_t flags, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) paths = vmgr__vemu_chain_paths(w->dev);
    g_autofree char *files = NULL, *format = NULL;
    struct json_object *args;
    struct range range;

    if (find_range(w, paths, base, top, flags, &range, err) < 0)
        return -1;
    if (lend(w, paths->pdata[range.base], err) < 0)
        return -1;
    /* The image above the top is told of its new backing file. */
    if (range.top > 1 && lend(w, paths->pdata[range.top - 1], err) < 0)
        return -1;
    if (flags & VMGR_BLOCK_COMMIT_DELETE)
        files = files_of(paths, &range);
    args = json_object_new_object();
    vmgr__vemu_set(args, "base", paths->pdata[range.base]);
    if (range.top) {
        vmgr__vemu_set(args, "top", paths->pdata[range.top]);
        return start(w, VMGR_BLOCK_JOB_COMMIT, "block-commit", args, speed, NULL, NULL, files, err);
    }
    format = format_at(w->dev, range.base);
    return start(w, VMGR_BLOCK_JOB_ACTIVE_COMMIT, "block-commit", args, speed,
                 paths->pdata[range.base], format, files, err);
}

int vmgr__vemu_block_commit(struct vmgr_domain *dom, const char *disk, const char *base,
                            const char *top, uint64_t bandwidth, uint32_t flags,
                            struct vmgr_error **err)
{
    struct vemu_block_work w;
    uint64_t speed = 0;

    if (flags & VMGR_BLOCK_COMMIT_RELATIVE)
        return unsupported(err, "VIR_DOMAIN_BLOCK_COMMIT_RELATIVE is not supported by the vemu "
                                "driver yet");
    if (vmgr__block_to_bytes(bandwidth, flags & VMGR_BLOCK_COMMIT_BANDWIDTH_BYTES, &speed, err) <
            0 ||
        vmgr__block_begin_job(&w, dom, disk, err) < 0)
        return -1;
    return vmgr__block_end(&w, start_commit(&w, base, top, speed, flags, err));
}

/* ---- copy ---- */

struct target {
    char *path, *format;
    bool block;
};

static void target_fini(struct target *t)
{
    g_free(t->path);
    g_free(t->format);
}

static int read_target(const char *xml, struct target *t, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__xml_parse(xml, "(disk_definition)", "disk", err);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    const xmlNode *source = root ? vmgr__xml_child(root, "source") : NULL;
    const xmlNode *driver = root ? vmgr__xml_child(root, "driver") : NULL;
    g_autofree char *type = root ? vmgr__xml_attr(root, "type") : NULL;
    int r = 0;

    if (!doc)
        return -1;
    t->block = g_strcmp0(type, "block") == 0;
    if (type && !t->block && strcmp(type, "file") != 0)
        r = unsupported(err, "copying to a disk of type '%s' is not supported by the vemu driver",
                        type);
    if (r == 0 && source)
        t->path = vmgr__xml_attr(source, t->block ? "dev" : "file");
    if (r == 0 && (!t->path || !g_path_is_absolute(t->path)))
        r = vemu_error(err, VMGR_ERR_XML_ERROR, "the destination of a copy needs an absolute path");
    if (driver)
        t->format = vmgr__xml_attr(driver, "type");
    xmlFreeDoc(doc);
    return r;
}

static int check_target(const struct vemu_block_work *w, const struct target *t, uint32_t flags,
                        struct vmgr_error **err)
{
    const bool reuse = flags & VMGR_BLOCK_COPY_REUSE_EXT;
    struct stat st;

    if (strcmp(t->format, "raw") != 0 && strcmp(t->format, "qcow2") != 0)
        return unsupported(err, "copying to format '%s' is not supported by the vemu driver",
                           t->format);
    if (strcmp(t->format, "raw") == 0 && (flags & VMGR_BLOCK_COPY_SHALLOW)) {
        g_autoptr(GPtrArray) paths = vmgr__vemu_chain_paths(w->dev);

        if (paths->len > 1)
            return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                              "shallow copy of disk '%s' into a raw file is not possible",
                              w->dev->target);
    }
    if (stat(t->path, &st) < 0)
        return reuse ? vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU,
                                             "missing destination file for disk %s: %s",
                                             w->dev->target, t->path)
                     : 0;
    if (!reuse && S_ISREG(st.st_mode) && st.st_size)
        return vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "external destination file for disk %s already exists and is not a block "
                          "device: %s",
                          w->dev->target, t->path);
    return 0;
}

/* A run's own user may not make files where the copy is to be. */
static int make_target(struct vemu_block_work *w, const struct target *t, struct vmgr_error **err)
{
    int fd;

    if (!w->c.status.uid)
        return 0;
    fd = open(t->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot create file '%s'",
                                     t->path);
    close(fd);
    return lend(w, t->path, err);
}

static int start_copy(struct vemu_block_work *w, struct target *t,
                      const struct vmgr_block_copy_params *params, uint32_t flags,
                      struct vmgr_error **err)
{
    struct json_object *args;
    struct stat st;

    if (!t->format)
        t->format = vmgr__device_get(w->dev, "driver", "type");
    if (!t->format)
        t->format = g_strdup("raw");
    if (check_target(w, t, flags, err) < 0 || make_target(w, t, err) < 0)
        return -1;
    args = json_object_new_object();
    vmgr__vemu_set(args, "target", t->path);
    vmgr__vemu_set(args, "format", t->format);
    vmgr__vemu_set(args, "sync", flags & VMGR_BLOCK_COPY_SHALLOW ? "top" : "full");
    /* A device is there already, with room for raw data. */
    if ((flags & VMGR_BLOCK_COPY_REUSE_EXT) ||
        (strcmp(t->format, "raw") == 0 && stat(t->path, &st) == 0 && S_ISBLK(st.st_mode)))
        vmgr__vemu_set(args, "mode", "existing");
    if (params->granularity)
        vmgr__vemu_set_int(args, "granularity", params->granularity);
    if (flags & VMGR_BLOCK_COPY_SYNCHRONOUS_WRITES)
        vmgr__vemu_set(args, "copy-mode", "write-blocking");
    return start(w, VMGR_BLOCK_JOB_COPY, "drive-mirror", args, params->bandwidth, t->path,
                 t->format, NULL, err);
}

int vmgr__vemu_block_copy(struct vmgr_domain *dom, const char *disk, const char *xml,
                          const struct vmgr_block_copy_params *params, uint32_t flags,
                          struct vmgr_error **err)
{
    struct target t = { NULL, NULL, false };
    struct vemu_block_work w;
    int r = -1;

    if (params->buf_size)
        return unsupported(err, "a size of the buffer of block copies is not supported by the vemu "
                                "driver");
    if (params->granularity & (params->granularity - 1))
        return vemu_error(err, VMGR_ERR_INVALID_ARG, "granularity must be power of 2");
    if (params->bandwidth > INT64_MAX)
        return vmgr__block_to_bytes(params->bandwidth, true, &(uint64_t){ 0 }, err);
    if (read_target(xml, &t, err) == 0 && vmgr__block_begin_job(&w, dom, disk, err) == 0)
        r = vmgr__block_end(&w, start_copy(&w, &t, params, flags, err));
    target_fini(&t);
    return r;
}

/* The older way to say pull and copy. */
int vmgr__vemu_block_rebase(struct vmgr_domain *dom, const char *disk, const char *base,
                            uint64_t bandwidth, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_block_copy_params params = VMGR_BLOCK_COPY_PARAMS_INIT;
    const bool is_bytes = flags & VMGR_BLOCK_REBASE_BANDWIDTH_BYTES;
    g_autofree char *path = NULL, *xml = NULL;
    const bool dev = flags & VMGR_BLOCK_REBASE_COPY_DEV;

    if (flags & VMGR_BLOCK_REBASE_RELATIVE)
        return unsupported(err, "VIR_DOMAIN_BLOCK_REBASE_RELATIVE is not supported by the vemu "
                                "driver yet");
    if (!(flags & VMGR_BLOCK_REBASE_COPY))
        return pull(dom, disk, base, bandwidth, is_bytes, err);
    if (vmgr__block_to_bytes(bandwidth, is_bytes, &params.bandwidth, err) < 0)
        return -1;
    path = g_markup_escape_text(base, -1);
    xml = g_strdup_printf("<disk type='%s'>%s<source %s='%s'/></disk>", dev ? "block" : "file",
                          flags & VMGR_BLOCK_REBASE_COPY_RAW ? "<driver type='raw'/>" : "",
                          dev ? "dev" : "file", path);
    return vmgr__vemu_block_copy(
        dom, disk, xml, &params,
        (flags & VMGR_BLOCK_REBASE_SHALLOW ? VMGR_BLOCK_COPY_SHALLOW : 0) |
            (flags & VMGR_BLOCK_REBASE_REUSE_EXT ? VMGR_BLOCK_COPY_REUSE_EXT : 0),
        err);
}
