/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * human-monitor-command: a few lines for people, on top of the QMP commands.
 *
 * "info" prints what a query says, member by member; other words are commands without arguments, or
 * look at memory. What a person may type is in the tables; there is no human monitor besides.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "monitor/qmp.h"

/* --- JSON for people -------------------------------------------------------------------------- */

static void print_value(GString *out, struct json_object *value, unsigned depth);

static void indent(GString *out, unsigned depth)
{
    g_string_append_printf(out, "%*s", (int)(2 * depth), "");
}

static void print_object(GString *out, struct json_object *o, unsigned depth)
{
    json_object_object_foreach(o, key, value)
    {
        bool nested = json_object_is_type(value, json_type_object) ||
                      json_object_is_type(value, json_type_array);

        indent(out, depth);
        g_string_append_printf(out, nested ? "%s:\n" : "%s: ", key);
        print_value(out, value, depth + 1);
        if (!nested)
            g_string_append_c(out, '\n');
    }
}

static void print_value(GString *out, struct json_object *value, unsigned depth)
{
    if (json_object_is_type(value, json_type_object)) {
        print_object(out, value, depth);
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            indent(out, depth);
            g_string_append_printf(out, "[%zu]\n", i);
            print_value(out, json_object_array_get_idx(value, i), depth + 1);
            if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_object))
                g_string_append_c(out, '\n');
        }
    } else {
        g_string_append(out, value ? json_object_get_string(value) : "null");
    }
}

/* Runs a QMP command and prints its result. */
static int run(struct vemu_vm *vm, const char *name, struct json_object *args, GString *out,
               struct vemu_error **err)
{
    const struct qmp_command *command = vemu__qmp_command_find(name);
    struct json_object *result = NULL;
    int r = command->run(vm, args, &result, err);

    if (r >= 0 && result)
        print_value(out, result, 0);
    json_object_put(result);
    return r < 0 ? r : 0;
}

/* --- info ------------------------------------------------------------------------------------- */

static void print_tree(struct vemu_vm *vm, GString *out)
{
    for (guint i = 0; i < vm->devices->len; i++) {
        const struct vemu_device *dev = vm->devices->pdata[i];

        g_string_append_printf(out, "dev: %s, id \"%s\"%s\n", dev->class_->name, dev->id,
                               dev->class_->flags & VEMU_DEVICE_INTERNAL ? " (board)" : "");
    }
}

static void print_region(void *data, int space, uint64_t address, uint64_t size, const char *name,
                         bool is_ram, bool is_rom)
{
    g_string_append_printf(data, "  %016" PRIx64 "-%016" PRIx64 " (%s): %s\n", address,
                           address + (size - 1),
                           is_rom   ? "rom"
                           : is_ram ? "ram"
                                    : "i/o",
                           name);
}

static void print_memory(struct vemu_vm *vm, GString *out)
{
    g_string_append(out, "memory:\n");
    vemu__memory_for_each_region(vm->memory, VEMU_SPACE_MEMORY, print_region, out);
    g_string_append(out, "I/O:\n");
    vemu__memory_for_each_region(vm->memory, VEMU_SPACE_IO, print_region, out);
}

static int get_registers(struct vemu_vm *vm, uint32_t id, struct vemu_accel_vcpu *vcpu, void *data)
{
    return vm->accel->get_state(vcpu, VEMU_STATE_REGS | VEMU_STATE_SREGS, data);
}

static void print_segment(GString *out, const char *name, const struct vemu_segment *s)
{
    g_string_append_printf(out, "%s =%04x %016" PRIx64 " %08x dpl=%u type=%x%s\n", name,
                           s->selector, s->base, s->limit, s->dpl, s->type,
                           s->unusable || !s->present ? " (not there)" : "");
}

