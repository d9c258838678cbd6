/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about descriptors that a client hands over: getfd, closefd; add-fd, remove-fd,
 * query-fdsets.
 *
 * A descriptor comes over the session's Unix socket (SCM_RIGHTS) with the bytes of the command that
 * gives it a name. It is the session's until something uses it up, and goes with the client. One in
 * a set is the machine's (block/fdset.h).
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "block/fdset.h"
#include "monitor/qmp.h"

#define NAMED_MAX 64 /* of one session */

void vemu__qmp_descriptors_init(struct qmp_descriptors *d)
{
    d->received = -1;
    d->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void vemu__qmp_descriptors_clear(struct qmp_descriptors *d)
{
    GHashTableIter iter;
    void *fd;

    g_hash_table_iter_init(&iter, d->named);
    while (g_hash_table_iter_next(&iter, NULL, &fd))
        close(GPOINTER_TO_INT(fd));
    g_hash_table_remove_all(d->named);
    if (d->received >= 0)
        close(d->received);
    d->received = -1;
}

void vemu__qmp_descriptors_fini(struct qmp_descriptors *d)
{
    vemu__qmp_descriptors_clear(d);
    g_hash_table_unref(d->named);
}

char *vemu__qmp_descriptors_resolve(const struct qmp_descriptors *d, const char *names,
                                    struct vemu_error **err)
{
    g_auto(GStrv) list = g_strsplit(names, ":", -1);
    void *fd;

    for (unsigned i = 0; list[i]; i++) {
        if (g_ascii_isdigit(*list[i]))
            continue;
        if (!g_hash_table_lookup_extended(d->named, list[i], NULL, &fd)) {
            vemu__error_set(err, EINVAL, "File descriptor named '%s' has not been found", list[i]);
            return NULL;
        }
        g_free(list[i]);
        list[i] = g_strdup_printf("%d", GPOINTER_TO_INT(fd));
    }
    return g_strjoinv(":", list);
}

void vemu__qmp_descriptors_forget(struct qmp_descriptors *d, const char *names, bool close_them)
{
    g_auto(GStrv) list = g_strsplit(names, ":", -1);
    void *fd;

    for (unsigned i = 0; list[i]; i++) {
        if (!g_hash_table_lookup_extended(d->named, list[i], NULL, &fd))
            continue;
        if (close_them)
            close(GPOINTER_TO_INT(fd));
        g_hash_table_remove(d->named, list[i]);
    }
}

static int cmd_getfd(QMP_PARAMS)
{
    struct qmp_descriptors *d = vemu__qmp_descriptors();
    const char *name = qmp_get_string(args, "fdname");
    void *old;

    if (d->received < 0)
        return vemu__error_set(err, EINVAL, "No file descriptor supplied via SCM_RIGHTS");
    if (!*name || g_ascii_isdigit(*name) || strchr(name, ':'))
        return vemu__error_set(err, EINVAL,
                               "Parameter 'fdname' expects a name not starting with a digit");
    if (g_hash_table_lookup_extended(d->named, name, NULL, &old))
        close(GPOINTER_TO_INT(old));
    else if (g_hash_table_size(d->named) >= NAMED_MAX)
        return vemu__error_set(err, EMFILE, "%d descriptors wait to be used already", NAMED_MAX);
    g_hash_table_replace(d->named, g_strdup(name), GINT_TO_POINTER(d->received));
    d->received = -1;
    return 0;
}

static int cmd_closefd(QMP_PARAMS)
{
    struct qmp_descriptors *d = vemu__qmp_descriptors();
    const char *name = qmp_get_string(args, "fdname");

    if (!g_hash_table_contains(d->named, name))
        return vemu__error_set(err, ENOENT, "File descriptor named '%s' has not been found", name);
    vemu__qmp_descriptors_forget(d, name, true);
    return 0;
}

static int cmd_add_fd(QMP_PARAMS)
{
    struct qmp_descriptors *d = vemu__qmp_descriptors();
    struct json_object *id = qmp_get(args, "fdset-id");
    int64_t set = id ? json_object_get_int64(id) : -1;
    int r;

    if (d->received < 0)
        return vemu__error_set(err, EINVAL, "No file descriptor supplied via SCM_RIGHTS");
    if (id && set < 0)
        return vemu__error_set(err, EINVAL, "Parameter 'fdset-id' expects a non-negative value");
    r = vemu__fdset_add(vm, set, d->received, qmp_get_string(args, "opaque"), &set, err);
    if (r < 0)
        return r;
    *result = json_object_new_object();
    qmp_add_int(*result, "fdset-id", (uint64_t)set);
    qmp_add_int(*result, "fd", (uint64_t)d->received);
    d->received = -1;
    return 0;
}

static int cmd_remove_fd(QMP_PARAMS)
{
    struct json_object *fd = qmp_get(args, "fd");
    const int64_t number = fd ? json_object_get_int64(fd) : -1;

    if (fd && (number < 0 || number > INT_MAX))
        return vemu__error_set(err, EINVAL, "Parameter 'fd' expects a file descriptor");
    return vemu__fdset_remove(vm, json_object_get_int64(qmp_get(args, "fdset-id")), (int)number,
                              err);
}

static int cmd_query_fdsets(QMP_PARAMS)
{
    const GArray *list = vemu__fdset_list(vm);
    struct json_object *fds = NULL;

    *result = json_object_new_array();
    for (guint i = 0; i < list->len; i++) {
        const struct vemu_fdset_fd *f = &g_array_index(list, struct vemu_fdset_fd, i);
        struct json_object *o = json_object_new_object();

        if (i == 0 || f[-1].set != f->set) {
            struct json_object *set = json_object_new_object();

            fds = json_object_new_array();
            qmp_add_int(set, "fdset-id", (uint64_t)f->set);
            json_object_object_add(set, "fds", fds);
            json_object_array_add(*result, set);
        }
        qmp_add_int(o, "fd", (uint64_t)f->fd);
        if (f->opaque)
            qmp_add_string(o, "opaque", f->opaque);
        json_object_array_add(fds, o);
    }
    return 0;
}

static const struct qmp_command commands[] = {
    { "add-fd", cmd_add_fd, "{fdset-id?:int,opaque?:str}", "{fdset-id:int,fd:int}" },
    { "closefd", cmd_closefd, "{fdname:str}", NULL },
    { "getfd", cmd_getfd, "{fdname:str}", NULL },
    { "query-fdsets", cmd_query_fdsets, NULL, "[{fdset-id:int,fds:[{fd:int,opaque?:str}]}]" },
    { "remove-fd", cmd_remove_fd, "{fdset-id:int,fd?:int}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_fd = { .commands = commands };
