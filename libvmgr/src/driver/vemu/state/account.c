/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users and groups of the host, by name or number.
 */
#include "account.h"

#include <grp.h>
#include <pwd.h>

#include "../../../conf/xml.h"

#define RECORD_MAX 4096

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

bool vmgr__account_group(const char *text, gid_t *ret)
{
    struct group gr, *found = NULL;
    char buf[RECORD_MAX];
    uint32_t n;

    if (*text != '+' && getgrnam_r(text, &gr, buf, sizeof(buf), &found) == 0 && found)
        *ret = gr.gr_gid;
    else if (number(text, &n))
        *ret = n;
    else
        return false;
    return true;
}
