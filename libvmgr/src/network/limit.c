/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much an interface of this host may carry: traffic control, by rtnetlink.
 *
 * What the interface sends is what guests receive (inbound): one class of a hierarchical token
 * bucket (tc-htb(8)), in which what is over the average waits. What it receives (outbound) has been
 * sent already: a policer at its entrance (tc-police(8)) drops what is too much. Of a macvtap it is
 * the other way round: what that sends is what its guest does. Both belong to the interface and go
 * with it.
 */
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <string.h>

#include "network.h"
#include "rtnetlink.h"

#define ROOT          TC_H_MAKE(1u << 16, 0)
#define CLASS         TC_H_MAKE(1u << 16, 1)
#define INGRESS       TC_H_MAKE(0xffffu << 16, 0)
#define TICK_NS       64u    /* PSCHED_SHIFT of the kernel */
#define PACKET_MAX    65536u /* segments of TCP are not cut before they are counted */
#define RTAB_SIZE     1024   /* TC_RTAB_SIZE: asked for and not looked into, as linklayer is set */
#define POLICE_ACTION 2      /* TC_ACT_SHOT */

static struct nl_msg *message(int type, int flags, int index, uint32_t handle, uint32_t parent,
                              const char *kind)
{
    struct tcmsg tc = {
        .tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_handle = handle, .tcm_parent = parent
    };
    struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags);

    if (!msg)
        return NULL;
    if (type == RTM_NEWTFILTER)
        tc.tcm_info = TC_H_MAKE(1u << 16, htons(0x0003)); /* priority 1, ETH_P_ALL */
    nlmsg_append(msg, &tc, sizeof(tc), NLMSG_ALIGNTO);
    if (kind)
        nla_put_string(msg, TCA_KIND, kind);
    return msg;
}

static uint64_t bytes_per_second(uint32_t kib)
{
    return (uint64_t)kib * 1024;
}

/* A ratespec has 32 bits; larger rates go into an attribute beside it. */
static struct tc_ratespec ratespec(uint64_t rate)
{
    return (struct tc_ratespec){ .linklayer = TC_LINKLAYER_ETHERNET,
                                 .cell_log = 8,
                                 .rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate };
}

/* The time that so many bytes take, in the kernel's ticks. */
static uint32_t ticks(uint64_t bytes, uint64_t rate)
{
    const double n = (double)bytes / (double)rate * 1e9 / TICK_NS;

    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static int add_class(struct nl_sock *sk, int index, const struct vmgr__rate *rate)
{
    const uint64_t average = bytes_per_second(rate->average);
    const uint64_t peak = rate->peak > rate->average ? bytes_per_second(rate->peak) : average;
    /* By default what passes in a hundredth of a second, and at least a few packets. */
    const uint64_t burst = rate->burst ? (uint64_t)rate->burst * 1024 : average / 100 + 1600 * 4;
    struct tc_htb_opt opt = { .rate = ratespec(average),
                              .ceil = ratespec(peak),
                              .buffer = ticks(burst, average),
                              .cbuffer = ticks(burst, peak),
                              .quantum = 60000 };
    struct nl_msg *msg =
        message(RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_EXCL, index, CLASS, ROOT, "htb");
    struct nlattr *options;

    if (!msg)
        return -NLE_NOMEM;
    options = nla_nest_start(msg, TCA_OPTIONS);
    nla_put(msg, TCA_HTB_PARMS, sizeof(opt), &opt);
    if (average > UINT32_MAX)
        nla_put_u64(msg, TCA_HTB_RATE64, average);
    if (peak > UINT32_MAX)
        nla_put_u64(msg, TCA_HTB_CEIL64, peak);
    nla_nest_end(msg, options);
    return nl_send_sync(sk, msg);
}

static int limit_sent(struct nl_sock *sk, int index, const struct vmgr__rate *rate)
{
    struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = 1 };
    struct nl_msg *msg =
        message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, ROOT, TC_H_ROOT, "htb");
    struct nlattr *options;
    int r;

    if (!msg)
        return -NLE_NOMEM;
    options = nla_nest_start(msg, TCA_OPTIONS);
    nla_put(msg, TCA_HTB_INIT, sizeof(glob), &glob);
    nla_nest_end(msg, options);
    r = nl_send_sync(sk, msg);
    return r < 0 ? r : add_class(sk, index, rate);
}

