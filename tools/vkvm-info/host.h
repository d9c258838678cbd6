/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts of the host that its files tell: kernel, processor, modules, container.
 */
#ifndef VKVM_INFO_HOST_H
#define VKVM_INFO_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_MODULES    8
#define MAX_PARAMETERS 48

struct host_parameter {
    char name[48];
    char value[64];
};

struct host_module {
    char name[32];
    struct host_parameter parameters[MAX_PARAMETERS];
    uint32_t parameter_count;
};

struct host {
    char kernel[80];  /* "6.1.0-56-amd64" */
    char machine[32]; /* "x86_64" */
    char vendor[32];  /* "AuthenticAMD" */
    char model[96];
    bool vmx, svm;      /* the processor offers VT-x, AMD-V */
    bool hypervisor;    /* the host is itself a virtual machine */
    char container[32]; /* "docker", "podman", ...; empty: no container found */
    struct host_module modules[MAX_MODULES]; /* kvm first, then kvm_* */
    uint32_t module_count;
};

/* Reads below `root` ("" for the running system). What is not readable stays empty. */
void host_read(const char *root, struct host *ret);
/* A module whose name begins with "kvm_" and is visible in /sys/module, or NULL. */
const struct host_module *host_vendor_module(const struct host *host);

#endif
