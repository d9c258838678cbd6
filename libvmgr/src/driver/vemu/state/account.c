/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users and groups of the host, by name or number.
 */
#include "account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "../../../conf/xml.h"

#define RECORD_MAX 4096
#define GROUP_MAX  (4096 << 8)

/* The last number stands for "leave it as it is" in system calls. */
static bool number(const char *text, uint32_t *ret)
{
    return vmgr__parse_u32(*text == '+' ? text + 1 : text, ret) && *ret != UINT32_MAX;
}

bool vmgr__account_user(const char *text, uid_t *ret, gid_t *ret_group)
{
    struct passwd pw, *found = NULL;
    char buf[RECORD_MAX];
    uint32_t n;

    if (*text != '+' && getpwnam_r(text, &pw, buf, sizeof(buf), &found) == 0 && found)
        *ret = pw.pw_uid;
    else if (number(text, &n))
        *ret = n;
    else
        return false;
    if (!found && getpwuid_r(*ret, &pw, buf, sizeof(buf), &found) != 0)
        found = NULL;
    if (ret_group)
        *ret_group = found ? pw.pw_gid : (gid_t)*ret;
    return true;
}

/* A group's record has the names of all its members. */
static bool group_named(const char *name, gid_t *ret)
{
    for (size_t size = RECORD_MAX; size <= GROUP_MAX; size *= 4) {
        g_autofree char *buf = g_malloc(size);
        struct group gr, *found = NULL;
        const int r = getgrnam_r(name, &gr, buf, size, &found);

        if (found)
            *ret = gr.gr_gid;
        if (r != ERANGE)
            return found;
    }
    return false;
}

bool vmgr__account_group(const char *text, gid_t *ret)
{
    uint32_t n;

    if (*text != '+' && group_named(text, ret))
        return true;
    if (!number(text, &n))
        return false;
    *ret = n;
    return true;
}
