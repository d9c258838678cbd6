/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client's session: packets become calls of the target, results become replies.
 *
 * The protocol is one of question and answer, but for Ctrl-C and the answer to "continue", which
 * comes when the machine stops. A packet that is not known gets the empty reply, by which the
 * client learns that there is no such thing (GDB manual, appendix E.2).
 */
#include "gdb/session.h"

#include <errno.h>
#include <string.h>

#include "gdb/registers.h"

#define GDB_OUT_MAX (64u << 10) /* that waits; beyond it nothing is said again */
#define MEMORY_MAX ((GDB_PACKET_MAX - 64) / 2) /* bytes of one packet, as digits */

/* --- replies ---------------------------------------------------------------------------------- */

void vemu__gdb_reply(struct gdb_session *s, const char *data, size_t size)
{
    g_string_truncate(s->reply, 0);
    vemu__gdb_frame(s->reply, data, size);
    g_string_append_len(s->out, s->reply->str, (gssize)s->reply->len);
}

void vemu__gdb_reply_text(struct gdb_session *s, const char *text)
{
    vemu__gdb_reply(s, text, strlen(text));
}

void vemu__gdb_reply_ok(struct gdb_session *s)
{
    vemu__gdb_reply_text(s, "OK");
}

void vemu__gdb_reply_error(struct gdb_session *s, int error)
{
    char text[8];

    g_snprintf(text, sizeof(text), "E%02x", ABS(error) & 0xff);
    vemu__gdb_reply_text(s, text);
}

static void reply_bytes(struct gdb_session *s, const void *buf, size_t size)
{
    g_autoptr(GString) text = g_string_sized_new(size * 2 + 1);

    vemu__gdb_put_bytes(text, buf, size);
    vemu__gdb_reply(s, text->str, text->len);
}

/* --- threads ---------------------------------------------------------------------------------- */

bool vemu__gdb_is_thread(const struct gdb_session *s, uint32_t thread)
{
    return thread < s->target->threads && s->target->alive(s->data, thread);
}

bool vemu__gdb_take_thread(struct gdb_session *s, struct gdb_text *text, uint32_t *ret)
{
    uint64_t number;

    if (vemu__gdb_take(&text->at, text->end, "-1")) {
        *ret = UINT32_MAX;
        return true;
    }
    if (!vemu__gdb_take_hex(&text->at, text->end, &number) || number > s->target->threads ||
        (number && !vemu__gdb_is_thread(s, (uint32_t)number - 1)))
        return false;
    *ret = number ? (uint32_t)number - 1 : UINT32_MAX;
    return true;
}

/* H: the thread of the commands that follow. */
static void select_thread(struct gdb_session *s, struct gdb_text *text)
{
    const char what = text->at < text->end ? *text->at++ : '\0';
    uint32_t thread;

    if ((what != 'g' && what != 'c') || !vemu__gdb_take_thread(s, text, &thread)) {
        vemu__gdb_reply_error(s, EINVAL);
        return;
    }
    if (what == 'c') {
        s->resumed = thread;
    } else if (thread != UINT32_MAX) {
        s->cached = s->cached && thread == s->general;
        s->general = thread;
    }
    vemu__gdb_reply_ok(s);
}

static void thread_alive(struct gdb_session *s, struct gdb_text *text)
{
    uint32_t thread;

    if (vemu__gdb_take_thread(s, text, &thread) && thread != UINT32_MAX)
        vemu__gdb_reply_ok(s);
    else
        vemu__gdb_reply_error(s, ESRCH);
}

/* --- registers -------------------------------------------------------------------------------- */

struct vemu_cpu_state *vemu__gdb_state(struct gdb_session *s)
{
    if (!s->state)
        s->state = g_aligned_alloc0(1, sizeof(*s->state), 64);
    if (!s->cached)
        s->cached = s->target->get_state(s->data, s->general, GDB_REGISTER_GROUPS, s->state) >= 0;
    return s->cached ? s->state : NULL;
}

