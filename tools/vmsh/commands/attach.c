/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands that make the documents of devices themselves, or find them: disks, interfaces, media.
 */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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
const struct opt detach_disk_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "target", .type = OPT_DATA, .help = "target of disk device" },
    { .name = "persistent", .type = OPT_BOOL, .help = "make live change persistent" },
    OPT_AFFECT,
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print XML document rather than detach the disk" },
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
const struct opt detach_interface_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "type", .type = OPT_DATA, .help = "network interface type" },
    { .name = "mac", .type = OPT_STRING, .help = "MAC address" },
    { .name = "persistent", .type = OPT_BOOL, .help = "make live change persistent" },
    OPT_AFFECT,
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print XML document rather than detach the interface" },
    OPT_END,
};
const struct opt change_media_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "path", .type = OPT_DATA, .help = "Fully-qualified path or target of disk device" },
    { .name = "source", .type = OPT_STRING, .help = "source of the media" },
    { .name = "eject", .type = OPT_BOOL, .help = "Eject the media" },
    { .name = "insert", .type = OPT_BOOL, .help = "Insert the media" },
    { .name = "update", .type = OPT_BOOL, .help = "Update the media" },
    { .name = "current",
      .type = OPT_BOOL,
      .help = "can be either or both of --live and --config, depends on implementation hypervisor "
              "driver" },
    { .name = "live", .type = OPT_BOOL, .help = "alter live configuration of running domain" },
    { .name = "config",
      .type = OPT_BOOL,
      .help = "alter persistent configuration, effect observed on next boot" },
    { .name = "force", .type = OPT_BOOL, .help = "force media changing" },
    { .name = "print-xml",
      .type = OPT_BOOL,
      .help = "print XML document rather than change media" },
    { .name = "block", .type = OPT_BOOL, .help = "source media is a block device" },
    OPT_END,
};

char *device_attr(xmlNode *node, const char *child, const char *attr)
{
    xmlNode *found = NULL;
    for (xmlNode *c = node->children; c && !found; c = c->next)
        if (c->type == XML_ELEMENT_NODE && !strcmp((const char *)c->name, child))
            found = c;
    return found ? (char *)xmlGetProp(found, BAD_CAST attr) : NULL;
}

xmlDoc *device_definition(struct shell *sh, struct vmgr_domain *domain, uint32_t flags)
{
    char *xml = NULL;
    if (vmgr_domain_get_xml(domain,
                            flags & VMGR_DOMAIN_AFFECT_CONFIG ? VMGR_DOMAIN_XML_INACTIVE : 0, &xml,
                            shell_err(sh)) < 0)
        return NULL;
    xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
    free(xml);
    return doc;
}

xmlNode *device_next(xmlDoc *doc, xmlNode *after, const char *name)
{
    xmlNode *n = after ? after->next : NULL;
    if (!after) {
        for (n = xmlDocGetRootElement(doc)->children; n; n = n->next)
            if (n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, "devices"))
                break;
        n = n ? n->children : NULL;
    }
    for (; n; n = n->next)
        if (n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, name))
            return n;
    return NULL;
}

static char *node_text(xmlDoc *doc, xmlNode *node)
{
    xmlBuffer *buf = xmlBufferCreate();
    xmlNodeDump(buf, doc, node, 0, 0);
    char *text = must_strdup((const char *)xmlBufferContent(buf));
    xmlBufferFree(buf);
    return text;
}

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

/* Runs it, or prints its document. xml is freed. */
static bool finish(struct shell *sh, const struct args *args, char *xml, device_fn run,
                   uint32_t flags, const char *failed, const char *done)
{
    struct vmgr_domain *domain = NULL;
    bool ok = true;
    if (args_bool(args, "print-xml")) {
        printf("%s", xml);
    } else {
        domain = args_domain(sh, args);
        if (domain && !args_affect(sh, args, domain, &flags))
            ok = false;
        ok = ok && domain && run(domain, xml, flags, shell_err(sh)) == 0;
        if (ok)
            shell_extra(sh, "%s\n", done);
        else if (domain)
            shell_error(sh, "%s", failed);
    }
    vmgr_domain_unref(domain);
    free(xml);
    return ok;
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
        return finish(sh, args, xml, vmgr_domain_attach_device, flags, "Failed to attach disk",
                      "Disk attached successfully");
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
        return finish(sh, args, xml, vmgr_domain_attach_device, flags, "Failed to attach interface",
                      "Interface attached successfully");
    free(xml);
    return false;
}

