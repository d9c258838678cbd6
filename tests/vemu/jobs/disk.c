/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk that threads write to as a guest would.
 *
 * Each guest has its own sectors, of all clusters: so they meet in clusters, and each knows what it
 * has written.
 */
#include "disk.h"

#include <unistd.h>

#define UNIT  4096u /* bytes that belong to one guest */
#define UNITS (DISK_SIZE / UNIT)

static void fill(uint8_t *p, size_t bytes, uint32_t *state)
{
    for (size_t i = 0; i < bytes; i++) {
        *state = *state * 1664525 + 1013904223;
        p[i] = (uint8_t)(*state >> 24);
    }
}

/* Up to a minute: machines may be slow. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int tries_ = 0;                                                                            \
        while (!(condition) && tries_++ < 60000)                                                   \
            g_usleep(1000);                                                                        \
        ck_assert_msg(condition, "timed out: %s", #condition);                                     \
    } while (0)

/* --- images ----------------------------------------------------------------------------------- */

char *disk_path(const struct disk *disk, const char *name)
{
    return g_strdup_printf("%s/%s", disk->dir, name);
}

void disk_create(const struct disk *disk, const char *name, const char *backing)
{
    g_autofree char *path = disk_path(disk, name);
    const struct vemu_property props[] = { { "cluster_size", "65536" },
                                           { "backing_file", backing },
                                           { "backing_fmt", "qcow2" } };

    OK(vemu_image_create(path, "qcow2", DISK_SIZE, props, backing ? 3 : 1, NULL, &err));
}

static struct vemu_image *open_image(const char *path, uint32_t flags)
{
    struct vemu_image_open_options options = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image *image = NULL;

    options.flags = flags;
    options.format = "qcow2";
    OK(vemu_image_open(path, &options, &image, &err));
    return image;
}

/* About a third of the clusters get data; some zeros. */
static void write_layer(const struct disk *disk, const char *name, uint32_t seed)
{
    g_autofree char *path = disk_path(disk, name);
    struct vemu_image *image = open_image(path, VEMU_IMAGE_WRITE);

    for (uint32_t at = 0; at < DISK_SIZE; at += DISK_CLUSTER / 2) {
        uint8_t *p = disk->contents + at;

        seed = seed * 1664525 + 1013904223;
        if (seed >> 30 == 0) {
            memset(p, 0, DISK_CLUSTER / 2);
            ck_assert_int_eq(vemu_image_zero(image, at, DISK_CLUSTER / 2, 0), 0);
        } else if (seed >> 30 == 1) {
            fill(p, DISK_CLUSTER / 2, &seed);
            ck_assert_int_eq(vemu_image_write(image, at, p, DISK_CLUSTER / 2, 0), 0);
        }
    }
    ck_assert_int_eq(vemu_image_close(image), 0);
}

void disk_check_image(const struct disk *disk, const char *name, const uint8_t *contents)
{
    g_autofree char *path = disk_path(disk, name);
    g_autofree uint8_t *buf = g_malloc(DISK_SIZE);
    struct vemu_image_check check = VEMU_IMAGE_CHECK_INIT;
    struct vemu_image *image = open_image(path, 0);

    ck_assert_uint_eq(vemu_image_get_size(image), DISK_SIZE);
    ck_assert_int_eq(vemu_image_read(image, 0, buf, DISK_SIZE), 0);
    for (uint32_t at = 0; contents && at < DISK_SIZE; at += 512)
        ck_assert_msg(!memcmp(buf + at, contents + at, 512), "%s differs at %u", name, at);
    OK(vemu_image_check(image, 0, &check, NULL, &err));
    ck_assert_uint_eq(check.corruptions + check.leaks, 0);
    vemu_image_close(image);
}

void disk_check_backing(const struct disk *disk, const char *name, const char *backing)
{
    g_autofree char *path = disk_path(disk, name);
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    struct vemu_image *image = open_image(path, VEMU_IMAGE_NO_BACKING | VEMU_IMAGE_FORCE_SHARE);

    OK(vemu_image_get_info(image, &info, &err));
    if (backing)
        ck_assert_str_eq(info.backing_filename, backing);
    else
        ck_assert_ptr_null(info.backing_filename);
    vemu_image_info_clear(&info);
    vemu_image_close(image);
}

/* --- the machine ------------------------------------------------------------------------------ */

