/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attach-disk, attach-interface: commands that make the documents of devices themselves.
 */
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../text/device.h"

const struct opt attach_disk_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "source",
      .type = OPT_DATA,
      .may_empty = true,
      .help = "source of disk device or name of network disk" },
    { .name = "target", .type = OPT_DATA, .help = "target of disk device" },
    { .name = "targetbus", .type = OPT_STRING, .help = "target bus of disk device" },
    { .name = "driver", .type = OPT_STRING, .help = "driver of disk device" },
    { .name = "subdriver", .type = OPT_STRING, .help = "subdriver of disk device" },
    { .name = "iothread", .type = OPT_STRING, .help = "IOThread to be used by supported device" },
    { .name = "cache", .type = OPT_STRING, .help = "cache mode of disk device" },
    { .name = "io", .type = OPT_STRING, .help = "io policy of disk device" },
    { .name = "type", .type = OPT_STRING, .help = "target device type" },
    { .name = "mode", .type = OPT_STRING, .help = "mode of device reading and writing" },
    { .name = "sourcetype", .type = OPT_STRING, .help = "type of source (block|file|network)" },
    { .name = "serial", .type = OPT_STRING, .help = "serial of disk device" },
    { .name = "wwn", .type = OPT_STRING, .help = "wwn of disk device" },
    { .name = "alias", .type = OPT_STRING, .help = "custom alias name of disk device" },
    { .name = "rawio", .type = OPT_BOOL, .help = "needs rawio capability" },
    { .name = "address", .type = OPT_STRING, .help = "address of disk device" },
    { .name = "multifunction",
      .type = OPT_BOOL,
      .help = "use multifunction pci under specified address" },
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print XML document rather than attach the disk" },
    { .name = "source-protocol",
      .type = OPT_STRING,
      .help = "protocol used by disk device source" },
    { .name = "source-host-name",
      .type = OPT_STRING,
      .help = "host name for source of disk device" },
    { .name = "source-host-transport",
      .type = OPT_STRING,
      .help = "host transport for source of disk device" },
    { .name = "source-host-socket",
      .type = OPT_STRING,
      .help = "host socket for source of disk device" },
    { .name = "persistent", .type = OPT_BOOL, .help = "make live change persistent" },
    OPT_AFFECT,
    OPT_END,
};
const struct opt attach_interface_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "type", .type = OPT_DATA, .help = "network interface type" },
    { .name = "source", .type = OPT_DATA, .help = "source of network interface" },
    { .name = "target", .type = OPT_STRING, .help = "target network name" },
    { .name = "mac", .type = OPT_STRING, .help = "MAC address" },
    { .name = "script", .type = OPT_STRING, .help = "script used to bridge network interface" },
    { .name = "model", .type = OPT_STRING, .help = "model type" },
    { .name = "alias", .type = OPT_STRING, .help = "custom alias name of interface device" },
    { .name = "inbound", .type = OPT_STRING, .help = "control domain's incoming traffics" },
    { .name = "outbound", .type = OPT_STRING, .help = "control domain's outgoing traffics" },
    { .name = "persistent", .type = OPT_BOOL, .help = "make live change persistent" },
    OPT_AFFECT,
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print XML document rather than attach the interface" },
    { .name = "managed",
      .type = OPT_BOOL,
      .help = "libvirt will automatically detach/attach the device from/to host" },
    { .name = "source-mode", .type = OPT_STRING, .help = "mode attribute of <source/> element" },
    OPT_END,
};

static void put(FILE *f, const char *name, const char *value)
{
    xmlChar *safe = xmlEncodeSpecialChars(NULL, BAD_CAST value);
    fprintf(f, " %s='", name);
    for (const char *c = (const char *)safe; *c; c++)
        if (*c == '\'')
            fputs("&apos;", f);
        else
            fputc(*c, f);
    fputc('\'', f);
    xmlFree(safe);
}

static void put_opt(FILE *f, const struct args *args, const char *option, const char *name)
{
    if (args_string(args, option))
        put(f, name, args_string(args, option));
}

static void put_element(FILE *f, const struct args *args, const char *option, const char *element,
                        const char *attr)
{
    if (!args_string(args, option))
        return;
    fprintf(f, "  <%s", element);
    put(f, attr, args_string(args, option));
    fprintf(f, "/>\n");
}

