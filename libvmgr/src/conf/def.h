/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A domain's definition in memory, and the table of elements it is read from and written to.
 *
 * Each element has a file that parses, checks and formats it. What a definition says and this
 * version does not understand is kept as text where it stood, and reported as a warning.
 */
#ifndef VMGR_SRC_CONF_DEF_H
#define VMGR_SRC_CONF_DEF_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <vmgr/domain.h>

#include "xml.h"

enum vmgr__virt_type {
    VMGR__VIRT_NONE = 0,
    VMGR__VIRT_QEMU,
    VMGR__VIRT_KQEMU,
    VMGR__VIRT_KVM,
    VMGR__VIRT_XEN,
    VMGR__VIRT_LXC,
    VMGR__VIRT_UML,
    VMGR__VIRT_OPENVZ,
    VMGR__VIRT_TEST,
    VMGR__VIRT_VMWARE,
    VMGR__VIRT_HYPERV,
    VMGR__VIRT_VBOX,
    VMGR__VIRT_PHYP,
    VMGR__VIRT_PARALLELS,
    VMGR__VIRT_BHYVE,
    VMGR__VIRT_VZ,
    VMGR__VIRT_VEMU,
};
extern const char *const vmgr__virt_type_names[];

/* What a driver fills in where a document is silent. */
struct vmgr__conf_defaults {
    const char *arch;    /* "x86_64" */
    const char *machine; /* NULL: leave it out */
    bool serial_target;  /* write back the kind of serial port */
    bool disk_files;     /* disks may be opened by descriptors (fdgroup) */
    bool commandline;    /* <qemu:commandline> is not kept but read */
    const char *security_model; /* of a label that does not say its own; NULL: it has none */
};

enum vmgr__os_type {
    VMGR__OS_HVM = 0,
    VMGR__OS_XEN,
    VMGR__OS_LINUX,
    VMGR__OS_EXE,
    VMGR__OS_UML,
    VMGR__OS_XENPVH
};
extern const char *const vmgr__os_type_names[];

/* What starts a guest before its system does. */
enum vmgr__firmware_kind { VMGR__FIRMWARE_NONE = 0, VMGR__FIRMWARE_BIOS, VMGR__FIRMWARE_EFI };
enum vmgr__loader_type { VMGR__LOADER_NONE = 0, VMGR__LOADER_ROM, VMGR__LOADER_PFLASH };
enum vmgr__firmware_feature {
    VMGR__FIRMWARE_ENROLLED_KEYS = 0,
    VMGR__FIRMWARE_SECURE_BOOT,
    VMGR__FIRMWARE_FEATURES
};
struct vmgr__firmware {
    int kind;                              /* attribute of <os>: which to choose */
    int features[VMGR__FIRMWARE_FEATURES]; /* tristates */
    bool has_loader, has_nvram;
    char *loader;                    /* path; NULL: none */
    char *loader_format;             /* NULL: not said */
    int loader_type;                 /* enum vmgr__loader_type */
    int readonly, secure, stateless; /* tristates */
    char *nvram;                     /* path; NULL: none, or no file */
    char *nvram_template, *nvram_format;
    char *nvram_type, *nvram_source; /* of <nvram type='...'><source/></nvram>; else NULL */
    bool nvram_source_plain;         /* nothing in that <source> */
    int menu;                        /* tristate */
    bool has_menu_timeout, has_reboot_timeout;
    int menu_timeout, reboot_timeout; /* ms; -1: never */
    int useserial;                    /* tristate */
};
extern const char *const vmgr__firmware_names[];
extern const char *const vmgr__firmware_feature_names[];
extern const char *const vmgr__loader_names[];

struct vmgr__os {
    int type; /* enum vmgr__os_type */
    char *arch;
    char *machine;
    struct vmgr__firmware firmware;
    char *init;
    char *kernel;
    char *initrd;
    char *cmdline;
    GArray *boot;    /* int, index into vmgr__boot_names */
    GPtrArray *kept; /* char *, in order of the schema, then unknown ones */
    GPtrArray *kept_names;
};
extern const char *const vmgr__boot_names[];

struct vmgr__feature {
    bool present;
    int state;  /* tristate */
    char *kept; /* the element, for those with more than a state */
};
enum { VMGR__FEATURE_COUNT = 25 };
extern const char *const vmgr__feature_names[];

