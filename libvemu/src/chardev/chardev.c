/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Character back-ends: instances, and what stands between a front end and a back-end.
 *
 * Output is handed to the back-end on the caller's thread; what it does not take at once goes to a
 * bounded buffer that the loop empties. When that is full the front end is refused and told later.
 * Input is read only as far as the front end has room. A back-end without a peer drops output, so a
 * guest never waits for somebody to look.
 */
#include "chardev/backend.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <vemu/chardev.h>

#include "core/property.h"
#include "core/thread.h"
#include "core/vm.h"
#include "monitor/monitor.h"

#define OUT_LIMIT (64u << 10)
#define IN_LIMIT  4096u

/* --- the front end's side --------------------------------------------------------------------- */

const struct vemu_chardev_handlers *vemu__chardev_fe_enter(struct vemu_chardev *chr)
{
    if (chr->handlers && chr->fe_lock)
        pthread_mutex_lock(chr->fe_lock);
    return chr->handlers;
}

void vemu__chardev_fe_leave(struct vemu_chardev *chr)
{
    if (chr->handlers && chr->fe_lock)
        pthread_mutex_unlock(chr->fe_lock);
}

/* Tells the front end what it does not know yet. */
static void announce(void *data)
{
    struct vemu_chardev *chr = data;
    const struct vemu_chardev_handlers *fe;
    bool open = vemu_chardev_is_open(chr);

    if (!chr->handlers || chr->fe_open == open)
        return;
    chr->fe_open = open;
    fe = vemu__chardev_fe_enter(chr);
    if (fe->event)
        fe->event(chr->fe_data, open ? VEMU_CHARDEV_OPENED : VEMU_CHARDEV_CLOSED);
    vemu__chardev_fe_leave(chr);
}

void vemu__chardev_break_locked(struct vemu_chardev *chr)
{
    if (chr->handlers && chr->handlers->event)
        chr->handlers->event(chr->fe_data, VEMU_CHARDEV_BREAK);
}

static void deliver(void *data);

static void post_deliver_locked(struct vemu_chardev *chr)
{
    if (!chr->deliver_posted && chr->in.used) {
        chr->deliver_posted = true;
        vemu__loop_post(chr->vm->loop, deliver, chr, NULL);
    }
}

int vemu_chardev_attach(struct vemu_chardev *chr, const struct vemu_chardev_handlers *handlers,
                        void *data, pthread_mutex_t *lock)
{
    int r = 0;

    pthread_mutex_lock(&chr->lock);
    if (chr->handlers) {
        r = -EBUSY;
    } else {
        chr->handlers = handlers;
        chr->fe_data = data;
        chr->fe_lock = lock;
        chr->fe_open = chr->fe_idle = false;
        chr->in_held = false;
        vemu__chardev_stream_update_locked(chr);
        post_deliver_locked(chr);
        /* Not now: the caller holds its lock. */
        vemu__loop_post(chr->vm->loop, announce, chr, NULL);
    }
    pthread_mutex_unlock(&chr->lock);
    return r;
}

void vemu_chardev_detach(struct vemu_chardev *chr)
{
    pthread_mutex_lock(&chr->lock);
    chr->handlers = NULL;
    chr->fe_data = NULL;
    chr->fe_lock = NULL;
    chr->out_refused = false;
    vemu__chardev_stream_update_locked(chr);
    pthread_mutex_unlock(&chr->lock);
}

void vemu__chardev_detach_from(struct vemu_chardev *chr, pthread_mutex_t *lock)
{
    if (chr->handlers && chr->fe_lock == lock)
        vemu_chardev_detach(chr);
}

static void flush(void *data)
{
    struct vemu_chardev *chr = data;

    pthread_mutex_lock(&chr->lock);
    chr->flush_posted = false;
    pthread_mutex_unlock(&chr->lock);
    chr->class_->flush(chr);
}

size_t vemu_chardev_write(struct vemu_chardev *chr, const void *buf, size_t size)
{
    size_t taken = 0;
    ssize_t n;

    pthread_mutex_lock(&chr->lock);
    if (G_UNLIKELY(!chr->first_write))
        chr->first_write = vemu__times_now();
    if (!chr->open || chr->broken || !chr->class_->write || size == 0) {
        vemu__chardev_log_locked(chr, buf, size);
        pthread_mutex_unlock(&chr->lock);
        return size;
    }
    if (!chr->out.used) {
        n = chr->class_->write(chr, buf, size);
        if (n < 0) {
            chr->broken = true;
            taken = size;
        } else {
            taken = (size_t)n;
        }
    }
    if (taken < size) {
        taken += vemu__bytes_put(&chr->out, (const uint8_t *)buf + taken, size - taken);
        chr->out_refused |= taken < size;
        if (!chr->class_->flush) {
            vemu__chardev_stream_update_locked(chr);
        } else if (!chr->flush_posted) {
            chr->flush_posted = true;
            vemu__loop_post(chr->vm->loop, flush, chr, NULL);
        }
    }
    vemu__chardev_log_locked(chr, buf, taken);
    pthread_mutex_unlock(&chr->lock);
    return taken;
}

