/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU models on the made-up host: there is no processor to compare with. */
#include "../cpu.h"

const struct vmgr__cpu_ops vmgr__test_cpu = {
    .get_model_names = vmgr__host_cpu_model_names,
    .baseline = vmgr__host_cpu_baseline,
};
