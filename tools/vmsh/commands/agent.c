/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that the guest's agent answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vmgr/agent.h>

#include "../text/agent.h"

#define TEXT(name_, help_)                                                                         \
    {                                                                                              \
        .name = name_, .type = OPT_STRING, .named = true, .help = help_                            \
    }

static bool fail(struct shell *sh, const char *text)
{
    shell_error(sh, "%s", text);
    return false;
}

/* Runs what a command does to its domain. */
static bool with_domain(struct shell *sh, const struct args *args,
                        bool (*run)(struct shell *sh, const struct args *args,
                                    struct vmgr_domain *domain))
{
    struct vmgr_domain *domain = args_domain(sh, args);
    bool ok = domain && run(sh, args, domain);
    vmgr_domain_unref(domain);
    return ok;
}
#define COMMAND(name)                                                                              \
    bool cmd_##name(struct shell *sh, const struct args *args)                                     \
    {                                                                                              \
        return with_domain(sh, args, name);                                                        \
    }

/* --- file systems ----------------------------------------------------------------------------- */

const struct opt domfsfreeze_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "mountpoint", .type = OPT_ARGV, .help = "mountpoint path to be frozen" },
    OPT_END,
};
const struct opt domfsthaw_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "mountpoint", .type = OPT_ARGV, .help = "mountpoint path to be thawed" },
    OPT_END,
};
const struct opt domfstrim_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "minimum",
      .type = OPT_INT,
      .named = true,
      .help = "Just a hint to ignore contiguous free ranges smaller than this (Bytes)" },
    TEXT("mountpoint", "which mount point to trim"),
    OPT_END,
};
const struct opt domfsinfo_opts[] = { DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE), OPT_END };

/* The values of an option that takes all that is left, for free(). */
static const char **values_of(const struct args *args, const char *name, uint32_t *ret_n)
{
    const char **values = must_alloc((args->count + 1) * sizeof(*values));
    *ret_n = 0;
    for (size_t i = 0; i < args->count; i++)
        if (!strcmp(args->items[i].opt->name, name))
            values[(*ret_n)++] = args->items[i].value;
    return values;
}

static bool domfsfreeze(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    uint32_t n;
    const char **where = values_of(args, "mountpoint", &n);
    int count = vmgr_domain_fs_freeze(domain, where, n, 0, shell_err(sh));
    free(where);
    if (count < 0)
        return fail(sh, "Unable to freeze filesystems");
    shell_extra(sh, "Froze %d filesystem(s)\n", count);
    return true;
}
COMMAND(domfsfreeze)

static bool domfsthaw(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    uint32_t n;
    const char **where = values_of(args, "mountpoint", &n);
    int count = vmgr_domain_fs_thaw(domain, where, n, 0, shell_err(sh));
    free(where);
    if (count < 0)
        return fail(sh, "Unable to thaw filesystems");
    shell_extra(sh, "Thawed %d filesystem(s)\n", count);
    return true;
}
COMMAND(domfsthaw)

static bool domfstrim(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    unsigned long long minimum = 0;
    if (args_size(sh, args, "minimum", 1, &minimum) < 0)
        return false;
    return vmgr_domain_fs_trim(domain, args_string(args, "mountpoint"), minimum, 0,
                               shell_err(sh)) == 0 ||
           fail(sh, "Unable to invoke fstrim");
}
COMMAND(domfstrim)

static char *join(const char *const *texts)
{
    char *all = must_strdup("");
    for (size_t i = 0; texts[i]; i++) {
        char *longer = must_printf("%s%s%s", all, i ? "," : "", texts[i]);
        free(all);
        all = longer;
    }
    return all;
}

static bool domfsinfo(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    struct vmgr_fs_info **infos;
    int n = vmgr_domain_get_fs_info(domain, 0, &infos, shell_err(sh));
    if (n < 0)
        return fail(sh, "Unable to get filesystem information");
    if (n == 0) {
        shell_extra(sh, "No filesystems are mounted in the domain");
    } else {
        struct table *t = table_new("Mountpoint", "Name", "Type", "Target", NULL);
        for (int i = 0; i < n; i++) {
            char *targets = join(infos[i]->devices);
            table_row(t, infos[i]->mountpoint, infos[i]->name, infos[i]->type, targets, NULL);
            free(targets);
        }
        table_print(t, sh->quiet);
    }
    vmgr_fs_infos_free(infos);
    return true;
}
COMMAND(domfsinfo)

