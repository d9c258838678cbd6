/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which case it was: told when a signal ends the process and when a sanitizer has something to say.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "random.h"

static const struct report *volatile now;
static unsigned reports;

void report_case(const struct report *r)
{
    now = r;
}

unsigned report_count(void)
{
    return reports;
}

/* snprintf() is not for signal handlers. */
static char *number(char *end, uint64_t v)
{
    do
        *--end = (char)('0' + v % 10);
    while (v /= 10);
    return end;
}

static void print(const char *text, size_t size)
{
    if (write(2, text, size) < 0)
        return;
}
static void print_text(const char *text)
{
    print(text, strlen(text));
}
static void print_number(uint64_t v)
{
    char digits[24], *end = digits + sizeof digits, *p = number(end, v);
    print(p, (size_t)(end - p));
}

void report_print(void)
{
    const struct report *r = now;

    if (!r)
        return;
    if (r->file) {
        print_text("soft-random: in file ");
        print_text(r->file);
        print_text("\n");
        return;
    }
    print_text("soft-random: in case ");
    print_number(r->number);
    print_text(": --seed ");
    print_number(r->seed);
    print_text(" --first ");
    print_number(r->number);
    print_text(" --count 1\n");
}

/* The sanitizers' hooks; their names are not ours to choose. */
void __asan_on_error(void);
void __asan_on_error(void)
{
    reports++;
    report_print();
}
void __ubsan_on_report(void);
void __ubsan_on_report(void)
{
    reports++;
    report_print();
}

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

static void on_fatal(int sig)
{
    report_print();
    raise(sig); /* back to its default by SA_RESETHAND */
}

void report_start(void)
{
    static const int signals[] = {
        SIGABRT,
#ifndef HAVE_ASAN /* which has handlers of its own for these, and says more */
        SIGSEGV, SIGBUS, SIGILL, SIGFPE,
#endif
    };
    static char stack[65536];
    const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction sa = { .sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND | SA_ONSTACK };

#ifndef HAVE_ASAN
    sigaltstack(&alternate, NULL);
#else
    (void)alternate;
#endif
    for (size_t n = 0; n < sizeof signals / sizeof signals[0]; n++)
        sigaction(signals[n], &sa, NULL);
}
