/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going on, and saying why it ended.
 *
 * All-stop: the machine runs or it does not. An action a thread says whether a vCPU runs, executes
 * one instruction, or stays where it is while others do.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "gdb/session.h"

void vemu__gdb_reply_stop(struct gdb_session *s, const struct gdb_stop *stop)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "T%02xthread:%x;", stop->signal, stop->thread + 1);
    switch (stop->debug ? stop->exit.debug.kind : VEMU_DEBUG_STEP) {
    case VEMU_DEBUG_SOFTWARE:
        if (s->swbreak)
            g_string_append(text, "swbreak:;");
        break;
    case VEMU_DEBUG_EXECUTE:
        if (s->hwbreak)
            g_string_append(text, "hwbreak:;");
        break;
    case VEMU_DEBUG_WRITE:
        g_string_append_printf(text, "watch:%" PRIx64 ";", stop->exit.debug.address);
        break;
    case VEMU_DEBUG_READ:
        g_string_append_printf(text, "rwatch:%" PRIx64 ";", stop->exit.debug.address);
        break;
    case VEMU_DEBUG_ACCESS:
        g_string_append_printf(text, "awatch:%" PRIx64 ";", stop->exit.debug.address);
        break;
    case VEMU_DEBUG_STEP: break;
    }
    vemu__gdb_reply(s, text->str, text->len);
}

static void go(struct gdb_session *s)
{
    struct gdb_stop stop;
    int r;

    if (s->target->machine(s->data) == GDB_MACHINE_OFF) {
        vemu__gdb_reply_text(s, "W00");
        return;
    }
    s->cached = false;
    s->waiting = true; /* before: it may stop at once */
    r = s->target->resume(s->data, s->actions, &stop);
    if (r == 0)
        return;
    if (r > 0) {
        vemu__gdb_session_stopped(s, &stop);
        return;
    }
    s->waiting = false;
    vemu__gdb_reply_error(s, r);
}

/* A vCPU that is plugged in before the next stop runs. */
static void actions_fill(struct gdb_session *s, enum gdb_action action)
{
    for (uint32_t n = 0; n < s->target->threads; n++)
        s->actions[n] = vemu__gdb_is_thread(s, n) ? action : GDB_ACTION_RUN;
}

/* "[sig;]addr": the address to go on at. */
static int take_address(struct gdb_session *s, bool signal, struct gdb_text *text)
{
    struct vemu_cpu_state *state;
    uint64_t value;

    if (signal) {
        if (!vemu__gdb_take_hex(&text->at, text->end, &value) || value > 0xff)
            return -EINVAL;
        if (text->at != text->end && !vemu__gdb_take(&text->at, text->end, ";"))
            return -EINVAL;
    }
    if (text->at == text->end)
        return 0;
    if (!vemu__gdb_take_hex(&text->at, text->end, &value) || text->at != text->end)
        return -EINVAL;
    state = vemu__gdb_state(s);
    if (!state)
        return -EIO;
    state->regs.rip = value;
    return s->target->set_state(s->data, s->general, VEMU_STATE_REGS, state);
}

/* A guest has no signals: those of C and S are dropped. */
void vemu__gdb_resume(struct gdb_session *s, char command, struct gdb_text *text)
{
    const bool step = g_ascii_tolower(command) == 's';
    int r = take_address(s, command == 'C' || command == 'S', text);

    if (r < 0) {
        vemu__gdb_reply_error(s, r);
        return;
    }
    actions_fill(s, step ? GDB_ACTION_HOLD : GDB_ACTION_RUN);
    if (step)
        s->actions[s->resumed == UINT32_MAX ? s->general : s->resumed] = GDB_ACTION_STEP;
    go(s);
}

/* ";action[:thread]": the leftmost that fits a thread is its own. False: it is not that. */
static bool take_action(struct gdb_session *s, struct gdb_text *text, uint8_t *decided)
{
    enum gdb_action action;
    uint32_t thread = UINT32_MAX;
    uint64_t signal;

    if (!vemu__gdb_take(&text->at, text->end, ";") || text->at == text->end)
        return false;
    switch (*text->at++) {
    case 'c': action = GDB_ACTION_RUN; break;
    case 's': action = GDB_ACTION_STEP; break;
    case 'C':
    case 'S':
        action = text->at[-1] == 'C' ? GDB_ACTION_RUN : GDB_ACTION_STEP;
        if (!vemu__gdb_take_hex(&text->at, text->end, &signal))
            return false;
        break;
    default: return false;
    }
    if (vemu__gdb_take(&text->at, text->end, ":") && !vemu__gdb_take_thread(s, text, &thread))
        return false;
    for (uint32_t n = 0; n < s->target->threads; n++) {
        if ((thread != UINT32_MAX && n != thread) || decided[n] || !vemu__gdb_is_thread(s, n))
            continue;
        s->actions[n] = action;
        decided[n] = 1;
    }
    return true;
}

void vemu__gdb_vcont(struct gdb_session *s, struct gdb_text *text)
{
    g_autofree uint8_t *decided = g_malloc0(s->target->threads + 1);
    bool any = false;

    actions_fill(s, GDB_ACTION_HOLD);
    do {
        if (!take_action(s, text, decided)) {
            vemu__gdb_reply_error(s, EINVAL);
            return;
        }
    } while (text->at < text->end);
    for (uint32_t n = 0; n < s->target->threads; n++)
        any |= decided[n];
    if (any)
        go(s);
    else
        vemu__gdb_reply_error(s, EINVAL);
}
