/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands about pools and volumes share.
 */
#ifndef VMSH_STORAGE_TEXT_H
#define VMSH_STORAGE_TEXT_H

#include "../shell.h"

#define POOL_OPT(completer_)                                                                       \
    {                                                                                              \
        .name = "pool", .type = OPT_DATA, .help = "pool name or uuid", .completer = completer_     \
    }
/* The pool of a volume, where it can be left out. */
#define VOL_POOL_OPT                                                                               \
    {                                                                                              \
        .name = "pool", .type = OPT_STRING, .help = "pool name or uuid",                           \
        .completer = COMPLETE_POOL_ACTIVE                                                          \
    }
#define VOL_OPT(help_)                                                                             \
    {                                                                                              \
        .name = "vol", .type = OPT_DATA, .help = help_, .completer = COMPLETE_VOLUME               \
    }
#define TEXT(name_, help_)                                                                         \
    {                                                                                              \
        .name = name_, .type = OPT_STRING, .help = help_                                           \
    }

/* --- text/storage.c ------------------------------------------------------------------------- */

/* The pool that an option names, by BY_UUID and BY_NAME. NULL: the error was printed. */
struct vmgr_pool *args_pool_by(struct shell *sh, const struct args *args, const char *option,
                               unsigned by);
struct vmgr_pool *args_pool(struct shell *sh, const struct args *args);
/* The volume that option "vol" names, in the pool that `pool_option` names if it is given (NULL: no
 * such option). NULL: the error was printed. */
struct vmgr_volume *args_volume(struct shell *sh, const struct args *args, const char *pool_option);
/* A volume by name in a pool, by key or by path; NULL: the library's error is in sh->error. */
struct vmgr_volume *find_volume(struct shell *sh, struct vmgr_pool *pool, const char *text);
/* "1.50", and *unit "GiB". */
double pretty_size(uint64_t bytes, const char **unit);
/* The same as one text, for free(). */
char *size_text(uint64_t bytes);
/* A size such as "10G"; false: malformed. */
bool parse_size(const char *text, uint64_t *ret);
/* Names by number, NULL after the last. */
const char *pool_type_name(size_t n);
const char *wipe_algorithm_name(size_t n);
const char *volume_type_name(int type);
/* VMGR_POOL_CREATE_WITH_BUILD* from --build and its companions. False: printed why. */
bool build_flags(struct shell *sh, const struct args *args, uint32_t *flags);
#define BUILD_OPTS                                                                                 \
    FLAG("build", "build the pool as normal"),                                                     \
        FLAG("no-overwrite", "do not overwrite any existing data"),                                \
        FLAG("overwrite", "overwrite any existing data")
/* XML: <name attr='value'/> or <name>value</name>, nothing for NULL. */
struct text {
    char *s;
    size_t length;
    int level;
};
void xml_open(struct text *t, const char *name);
void xml_close(struct text *t, const char *name);
void xml_attr(struct text *t, const char *name, const char *attr, const char *value);
void xml_text(struct text *t, const char *name, const char *value);
/* A line, as it stands; args: values are escaped by xml_escape(). */
void xml_line(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *xml_escape(const char *text); /* for free() */

/* --- commands with files of their own --- */

extern const struct opt pool_list_opts[], pool_info_opts[], pool_define_opts[], pool_create_opts[],
    pool_define_as_opts[], pool_create_as_opts[];
bool cmd_pool_list(struct shell *sh, const struct args *args);
bool cmd_pool_info(struct shell *sh, const struct args *args);
bool cmd_pool_define(struct shell *sh, const struct args *args);
bool cmd_pool_create(struct shell *sh, const struct args *args);
bool cmd_pool_define_as(struct shell *sh, const struct args *args);
bool cmd_pool_create_as(struct shell *sh, const struct args *args);

extern const struct opt vol_create_opts[], vol_create_as_opts[], vol_create_from_opts[],
    vol_clone_opts[], vol_upload_opts[], vol_download_opts[];
bool cmd_vol_create(struct shell *sh, const struct args *args);
bool cmd_vol_create_as(struct shell *sh, const struct args *args);
bool cmd_vol_create_from(struct shell *sh, const struct args *args);
bool cmd_vol_clone(struct shell *sh, const struct args *args);
bool cmd_vol_upload(struct shell *sh, const struct args *args);
bool cmd_vol_download(struct shell *sh, const struct args *args);

#endif