int64_t vemu__chardev_first_write(struct vemu_chardev *chr)
{
    int64_t when;

    pthread_mutex_lock(&chr->lock);
    when = chr->first_write;
    pthread_mutex_unlock(&chr->lock);
    return when;
}

void vemu__chardev_forget_first(struct vemu_chardev *chr)
{
    pthread_mutex_lock(&chr->lock);
    chr->first_write = 0;
    pthread_mutex_unlock(&chr->lock);
}

void vemu__chardev_out_progress(struct vemu_chardev *chr)
{
    const struct vemu_chardev_handlers *fe;
    bool tell;

    pthread_mutex_lock(&chr->lock);
    tell = chr->out_refused && chr->out.used < chr->out.limit;
    if (tell)
        chr->out_refused = false;
    pthread_mutex_unlock(&chr->lock);
    if (!tell)
        return;
    fe = vemu__chardev_fe_enter(chr);
    if (fe && fe->writable)
        fe->writable(chr->fe_data);
    vemu__chardev_fe_leave(chr);
}

void vemu_chardev_input_ready(struct vemu_chardev *chr)
{
    pthread_mutex_lock(&chr->lock);
    if (chr->in_held) {
        chr->in_held = false;
        vemu__chardev_stream_update_locked(chr);
        post_deliver_locked(chr);
    }
    pthread_mutex_unlock(&chr->lock);
}

bool vemu_chardev_is_open(struct vemu_chardev *chr)
{
    bool open;

    pthread_mutex_lock(&chr->lock);
    open = chr->open;
    pthread_mutex_unlock(&chr->lock);
    return open;
}

const char *vemu__chardev_id(const struct vemu_chardev *chr)
{
    return chr->id;
}

bool vemu__chardev_has_front(struct vemu_chardev *chr)
{
    bool has;

    pthread_mutex_lock(&chr->lock);
    has = chr->handlers;
    pthread_mutex_unlock(&chr->lock);
    return has;
}

void vemu__chardev_set_front_open(struct vemu_chardev *chr, bool open)
{
    pthread_mutex_lock(&chr->lock);
    chr->fe_idle = !open;
    pthread_mutex_unlock(&chr->lock);
}

bool vemu__chardev_is_front_open(struct vemu_chardev *chr)
{
    bool open;

    pthread_mutex_lock(&chr->lock);
    open = chr->handlers && !chr->fe_idle;
    pthread_mutex_unlock(&chr->lock);
    return open;
}

void vemu__chardev_hide(struct vemu_chardev *chr)
{
    chr->hidden = true;
}

bool vemu__chardev_is_hidden(const struct vemu_chardev *chr)
{
    return chr->hidden;
}

/* --- the back-end's side ---------------------------------------------------------------------- */

void vemu__chardev_set_filename(struct vemu_chardev *chr, const char *format, ...)
{
    char *filename;
    va_list ap;

    va_start(ap, format);
    filename = g_strdup_vprintf(format, ap);
    va_end(ap);
    pthread_mutex_lock(&chr->lock);
    g_free(chr->filename);
    chr->filename = filename;
    pthread_mutex_unlock(&chr->lock);
}

void vemu__chardev_set_open(struct vemu_chardev *chr, bool open)
{
    bool refused;

    pthread_mutex_lock(&chr->lock);
    chr->open = open;
    chr->broken = false;
    if (!open)
        vemu__bytes_clear(&chr->out);
    refused = !open && chr->out_refused;
    pthread_cond_broadcast(&chr->cond);
    pthread_mutex_unlock(&chr->lock);
    announce(chr);
    if (refused)
        vemu__chardev_out_progress(chr);
}

/* Buffered input to the front end, as far as that has room. */
static void deliver(void *data)
{
    struct vemu_chardev *chr = data;
    const struct vemu_chardev_handlers *fe;
    uint8_t buf[512];
    size_t n;

    pthread_mutex_lock(&chr->lock);
    chr->deliver_posted = false;
    pthread_mutex_unlock(&chr->lock);
    fe = vemu__chardev_fe_enter(chr);
    if (!fe)
        return;
    do {
        size_t room = fe->input_room ? fe->input_room(chr->fe_data) : 0;

        pthread_mutex_lock(&chr->lock);
        n = vemu__bytes_take(&chr->in, buf, MIN(room, sizeof(buf)));
        chr->in_held = room == 0 && chr->in.used;
        pthread_mutex_unlock(&chr->lock);
        if (n)
            fe->input(chr->fe_data, buf, n);
    } while (n);
    vemu__chardev_fe_leave(chr);
}