/* --- attach-disk ---------------------------------------------------------------------------- */

/* "pci:0000.01.02.3", "scsi:0.0.1", "sata:0.0.1", "ide:0.0.1", "usb:1.2", "ccw:fe.0.1" */
static bool put_address(struct shell *sh, const struct args *args, FILE *f, const char *text)
{
    unsigned a, b, c, d;
    char rest;
    if (sscanf(text, "pci:%x.%x.%x.%x%c", &a, &b, &c, &d, &rest) == 4)
        fprintf(f,
                "  <address type='pci' domain='0x%04x' bus='0x%02x' slot='0x%02x' "
                "function='0x%0x'%s/>\n",
                a, b, c, d, args_bool(args, "multifunction") ? " multifunction='on'" : "");
    else if (sscanf(text, "scsi:%u.%u.%u%c", &a, &b, &c, &rest) == 3 ||
             sscanf(text, "ide:%u.%u.%u%c", &a, &b, &c, &rest) == 3 ||
             sscanf(text, "sata:%u.%u.%u%c", &a, &b, &c, &rest) == 3)
        fprintf(f, "  <address type='drive' controller='%u' bus='%u' unit='%u'/>\n", a, b, c);
    else if (sscanf(text, "usb:%u.%u%c", &a, &b, &rest) == 2)
        fprintf(f, "  <address type='usb' bus='%u' port='%u'/>\n", a, b);
    else {
        shell_error(sh, "Invalid address.");
        return false;
    }
    return true;
}

static const char *source_type(const struct args *args)
{
    const char *type = args_string(args, "sourcetype"), *source = args_string(args, "source");
    struct stat st;
    if (type)
        return type;
    if (args_string(args, "source-protocol"))
        return "network";
    return source && !stat(source, &st) && S_ISBLK(st.st_mode) ? "block" : "file";
}

static void put_source(FILE *f, const struct args *args, const char *type)
{
    const char *source = args_string(args, "source"), *host = args_string(args, "source-host-name");
    if (source && !*source)
        source = NULL;
    if (strcmp(type, "network")) {
        if (source) {
            fprintf(f, "  <source");
            put(f, !strcmp(type, "block") ? "dev" : "file", source);
            fprintf(f, "/>\n");
        }
        return;
    }
    fprintf(f, "  <source");
    put_opt(f, args, "source-protocol", "protocol");
    if (source)
        put(f, "name", source);
    if (!host && !args_string(args, "source-host-transport") &&
        !args_string(args, "source-host-socket")) {
        fprintf(f, "/>\n");
        return;
    }
    fprintf(f, ">\n    <host");
    put_opt(f, args, "source-host-transport", "transport");
    put_opt(f, args, "source-host-socket", "socket");
    if (host) {
        const char *port = strrchr(host, ':');
        char *name = must_strdup(host);
        if (port)
            name[port - host] = '\0';
        put(f, "name", name);
        if (port)
            put(f, "port", port + 1);
        free(name);
    }
    fprintf(f, "/>\n  </source>\n");
}

static void put_driver(FILE *f, const struct args *args)
{
    static const char *const rows[][2] = { { "driver", "name" },
                                           { "subdriver", "type" },
                                           { "iothread", "iothread" },
                                           { "cache", "cache" },
                                           { "io", "io" } };
    bool any = false;
    for (size_t i = 0; i < 5; i++)
        any = any || args_string(args, rows[i][0]);
    if (!any)
        return;
    fprintf(f, "  <driver");
    for (size_t i = 0; i < 5; i++)
        put_opt(f, args, rows[i][0], rows[i][1]);
    fprintf(f, "/>\n");
}

static void put_text(FILE *f, const struct args *args, const char *name)
{
    if (args_string(args, name)) {
        xmlChar *safe = xmlEncodeSpecialChars(NULL, BAD_CAST args_string(args, name));
        fprintf(f, "  <%s>%s</%s>\n", name, (const char *)safe, name);
        xmlFree(safe);
    }
}

