/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client of qemu-guest-agent's protocol, on a socket that leads to the guest.
 *
 * Theory of operation. The other end is the guest's: it may say nothing, anything, and as much as
 * it likes. So a session is made for each command and has a deadline: it begins with
 * guest-sync-delimited (the agent's protocol: a byte 0xff empties the parser of either side), after
 * which what earlier sessions left on the way is behind; then one command goes at a time. A line is
 * at most AGENT_ANSWER_MAX bytes, what is not JSON or not the answer that was asked for ends the
 * session, and what is asked of an answer is checked where it is used. Each session has its caller
 * alone, whose lock (driver/vemu/agent.c) is another than the domain's.
 */
#ifndef VMGR_SRC_AGENT_AGENT_H
#define VMGR_SRC_AGENT_AGENT_H

#include <json-c/json.h>

#include "../driver/agent.h"

#define AGENT_SYNC_SECONDS  5
#define AGENT_REPLY_SECONDS 300         /* of commands that may take long: freezing, trimming */
#define AGENT_ANSWER_MAX    (4u << 20)  /* as a string of the management protocol */
#define AGENT_NOISE_MAX     (16u << 20) /* before the first answer */
#define AGENT_LIST_MAX      4096        /* of an answer */

#define VMGR_FROM_AGENT             VMGR_FROM_QEMU
#define agent_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_AGENT, __VA_ARGS__)

struct vmgr__agent;

/* ---- session.c ---- */
/* A session on a connected socket, which it owns; synchronized. timeout_s: of each command; enum
 * vmgr_agent_timeout, where BLOCK and NOWAIT mean AGENT_REPLY_SECONDS. NULL and *err. */
struct vmgr__agent *vmgr__agent_new(int fd, int timeout_s, struct vmgr_error **err);
struct vmgr__agent *vmgr__agent_free(struct vmgr__agent *a);
/* Runs a command; args is taken over (NULL: none). ret: for json_object_put(), may be NULL. */
int vmgr__agent_call(struct vmgr__agent *a, const char *command, struct json_object *args,
                     struct json_object **ret, struct vmgr_error **err);
/* The same, for commands that agents may not know: 0 and *ret NULL when this one does not. */
int vmgr__agent_try(struct vmgr__agent *a, const char *command, struct json_object *args,
                    struct json_object **ret, struct vmgr_error **err);
/* One after which the guest may not answer: shutdown. */
int vmgr__agent_call_last(struct vmgr__agent *a, const char *command, struct json_object *args,
                          struct vmgr_error **err);
/* One that the guest answers only if it cannot: it is done when done(data), asked now and then,
 * says so, or the agent after all. */
int vmgr__agent_call_until(struct vmgr__agent *a, const char *command, bool (*done)(void *data),
                           void *data, struct vmgr_error **err);
/* A text as it is, and the answer as it is. timeout_s: enum vmgr_agent_timeout as it is meant; ret
 * stays NULL with NOWAIT. */
int vmgr__agent_text(struct vmgr__agent *a, const char *text, int timeout_s, char **ret,
                     struct vmgr_error **err);

/* ---- value.c: what is in answers ---- */
/* Members of an object; what is not there or is something else: NULL, or false. */
const char *vmgr__agent_string(struct json_object *o, const char *key);
bool vmgr__agent_int(struct json_object *o, const char *key, int64_t *ret);
struct json_object *vmgr__agent_member(struct json_object *o, const char *key, enum json_type type);
/* Whether it is a list of objects, not too long; else *err names the command. */
bool vmgr__agent_is_list(struct json_object *list, const char *command, struct vmgr_error **err);
/* "the agent's answer to COMMAND has no KEY". Always -1. */
int vmgr__agent_lacks(const char *command, const char *key, struct vmgr_error **err);
struct json_object *vmgr__agent_text_list(const char *const *texts, uint32_t count);

/* ---- filesystem.c, system.c, vcpu.c, info.c: the operations ---- */
int vmgr__agent_freeze(struct vmgr__agent *a, const char *const *mountpoints, uint32_t count,
                       struct vmgr_error **err);
int vmgr__agent_thaw(struct vmgr__agent *a, struct vmgr_error **err);
int vmgr__agent_trim(struct vmgr__agent *a, uint64_t minimum, struct vmgr_error **err);

/* The target of the guest's disk at a PCI address, or of this serial number, in the definition;
 * borrowed, NULL: none. */
struct vmgr__agent_disk {
    unsigned pci[4]; /* domain, bus, slot, function */
    bool has_pci;
    char *serial;
    char *target;
};
/* disks: struct vmgr__agent_disk. */
int vmgr__agent_get_fs_info(struct vmgr__agent *a, const GArray *disks, GPtrArray *ret,
                            struct vmgr_error **err);
int vmgr__agent_get_time(struct vmgr__agent *a, int64_t *ret_seconds, uint32_t *ret_nanoseconds,
                         struct vmgr_error **err);
int vmgr__agent_set_time(struct vmgr__agent *a, int64_t seconds, uint32_t nanoseconds,
                         bool from_clock, struct vmgr_error **err);
int vmgr__agent_get_hostname(struct vmgr__agent *a, char **ret, struct vmgr_error **err);
int vmgr__agent_set_password(struct vmgr__agent *a, const char *user, const char *password,
                             bool encrypted, struct vmgr_error **err);
int vmgr__agent_get_keys(struct vmgr__agent *a, const char *user, GPtrArray *ret,
                         struct vmgr_error **err);
int vmgr__agent_set_keys(struct vmgr__agent *a, const char *user, const char *const *keys,
                         uint32_t count, uint32_t flags, struct vmgr_error **err);
int vmgr__agent_get_vcpus(struct vmgr__agent *a, GArray *ret, struct vmgr_error **err);
int vmgr__agent_set_vcpus(struct vmgr__agent *a, const char *cpus, bool on,
                          struct vmgr_error **err);
/* How many the guest uses, or has (maximum). */
int vmgr__agent_count_vcpus(struct vmgr__agent *a, bool maximum, struct vmgr_error **err);
/* Lets it use so many. */
int vmgr__agent_resize_vcpus(struct vmgr__agent *a, uint32_t count, struct vmgr_error **err);
int vmgr__agent_get_info(struct vmgr__agent *a, const GArray *disks, uint32_t types, GArray *ret,
                         struct vmgr_error **err);
/* mode: "powerdown", "reboot". */
int vmgr__agent_shutdown(struct vmgr__agent *a, const char *mode, struct vmgr_error **err);

/* The target of a guest's disk, as guest-get-fsinfo tells of it; borrowed, NULL: unknown. */
const char *vmgr__agent_disk_target(const GArray *disks, struct json_object *disk);

/* Calls back for each address of each interface; hwaddr may be NULL; address is NULL, once, for an
 * interface without one. */
typedef void (*vmgr__agent_interface_fn)(void *data, const char *name, const char *hwaddr,
                                         const char *address, unsigned prefix, bool ipv6);
int vmgr__agent_interfaces(struct vmgr__agent *a, vmgr__agent_interface_fn fn, void *data,
                           struct vmgr_error **err);

#endif
