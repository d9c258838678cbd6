/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration given to vemu_vm_new(): checked, copied, defaults filled in.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cpu-model.h"
#include "core/property.h"
#include "core/vm.h"
#include "core/watchdog.h"

#define ACTION_FLAGS   (VEMU_VM_NO_REBOOT | VEMU_VM_NO_SHUTDOWN | VEMU_VM_PANIC_PAUSE)
#define KNOWN_FLAGS                                                                                \
    (ACTION_FLAGS | VEMU_VM_CALLER_LOOP | VEMU_VM_MEMORY_LOCK | VEMU_VM_MEMORY_PREALLOC)
#define PAGE_SIZE      4096u
#define DEFAULT_MEMORY (128ull << 20)
/* x86-64 has at most 52 physical address bits (Intel SDM Vol. 3, 4.1.4). */
#define MAX_MEMORY (1ull << 52)
#define MAX_SLOTS  256u
#define APIC_IDS   255u /* without interrupt remapping; 255 is all of them */

/* The first version of the structure; smaller ones never were. */
#define MIN_SIZE (offsetof(struct vemu_vm_config, log_data) + sizeof(void *))

static bool uuid_valid(const char *text)
{
    size_t i;

    if (strlen(text) != 36)
        return false;
    for (i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-')
                return false;
        } else if (!g_ascii_isxdigit(text[i])) {
            return false;
        }
    }
    return true;
}

/* Fails early, with the name, rather than when the machine is half made. */
static int check_file(const char *what, const char *path, struct vemu_error **err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int r = 0;

    if (fd < 0)
        return vemu__error_set(err, errno, "cannot open %s '%s': %s", what, path, strerror(errno));
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        r = vemu__error_set(err, EISDIR, "cannot open %s '%s': %s", what, path, strerror(EISDIR));
    close(fd);
    return r;
}

/* What can be plugged in later. Defaults are filled in. */
static int check_room(const struct vemu_vm_config *config, struct vemu_error **err)
{
    if (config->max_memory_bytes % PAGE_SIZE || config->max_memory_bytes > MAX_MEMORY)
        return vemu__error_set(err, EINVAL,
                               "maxmem: %" G_GUINT64_FORMAT
                               " bytes is not a multiple of 4096 up to 2^52",
                               config->max_memory_bytes);
    if (config->max_memory_bytes < config->memory_bytes)
        return vemu__error_set(err, EINVAL, "maxmem: less than the memory there is to begin with");
    if (config->memory_slots > MAX_SLOTS)
        return vemu__error_set(err, EINVAL, "memory slots: at most %u, not %u", MAX_SLOTS,
                               config->memory_slots);
    if (config->memory_slots && config->max_memory_bytes == config->memory_bytes)
        return vemu__error_set(err, EINVAL, "memory slots: of no use unless maxmem is more than "
                                            "the memory there is to begin with");
    if (vemu__watchdog_action(config->watchdog_action) < 0)
        return vemu__error_set(err, EINVAL, "watchdog action '%s' is not known",
                               config->watchdog_action);
    return 0;
}

static int check(const struct vemu_vm_config *config, struct vemu_error **err)
{
    int r;

    if (config->flags & ~KNOWN_FLAGS)
        return vemu__error_set(err, EINVAL, "flags: unknown bits 0x%x",
                               config->flags & ~KNOWN_FLAGS);
    if (config->reserved)
        return vemu__error_set(err, EINVAL, "reserved: must be 0");
    if (config->uuid && !uuid_valid(config->uuid))
        return vemu__error_set(err, EINVAL, "uuid: '%s' is not a UUID", config->uuid);
    if (config->memory_bytes % PAGE_SIZE)
        return vemu__error_set(err, EINVAL,
                               "memory: %" G_GUINT64_FORMAT " bytes is not a multiple of 4096",
                               config->memory_bytes);
    if (config->memory_bytes > MAX_MEMORY)
        return vemu__error_set(err, EINVAL, "memory: more than 2^52 bytes");
    if (config->initrd && !config->kernel)
        return vemu__error_set(err, EINVAL, "initrd: only together with a kernel");
    if (config->cmdline && !config->kernel)
        return vemu__error_set(err, EINVAL, "cmdline: only together with a kernel");
    r = check_room(config, err);
    if (r >= 0)
        r = vemu__cpu_model_check(config->cpu, err);
    if (r >= 0 && config->kernel)
        r = check_file("kernel", config->kernel, err);
    if (r >= 0 && config->initrd)
        r = check_file("initrd", config->initrd, err);
    return r;
}

