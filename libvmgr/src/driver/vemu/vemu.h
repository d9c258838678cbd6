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
    bool is_system;      /* the host's own, not a directory that was named or a user's */
    char *net_config_dir;
    char *net_autostart_dir;
    char *net_run_dir;
    struct vmgr__hostdev *hostdev;    /* src/hostdev */
    char *iface_dir, *iface_begin_dir, *iface_run_dir; /* src/hostdev */
    char *nwfilter_dir, *nwfilter_run_dir;
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
    bool copies; /* a definition was left out because another has its UUID */
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

/* ---- paths.c ---- */
int vmgr__vemu_paths_init(struct vemu *d, const struct vmgr__open_args *args,
                          struct vmgr_error **err);
void vmgr__vemu_paths_fini(struct vemu *d);
char *vmgr__vemu_config_path(const struct vemu *d, const char *name);
char *vmgr__vemu_autostart_path(const struct vemu *d, const char *name);
char *vmgr__vemu_run_path(const struct vemu *d, const char *name, const char *file);
/* How a process that lives in `dir` names `path`: without `dir`, if it is right in there. Borrowed
 * from path. */
const char *vmgr__vemu_run_file(const char *dir, const char *path);
char *vmgr__vemu_log_path(const struct vemu *d, const char *name);

/* ---- lock.c ---- */
/* Takes the lock of a domain, waiting up to VEMU_LOCK_TIMEOUT_MS. A descriptor, or -1 and *err. */
int vmgr__vemu_lock(const struct vemu *d, const char *name, struct vmgr_error **err);
/* The same without waiting: -1 when someone has it (no error set). */
int vmgr__vemu_try_lock(const struct vemu *d, const char *name);
int vmgr__vemu_lock_global(const struct vemu *d, struct vmgr_error **err);
/* The lock of all networks. Without wait: -1 when someone has it (no error set). */
int vmgr__vemu_lock_networks(const struct vemu *d, bool wait, struct vmgr_error **err);
void vmgr__vemu_unlock(int fd);

/* ---- process.c ---- */
struct vemu_process {
    int pid;             /* 0: none */
    uint64_t start_time; /* clock ticks since boot */
};
/* Reads the start time of a process that exists. */
bool vmgr__process_identify(int pid, struct vemu_process *ret);
/* It exists, is no zombie, and is the one it was. */
bool vmgr__process_is_alive(const struct vemu_process *p);
/* Some process has this as its working directory, as an emulator has its run's. */
bool vmgr__process_is_in(const char *dir);
/* A pidfd of it, or -1 when it is gone. */
int vmgr__process_open(const struct vemu_process *p);
/* Waits until the process behind a pidfd is gone. */
bool vmgr__process_wait(int pidfd, int timeout_ms);
uint64_t vmgr__process_cpu_time_ns(const struct vemu_process *p);
bool vmgr__process_times_ns(const struct vemu_process *p, uint64_t *ret_user, uint64_t *ret_system);
const char *vmgr__boot_id(void);

/* ---- status.c ---- */
enum vemu_phase { VEMU_OFF = 0, VEMU_STARTING, VEMU_ACTIVE, VEMU_STOPPING };
struct vemu_status {
    enum vemu_phase phase;
    int state, reason;
    struct vemu_process process;
    int owner; /* with autodestroy: pid of the caller whose end ends it; else 0 */
    uint64_t owner_start_time;
    bool updated;
    bool bitmaps; /* of its images have come or gone: they are written when the images are closed */
    bool sandbox; /* while it starts: the emulator gives up system calls */
    uid_t uid;    /* whom the process runs as; 0: its starter's */
    gid_t gid;
    char *cgroup;                 /* NULL: none */
    struct vmgr__domain_def *def; /* what runs; NULL when off */
    GPtrArray *jobs;              /* struct vemu_blockjob (blockjob.h); NULL: there were none */
    struct vmgr__backup *backup;  /* that goes on (conf/backup.h); NULL: none */
    struct vemu_domain_job *job;      /* of the whole domain (domain-job.h); NULL: none */
    struct vemu_domain_job *last_job; /* the one that ended last; NULL: none */
};
void vmgr__vemu_status_clear(struct vemu_status *s);
/* 1, 0 (no file: off), -1 and *err (a file nobody can read is an error, not an end of the guest). A
 * status of another boot of the host counts as no file. */
