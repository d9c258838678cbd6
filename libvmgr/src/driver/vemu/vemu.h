/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vemu driver: guests as processes, their state in a directory that any number of callers
 * share.
 *
 * Theory of operation. There is no daemon. Each caller reads and writes the same files:
 *
 *   CONFIG/domains/NAME.xml      what the next start uses; replaced atomically and synced
 *   CONFIG/autostart/NAME.xml    a symbolic link to it: start at boot
 *   RUN/domains/NAME.d/          a run: status.xml, qmp.sock, exit.json; the emulator's directory
 *   RUN/locks/NAME.lock, RUN/locks.global   flock()ed while a domain, or the set of them, is
 *   changed LOG/NAME.log                 the emulator's stderr
 *
 * status.xml is the one truth about a run, replaced atomically at each step:
 *
 *   starting   a caller is at it. pid 0: nothing was let loose yet; else the process may run
 *   active     the process serves its monitor
 *   stopping   someone decided to kill it
 *   off        how the last run ended
 *
 * A caller may die at any instruction. What makes that safe:
 *   - the emulator's process waits, before it becomes the emulator, for a word from the caller, who
 *     gives it only after the process's id is in status.xml. A dead caller gives no word, so there
 *     is never an emulator that the directory does not know;
 *   - a pid is believed only together with its start time and the boot it belongs to;
 *   - locks are kernel locks on descriptors and end with their holder;
 *   - whoever finds a status that no live holder is working on and that does not agree with the
 *     process brings it to a rest (settle.c).
 *
 * Reading takes no lock: files are whole at any time.
 * Lock order: domain lock, then global lock, then the mutex of the cache. See docs/locking.md.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_VEMU_H
#define VMGR_SRC_DRIVER_VEMU_VEMU_H

#include <json-c/json.h>
#include <sys/stat.h>

#include "../domobj.h"
#include "state/file.h"

#define VEMU_NAME_MAX         200 /* a name with ".xml.new" must be a file name */
#define VEMU_LOCK_TIMEOUT_MS  30000
#define VEMU_START_TIMEOUT_MS 30000
#define VEMU_QMP_TIMEOUT_MS   5000
#define VEMU_SPARE_PORTS      4 /* root ports that a definition leaves free */

/* What callers keep of a run beside its directory, which a guest may make files in. */
#define VEMU_AGENT_LOCK    ".agent-lock"
#define VEMU_AGENT_TIMEOUT ".agent-timeout"

struct vemu_domain_job;
struct vmgr__hostdev;

struct vemu {
    struct vmgr_conn *conn; /* borrowed */
    bool read_only;
    char *config_dir;
    char *autostart_dir;
    char *run_dir;
    char *lock_dir;
    char *log_dir;
    char *storage_dir, *storage_run_dir;
    char *secret_dir;
    char *emulator;      /* chosen by the caller, or NULL */
    char *settings_path; /* vemu.conf */
    char *dump_dir;      /* unless that says another */
    char *nvram_dir;     /* variables of guests' firmware */
    char *ram_dir;       /* files that guests' memory is in, unless vemu.conf says another */
    char **firmware_dirs; /* with its descriptors; the last one counts most */
    bool is_system;      /* the host's own, not a directory that was named or a user's */
    char *net_config_dir;
    char *net_autostart_dir;
    char *net_run_dir;
    struct vmgr__hostdev *hostdev;                     /* src/hostdev */
    char *iface_dir, *iface_begin_dir, *iface_run_dir; /* src/hostdev */
    char *nwfilter_dir, *nwfilter_run_dir;
    char *macvtap_run_dir;            /* src/network/direct.c */
    struct vemu_files *files;         /* run/files.c */
    struct vemu_net_watch *net_watch; /* src/network/watch.c; NULL: nobody asked */

    GMutex lock;         /* of what follows: the cache of the directory */
    uint64_t generation; /* of the set of names and UUIDs that the cache holds; 0: unknown */
    struct vmgr__domlist list;
    bool watching; /* its runs are listened to */
    bool whole;    /* definitions are read whole: what changes in them is told */
    int watch_epoll;
    uint64_t next_listener;
    int inotify_fd;
    struct vemu_notice *notice;
    struct vemu_texts *texts; /* text.c; NULL: none yet */
    GHashTable *unsettled;    /* of objects: not certain, or with a process that may end silently */
    bool copies;              /* a definition was left out because another has its UUID */
    struct vmgr__domain_def *stored; /* while vmgr__vemu_keep_definition() looks; else NULL */
    const char *stored_text;
    GPtrArray *news;         /* news.c: what is not written yet */
    GHashTable *autodestroy; /* names of runs that end with this connection */
    GHashTable *job_names;   /* of runs whose disks have jobs */
    int job_timer;           /* looks at them while runs are listened to */
};

extern const struct vmgr__conf_defaults vmgr__vemu_defaults;

/* VMGR_FROM_QEMU: clients know that number as "the driver that runs guests". */
#define VMGR_FROM_VEMU             VMGR_FROM_QEMU
#define vemu_error(err, code, ...) vmgr__error_set(err, code, VMGR_FROM_VEMU, __VA_ARGS__)

#endif