size_t vemu__chardev_push(struct vemu_chardev *chr, const void *buf, size_t size)
{
    size_t taken = 0;

    pthread_mutex_lock(&chr->lock);
    if (!chr->closed) {
        taken = vemu__bytes_put(&chr->in, buf, size);
        if (!chr->in_held)
            post_deliver_locked(chr);
    }
    pthread_mutex_unlock(&chr->lock);
    return taken;
}

/* --- instances -------------------------------------------------------------------------------- */

const struct vemu_backend_kind vemu__chardev_kind = {
    .a_noun = "a chardev",
    .class_noun = "chardev class",
    .classes = vemu__chardev_classes,
    .list = offsetof(struct vemu_vm, chardevs),
    .id = offsetof(struct vemu_chardev, id),
};

struct vemu_chardev *vemu__vm_find_chardev(struct vemu_vm *vm, const char *id)
{
    return vemu__backend_find(vm, &vemu__chardev_kind, id);
}

void vemu__chardev_close(struct vemu_chardev *chr)
{
    if (chr->closed)
        return;
    if (chr->class_->close)
        chr->class_->close(chr);
    pthread_mutex_lock(&chr->lock);
    chr->closed = true;
    chr->open = false;
    vemu__bytes_clear(&chr->out);
    vemu__chardev_log_close_locked(chr);
    pthread_cond_broadcast(&chr->cond);
    pthread_mutex_unlock(&chr->lock);
}

void vemu__chardevs_close(struct vemu_vm *vm)
{
    guint i;

    for (i = 0; i < vm->chardevs->len; i++)
        vemu__chardev_close(vm->chardevs->pdata[i]);
}

void vemu__chardev_free(struct vemu_chardev *chr)
{
    if (!chr)
        return;
    if (chr->class_->fini)
        chr->class_->fini(chr);
    vemu__bytes_clear(&chr->out);
    vemu__bytes_clear(&chr->in);
    vemu__props_clear(chr, chr->class_->base.props);
    pthread_cond_destroy(&chr->cond);
    pthread_mutex_destroy(&chr->lock);
    g_free(chr->filename);
    g_free(chr->id);
    g_free(chr);
}

static int chardev_new(struct vemu_vm *vm, const struct vemu_chardev_class *class_, const char *id,
                       const struct vemu_property *props, size_t prop_count,
                       struct vemu_chardev **ret, struct vemu_error **err)
{
    struct vemu_chardev *chr = g_malloc0(class_->base.instance_size);
    int r;

    chr->class_ = class_;
    chr->vm = vm;
    chr->id = id ? g_strdup(id) : vemu__vm_make_id(vm, class_->base.name);
    chr->in_fd = chr->out_fd = chr->log_fd = -1;
    pthread_mutex_init(&chr->lock, NULL);
    vemu__cond_init(&chr->cond);
    vemu__bytes_init(&chr->out, OUT_LIMIT);
    vemu__bytes_init(&chr->in, IN_LIMIT);
    r = vemu__props_set(vm, chr, class_->base.props, props, prop_count, err);
    if (r < 0)
        vemu__error_prefix(err, "chardev '%s'", chr->id);
    *ret = chr;
    return r;
}

/* Opens and lists it, or frees it. */
static int chardev_add(struct vemu_chardev *chr, struct vemu_error **err)
{
    struct vemu_vm *vm = chr->vm;
    int r = vemu__chardev_log_open(chr, err);

    if (r == 0 && chr->class_->open)
        r = chr->class_->open(chr, err);
    if (r < 0) {
        vemu__backend_failed(&vemu__chardev_kind, chr->id, r, err);
        vemu__chardev_close(chr);
        vemu__chardev_free(chr);
        return r;
    }
    vemu__backend_list(vm, &vemu__chardev_kind, chr);
    return 0;
}

struct add {
    const struct vemu_backend_class *class_; /* NULL: by name */
    const char *class_name, *id;
    const struct vemu_property *props;
    size_t prop_count;
    void (*setup)(struct vemu_chardev *chr, void *data);
    void *setup_data;
    struct vemu_chardev *chr; /* the result */
};

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    struct add *add = data;
    const struct vemu_backend_class *class_ = add->class_;
    struct vemu_chardev *chr;
    int r;

    r = vemu__backend_may_add(vm, &vemu__chardev_kind, add->class_name, add->id, &class_, err);
    if (r < 0)
        return r;
    r = chardev_new(vm, (const struct vemu_chardev_class *)class_, add->id, add->props,
                    add->prop_count, &chr, err);
    if (r < 0) {
        vemu__chardev_free(chr);
        return r;
    }
    if (add->setup)
        add->setup(chr, add->setup_data);
    r = chardev_add(chr, err);
    if (r >= 0)
        add->chr = chr;
    return r;
}