static void add_node(struct disk *disk, const char *id, const char *path, const char *backing,
                     bool writable, const char *rules)
{
    struct vemu_property props[8] = { { "discard", "unmap" },
                                      { "read-only", writable ? "off" : "on" } };
    size_t n = 2;

    if (rules) {
        props[n++] = (struct vemu_property){ "file.driver", "blkdebug" };
        props[n++] = (struct vemu_property){ "file.inject-error", rules };
        props[n++] = (struct vemu_property){ "file.file.driver", "file" };
        props[n++] = (struct vemu_property){ "file.file.filename", path };
    } else {
        props[n++] = (struct vemu_property){ "file.driver", "file" };
        props[n++] = (struct vemu_property){ "file.filename", path };
    }
    if (backing)
        props[n++] = (struct vemu_property){ "backing", backing };
    OK(vemu_vm_add_block(disk->vm, "qcow2", id, props, n, &err));
}

void disk_add_target(struct disk *disk, const char *name, const char *backing, const char *rules)
{
    g_autofree char *path = disk_path(disk, name);

    disk_create(disk, name, backing);
    add_node(disk, name, path, NULL, true, rules);
}

void disk_begin(struct disk *disk, unsigned layers, bool named, const char *rules)
{
    char below[32] = "";
    pthread_rwlockattr_t attr;

    memset(disk, 0, sizeof(*disk));
    pthread_rwlockattr_init(&attr); /* or the guests let nobody in */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&disk->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    disk->dir = g_strdup("/tmp/vemu-jobs-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(disk->dir));
    disk->contents = g_malloc0(DISK_SIZE);
    disk->vm = fake_vm(NULL);
    for (unsigned i = 0; i < layers; i++) {
        g_autofree char *name = g_strdup_printf("%u.qcow2", i);
        g_autofree char *file = i ? g_strdup_printf("%u.qcow2", i - 1) : NULL;

        disk_create(disk, name, file);
        write_layer(disk, name, 7 + i);
    }
    for (unsigned i = named ? 0 : layers - 1; i < layers; i++) {
        g_autofree char *name = g_strdup_printf("%u.qcow2", i);
        g_autofree char *path = disk_path(disk, name);
        g_autofree char *id = i + 1 < layers ? g_strdup_printf("b%u", i) : g_strdup("d");

        add_node(disk, id, path, *below ? below : NULL, i + 1 == layers,
                 i + 1 == layers ? rules : NULL);
        snprintf(below, sizeof(below), "%s", id);
    }
    ck_assert_int_ge(vemu_vm_get_event_fd(disk->vm), 0);
    OK(vemu_vm_realize(disk->vm, &err));
    OK(vemu_vm_start(disk->vm, &err));
    user_attach(&disk->user, disk->vm, "d", NULL, NULL);
}

void disk_end(struct disk *disk)
{
    g_autofree char *command = g_strdup_printf("rm -r '%s'", disk->dir);

    disk_compare(disk);
    user_detach(&disk->user);
    vemu_vm_unref(disk->vm);
    for (unsigned i = 0;; i++) {
        g_autofree char *name = g_strdup_printf("%u.qcow2", i);
        g_autofree char *path = disk_path(disk, name);

        if (access(path, F_OK) < 0)
            break;
        disk_check_image(disk, name, NULL);
    }
    ck_assert_int_eq(system(command), 0);
    pthread_rwlock_destroy(&disk->lock);
    g_free(disk->contents);
    g_free(disk->dir);
}

/* --- guests ----------------------------------------------------------------------------------- */

struct guest {
    struct disk *disk;
    unsigned index;
};

static void write_once(struct disk *disk, uint32_t unit, uint32_t *seed)
{
    uint32_t kind = (*seed >> 20) % 16, at = unit * UNIT;
    uint32_t skip = (*seed >> 12) % 8 * 512, bytes = UNIT - skip;
    uint8_t *p = disk->contents + at + skip;
    enum vemu_block_op op = VEMU_BLOCK_WRITE;
    struct request request;

    if (kind == 0) {
        op = VEMU_BLOCK_ZERO;
        memset(p, 0, bytes);
    } else {
        fill(p, bytes, seed);
    }
    user_start(&disk->user, &request, op, at + skip, p, bytes, 0);
    UNTIL(atomic_load(&request.is_done));
    ck_assert_int_eq(request.result, 0);
    atomic_fetch_add(&disk->writes, 1);
}

static void *guest_main(void *data)
{
    struct guest *guest = data;
    struct disk *disk = guest->disk;
    uint32_t seed = 1000 + guest->index;

    while (!atomic_load(&disk->quit)) {
        uint32_t unit;

        seed = seed * 1664525 + 1013904223;
        unit = (seed >> 8) % (UNITS / DISK_GUESTS) * DISK_GUESTS + guest->index;
        pthread_rwlock_rdlock(&disk->lock);
        write_once(disk, unit, &seed);
        pthread_rwlock_unlock(&disk->lock);
    }
    g_free(guest);
    return NULL;
}

void disk_guests_start(struct disk *disk)
{
    atomic_store(&disk->quit, false);
    for (unsigned i = 0; i < DISK_GUESTS; i++) {
        struct guest *guest = g_new0(struct guest, 1);

        guest->disk = disk;
        guest->index = i;
        ck_assert_int_eq(pthread_create(&disk->guests[i], NULL, guest_main, guest), 0);
    }
    disk->running = true;
    disk_guests_work(disk, 20);
}

void disk_guests_work(struct disk *disk, unsigned writes)
{
    unsigned goal = atomic_load(&disk->writes) + writes;

    UNTIL((int)(atomic_load(&disk->writes) - goal) >= 0);
}

void disk_guests_stop(struct disk *disk)
{
    if (!disk->running)
        return;
    atomic_store(&disk->quit, true);
    for (unsigned i = 0; i < DISK_GUESTS; i++)
        pthread_join(disk->guests[i], NULL);
    disk->running = false;
}

void disk_compare(struct disk *disk)
{
    g_autofree uint8_t *buf = g_malloc(DISK_SIZE);

    disk_guests_stop(disk);
    ck_assert_int_eq(user_do(&disk->user, VEMU_BLOCK_READ, 0, buf, DISK_SIZE), 0);
    for (uint32_t at = 0; at < DISK_SIZE; at += 512)
        ck_assert_msg(!memcmp(buf + at, disk->contents + at, 512), "the disk differs at %u", at);
}

void disk_empty(struct disk *disk)
{
    const struct vemu_property zeros = { "read-zeroes", "on" };

    OK(vemu_vm_add_block(disk->vm, "null-co", "n", &zeros, 1, &err));
    memset(disk->contents, 0, DISK_SIZE);
    user_attach(&disk->user, disk->vm, "n", NULL, NULL);
}

/* --- jobs ------------------------------------------------------------------------------------- */

int disk_start_job(struct disk *disk, const struct vemu_job_options *options, uint8_t *copy,
                   struct vemu_error **err)
{
    int r;

    if (!copy) /* in the middle of writes */
        return vemu_vm_start_job(disk->vm, options, err);
    pthread_rwlock_wrlock(&disk->lock);
    memcpy(copy, disk->contents, DISK_SIZE);
    r = vemu_vm_start_job(disk->vm, options, err);
    pthread_rwlock_unlock(&disk->lock);
    return r;
}

struct find {
    const char *id;
    struct disk_job *ret;
};

static int find_job(void *data, const struct vemu_job_info *info)
{
    struct find *find = data;

    if (strcmp(info->id, find->id) != 0)
        return 0;
    find->ret->info = *info;
    snprintf(find->ret->error, sizeof(find->ret->error), "%s", info->error ? info->error : "");
    return 1;
}

uint32_t disk_job(struct disk *disk, const char *id, struct disk_job *ret)
{
    struct disk_job job;
    struct find find = { id, ret ? ret : &job };

    return vemu_vm_list_jobs(disk->vm, find_job, &find) == 1 ? find.ret->info.status : 0;
}

void disk_wait_status(struct disk *disk, const char *id, uint32_t status)
{
    UNTIL(disk_job(disk, id, NULL) == status);
}

int disk_wait_result(struct disk *disk, const char *id)
{
    struct disk_job job;

    UNTIL(disk_job(disk, id, &job) == VEMU_JOB_CONCLUDED);
    if (job.info.result < 0)
        fprintf(stderr, "job %s: %s\n", id, job.error);
    OK(vemu_vm_dismiss_job(disk->vm, id, &err));
    return job.info.result;
}
