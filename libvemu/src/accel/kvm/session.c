/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recording and replaying the accelerator's system calls.
 *
 * What decides which calls are made, besides options, is whether the host is a PVM one; that goes
 * into the recording as a note.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vemu/log.h>

#include "accel/kvm/kvm.h"
#include "accel/kvm/session.h"
#include "core/error.h"

#define NOTE_PVM "pvm-host"

struct kvm_session {
    struct vkvm_record *record;
    struct vkvm_replay *replay;
    struct vemu_accel_callbacks callbacks;
    char *record_file, *replay_file;
};

static void __attribute__((format(printf, 3, 4)))
session_log(struct kvm_session *session, int level, const char *format, ...)
{
    char text[300];
    va_list args;
    if (!session->callbacks.log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    session->callbacks.log(session->callbacks.data, level, text);
}

static void diverged(void *data, const struct vkvm_divergence *divergence)
{
    session_log(data, VEMU_LOG_WARNING, "replay: %s", divergence->text);
}

/* --- options --- */

struct session_options {
    char *record, *replay;
    bool lenient;
};

/* "key=value,": the value with ",," taken for a comma, malloc'ed; *text moves on. */
static char *option_value(const char **text)
{
    char *value = malloc(strlen(*text) + 1), *to = value;
    const char *p = *text;
    for (; value && *p; p++) {
        if (*p == ',' && p[1] != ',')
            break;
        p += *p == ',';
        *to++ = *p;
    }
    if (value)
        *to = '\0';
    *text = *p == ',' ? p + 1 : p;
    return value;
}

static int options_parse(const char *text, struct session_options *ret, struct vemu_error **err)
{
    while (*text) {
        size_t length = strcspn(text, "=,");
        const char *key = text;
        text += length;
        text += *text == '=';
        char *value = option_value(&text);
        if (!value)
            return vemu__error_set(err, ENOMEM, "out of memory");
        bool is_file = length == 6 && (!strncmp(key, "record", 6) || !strncmp(key, "replay", 6));
        int r = 0;
        if (is_file && !*value) {
            r = vemu__error_set(err, EINVAL, "accelerator kvm: %.6s= needs a file", key);
        } else if (is_file) {
            char **file = strncmp(key, "record", 6) ? &ret->replay : &ret->record;
            free(*file);
            *file = value;
            value = NULL;
        } else if (length == 6 && !strncmp(key, "strict", 6)) {
            ret->lenient = !strcmp(value, "off");
            if (strcmp(value, "on") && strcmp(value, "off"))
                r = vemu__error_set(err, EINVAL, "accelerator kvm: strict=%s: not on or off",
                                    value);
        } else {
            r = vemu__error_set(err, EINVAL, "accelerator kvm: unknown option '%.*s'", (int)length,
                                key);
        }
        free(value);
        if (r < 0)
            return r;
    }
    if (ret->lenient && !ret->replay)
        return vemu__error_set(err, EINVAL, "accelerator kvm: strict= is for replay=");
    return 0;
}

/* --- life --- */

static int replay_begin(struct kvm_session *session, bool lenient, struct vemu_error **err)
{
    const struct vkvm_replay_options options = {
        .size = sizeof(options),
        .flags = lenient ? VKVM_REPLAY_LENIENT : 0,
        .wait_ms = 10000,
        .report = diverged,
        .data = session,
    };
    struct vkvm_trace_info info = { .size = sizeof(info) };
    int r = vkvm_replay_open(session->replay_file, &options, &session->replay);
    if (r == -EBADMSG)
        return vemu__error_set(err, -r, "'%s' is not a recorded session", session->replay_file);
    if (r == -EPROTONOSUPPORT)
        return vemu__error_set(err, -r, "'%s' was recorded by another version",
                               session->replay_file);
    if (r == -ENOEXEC)
        return vemu__error_set(err, -r, "'%s' was recorded on another architecture",
                               session->replay_file);
    if (r < 0)
        return vemu__error_set(err, -r, "cannot replay '%s': %s", session->replay_file,
                               strerror(-r));
    vkvm_replay_get_info(session->replay, &info);
    session_log(session, VEMU_LOG_INFO, "replaying %" PRIu64 " calls, %" PRIu64 " exits%s",
                info.records, info.runs, info.end == VKVM_TRACE_COMPLETE ? "" : " (cut off)");
    return 0;
}

/* Also of a replay: what the accelerator was given can then be compared. */
static int record_begin(struct kvm_session *session, struct vemu_error **err)
{
    const struct vkvm_syscalls *inner =
        session->replay ? vkvm_replay_get_syscalls(session->replay) : NULL;
    const char *pvm = kvm__session_host_is_pvm(session) ? "yes" : "no";
    int r = vkvm_record_new(inner, session->record_file, &session->record);
    if (r >= 0)
        r = vkvm_record_add_note(session->record, NOTE_PVM, pvm);
    if (r < 0)
        return vemu__error_set(err, -r, "cannot record to '%s': %s", session->record_file,
                               strerror(-r));
    return 0;
}

int kvm__session_new(const struct vemu_accel_config *config, struct kvm_session **ret_session,
                     struct vemu_error **err)
{
    struct session_options options = { 0 };
    struct kvm_session *session = NULL;
    *ret_session = NULL;
    int r = options_parse(config->options ? config->options : "", &options, err);
    if (r == 0 && (options.record || options.replay)) {
        session = calloc(1, sizeof(*session));
        if (!session)
            r = vemu__error_set(err, ENOMEM, "out of memory");
    }
    if (!session) {
        free(options.record);
        free(options.replay);
        return r;
    }
    session->callbacks = config->callbacks;
    session->record_file = options.record;
    session->replay_file = options.replay;
    if (session->replay_file)
        r = replay_begin(session, options.lenient, err);
    if (r == 0 && session->record_file)
        r = record_begin(session, err);
    if (r < 0) {
        kvm__session_free(session);
        return r;
    }
    *ret_session = session;
    return 0;
}

void kvm__session_free(struct kvm_session *session)
{
    if (!session)
        return;
    if (session->record) {
        uint64_t count = vkvm_record_get_count(session->record);
        int r = vkvm_record_finish(session->record);
        if (r < 0)
            session_log(session, VEMU_LOG_WARNING,
                        "the recording in '%s' ends after %" PRIu64 " calls: %s",
                        session->record_file, count, strerror(-r));
    }
    if (session->replay) {
        uint64_t runs, left = vkvm_replay_get_left(session->replay, &runs);
        session_log(session, VEMU_LOG_INFO,
                    "replayed with %" PRIu64 " divergences; %" PRIu64 " calls, %" PRIu64
                    " exits left",
                    vkvm_replay_get_divergences(session->replay), left, runs);
    }
    vkvm_record_close(session->record);
    vkvm_replay_close(session->replay);
    free(session->record_file);
    free(session->replay_file);
    free(session);
}

const struct vkvm_syscalls *kvm__session_syscalls(const struct kvm_session *session)
{
    if (!session)
        return NULL;
    return session->record ? vkvm_record_get_syscalls(session->record)
                           : vkvm_replay_get_syscalls(session->replay);
}

bool kvm__session_host_is_pvm(struct kvm_session *session)
{
    char value[8] = "";
    if (!session || !session->replay)
        return kvm__host_is_pvm();
    vkvm_replay_get_note(session->replay, NOTE_PVM, value, sizeof(value));
    return !strcmp(value, "yes");
}
