/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmsh: the shell's state, commands and their options, and what command files use.
 *
 * A command is a function, its options, and one line in the table of its file (cmd-*.c); a new file
 * adds one line to the groups in commands.c. Options and texts follow virsh.
 */
#ifndef VMSH_SHELL_H
#define VMSH_SHELL_H

#include <stdbool.h>
#include <stddef.h>
#include <vmgr/vmgr.h>

struct shell;
struct args;

/* --- options ---------------------------------------------------------------------------------- */

enum opt_type {
    OPT_BOOL,   /* --name */
    OPT_STRING, /* --name VALUE, or the next word without a name */
    OPT_INT,    /* --name NUMBER, or the next word without a name */
    OPT_DATA,   /* required; --name VALUE, or the next word without a name */
    OPT_ARGV,   /* all that is left */
};

/* What Tab offers for the value. */
enum completer {
    COMPLETE_NONE,
    COMPLETE_DOMAIN, /* any */
    COMPLETE_DOMAIN_ACTIVE,
    COMPLETE_DOMAIN_INACTIVE,
    COMPLETE_DOMAIN_PERSISTENT,
    COMPLETE_CHECKPOINT, /* of the domain that is named before */
    COMPLETE_FILE,
    COMPLETE_COMMAND,
    COMPLETE_EVENT,
    COMPLETE_SHUTDOWN_MODE,
    COMPLETE_SUSPEND_TARGET,
    COMPLETE_TOP_KEY,
    COMPLETE_NETWORK,
    COMPLETE_NETWORK_ACTIVE,
    COMPLETE_NETWORK_INACTIVE,
    COMPLETE_NETWORK_PERSISTENT,
    COMPLETE_NETWORK_PORT, /* of the network that is named before */
    COMPLETE_NETWORK_UPDATE_COMMAND,
    COMPLETE_NETWORK_UPDATE_SECTION,
    COMPLETE_NETWORK_EVENT,
    COMPLETE_INTERFACE,
    COMPLETE_NODEDEV,
    COMPLETE_NODEDEV_CAP,
    COMPLETE_NODEDEV_EVENT,
    COMPLETE_NWFILTER,
    COMPLETE_NWFILTER_BINDING,
    COMPLETE_POOL,
    COMPLETE_POOL_ACTIVE,
    COMPLETE_POOL_INACTIVE,
    COMPLETE_POOL_PERSISTENT,
    COMPLETE_POOL_EVENT,
    COMPLETE_POOL_TYPE,
    COMPLETE_VOLUME,
    COMPLETE_WIPE_ALGORITHM,
};

struct opt {
    const char *name;
    enum opt_type type;
    const char *help;
    enum completer completer;
    bool named;     /* only with --name; OPT_ARGV: shown as taken without */
    bool may_empty; /* OPT_STRING: "" is a value */
    bool required;  /* OPT_INT: must be there */
};
#define OPT_END                                                                                    \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define FLAG(name_, help_)                                                                         \
    {                                                                                              \
        .name = name_, .type = OPT_BOOL, .help = help_                                             \
    }
/* The domain that most commands are about. */
#define DOMAIN_OPT(completer_)                                                                     \
    {                                                                                              \
        .name = "domain", .type = OPT_DATA, .help = "domain name, id or uuid",                     \
        .completer = completer_                                                                    \
    }

/* --- commands --------------------------------------------------------------------------------- */

struct cmd {
    const char *name;
    bool (*run)(struct shell *sh, const struct args *args); /* false: failed, error was printed */
    const struct opt *opts;                                 /* NULL: none */
    const char *help;                                       /* one line */
    const char *description;                                /* "" as virsh has it sometimes */
    bool offline;                                           /* needs no connection */
    bool lenient; /* passes over words it has no option for */
};
#define CMD_END                                                                                    \
    {                                                                                              \
        .name = NULL                                                                               \
    }

struct cmd_group {
    const char *title, *keyword;
    const struct cmd *cmds;
};
extern const struct cmd_group cmd_groups[]; /* ended by title NULL */
const struct cmd *cmd_find(const char *name);
const struct cmd_group *cmd_group_find(const char *keyword);

extern const struct cmd cmds_domain[];
extern const struct cmd cmds_monitor[];
extern const struct cmd cmds_event[];
extern const struct cmd cmds_backup[];
extern const struct cmd cmds_checkpoint[];
extern const struct cmd cmds_host[];
extern const struct cmd cmds_shell[];
extern const struct cmd cmds_interface[];
extern const struct cmd cmds_network[];
extern const struct cmd cmds_nodedev[];
extern const struct cmd cmds_nwfilter[];
extern const struct cmd cmds_secret[];
extern const struct cmd cmds_pool[];
extern const struct cmd cmds_volume[];
extern const struct cmd cmds_top[];

/* --- state ------------------------------------------------------------------------------------ */

struct shell {
    const char *program;    /* argv[0] */
    char *uri;              /* as asked for, NULL: the library's default */
    const char *root;       /* --root */
    struct vmgr_conn *conn; /* NULL: not connected yet */
    bool readonly, quiet, timing;
    bool interactive;
    bool leave;               /* quit was typed */
    bool output_lost;         /* and that was said */
    int keepalive_interval;   /* --keepalive-interval, seconds; 0: never asks; -1: not given */
    int keepalive_count;      /* --keepalive-count; -1: not given */
    char escape;              /* console's escape character */
    struct vmgr_error *error; /* library error to report after the command */
};