enum vmgr__cpu_mode {
    VMGR__CPU_CUSTOM = 0,
    VMGR__CPU_HOST_MODEL,
    VMGR__CPU_HOST_PASSTHROUGH,
    VMGR__CPU_MAXIMUM,
};
struct vmgr__cpu_feature {
    int policy;
    char *name;
};
struct vmgr__cpu {
    bool present;
    bool has_mode;
    int mode;       /* enum vmgr__cpu_mode */
    int match;      /* -1: none */
    int check;      /* -1: none */
    int migratable; /* tristate */
    char *model;
    bool fallback_forbid;
    char *vendor_id;
    char *vendor;
    uint32_t sockets, dies, cores, threads; /* 0: no topology */
    GArray *features;                       /* struct vmgr__cpu_feature */
    GPtrArray *kept;
    GPtrArray *kept_names;
};
extern const char *const vmgr__cpu_mode_names[];
extern const char *const vmgr__cpu_policy_names[];

enum vmgr__clock_offset {
    VMGR__CLOCK_UTC = 0,
    VMGR__CLOCK_LOCALTIME,
    VMGR__CLOCK_VARIABLE,
    VMGR__CLOCK_TIMEZONE,
    VMGR__CLOCK_ABSOLUTE
};
struct vmgr__timer {
    int name;                    /* index into vmgr__timer_names */
    int present;                 /* tristate */
    int tickpolicy, track, mode; /* -1: none */
    uint64_t frequency;
    char *kept; /* <catchup> */
};
struct vmgr__clock {
    int offset;
    bool adjust_reset;
    int64_t adjustment;
    int64_t first_adjustment; /* variable, of a run: what it began with */
    int basis; /* 0 utc, 1 localtime */
    char *timezone;
    uint64_t start;
    GArray *timers; /* struct vmgr__timer */
};
extern const char *const vmgr__clock_names[];
extern const char *const vmgr__timer_names[];
extern const char *const vmgr__tickpolicy_names[];

/* <on_poweroff>, <on_reboot>, <on_crash> */
enum vmgr__action {
    VMGR__ACTION_DESTROY = 0,
    VMGR__ACTION_RESTART,
    VMGR__ACTION_RENAME_RESTART,
    VMGR__ACTION_PRESERVE,
    VMGR__ACTION_COREDUMP_DESTROY,
    VMGR__ACTION_COREDUMP_RESTART,
};
extern const char *const vmgr__action_names[];
extern const char *const vmgr__lock_failure_names[];

enum vmgr__chardev_type {
    VMGR__CHARDEV_NULL = 0,
    VMGR__CHARDEV_VC,
    VMGR__CHARDEV_PTY,
    VMGR__CHARDEV_DEV,
    VMGR__CHARDEV_FILE,
    VMGR__CHARDEV_PIPE,
    VMGR__CHARDEV_STDIO,
    VMGR__CHARDEV_UDP,
    VMGR__CHARDEV_TCP,
    VMGR__CHARDEV_UNIX,
    VMGR__CHARDEV_SPICEVMC,
    VMGR__CHARDEV_SPICEPORT,
    VMGR__CHARDEV_NMDM,
    VMGR__CHARDEV_QEMU_VDAGENT,
    VMGR__CHARDEV_DBUS,
};
extern const char *const vmgr__chardev_type_names[];

/* A <serial> or <console>. */
struct vmgr__chardev {
    int type;
    char *path;
    int mode;             /* unix: 0 none, 1 connect, 2 bind */
    int append;           /* file: tristate */
    char *kept_in_source; /* <seclabel>, <reconnect> */
    char *kept_source;    /* <source>, <protocol> ... of the other types */
    char *kept_log;
    char *target_type;  /* NULL: the default */
    char *target_model; /* serial only */
    int port;           /* -1: not chosen */
    char *alias;
    char *kept; /* address and what is unknown */
};

/* A device known by name only, or checked and kept. */
struct vmgr__device {
    int kind;     /* index into the table of devices.c; its length for unknown ones */
    bool unknown; /* belongs to nobody: neither to the schema nor to a namespace */
    char *name;
    char *text;
    /* for checks between devices */
    char *source;
    char *target;
    int model; /* memballoon */
};

/* Numbers: a limit that is not set is 0. */
enum vmgr__tune {
    VMGR__TUNE_SHARES,
    VMGR__TUNE_PERIOD, /* of each vCPU; microseconds */
    VMGR__TUNE_QUOTA,  /* below zero: none */
    VMGR__TUNE_GLOBAL_PERIOD,
    VMGR__TUNE_GLOBAL_QUOTA,
    VMGR__TUNE_EMULATOR_PERIOD,
    VMGR__TUNE_EMULATOR_QUOTA,
    VMGR__TUNE_IOTHREAD_PERIOD,
    VMGR__TUNE_IOTHREAD_QUOTA,
    VMGR__TUNE_HARD_LIMIT, /* KiB */
    VMGR__TUNE_SOFT_LIMIT,
    VMGR__TUNE_MIN_GUARANTEE,
    VMGR__TUNE_SWAP_HARD_LIMIT,
    VMGR__TUNE_WEIGHT,
    VMGR__TUNE_COUNT
};