int vmgr__vemu_status_load(const struct vemu *d, const char *name, struct vemu_status *ret,
                           struct vmgr_error **err);
int vmgr__vemu_status_save(const struct vemu *d, const char *name, const struct vemu_status *s,
                           struct vmgr_error **err);
/* Removes the directory of a run. */
void vmgr__vemu_run_remove(const struct vemu *d, const char *name);
/* Removes the files a run leaves in it. */
void vmgr__vemu_run_sweep(const struct vemu *d, const char *name);

/* ---- settle.c ---- */
/*
 * Brings a status that nobody works on to a rest. The domain lock is held. *s is updated and saved.
 */
int vmgr__vemu_settle_locked(struct vemu *d, const char *name, struct vemu_status *s,
                             struct vmgr_error **err);
/* Loads the status and settles it if no one else is at it. 1, 0, -1 as status_load. */
int vmgr__vemu_status_settled(struct vemu *d, const char *name, struct vemu_status *ret,
                              struct vmgr_error **err);
/* The run is over: writes how, or forgets a transient domain. The lock is held. */
int vmgr__vemu_finish(struct vemu *d, const char *name, struct vemu_status *s, int reason,
                      struct vmgr_error **err);

/* ---- qmp.c ---- */
struct vemu_qmp;
/* Connects to a monitor in a run's directory and negotiates. pidfd: give up when it ends (-1:
 * none). */
struct vemu_qmp *vmgr__qmp_open(const char *run_path, int pidfd, int timeout_ms,
                                struct vmgr_error **err);
/* Whether the other end of a connection is who made the socket `name` of directory `dir`: a guest
 * that broke out of its emulator may have put a link to another's there. */
bool vmgr__socket_is_of(int fd, int dir, const char *name);
struct vemu_qmp *vmgr__qmp_close(struct vemu_qmp *q);
/* Runs a command. args is taken over (NULL: none). ret may be NULL; else for json_object_put(). */
int vmgr__qmp_execute(struct vemu_qmp *q, const char *command, struct json_object *args,
                      struct json_object **ret, struct vmgr_error **err);
/* Hands a descriptor over, under a name that commands of this connection may use. */
int vmgr__qmp_send_fd(struct vemu_qmp *q, const char *name, int fd, struct vmgr_error **err);
/* Runs a command as text, a JSON object; *ret is the whole answer, for g_free(). */
int vmgr__qmp_text(struct vemu_qmp *q, const char *text, char **ret, struct vmgr_error **err);
/* Waits until the device with this id has told its end (DEVICE_DELETED), if it is not known
 * already. */
bool vmgr__qmp_await_deleted(struct vemu_qmp *q, const char *id, int timeout_ms);
/* query-status: enum vmgr_domain_state and reason; prelaunch is paused (starting up). */
int vmgr__qmp_state(struct vemu_qmp *q, int *ret_state, int *ret_reason, struct vmgr_error **err);

