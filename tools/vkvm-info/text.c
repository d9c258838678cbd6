/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A report as text.
 */
#include "text.h"

#include <stdarg.h>
#include <string.h>

#include "uses.h"

#define WIDTH 80
#define LABEL 38 /* where values begin */

/* Words in columns `indent` to WIDTH; `column` is where the line stands. */
struct flow {
    FILE *out;
    int indent, column;
};

static void flow_word(struct flow *flow, const char *word)
{
    int length = (int)strlen(word);
    if (flow->column > flow->indent) {
        if (flow->column + 1 + length > WIDTH) {
            fprintf(flow->out, "\n%*s", flow->indent, "");
            flow->column = flow->indent;
        } else {
            fputc(' ', flow->out);
            flow->column++;
        }
    }
    fputs(word, flow->out);
    flow->column += length;
}

static void flow_words(struct flow *flow, const char *words)
{
    char word[240];
    while (*words) {
        size_t length = strcspn(words, " ");
        snprintf(word, sizeof(word), "%.*s", (int)length, words);
        flow_word(flow, word);
        words += length;
        words += strspn(words, " ");
    }
}

static struct flow flow_begin(FILE *out, int indent, const char *label)
{
    int column = 2 + (int)strlen(label);
    fprintf(out, "  %s", label);
    if (column < indent) {
        fprintf(out, "%*s", indent - column, "");
        column = indent;
    }
    return (struct flow){ out, indent, column };
}

static void flow_end(struct flow *flow)
{
    fputc('\n', flow->out);
}

__attribute__((format(printf, 3, 4))) static void row(FILE *out, const char *label,
                                                      const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct flow flow = flow_begin(out, LABEL, label);
    flow_words(&flow, text);
    flow_end(&flow);
}

static void write_host_files(const struct host *h, FILE *out)
{
    row(out, "kernel", "%s %s", h->kernel, h->machine);
    if (h->model[0])
        row(out, "processor", "%s", h->model);
    row(out, "virtualization of the processor", "%s%s",
        h->vmx   ? "VT-x"
        : h->svm ? "AMD-V"
                 : "none visible",
        h->hypervisor ? " (this host is a virtual machine)" : "");
    struct flow flow = flow_begin(out, LABEL, "modules");
    for (uint32_t i = 0; i < h->module_count; i++)
        flow_word(&flow, h->modules[i].name);
    if (!h->module_count)
        flow_words(&flow, "none visible");
    flow_end(&flow);
    if (h->container[0])
        row(out, "container", "%s", h->container);
}

static void write_host(const struct report *r, FILE *out)
{
    const struct host *h = &r->host;
    fprintf(out, "Host\n");
    if (h->kernel[0])
        write_host_files(h, out);
    row(out, r->device.path, "API version %d", r->device.api_version);
    if (r->caps.known) {
        int recommended = caps_get(&r->caps, "NR_VCPUS");
        int most = caps_get(&r->caps, "MAX_VCPUS"), ids = caps_get(&r->caps, "MAX_VCPU_ID");
        /* defaults when the capability is absent: API document 4.7 */
        recommended = recommended ? recommended : 4;
        most = most ? most : recommended;
        row(out, "vCPUs a machine", "%d recommended, %d at most, ids below %d", recommended, most,
            ids ? ids : most);
        int slots = caps_get(&r->caps, "NR_MEMSLOTS");
        row(out, "memory slots a machine", "%d", slots ? slots : 32);
    }
    if (r->vcpu_mmap_size > 0)
        row(out, "run page of a vCPU", "%d bytes", r->vcpu_mmap_size);
}

static void write_probe(const struct probe *p, FILE *out)
{
    if (!p->known)
        return;
    fprintf(out, "\nKernel-mode guest code\n");
    if (p->mode == PROBE_FAILED) {
        row(out, "measured", "does not run: %s", p->failure);
        return;
    }
    row(out, "measured",
        p->mode == PROBE_HARDWARE ? "run by hardware, %.0f million instructions a second"
                                  : "emulated, only %.1f million instructions a second",
        p->mips);
    if (p->exit_ns)
        row(out, "an exit to user space", "%.1f microseconds", p->exit_ns / 1000.0);
}

static void write_uses(const struct report *r, FILE *out)
{
    size_t count;
    const struct use_info *uses = uses_table(&count);
    fprintf(out, "\nGood for\n");
    for (size_t i = 0; i < count; i++) {
        const struct use_info *u = &uses[i];
        struct use_result result;
        uses_check(r, u, &result);
        struct flow flow = flow_begin(out, LABEL, u->title);
        if (result.status == USE_MISSING && !strcmp(u->id, "kernel-mode")) {
            flow_words(&flow, r->probe.known ? "no: it is emulated" : "not known");
        } else if (result.status == USE_MISSING) {
            flow_words(&flow, "no: missing");
            flow_words(&flow, result.needs);
        } else {
            flow_word(&flow, "ok");
            if (u->shows) {
                char value[32], text[64];
                const struct cap_info *info = caps_info((uint32_t)vkvm_cap_number(u->shows));
                caps_format_value(info ? info->format : CAP_NUMBER, caps_get(&r->caps, u->shows),
                                  value, sizeof(value));
                snprintf(text, sizeof(text), "(%s)", value);
                flow_words(&flow, text);
            }
            if (result.wants[0]) {
                flow_words(&flow, "without");
                flow_words(&flow, result.wants);
            }
        }
        flow_end(&flow);
    }
}

