/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at what a crash left.
 */
#ifndef TESTS_IMAGE_CRASH_LOOK_H
#define TESTS_IMAGE_CRASH_LOOK_H

#include "crash.h"

/* Opens what is in the stores for writing, which may repair it, and compares it with the model;
 * with `deep` reads the snapshots too, and works on it. What is wrong is added to `text`. */
bool crash_look(struct crash_run *run, uint64_t number, bool deep, GString *text,
                struct crash_result *result);

#endif