/* ---- argv.c ---- */
/* Fails if the definition asks for what a guest cannot get here. */
int vmgr__vemu_check_support(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* The same for what makes no sense to store. */
int vmgr__vemu_check_define(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* The command line, NULL-terminated, for g_strfreev(). ports: of port.c; run_dir:
 * where it will run. */
char **vmgr__vemu_argv(const struct vmgr__domain_def *def, const char *emulator, bool sandbox,
                       const GArray *ports, const char *run_dir);
/* The program: the definition's, the caller's, or the usual one. For g_free(). */
char *vmgr__vemu_find_emulator(const struct vemu *d, const struct vmgr__domain_def *def,
                               struct vmgr_error **err);

/* ---- port.c ---- */
/* Makes the host's ends of interfaces on networks and bridges, and notes them in the definition.
 * For g_array_unref(), which takes away what no emulator has; or NULL and *err. */
GArray *vmgr__vemu_ports_open(struct vemu *d, struct vmgr__domain_def *def,
                              struct vmgr_error **err);
/* Takes away what a run's interfaces have on the host beside themselves: filters. */
void vmgr__vemu_ports_forget(struct vemu *d, const struct vmgr__domain_def *def);
size_t vmgr__vemu_ports_count(const GArray *ports);
int vmgr__vemu_ports_fd(const GArray *ports, size_t i);

/* ---- launch.c ---- */
/* Starts the emulator of a run whose status is "starting", writes its pid into the status, and
 * waits until its monitor listens. On failure nothing of it is left. */
int vmgr__vemu_launch(struct vemu *d, const char *name, struct vemu_status *s,
                      struct vemu_qmp **ret_qmp, off_t *ret_log_from, struct vmgr_error **err);
/* After the monitor failed: if the process ends, sets *err to its last words. */
void vmgr__vemu_explain(const struct vemu *d, const char *name, const struct vemu_process *p,
                        off_t log_from, struct vmgr_error **err);

/* ---- lifecycle.c: the operations; all lock for themselves ---- */
int vmgr__vemu_start(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__vemu_shutdown(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_reboot(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_reset(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__vemu_destroy(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_suspend(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__vemu_resume(struct vmgr_domain *dom, struct vmgr_error **err);
/* Ends the runs that were started for this connection only. */
void vmgr__vemu_autodestroy(struct vemu *d);

/* ---- attach.c: likewise ---- */
int vmgr__vemu_attach(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                      struct vmgr_error **err);
int vmgr__vemu_detach(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                      struct vmgr_error **err);
int vmgr__vemu_detach_alias(struct vmgr_domain *dom, const char *alias, uint32_t flags,
                            struct vmgr_error **err);
int vmgr__vemu_update(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                      struct vmgr_error **err);

/* ---- size.c: likewise ---- */
int vmgr__vemu_set_memory(struct vmgr_domain *dom, uint64_t kib, uint32_t flags,
                          struct vmgr_error **err);
int vmgr__vemu_set_vcpus(struct vmgr_domain *dom, uint32_t count, uint32_t flags,
                         struct vmgr_error **err);
int vmgr__vemu_set_vcpu(struct vmgr_domain *dom, const char *vcpus, bool there, uint32_t flags,
                        struct vmgr_error **err);
int vmgr__vemu_set_stats_period(struct vmgr_domain *dom, int period, uint32_t flags,
                                struct vmgr_error **err);
int vmgr__vemu_inject_nmi(struct vmgr_domain *dom, struct vmgr_error **err);

/* ---- define.c: likewise ---- */
int vmgr__vemu_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__vemu_undefine(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_rename(struct vmgr_domain *dom, const char *new_name, struct vmgr_error **err);
int vmgr__vemu_set_autostart(struct vmgr_domain *dom, bool on, struct vmgr_error **err);
int vmgr__vemu_set_metadata(struct vmgr_domain *dom, int type, const char *text, const char *key,
                            const char *uri, uint32_t flags, struct vmgr_error **err);
/* Reads a definition. 1, 0 (none), -1 and *err. */
int vmgr__vemu_config_load(const struct vemu *d, const char *name, struct vmgr__domain_def **ret,
                           struct vmgr_error **err);
int vmgr__vemu_config_save(const struct vemu *d, const struct vmgr__domain_def *def,
                           struct vmgr_error **err);

/* ---- cache.c ---- */
/* Brings the cache up to date about one name, or all, and emits what changed. d->lock is held. */
void vmgr__vemu_refresh_locked(struct vemu *d, const char *name);
void vmgr__vemu_refresh_all_locked(struct vemu *d);
/* Refreshes and finds the object of a handle, following renames. d->lock is held. */
struct vmgr__domobj *vmgr__vemu_find_locked(struct vemu *d, struct vmgr_domain *dom,
                                            struct vmgr_error **err);
/* The same where name, UUID and what is known of the run are enough. */
struct vmgr__domobj *vmgr__vemu_find_outline_locked(struct vemu *d, struct vmgr_domain *dom,
                                                    struct vmgr_error **err);
/* The whole definition of an object of which only the outline was read. 0, or -1 and *err. */
int vmgr__vemu_obj_load(const struct vemu *d, struct vmgr__domobj *obj, struct vmgr_error **err);
/* Fails if what may run cannot be read: no question about that has an answer. */
int vmgr__vemu_obj_check(const struct vmgr__domobj *obj, struct vmgr_error **err);
/* Its files have to be looked at again. */
void vmgr__vemu_obj_doubt(struct vmgr__domobj *obj);
struct vemu_process vmgr__vemu_obj_process(const struct vmgr__domobj *obj);
/* Whether a definition may take its name and UUID, as vmgr__domlist_check(). The global lock is
 * held. */
int vmgr__vemu_check_unique(struct vemu *d, const struct vmgr__domain_def *def, bool inactive,
                            struct vmgr_error **err);
/* The set of names and UUIDs has grown. The global lock is held. */
void vmgr__vemu_set_grew(struct vemu *d);
/* Takes d->lock, refreshes one name. reason: how a transient run ended, whose files are gone. */
void vmgr__vemu_changed(struct vemu *d, const char *name, int reason);
/* What was written as the definition of a name, and its text: unless the file says something else
 * by now it need not be parsed again. Remarks on the document as it came in are kept in any case:
 * its stored form does not give rise to all of them. Takes def over. */
void vmgr__vemu_keep_definition(struct vemu *d, const char *name, struct vmgr__domain_def *def,
                                const char *text);
/* The name that goes with a handle now; for g_free(), or NULL and *err. Takes d->lock. */
char *vmgr__vemu_name_of(struct vemu *d, struct vmgr_domain *dom, struct vmgr_error **err);

/* ---- difference.c: d->lock is held ---- */
/* Of what runs, before and after. */
void vmgr__vemu_emit_difference(struct vemu *d, const struct vmgr__domain_def *old,
                                const struct vmgr__domain_def *now);
void vmgr__vemu_emit_metadata(struct vemu *d, const struct vmgr__domain_def *old,
                              const struct vmgr__domain_def *now);

/* ---- stats.c ---- */
#define VEMU_STATS                                                                                 \
    (VMGR_STATS_STATE | VMGR_STATS_CPU_TOTAL | VMGR_STATS_BALLOON | VMGR_STATS_VCPU |              \
     VMGR_STATS_INTERFACE | VMGR_STATS_BLOCK | VMGR_STATS_IOTHREAD)
int vmgr__vemu_get_stats(struct vmgr_domain *dom, uint32_t groups, uint32_t flags, GArray *ret,
                         struct vmgr_error **err);

/* ---- outline.c ---- */
/* A definition that has its name and UUID alone; NULL: the document has to be parsed. */
struct vmgr__domain_def *vmgr__vemu_outline(const char *text, const char *name);

/* ---- notice.c: whether anything has changed; all with the cache's lock held ---- */
/* Takes in what has been told: puts in doubt what is not certain any more. False: nothing is told
 * here, so nothing is certain. */
bool vmgr__vemu_notice_look(struct vemu *d);
/* So many files were looked at for one question. */
void vmgr__vemu_notice_count(struct vemu *d, unsigned looks);
/* Changes of this domain's run are told from now on; before its files are looked at. */
bool vmgr__vemu_notice_run(struct vemu *d, const char *name);
/* Names that are not in the list, and about which something was told since they were looked at. */
void vmgr__vemu_notice_strangers(struct vemu *d, GPtrArray *ret);
void vmgr__vemu_notice_seen(struct vemu *d, const char *name);
/* All names that have files, but for the strangers, are in the list or cannot be. */
bool vmgr__vemu_notice_set_known(struct vemu *d);
void vmgr__vemu_notice_set(struct vemu *d, bool known);
void vmgr__vemu_notice_fini(struct vemu *d);

/* ---- text.c: descriptions; all with the cache's lock held ---- */
/* As vmgr__domobj_get_xml(). */
char *vmgr__vemu_text(struct vemu *d, const struct vmgr__domobj *obj, uint32_t flags);
/* A definition of the domain is about to be replaced. */
void vmgr__vemu_text_forget(struct vemu *d, const char *name);
void vmgr__vemu_texts_fini(struct vemu *d);

/* ---- watch.c ---- */
int vmgr__vemu_watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err);
int vmgr__vemu_subscribe(struct vmgr_conn *conn, int event_id, struct vmgr_error **err);
void vmgr__vemu_poll_events(struct vmgr_conn *conn);
/* What woke the driver up: files, the ends of processes, the time to look at jobs, or a listener,
 * whose numbers begin here. */
enum vemu_wake { VEMU_WAKE_FILES = 0, VEMU_WAKE_PROCESS, VEMU_WAKE_JOBS, VEMU_WAKE_LISTENER };
/* A run appeared or changed its process. d->lock is held. */
void vmgr__vemu_watch_run(struct vemu *d, const char *name);
int vmgr__vemu_watch_process(struct vemu *d, const struct vemu_process *p);
/* cache.c: watches the process of a record that was read before watching began. */
void vmgr__vemu_watch_obj(struct vemu *d, struct vmgr__domobj *obj);
/* Some runs have jobs on disks: looks at them soon. d->lock is held. */
void vmgr__vemu_watch_jobs(struct vemu *d);
void vmgr__vemu_watch_fini(struct vemu *d);

/* monitor.c: the UUID that an emulator was given, as its monitor tells it. */
bool vmgr__vemu_ask_uuid(const struct vemu *d, const char *name, uint8_t *ret_uuid);

/* ---- news.c ---- */
struct vemu_listener;
/* Connects to what the emulator of a run tells; NULL: it is not there. d->lock is held. */
struct vemu_listener *vmgr__vemu_listener_new(struct vemu *d, const char *name);
struct vemu_listener *vmgr__vemu_listener_free(struct vemu_listener *l);
/* It has one of these numbers. */
bool vmgr__vemu_listener_is(const struct vemu_listener *l, const uint64_t *numbers, size_t n);
/* Takes what has come, without waiting. d->lock is held. */
void vmgr__vemu_listener_read(struct vemu *d, const struct vmgr__domobj *obj,
                              struct vemu_listener *l);
/* cache.c: lets the listeners with these numbers read. d->lock is held. */
void vmgr__vemu_listen_locked(struct vemu *d, const uint64_t *numbers, size_t n);
/* Asks a run that is only listened to from now on what happened before: whether its guest stands
 * still, which of its channels are open. d->lock is held. */
void vmgr__vemu_ask_soon(struct vemu *d, const char *name);
/* Writes what listeners heard into the status of their runs. */
void vmgr__vemu_apply_news(struct vemu *d);
/* A guest that may stop without ending (on_poweroff or on_crash "preserve") does so unseen where
 * nobody listens: its monitor knows. Nobody waits for that long, or for a lock. */
void vmgr__vemu_ask_guest(struct vemu *d, const char *name);
void vmgr__vemu_news_free(void *news);

/* ---- monitor.c ---- */
int vmgr__vemu_monitor_command(struct vmgr_domain *dom, const char *command, uint32_t flags,
                               char **ret, struct vmgr_error **err);

/* ---- console.c, host.c ---- */
int vmgr__vemu_open_console(struct vmgr_domain *dom, const char *device, uint32_t flags,
                            struct vmgr_stream **ret, struct vmgr_error **err);
int vmgr__vemu_get_version(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err);
int vmgr__vemu_get_hostname(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
int vmgr__vemu_get_sysinfo(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
int vmgr__vemu_get_capabilities(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
int vmgr__vemu_get_max_vcpus(struct vmgr_conn *conn, const char *type, struct vmgr_error **err);
int vmgr__vemu_get_node_info(struct vmgr_conn *conn, struct vmgr_node_info *ret,
                             struct vmgr_error **err);
int vmgr__vemu_get_security_model(struct vmgr_conn *conn, struct vmgr_security_model *ret,
                                  struct vmgr_error **err);

#endif
