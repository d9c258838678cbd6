/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading definition files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

#define FILE_MAX (16u << 20) /* the library refuses more than 8 MiB with a better message */

char *file_read(struct shell *sh, const char *path)
{
    FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
    if (!f) {
        shell_error(sh, "Failed to open file '%s': %s", path, strerror(errno));
        return NULL;
    }
    size_t room = 65536, length = 0;
    char *text = must_alloc(room + 1);
    while (length < FILE_MAX) {
        size_t n = fread(text + length, 1, room - length, f);
        length += n;
        if (n == 0)
            break;
        if (length == room) {
            room *= 2;
            text = must_realloc(text, room + 1);
        }
    }
    int error = ferror(f) ? errno : 0;
    if (f != stdin)
        fclose(f);
    if (error || length >= FILE_MAX) {
        shell_error(sh, "Failed to read file '%s': %s", path,
                    error ? strerror(error) : "file too large");
        free(text);
        return NULL;
    }
    text[length] = '\0';
    return text;
}
