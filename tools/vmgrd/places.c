/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where vmgrd's files are: for the host, for a user, or under a root of their own.
 */
#include <string.h>
#include <unistd.h>

#include "vmgrd.h"

static bool is_session(const struct config *c)
{
    return c->session || geteuid() != 0 || (c->uri && strstr(c->uri, ":///session"));
}

char *places_run_dir(const struct config *c)
{
    if (c->root)
        return g_build_filename(c->root, "run", "vmgr", NULL);
    if (is_session(c))
        return g_build_filename(g_get_user_runtime_dir(), "vmgr", NULL);
    return g_strdup("/run/vmgr");
}

char *places_config_file(const struct config *c)
{
    if (c->file)
        return g_strdup(c->file);
    if (c->root)
        return g_build_filename(c->root, "etc", "vmgr", "vmgrd.conf", NULL);
    if (is_session(c))
        return g_build_filename(g_get_user_config_dir(), "vmgr", "vmgrd.conf", NULL);
    return g_strdup("/etc/vmgr/vmgrd.conf");
}
