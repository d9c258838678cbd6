/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's inside, where no client can look: what is kept for clients, who may come in.
 */
#include <fcntl.h>
#include <string.h>

#include "harness.h"
#include "server/internal.h"

/* ---- who may come in ---- */

START_TEST(test_access)
{
    char *const patterns[] = { (char *)"C=??,O=Test,*", (char *)"*,CN=alice", (char *)"*@host",
                               (char *)"*CN=*,O=Last", NULL };
    static const struct {
        const char *name;
        bool may;
    } cases[] = {
        { "C=DE,O=Test,CN=bob", true },
        { "C=GER,O=Test,CN=bob", false },
        { "O=Other,CN=alice", true },
        { "O=Other,CN=alice2", false },
        { "ann@host", true },
        { "", false },
        { "CN=x,O=Last", true },
        /* not of characters; GLib ends the process over the second */
        { "O=Other\xf0,CN=alice", false },
        { "CN=x\xf0", false },
        { "ann@host\xfc", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        ck_assert_msg(vmgr__access_matches(patterns, cases[i].name) == cases[i].may, "%s",
                      cases[i].name);
    ck_assert(vmgr__access_matches(NULL, "\xf0"));
}
END_TEST

/* ---- what waits in transfers ---- */

static struct vmgr__client *client_new(void)
{
    struct vmgr__client *c = g_new0(struct vmgr__client, 1);

    c->refs = 1;
    c->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    c->streams = g_ptr_array_new();
    c->transfers = g_ptr_array_new();
    g_mutex_init(&c->lock);
    g_queue_init(&c->out);
    vmgr__rpc_reader_init(&c->reader);
    return c;
}

static const struct vmgr__rpc_header call_header = { WIRE_REMOTE_PROGRAM, 1, 208, RPC_CALL, 5, 0 };

/* One of the client's packets, as the I/O thread gets them. */
static struct vmgr__rpc_packet *packet(int type, int status, const void *payload, uint32_t size)
{
    struct vmgr__rpc_packet *p = g_malloc0(sizeof(*p) + size);

    p->header = call_header;
    p->header.type = type;
    p->header.status = status;
    p->size = size;
    p->payload = (uint8_t *)(p + 1);
    if (size)
        memcpy(p->payload, payload, size);
    return p;
}

/* A transfer that nobody works on: how many packets until the client is read from no more. */
static unsigned packets_until_full(int type, const void *payload, uint32_t size)
{
    struct vmgr__client *c = client_new();
    struct vmgr__rpc_packet *p = packet(RPC_CALL, 0, NULL, 0);
    struct vmgr__call call = { .client = c, .packet = p };
    struct vmgr__transfer *t;
    unsigned n = 0;

    ck_assert_int_eq(vmgr__transfer_add(&call, NULL, true, true), 0);
    ck_assert_ptr_nonnull(call.transfer);
    t = call.transfer;
    while (n < 100000 && !vmgr__transfers_full_locked(c)) {
        ck_assert(vmgr__transfer_packet(c, packet(type, RPC_CONTINUE, payload, size)));
        n++;
    }
    vmgr__transfers_sweep(c, true);
    vmgr__transfer_unref(t);
    vmgr__rpc_packet_free(p);
    vmgr__client_unref(c);
    return n;
}

START_TEST(test_waiting_items)
{
    static const uint8_t hole[12] = { 0, 0, 0, 0, 0, 0, 0, 1 }; /* one byte, no flags */
    static uint8_t data[65536];

    ck_assert_uint_le(packets_until_full(RPC_STREAM, data, sizeof(data)), 17);
    ck_assert_uint_le(packets_until_full(RPC_STREAM, data, 1), 5000);
    ck_assert_uint_le(packets_until_full(RPC_STREAM, NULL, 0), 5000);
    ck_assert_uint_le(packets_until_full(RPC_STREAM_HOLE, hole, sizeof(hole)), 5000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("server");
    TCase *c = tcase_create("server");

    tcase_add_test(c, test_access);
    tcase_add_test(c, test_waiting_items);
    suite_add_tcase(s, c);
    return run_suite(s);
}