/* The connection, opened on demand. NULL: the error was printed. */
struct vmgr_conn *shell_connect(struct shell *sh);
/* ask.c: a vmgr_auth_fn for a struct shell. */
int shell_ask(int kind, char **ret_text, void *data);
void shell_disconnect(struct shell *sh);
/* "error: <text>" on stderr. */
void shell_error(struct shell *sh, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints, unless --quiet. */
void shell_extra(struct shell *sh, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Brings out what was printed. False: some of it could not be written, which is said once. */
bool shell_flush(struct shell *sh);
/* Where library calls put their error: &sh->error, emptied. */
struct vmgr_error **shell_err(struct shell *sh);
/* "error: ..." of the library error, if there is one, and drops it. */
void shell_report(struct shell *sh);
/* Drops the library error: it shall not be reported. */
void shell_err_clear(struct shell *sh);
/* Runs one command from words. False: failed. */
bool shell_run_words(struct shell *sh, char *const *words, size_t count);
/* Runs a command string: several commands, quoting. The result is the last command's. None is run
 * when one of them is misspelt. */
bool shell_run_string(struct shell *sh, const char *text);
/* The interactive loop. */
int shell_interactive(struct shell *sh);

/* --- args.c ----------------------------------------------------------------------------------- */

struct arg {
    const struct opt *opt;
    const char *value; /* borrowed; NULL for OPT_BOOL */
};
struct args {
    const struct cmd *cmd;
    struct arg *items;
    size_t count, room;
    bool help; /* --help: explain the command instead */
};
/* False: the usage error was printed. `words` must stay valid. For args_fini() in either case. */
bool args_parse(struct shell *sh, struct args *args, const struct cmd *cmd, char *const *words,
                size_t count);
void args_fini(struct args *args);
/* False: an option has an empty value that must have one; the error was printed. */
bool args_check_values(struct shell *sh, const struct args *args);
bool args_bool(const struct args *args, const char *name);
/* The flags of the options that are given. */
struct flag {
    const char *name; /* NULL ends the table */
    uint32_t flag;
};
uint32_t args_flags(const struct args *args, const struct flag *table);
const char *args_string(const struct args *args, const char *name); /* NULL: not given */
/* The words of an OPT_ARGV joined by blanks, for free(); NULL: none given. */
char *args_words(const struct args *args, const char *name);
/* 1 given, 0 not, -1: not a number, the error was printed. */
int args_int(struct shell *sh, const struct args *args, const char *name, int *ret);
/* The same for a size: "1024", "1G", "512MiB"; a number alone is of `unit` bytes. In bytes. */
int args_size(struct shell *sh, const struct args *args, const char *name, unsigned long long unit,
              unsigned long long *ret);
/* At most one of the two options: false, and the error printed, when both are there. */
bool args_exclusive(struct shell *sh, const struct args *args, const char *a, const char *b);
/* The domain named by option "domain": id, UUID or name. NULL: the error was printed. */
struct vmgr_domain *args_domain(struct shell *sh, const struct args *args);
/* The same by some of the three only. */
#define BY_ID   (1u << 0)
#define BY_UUID (1u << 1)
#define BY_NAME (1u << 2)
struct vmgr_domain *domain_by_text(struct shell *sh, const char *text, unsigned by);
struct vmgr_domain *args_domain_by(struct shell *sh, const struct args *args, unsigned by);

/* --- lexer.c ---------------------------------------------------------------------------------- */

/* Cuts one command off *text: words up to ';', newline or the end. 1: *words (NULL-terminated, for
 * words_free) filled, maybe empty; 0: nothing left; -1: error text in *error (static). */
int lexer_next(const char **text, char ***words, size_t *count, const char **error);
void words_free(char **words);

/* --- table.c ---------------------------------------------------------------------------------- */

struct table;
/* Column titles, ended by NULL. */
struct table *table_new(const char *title, ...) __attribute__((sentinel));
/* As many cells as titles, ended by NULL. */
void table_row(struct table *table, const char *cell, ...) __attribute__((sentinel));
/* Prints (without titles and rule when quiet) and frees. */
void table_print(struct table *table, bool quiet);
/* A copy, for free(), in which what cannot be printed, such as a terminal's control characters, is
 * \xNN. */
char *text_printable(const char *text);
/* Columns on the terminal; bytes where the text is not valid in the locale. */
size_t text_width(const char *text);

/* --- others ----------------------------------------------------------------------------------- */

void help_all(void);
void help_command(const struct cmd *cmd);
void help_group(const struct cmd_group *group);
/* Its lines; `colon`: after the heading. */
void help_group_lines(const struct cmd_group *group, const char *colon);
/* Offers for the word being typed; NULL-terminated, each for free(). words: those before it. */
char **complete_line(struct shell *sh, const char *line, size_t start);
/* A terminal on a console stream until the escape character, end of stream or hang-up. */
bool console_run(struct shell *sh, struct vmgr_domain *domain, const char *device, uint32_t flags);
/* Option --pass-fds: the numbers, none without it. False: printed why. */
struct fds {
    int fds[VMGR_FILES_MAX];
    uint32_t n;
};
bool args_fds(struct shell *sh, const struct args *args, struct fds *ret);
/* The whole file, for free(); NULL: printed why. */
char *file_read(struct shell *sh, const char *path);
/* malloc and friends that end the program when memory is out. */
void *must_alloc(size_t size);
void *must_realloc(void *p, size_t size);
char *must_strdup(const char *text);
char *must_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
