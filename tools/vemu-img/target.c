/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that a command makes: they do not stay behind half done.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "img.h"

static const char *path_of(const char *filename)
{
    return !strncmp(filename, "file:", 5) ? filename + 5 : filename;
}

bool target_is(const char *target, const char *source)
{
    struct stat a, b;

    return stat(path_of(target), &a) == 0 && stat(path_of(source), &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void target_note(struct target *target, const char *filename)
{
    struct stat st;

    target->path = path_of(filename);
    target->made = lstat(target->path, &st) < 0;
}

bool target_reads_zero(const char *filename, const char *format, const struct props *props)
{
    const char *preallocation = props ? props_get(props, "preallocation") : NULL;
    struct stat st;

    if (stat(path_of(filename), &st) == 0 && S_ISREG(st.st_mode))
        return true;
    /* metadata say that nothing is there yet */
    return strcmp(format, "raw") && (!preallocation || !strcmp(preallocation, "off"));
}

void target_abandon(const struct target *target)
{
    struct stat st;

    if (lstat(target->path, &st) < 0)
        return;
    if (!target->made)
        report("'%s' is not complete", target->path);
    else if (S_ISREG(st.st_mode) && unlink(target->path) < 0)
        report("'%s' is not complete and could not be removed", target->path);
}
