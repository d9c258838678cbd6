/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of requests that failed.
 */
#ifndef VEMU_BLOCK_POLICY_H
#define VEMU_BLOCK_POLICY_H

#include "block/backend.h"

/* Does what the policy says with a request that failed. True: it is held until the machine goes on.
 * False: it is done with *result. */
bool vemu__block_hold(struct vemu_block *block, struct vemu_block_request *req, int *result);
/* Whether there are errors that stop the machine. */
bool vemu__block_may_stop(const struct vemu_block *block);
/* Those that are held fail after all. False: there were none. */
bool vemu__block_fail_held(struct vemu_block *block);
/* What the user says, for the node's requests from now on. */
int vemu__block_set_policy(struct vemu_block *block, const char *rerror, const char *werror,
                           struct vemu_error **err);
/* "auto" and NULL give `otherwise`. `reads`: "enospc" is not for these. */
int vemu__block_parse_policy(const char *text, const char *name, bool reads,
                             enum vemu_block_policy otherwise, enum vemu_block_policy *ret,
                             struct vemu_error **err);

#endif
