/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Option --pass-fds: descriptors that the shell was started with, for a domain.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <vmgr/files.h>

#include "shell.h"

static bool parse(struct shell *sh, const char *text, size_t length, int *ret)
{
    char word[16] = "", *end = word;
    long value = 0;
    errno = 0;
    if (length < sizeof(word)) {
        memcpy(word, text, length);
        value = strtol(word, &end, 10);
    }
    if (end == word || *end || errno || value < INT_MIN || value > INT_MAX) {
        shell_error(sh, "Unable to parse FD number '%.*s'", (int)length, text);
        return false;
    }
    *ret = (int)value;
    return true;
}

bool args_fds(struct shell *sh, const struct args *args, struct fds *ret)
{
    const char *at = args_string(args, "pass-fds");
    ret->n = 0;
    while (at && *at) {
        const char *comma = strchr(at, ',');
        size_t length = comma ? (size_t)(comma - at) : strlen(at);
        if (ret->n == VMGR_FILES_MAX) {
            shell_error(sh, "more than %u descriptors cannot be passed", VMGR_FILES_MAX);
            return false;
        }
        if (!parse(sh, at, length, &ret->fds[ret->n]))
            return false;
        ret->n++;
        at += length;
        if (comma && !*++at) /* a comma at the end has an empty number behind it */
            return parse(sh, at, 0, &ret->fds[0]);
    }
    return true;
}