/* --- CPUID ------------------------------------------------------------------------------------ */

static void write_bits(FILE *out, const struct cpuid_bits *bits)
{
    char label[40], word[64];
    snprintf(label, sizeof(label), "%#x.%u %s", bits->function, bits->index,
             features_reg_name(bits->reg));
    struct flow flow = flow_begin(out, 22, label);
    if (!features_known(bits->function, bits->index, bits->reg)) {
        snprintf(word, sizeof(word), "0x%08x", bits->bits);
        flow_word(&flow, word);
    }
    for (uint32_t bit = 0; bit < 32; bit++)
        if (features_known(bits->function, bits->index, bits->reg) && bits->bits >> bit & 1) {
            features_name(bits->function, bits->index, bits->reg, bit, word, sizeof(word));
            flow_word(&flow, word);
        }
    flow_end(&flow);
}

static void write_bit_list(const char *title, const char *none, bool known,
                           size_t (*list)(const struct cpuid_report *, struct cpuid_bits *, size_t),
                           const struct cpuid_report *report, FILE *out)
{
    struct cpuid_bits bits[64];
    size_t count = list(report, bits, 64);
    fprintf(out, "\n%s\n", title);
    if (!known)
        fprintf(out, "  not known\n");
    else if (!count)
        fprintf(out, "  %s\n", none);
    for (size_t i = 0; i < count && i < 64; i++)
        write_bits(out, &bits[i]);
    if (count > 64)
        fprintf(out, "  and %zu registers more\n", count - 64);
}

static void write_cpuid_differences(const struct cpuid_report *c, FILE *out)
{
    write_bit_list("CPUID bits that cannot be hidden from a guest", "none: every mask holds",
                   c->masked != NULL, cpuid_unmaskable, c, out);
    write_bit_list("CPUID bits a guest sees although KVM does not list them as supported", "none",
                   c->effective != NULL, cpuid_added, c, out);
    write_bit_list("CPUID bits KVM lists as supported that a guest does not see", "none",
                   c->effective != NULL, cpuid_lost, c, out);
}

static void write_cpuid_table(const char *title, struct vkvm_cpuid *table, FILE *out)
{
    size_t count;
    fprintf(out, "\n%s\n", title);
    if (!table) {
        fprintf(out, "  not known\n");
        return;
    }
    const struct kvm_cpuid_entry2 *e = vkvm_cpuid_entries(table, &count);
    fprintf(out, "  leaf        sub         EAX         EBX         ECX         EDX\n");
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  0x%08x  %-10u  0x%08x  0x%08x  0x%08x  0x%08x\n", e[i].function, e[i].index,
                e[i].eax, e[i].ebx, e[i].ecx, e[i].edx);
}

static void write_features(const struct cpuid_report *c, FILE *out)
{
    struct vkvm_cpuid *table = c->effective ? c->effective : c->supported;
    size_t count;
    fprintf(out, "CPUID bits a guest sees\n");
    if (!table) {
        fprintf(out, "  not known\n");
        return;
    }
    const struct kvm_cpuid_entry2 *e = vkvm_cpuid_entries(table, &count);
    for (size_t i = 0; i < count; i++)
        for (uint32_t reg = 0; reg < 4; reg++)
            if (features_known(e[i].function, e[i].index, reg) && cpuid_reg(&e[i], reg))
                write_bits(out, &(struct cpuid_bits){ e[i].function, e[i].index, reg,
                                                      cpuid_reg(&e[i], reg) });
}

/* --- capabilities ----------------------------------------------------------------------------- */

static void write_groups(const struct report *r, FILE *out)
{
    uint32_t count;
    const struct cap_info *table = caps_table(&count);
    for (uint32_t group = 0; group < GROUP_OTHER; group++) {
        struct flow flow;
        int missing = 0, there = 0;
        fprintf(out, "\n%s\n", caps_group_title(group));
        flow = flow_begin(out, 12, "there");
        for (uint32_t i = 0; i < count; i++) {
            int value = caps_get(&r->caps, table[i].name);
            char text[96], number[32];
            if (table[i].group != group)
                continue;
            missing += value == 0;
            if (value == 0)
                continue;
            there++;
            caps_format_value(table[i].format, value, number, sizeof(number));
            snprintf(text, sizeof(text), "%s%s%s", table[i].name, table[i].format ? "=" : "",
                     table[i].format ? number : "");
            flow_word(&flow, text);
        }
        if (!there)
            flow_word(&flow, "-");
        flow_end(&flow);
        if (!missing)
            continue;
        flow = flow_begin(out, 12, "missing");
        for (uint32_t i = 0; i < count; i++)
            if (table[i].group == group && caps_get(&r->caps, table[i].name) == 0)
                flow_word(&flow, table[i].name);
        flow_end(&flow);
    }
}