static void print_state(GString *out, uint32_t id, const struct vemu_cpu_state *state)
{
    static const char *const gprs[] = { "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                        "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15" };
    static const char *const segments[] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    const struct vemu_sregs *s = &state->sregs;

    g_string_append_printf(out, "CPU#%u\n", id);
    for (unsigned i = 0; i < 16; i++)
        g_string_append_printf(out, "%s=%016" PRIx64 "%c", gprs[i], state->regs.gpr[i],
                               i % 4 == 3 ? '\n' : ' ');
    g_string_append_printf(out, "RIP=%016" PRIx64 " RFL=%08" PRIx64 "\n", state->regs.rip,
                           state->regs.rflags);
    for (unsigned i = 0; i < G_N_ELEMENTS(segments); i++)
        print_segment(out, segments[i], &s->seg[i]);
    print_segment(out, "LDT", &s->ldt);
    print_segment(out, "TR", &s->tr);
    g_string_append_printf(out, "GDT=     %016" PRIx64 " %08x\nIDT=     %016" PRIx64 " %08x\n",
                           s->gdt.base, s->gdt.limit, s->idt.base, s->idt.limit);
    g_string_append_printf(out,
                           "CR0=%08" PRIx64 " CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08" PRIx64
                           " CR8=%" PRIx64 "\nEFER=%016" PRIx64 "\n",
                           s->cr0, s->cr2, s->cr3, s->cr4, s->cr8, s->efer);
}

static int print_registers(struct vemu_vm *vm, bool all, GString *out, struct vemu_error **err)
{
    g_autofree struct vemu_cpu_state *state = g_new0(struct vemu_cpu_state, 1);
    int r = 0;

    if (!vm->accel_vm || vm->stopping)
        return vemu__error_set(err, EBUSY, "the machine is not realized");
    vemu__vcpus_pause_for(vm);
    for (uint32_t id = 0; r >= 0 && id < (all ? vm->config.vcpus : 1); id++) {
        r = vemu__vcpu_call(vm, id, get_registers, state);
        if (r >= 0)
            print_state(out, id, state);
    }
    vemu__vcpus_go_on(vm);
    return r < 0 ? vemu__error_set(err, -r, "cannot read registers: %s", strerror(-r)) : 0;
}

static const struct {
    const char *word, *command;
} queries[] = {
    { "balloon", "query-balloon" },
    { "block", "query-block" },
    { "blockstats", "query-blockstats" },
    { "chardev", "query-chardev" },
    { "cpus", "query-cpus-fast" },
    { "kvm", "query-kvm" },
    { "mice", "query-mice" },
    { "name", "query-name" },
    { "network", "query-rx-filter" },
    { "pci", "query-pci" },
    { "status", "query-status" },
    { "uuid", "query-uuid" },
    { "version", "query-version" },
};

static void print_numa(struct vemu_vm *vm, GString *out)
{
    const uint32_t count = vemu__numa_count(vm);

    g_string_append_printf(out, "%u nodes\n", count);
    for (uint32_t n = 0; n < count; n++) {
        g_string_append_printf(out, "node %u cpus:", n);
        for (uint32_t id = 0; id < vm->config.max_vcpus; id++)
            if (vemu__vcpu_is_present(vm, id) && vemu__numa_of_vcpu(vm, id) == n)
                g_string_append_printf(out, " %u", id);
        g_string_append_printf(out, "\nnode %u size: %" PRIu64 " MB\n", n,
                               vm->numa->nodes[n].bytes >> 20);
    }
}

static int info(struct vemu_vm *vm, char **words, struct json_object *none, GString *out,
                struct vemu_error **err)
{
    const char *what = words[1] ? words[1] : "";

    if (!strcmp(what, "qtree")) {
        print_tree(vm, out);
        return 0;
    }
    if (!strcmp(what, "mtree")) {
        print_memory(vm, out);
        return 0;
    }
    if (!strcmp(what, "numa")) {
        print_numa(vm, out);
        return 0;
    }
    if (!strcmp(what, "registers"))
        return print_registers(vm, words[2] && !strcmp(words[2], "-a"), out, err);
    for (size_t i = 0; i < G_N_ELEMENTS(queries); i++)
        if (!strcmp(what, queries[i].word))
            return run(vm, queries[i].command, none, out, err);
    g_string_append(out, "info: qtree mtree numa registers");
    for (size_t i = 0; i < G_N_ELEMENTS(queries); i++)
        g_string_append_printf(out, " %s", queries[i].word);
    g_string_append_c(out, '\n');
    return 0;
}

/* --- memory ----------------------------------------------------------------------------------- */

#define DUMP_MAX 4096u /* bytes */

/* "xp/4xw 0x1000": count, format x or d, size b h w g. */
static bool parse_format(const char *text, unsigned *ret_count, unsigned *ret_size, bool *ret_hex)
{
    *ret_count = 1;
    *ret_size = 4;
    *ret_hex = true;
    if (*text != '/')
        return *text == '\0';
    text++;
    if (g_ascii_isdigit(*text)) {
        char *end;

        *ret_count = (unsigned)MIN(g_ascii_strtoull(text, &end, 10), DUMP_MAX);
        text = end;
    }
    for (; *text; text++) {
        static const char sizes[] = "bhwg";
        const char *size = strchr(sizes, *text);

        if (size)
            *ret_size = 1u << (size - sizes);
        else if (*text == 'x' || *text == 'd')
            *ret_hex = *text == 'x';
        else
            return false;
    }
    return *ret_count != 0;
}

static int physical(struct vemu_vm *vm, char **words, GString *out, struct vemu_error **err)
{
    unsigned count, size;
    uint64_t at;
    char *end;
    bool hex;

    if (!parse_format(words[0] + 2, &count, &size, &hex) || !words[1])
        return vemu__error_set(err, EINVAL, "usage: xp/[COUNT][x|d][b|h|w|g] ADDRESS");
    at = g_ascii_strtoull(words[1], &end, 0);
    if (*end || end == words[1])
        return vemu__error_set(err, EINVAL, "'%s' is not an address", words[1]);
    count = MIN(count, DUMP_MAX / size);
    for (unsigned i = 0; i < count; i++, at += size) {
        uint64_t value = 0;

        if (i % (16 / size) == 0)
            g_string_append_printf(out, "%s%016" PRIx64 ":", i ? "\n" : "", at);
        if (vemu_dma_read(vm, at, &value, size) < 0)
            g_string_append(out, " (no memory)");
        else if (hex)
            g_string_append_printf(out, " 0x%0*" PRIx64, (int)(2 * size), value);
        else
            g_string_append_printf(out, " %" PRIu64, value);
    }
    g_string_append_c(out, '\n');
    return 0;
}

/* --- the command ------------------------------------------------------------------------------ */

static const struct {
    const char *word, *command;
} plain[] = {
    { "c", "cont" },
    { "cont", "cont" },
    { "nmi", "inject-nmi" },
    { "q", "quit" },
    { "quit", "quit" },
    { "s", "stop" },
    { "stop", "stop" },
    { "system_powerdown", "system_powerdown" },
    { "system_reset", "system_reset" },
};

/* "ctrl-alt-f1": names with hyphens between them. */
static int sendkey(struct vemu_vm *vm, char **words, GString *out, struct vemu_error **err)
{
    g_autofree char **names = g_strsplit(words[1] ? words[1] : "", "-", 0);
    struct json_object *args = json_object_new_object(), *keys = json_object_new_array();
    int r;

    for (char **name = names; *name; name++) {
        struct json_object *key = json_object_new_object();

        qmp_add_string(key, "type", "qcode");
        qmp_add_string(key, "data", *name);
        json_object_array_add(keys, key);
        g_free(*name);
    }
    json_object_object_add(args, "keys", keys);
    r = run(vm, "send-key", args, out, err);
    json_object_put(args);
    return r;
}

static void help(GString *out)
{
    g_string_append(out, "info WHAT, xp/FORMAT ADDRESS, sendkey KEY[-KEY...]");
    for (size_t i = 0; i < G_N_ELEMENTS(plain); i++)
        g_string_append_printf(out, ", %s", plain[i].word);
    g_string_append_c(out, '\n');
}

/* What a person got wrong is told in the text, as QEMU does. */
static int interpret(struct vemu_vm *vm, char **words, GString *out, struct vemu_error **err)
{
    struct json_object *none = json_object_new_object();
    int r = -ENOENT;

    if (!words[0] || !strcmp(words[0], "help") || !strcmp(words[0], "?")) {
        help(out);
        r = 0;
    } else if (!strcmp(words[0], "info")) {
        r = info(vm, words, none, out, err);
    } else if (!strcmp(words[0], "sendkey")) {
        r = sendkey(vm, words, out, err);
    } else if (g_str_has_prefix(words[0], "xp")) {
        r = physical(vm, words, out, err);
    } else {
        for (size_t i = 0; i < G_N_ELEMENTS(plain) && r == -ENOENT; i++)
            if (!strcmp(words[0], plain[i].word))
                r = run(vm, plain[i].command, none, out, err);
        if (r == -ENOENT)
            vemu__error_set(err, ENOENT, "unknown command: '%s'", words[0]);
    }
    json_object_put(none);
    return r;
}

static int cmd_human_monitor_command(QMP_PARAMS)
{
    g_auto(GStrv) split = g_strsplit_set(qmp_get_string(args, "command-line"), " \t", 0);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_autoptr(GString) out = g_string_new(NULL);
    struct vemu_error *wrong = NULL;

    if (json_object_get_int64(qmp_get(args, "cpu-index")))
        return vemu__error_set(err, ENOTSUP, "'cpu-index' is not supported: info registers -a");
    for (char **word = split; *word; word++)
        if (**word)
            g_ptr_array_add(words, *word);
    g_ptr_array_add(words, NULL);
    g_ptr_array_add(words, NULL); /* so that [1] is there without a first */
    if (interpret(vm, (char **)words->pdata, out, &wrong) < 0)
        g_string_append_printf(out, "Error: %s\n", wrong ? vemu_error_message(wrong) : "failed");
    vemu_error_free(wrong);
    *result = json_object_new_string(out->str);
    return 0;
}

static const struct qmp_command commands[] = {
    { "human-monitor-command", cmd_human_monitor_command, "{command-line:str,cpu-index?:int}",
      "str" },
    { NULL },
};

const struct qmp_group vemu__qmp_human = { .commands = commands };