/* --- detach-disk, detach-interface ------------------------------------------------------------ */

static xmlNode *find_disk(xmlDoc *doc, const char *path)
{
    static const char *const attrs[] = { "file", "dev", "dir", "name" };
    for (xmlNode *n = device_next(doc, NULL, "disk"); n; n = device_next(doc, n, "disk")) {
        char *target = device_attr(n, "target", "dev");
        bool found = target && !strcmp(target, path);
        xmlFree(target);
        for (size_t i = 0; !found && i < 4; i++) {
            char *source = device_attr(n, "source", attrs[i]);
            found = source && !strcmp(source, path);
            xmlFree(source);
        }
        if (found)
            return n;
    }
    return NULL;
}

/* The flags, and the definition they mean; NULL: the error was printed. */
static xmlDoc *begin(struct shell *sh, const struct args *args, uint32_t *flags)
{
    struct vmgr_domain *domain;
    if (!args_affect(sh, args, NULL, flags) || !(domain = args_domain(sh, args)))
        return NULL;
    args_affect(sh, args, domain, flags);
    xmlDoc *doc = device_definition(sh, domain, *flags & VMGR_DOMAIN_AFFECT_LIVE ? 0 : *flags);
    vmgr_domain_unref(domain);
    return doc;
}

bool cmd_detach_disk(struct shell *sh, const struct args *args)
{
    uint32_t flags;
    xmlDoc *doc = begin(sh, args, &flags);
    if (!doc)
        return false;
    xmlNode *node = find_disk(doc, args_string(args, "target"));
    bool ok = false;
    if (node)
        ok = finish(sh, args, node_text(doc, node), vmgr_domain_detach_device, flags,
                    "Failed to detach disk", "Disk detached successfully");
    else
        shell_error(sh, "No disk found whose source path or target is %s",
                    args_string(args, "target"));
    xmlFreeDoc(doc);
    return ok;
}

/* The one interface of a type, and with this MAC address if there is one given. */
static xmlNode *find_interface(struct shell *sh, const struct args *args, xmlDoc *doc)
{
    const char *type = args_string(args, "type"), *mac = args_string(args, "mac");
    xmlNode *found = NULL;
    int of_type = 0, matches = 0;
    for (xmlNode *n = device_next(doc, NULL, "interface"); n;
         n = device_next(doc, n, "interface")) {
        char *is = (char *)xmlGetProp(n, BAD_CAST "type");
        char *has = device_attr(n, "mac", "address");
        bool right = is && !strcmp(is, type);
        of_type += right;
        if (right && (!mac || (has && !strcasecmp(has, mac)))) {
            matches++;
            found = n;
        }
        xmlFree(has);
        xmlFree(is);
    }
    if (matches == 1)
        return found;
    if (!of_type)
        shell_error(sh, "No interface found whose type is %s", type);
    else if (!mac)
        shell_error(sh, "Domain has %d interfaces. Please specify which one to detach using --mac",
                    of_type);
    else if (!matches)
        shell_error(sh, "No interface with MAC address %s was found", mac);
    else
        shell_error(sh,
                    "Domain has multiple interfaces matching MAC address %s. You must use "
                    "detach-device and specify the device pci address to remove it.",
                    mac);
    return NULL;
}

bool cmd_detach_interface(struct shell *sh, const struct args *args)
{
    uint32_t flags;
    xmlDoc *doc = begin(sh, args, &flags);
    if (!doc)
        return false;
    xmlNode *node = find_interface(sh, args, doc);
    bool ok = false;
    if (node)
        ok = finish(sh, args, node_text(doc, node), vmgr_domain_detach_device, flags,
                    "Failed to detach interface", "Interface detached successfully");
    else if (!args_bool(args, "print-xml"))
        shell_error(sh, "Failed to detach interface");
    xmlFreeDoc(doc);
    return ok;
}

