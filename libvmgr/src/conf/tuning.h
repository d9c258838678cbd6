/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the host a guest may use: <cputune>, <memtune>, <blkiotune>, <numatune>, <memoryBacking>,
 * <resource>, and <iotune> of its disks.
 */
#ifndef VMGR_SRC_CONF_TUNING_H
#define VMGR_SRC_CONF_TUNING_H

#include <vmgr/resources.h>

#include "def.h"

struct vmgr__parse;

extern const char *const vmgr__numa_mode_names[];

void vmgr__tuning_fini(struct vmgr__tuning *t);
/* Keeps a child as text: what it says is not interpreted. */
void vmgr__tuning_keep(struct vmgr__tuning *t, xmlNode *c, enum vmgr__tune_element in);
/* Writes what is kept of an element. */
void vmgr__tuning_write_kept(const struct vmgr__tuning *t, enum vmgr__tune_element in,
                             struct vmgr__xml_writer *w);
/* The name of something that is kept and not understood; NULL: nothing. */
const char *vmgr__tuning_kept(const struct vmgr__tuning *t);
/* "0-1,3" of an attribute in its canonical form; NULL and an error of p. For
 * g_free(). */
char *vmgr__tuning_parse_set(struct vmgr__parse *p, const char *text, const char *attr);
/* "0-1,3" of set[i] != 0. For g_free(). */
char *vmgr__cpuset_format(const uint8_t *set, size_t size);

/* A deep copy, into something that holds nothing. */
void vmgr__tuning_copy(struct vmgr__tuning *to, const struct vmgr__tuning *from);
GArray *vmgr__blkio_new(void);

/* ---- pins ---- */
const char *vmgr__tuning_pin(const struct vmgr__tuning *t, int kind, uint32_t id); /* NULL: none */
void vmgr__tuning_set_pin(struct vmgr__tuning *t, int kind, uint32_t id, const char *cpuset);
void vmgr__tuning_drop_pin(struct vmgr__tuning *t, int kind, uint32_t id);

/* ---- hugepages.c ---- */
int vmgr__hugepages_parse(struct vmgr__parse *p, const xmlNode *node);
/* What only the whole domain tells: its NUMA cells. */
int vmgr__hugepages_settle(struct vmgr__parse *p, const xmlNode *domain);
/* Whether a NUMA node's memory (-1: of none) is of huge pages. *ret_kib: their size, 0: the host's
 * usual. */
bool vmgr__hugepages_of(const struct vmgr__tuning *t, int node, uint64_t *ret_kib);
void vmgr__hugepages_write(const struct vmgr__tuning *t, struct vmgr__xml_writer *w);

/* numatune.c: how many <cell>s the domain has. */
unsigned vmgr__numa_cell_count(const xmlNode *domain);

/* ---- schedulers, scheduler.c ---- */
extern const char *const vmgr__scheduler_names[]; /* "batch", "idle", "fifo", "rr" */
/* A child of <cputune>. 1: it was one, 0: not, -1. */
int vmgr__scheduler_parse(struct vmgr__parse *p, xmlNode *node);
void vmgr__scheduler_write(const struct vmgr__tuning *t, struct vmgr__xml_writer *w);
/* A thread's, VMGR_PIN_*; NULL: none is said. */
const struct vmgr__scheduler *vmgr__tuning_scheduler(const struct vmgr__tuning *t, int kind,
                                                     uint32_t id);
bool vmgr__scheduler_has_priority(const struct vmgr__scheduler *s);

/* ---- parameters by name, params.c ---- */
/* Adds what a definition says; resource: enum vmgr_resource. */
int vmgr__tuning_get(const struct vmgr__domain_def *def, int resource, const char *target,
                     GArray *ret, struct vmgr_error **err);
/* Changes a definition; all or nothing. */
int vmgr__tuning_set(struct vmgr__domain_def *def, int resource, const char *target,
                     const struct vmgr_stat *params, struct vmgr_error **err);

/* ---- <iotune>, iotune.c ---- */
struct vmgr__iotune_name {
    const char *name, *command; /* in documents and of the protocol; of the monitor */
};
extern const struct vmgr__iotune_name vmgr__iotune_names[]; /* ends with NULL */
enum {
    VMGR__IOTUNE_SIZE = 12,
    VMGR__IOTUNE_GROUP = 13,
    VMGR__IOTUNE_LENGTHS = 14,
    VMGR__IOTUNE_COUNT = 20
};
#define VMGR__IOTUNE_MAX 1000000000000000ull
struct vmgr__iotune {
    uint64_t value[VMGR__IOTUNE_COUNT]; /* by index of the names */
    char *group;                        /* NULL: none. For g_free() */
};
int vmgr__iotune_index(const char *name); /* -1: none */
/* -1: something is not a number, or not known. */
int vmgr__iotune_read(const struct vmgr__device *disk, struct vmgr__iotune *ret);
int vmgr__iotune_get(const struct vmgr__domain_def *def, const char *target, GArray *ret,
                     struct vmgr_error **err);
int vmgr__iotune_set(struct vmgr__domain_def *def, const char *target,
                     const struct vmgr_stat *params, struct vmgr_error **err);

#endif
