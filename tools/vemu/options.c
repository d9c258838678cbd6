/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line, in QEMU's grammar: one or two dashes, the value as the next word.
 *
 * An option is a line of the table of its group (options-*.c), with a function where its value is
 * more than a text. What QEMU has and vemu has not is refused by name. The manual page is checked
 * against the tables by a test.
 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "option-table.h"
#include "report.h"

/* QEMU has these, vemu does not. */
static const struct option refused[] = {
    { "incoming", "..." },
    { "rtc", "..." },
    { "mon", "..." },
    { 0 },
};

static const struct option_group *const groups[] = {
    &options_of_machine,
    &options_of_devices,
    &options_of_run,
    &(const struct option_group){ NULL, refused },
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

void option_list_add(struct option_list *list, const char *item)
{
    const char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items) {
        report("out of memory");
        exit(1);
    }
    list->items = items;
    list->items[list->count++] = item;
}

const char *options_keep(struct options *o, const char *text)
{
    char *copy = strdup(text);
    if (!copy) {
        report("out of memory");
        exit(1);
    }
    option_list_add(&o->owned, copy);
    return copy;
}

static void print_help(void)
{
    printf(
        "usage: vemu [options] [disk image]\n\n"
        "Runs a virtual machine. The exit status is 0 when the guest powered off, 1 on an error,\n"
        "3 after a guest panic, and (value << 1) | 1 after a write to the debug-exit port.\n");
    for (size_t i = 0; i < GROUPS; i++) {
        if (!groups[i]->title)
            continue;
        printf("\n%s:\n", groups[i]->title);
        for (const struct option *opt = groups[i]->table; opt->name; opt++)
            printf("  -%s%s%s\n        %s\n", opt->name, opt->argument ? " " : "",
                   opt->argument ? opt->argument : "", opt->help);
    }
    printf("\nAbout vemu:\n  -help, -h\n        this text\n  -version\n        version\n");
}

static const struct option *option_find(const char *word)
{
    word += word[1] == '-' ? 2 : 1;
    for (size_t i = 0; i < GROUPS; i++)
        for (const struct option *opt = groups[i]->table; opt->name; opt++)
            if (!strcmp(opt->name, word))
                return opt;
    return NULL;
}

static bool word_is(const char *word, const char *a, const char *b)
{
    return !strcmp(word, a) || !strcmp(word, b);
}

static bool option_take(struct options *o, const struct option *opt, const char *value)
{
    char *member = (char *)o + opt->member;
    switch (opt->kind) {
    case OPTION_CALL: return opt->handle(o, value);
    case OPTION_LIST: option_list_add((struct option_list *)(void *)member, value); return true;
    case OPTION_TEXT: memcpy(member, &value, sizeof(value)); return true;
    case OPTION_FLAG: *(bool *)member = true; return true;
    case OPTION_REFUSED: break;
    }
    report("-%s: not supported yet", opt->name);
    return false;
}

/* The option at argv[*i], which moves to the last word used. */
static enum options_result option_parse(struct options *o, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    const struct option *opt = option_find(word);
    if (!opt) {
        report("%s: unknown option (-help lists them)", word);
        return OPTIONS_ERROR;
    }
    const char *value = NULL;
    if (opt->argument && opt->kind != OPTION_REFUSED) {
        if (++*i == argc) {
            report("-%s: requires an argument: %s", opt->name, opt->argument);
            return OPTIONS_ERROR;
        }
        value = argv[*i];
        if (opt->answer && opt->answer(value))
            return OPTIONS_DONE;
    }
    return option_take(o, opt, value) ? OPTIONS_RUN : OPTIONS_ERROR;
}

enum options_result options_parse(struct options *o, int argc, char **argv)
{
    memset(o, 0, sizeof(*o));
    o->config = (struct vemu_vm_config)VEMU_VM_CONFIG_INIT;
    o->log_level = VEMU_LOG_WARNING;
    for (int i = 1; i < argc; i++) {
        if (word_is(argv[i], "-h", "-help") || !strcmp(argv[i], "--help")) {
            print_help();
            return OPTIONS_DONE;
        }
        if (word_is(argv[i], "-version", "--version")) {
            printf("vemu %s\n", vemu_version());
            return OPTIONS_DONE;
        }
        if (argv[i][0] != '-') {
            if (!options_add_drive(o, "index=0,media=disk", argv[i]))
                return OPTIONS_ERROR;
            continue;
        }
        enum options_result result = option_parse(o, argc, argv, &i);
        if (result != OPTIONS_RUN)
            return result;
    }
    o->config.flags = (o->no_reboot ? VEMU_VM_NO_REBOOT : 0) |
                      (o->no_shutdown ? VEMU_VM_NO_SHUTDOWN : 0) |
                      (o->on_panic == PANIC_PAUSE ? VEMU_VM_PANIC_PAUSE : 0) | VEMU_VM_CALLER_LOOP |
                      (o->memory_lock ? VEMU_VM_MEMORY_LOCK : 0) |
                      (o->memory_prealloc ? VEMU_VM_MEMORY_PREALLOC : 0);
    return OPTIONS_RUN;
}

void options_free(struct options *o)
{
    for (size_t i = 0; i < o->owned.count; i++)
        free((char *)o->owned.items[i]);
    free(o->owned.items);
    free(o->machine_options.items);
    free(o->oem_strings.items);
    free(o->fw_files.items);
    free(o->chardevs.items);
    free(o->blockdevs.items);
    free(o->drives.items);
    free(o->netdevs.items);
    free(o->nics.items);
    free(o->fds.items);
    free(o->fsdevs.items);
    free(o->virtfs.items);
    free(o->traces.items);
    free(o->trace_files.items);
    free(o->objects.items);
    free(o->numas.items);
    free(o->devices.items);
    free(o->serials.items);
    free(o->qmps.items);
}
