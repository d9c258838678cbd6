/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fake KVM: enough of the kernel's side to test libvkvm with no /dev/kvm, and to make any call
 * fail.
 *
 * Theory of operation: every descriptor is a struct fake_handle of one kind (system, VM, vCPU,
 * device, statistics). What a request does on it is one row of its kind's table:
 * fake_system.c, fake_vm.c, fake_vcpu.c, fake_device.c. To add an ioctl, add a row. For most,
 * one of the ready-made behaviours of fake_table.h will do: a number, bytes that are kept and given
 * back (FAKE_KEEP, FAKE_GIVE), or nothing (FAKE_OK). What a test wants to see afterwards is there
 * without a field of its own: fake_seen() returns the last argument of any request.
 *
 * Errors come from rules (fake_inject(), fake_inject_nth()), which can also let the call happen and
 * then spoil its result. fake_walk() makes each call of a scenario fail in turn.
 */
#ifndef TESTS_FAKE_KVM_H
#define TESTS_FAKE_KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <vkvm/vkvm.h>

#define FAKE_MAX_FDS    64
#define FAKE_MAX_SCRIPT 32
#define FAKE_MAX_RULES  16
#define FAKE_MAX_MAPS   4
#define FAKE_MMAP_SIZE  12288
#define FAKE_FD_BASE    1000

struct fake_kvm;
struct fake_handle;

/* One scripted result of KVM_RUN: what the kernel would leave in kvm_run. */
struct fake_exit {
    int result; /* of the ioctl: 0 or -errno */
    void (*fill)(struct kvm_run *run);
};

/* The system calls of the table that can fail. */
enum fake_call { FAKE_OPEN = 1, FAKE_IOCTL, FAKE_MMAP, FAKE_PREAD, FAKE_KILL };

/* What happens to one call. */
struct fake_rule {
    enum fake_call call;   /* 0: any call that can fail */
    unsigned long request; /* ioctls: 0 any */
    int nth;               /* counts down at each call that fits; acts at 1; 0: not in use */
    int times;             /* acts on so many calls in a row; 0: once; -1: always */
    int error;             /* -errno instead of the call (or after it, with `after`) */
    bool after;            /* the call happens first */
    /* With `after`: changes the argument and the result, e.g. a short read. May be NULL. */
    void (*spoil)(void *argument, int *result);
};

/* The bytes of the last argument of a request on one handle. */
struct fake_kept {
    unsigned long request;
    size_t size;
    unsigned char *bytes;
};

struct fake_map {
    void *address;
    size_t length;
    off_t offset;
};

struct fake_handle {
    char kind; /* 'k' system, 'v' VM, 'c' vCPU, 'd' device, 's' bytes to read; 0 closed */
    int fd;
    struct fake_handle *parent; /* the VM of a vCPU or device; may be closed */
    uint32_t id;                /* vCPU id, device type */
    struct fake_map maps[FAKE_MAX_MAPS];
    struct fake_kept *kept;
    size_t kept_count;
    /* vCPUs: a script of its own; NULL: the one in struct fake_kvm */
    const struct fake_exit *script;
    int script_len, script_pos;
    /* kind 's': what pread() reads, owned by the test */
    const void *bytes;
    size_t bytes_size;
};

/* What fake_x86.c needs and leaves behind. */
struct fake_x86 {
    uint32_t sync_groups;   /* KVM_SYNC_X86_* this kernel knows; others it ignores ... */
    bool sync_strict;       /* ... or refuses with EINVAL */
    bool sync_skipped;      /* protected state: takes and stores nothing */
    bool waiting;           /* KVM_MP_STATE_UNINITIALIZED: KVM_RUN waits */
    uint32_t xsave_size;    /* of a vCPU; bytes beyond struct kvm_xsave come as 0xee */
    uint32_t nested_size;   /* of KVM_GET_NESTED_STATE */
    uint32_t nested_claim;  /* what it writes into size instead */
    uint32_t sev_error;     /* what the firmware says */
    uint8_t xsave_beyond;   /* the byte behind 4096 of the last KVM_SET_XSAVE */
    struct kvm_pmu_event_filter pmu; /* head of the last one */
    uint64_t pmu_events[4];
    uint32_t filter_ranges; /* of the last MSR filter */
    struct kvm_msr_filter filter;
    uint8_t filter_bits[16][8]; /* the first bytes of each bitmap */
};

/* What fake_generic.c needs and leaves behind. */
#define FAKE_MAX_DIRTY       4
#define FAKE_MAX_DIRTY_PAGES 131072
struct fake_dirty {
    uint32_t slot;
    uint64_t pages; /* 0: not in use */
    uint64_t bits[FAKE_MAX_DIRTY_PAGES / 64];
};
struct fake_generic {
    struct fake_dirty dirty[FAKE_MAX_DIRTY];
    bool manual;         /* KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 is enabled */
    int clears, resets;  /* calls of KVM_CLEAR_DIRTY_LOG, KVM_RESET_DIRTY_RINGS */
    uint32_t refuse_cap; /* KVM_ENABLE_CAP of this one fails */
    const void *stats;   /* what statistics consist of */
    size_t stats_size;
    uint64_t reg_id; /* the one register there is */
    uint8_t reg[256];
    uint64_t reg_count, reg_lie; /* KVM_GET_REG_LIST; added to the count when there is room */
    bool reg_grows;
    uint64_t pre_fault_step, pre_fault_end; /* bytes a call; gpa that is in no slot */
};