static bool is_connected(void *data)
{
    struct vemu_chardev *chr = data;
    bool over;

    pthread_mutex_lock(&chr->lock);
    over = !chr->wait_connected || chr->open || chr->closed;
    pthread_mutex_unlock(&chr->lock);
    return over;
}

/* Waits on the caller's thread, so that the loop goes on accepting. */
static int wait_connected(struct vemu_chardev *chr, struct vemu_error **err)
{
    int r = 0;

    if (vemu__loop_is_lent(chr->vm->loop) && !vemu__thread_vm())
        vemu__loop_serve(chr->vm->loop, -1, -1, is_connected, chr);
    pthread_mutex_lock(&chr->lock);
    if (chr->wait_connected && !chr->open && vemu__thread_vm() == chr->vm)
        r = vemu__error_set(err, EDEADLK,
                            "chardev '%s': cannot wait for a connection on a thread of the machine",
                            chr->id);
    while (r == 0 && chr->wait_connected && !chr->open && !chr->closed)
        pthread_cond_wait(&chr->cond, &chr->lock);
    if (r == 0 && chr->wait_connected && chr->closed)
        r = vemu__error_set(err, ESHUTDOWN, "the machine is stopped");
    pthread_mutex_unlock(&chr->lock);
    return r;
}

int vemu_vm_add_chardev(struct vemu_vm *vm, const char *class_name, const char *id,
                        const struct vemu_property *props, size_t prop_count,
                        struct vemu_error **err)
{
    struct add add = {
        .class_name = class_name,
        .id = id,
        .props = props,
        .prop_count = prop_count,
    };
    int r;

    if (!class_name)
        return vemu__error_set(err, EINVAL, "the chardev class is missing");
    r = vemu__vm_control(vm, do_add, &add, err);
    return r < 0 ? r : wait_connected(add.chr, err);
}

int vemu_vm_add_chardev_callback(struct vemu_vm *vm, const char *id, vemu_chardev_fn fn, void *data,
                                 void (*free_fn)(void *data), struct vemu_error **err)
{
    struct vemu_chardev_callback callback = { .fn = fn, .data = data, .free_fn = free_fn };
    struct add add = {
        .class_ = &vemu__chardev_callback.base,
        .id = id,
        .setup = vemu__chardev_callback_setup,
        .setup_data = &callback,
    };
    int r = -EINVAL;

    if (fn)
        r = vemu__vm_control(vm, do_add, &add, err);
    else
        vemu__error_set(err, EINVAL, "chardev callback: the function is missing");
    if (!callback.taken && free_fn)
        free_fn(data);
    return r;
}

/* --- <vemu/chardev.h>, <vemu/vm.h> ------------------------------------------------------------ */

long vemu_chardev_input(struct vemu_vm *vm, const char *id, const void *buf, size_t size)
{
    struct vemu_chardev *chr = vemu__vm_find_chardev(vm, id);

    if (!chr)
        return -ENOENT;
    if (chr->class_ != &vemu__chardev_ring && chr->class_ != &vemu__chardev_callback)
        return -EINVAL;
    return (long)vemu__chardev_push(chr, buf, size);
}

long vemu_chardev_read(struct vemu_vm *vm, const char *id, void *buf, size_t size)
{
    struct vemu_chardev *chr = vemu__vm_find_chardev(vm, id);

    if (!chr)
        return -ENOENT;
    if (chr->class_ != &vemu__chardev_ring)
        return -EINVAL;
    return (long)vemu__chardev_ring_read(chr, buf, size);
}

int vemu_chardev_get_filename(struct vemu_vm *vm, const char *id, char **ret_filename)
{
    struct vemu_chardev *chr = vemu__vm_find_chardev(vm, id);

    if (!chr)
        return -ENOENT;
    pthread_mutex_lock(&chr->lock);
    *ret_filename = strdup(chr->filename ? chr->filename : chr->class_->base.name);
    pthread_mutex_unlock(&chr->lock);
    return *ret_filename ? 0 : -ENOMEM;
}

static int do_add_monitor(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const char *id = data;
    struct vemu_chardev *chr = vemu__vm_find_chardev(vm, id);
    struct vemu_monitor *monitor;
    int r;

    if (vm->stopping)
        return vemu__error_set(err, EBUSY, "cannot add a monitor: the machine is being stopped");
    if (!chr)
        return vemu__error_set(err, ENOENT, "there is no chardev '%s'", id);
    r = vemu__monitor_new(vm, chr, &monitor, err);
    if (r >= 0)
        g_ptr_array_add(vm->monitors, monitor);
    return r;
}

int vemu_vm_add_monitor(struct vemu_vm *vm, const char *chardev_id, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_add_monitor, (void *)chardev_id, err);
}
