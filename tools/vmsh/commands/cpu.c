/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about CPU models and what domains can have.
 */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"

#define TEXT(name_, help_)                                                                         \
    {                                                                                              \
        .name = name_, .type = OPT_STRING, .help = help_                                           \
    }

/* Options of those that ask for an emulator. */
static struct vmgr_hypervisor hypervisor_of(const struct args *args, const char *emulator)
{
    struct vmgr_hypervisor hv = VMGR_HYPERVISOR_INIT;
    hv.emulator = args_string(args, emulator);
    hv.arch = args_string(args, "arch");
    hv.machine = args_string(args, "machine");
    hv.virt_type = args_string(args, "virttype");
    return hv;
}

const struct opt domcapabilities_opts[] = {
    TEXT("virttype", "virtualization type (/domain/@type)"),
    TEXT("emulatorbin", "path to emulator binary (/domain/devices/emulator)"),
    TEXT("arch", "domain architecture (/domain/os/type/@arch)"),
    TEXT("machine", "machine type (/domain/os/type/@machine)"),
    OPT_END,
};

bool cmd_domcapabilities(struct shell *sh, const struct args *args)
{
    const struct vmgr_hypervisor hv = hypervisor_of(args, "emulatorbin");
    char *xml = NULL;
    if (vmgr_conn_get_domain_capabilities(sh->conn, &hv, 0, &xml, shell_err(sh)) < 0) {
        shell_error(sh, "failed to get emulator capabilities");
        return false;
    }
    printf("%s\n", xml);
    free(xml);
    return true;
}

const struct opt cpu_models_opts[] = {
    { .name = "arch", .type = OPT_DATA, .help = "architecture" },
    OPT_END,
};

bool cmd_cpu_models(struct shell *sh, const struct args *args)
{
    char **names = NULL;
    int count = vmgr_conn_get_cpu_model_names(sh->conn, args_string(args, "arch"), 0, &names,
                                              shell_err(sh));
    if (count < 0) {
        shell_error(sh, "failed to get CPU model names");
        return false;
    }
    if (!count)
        printf("all CPU models are accepted\n");
    for (int i = 0; i < count; i++)
        printf("%s\n", names[i]);
    vmgr_strings_free(names);
    return true;
}

/* --- documents about CPUs --------------------------------------------------------------------- */

/* What a file has of them: <cpu> alone, of definitions, of capabilities of hosts and of domains. */
static const char cpu_places[] =
    "//container/cpu|//container/domain/cpu|//container/capabilities/host/cpu|"
    "//container/domainCapabilities/cpu/mode[@name='host-model' and @supported='yes']";

