/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SASL (RFC 4422) for either end, through libsasl2.
 *
 * Functions that can fail return -1 or NULL and a sentence in *err, for g_free().
 */
#ifndef VMGR_RPC_SASL_H
#define VMGR_RPC_SASL_H

#include "layer.h"

enum vmgr__sasl_question { VMGR__SASL_USER, VMGR__SASL_PASSWORD };
/* A text for free(), or NULL: there is no answer. */
typedef char *(*vmgr__sasl_ask_fn)(void *data, enum vmgr__sasl_question question);

struct vmgr__sasl_options {
    bool server;
    const char *host;           /* a client's: the server's name */
    const char *local, *remote; /* "address;port"; NULL: not a network */
    unsigned tls_strength;      /* bits; 0: bytes go as they are */
    unsigned least_strength;    /* without TLS: bits that the mechanism must protect with */
    const char *mechanisms;     /* to offer or accept; NULL: as libsasl2 is configured */
    const char *database;       /* a server's: of users; NULL: as libsasl2 is configured */
    vmgr__sasl_ask_fn ask;      /* a client's */
    void *ask_data;
};

struct vmgr__sasl;
struct vmgr__sasl *vmgr__sasl_new(const struct vmgr__sasl_options *options, char **err);
/* NULL is fine. */
void vmgr__sasl_free(struct vmgr__sasl *s);
/* A server's, with commas; borrowed. */
const char *vmgr__sasl_mechanisms(struct vmgr__sasl *s, char **err);
/*
 * One turn. mechanism: in the first; a client gives what the server offers, and gets what it chose
 * in *ret_mechanism; NULL in later ones. in: NULL where nothing came. *ret_out, borrowed: to be
 * sent, NULL: nothing. 1: this end is satisfied, 0: it goes on.
 */
int vmgr__sasl_turn(struct vmgr__sasl *s, const char *mechanism, const char **ret_mechanism,
                    const char *in, size_t in_size, const char **ret_out, size_t *ret_out_size,
                    char **err);
/* At the end: whether what was agreed on is strong enough. */
int vmgr__sasl_check(struct vmgr__sasl *s, char **err);
/* Who the client is; borrowed. */
const char *vmgr__sasl_user(struct vmgr__sasl *s);
/* What was agreed on for the bytes that follow, and takes s over; NULL: nothing, s is as it was. */
struct vmgr__layer *vmgr__sasl_layer(struct vmgr__sasl *s);

#endif
