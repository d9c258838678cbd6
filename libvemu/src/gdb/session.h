/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client's session, without the machine: commands in, replies out, the rest through a table.
 */
#ifndef VEMU_GDB_SESSION_H
#define VEMU_GDB_SESSION_H

#include "accel/accel.h"
#include "gdb/packet.h"

/* Signals as GDB numbers them. */
enum gdb_signal { GDB_SIGINT = 2, GDB_SIGABRT = 6, GDB_SIGTRAP = 5 };

enum gdb_machine {
    GDB_MACHINE_STOPPED,
    GDB_MACHINE_RUNNING,
    GDB_MACHINE_OFF,  /* the guest is: there is nothing to continue */
    GDB_MACHINE_NONE, /* not there (yet, any more) */
};

enum gdb_action { GDB_ACTION_RUN, GDB_ACTION_STEP, GDB_ACTION_HOLD };

/* Why the machine stopped. */
struct gdb_stop {
    enum gdb_signal signal;
    uint32_t thread;
    bool debug; /* `exit` says what it was */
    struct vemu_exit exit;
};

/* What a session works on. Threads are numbered from 0 here, from 1 in packets. But for machine()
 * and pause(), nothing is called while it runs. */
struct gdb_target {
    uint32_t threads; /* places for vCPUs */
    bool (*alive)(void *data, uint32_t thread); /* there is one in the place */
    enum gdb_machine (*machine)(void *data);
    int (*get_state)(void *data, uint32_t thread, uint32_t groups, struct vemu_cpu_state *state);
    int (*set_state)(void *data, uint32_t thread, uint32_t groups,
                     const struct vemu_cpu_state *state);
    /* Bytes that were copied, from the first on; or -errno: none. */
    long (*read)(void *data, uint32_t thread, uint64_t address, void *buf, size_t size);
    long (*write)(void *data, uint32_t thread, uint64_t address, const void *buf, size_t size);
    int (*insert)(void *data, const struct vemu_debug_point *point);
    int (*remove)(void *data, const struct vemu_debug_point *point);
    /* One action a thread. 1: it does not run, *ret_stop is what has happened already. */
    int (*resume)(void *data, const enum gdb_action *actions, struct gdb_stop *ret_stop);
    void (*pause)(void *data); /* answers with vemu__gdb_session_stopped(), where somebody waits */
    void (*detach)(void *data); /* no break- and watchpoints; runs on */
    void (*quit)(void *data);   /* the machine ends */
    void (*reset)(void *data);
};

struct gdb_session {
    const struct gdb_target *target;
    void *data;
    struct gdb_reader reader;
    GString *out;   /* to be sent */
    GString *reply; /* the last one, framed, until it is acknowledged */
    bool no_ack;
    bool waiting;   /* for the machine to stop */
    bool swbreak, hwbreak; /* the client knows these reasons */
    uint32_t general, resumed; /* threads of Hg and Hc */
    struct vemu_cpu_state *state; /* of thread `general`, if `cached` */
    bool cached;
    enum gdb_action *actions;
};

void vemu__gdb_session_init(struct gdb_session *s, const struct gdb_target *target, void *data);
void vemu__gdb_session_fini(struct gdb_session *s);
/* Another client, or none. */
void vemu__gdb_session_reset(struct gdb_session *s);
void vemu__gdb_session_input(struct gdb_session *s, const void *buf, size_t size);
/* The machine stopped. */
void vemu__gdb_session_stopped(struct gdb_session *s, const struct gdb_stop *stop);
/* The guest is off. */
void vemu__gdb_session_exited(struct gdb_session *s, uint8_t code);

/* --- shared by the command files ---------------------------------------------------------- */

/* The rest of a packet. */
struct gdb_text {
    const char *at, *end;
};
void vemu__gdb_reply(struct gdb_session *s, const char *data, size_t size);
void vemu__gdb_reply_text(struct gdb_session *s, const char *text);
void vemu__gdb_reply_ok(struct gdb_session *s);
void vemu__gdb_reply_error(struct gdb_session *s, int error); /* errno, positive or negative */
/* The place has a vCPU: only then it is a thread. */
bool vemu__gdb_is_thread(const struct gdb_session *s, uint32_t thread);
/* A thread number: 0 any and -1 all become UINT32_MAX. False: not one that exists. */
bool vemu__gdb_take_thread(struct gdb_session *s, struct gdb_text *text, uint32_t *ret);
/* The "general" thread's state, fetched when needed. NULL: it cannot be. */
struct vemu_cpu_state *vemu__gdb_state(struct gdb_session *s);
/* query.c: packets that begin with q and Q. */
void vemu__gdb_query(struct gdb_session *s, struct gdb_text *text);
/* resume.c */
void vemu__gdb_resume(struct gdb_session *s, char command, struct gdb_text *text); /* c C s S */
void vemu__gdb_vcont(struct gdb_session *s, struct gdb_text *text); /* behind "vCont" */
void vemu__gdb_reply_stop(struct gdb_session *s, const struct gdb_stop *stop);

#endif
