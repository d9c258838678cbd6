/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the displays and the console of a domain are: domdisplay, vncdisplay, ttyconsole.
 *
 * All of it is in the domain's definition.
 */
#include <arpa/inet.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/device.h"

#define VNC_PORT 5900

const struct opt domdisplay_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    { .name = "include-password",
      .type = OPT_BOOL,
      .help = "includes the password into the connection URI if available" },
    { .name = "type",
      .type = OPT_STRING,
      .help = "select particular graphical display (e.g. \"vnc\", \"spice\", \"rdp\", \"dbus\")" },
    { .name = "all", .type = OPT_BOOL, .help = "show all possible graphical displays" },
    OPT_END,
};
const struct opt display_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN_ACTIVE),
    OPT_END,
};

/* --- the definition --------------------------------------------------------------------------- */

struct view {
    xmlDocPtr doc;
    xmlXPathContextPtr context;
};

static bool view_open(struct shell *sh, struct vmgr_domain *domain, uint32_t flags,
                      struct view *view)
{
    char *xml = NULL;
    *view = (struct view){ NULL, NULL };
    if (vmgr_domain_get_xml(domain, flags, &xml, shell_err(sh)) < 0)
        return false;
    view->doc = xmlReadMemory(xml, (int)strlen(xml), "domain.xml", NULL,
                              XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    free(xml);
    view->context = view->doc ? xmlXPathNewContext(view->doc) : NULL;
    if (!view->context)
        shell_error(sh, "cannot read the document");
    return view->context != NULL;
}

static void view_close(struct view *view)
{
    xmlXPathFreeContext(view->context);
    xmlFreeDoc(view->doc);
}

/* What an expression finds, for free(); NULL: nothing, or nothing in it. */
__attribute__((format(printf, 2, 3))) static char *text_of(const struct view *view,
                                                           const char *format, ...)
{
    xmlXPathObjectPtr found;
    char *result = NULL, path[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(path, sizeof(path), format, ap);
    va_end(ap);
    found = xmlXPathEval(BAD_CAST path, view->context);
    if (found && found->type == XPATH_NODESET && found->nodesetval && found->nodesetval->nodeNr) {
        xmlChar *content = xmlNodeGetContent(found->nodesetval->nodeTab[0]);
        if (content && *content)
            result = must_strdup((const char *)content);
        xmlFree(content);
    }
    xmlXPathFreeObject(found);
    return result;
}

/* 0: none. */
static int number_of(const struct view *view, const char *type, const char *attr)
{
    char *text = text_of(view, "/domain/devices/graphics[@type='%s']/@%s", type, attr);
    int number = text ? atoi(text) : 0;
    free(text);
    return number;
}

/* --- domdisplay ----------------------------------------------------------------------------- */

/* Every address of the host: what stands for it is told by how the host is reached. */
static bool is_wildcard(const char *address)
{
    struct in6_addr six;
    struct in_addr four;
    if (inet_pton(AF_INET, address, &four) == 1)
        return four.s_addr == INADDR_ANY;
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_UNSPECIFIED(&six);
}

/* The host part of the connection's URI, for free(); NULL: it has none. */
static char *server_of(struct shell *sh)
{
    char *uri = NULL, *host = NULL;
    const char *start, *end;
    if (vmgr_conn_get_uri(shell_connect(sh), &uri, shell_err(sh)) < 0) {
        shell_err_clear(sh);
        return NULL;
    }
    start = strstr(uri, "://");
    start = start ? start + 3 : "";
    end = start + strcspn(start, "/?");
    for (const char *p = start; p < end; p++)
        if (*p == '@')
            start = p + 1;
    if (*start == '[') {
        start++;
        end = start + strcspn(start, "]");
    } else {
        end = start + strcspn(start, ":/?");
    }
    if (end > start)
        host = must_printf("%.*s", (int)(end - start), start);
    free(uri);
    return host;
}

/* Where it listens, for free(); NULL: on this machine alone. */
static char *address_of(struct shell *sh, const struct view *view, const char *type)
{
    char *address = text_of(view, "/domain/devices/graphics[@type='%s']/@listen", type);
    if (!address)
        address = text_of(view, "/domain/devices/graphics[@type='%s']/listen/@address", type);
    if (address && is_wildcard(address)) {
        free(address);
        address = server_of(sh);
    }
    return address;
}

static char *socket_of(const struct view *view, const char *type)
{
    char *kind = text_of(view, "/domain/devices/graphics[@type='%s']/listen/@type", type);
    char *path = text_of(view, "/domain/devices/graphics[@type='%s']/@socket", type);
    if (!path && kind && !strcmp(kind, "socket"))
        path = text_of(view, "/domain/devices/graphics[@type='%s']/listen/@socket", type);
    free(kind);
    return path;
}

static void print_uri(struct shell *sh, const struct view *view, const char *type, bool secret)
{
    const int port = number_of(view, type, "port"), tls = number_of(view, type, "tlsPort");
    char *path = socket_of(view, type), *address = path ? NULL : address_of(sh, view, type);
    char *password =
        secret ? text_of(view, "/domain/devices/graphics[@type='%s']/@passwd", type) : NULL;
    const bool vnc = !strcmp(type, "vnc");
    printf("%s%s://", type, path ? "+unix" : "");
    if (vnc && password)
        printf(":%s@", password);
    if (path)
        printf("%s", path);
    else if (!address)
        printf("localhost");
    else
        printf(strchr(address, ':') ? "[%s]" : "%s", address);
    if (port)
        printf(":%d", vnc ? port - VNC_PORT : port);
    if (tls)
        printf("?tls-port=%d", tls);
    if (!strcmp(type, "spice") && password)
        printf("%spassword=%s", tls ? "&" : "?", password);
    free(password);
    free(address);
    free(path);
}

/* True: there is such a display, and it was printed. */
static bool print_display(struct shell *sh, const struct view *view, const char *type, bool secret)
{
    char *path;
    bool there;
    if (!strcmp(type, "dbus")) {
        path = text_of(view, "/domain/devices/graphics[@type='dbus']/@address");
        if (path)
            printf("%s", path);
        free(path);
        return path != NULL;
    }
    path = socket_of(view, type);
    there = path || number_of(view, type, "port") || number_of(view, type, "tlsPort");
    free(path);
    if (there)
        print_uri(sh, view, type, secret);
    return there;
}

bool cmd_domdisplay(struct shell *sh, const struct args *args)
{
    static const char *const types[] = { "vnc", "spice", "rdp", "dbus", NULL };
    const char *wanted = args_string(args, "type");
    const bool all = args_bool(args, "all"), secret = args_bool(args, "include-password");
    struct vmgr_domain *domain = args_domain(sh, args);
    struct view view = { NULL, NULL };
    bool found = false;
    if (!domain)
        return false;
    bool ok = vmgr_domain_is_active(domain, shell_err(sh)) != 0;
    if (!ok)
        shell_error(sh, "Domain is not running");
    ok = ok && !sh->error && view_open(sh, domain, secret ? VMGR_DOMAIN_XML_SECURE : 0, &view);
    for (size_t i = 0; ok && types[i] && (all || !found); i++) {
        if (!all && wanted && strcmp(wanted, types[i]) != 0)
            continue;
        if (!print_display(sh, &view, types[i], secret))
            continue;
        found = true;
        printf("\n");
    }
    if (ok && !found && wanted)
        shell_error(sh, "No graphical display with type '%s' found", wanted);
    else if (ok && !found)
        shell_error(sh, "No graphical display found");
    view_close(&view);
    vmgr_domain_unref(domain);
    return found;
}

/* --- vncdisplay, ttyconsole ------------------------------------------------------------------- */

bool cmd_vncdisplay(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    struct view view = { NULL, NULL };
    if (!domain)
        return false;
    bool ok = vmgr_domain_is_active(domain, shell_err(sh)) != 0;
    if (!ok)
        shell_error(sh, "Domain is not running");
    ok = ok && !sh->error && view_open(sh, domain, 0, &view);
    if (ok) {
        const int port = number_of(&view, "vnc", "port");
        char *address = text_of(&view, "/domain/devices/graphics[@type='vnc']/@listen");
        if (!address)
            address = text_of(&view, "/domain/devices/graphics[@type='vnc']/listen/@address");
        ok = port != 0;
        if (ok)
            printf("%s:%d\n", address && strcmp(address, "0.0.0.0") != 0 ? address : "",
                   port - VNC_PORT);
        else
            shell_error(sh, "Failed to get VNC port. Is this domain using VNC?");
        free(address);
    }
    view_close(&view);
    vmgr_domain_unref(domain);
    return ok;
}

bool cmd_ttyconsole(struct shell *sh, const struct args *args)
{
    struct vmgr_domain *domain = args_domain(sh, args);
    struct view view = { NULL, NULL };
    bool ok = domain && view_open(sh, domain, 0, &view);
    if (ok) {
        char *tty = text_of(&view, "/domain/devices/console/@tty");
        ok = tty != NULL;
        if (ok)
            printf("%s\n", tty);
        free(tty);
    }
    view_close(&view);
    vmgr_domain_unref(domain);
    return ok;
}
