/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the host a guest may use, as parameters by name.
 */
#include <string.h>

#include "../driver/stats.h"
#include "device.h"
#include "tuning.h"

#define invalid(err, ...) vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOMAIN, __VA_ARGS__)

static const struct param {
    const char *name;
    int resource, type;
    enum vmgr__tune tune;
    int64_t least, most, none; /* none: what stands for "not set" */
} params_of_numbers[] = {
#define PERIOD(name, tune)                                                                         \
    {                                                                                              \
        name, VMGR_RESOURCE_SCHEDULER, VMGR_STAT_ULLONG, tune, 1000, 1000000, 0                    \
    }
#define QUOTA(name, tune)                                                                          \
    {                                                                                              \
        name, VMGR_RESOURCE_SCHEDULER, VMGR_STAT_LLONG, tune, 1000, 17592186044415, 0              \
    }
#define MEMORY(name, tune)                                                                         \
    {                                                                                              \
        name, VMGR_RESOURCE_MEMORY, VMGR_STAT_ULLONG, tune, 1, VMGR_MEMORY_UNLIMITED,              \
            VMGR_MEMORY_UNLIMITED                                                                  \
    }
    { "cpu_shares", VMGR_RESOURCE_SCHEDULER, VMGR_STAT_ULLONG, VMGR__TUNE_SHARES, 2, 262144, 0 },
    PERIOD("vcpu_period", VMGR__TUNE_PERIOD),
    QUOTA("vcpu_quota", VMGR__TUNE_QUOTA),
    PERIOD("emulator_period", VMGR__TUNE_EMULATOR_PERIOD),
    QUOTA("emulator_quota", VMGR__TUNE_EMULATOR_QUOTA),
    PERIOD("global_period", VMGR__TUNE_GLOBAL_PERIOD),
    QUOTA("global_quota", VMGR__TUNE_GLOBAL_QUOTA),
    PERIOD("iothread_period", VMGR__TUNE_IOTHREAD_PERIOD),
    QUOTA("iothread_quota", VMGR__TUNE_IOTHREAD_QUOTA),
    MEMORY("hard_limit", VMGR__TUNE_HARD_LIMIT),
    MEMORY("soft_limit", VMGR__TUNE_SOFT_LIMIT),
    MEMORY("swap_hard_limit", VMGR__TUNE_SWAP_HARD_LIMIT),
    { "weight", VMGR_RESOURCE_BLKIO, VMGR_STAT_UINT, VMGR__TUNE_WEIGHT, 10, 10000, 0 },
};
static const char *const blkio_names[VMGR__BLKIO_COUNT] = { "device_weight", "device_read_iops_sec",
                                                            "device_write_iops_sec",
                                                            "device_read_bytes_sec",
                                                            "device_write_bytes_sec" };

/* ---- what is ---- */

static void add_devices(const struct vmgr__tuning *t, GArray *ret)
{
    for (int k = 0; k < VMGR__BLKIO_COUNT; k++) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (guint i = 0; t->blkio && i < t->blkio->len; i++) {
            const struct vmgr__blkio_device *d =
                &g_array_index(t->blkio, struct vmgr__blkio_device, i);

            if (d->value[k])
                g_string_append_printf(text, "%s%s,%" G_GUINT64_FORMAT, text->len ? "," : "",
                                       d->path, d->value[k]);
        }
        vmgr__stat_add_text(ret, text->str, "%s", blkio_names[k]);
    }
}

int vmgr__tuning_get(const struct vmgr__domain_def *def, int resource, const char *target,
                     GArray *ret, struct vmgr_error **err)
{
    const struct vmgr__tuning *t = &def->tuning;

    if (resource == VMGR_RESOURCE_DISK)
        return vmgr__iotune_get(def, target, ret, err);
    for (size_t i = 0; i < G_N_ELEMENTS(params_of_numbers); i++) {
        const struct param *p = &params_of_numbers[i];

        if (p->resource == resource)
            vmgr__stat_add(ret, p->type,
                           (uint64_t)(t->value[p->tune] ? t->value[p->tune] : p->none), "%s",
                           p->name);
    }
    if (resource == VMGR_RESOURCE_BLKIO)
        add_devices(t, ret);
    if (resource == VMGR_RESOURCE_NUMA) {
        vmgr__stat_add(ret, VMGR_STAT_INT, (uint64_t)MAX(t->numa_mode, 0), "numa_mode");
        vmgr__stat_add_text(ret, t->numa_nodeset ? t->numa_nodeset : "", "numa_nodeset");
    }
    return 0;
}

/* ---- changes ---- */

static struct vmgr__blkio_device *blkio_of(struct vmgr__tuning *t, const char *path)
{
    struct vmgr__blkio_device fresh = { .path = NULL };

    for (guint i = 0; t->blkio && i < t->blkio->len; i++) {
        struct vmgr__blkio_device *d = &g_array_index(t->blkio, struct vmgr__blkio_device, i);

        if (strcmp(d->path, path) == 0)
            return d;
    }
    if (!t->blkio)
        t->blkio = vmgr__blkio_new();
    fresh.path = g_strdup(path);
    g_array_append_val(t->blkio, fresh);
    return &g_array_index(t->blkio, struct vmgr__blkio_device, t->blkio->len - 1);
}