struct fake_kvm {
    struct vkvm_syscalls sys;                 /* give this to vkvm_open_with() */
    pthread_mutex_t lock;                     /* handles, rules */
    struct fake_handle handles[FAKE_MAX_FDS]; /* numbers start at FAKE_FD_BASE */
    int open_fds;
    int mapped;

    /* Injection: the nth call (0: off, counted from 1) of this request fails with `error`. */
    unsigned long fail_request;
    int fail_nth, fail_error;
    bool fail_open, fail_mmap;
    int api_version;
    struct fake_rule rules[FAKE_MAX_RULES];

    /* What calls left behind. */
    unsigned long last_request;
    int calls;    /* ioctls */
    int fallible; /* all calls a walk can make fail */
    struct kvm_userspace_memory_region last_region;
    struct kvm_irqfd last_irqfd;
    struct kvm_ioeventfd last_ioeventfd;
    struct kvm_msi last_msi;
    struct kvm_enable_cap last_cap;
    struct kvm_irq_level last_line;
    uint32_t last_routing_count;
    uint64_t last_int; /* argument of number-valued requests */
    int last_signal, last_signal_thread;

    /* Capabilities besides the few the fake has itself. */
    struct {
        uint32_t cap;
        int value;
    } caps[64];
    int cap_count;
    size_t mmap_size; /* KVM_GET_VCPU_MMAP_SIZE */

    struct kvm_run *run; /* of the vCPU made last */
    struct fake_exit script[FAKE_MAX_SCRIPT];
    int script_len, script_pos;

    /* State groups, stored as given. */
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_fpu fpu;
    struct kvm_xsave xsave;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debugregs;
    struct kvm_vcpu_events events;
    struct kvm_lapic_state lapic;
    struct kvm_mp_state mp;
    struct kvm_clock_data clock;
    struct kvm_cpuid_entry2 cpuid[200];
    uint32_t cpuid_count;
    uint32_t supported_count; /* entries KVM_GET_SUPPORTED_CPUID has */
    uint32_t force_ecx1;      /* bits SET_CPUID2 forces on in leaf 1 ECX, like a PVM host */
    uint32_t msr_refused;     /* index the kernel refuses */
    uint64_t attr_value;
    uint64_t signal_mask;
    struct fake_x86 x86;
    struct fake_generic generic;
};

void fake_kvm_init(struct fake_kvm *fake);
/* Frees what closed and open handles keep. After it, the fake can be initialised again. */
void fake_kvm_fini(struct fake_kvm *fake);

/* --- set-up --- */

/* KVM_CHECK_EXTENSION answers `value` for this one, on /dev/kvm and on VMs. */
void fake_set_cap(struct fake_kvm *fake, uint32_t cap, int value);
struct fake_handle *fake_handle(struct fake_kvm *fake, int fd);
/* A new descriptor of this kind, for requests that return one; or -EMFILE. */
int fake_new_fd(struct fake_kvm *fake, char kind, struct fake_handle *parent, uint32_t id);
/* The last argument of this request on the handle (what KEEP stored, or a test put there), or NULL.
 * Borrowed until the next such call. */
void *fake_seen(struct fake_kvm *fake, int fd, unsigned long request, size_t *ret_size);
/* What FAKE_GIVE rows will return for the request that sets it. */
void fake_put(struct fake_kvm *fake, int fd, unsigned long request, const void *bytes, size_t size);

/* --- errors --- */

/* The nth (from 1) call of this request fails. Several rules may be set. */
void fake_inject(struct fake_kvm *fake, unsigned long request, int nth, int error);
/* The nth call that can fail, of any kind, counted from now on. */
void fake_inject_nth(struct fake_kvm *fake, int nth, int error);
void fake_add_rule(struct fake_kvm *fake, const struct fake_rule *rule);
void fake_clear_rules(struct fake_kvm *fake);

/*
 * Runs `scenario` on a fresh fake (prepared by `prepare`, NULL: as it is) once undisturbed, then
 * once for each call with that call failing with `error`. The scenario returns < 0 when it
 * failed; it
 * must have closed everything by then. Returns the number of calls walked. Aborts with a message
 * when a descriptor or mapping leaks. *ret_ignored receives how many failures the scenario did not
 * report; NULL: none may be.
 */
int fake_walk(int (*scenario)(struct fake_kvm *fake), void (*prepare)(struct fake_kvm *fake),
              int error, int *ret_ignored);

/* --- memory (fake_alloc.c; the program is linked with --wrap for malloc, calloc, realloc) --- */

/* The nth allocation from now on in this thread returns NULL; 0: off. Check's count too: no
 * assertions while it is on. */
void fake_alloc_fail(int nth);
/* Allocations in this thread since the last fake_alloc_fail(). */
int fake_alloc_count(void);
/* Like fake_walk(), with each allocation failing in turn; the scenario must return -ENOMEM. */
int fake_walk_alloc(int (*scenario)(struct fake_kvm *fake), void (*prepare)(struct fake_kvm *fake));

#endif