static char *node_text(xmlDoc *doc, xmlNode *node)
{
    xmlBuffer *buffer = xmlBufferCreate();
    /* Of domain capabilities: a mode that says what a <cpu> would. */
    if (!xmlStrcmp(node->name, (const xmlChar *)"mode")) {
        xmlNodeSetName(node, (const xmlChar *)"cpu");
        while (node->properties)
            xmlRemoveProp(node->properties);
    }
    char *text = NULL;
    if (buffer && xmlNodeDump(buffer, doc, node, 0, 0) >= 0)
        text = must_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

/* Several documents may stand in a file: without their declarations they are one. */
static xmlDoc *parse_container(const char *text)
{
    char *all = must_printf("<container>%s</container>", text);
    for (char *p = all; (p = strstr(p, "<?xml"));) {
        char *end = strstr(p, "?>");
        if (!end)
            break;
        memset(p, ' ', (size_t)(end + 2 - p));
    }
    xmlDoc *doc = xmlReadMemory(all, (int)strlen(all), "cpu", NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    free(all);
    return doc;
}

/* NULL-terminated, for vmgr_strings_free(); NULL: the error was printed. */
static char **cpus_of_file(struct shell *sh, const char *path, uint32_t *ret_count)
{
    char *text = file_read(sh, path);
    char **list = NULL;
    *ret_count = 0;
    if (!text)
        return NULL;
    xmlDoc *doc = parse_container(text);
    xmlXPathContext *context = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObject *found =
        context ? xmlXPathEvalExpression((const xmlChar *)cpu_places, context) : NULL;
    int count = found && found->nodesetval ? found->nodesetval->nodeNr : 0;
    if (count) {
        list = must_alloc(((size_t)count + 1) * sizeof(*list));
        memset(list, 0, ((size_t)count + 1) * sizeof(*list));
    } else if (!doc) {
        shell_error(sh, "Failed to parse XML fragment '%s'", path);
    } else {
        shell_error(sh,
                    "File '%s' does not contain any <cpu> element or valid domain XML, host "
                    "capabilities XML, or domain capabilities XML",
                    path);
    }
    for (int i = 0; i < count; i++) {
        char *cpu = node_text(doc, found->nodesetval->nodeTab[i]);
        if (cpu)
            list[(*ret_count)++] = cpu;
    }
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    xmlFreeDoc(doc);
    free(text);
    return list;
}

#define FEATURES   FLAG("features", "Show features that are part of the CPU model type")
#define MIGRATABLE FLAG("migratable", "Do not include features that block migration")

static uint32_t baseline_flags(const struct args *args)
{
    return (args_bool(args, "features") ? VMGR_CPU_BASELINE_EXPAND_FEATURES : 0) |
           (args_bool(args, "migratable") ? VMGR_CPU_BASELINE_MIGRATABLE : 0);
}

static bool print_cpu(char *xml, bool ok)
{
    if (ok)
        printf("%s", xml);
    free(xml);
    return ok;
}

const struct opt cpu_baseline_opts[] = {
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing XML CPU descriptions",
      .completer = COMPLETE_FILE },
    FEATURES,
    MIGRATABLE,
    OPT_END,
};

bool cmd_cpu_baseline(struct shell *sh, const struct args *args)
{
    uint32_t count;
    char *xml = NULL, **list = cpus_of_file(sh, args_string(args, "file"), &count);
    bool ok = list && vmgr_conn_baseline_cpu(sh->conn, (const char *const *)list, count,
                                             baseline_flags(args), &xml, shell_err(sh)) >= 0;
    vmgr_strings_free(list);
    return print_cpu(xml, ok);
}

const struct opt hypervisor_cpu_baseline_opts[] = {
    { .name = "file",
      .type = OPT_STRING,
      .help = "file containing XML CPU descriptions",
      .completer = COMPLETE_FILE },
    TEXT("virttype", "virtualization type (/domain/@type)"),
    TEXT("emulator", "path to emulator binary (/domain/devices/emulator)"),
    TEXT("arch", "CPU architecture (/domain/os/type/@arch)"),
    TEXT("machine", "machine type (/domain/os/type/@machine)"),
    FEATURES,
    MIGRATABLE,
    TEXT("model", "Shortcut for calling the command with a single CPU model and no additional "
                  "features"),
    OPT_END,
};

bool cmd_hypervisor_cpu_baseline(struct shell *sh, const struct args *args)
{
    const struct vmgr_hypervisor hv = hypervisor_of(args, "emulator");
    const char *model = args_string(args, "model"), *path = args_string(args, "file");
    char *xml = NULL, **list;
    uint32_t count = 1;
    if (!args_exclusive(sh, args, "file", "model"))
        return false;
    if (!model && !path) {
        shell_error(sh, "Either --file or --model must be provided");
        return false;
    }
    if (model) {
        list = must_alloc(2 * sizeof(*list));
        list[0] = must_printf("<cpu><model>%s</model></cpu>", model);
        list[1] = NULL;
    } else {
        list = cpus_of_file(sh, path, &count);
    }
    bool ok =
        list && vmgr_conn_baseline_hypervisor_cpu(sh->conn, &hv, (const char *const *)list, count,
                                                  baseline_flags(args), &xml, shell_err(sh)) >= 0;
    vmgr_strings_free(list);
    return print_cpu(xml, ok);
}

/* --- comparing ------------------------------------------------------------------------------ */

#define COMPARE_FILE                                                                               \
    {                                                                                              \
        .name = "file", .type = OPT_DATA, .help = "file containing an XML CPU description",        \
        .completer = COMPLETE_FILE                                                                 \
    }
#define ERROR    FLAG("error", "report error if CPUs are incompatible")
#define VALIDATE FLAG("validate", "validate the XML document against schema")

const struct opt cpu_compare_opts[] = { COMPARE_FILE, ERROR, VALIDATE, OPT_END };
const struct opt hypervisor_cpu_compare_opts[] = {
    COMPARE_FILE,
    TEXT("virttype", "virtualization type (/domain/@type)"),
    TEXT("emulator", "path to emulator binary (/domain/devices/emulator)"),
    TEXT("arch", "CPU architecture (/domain/os/type/@arch)"),
    TEXT("machine", "machine type (/domain/os/type/@machine)"),
    ERROR,
    VALIDATE,
    OPT_END,
};

#define COMPARE_VALIDATE (1u << 1) /* of the protocol: for daemons that can */

static uint32_t compare_flags(const struct args *args)
{
    return (args_bool(args, "error") ? VMGR_CPU_COMPARE_FAIL_INCOMPATIBLE : 0) |
           (args_bool(args, "validate") ? COMPARE_VALIDATE : 0);
}

/* The file's first CPU, for free(). */
static char *first_cpu(struct shell *sh, const char *path)
{
    uint32_t count;
    char **list = cpus_of_file(sh, path, &count);
    char *cpu = list && count ? must_strdup(list[0]) : NULL;
    vmgr_strings_free(list);
    return cpu;
}

bool cmd_cpu_compare(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    char *xml = first_cpu(sh, path);
    if (!xml)
        return false;
    int r = vmgr_conn_compare_cpu(sh->conn, xml, compare_flags(args), shell_err(sh));
    free(xml);
    switch (r) {
    case VMGR_CPU_COMPARE_INCOMPATIBLE:
        printf("CPU described in %s is incompatible with host CPU\n", path);
        return false;
    case VMGR_CPU_COMPARE_IDENTICAL:
        printf("CPU described in %s is identical to host CPU\n", path);
        return true;
    case VMGR_CPU_COMPARE_SUPERSET:
        printf("Host CPU is a superset of CPU described in %s\n", path);
        return true;
    default: shell_error(sh, "Failed to compare host CPU with %s", path); return false;
    }
}

bool cmd_hypervisor_cpu_compare(struct shell *sh, const struct args *args)
{
    const struct vmgr_hypervisor hv = hypervisor_of(args, "emulator");
    const char *path = args_string(args, "file");
    char *xml = first_cpu(sh, path);
    if (!xml)
        return false;
    int r =
        vmgr_conn_compare_hypervisor_cpu(sh->conn, &hv, xml, compare_flags(args), shell_err(sh));
    free(xml);
    switch (r) {
    case VMGR_CPU_COMPARE_INCOMPATIBLE:
        printf("CPU described in %s is incompatible with the CPU provided by hypervisor on the "
               "host\n",
               path);
        return false;
    case VMGR_CPU_COMPARE_IDENTICAL:
        printf("CPU described in %s is identical to the CPU provided by hypervisor on the host\n",
               path);
        return true;
    case VMGR_CPU_COMPARE_SUPERSET:
        printf("The CPU provided by hypervisor on the host is a superset of CPU described in %s\n",
               path);
        return true;
    default: shell_error(sh, "Failed to compare hypervisor CPU with %s", path); return false;
    }
}