bool cmd_attach_disk(struct shell *sh, const struct args *args)
{
    const char *type = source_type(args), *mode = args_string(args, "mode");
    const char *address = args_string(args, "address");
    char *xml = NULL;
    size_t size;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags))
        return false;
    if (strcmp(type, "file") && strcmp(type, "block") && strcmp(type, "network")) {
        shell_error(sh, "Unknown source type: '%s'", type);
        return false;
    }
    if (mode && strcmp(mode, "readonly") && strcmp(mode, "shareable")) {
        shell_error(sh, "No support for %s in command 'attach-disk'", mode);
        return false;
    }
    FILE *f = open_memstream(&xml, &size);
    if (!f)
        abort();
    fprintf(f, "<disk");
    put(f, "type", type);
    put_opt(f, args, "type", "device");
    if (args_bool(args, "rawio"))
        put(f, "rawio", "yes");
    fprintf(f, ">\n");
    put_driver(f, args);
    put_source(f, args, type);
    fprintf(f, "  <target");
    put_opt(f, args, "target", "dev");
    put_opt(f, args, "targetbus", "bus");
    fprintf(f, "/>\n");
    if (mode)
        fprintf(f, "  <%s/>\n", mode);
    put_text(f, args, "serial");
    put_element(f, args, "alias", "alias", "name");
    put_text(f, args, "wwn");
    bool ok = !address || put_address(sh, args, f, address);
    fprintf(f, "</disk>\n");
    fclose(f);
    if (ok)
        return device_finish(sh, args, xml, vmgr_domain_attach_device, flags,
                             "Failed to attach disk", "Disk attached successfully");
    free(xml);
    return false;
}

/* --- attach-interface ----------------------------------------------------------------------- */

/* "average,peak,burst,floor" */
static bool put_rate(struct shell *sh, FILE *f, const char *name, const char *text)
{
    static const char *const fields[] = { "average", "peak", "burst", "floor" };
    if (!text)
        return true;
    fprintf(f, "    <%s", name);
    for (size_t i = 0; i < 4 && *text; i++) {
        size_t n = strcspn(text, ",");
        if (n != strspn(text, "0123456789") || (!n && i == 0)) {
            shell_error(sh, "field '%s' is malformed", fields[i]);
            return false;
        }
        if (n)
            fprintf(f, " %s='%.*s'", fields[i], (int)n, text);
        text += n;
        text += *text == ',';
    }
    fprintf(f, "/>\n");
    return true;
}

static bool put_interface(struct shell *sh, const struct args *args, FILE *f, const char *attr)
{
    const char *in = args_string(args, "inbound"), *out = args_string(args, "outbound");
    fprintf(f, "<interface");
    put_opt(f, args, "type", "type");
    if (args_bool(args, "managed"))
        put(f, "managed", "yes");
    fprintf(f, ">\n");
    if (attr) {
        fprintf(f, "  <source");
        put(f, attr, args_string(args, "source"));
        put_opt(f, args, "source-mode", "mode");
        fprintf(f, "/>\n");
    }
    put_element(f, args, "target", "target", "dev");
    put_element(f, args, "mac", "mac", "address");
    put_element(f, args, "script", "script", "path");
    put_element(f, args, "model", "model", "type");
    put_element(f, args, "alias", "alias", "name");
    bool ok = true;
    if (in || out) {
        fprintf(f, "  <bandwidth>\n");
        ok = put_rate(sh, f, "inbound", in) && put_rate(sh, f, "outbound", out);
        fprintf(f, "  </bandwidth>\n");
    }
    fprintf(f, "</interface>\n");
    return ok;
}

bool cmd_attach_interface(struct shell *sh, const struct args *args)
{
    const char *type = args_string(args, "type");
    const char *attr = !strcmp(type, "network")  ? "network"
                       : !strcmp(type, "bridge") ? "bridge"
                       : !strcmp(type, "direct") ? "dev"
                                                 : NULL;
    char *xml = NULL;
    size_t size;
    uint32_t flags;
    if (!args_affect(sh, args, NULL, &flags))
        return false;
    /* virsh has no words for a user-mode network: here it is one more type. */
    if (!attr && strcmp(type, "user")) {
        shell_error(sh, "No support for %s in command 'attach-interface'", type);
        return false;
    }
    FILE *f = open_memstream(&xml, &size);
    if (!f)
        abort();
    bool ok = put_interface(sh, args, f, attr);
    fclose(f);
    if (ok)
        return device_finish(sh, args, xml, vmgr_domain_attach_device, flags,
                             "Failed to attach interface", "Interface attached successfully");
    free(xml);
    return false;
}
