/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why /dev/kvm cannot be used, in words, with the cures that fit this host.
 */
#include "device.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

#define DEFAULT_PATH "/dev/kvm"

__attribute__((format(printf, 2, 3))) static void cure(struct device *device, const char *format,
                                                       ...)
{
    va_list args;
    if (device->cure_count == MAX_CURES)
        return;
    va_start(args, format);
    vsnprintf(device->cures[device->cure_count++], sizeof(device->cures[0]), format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void say(struct device *device, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(device->message, sizeof(device->message), format, args);
    va_end(args);
}

static void cure_hardware(struct device *device, const struct host *host)
{
    if (host->vmx || host->svm) {
        cure(device, "load the module: modprobe %s", host->vmx ? "kvm_intel" : "kvm_amd");
        cure(device,
             "if that says \"not supported\" or \"disabled by bios\": turn virtualization "
             "(%s) on in the firmware set-up",
             host->vmx ? "VT-x" : "AMD-V, SVM");
    } else if (host->hypervisor) {
        cure(device, "this is a virtual machine without VT-x or AMD-V: turn on nested "
                     "virtualization for it on its host");
    } else {
        cure(device, "the processor shows neither VT-x nor AMD-V: turn virtualization on in the "
                     "firmware set-up, if it has it");
    }
}

/* No such file, or a file with no driver behind it. */
static void explain_absent(struct device *device, const struct host *host)
{
    bool is_default = !strcmp(device->path, DEFAULT_PATH);
    say(device, "%s: %s", device->path,
        device->error == -ENOENT ? "there is no such device" : "no driver behind this device");
    if (!is_default)
        cure(device, "without --device, %s is taken", DEFAULT_PATH);
    if (host_vendor_module(host)) {
        if (host->container[0])
            cure(device,
                 "the kernel has KVM (module %s), but this %s container has no device: "
                 "start the container with --device %s",
                 host_vendor_module(host)->name, host->container, DEFAULT_PATH);
        else
            cure(device,
                 "the kernel has KVM (module %s); in a container, start it with --device "
                 "%s, else make the device: mknod %s c 10 232",
                 host_vendor_module(host)->name, DEFAULT_PATH, DEFAULT_PATH);
        return;
    }
    cure_hardware(device, host);
    if (host->container[0])
        cure(device, "then start the %s container with --device %s", host->container, DEFAULT_PATH);
}

static void explain_denied(struct device *device, const struct host *host)
{
    struct stat st;
    const struct passwd *user = getpwuid(geteuid());
    say(device, "%s may not be opened for reading and writing: %s", device->path,
        strerror(-device->error));
    if (stat(device->path, &st) < 0) {
        cure(device, "give this user access to %s", device->path);
        return;
    }
    const struct group *group = getgrgid(st.st_gid);
    const bool group_may = (st.st_mode & 060) == 060;
    if (geteuid() == 0 || device->error == -EPERM) {
        cure(device,
             "even root is refused: the device policy (cgroup) of the container or service "
             "must allow \"c 10:232 rwm\", as --device %s or DeviceAllow= does",
             device->path);
    } else if (group_may && group && st.st_gid != 0) {
        cure(device, "the group %s may: usermod -aG %s %s, then log in again", group->gr_name,
             group->gr_name, user ? user->pw_name : "USER");
        if (host->container[0])
            cure(device, "in the %s container: --group-add %u", host->container,
                 (unsigned)st.st_gid);
    } else {
        cure(device, "it has mode %04o and group %s; as root: chgrp kvm %s && chmod 660 %s",
             (unsigned)(st.st_mode & 07777), group ? group->gr_name : "unknown", device->path,
             device->path);
        cure(device, "then add the user to the group: usermod -aG kvm %s",
             user ? user->pw_name : "USER");
    }
}

static int explain(struct device *device, const struct host *host)
{
    switch (device->error) {
    case -ENOENT:
    case -ENODEV:
    case -ENXIO: explain_absent(device, host); return STATUS_NO_DEVICE;
    case -EACCES:
    case -EPERM: explain_denied(device, host); return STATUS_DENIED;
    case -ENOTTY:
    case -EINVAL:
    case -EISDIR:
    case -ENOTDIR:
        say(device, "%s is not a KVM device", device->path);
        cure(device, "without --device, %s is taken", DEFAULT_PATH);
        return STATUS_NOT_KVM;
    case -EPROTO:
        say(device,
            "%s speaks another version of the KVM API than 12, that of Linux 2.6.22 and "
            "later",
            device->path);
        return STATUS_NOT_KVM;
    default:
        say(device, "%s: %s", device->path, strerror(-device->error));
        return STATUS_KVM_FAILED;
    }
}

int device_open(const struct vkvm_syscalls *sys, const char *path, const struct host *host,
                struct device *ret, struct vkvm **ret_kvm)
{
    memset(ret, 0, sizeof(*ret));
    snprintf(ret->path, sizeof(ret->path), "%s", path ? path : DEFAULT_PATH);
    int r = strlen(path ? path : "") < sizeof(ret->path) ? vkvm_open_with(sys, ret->path, ret_kvm)
                                                         : -ENAMETOOLONG;
    if (r < 0) {
        ret->error = r;
        return explain(ret, host);
    }
    ret->usable = true;
    ret->api_version = vkvm_get_api_version(*ret_kvm);
    return STATUS_OK;
}
