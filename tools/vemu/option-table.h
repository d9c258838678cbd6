/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an option of the command line is. Each group of options has a file, options-*.c, with their
 * table; options.c goes through the tables.
 */
#ifndef VEMU_TOOL_OPTION_TABLE_H
#define VEMU_TOOL_OPTION_TABLE_H

#include "options.h"

/* What is done with the value. */
enum option_kind {
    OPTION_REFUSED, /* QEMU has it, vemu does not */
    OPTION_CALL,    /* handle() */
    OPTION_LIST,    /* it joins the struct option_list at `member` */
    OPTION_TEXT,    /* it is the const char * at `member`; the last one counts */
    OPTION_FLAG,    /* there is none: the bool at `member` becomes true */
};

struct option {
    const char *name;
    const char *argument; /* how the value is shown; NULL: takes none */
    const char *help;
    enum option_kind kind;
    size_t member;
    /* False: the reason was printed. */
    bool (*handle)(struct options *o, const char *value);
    bool (*answer)(const char *value); /* true: it asked for help, which was printed */
};

/* The last fields of a line of a table. */
#define CALL(function) .kind = OPTION_CALL, .handle = (function)
#define LIST(field)    .kind = OPTION_LIST, .member = offsetof(struct options, field)
#define TEXT(field)    .kind = OPTION_TEXT, .member = offsetof(struct options, field)
#define FLAG(field)    .kind = OPTION_FLAG, .member = offsetof(struct options, field)

struct option_group {
    const char *title;
    const struct option *table; /* ends with a line of zeros */
};

extern const struct option_group options_of_machine, options_of_devices, options_of_run;

/* A copy that lives as long as the options. */
const char *options_keep(struct options *o, const char *text);
/* -drive with a place of its own, also what an argument without an option means. */
bool options_add_drive(struct options *o, const char *place, const char *file);

#endif
