/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading /proc/cpuinfo, /sys/module and the marks that container managers leave.
 */
#include "host.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The first line of a file without its newline; empty when there is none. */
static void read_line(const char *path, char *ret, size_t size)
{
    FILE *f = fopen(path, "re");
    ret[0] = '\0';
    if (!f)
        return;
    if (fgets(ret, (int)size, f))
        ret[strcspn(ret, "\n")] = '\0';
    else
        ret[0] = '\0';
    fclose(f);
}

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p += length)
        if ((p == words || p[-1] == ' ') && (p[length] == ' ' || p[length] == '\0'))
            return true;
    return false;
}

static void read_cpuinfo(const char *root, struct host *ret)
{
    char path[PATH_MAX], *line = NULL;
    size_t capacity = 0;
    snprintf(path, sizeof(path), "%s/proc/cpuinfo", root);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    while (getline(&line, &capacity, f) > 1) { /* an empty line ends the first processor */
        line[strcspn(line, "\n")] = '\0';
        char *value = strstr(line, ": ");
        if (!value)
            continue;
        value += 2;
        if (!strncmp(line, "vendor_id", 9))
            snprintf(ret->vendor, sizeof(ret->vendor), "%s", value);
        else if (!strncmp(line, "model name", 10))
            snprintf(ret->model, sizeof(ret->model), "%s", value);
        else if (!strncmp(line, "flags", 5)) {
            ret->vmx = has_word(value, "vmx");
            ret->svm = has_word(value, "svm");
            ret->hypervisor = has_word(value, "hypervisor");
        }
    }
    free(line);
    fclose(f);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct host_parameter *)a)->name,
                  ((const struct host_parameter *)b)->name);
}

static void read_parameters(const char *root, struct host_module *module)
{
    char path[PATH_MAX];
    struct dirent *entry;
    snprintf(path, sizeof(path), "%s/sys/module/%s/parameters", root, module->name);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)) && module->parameter_count < MAX_PARAMETERS) {
        struct host_parameter *p = &module->parameters[module->parameter_count];
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(p->name))
            continue;
        snprintf(p->name, sizeof(p->name), "%s", entry->d_name);
        snprintf(path, sizeof(path), "%s/sys/module/%s/parameters/%s", root, module->name,
                 entry->d_name);
        read_line(path, p->value, sizeof(p->value));
        module->parameter_count++;
    }
    closedir(dir);
    qsort(module->parameters, module->parameter_count, sizeof(module->parameters[0]), by_name);
}

static void read_modules(const char *root, struct host *ret)
{
    static const char *const names[] = { "kvm", "kvm_intel", "kvm_amd", "kvm_pvm" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/sys/module/%s", root, names[i]);
        if (access(path, F_OK))
            continue;
        struct host_module *module = &ret->modules[ret->module_count++];
        snprintf(module->name, sizeof(module->name), "%s", names[i]);
        read_parameters(root, module);
    }
}

static void read_container(const char *root, struct host *ret)
{
    static const char *const marks[][2] = {
        { "/.dockerenv", "docker" },
        { "/run/.containerenv", "podman" },
        { "/var/run/secrets/kubernetes.io", "kubernetes" },
    };
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/run/systemd/container", root);
    read_line(path, ret->container, sizeof(ret->container));
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]) && !ret->container[0]; i++) {
        snprintf(path, sizeof(path), "%s%s", root, marks[i][0]);
        if (access(path, F_OK) == 0)
            snprintf(ret->container, sizeof(ret->container), "%s", marks[i][1]);
    }
}

void host_read(const char *root, struct host *ret)
{
    struct utsname names;
    memset(ret, 0, sizeof(*ret));
    if (uname(&names) == 0) {
        snprintf(ret->kernel, sizeof(ret->kernel), "%s", names.release);
        snprintf(ret->machine, sizeof(ret->machine), "%.31s", names.machine);
    }
    read_cpuinfo(root, ret);
    read_modules(root, ret);
    read_container(root, ret);
}

const struct host_module *host_vendor_module(const struct host *host)
{
    for (uint32_t i = 0; i < host->module_count; i++)
        if (!strncmp(host->modules[i].name, "kvm_", 4))
            return &host->modules[i];
    return NULL;
}
