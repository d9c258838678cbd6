/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A benign exception whose delivery faults becomes that fault (SDM Vol. 3, table 6-5).
 */
#include "runtime.h"

unsigned payload(void)
{
    gate_present(6, false);
    TRY_REPORT("ud2"); /* #NP with IDT and EXT in the error code */
    return 0;
}
