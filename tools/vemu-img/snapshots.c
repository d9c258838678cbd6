/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Showing an image's internal snapshots.
 */
#include "snapshots.h"

#include <inttypes.h>
#include <time.h>

#include "img.h"

static int add_value(void *data, const struct vemu_image_snapshot *snapshot)
{
    struct value **list = data;

    if (!*list)
        *list = value_array();
    struct value *v = value_add(*list, NULL, value_object());
    value_add(v, "id", value_string(snapshot->id));
    value_add(v, "name", value_string(snapshot->name));
    value_add(v, "vm-state-size", value_number(snapshot->vm_state_size));
    value_add(v, "date-sec", value_number(snapshot->date_s));
    value_add(v, "date-nsec", value_number(snapshot->date_ns));
    value_add(v, "vm-clock-sec", value_number(snapshot->vm_clock_ns / 1000000000));
    value_add(v, "vm-clock-nsec", value_number(snapshot->vm_clock_ns % 1000000000));
    if (snapshot->icount != UINT64_MAX)
        value_add(v, "icount", value_number(snapshot->icount));
    return 0;
}

struct value *snapshots_value(struct vemu_image *image)
{
    struct value *list = NULL;

    vemu_image_list_snapshots(image, add_value, &list);
    return list;
}

static int print_line(void *data, const struct vemu_image_snapshot *snapshot)
{
    char size[32], date[32] = "", clock[40], icount[24] = "";
    time_t seconds = (time_t)snapshot->date_s;
    uint64_t at = snapshot->vm_clock_ns / 1000000000;
    struct tm tm;
    int *count = data;

    if (!(*count)++)
        printf("Snapshot list:\n%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE",
               "VM CLOCK", "ICOUNT");
    if (localtime_r(&seconds, &tm))
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(clock, sizeof(clock), "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64,
             at / 3600, at / 60 % 60, at % 60, snapshot->vm_clock_ns / 1000000 % 1000);
    if (snapshot->icount != UINT64_MAX)
        snprintf(icount, sizeof(icount), "%" PRIu64, snapshot->icount);
    printf("%-9s %-16s %8s%20s%13s%11s\n", snapshot->id, snapshot->name,
           size_text(snapshot->vm_state_size, size), date, clock, icount);
    return 0;
}

void snapshots_print(struct vemu_image *image)
{
    int count = 0;

    vemu_image_list_snapshots(image, print_line, &count);
}