/* --- change-media --------------------------------------------------------------------------- */

static xmlNode *find_drive(xmlDoc *doc, const char *path)
{
    xmlNode *n = find_disk(doc, path);
    char *device = n ? (char *)xmlGetProp(n, BAD_CAST "device") : NULL;
    bool ok = device && (!strcmp(device, "cdrom") || !strcmp(device, "floppy"));
    xmlFree(device);
    return ok ? n : NULL;
}

/* Puts another source, or none, into the place of the one that is there. */
static void set_medium(xmlDoc *doc, xmlNode *disk, const char *source, bool block)
{
    xmlNode *old = NULL, *target = NULL;
    for (xmlNode *c = disk->children; c; c = c->next) {
        if (c->type == XML_ELEMENT_NODE && !strcmp((const char *)c->name, "source"))
            old = c;
        if (c->type == XML_ELEMENT_NODE && !strcmp((const char *)c->name, "target"))
            target = c;
    }
    if (old) {
        xmlUnlinkNode(old);
        xmlFreeNode(old);
    }
    if (!source)
        return;
    xmlNode *fresh = xmlNewDocNode(doc, NULL, BAD_CAST "source", NULL);
    xmlNewProp(fresh, BAD_CAST(block ? "dev" : "file"), BAD_CAST source);
    xmlSetProp(disk, BAD_CAST "type", BAD_CAST(block ? "block" : "file"));
    if (target) {
        xmlAddPrevSibling(target, fresh);
        xmlAddPrevSibling(target, xmlNewDocText(doc, BAD_CAST "\n      "));
    } else {
        xmlAddChild(disk, fresh);
    }
}

static bool check_medium(struct shell *sh, const struct args *args, xmlNode *disk,
                         const char *action)
{
    const char *path = args_string(args, "path"), *source = args_string(args, "source");
    char *file = device_attr(disk, "source", "file"), *dev = device_attr(disk, "source", "dev");
    bool has = file || dev;
    xmlFree(file);
    xmlFree(dev);
    if (!strcmp(action, "eject") && !has)
        shell_error(sh, "The disk device '%s' doesn't have media", path);
    else if (!strcmp(action, "insert") && has)
        shell_error(sh, "The disk device '%s' already has media", path);
    else if (strcmp(action, "eject") && !source)
        shell_error(sh, "New disk media source was not specified");
    else
        return true;
    return false;
}

bool cmd_change_media(struct shell *sh, const struct args *args)
{
    bool eject = args_bool(args, "eject"), insert = args_bool(args, "insert");
    const char *source = args_string(args, "source"), *path = args_string(args, "path");
    const char *action = eject ? "eject" : insert ? "insert" : "update";
    uint32_t flags;
    if (!args_exclusive(sh, args, "eject", "insert") ||
        !args_exclusive(sh, args, "eject", "update") ||
        !args_exclusive(sh, args, "insert", "update") ||
        !args_exclusive(sh, args, "eject", "block"))
        return false;
    xmlDoc *doc = begin(sh, args, &flags);
    if (!doc)
        return false;
    xmlNode *disk = find_drive(doc, path);
    bool ok = disk && check_medium(sh, args, disk, action);
    if (!disk)
        shell_error(sh, "No disk found whose source path or target is %s", path);
    if (ok) {
        char failed[64], done[64];
        set_medium(doc, disk, eject ? NULL : source, args_bool(args, "block"));
        snprintf(failed, sizeof(failed), "Failed to complete action %s on media", action);
        snprintf(done, sizeof(done), "Successfully %s media.",
                 eject    ? "ejected"
                 : insert ? "inserted"
                          : "updated");
        if (args_bool(args, "force"))
            flags |= VMGR_DOMAIN_DEVICE_MODIFY_FORCE;
        ok = finish(sh, args, node_text(doc, disk), vmgr_domain_update_device, flags, failed, done);
    }
    xmlFreeDoc(doc);
    return ok;
}