/* --- the system ------------------------------------------------------------------------------- */

const struct opt domhostname_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    TEXT("source", "address source: 'lease' or 'agent'"),
    OPT_END,
};
const struct opt domtime_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    FLAG("now", "set to the time of the host running vmsh"),
    FLAG("pretty", "print domain's time in human readable form"),
    FLAG("sync", "instead of setting given time, synchronize from domain's RTC"),
    { .name = "time", .type = OPT_INT, .named = true, .help = "time to set" },
    OPT_END,
};
const struct opt guestinfo_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    FLAG("user", "report active users"),
    FLAG("os", "report operating system information"),
    FLAG("timezone", "report timezone information"),
    FLAG("hostname", "report hostname"),
    FLAG("filesystem", "report filesystem information"),
    FLAG("disk", "report disk information"),
    FLAG("interface", "report interface information"),
    OPT_END,
};

static bool domhostname(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    const char *source = args_string(args, "source");
    uint32_t flags = 0;
    char *name;
    if (source && !strcmp(source, "lease")) {
        flags = VMGR_DOMAIN_HOSTNAME_LEASE;
    } else if (source && !strcmp(source, "agent")) {
        flags = VMGR_DOMAIN_HOSTNAME_AGENT;
    } else if (source) {
        shell_error(sh, "Unknown data source '%s'", source);
        return false;
    }
    if (vmgr_domain_get_hostname(domain, flags, &name, shell_err(sh)) < 0)
        return fail(sh, "failed to get hostname");
    printf("%s\n", name);
    free(name);
    return true;
}
COMMAND(domhostname)

static bool set_time(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    const char *text = args_string(args, "time");
    long long seconds = 0;
    uint32_t nanoseconds = 0;
    char *end = NULL;
    if (text)
        seconds = strtoll(text, &end, 10);
    if (text && (end == text || *end)) {
        shell_error(sh, "Numeric value '%s' for <time> option is malformed or out of range", text);
        return false;
    }
    if (args_bool(args, "now")) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seconds = now.tv_sec;
        nanoseconds = (uint32_t)now.tv_nsec;
    }
    return vmgr_domain_set_time(domain, seconds, nanoseconds,
                                args_bool(args, "sync") ? VMGR_DOMAIN_TIME_SYNC : 0,
                                shell_err(sh)) == 0;
}

static bool domtime(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    int64_t seconds;
    uint32_t nanoseconds;
    if (!args_exclusive(sh, args, "time", "now") || !args_exclusive(sh, args, "time", "sync") ||
        !args_exclusive(sh, args, "now", "sync"))
        return false;
    if (args_string(args, "time") || args_bool(args, "now") || args_bool(args, "sync"))
        return set_time(sh, args, domain);
    if (vmgr_domain_get_time(domain, 0, &seconds, &nanoseconds, shell_err(sh)) < 0)
        return false;
    if (args_bool(args, "pretty")) {
        time_t when = (time_t)seconds;
        struct tm tm;
        char text[64] = "?";
        if (gmtime_r(&when, &tm))
            strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
        printf("Time: %s", text);
    } else {
        printf("Time: %lld", (long long)seconds);
    }
    return true;
}
COMMAND(domtime)

static void print_values(const struct vmgr_stat *list, int width)
{
    for (const struct vmgr_stat *s = list; s->name; s++) {
        printf("%-*s: ", width, s->name);
        switch (s->type) {
        case VMGR_STAT_STRING: printf("%s\n", s->text); break;
        case VMGR_STAT_BOOLEAN: printf("%s\n", s->number ? "yes" : "no"); break;
        case VMGR_STAT_INT: printf("%d\n", (int)s->number); break;
        default: printf("%llu\n", (unsigned long long)s->number); break;
        }
    }
}