int vemu__config_copy(const struct vemu_vm_config *config, struct vemu_vm_config *ret,
                      struct vemu_error **err)
{
    static const struct vemu_vm_config none = VEMU_VM_CONFIG_INIT;
    const unsigned char *bytes = (const unsigned char *)config;
    uint32_t i;

    memset(ret, 0, sizeof(*ret));
    if (!config)
        config = &none;
    if (config->size < MIN_SIZE)
        return vemu__error_set(err, EINVAL, "size: %u is too small; use VEMU_VM_CONFIG_INIT",
                               config->size);
    /* A newer caller's fields are fine as long as they ask for nothing. */
    for (i = sizeof(*ret); i < config->size; i++)
        if (bytes[i])
            return vemu__error_set(err, EINVAL,
                                   "the configuration has fields that libvemu %s "
                                   "does not know",
                                   vemu_version());

    memcpy(ret, config, MIN(sizeof(*ret), config->size));
    ret->size = sizeof(*ret);
    ret->name = g_strdup(config->name ? config->name : "vemu");
    ret->uuid = g_strdup(config->uuid);
    ret->machine = g_strdup(config->machine ? config->machine : "microvm");
    ret->accel = g_strdup(config->accel ? config->accel : "auto");
    ret->cpu = g_strdup(config->cpu ? config->cpu : "max");
    ret->kernel = g_strdup(config->kernel);
    ret->initrd = g_strdup(config->initrd);
    ret->cmdline = g_strdup(config->cmdline);
    if (!ret->memory_bytes)
        ret->memory_bytes = DEFAULT_MEMORY;
    if (!ret->max_memory_bytes)
        ret->max_memory_bytes = ret->memory_bytes;
    ret->memory_backend = g_strdup(config->memory_backend);
    ret->watchdog_action =
        g_strdup(config->watchdog_action ? config->watchdog_action : "reset");
    int r = vemu__topology_complete(ret, err);
    return r < 0 ? r : check(ret, err);
}

void vemu__config_clear(struct vemu_vm_config *config)
{
    g_free((char *)config->name);
    g_free((char *)config->uuid);
    g_free((char *)config->machine);
    g_free((char *)config->accel);
    g_free((char *)config->cpu);
    g_free((char *)config->kernel);
    g_free((char *)config->initrd);
    g_free((char *)config->cmdline);
    g_free((char *)config->memory_backend);
    g_free((char *)config->watchdog_action);
    memset(config, 0, sizeof(*config));
}

bool vemu__alias_matches(const char *alias, const char *name)
{
    const char *star = alias ? strchr(alias, '*') : NULL;

    return star ? strncmp(alias, name, (size_t)(star - alias)) == 0 : g_strcmp0(alias, name) == 0;
}

static const struct vemu_machine_class *machine_find(const char *name)
{
    size_t i;

    for (i = 0; vemu__machine_classes[i]; i++) {
        const struct vemu_machine_class *class_ = vemu__machine_classes[i];

        if (strcmp(class_->name, name) == 0 || vemu__alias_matches(class_->alias, name))
            return class_;
    }
    return NULL;
}

/* Ends the piece at `text` at its comma; two commas are one that belongs to it. The next piece, or
 * NULL. */