static void write_cap(const struct report *r, uint32_t number, FILE *out)
{
    const struct cap_info *info = caps_info(number);
    const char *name = vkvm_cap_name(number);
    char system[32], vm[32], anonymous[32];
    snprintf(anonymous, sizeof(anonymous), "KVM_CAP_#%u", number);
    caps_format_value(info ? info->format : CAP_NUMBER, r->caps.system[number], system,
                      sizeof(system));
    caps_format_value(info ? info->format : CAP_NUMBER, r->caps.vm[number], vm, sizeof(vm));
    fprintf(out, "%4u  %-36s  %-10s  %-10s%s%s\n", number, name ? name : anonymous, system,
            r->caps.vm_known ? vm : "-", info ? "  " : "", info ? info->summary : "");
}

static void write_caps(const struct report *r, FILE *out)
{
    fprintf(out, "  nr  %-36s  %-10s  %-10s  what\n", "capability", "system", "machine");
    for (uint32_t i = 0; i < CAP_COUNT && r->caps.known; i++)
        if (vkvm_cap_name(i) || r->caps.system[i] || r->caps.vm[i])
            write_cap(r, i, out);
}

/* --- MSRs ------------------------------------------------------------------------------------- */

static void write_msrs(const struct msr_report *m, FILE *out)
{
    fprintf(out, "MSRs that say what the host can do\n");
    for (size_t i = 0; i < m->feature_count; i++) {
        const struct msr_value *v = &m->features[i];
        const char *name = msrs_name(v->index);
        fprintf(out, "  0x%08x  %-30s  ", v->index, name ? name : "");
        if (v->readable)
            fprintf(out, "0x%016llx\n", (unsigned long long)v->value);
        else
            fprintf(out, "not readable\n");
    }
    if (!m->features_known)
        fprintf(out, "  not known\n");
    fprintf(out, "\nMSRs a vCPU's state consists of\n");
    for (size_t i = 0; i < m->state_count; i++) {
        const char *name = msrs_name(m->state[i]);
        fprintf(out, "  0x%08x%s%s\n", m->state[i], name ? "  " : "", name ? name : "");
    }
    if (!m->state_known)
        fprintf(out, "  not known\n");
}

/* --- statistics ------------------------------------------------------------------------------- */

static void write_stats(const char *title, const struct vkvm_stats *stats, FILE *out)
{
    fprintf(out, "%s\n", title);
    if (!stats) {
        fprintf(out, "  not known\n");
        return;
    }
    for (size_t i = 0; i < vkvm_stats_count(stats); i++) {
        const struct vkvm_stat *s = vkvm_stats_get(stats, i);
        struct flow flow = flow_begin(out, LABEL, s->name);
        char word[40];
        for (uint32_t j = 0; j < s->count; j++) {
            /* buckets of a histogram count events, whatever the unit of the axis is */
            if (s->count == 1)
                snprintf(word, sizeof(word), "%.10g", vkvm_stat_scale(s, s->values[j]));
            else
                snprintf(word, sizeof(word), "%llu", (unsigned long long)s->values[j]);
            flow_word(&flow, word);
        }
        if (s->unit != VKVM_STAT_BOOLEAN && s->count == 1)
            flow_words(&flow, vkvm_stat_unit_name(s->unit));
        flow_end(&flow);
    }
}

/* --- a report --------------------------------------------------------------------------------- */

void text_write(const struct report *r, FILE *out)
{
    const char *between = "";
    if (r->sections & SECTION_SUMMARY) {
        write_host(r, out);
        write_probe(&r->probe, out);
        if (r->caps.known) {
            write_uses(r, out);
            write_groups(r, out);
        }
        write_cpuid_differences(&r->cpuid, out);
        between = "\n";
    }
    if (r->sections & SECTION_CAPS) {
        fputs(between, out);
        write_caps(r, out);
        between = "\n";
    }
    if (r->sections & SECTION_CPUID) {
        fputs(between, out);
        write_features(&r->cpuid, out);
        write_cpuid_table("Supported by KVM", r->cpuid.supported, out);
        write_cpuid_table("Seen by a guest", r->cpuid.effective, out);
        if (!(r->sections & SECTION_SUMMARY))
            write_cpuid_differences(&r->cpuid, out);
        between = "\n";
    }
    if (r->sections & SECTION_MSRS) {
        fputs(between, out);
        write_msrs(&r->msrs, out);
        between = "\n";
    }
    if (r->sections & SECTION_STATS) {
        fputs(between, out);
        write_stats("Statistics of a machine", r->stats.vm, out);
        fputc('\n', out);
        write_stats("Statistics of a vCPU", r->stats.vcpu, out);
    }
}

void text_write_failure(const struct device *device, FILE *out)
{
    fprintf(out, "vkvm-info: %s\n", device->message);
    for (uint32_t i = 0; i < device->cure_count; i++)
        fprintf(out, "  - %s\n", device->cures[i]);
}