static bool guestinfo(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    static const struct {
        const char *option;
        uint32_t type;
    } rows[] = {
        { "user", VMGR_GUEST_INFO_USERS },
        { "os", VMGR_GUEST_INFO_OS },
        { "timezone", VMGR_GUEST_INFO_TIMEZONE },
        { "hostname", VMGR_GUEST_INFO_HOSTNAME },
        { "filesystem", VMGR_GUEST_INFO_FILESYSTEM },
        { "disk", VMGR_GUEST_INFO_DISKS },
        { "interface", VMGR_GUEST_INFO_INTERFACES },
    };
    struct vmgr_stat *info;
    uint32_t types = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        types |= args_bool(args, rows[i].option) ? rows[i].type : 0;
    if (vmgr_domain_get_guest_info(domain, types, 0, &info, shell_err(sh)) < 0)
        return false;
    print_values(info, 20);
    vmgr_stats_free(info);
    return true;
}
COMMAND(guestinfo)

/* --- vCPUs ---------------------------------------------------------------------------------- */

const struct opt guestvcpus_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    TEXT("cpulist", "list of cpus to enable or disable"),
    FLAG("enable", "enable cpus specified by cpulist"),
    FLAG("disable", "disable cpus specified by cpulist"),
    OPT_END,
};

static bool guestvcpus(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    const char *list = args_string(args, "cpulist");
    bool enable = args_bool(args, "enable"), disable = args_bool(args, "disable");
    struct vmgr_stat *info;
    if (!args_exclusive(sh, args, "enable", "disable"))
        return false;
    if ((enable || disable) && !list) {
        shell_error(sh, "Option --cpulist is required by option --%s",
                    enable ? "enable" : "disable");
        return false;
    }
    if (list && !enable && !disable)
        return fail(sh, "One of options --enable or --disable is required by option --cpulist");
    if (list)
        return vmgr_domain_set_guest_vcpus(domain, list, enable, 0, shell_err(sh)) == 0;
    if (vmgr_domain_get_guest_vcpus(domain, 0, &info, shell_err(sh)) < 0)
        return false;
    print_values(info, 15);
    vmgr_stats_free(info);
    return true;
}
COMMAND(guestvcpus)

/* --- users ---------------------------------------------------------------------------------- */

const struct opt set_user_password_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "user", .type = OPT_DATA, .help = "the username" },
    { .name = "password", .type = OPT_DATA, .help = "the new password" },
    FLAG("encrypted", "the password is already encrypted"),
    OPT_END,
};
const struct opt get_user_sshkeys_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "user", .type = OPT_DATA, .help = "user to list authorized keys for" },
    OPT_END,
};
const struct opt set_user_sshkeys_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "user", .type = OPT_DATA, .help = "user to set authorized keys for" },
    { .name = "file",
      .type = OPT_STRING,
      .named = true,
      .help = "optional file to read keys from",
      .completer = COMPLETE_FILE },
    FLAG("reset", "clear out authorized keys file before adding new keys"),
    FLAG("remove", "remove keys from the authorized keys file"),
    OPT_END,
};

static bool set_user_password(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    const char *user = args_string(args, "user");
    uint32_t flags = args_bool(args, "encrypted") ? VMGR_DOMAIN_PASSWORD_ENCRYPTED : 0;
    if (vmgr_domain_set_user_password(domain, user, args_string(args, "password"), flags,
                                      shell_err(sh)) < 0)
        return false;
    shell_extra(sh, "Password set successfully for %s in %s", user, vmgr_domain_get_name(domain));
    return true;
}
COMMAND(set_user_password)

static bool get_user_sshkeys(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    char **keys;
    int n = vmgr_domain_get_ssh_keys(domain, args_string(args, "user"), 0, &keys, shell_err(sh));
    for (int i = 0; i < n; i++)
        printf("%s\n", keys[i]);
    if (n >= 0)
        vmgr_strings_free(keys);
    return n >= 0;
}
COMMAND(get_user_sshkeys)