/* Every packet, by a key that compares nothing. */
static void put_match_all(struct nl_msg *msg)
{
    const struct tc_u32_sel head = { .flags = TC_U32_TERMINAL, .nkeys = 1 };
    uint8_t sel[sizeof(head) + sizeof(struct tc_u32_key)] = { 0 };

    memcpy(sel, &head, sizeof(head));
    nla_put_u32(msg, TCA_U32_CLASSID, 1);
    nla_put(msg, TCA_U32_SEL, sizeof(sel), sel);
}

static int limit_received(struct nl_sock *sk, int index, const struct vmgr__rate *rate)
{
    const uint64_t average = bytes_per_second(rate->average);
    const uint64_t burst = (uint64_t)(rate->burst ? rate->burst : rate->average) * 1024;
    static const uint8_t rtab[RTAB_SIZE];
    struct tc_police police = { .action = POLICE_ACTION,
                                .rate = ratespec(average),
                                .burst = ticks(burst, average),
                                .mtu = PACKET_MAX };
    struct nl_msg *msg =
        message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, INGRESS, TC_H_INGRESS, "ingress");
    struct nlattr *options, *action;
    int r = msg ? nl_send_sync(sk, msg) : -NLE_NOMEM;

    if (r < 0)
        return r;
    msg = message(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, index, 0, INGRESS, "u32");
    if (!msg)
        return -NLE_NOMEM;
    options = nla_nest_start(msg, TCA_OPTIONS);
    put_match_all(msg);
    action = nla_nest_start(msg, TCA_U32_POLICE);
    nla_put(msg, TCA_POLICE_TBF, sizeof(police), &police);
    nla_put(msg, TCA_POLICE_RATE, sizeof(rtab), rtab);
    if (average > UINT32_MAX)
        nla_put_u64(msg, TCA_POLICE_RATE64, average);
    nla_nest_end(msg, action);
    nla_nest_end(msg, options);
    return nl_send_sync(sk, msg);
}

/* Fails when there is none. */
static void remove_limits(struct nl_sock *sk, int index)
{
    struct nl_msg *msg = message(RTM_DELQDISC, 0, index, ROOT, TC_H_ROOT, NULL);

    if (msg)
        nl_send_sync(sk, msg);
    msg = message(RTM_DELQDISC, 0, index, INGRESS, TC_H_INGRESS, NULL);
    if (msg)
        nl_send_sync(sk, msg);
}

static bool is_macvtap(struct nl_sock *sk, int index)
{
    struct rtnl_link *link = NULL;
    const char *type =
        rtnl_link_get_kernel(sk, index, NULL, &link) == 0 ? rtnl_link_get_type(link) : NULL;
    const bool is = type && strcmp(type, "macvtap") == 0;

    rtnl_link_put(link);
    return is;
}

int vmgr__link_limit(const char *name, const struct vmgr__bandwidth *b, struct vmgr_error **err)
{
    const int index = (int)if_nametoindex(name);
    struct nl_sock *sk = vmgr__rt_open(VMGR_FROM_NETWORK, err);
    const struct vmgr__rate *sent, *received;
    const char *what = NULL;
    int r = 0;

    if (!sk)
        return -1;
    remove_limits(sk, index);
    sent = is_macvtap(sk, index) ? &b->out : &b->in;
    received = sent == &b->in ? &b->out : &b->in;
    if (sent->present) {
        what = "limit what is sent on (HTB)";
        r = limit_sent(sk, index, sent);
    }
    if (r == 0 && received->present) {
        what = "limit what is received on (u32 and police)";
        r = limit_received(sk, index, received);
    }
    if (r < 0) {
        remove_limits(sk, index);
        hostnet_error(err, VMGR_ERR_OPERATION_FAILED, "cannot %s interface '%s': %s", what, name,
                      nl_geterror(r));
        r = -1;
    }
    nl_socket_free(sk);
    return r;
}