/* "/dev/sda,500,/dev/sdb,200"; 0 takes a limit away. */
static int set_devices(struct vmgr__tuning *t, int k, const char *text, struct vmgr_error **err)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    guint n = g_strv_length(words);
    uint64_t value;

    if (n % 2 || n > 512)
        return invalid(err, "Unable to parse blkio device '%s' '%s'", blkio_names[k], text);
    for (guint i = 0; i < n; i += 2) {
        if (*words[i] != '/' || !vmgr__parse_u64(words[i + 1], &value) || value > INT64_MAX)
            return invalid(err, "Unable to parse blkio device '%s' '%s'", blkio_names[k], text);
    }
    for (guint i = 0; i < n; i += 2) {
        vmgr__parse_u64(words[i + 1], &value);
        blkio_of(t, words[i])->value[k] = value;
    }
    return 0;
}

static int set_numa(struct vmgr__tuning *t, const struct vmgr_stat *s, struct vmgr_error **err)
{
    uint8_t set[1024];

    if (strcmp(s->name, "numa_mode") == 0 && s->type != VMGR_STAT_STRING) {
        if (s->number >= 4)
            return invalid(err, "unsupported numatune mode: '%d'", (int)s->number);
        t->numa_mode = (int)s->number;
        return 0;
    }
    if (strcmp(s->name, "numa_nodeset") != 0 || s->type != VMGR_STAT_STRING)
        return invalid(err, "parameter '%s' not supported", s->name);
    if (*s->text && !vmgr__cpuset_parse(s->text, set, sizeof(set)))
        return invalid(err, "Failed to parse bitmap '%s'", s->text);
    g_free(t->numa_nodeset);
    t->numa_nodeset = *s->text ? vmgr__cpuset_format(set, sizeof(set)) : NULL;
    t->numa_mode = t->numa_nodeset ? MAX(t->numa_mode, 0) : -1;
    t->numa_auto = false;
    return 0;
}

static int set_number(struct vmgr__tuning *t, const struct param *p, const struct vmgr_stat *s,
                      struct vmgr_error **err)
{
    int64_t value = (int64_t)s->number;
    bool is_none = value == p->none || value == 0 || (p->type == VMGR_STAT_LLONG && value < 0);

    if (s->type == VMGR_STAT_STRING)
        return invalid(err, "invalid type 'string' for parameter '%s'", p->name);
    if (p->resource == VMGR_RESOURCE_MEMORY && (value > p->most || value < 0))
        is_none = true;
    if (!is_none && (value < p->least || value > p->most))
        return invalid(err,
                       "value of '%s' is out of range [%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT "]",
                       p->name, p->least, p->most);
    t->value[p->tune] = !is_none ? value : p->type == VMGR_STAT_LLONG && value < 0 ? -1 : 0;
    return 0;
}

static int set_one(struct vmgr__tuning *t, int resource, const struct vmgr_stat *s,
                   struct vmgr_error **err)
{
    if (resource == VMGR_RESOURCE_NUMA)
        return set_numa(t, s, err);
    for (size_t i = 0; i < G_N_ELEMENTS(params_of_numbers); i++) {
        if (params_of_numbers[i].resource == resource &&
            strcmp(params_of_numbers[i].name, s->name) == 0)
            return set_number(t, &params_of_numbers[i], s, err);
    }
    for (int k = 0; resource == VMGR_RESOURCE_BLKIO && k < VMGR__BLKIO_COUNT; k++) {
        if (strcmp(blkio_names[k], s->name) == 0 && s->type == VMGR_STAT_STRING)
            return set_devices(t, k, s->text, err);
    }
    return invalid(err, "parameter '%s' not supported", s->name);
}

/* What memory limits must be to each other. */
static int check_memory(const struct vmgr__tuning *t, struct vmgr_error **err)
{
    int64_t hard = t->value[VMGR__TUNE_HARD_LIMIT], swap = t->value[VMGR__TUNE_SWAP_HARD_LIMIT];

    if (swap && (!hard || hard > swap))
        return invalid(err, "memory hard_limit tunable value must be lower than or equal to "
                            "swap_hard_limit");
    return 0;
}

int vmgr__tuning_set(struct vmgr__domain_def *def, int resource, const char *target,
                     const struct vmgr_stat *params, struct vmgr_error **err)
{
    struct vmgr__tuning fresh;
    int r = 0;

    if (resource == VMGR_RESOURCE_DISK)
        return vmgr__iotune_set(def, target, params, err);
    vmgr__tuning_copy(&fresh, &def->tuning);
    for (const struct vmgr_stat *s = params; r == 0 && s->name; s++)
        r = set_one(&fresh, resource, s, err);
    if (r == 0 && resource == VMGR_RESOURCE_MEMORY)
        r = check_memory(&fresh, err);
    if (r < 0) {
        vmgr__tuning_fini(&fresh);
        return -1;
    }
    vmgr__tuning_fini(&def->tuning);
    def->tuning = fresh;
    return 0;
}
