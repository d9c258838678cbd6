/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop: calls, posts, watches, delays, its end.
 */
#include "test-main.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "core/thread.h"

static struct vemu_vm *const vm = (struct vemu_vm *)&fake; /* just an identity */
static struct vemu_loop *loop;
static atomic_uint count, freed;

static void begin(void)
{
    ck_assert_int_eq(vemu__loop_new(vm, false, &loop), 0);
}

static void end(void)
{
    vemu__loop_stop(loop);
    vemu__loop_free(loop);
}

static int where(void *data)
{
    char name[16];
    sigset_t mask;

    pthread_getname_np(pthread_self(), name, sizeof(name));
    ck_assert_str_eq(name, "vemu-loop");
    ck_assert(vemu__loop_is_current(loop));
    ck_assert_ptr_eq(vemu__thread_vm(), vm);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ck_assert(sigismember(&mask, SIGINT) && sigismember(&mask, SIGPIPE) &&
              !sigismember(&mask, SIGSEGV));
    return 7;
}

static int nested(void *data)
{
    return vemu__loop_call(loop, where, NULL);
}

static void add(void *data)
{
    atomic_fetch_add(&count, 1);
}

static void on_freed(void *data)
{
    atomic_fetch_add(&freed, 1);
}

START_TEST(calls)
{
    begin();
    ck_assert(!vemu__loop_is_current(loop));
    ck_assert_ptr_null(vemu__thread_vm());
    ck_assert_int_eq(vemu__loop_call(loop, where, NULL), 7);
    ck_assert_int_eq(vemu__loop_call(loop, nested, NULL), 7);
    vemu__loop_post(loop, add, NULL, on_freed);
    fake_until(atomic_load(&freed) == 1);
    ck_assert_uint_eq(atomic_load(&count), 1);
    vemu__loop_stop(loop);
    ck_assert_int_eq(vemu__loop_call(loop, where, NULL), -ESHUTDOWN);
    vemu__loop_post(loop, add, NULL, on_freed);
    ck_assert_uint_eq(atomic_load(&count), 1);
    ck_assert_uint_eq(atomic_load(&freed), 2);
    vemu__loop_stop(loop);
    vemu__loop_free(loop);
}
END_TEST

static void *call_often(void *data)
{
    int i, r;

    for (i = 0; i < 2000; i++) {
        vemu__loop_post(loop, add, NULL, on_freed);
        r = vemu__loop_call(loop, where, NULL);
        ck_assert(r == 7 || r == -ESHUTDOWN);
    }
    return NULL;
}

START_TEST(ends_under_callers)
{
    pthread_t threads[3];
    int i;

    begin();
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, NULL), 0);
    fake_until(atomic_load(&count) > 500);
    vemu__loop_stop(loop);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(atomic_load(&freed), 6000);
    vemu__loop_free(loop);
}
END_TEST

static int pipe_fds[2];
static struct vemu_watch *watch;
static atomic_uint seen;

static void on_ready(void *data, uint32_t revents)
{
    char c;

    atomic_fetch_or(&seen, revents);
    if (revents & POLLIN && read(pipe_fds[0], &c, 1) == 1)
        atomic_fetch_add(&count, 1);
    if (revents & POLLHUP)
        vemu__watch_set(watch, 0);
}

static int add_watch(void *data)
{
    watch = vemu__watch_new(loop, pipe_fds[0], 0, on_ready, NULL);
    return 0;
}

static int remove_watch(void *data)
{
    vemu__watch_free(watch);
    return 0;
}

