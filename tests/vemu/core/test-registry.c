/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every class is fit to be shown: names, summaries, defaults that are values of their type.
 */
#include "test-main.h"

#include <vemu/registry.h>

#include "chardev/backend.h"
#include "core/property.h"

START_TEST(listing)
{
    struct vemu_class_info info = VEMU_CLASS_INFO_INIT, again = VEMU_CLASS_INFO_INIT;
    struct vemu_property_info prop = VEMU_PROPERTY_INFO_INIT;
    int kind;

    for (kind = VEMU_CLASS_MACHINE; kind <= VEMU_CLASS_CHARDEV; kind++) {
        uint32_t i, p;

        for (i = 0; vemu_class_get(kind, i, &info) == 0; i++) {
            ck_assert_int_gt(strlen(info.name), 0);
            ck_assert_int_gt(strlen(info.summary), 0);
            ck_assert_int_eq(vemu_class_lookup(kind, info.name, &again), 0);
            ck_assert_str_eq(info.name, again.name);
            for (p = 0; p < info.property_count; p++) {
                ck_assert_int_eq(vemu_class_get_property(kind, info.name, p, &prop), 0);
                ck_assert_int_gt(strlen(prop.name), 0);
                ck_assert_int_gt(strlen(prop.type), 0);
                ck_assert_ptr_nonnull(prop.summary);
            }
            ck_assert_int_eq(vemu_class_get_property(kind, info.name, p, &prop), -ENOENT);
        }
        ck_assert_int_gt(i, 0);
        ck_assert_int_eq(vemu_class_get(kind, UINT32_MAX, &info), -ENOENT);
    }
    ck_assert_int_eq(vemu_class_get(0, 0, &info), -EINVAL);
    ck_assert_int_eq(vemu_class_lookup(VEMU_CLASS_DEVICE, "none", &info), -ENOENT);
    info.size = 4;
    ck_assert_int_eq(vemu_class_get(VEMU_CLASS_DEVICE, 0, &info), -EINVAL);
}
END_TEST

START_TEST(newer_caller)
{
    struct {
        struct vemu_class_info info;
        uint64_t more;
    } newer = { .info.size = sizeof(newer), .more = 5 };

    ck_assert_int_eq(vemu_class_lookup(VEMU_CLASS_CHARDEV, "null", &newer.info), 0);
    ck_assert_uint_eq(newer.more, 5);
    ck_assert_uint_eq(newer.info.size, sizeof(newer));
}
END_TEST

START_TEST(classes)
{
    size_t i, j;

    for (i = 0; vemu__device_classes[i]; i++) {
        const struct vemu_device_class *class_ = vemu__device_classes[i];
        void *object = g_malloc0(class_->instance_size);

        ck_assert_uint_ge(class_->instance_size, sizeof(struct vemu_device));
        ck_assert_ptr_nonnull(class_->ops);
        for (j = 0; j < i; j++)
            ck_assert_str_ne(class_->name, vemu__device_classes[j]->name);
        OK(vemu__props_set(NULL, object, class_->props, NULL, 0, &err));
        vemu__props_clear(object, class_->props);
        g_free(object);
    }
    for (i = 0; vemu__chardev_classes[i]; i++) {
        void *object = g_malloc0(vemu__chardev_classes[i]->instance_size);

        OK(vemu__props_set(NULL, object, vemu__chardev_classes[i]->props, NULL, 0, &err));
        vemu__props_clear(object, vemu__chardev_classes[i]->props);
        g_free(object);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { listing, newer_caller, classes, NULL };

    return run_tests("registry", tests);
}