/* What was changed in the cache reaches the vCPU, or the cache forgets it. */
static int store_state(struct gdb_session *s, uint32_t groups)
{
    int r = groups ? s->target->set_state(s->data, s->general, groups, s->state) : 0;

    /* Setting some of it may have changed more (flags, MSRs). */
    if (groups)
        s->cached = false;
    return r;
}

static void read_registers(struct gdb_session *s)
{
    const struct vemu_cpu_state *state = vemu__gdb_state(s);
    g_autoptr(GString) text = g_string_new(NULL);
    uint8_t value[GDB_REGISTER_MAX];

    for (unsigned n = 0; state && n < vemu__gdb_register_count(); n++) {
        vemu__gdb_register_get(state, n, value);
        vemu__gdb_put_bytes(text, value, vemu__gdb_register_size(n));
    }
    if (state)
        vemu__gdb_reply(s, text->str, text->len);
    else
        vemu__gdb_reply_error(s, EIO);
}

static void write_registers(struct gdb_session *s, struct gdb_text *text)
{
    struct vemu_cpu_state *state = vemu__gdb_state(s);
    uint8_t value[GDB_REGISTER_MAX];
    uint32_t groups = 0;
    int r = state ? 0 : -EIO;

    for (unsigned n = 0; r >= 0 && n < vemu__gdb_register_count(); n++) {
        if (!vemu__gdb_take_bytes(&text->at, text->end, value, vemu__gdb_register_size(n)))
            r = -EINVAL;
        else
            r = vemu__gdb_register_set(state, n, value, &groups);
    }
    if (r >= 0)
        r = store_state(s, groups);
    if (r < 0)
        s->cached = false;
    if (r < 0)
        vemu__gdb_reply_error(s, r);
    else
        vemu__gdb_reply_ok(s);
}

static void read_register(struct gdb_session *s, struct gdb_text *text)
{
    const struct vemu_cpu_state *state = vemu__gdb_state(s);
    uint8_t value[GDB_REGISTER_MAX];
    uint64_t n;

    if (!state || !vemu__gdb_take_hex(&text->at, text->end, &n) || text->at != text->end ||
        n >= vemu__gdb_register_count()) {
        vemu__gdb_reply_error(s, state ? EINVAL : EIO);
        return;
    }
    vemu__gdb_register_get(state, (unsigned)n, value);
    reply_bytes(s, value, vemu__gdb_register_size((unsigned)n));
}

