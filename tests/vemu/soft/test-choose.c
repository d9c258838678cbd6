/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which accelerator is taken, with fake ones behind the two names. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vemu/error.h>

#include "accel/accel.h"

static struct vemu_accel_probe kvm, soft = { .usable = true, .reason = "always there" };

static void probe_kvm(struct vemu_accel_probe *ret, bool measure)
{
    *ret = kvm;
}
static void probe_soft(struct vemu_accel_probe *ret, bool measure)
{
    *ret = soft;
}
const struct vemu_accel_ops vemu__accel_kvm = { .name = "kvm", .probe = probe_kvm };
const struct vemu_accel_ops vemu__accel_soft = { .name = "soft", .probe = probe_soft };

static char reason[200];
static struct vemu_error *err;

static const char *chosen(const char *name)
{
    const struct vemu_accel_ops *ops = vemu__accel_choose(name, reason, sizeof(reason), &err);

    return ops ? ops->name : "none";
}

START_TEST(automatic)
{
    kvm = (struct vemu_accel_probe){ .usable = true, .kernel_mips = 3000, .reason = "fine" };
    ck_assert_str_eq(chosen("auto"), "kvm");
    ck_assert_ptr_nonnull(strstr(reason, "3000"));
    kvm.kernel_mips = 1;
    ck_assert_str_eq(chosen("auto"), "soft");
    ck_assert_ptr_nonnull(strstr(reason, "only 1 million"));
    kvm.kernel_mips = 0;
    ck_assert_str_eq(chosen("auto"), "soft");
    kvm = (struct vemu_accel_probe){ .reason = "/dev/kvm: Permission denied" };
    ck_assert_str_eq(chosen("auto"), "soft");
    ck_assert_ptr_nonnull(strstr(reason, "Permission denied"));
    memset(kvm.reason, 'x', sizeof(kvm.reason)); /* not terminated */
    ck_assert_str_eq(chosen("auto"), "soft");
    ck_assert_ptr_null(err);
}
END_TEST

START_TEST(by_name)
{
    kvm = (struct vemu_accel_probe){ .usable = true, .kernel_mips = 1, .reason = "slow" };
    ck_assert_str_eq(chosen("kvm"), "kvm"); /* slow, but asked for */
    ck_assert_str_eq(chosen("soft"), "soft");
    ck_assert_str_eq(chosen("tcg"), "soft");
    ck_assert_ptr_null(err);
    kvm = (struct vemu_accel_probe){ .reason = "/dev/kvm: No such file" };
    ck_assert_str_eq(chosen("kvm"), "none");
    ck_assert_int_eq(vemu_error_code(err), ENODEV);
    ck_assert_ptr_nonnull(strstr(vemu_error_message(err), "No such file"));
    err = vemu_error_free(err);
    ck_assert_str_eq(chosen("xen"), "none");
    ck_assert_int_eq(vemu_error_code(err), EINVAL);
    ck_assert_ptr_nonnull(strstr(vemu_error_message(err), "'xen'"));
    err = vemu_error_free(err);
}
END_TEST

START_TEST(options)
{
    kvm = (struct vemu_accel_probe){ .usable = true, .reason = "fine" };
    ck_assert_str_eq(chosen("kvm,record=x"), "kvm");
    ck_assert_str_eq(vemu__accel_options("kvm,record=x,strict=off"), "record=x,strict=off");
    ck_assert_ptr_null(vemu__accel_options("kvm"));
    kvm = (struct vemu_accel_probe){ .reason = "/dev/kvm: No such file" };
    ck_assert_str_eq(chosen("kvm,record=x"), "none");
    err = vemu_error_free(err);
    ck_assert_str_eq(chosen("kvm,replay=x"), "kvm"); /* needs no device */
    ck_assert_str_eq(chosen("kvm,strict=off,replay=x"), "kvm");
    ck_assert_ptr_null(err);
    ck_assert_str_eq(chosen("soft,size=1"), "none");
    ck_assert_str_eq(vemu_error_message(err), "accelerator soft: unknown option 'size'");
    err = vemu_error_free(err);
    ck_assert_str_eq(chosen("kvmx"), "none");
    err = vemu_error_free(err);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("accel-choose");
    TCase *t = tcase_create("choose");
    SRunner *r;
    int failed;

    tcase_add_test(t, automatic);
    tcase_add_test(t, by_name);
    tcase_add_test(t, options);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
