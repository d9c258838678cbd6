/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of vmgrd share.
 */
#ifndef TOOLS_VMGRD_VMGRD_H
#define TOOLS_VMGRD_VMGRD_H

#include <glib.h>

#include "server/server.h"

/* What the configuration file and the command line say. */
struct config {
    /* of the command line */
    char *file; /* NULL: the usual one, which need not be there */
    char *root, *uri, *emulator, *pid_file;
    char **listen; /* NULL-terminated, beside the usual sockets */
    bool daemon, session, verbose;
    int timeout; /* seconds; -1: as the file says */
    /* of the file */
    char *log_file; /* NULL: standard error */
    enum vmgr__log_level log_level;
    bool read_only_socket, standard_sockets, autostart;
    char **extra_sockets;
    struct vmgr__server_limits limits;
    bool listen_tls, listen_tcp;
    char *listen_addr;
    unsigned tls_port, tcp_port;
    char *ca_file, *cert_file, *key_file, *crl_file, *tls_priority;
    struct vmgr__server_access access;
    bool tcp_sasl; /* no other way is there */
};

/* ---- options.c ---- */
/* 0: go on; else exit with *ret_status. */
int options_parse(struct config *c, int argc, char **argv, int *ret_status);
void config_clear(struct config *c);

/* ---- config.c ---- */
/* Reads the file into c, which then holds defaults where the file says nothing. 0, or -1 and a
 * sentence in *err for g_free(); then c is as it was. */
int config_load(struct config *c, char **err);

/* Frees what the file has given. */
void config_free_keys(struct config *c);

/* ---- network.c ---- */
/* Certificates, and who may come in; at the start, and when the configuration is read again. */
int network_set(struct vmgr__server *s, const struct config *c, char **err);
/* Listens on TCP, where the configuration says so. */
int network_listen(struct vmgr__server *s, const struct config *c, char **err);

/* ---- places.c ---- */
/* The directory of sockets and the pid file. For g_free(). */
char *places_run_dir(const struct config *c);
char *places_config_file(const struct config *c);

/* ---- log.c ---- */
struct log;
struct log *log_open(const char *file, enum vmgr__log_level level, char **err);
/* Opens the file again, after it was moved away. */
void log_reopen(struct log *log, const char *file, enum vmgr__log_level level);
void log_close(struct log *log);
void log_line(enum vmgr__log_level level, const char *line, void *log);

/* ---- process.c ---- */
/* Takes the pid file, so that no second daemon serves the same state: a descriptor to be kept, or
 * -1 and *err. */
int process_lock(const char *path, char **err);
/* Goes to the background; the first process waits until ready is told. Returns a descriptor for
 * process_ready() or -1 and *err. */
int process_daemonize(char **err);
void process_ready(int fd);

/* ---- sockets.c ---- */
/* Listens on what the service manager passed or on the usual sockets, and on those asked for. */
int sockets_open(struct vmgr__server *s, const struct config *c, char **err);

/* ---- autostart.c ---- */
struct autostart;
/* Starts the domains marked so, once after each boot of the host, in the background. NULL: there is
 * nothing to do. */
struct autostart *autostart_begin(struct vmgr__server *s, const struct config *c, struct log *log);
/* Starts no further one, and waits for the one being started. NULL is fine. */
void autostart_end(struct autostart *a);

#endif
