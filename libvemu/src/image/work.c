/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Work on whole images that a few threads share: progress, the first error, the threads.
 */
#include "image/work.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include <glib.h>

#include "core/error.h"
#include "core/thread.h"
#include "image/drivers.h"

#define WAITING_THREADS 8u

void vemu__work_init(struct vemu__work *work, const struct vemu_progress *progress, uint64_t total)
{
    *work = (struct vemu__work){ .progress = progress, .total = total };
    pthread_mutex_init(&work->lock, NULL);
    pthread_cond_init(&work->wake, NULL);
}

int vemu__work_fini(struct vemu__work *work, struct vemu_error **err)
{
    if (work->error < 0 && err && !*err)
        *err = g_steal_pointer(&work->message);
    vemu_error_free(work->message);
    pthread_cond_destroy(&work->wake);
    pthread_mutex_destroy(&work->lock);
    if (work->error == 0 && work->progress && work->progress->report)
        work->progress->report(work->progress->data, work->total, work->total);
    return work->error;
}

int vemu__work_fail_locked(struct vemu__work *work, int code, const char *format, ...)
{
    if (!work->error) {
        va_list args;
        char *text;

        va_start(args, format);
        text = g_strdup_vprintf(format, args);
        va_end(args);
        work->error = code;
        vemu__error_set(&work->message, -code, "%s", text);
        g_free(text);
    }
    pthread_cond_broadcast(&work->wake);
    return work->error;
}

void vemu__work_done_locked(struct vemu__work *work, uint64_t bytes)
{
    const struct vemu_progress *progress = work->progress;

    work->done += bytes;
    if (!progress || !progress->report || work->reporting || work->error)
        return;
    work->reporting = true;
    uint64_t done = work->done;
    pthread_mutex_unlock(&work->lock);
    int stop = progress->report(progress->data, done, work->total);
    pthread_mutex_lock(&work->lock);
    work->reporting = false;
    if (stop)
        vemu__work_fail_locked(work, -ECANCELED, "Canceled");
}

void vemu__work_run(const char *name, unsigned threads, void *(*fn)(void *), void *data)
{
    pthread_t ids[WORK_MAX_THREADS];
    unsigned count = 0;

    while (count + 1 < MIN(threads, WORK_MAX_THREADS) &&
           vemu__thread_start(NULL, name, fn, data, &ids[count]) == 0)
        count++;
    fn(data); /* without further threads it takes longer */
    while (count)
        pthread_join(ids[--count], NULL);
}

bool vemu__image_waits(const struct vemu_image *image)
{
    while (image->file)
        image = image->file;
    if (image->driver == &vemu__image_file || image->driver == &vemu__image_host_device)
        return image->open_flags & VEMU_IMAGE_DIRECT;
    return image->driver != &vemu__image_null_co && image->driver != &vemu__image_null_aio;
}

unsigned vemu__work_threads(const struct vemu_image *a, const struct vemu_image *b)
{
    /* even one processor has something to do while another thread waits for the storage */
    unsigned least = vemu__image_waits(a) || vemu__image_waits(b) ? WAITING_THREADS : 2;

    return (unsigned)CLAMP(sysconf(_SC_NPROCESSORS_ONLN), (long)least, (long)WORK_MAX_THREADS);
}