static void write_register(struct gdb_session *s, struct gdb_text *text)
{
    struct vemu_cpu_state *state = vemu__gdb_state(s);
    uint8_t value[GDB_REGISTER_MAX];
    uint32_t groups = 0;
    uint64_t n;
    int r = -EINVAL;

    if (state && vemu__gdb_take_hex(&text->at, text->end, &n) &&
        n < vemu__gdb_register_count() && vemu__gdb_take(&text->at, text->end, "=") &&
        vemu__gdb_take_bytes(&text->at, text->end, value, vemu__gdb_register_size((unsigned)n)) &&
        text->at == text->end)
        r = vemu__gdb_register_set(state, (unsigned)n, value, &groups);
    if (r >= 0)
        r = store_state(s, groups);
    if (r < 0)
        vemu__gdb_reply_error(s, r);
    else
        vemu__gdb_reply_ok(s);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* "addr,length"; false: it is not that, or runs over the end of the address space. */
static bool take_range(struct gdb_text *text, uint64_t *address, uint64_t *size)
{
    return vemu__gdb_take_hex(&text->at, text->end, address) &&
           vemu__gdb_take(&text->at, text->end, ",") &&
           vemu__gdb_take_hex(&text->at, text->end, size) &&
           (!*size || *address + (*size - 1) >= *address);
}

static void read_memory(struct gdb_session *s, struct gdb_text *text)
{
    g_autofree uint8_t *buf = NULL;
    uint64_t address, size;
    long r;

    if (!take_range(text, &address, &size) || text->at != text->end) {
        vemu__gdb_reply_error(s, EINVAL);
        return;
    }
    size = MIN(size, MEMORY_MAX); /* less than asked for is an answer */
    buf = g_malloc(size + 1);
    r = size ? s->target->read(s->data, s->general, address, buf, size) : 0;
    if (r < 0)
        vemu__gdb_reply_error(s, (int)r);
    else
        reply_bytes(s, buf, (size_t)r);
}

static void write_memory(struct gdb_session *s, struct gdb_text *text, bool binary)
{
    g_autofree uint8_t *digits = NULL;
    uint64_t address, size;
    const char *bytes;
    long r;

    if (!take_range(text, &address, &size) || !vemu__gdb_take(&text->at, text->end, ":") ||
        size > GDB_PACKET_MAX) {
        vemu__gdb_reply_error(s, EINVAL);
        return;
    }
    bytes = text->at;
    if (binary && (size_t)(text->end - text->at) != size) {
        vemu__gdb_reply_error(s, EINVAL);
        return;
    }
    if (!binary) {
        digits = g_malloc(size + 1);
        if (!vemu__gdb_take_bytes(&text->at, text->end, digits, size) || text->at != text->end) {
            vemu__gdb_reply_error(s, EINVAL);
            return;
        }
        bytes = (const char *)digits;
    }
    r = size ? s->target->write(s->data, s->general, address, bytes, size) : 0;
    if (r < 0 || (size_t)r < size)
        vemu__gdb_reply_error(s, r < 0 ? (int)r : EFAULT);
    else
        vemu__gdb_reply_ok(s);
}

/* --- break- and watchpoints --------------------------------------------------------------- */

/* "type,addr,kind"; conditions and commands, which may follow, are not announced. */
static void change_point(struct gdb_session *s, struct gdb_text *text, bool insert)
{
    struct vemu_debug_point point = { 0 };
    uint64_t kind, size;
    int r;

    if (!vemu__gdb_take_hex(&text->at, text->end, &kind) ||
        !vemu__gdb_take(&text->at, text->end, ",") || !take_range(text, &point.address, &size) ||
        text->at != text->end) {
        vemu__gdb_reply_error(s, EINVAL);
        return;
    }
    if (kind > VEMU_DEBUG_ACCESS) {
        vemu__gdb_reply_text(s, "");
        return;
    }
    point.kind = (uint8_t)kind;
    if (kind > VEMU_DEBUG_EXECUTE && (!size || size > UINT32_MAX)) {
        vemu__gdb_reply_error(s, EINVAL);
        return;
    }
    /* Code has no length here: what stops is the address. */
    point.size = kind > VEMU_DEBUG_EXECUTE ? (uint32_t)size : 1;
    r = insert ? s->target->insert(s->data, &point) : s->target->remove(s->data, &point);
    if (r < 0)
        vemu__gdb_reply_error(s, r);
    else
        vemu__gdb_reply_ok(s);
}

/* --- commands --------------------------------------------------------------------------------- */

static void report_state(struct gdb_session *s)
{
    const struct gdb_stop stop = { .signal = GDB_SIGTRAP, .thread = s->general };

    if (s->target->machine(s->data) == GDB_MACHINE_OFF)
        vemu__gdb_reply_text(s, "W00");
    else
        vemu__gdb_reply_stop(s, &stop);
}

static void detach(struct gdb_session *s)
{
    vemu__gdb_reply_ok(s);
    s->cached = false;
    s->target->detach(s->data);
}

static void verbose(struct gdb_session *s, struct gdb_text *text)
{
    if (vemu__gdb_take(&text->at, text->end, "Cont?"))
        vemu__gdb_reply_text(s, "vCont;c;C;s;S");
    else if (vemu__gdb_take(&text->at, text->end, "Cont"))
        vemu__gdb_vcont(s, text);
    else
        vemu__gdb_reply_text(s, "");
}

static void command(struct gdb_session *s)
{
    struct gdb_text text = { s->reader.data, s->reader.data + s->reader.size };
    const char c = text.at < text.end ? *text.at++ : '\0';

    switch (c) {
    case '?': report_state(s); break;
    case 'g': read_registers(s); break;
    case 'G': write_registers(s, &text); break;
    case 'p': read_register(s, &text); break;
    case 'P': write_register(s, &text); break;
    case 'm': read_memory(s, &text); break;
    case 'M': write_memory(s, &text, false); break;
    case 'X': write_memory(s, &text, true); break;
    case 'Z': change_point(s, &text, true); break;
    case 'z': change_point(s, &text, false); break;
    case 'c': case 'C': case 's': case 'S': vemu__gdb_resume(s, c, &text); break;
    case 'v': verbose(s, &text); break;
    case 'H': select_thread(s, &text); break;
    case 'T': thread_alive(s, &text); break;
    case 'q': case 'Q':
        text.at--;
        vemu__gdb_query(s, &text);
        break;
    case 'D': detach(s); break;
    case 'k': s->target->quit(s->data); break; /* no reply */
    default: vemu__gdb_reply_text(s, "");
    }
}

/* One complete packet. While the machine runs there is nothing to say but "stop". */
static void packet(struct gdb_session *s)
{
    enum gdb_machine machine = s->target->machine(s->data);

    if (!s->no_ack)
        g_string_append_c(s->out, '+');
    if (machine == GDB_MACHINE_RUNNING) {
        const bool waiting = s->waiting;
        s->target->pause(s->data);
        if (waiting) /* the reply was that to "continue" */
            return;
        s->cached = false;
    }
    s->waiting = false;
    if (machine == GDB_MACHINE_NONE)
        vemu__gdb_reply_error(s, ENODEV);
    else
        command(s);
}

void vemu__gdb_session_input(struct gdb_session *s, const void *buf, size_t size)
{
    const uint8_t *bytes = buf;

    for (size_t i = 0; i < size; i++) {
        switch (vemu__gdb_reader_put(&s->reader, bytes[i])) {
        case GDB_INPUT_PACKET: packet(s); break;
        case GDB_INPUT_BREAK:
            if (s->target->machine(s->data) == GDB_MACHINE_RUNNING)
                s->target->pause(s->data);
            break;
        case GDB_INPUT_NAK:
            /* A client that says nothing else would have us keep thousands of copies. */
            if (!s->no_ack && s->out->len < GDB_OUT_MAX)
                g_string_append_len(s->out, s->reply->str, (gssize)s->reply->len);
            break;
        case GDB_INPUT_BAD:
            if (!s->no_ack)
                g_string_append_c(s->out, '-');
            break;
        case GDB_INPUT_ACK: g_string_truncate(s->reply, 0); break;
        case GDB_INPUT_NONE: break;
        }
    }
}

/* --- the machine's side ----------------------------------------------------------------------- */

void vemu__gdb_session_stopped(struct gdb_session *s, const struct gdb_stop *stop)
{
    s->cached = false;
    if (!s->waiting)
        return;
    s->waiting = false;
    s->general = stop->thread;
    vemu__gdb_reply_stop(s, stop);
}

void vemu__gdb_session_exited(struct gdb_session *s, uint8_t code)
{
    char text[8];

    s->cached = false;
    if (!s->waiting)
        return;
    s->waiting = false;
    g_snprintf(text, sizeof(text), "W%02x", code);
    vemu__gdb_reply_text(s, text);
}

void vemu__gdb_session_reset(struct gdb_session *s)
{
    vemu__gdb_reader_reset(&s->reader);
    g_string_truncate(s->out, 0);
    g_string_truncate(s->reply, 0);
    s->no_ack = s->waiting = s->swbreak = s->hwbreak = s->cached = false;
    s->general = 0;
    s->resumed = UINT32_MAX;
}

void vemu__gdb_session_init(struct gdb_session *s, const struct gdb_target *target, void *data)
{
    memset(s, 0, sizeof(*s));
    s->target = target;
    s->data = data;
    s->out = g_string_new(NULL);
    s->reply = g_string_new(NULL);
    s->actions = g_malloc0_n(target->threads, sizeof(*s->actions));
    vemu__gdb_session_reset(s);
}

void vemu__gdb_session_fini(struct gdb_session *s)
{
    g_string_free(s->out, TRUE);
    g_string_free(s->reply, TRUE);
    g_free(s->actions);
    g_aligned_free(s->state);
}