static char *cut(char *text)
{
    char *to = text;

    for (; *text; text++) {
        if (*text == ',' && *++text != ',') {
            *to = '\0';
            return text;
        }
        *to++ = *text;
    }
    *to = '\0';
    return NULL;
}

/* "name,option=value,...": cuts `text` into pieces that `props` points to. */
static int split(char *text, GArray *props, struct vemu_error **err)
{
    char *rest = cut(text);

    while (rest) {
        struct vemu_property prop;
        char *option = rest, *value;

        rest = cut(option);
        value = strchr(option, '=');

        if (!value || value == option)
            return vemu__error_set(err, EINVAL,
                                   "machine option '%s' is not of the form "
                                   "name=value",
                                   option);
        *value++ = '\0';
        prop.name = option;
        prop.value = value;
        g_array_append_val(props, prop);
    }
    return 0;
}

int vemu__config_machine(struct vemu_vm *vm, const struct vemu_machine_class *class_,
                         struct vemu_error **err)
{
    g_autoptr(GArray) props = g_array_new(FALSE, FALSE, sizeof(struct vemu_property));
    g_autofree char *text = g_strdup(vm->config.machine);
    int r = split(text, props, err);

    if (r < 0)
        return r;
    if (!class_)
        class_ = machine_find(text);
    if (!class_)
        return vemu__error_set(err, EINVAL, "machine '%s' is not known", text);
    if (class_->max_vcpus && vm->config.max_vcpus > class_->max_vcpus)
        return vemu__error_set(err, EINVAL, "vcpus: machine '%s' has at most %u, not %u",
                               class_->name, class_->max_vcpus, vm->config.max_vcpus);
    if (vm->config.dies > 1 && !class_->has_dies)
        return vemu__error_set(err, EINVAL, "dies not supported by this machine's CPU topology");
    if (vemu__topology_apic_limit(&vm->config) > APIC_IDS)
        return vemu__error_set(err, EINVAL,
                               "Invalid CPU topology: the last CPU's APIC id would be %u, more "
                               "than %u",
                               vemu__topology_apic_limit(&vm->config) - 1, APIC_IDS - 1);
    vm->machine = g_malloc0(class_->instance_size);
    vm->machine->class_ = class_;
    vm->machine->vm = vm;
    r = vemu__props_set(vm, vm->machine, class_->props,
                        (const struct vemu_property *)(void *)props->data, props->len, err);
    if (r < 0)
        vemu__error_prefix(err, "machine '%s'", class_->name);
    return r;
}

int vemu__config_check_id(const char *id, struct vemu_error **err)
{
    const char *p = id;

    if (g_ascii_isalpha(*p))
        while (g_ascii_isalnum(*p) || *p == '-' || *p == '.' || *p == '_')
            p++;
    if (*p == '\0' && p != id)
        return 0;
    return vemu__error_set(err, EINVAL,
                           "'%s' is not a good id: a letter, then letters, digits, "
                           "'-', '.' and '_'",
                           id);
}

/* --- flags that may change -------------------------------------------------------------------- */

struct flags {
    uint32_t mask, flags;
};

static int do_set_flags(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct flags *new = data;
    uint32_t flags = (vm->config.flags & ~new->mask) | (new->flags & new->mask);

    __atomic_store_n(&vm->config.flags, flags, __ATOMIC_RELAXED);
    return 0;
}

int vemu_vm_set_flags(struct vemu_vm *vm, uint32_t mask, uint32_t flags, struct vemu_error **err)
{
    struct flags new = { mask, flags };

    if (mask & ~ACTION_FLAGS)
        return vemu__error_set(err, EINVAL, "flags: 0x%x cannot be changed", mask & ~ACTION_FLAGS);
    return vemu__vm_control(vm, do_set_flags, &new, err);
}

uint32_t vemu_vm_get_flags(struct vemu_vm *vm)
{
    return __atomic_load_n(&vm->config.flags, __ATOMIC_RELAXED);
}