struct vmgr__pin {
    int kind; /* enum vmgr_pin_kind */
    uint32_t id;
    char *cpuset; /* canonical */
};

struct vmgr__scheduler {
    int kind; /* enum vmgr_pin_kind */
    uint32_t id;
    int policy; /* vmgr__scheduler_names */
    int priority;
};

enum vmgr__blkio {
    VMGR__BLKIO_WEIGHT,
    VMGR__BLKIO_READ_IOPS,
    VMGR__BLKIO_WRITE_IOPS,
    VMGR__BLKIO_READ_BYTES,
    VMGR__BLKIO_WRITE_BYTES,
    VMGR__BLKIO_COUNT
};
struct vmgr__blkio_device {
    char *path;
    uint64_t value[VMGR__BLKIO_COUNT]; /* 0: none */
};

enum vmgr__memory_source {
    VMGR__MEMORY_SOURCE_FILE = 1, /* 0: not said */
    VMGR__MEMORY_SOURCE_ANONYMOUS,
    VMGR__MEMORY_SOURCE_MEMFD
};

#define VMGR__NODES_MAX 1024 /* more than a guest can have */
struct vmgr__hugepage {
    uint64_t kib;
    bool of_nodes;                        /* of these; else of those that no other names */
    uint64_t nodes[VMGR__NODES_MAX / 64]; /* bits */
    unsigned beyond;                      /* the first that no guest can have; 0: none */
};

struct vmgr__tuning {
    int64_t value[VMGR__TUNE_COUNT];
    GArray *pins;       /* struct vmgr__pin, by kind and id; NULL: none */
    GArray *schedulers; /* struct vmgr__scheduler; NULL: none */
    GArray *blkio;      /* struct vmgr__blkio_device; NULL: none */
    int numa_mode;      /* -1: no <memory> */
    char *numa_nodeset; /* NULL: none */
    bool numa_auto;     /* placement='auto' */
    char *partition;    /* of <resource> */
    bool hugepages, nosharepages, locked, discard;
    GArray *pages;                  /* struct vmgr__hugepage; NULL: the host's usual */
    int source;                     /* enum vmgr__memory_source */
    int access, allocation;         /* index into its names, 0: not said */
    uint32_t allocation_threads;
    GPtrArray *kept[4]; /* char *: children that are only kept; of enum vmgr__tune_element */
};
enum vmgr__tune_element {
    VMGR__TUNE_CPUTUNE,
    VMGR__TUNE_MEMTUNE,
    VMGR__TUNE_BLKIOTUNE,
    VMGR__TUNE_NUMATUNE
};

enum vmgr__seclabel_type {
    VMGR__SECLABEL_DEFAULT = 0, /* nothing is said */
    VMGR__SECLABEL_NONE,
    VMGR__SECLABEL_DYNAMIC,
    VMGR__SECLABEL_STATIC,
};
struct vmgr__seclabel {
    int type;    /* enum vmgr__seclabel_type */
    char *model; /* NULL: not said */
    bool relabel;
    bool implicit; /* of a run whose definition does not have it */
    char *label, *imagelabel, *baselabel;
};

struct vmgr__domain_def {
    int virt_type;
    int id; /* -1: not running */
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    bool has_uuid;
    uint8_t genid[VMGR_UUID_SIZE];
    bool has_genid;
    char *title;
    char *description;
    xmlDoc *metadata; /* a document whose root is <metadata>, or NULL */
    uint64_t memory_kib;
    uint64_t current_memory_kib;
    uint64_t max_memory_kib; /* with all that may be plugged in; 0: none may */
    uint32_t memory_slots;
    int dump_core; /* tristate */
    uint32_t vcpus;
    uint32_t max_vcpus;
    GArray *vcpu_list; /* struct vmgr__vcpu, vcpus.h; NULL: the first ones */
    int vcpu_placement;         /* 0 static, 1 auto */
    char *cpuset;               /* canonical, NULL: none */
    uint32_t iothread_count;    /* of <iothreads>, while it is read */
    GArray *iothreads;          /* struct vmgr__iothread, iothread.h */
    struct vmgr__tuning tuning; /* tuning.h */
    struct vmgr__os os;
    struct vmgr__feature features[VMGR__FEATURE_COUNT];
    bool has_features;
    struct vmgr__cpu cpu;
    struct vmgr__clock clock;
    int on_poweroff, on_reboot, on_crash; /* enum vmgr__action */
    int on_lockfailure;                   /* vmgr__lock_failure_names */
    int pm_mem, pm_disk; /* vmgr__yes_no: suspending to memory, to disk */
    char *emulator;
    GPtrArray *serials;     /* struct vmgr__chardev * */
    GPtrArray *consoles;    /* struct vmgr__chardev * */
    bool console_is_serial; /* the first console is the first serial port by another name */
    GPtrArray *devices;     /* struct vmgr__device *, all others in the order of the schema */
    GPtrArray *extra_args; /* char *, of <qemu:commandline> */
    GPtrArray *extra_env;  /* "NAME=VALUE" or "NAME" */
    GPtrArray *seclabels;   /* struct vmgr__seclabel * */
    GPtrArray *kept;        /* struct vmgr__kept *: top-level elements that are only kept */
    GPtrArray *warnings;    /* char * */
};

