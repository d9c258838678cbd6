/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options of the command line: how the machine runs and ends, and what is told of it.
 */
#include <string.h>

#include "keyval.h"
#include "option-table.h"
#include "report.h"
#include "sandbox.h"
#include "trace.h"

static bool opt_gdb(struct options *o, const char *value)
{
    if (o->gdb && strcmp(o->gdb, "none")) {
        report("-gdb %s: there is one at '%s' already", value, o->gdb);
        return false;
    }
    o->gdb = value;
    return true;
}

static bool opt_gdb_default(struct options *o, const char *value)
{
    return opt_gdb(o, "tcp::1234");
}

static bool opt_watchdog_action(struct options *o, const char *value)
{
    o->config.watchdog_action = options_keep(o, value);
    return true;
}

/* One event=action pair of -action. */
static bool action_set(struct options *o, const char *event, const char *action)
{
    if (!strcmp(event, "watchdog"))
        return opt_watchdog_action(o, action);
    static const struct {
        const char *event, *action;
        int what;
    } rows[] = {
        { "reboot", "reset", 0 },   { "reboot", "shutdown", 1 }, { "shutdown", "poweroff", 2 },
        { "shutdown", "pause", 3 }, { "panic", "shutdown", 4 },  { "panic", "pause", 5 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].event, event) || strcmp(rows[i].action, action))
            continue;
        switch (rows[i].what) {
        case 0:
        case 1: o->no_reboot = rows[i].what == 1; break;
        case 2:
        case 3: o->no_shutdown = rows[i].what == 3; break;
        default: o->on_panic = rows[i].what == 5 ? PANIC_PAUSE : PANIC_SHUTDOWN; break;
        }
        return true;
    }
    report("-action: '%s=%s' is not supported (reboot=reset|shutdown, shutdown=poweroff|pause, "
           "panic=shutdown|pause, watchdog=reset|shutdown|poweroff|pause|debug|none|inject-nmi)",
           event, action);
    return false;
}

static bool opt_action(struct options *o, const char *value)
{
    struct keyval kv;
    if (!keyval_parse(&kv, "action", value, false))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < kv.count; i++)
        ok = action_set(o, kv.items[i].name, kv.items[i].value);
    keyval_free(&kv);
    return ok;
}

static bool opt_log_level(struct options *o, const char *value)
{
    static const char *const levels[] = { "error", "warning", "info", "debug" };
    for (int i = 0; i < 4; i++)
        if (!strcmp(value, levels[i])) {
            o->log_level = i;
            return true;
        }
    report("-d: '%s' is not a log level (error, warning, info, debug)", value);
    return false;
}

static bool opt_trace(struct options *o, const char *value)
{
    return trace_option(o, value);
}

static bool opt_sandbox(struct options *o, const char *value)
{
    return sandbox_parse(value, &o->sandbox);
}

/* vemu reads no configuration file, so there is nothing to leave out. */
static bool opt_no_user_config(struct options *o, const char *value)
{
    return true;
}

static const struct option table[] = {
    { "S", NULL, "do not start the vCPUs (QMP 'cont' or a debugger does)", FLAG(paused) },
    { "gdb", "tcp:[HOST]:PORT|unix:S|stdio|chardev:ID|none",
      "wait for GDB to connect (HOST: the loopback unless given)", CALL(opt_gdb) },
    { "s", NULL, "the same as -gdb tcp::1234", CALL(opt_gdb_default) },
    { "no-reboot", NULL, "exit when the guest reboots", FLAG(no_reboot) },
    { "no-shutdown", NULL, "stay, stopped, when the guest powers off", FLAG(no_shutdown) },
    { "action", "EVENT=ACTION[,...]",
      "reboot=reset|shutdown, shutdown=poweroff|pause, panic=shutdown|pause, "
      "watchdog=reset|shutdown|poweroff|pause|debug|none|inject-nmi",
      CALL(opt_action) },
    { "watchdog-action", "ACTION", "the same as -action watchdog=ACTION",
      CALL(opt_watchdog_action) },
    { "daemonize", NULL, "go to the background once the machine is ready", FLAG(daemonize) },
    { "pidfile", "FILE", "write the process id", TEXT(pidfile) },
    { "exit-file", "FILE", "write why the machine ended, as JSON", TEXT(exit_file) },
    { "sandbox", "on|off[,obsolete=A][,elevateprivileges=A][,spawn=A][,resourcecontrol=A]",
      "give up system calls that no machine needs; A: deny or allow those of a group",
      CALL(opt_sandbox) },
    { "d", "error|warning|info|debug", "log level (default warning)", CALL(opt_log_level) },
    { "D", "FILE", "log to FILE instead of stderr", TEXT(log_file) },
    { "trace", "[enable=]PATTERN[,events=FILE][,file=FILE]",
      "print events of the machine's inside ('help' lists)", CALL(opt_trace),
      .answer = trace_help },
    { "no-user-config", NULL, "read no configuration file (there is none)",
      CALL(opt_no_user_config) },
    { 0 },
};

const struct option_group options_of_run = { "The run", table };
