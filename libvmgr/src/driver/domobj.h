/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver's record of a domain, and a list of them: what drivers in this process have in common.
 *
 * Nothing here locks: the driver's own lock protects its list.
 */
#ifndef VMGR_SRC_DRIVER_DOMOBJ_H
#define VMGR_SRC_DRIVER_DOMOBJ_H

#include "../conf/def.h"
#include "driver.h"

/* What an object is known by in a list. Definitions are large and lie anywhere; lists of thousands
 * go over these instead, and over no more of an object than itself. */
struct vmgr__domkey {
    uint8_t uuid[VMGR_UUID_SIZE];
    char name[];
};

/* At least one of config and live is there. Name and UUID are the same in both. */
struct vmgr__domobj {
    struct vmgr__domkey *key;        /* NULL: in no list */
    struct vmgr__domain_def *config; /* what the next start uses; NULL: transient */
    struct vmgr__domain_def *live;   /* what runs; NULL: inactive */
    int state;                       /* enum vmgr_domain_state */
    int reason;
    bool autostart;
    bool updated;
    bool autodestroy;
    GPtrArray *checkpoints; /* of the test driver's guests (conf/checkpoint.h); NULL: none */
    bool unreadable; /* the vemu driver's: it may run, and live is an outline */
    bool certain; /* the vemu driver's: agrees with its files as long as notice.c says nothing */
    unsigned frozen; /* file systems of the test driver's guests, by bit */
    void *priv; /* the driver's, freed by priv_free */
    void (*priv_free)(void *priv);
};

struct vmgr__domobj *vmgr__domobj_new(void);
void vmgr__domobj_free(void *obj);
const char *vmgr__domobj_name(const struct vmgr__domobj *obj);
const uint8_t *vmgr__domobj_uuid(const struct vmgr__domobj *obj);
bool vmgr__domobj_is_active(const struct vmgr__domobj *obj);
/* What runs, else what would. */
struct vmgr__domain_def *vmgr__domobj_current(const struct vmgr__domobj *obj);

/* For tables whose keys are UUIDs. */
guint vmgr__uuid_hash(gconstpointer uuid);
gboolean vmgr__uuid_equal(gconstpointer a, gconstpointer b);

struct vmgr__domlist {
    GHashTable *by_name; /* owns the objects */
    GHashTable *by_uuid;
};
void vmgr__domlist_init(struct vmgr__domlist *list);
void vmgr__domlist_fini(struct vmgr__domlist *list);
/* Takes the object; its name and UUID must be free. */
void vmgr__domlist_add(struct vmgr__domlist *list, struct vmgr__domobj *obj);
/* Frees the object. */
void vmgr__domlist_remove(struct vmgr__domlist *list, struct vmgr__domobj *obj);
struct vmgr__domobj *vmgr__domlist_by_name(const struct vmgr__domlist *list, const char *name);
struct vmgr__domobj *vmgr__domlist_by_uuid(const struct vmgr__domlist *list, const uint8_t *uuid);
struct vmgr__domobj *vmgr__domlist_by_id(const struct vmgr__domlist *list, int id);
/* The object of a handle, or NULL and VMGR_ERR_NO_DOMAIN. */
struct vmgr__domobj *vmgr__domlist_of(const struct vmgr__domlist *list, struct vmgr_domain *dom,
                                      struct vmgr_error **err);
/* As driver operation domain_lookup. */
int vmgr__domlist_lookup(const struct vmgr__domlist *list, struct vmgr_conn *conn, int id,
                         const uint8_t *uuid, const char *name, struct vmgr_domain **ret,
                         struct vmgr_error **err);
/* Adds handles of what passes the filters. */
void vmgr__domlist_select(const struct vmgr__domlist *list, struct vmgr_conn *conn, uint32_t flags,
                          GPtrArray *ret);
/* The same as struct vmgr_domain_entry. */
void vmgr__domlist_select_entries(const struct vmgr__domlist *list, struct vmgr_conn *conn,
                                  uint32_t flags, GArray *ret);
/* Whether `def` may take its name and UUID: *ret is the object it replaces or NULL. inactive: that
 * must not run. */
int vmgr__domlist_check(const struct vmgr__domlist *list, const struct vmgr__domain_def *def,
                        bool inactive, struct vmgr__domobj **ret, struct vmgr_error **err);

/* The definition that VMGR_DOMAIN_AFFECT_* means, or NULL and VMGR_ERR_OPERATION_INVALID. */
struct vmgr__domain_def *vmgr__domobj_def(const struct vmgr__domobj *obj, uint32_t flags,
                                          struct vmgr_error **err);
int vmgr__domobj_need_active(const struct vmgr__domobj *obj, struct vmgr_error **err);
/* Which definition VMGR_DOMAIN_XML_* means, and the VMGR__CONF_* to write it with. */
const struct vmgr__domain_def *vmgr__domobj_xml_def(const struct vmgr__domobj *obj, uint32_t flags,
                                                    uint32_t *ret_flags);
char *vmgr__domobj_get_xml(const struct vmgr__domobj *obj, uint32_t flags);
int vmgr__domobj_get_vcpus(const struct vmgr__domobj *obj, uint32_t flags, struct vmgr_error **err);
void vmgr__domobj_get_info(const struct vmgr__domobj *obj, struct vmgr_domain_info *ret);
int vmgr__domobj_get_metadata(const struct vmgr__domobj *obj, int type, const char *uri,
                              uint32_t flags, char **ret, struct vmgr_error **err);
/* size.c: change one definition, within its limits. flags: VMGR_DOMAIN_MEM_MAXIMUM. */
int vmgr__def_set_memory(struct vmgr__domain_def *def, uint64_t kib, uint32_t flags, bool live,
                         struct vmgr_error **err);
/* <stats period=''> of the balloon. */
int vmgr__def_set_stats_period(struct vmgr__domain_def *def, int period, struct vmgr_error **err);
/* vcpus.c: flags: VMGR_DOMAIN_VCPU_MAXIMUM, VMGR_DOMAIN_VCPU_HOTPLUGGABLE. */
#define VMGR__VCPUS_MAX 65535
int vmgr__def_set_vcpus(struct vmgr__domain_def *def, uint32_t count, uint32_t flags, bool live,
                        struct vmgr_error **err);
/* Those of document `vcpus` come or go, at the next start. */
int vmgr__def_set_vcpu(struct vmgr__domain_def *def, const char *vcpus, bool there,
                       struct vmgr_error **err);
/* Which of max_vcpus a guest shall have (bytes 0 and 1), of what may come and go while it runs:
 * as many as that, or those of a document less or more. The definition has <vcpus>. NULL and *err;
 * free with g_free(). */
uint8_t *vmgr__def_choose_vcpus(const struct vmgr__domain_def *def, uint32_t count,
                                struct vmgr_error **err);
uint8_t *vmgr__def_choose_vcpu(const struct vmgr__domain_def *def, const char *vcpus, bool there,
                               struct vmgr_error **err);
/* Changes one definition. */
int vmgr__def_set_metadata(struct vmgr__domain_def *def, int type, const char *text,
                           const char *key, const char *uri, struct vmgr_error **err);
void vmgr__domobj_get_messages(const struct vmgr__domobj *obj, uint32_t flags, GPtrArray *ret);
/* Checks shared by renaming: name, active, transient, taken. */
int vmgr__domlist_check_rename(const struct vmgr__domlist *list, const struct vmgr__domobj *obj,
                               const char *name, struct vmgr_error **err);

#endif
