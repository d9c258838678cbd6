/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about descriptors that a client hands over: getfd, closefd.
 *
 * A descriptor comes over the session's Unix socket (SCM_RIGHTS) with the bytes of the command that
 * gives it a name. It is the session's until something uses it up, and goes with the client.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

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

static const struct qmp_command commands[] = {
    { "closefd", cmd_closefd, "{fdname:str}", NULL },
    { "getfd", cmd_getfd, "{fdname:str}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_fd = { .commands = commands };