START_TEST(watches)
{
    begin();
    ck_assert_int_eq(pipe(pipe_fds), 0);
    vemu__loop_call(loop, add_watch, NULL);
    ck_assert_int_eq(write(pipe_fds[1], "abc", 3), 3);
    g_usleep(5000);
    ck_assert_uint_eq(atomic_load(&count), 0);
    vemu__watch_set(watch, POLLIN);
    fake_until(atomic_load(&count) == 3);
    vemu__watch_set(watch, 0);
    vemu__loop_call(loop, where, NULL); /* by now the loop knows */
    ck_assert_int_eq(write(pipe_fds[1], "d", 1), 1);
    close(pipe_fds[1]);
    g_usleep(5000); /* a hang-up alone is not reported */
    ck_assert_uint_eq(atomic_load(&count), 3);
    vemu__watch_set(watch, POLLIN);
    fake_until(atomic_load(&seen) & POLLHUP);
    vemu__loop_call(loop, remove_watch, NULL);
    close(pipe_fds[0]);
    end();
}
END_TEST

static struct vemu_delay *delay;

static int add_delay(void *data)
{
    delay = vemu__delay_new(loop, 5, add, NULL);
    return 0;
}

static int remove_delay(void *data)
{
    vemu__delay_free(delay);
    vemu__delay_free(NULL);
    return 0;
}

START_TEST(delays)
{
    begin();
    vemu__loop_call(loop, add_delay, NULL);
    fake_until(atomic_load(&count) == 1);
    vemu__loop_call(loop, remove_delay, NULL);
    vemu__loop_call(loop, add_delay, NULL);
    vemu__loop_call(loop, remove_delay, NULL);
    g_usleep(10000);
    ck_assert_uint_eq(atomic_load(&count), 1);
    end();
}
END_TEST

/* --- a lent thread ---------------------------------------------------------------------------- */

static int lent_where(void *data)
{
    ck_assert(vemu__loop_is_current(loop));
    ck_assert_ptr_eq(vemu__thread_vm(), vm);
    ck_assert_int_eq(vemu__loop_serve(loop, -1, 0, NULL, NULL), -EDEADLK);
    return 7;
}

static int nested_lent(void *data)
{
    return vemu__loop_call(loop, lent_where, NULL);
}

static bool counted(void *data)
{
    return atomic_load(&count) == *(unsigned *)data;
}

static void *other_thread(void *data)
{
    ck_assert(!vemu__loop_is_lent(loop));
    ck_assert_int_eq(vemu__loop_call(loop, lent_where, NULL), 7);
    vemu__loop_post(loop, add, NULL, NULL);
    return NULL;
}

static void *stopper(void *data)
{
    vemu__loop_stop(loop);
    return NULL;
}

START_TEST(lent)
{
    unsigned never = 99, one = 1;
    pthread_t thread;
    int fds[2];

    ck_assert_int_eq(vemu__loop_new(vm, true, &loop), 0);
    ck_assert(vemu__loop_is_lent(loop));
    ck_assert_ptr_null(vemu__thread_vm());
    ck_assert_int_eq(vemu__loop_call(loop, lent_where, NULL), 7);
    ck_assert_int_eq(vemu__loop_call(loop, nested_lent, NULL), 7);
    ck_assert_int_eq(vemu__loop_serve(loop, -1, 10, counted, &never), -ETIMEDOUT);

    ck_assert_int_eq(pthread_create(&thread, NULL, other_thread, NULL), 0);
    ck_assert_int_eq(vemu__loop_serve(loop, -1, 5000, counted, &one), 1);
    pthread_join(thread, NULL);

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_assert_int_eq(vemu__loop_serve(loop, fds[0], 5000, counted, &never), 0);
    close(fds[0]);
    close(fds[1]);

    ck_assert_int_eq(pthread_create(&thread, NULL, stopper, NULL), 0);
    ck_assert_int_eq(vemu__loop_serve(loop, -1, 5000, counted, &never), -ESHUTDOWN);
    pthread_join(thread, NULL);
    ck_assert_int_eq(vemu__loop_call(loop, lent_where, NULL), -ESHUTDOWN);
    vemu__loop_free(loop);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { calls, ends_under_callers, watches, delays, lent, NULL };

    return run_tests("loop", tests);
}