struct vmgr__kept {
    int rank;     /* index of its element in the table; its length for unknown ones */
    bool unknown; /* belongs to nobody: neither to the schema nor to a namespace */
    char *name;
    char *text;
};

/* ---- what conf does for others ---- */

/*
 * The document is about a domain at rest: drop its id, its paths of this run and generated aliases.
 */
#define VMGR__CONF_INACTIVE (1u << 0)
/* For everybody's eyes: passwords are left out. */
#define VMGR__CONF_PUBLIC (1u << 1)
/* For a run's status: with what is for nobody else. */
#define VMGR__CONF_STATUS (1u << 2)

struct vmgr__domain_def *vmgr__domain_def_parse(const char *xml,
                                                const struct vmgr__conf_defaults *defaults,
                                                uint32_t flags, struct vmgr_error **err);
/* The same from a <domain> element inside another document (a status file). */
struct vmgr__domain_def *vmgr__domain_def_parse_node(xmlNode *root,
                                                     const struct vmgr__conf_defaults *defaults,
                                                     uint32_t flags, struct vmgr_error **err);
char *vmgr__domain_def_format(const struct vmgr__domain_def *def, uint32_t flags);
void vmgr__domain_def_write(const struct vmgr__domain_def *def, uint32_t flags,
                            struct vmgr__xml_writer *w);
/* Through the text form, so that a copy is what a reader would get. NULL only if def is broken. */
struct vmgr__domain_def *vmgr__domain_def_copy(const struct vmgr__domain_def *def,
                                               const struct vmgr__conf_defaults *defaults,
                                               struct vmgr_error **err);
void vmgr__domain_def_free(struct vmgr__domain_def *def);
/* Reads a <cpu> of any document into def->cpu, in place of what is there. */
int vmgr__cpu_parse_node(xmlNode *node, struct vmgr__domain_def *def, struct vmgr_error **err);
/* The label of a model; NULL: none. */
struct vmgr__seclabel *vmgr__seclabel_find(const struct vmgr__domain_def *def, const char *model);
/* An empty one. */
struct vmgr__domain_def *vmgr__domain_def_new(void);
/* Whether what a definition at rest says of its firmware goes together: VMGR_ERR_XML_DETAIL. */
int vmgr__firmware_check(const struct vmgr__domain_def *def, struct vmgr_error **err);

/* Name rules shared by definitions and renaming. */
int vmgr__name_check(const char *name, struct vmgr_error **err);
/* Title rule shared by definitions and set_metadata. */
int vmgr__title_check(const char *title, struct vmgr_error **err);
/* 16 bytes from text with or without dashes; false when it is not a UUID. */
bool vmgr__uuid_parse(const char *text, uint8_t ret[VMGR_UUID_SIZE]);
void vmgr__uuid_format(const uint8_t uuid[VMGR_UUID_SIZE], char ret[VMGR_UUID_STRING_SIZE]);
/* A fresh random (version 4) UUID. */
int vmgr__uuid_generate(uint8_t ret[VMGR_UUID_SIZE], struct vmgr_error **err);
/* "0,2-3" into set[i] for i < size; false when it is not a list of CPUs. */
bool vmgr__cpuset_parse(const char *text, uint8_t *set, size_t size);
/* The child of <metadata> in this namespace as text without that declaration; NULL: none. */
char *vmgr__metadata_get(const struct vmgr__domain_def *def, const char *uri);
/* Replaces (text NULL: removes) the child of <metadata> in this namespace. */
int vmgr__metadata_set(struct vmgr__domain_def *def, const char *text, const char *key,
                       const char *uri, struct vmgr_error **err);

#endif
