/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands: each is a file, cmd-NAME.c.
 */
#ifndef VEMU_IMG_COMMANDS_H
#define VEMU_IMG_COMMANDS_H

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns the exit status */
    const char *words;                 /* what --help shows behind the name */
};

extern const struct command commands[]; /* ends with a name of NULL */

void print_help(void);
void print_version(void);

int cmd_amend(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_bitmap(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_commit(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_dd(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_measure(int argc, char **argv);
int cmd_rebase(int argc, char **argv);
int cmd_resize(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);

#endif
