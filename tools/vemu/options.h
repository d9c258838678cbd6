/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the command line asks for.
 */
#ifndef VEMU_TOOL_OPTIONS_H
#define VEMU_TOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vemu/vm.h>

enum action_panic { PANIC_SHUTDOWN, PANIC_PAUSE };

/* A repeatable option, kept as text until the machine is built. */
struct option_list {
    const char **items;
    size_t count;
};

struct options {
    struct vemu_vm_config config; /* strings point into argv or are owned by `owned` */
    struct option_list chardevs, blockdevs, drives, netdevs, nics, devices, serials, qmps;
    struct option_list traces, trace_files; /* patterns, and where lines go (the last one) */
    struct option_list machine_options; /* ",NAME=VALUE" */
    struct option_list oem_strings;     /* of -smbios type=11 */
    struct option_list fw_files;        /* -fw_cfg */
    struct option_list fsdevs, virtfs, objects, numas;
    struct option_list fds;  /* -add-fd */
    const char *memory_path; /* -mem-path; NULL: none */
    const char *gdb; /* where the gdb server listens; NULL: nowhere */
    bool nodefaults, nographic, paused, daemonize;
    bool no_reboot, no_shutdown, memory_lock, memory_prealloc;
    enum action_panic on_panic;
    const char *pidfile, *exit_file, *log_file;
    uint32_t sandbox; /* SANDBOX_* */
    int log_level; /* enum vemu_log_level */
    struct option_list owned; /* strings to free */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_ERROR };

/* Parses argv. OPTIONS_DONE: -help and the like have been answered. OPTIONS_ERROR: the reason was
 * printed. */
enum options_result options_parse(struct options *o, int argc, char **argv);
void options_free(struct options *o);
/* An option of the machine that another option stands for. False: the reason was printed. */
bool options_add_machine_option(struct options *o, const char *option, const char *name,
                                const char *value);
/* Puts them into config.machine: the last step before the machine is made. */
bool options_finish_machine(struct options *o);
/* Appends to a list. Exits the program when memory runs out. */
void option_list_add(struct option_list *list, const char *item);

#endif
