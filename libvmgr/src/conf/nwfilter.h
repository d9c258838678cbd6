/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network filters in memory: <filter>, and <filterref> that uses one.
 */
#ifndef VMGR_SRC_CONF_NWFILTER_H
#define VMGR_SRC_CONF_NWFILTER_H

#include <vmgr/nwfilter.h>

#include "xml.h"

#define nwfilter_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_NWFILTER, __VA_ARGS__)

enum vmgr__nwfilter_action {
    VMGR__NWFILTER_DROP,
    VMGR__NWFILTER_ACCEPT,
    VMGR__NWFILTER_REJECT,
    VMGR__NWFILTER_RETURN,
    VMGR__NWFILTER_CONTINUE,
};
enum vmgr__nwfilter_direction {
    VMGR__NWFILTER_IN, /* to the guest */
    VMGR__NWFILTER_OUT,
    VMGR__NWFILTER_INOUT,
};

/* A name and a value: of a parameter, or of what a rule matches. */
struct vmgr__nwfilter_pair {
    char *name, *value;
};

struct vmgr__nwfilter_rule {
    int action, direction, priority;
    bool stateless;   /* statematch='false' */
    char *protocol;   /* NULL: everything */
    bool negated;     /* match='no' */
    GPtrArray *pairs; /* struct vmgr__nwfilter_pair * */
};

/* Another filter, with parameters. */
struct vmgr__nwfilter_ref {
    char *filter;
    GPtrArray *params; /* struct vmgr__nwfilter_pair *; a name may come several times */
};

struct vmgr__nwfilter_entry { /* one of the two */
    struct vmgr__nwfilter_rule *rule;
    struct vmgr__nwfilter_ref *ref;
};

struct vmgr__nwfilter_def {
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    bool has_uuid;      /* the document said it */
    char *chain;        /* "root", or a protocol's: "arp", "ipv4-mine" */
    int priority;       /* of the chain among the rules of the root */
    GPtrArray *entries; /* struct vmgr__nwfilter_entry * */
};

/* What it asks of is checked too: see vmgr__nwfilter_match(). For vmgr__nwfilter_def_free(). */
struct vmgr__nwfilter_def *vmgr__nwfilter_def_parse(const char *xml, struct vmgr_error **err);
void vmgr__nwfilter_def_free(void *def);
char *vmgr__nwfilter_def_format(const struct vmgr__nwfilter_def *def);
/* What a chain's name begins with decides what passes through it: an index into
 * vmgr__nwfilter_chains; -1: no such. */
int vmgr__nwfilter_chain(const char *name);
struct vmgr__nwfilter_chain {
    const char *name;
    int priority;
    const char *match; /* of nft; "": everything */
};
extern const struct vmgr__nwfilter_chain vmgr__nwfilter_chains[]; /* ended by a NULL name */

struct vmgr__nwfilter_ref *vmgr__nwfilter_ref_read(const xmlNode *node, struct vmgr_error **err);
void vmgr__nwfilter_ref_free(struct vmgr__nwfilter_ref *ref);
void vmgr__nwfilter_ref_write(const struct vmgr__nwfilter_ref *ref, struct vmgr__xml_writer *w);

/* ---- nwfilter-binding.c ---- */

/* An interface of the host and what it asks for. */
struct vmgr__nwfilter_binding {
    char *owner;                  /* the domain's name */
    uint8_t uuid[VMGR_UUID_SIZE]; /* and UUID */
    char *interface;              /* on the host */
    char *link;                   /* what it is on; NULL: not said */
    char *mac;
    struct vmgr__nwfilter_ref *ref; /* NULL: no filter */
};
/* *ret is for vmgr__nwfilter_binding_clear(), and has a ref. */
int vmgr__nwfilter_binding_parse(const char *xml, struct vmgr__nwfilter_binding *ret,
                                 struct vmgr_error **err);
char *vmgr__nwfilter_binding_format(const struct vmgr__nwfilter_binding *b);
void vmgr__nwfilter_binding_clear(struct vmgr__nwfilter_binding *b);

/* ---- nwfilter-match.c: rules in nft's words ---- */

/* Parameters: name -> GPtrArray of char *. */
GHashTable *vmgr__nwfilter_vars_new(void);
void vmgr__nwfilter_vars_add(GHashTable *vars, const char *name, const char *value);

/*
 * What a rule matches, as nft reads it. reverse: source and destination change places.
 * vars: NULL: values that are parameters are only looked at. *ret_learned: set when it asks for $IP
 * and no address is known; the match then uses the set "learned".
 * NULL and *err: an unknown protocol, attribute or value, a parameter that is missing.
 */
char *vmgr__nwfilter_match(const struct vmgr__nwfilter_rule *rule, bool reverse, GHashTable *vars,
                           bool *ret_learned, struct vmgr_error **err);
/* It is of the upper layer: its rules come after all others have accepted a frame. */
bool vmgr__nwfilter_is_upper(const struct vmgr__nwfilter_rule *rule);

#endif
