/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * General queries: what the server can, threads, the target description, monitor commands.
 */
#include <errno.h>
#include <string.h>

#include "gdb/registers.h"
#include "gdb/session.h"

#define MONITOR_MAX 256u

/* --- features --------------------------------------------------------------------------------- */

static void supported(struct gdb_session *s, struct gdb_text *text)
{
    char reply[160];

    if (vemu__gdb_take(&text->at, text->end, ":")) {
        g_autofree char *all = g_strndup(text->at, (size_t)(text->end - text->at));
        g_auto(GStrv) words = g_strsplit(all, ";", -1);

        s->swbreak = g_strv_contains((const char *const *)words, "swbreak+");
        s->hwbreak = g_strv_contains((const char *const *)words, "hwbreak+");
    }
    g_snprintf(reply, sizeof(reply),
               "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;"
               "hwbreak+",
               GDB_PACKET_MAX);
    vemu__gdb_reply_text(s, reply);
}

/* "annex:offset,length" */
static void features_read(struct gdb_session *s, struct gdb_text *text)
{
    g_autoptr(GString) xml = NULL;
    g_autoptr(GString) reply = NULL;
    uint64_t offset, size;

    if (!vemu__gdb_take(&text->at, text->end, "target.xml:") ||
        !vemu__gdb_take_hex(&text->at, text->end, &offset) ||
        !vemu__gdb_take(&text->at, text->end, ",") ||
        !vemu__gdb_take_hex(&text->at, text->end, &size) || text->at != text->end) {
        vemu__gdb_reply_text(s, "E00"); /* the annex was invalid */
        return;
    }
    xml = vemu__gdb_register_xml();
    if (offset > xml->len) {
        vemu__gdb_reply_error(s, EINVAL);
        return;
    }
    size = MIN(size, GDB_PACKET_MAX / 2); /* all of it might need escapes */
    size = MIN(size, xml->len - offset);
    reply = g_string_new(offset + size < xml->len ? "m" : "l");
    g_string_append_len(reply, xml->str + offset, (gssize)size);
    vemu__gdb_reply(s, reply->str, reply->len);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void thread_list(struct gdb_session *s)
{
    g_autoptr(GString) text = g_string_new("m");

    for (uint32_t n = 0; n < s->target->threads; n++)
        if (vemu__gdb_is_thread(s, n))
            g_string_append_printf(text, "%s%x", text->len > 1 ? "," : "", n + 1);
    vemu__gdb_reply(s, text->str, text->len);
}

static void thread_info(struct gdb_session *s, struct gdb_text *text)
{
    static const char *const states[] = { "running", "waits for INIT", "waits for SIPI", "halted" };
    struct vemu_cpu_state *state;
    g_autoptr(GString) reply = NULL;
    char line[64];
    uint32_t thread;
    int r;

    if (!vemu__gdb_take_thread(s, text, &thread) || thread == UINT32_MAX) {
        vemu__gdb_reply_error(s, ESRCH);
        return;
    }
    state = g_aligned_alloc0(1, sizeof(*state), 64);
    r = s->target->get_state(s->data, thread, VEMU_STATE_MP, state);
    g_snprintf(line, sizeof(line), "vCPU %u [%s]", thread, states[state->mp_state & 3]);
    g_aligned_free(state);
    if (r < 0) {
        vemu__gdb_reply_error(s, r);
        return;
    }
    reply = g_string_new(NULL);
    vemu__gdb_put_bytes(reply, line, strlen(line));
    vemu__gdb_reply(s, reply->str, reply->len);
}

static void current_thread(struct gdb_session *s)
{
    char text[16];

    g_snprintf(text, sizeof(text), "QC%x", s->general + 1);
    vemu__gdb_reply_text(s, text);
}

/* --- monitor commands --------------------------------------------------------------------- */

static void monitor_help(struct gdb_session *s);

static void monitor_reset(struct gdb_session *s)
{
    s->cached = false;
    s->target->reset(s->data);
    vemu__gdb_reply_ok(s);
}

static void monitor_quit(struct gdb_session *s)
{
    vemu__gdb_reply_ok(s);
    s->target->quit(s->data);
}

static const struct {
    const char *name, *help;
    void (*run)(struct gdb_session *s);
} monitor_commands[] = {
    { "help", "this list", monitor_help },
    { "quit", "end the machine", monitor_quit },
    { "system_reset", "reset the machine, which stays stopped", monitor_reset },
};

static void reply_console(struct gdb_session *s, const char *text)
{
    g_autoptr(GString) reply = g_string_new(NULL);

    vemu__gdb_put_bytes(reply, text, strlen(text));
    vemu__gdb_reply(s, reply->str, reply->len);
}

static void monitor_help(struct gdb_session *s)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t n = 0; n < G_N_ELEMENTS(monitor_commands); n++)
        g_string_append_printf(text, "%-13s %s\n", monitor_commands[n].name,
                               monitor_commands[n].help);
    reply_console(s, text->str);
}

static void monitor(struct gdb_session *s, struct gdb_text *text)
{
    const size_t size = (size_t)(text->end - text->at) / 2;
    char line[MONITOR_MAX + 1];

    if (size > MONITOR_MAX || !vemu__gdb_take_bytes(&text->at, text->end, line, size) ||
        text->at != text->end) {
        vemu__gdb_reply_error(s, EINVAL);
        return;
    }
    line[size] = '\0';
    g_strstrip(line);
    for (size_t n = 0; n < G_N_ELEMENTS(monitor_commands); n++)
        if (!strcmp(line, monitor_commands[n].name)) {
            monitor_commands[n].run(s);
            return;
        }
    reply_console(s, "unknown command; 'monitor help' lists those there are\n");
}

/* --- all of them -------------------------------------------------------------------------- */

void vemu__gdb_query(struct gdb_session *s, struct gdb_text *text)
{
    if (vemu__gdb_take(&text->at, text->end, "qSupported")) {
        supported(s, text);
    } else if (vemu__gdb_take(&text->at, text->end, "QStartNoAckMode")) {
        vemu__gdb_reply_ok(s);
        s->no_ack = true;
    } else if (vemu__gdb_take(&text->at, text->end, "qXfer:features:read:")) {
        features_read(s, text);
    } else if (vemu__gdb_take(&text->at, text->end, "qfThreadInfo")) {
        thread_list(s);
    } else if (vemu__gdb_take(&text->at, text->end, "qsThreadInfo")) {
        vemu__gdb_reply_text(s, "l");
    } else if (vemu__gdb_take(&text->at, text->end, "qThreadExtraInfo,")) {
        thread_info(s, text);
    } else if (vemu__gdb_take(&text->at, text->end, "qAttached")) {
        vemu__gdb_reply_text(s, "1"); /* leaving is detaching */
    } else if (vemu__gdb_take(&text->at, text->end, "qRcmd,")) {
        monitor(s, text);
    } else if (text->end - text->at == 2 && vemu__gdb_take(&text->at, text->end, "qC")) {
        current_thread(s);
    } else {
        vemu__gdb_reply_text(s, "");
    }
}