/* Lines that are not empty, as pointers into `text`, for free(). */
static const char **lines_of(char *text, uint32_t *ret_n)
{
    size_t most = 1;
    for (const char *c = text; *c; c++)
        most += *c == '\n';
    const char **lines = must_alloc(most * sizeof(*lines));
    char *rest = NULL;
    *ret_n = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        lines[(*ret_n)++] = line;
    return lines;
}

static bool set_user_sshkeys(struct shell *sh, const struct args *args, struct vmgr_domain *domain)
{
    const char *path = args_string(args, "file");
    bool remove = args_bool(args, "remove"), reset = args_bool(args, "reset");
    const char **keys = NULL;
    char *text = NULL;
    uint32_t n = 0;
    if (remove && !path)
        return fail(sh, "Option --file is required by option --remove");
    if (!path && !reset)
        return fail(sh, "Option --file is required");
    if (!args_exclusive(sh, args, "reset", "remove") || (path && !(text = file_read(sh, path))))
        return false;
    if (text)
        keys = lines_of(text, &n);
    bool ok = !path || n;
    if (!ok)
        shell_error(sh, "File %s contains no keys", path);
    ok = ok && vmgr_domain_set_ssh_keys(domain, args_string(args, "user"), keys, n,
                                        remove  ? VMGR_DOMAIN_SSH_KEYS_REMOVE
                                        : reset ? 0
                                                : VMGR_DOMAIN_SSH_KEYS_APPEND,
                                        shell_err(sh)) == 0;
    free(keys);
    free(text);
    return ok;
}
COMMAND(set_user_sshkeys)

/* --- the agent itself ------------------------------------------------------------------------- */

const struct opt guest_agent_timeout_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "timeout", .type = OPT_INT, .named = true, .help = "timeout seconds." },
    OPT_END,
};
const struct opt qemu_agent_command_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "timeout",
      .type = OPT_INT,
      .named = true,
      .help = "timeout seconds. must be positive." },
    FLAG("async", "execute command without waiting for timeout"),
    FLAG("block", "execute command without timeout"),
    FLAG("pretty", "pretty-print the output"),
    { .name = "cmd", .type = OPT_ARGV, .required = true, .help = "command" },
    OPT_END,
};

static bool guest_agent_timeout(struct shell *sh, const struct args *args,
                                struct vmgr_domain *domain)
{
    int timeout = VMGR_AGENT_TIMEOUT_BLOCK;
    if (args_int(sh, args, "timeout", &timeout) < 0)
        return false;
    return vmgr_domain_agent_set_timeout(domain, timeout, 0, shell_err(sh)) == 0;
}
COMMAND(guest_agent_timeout)

/* The agent's seconds; false: the error was printed. */
static bool command_timeout(struct shell *sh, const struct args *args, int *ret)
{
    int given = args_int(sh, args, "timeout", ret);
    if (given < 0)
        return false;
    if (given && *ret < 1)
        return fail(sh, "timeout must be positive");
    if (given + args_bool(args, "async") + args_bool(args, "block") > 1)
        return fail(sh, "timeout, async and block options are exclusive");
    if (args_bool(args, "async"))
        *ret = VMGR_AGENT_TIMEOUT_NOWAIT;
    else if (args_bool(args, "block"))
        *ret = VMGR_AGENT_TIMEOUT_BLOCK;
    return true;
}

static bool qemu_agent_command(struct shell *sh, const struct args *args,
                               struct vmgr_domain *domain)
{
    int timeout = VMGR_AGENT_TIMEOUT_DEFAULT;
    char *command, *answer = NULL;
    if (!command_timeout(sh, args, &timeout))
        return false;
    command = args_words(args, "cmd");
    bool ok = vmgr_domain_agent_command(domain, command, timeout, 0, &answer, shell_err(sh)) == 0;
    if (ok && answer && args_bool(args, "pretty")) {
        json_print_indented(answer);
        printf("\n\n");
    } else if (ok && answer) {
        printf("%s\n", answer);
    }
    free(answer);
    free(command);
    return ok;
}
COMMAND(qemu_agent_command)
