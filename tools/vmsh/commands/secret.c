/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about secrets.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/domain.h"
#include "object-event.h"

#define SECRET_OPT                                                                                 \
    {                                                                                              \
        .name = "secret", .type = OPT_DATA, .help = "secret UUID"                                  \
    }

struct vmgr_secret *args_secret(struct shell *sh, const struct args *args)
{
    const char *text = args_string(args, "secret");
    struct vmgr_secret *secret = NULL;
    if (text && vmgr_secret_lookup_by_uuid_string(sh->conn, text, &secret, shell_err(sh)) < 0)
        shell_error(sh, "failed to get secret '%s'", text);
    return secret;
}

static const struct opt define_opts[] = {
    { .name = "file",
      .type = OPT_DATA,
      .help = "file containing secret attributes in XML",
      .completer = COMPLETE_FILE },
    FLAG("validate", "validate the XML against the schema"),
    OPT_END,
};

#define DEFINE_VALIDATE (1u << 0) /* of the protocol: for daemons that can */

static bool secret_define(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    struct vmgr_secret *secret = NULL;
    char *xml = file_read(sh, path);
    if (!xml)
        return false;
    int r = vmgr_secret_define_xml(sh->conn, xml, args_bool(args, "validate") ? DEFINE_VALIDATE : 0,
                                   &secret, shell_err(sh));
    free(xml);
    if (r < 0) {
        shell_error(sh, "Failed to set attributes from %s", path);
        return false;
    }
    shell_extra(sh, "Secret %s created\n", vmgr_secret_get_uuid_string(secret));
    vmgr_secret_unref(secret);
    return true;
}

static const struct opt dumpxml_options[] = {
    SECRET_OPT,
    OPT_XPATH,
    OPT_END,
};

static bool secret_dumpxml(struct shell *sh, const struct args *args)
{
    struct vmgr_secret *secret = args_secret(sh, args);
    char *xml = NULL;
    if (!secret)
        return false;
    bool ok = vmgr_secret_get_xml(secret, 0, &xml, shell_err(sh)) >= 0 && print_xml(sh, args, xml);
    vmgr_secret_unref(secret);
    return ok;
}

/* --- values --------------------------------------------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648, section 4. In place; -1: it is not base64. */
static ptrdiff_t decode(char *text)
{
    uint32_t bits = 0;
    int count = 0;
    char *to = text;
    size_t padding = 0, symbols = 0;
    for (const char *p = text; *p; p++) {
        const char *digit = strchr(digits, *p);
        if (strchr(" \t\r\n", *p))
            continue;
        symbols++;
        padding += *p == '=';
        if (*p == '=')
            continue;
        if (!digit || padding)
            return -1;
        bits = bits << 6 | (uint32_t)(digit - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (char)(bits >> count & 0xff);
        }
    }
    return padding > 2 || symbols % 4 ? -1 : to - text;
}

static void print_base64(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 3) {
        uint32_t v = (uint32_t)bytes[i] << 16;
        if (i + 1 < size)
            v |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < size)
            v |= bytes[i + 2];
        putchar(digits[v >> 18]);
        putchar(digits[v >> 12 & 63]);
        putchar(i + 1 < size ? digits[v >> 6 & 63] : '=');
        putchar(i + 2 < size ? digits[v & 63] : '=');
    }
}

static void forget(char *text, size_t size)
{
    if (text)
        explicit_bzero(text, size);
    free(text);
}

static const struct opt set_value_opts[] = {
    SECRET_OPT,
    { .name = "file",
      .type = OPT_STRING,
      .named = true,
      .help = "read secret from file",
      .completer = COMPLETE_FILE },
    FLAG("plain", "read the secret from file without converting from base64"),
    FLAG("interactive", "read the secret from the terminal"),
    { .name = "base64", .type = OPT_STRING, .help = "base64-encoded secret value" },
    OPT_END,
};

/* The bytes of a file, whatever they are. NULL: printed why. */
static char *plain_file(struct shell *sh, const char *path, size_t *ret_size)
{
    FILE *f = fopen(path, "re");
    char *bytes = must_alloc(VMGR_SECRET_VALUE_MAX + 2);
    *ret_size = f ? fread(bytes, 1, VMGR_SECRET_VALUE_MAX + 1, f) : 0;
    bool ok = f && !ferror(f);
    if (f)
        fclose(f);
    if (ok)
        return bytes;
    shell_error(sh, "Failed to read file '%s'", path);
    free(bytes);
    return NULL;
}

/* The value as it was given, for free(); *plain: it is not base64. NULL: printed why. */
static char *given_value(struct shell *sh, const struct args *args, bool *plain, size_t *ret_size)
{
    const char *base64 = args_string(args, "base64"), *path = args_string(args, "file");
    char *text = NULL;
    *plain = args_bool(args, "plain");
    if (base64) {
        /* It stays, since scripts use it; who types it should know. */
        fprintf(stderr, "error: Passing secret value as command-line argument is insecure!\n");
        return must_strdup(base64);
    }
    if (path)
        return *plain ? plain_file(sh, path, ret_size) : file_read(sh, path);
    if (!args_bool(args, "interactive")) {
        shell_error(sh, "Input secret value is missing");
        return NULL;
    }
    *plain = true;
    printf("Enter new value for secret:");
    fflush(stdout);
    if (shell_ask(VMGR_AUTH_PASSWORD, &text, sh) < 0 || !text)
        shell_error(sh, "Failed to read secret");
    return text;
}

static bool secret_set_value(struct shell *sh, const struct args *args)
{
    bool plain;
    if (!args_exclusive(sh, args, "file", "base64") ||
        !args_exclusive(sh, args, "plain", "base64") ||
        !args_exclusive(sh, args, "interactive", "base64") ||
        !args_exclusive(sh, args, "interactive", "plain") ||
        !args_exclusive(sh, args, "interactive", "file"))
        return false;
    if (args_bool(args, "plain") && !args_string(args, "file")) {
        shell_error(sh, "Option --file is required by option --plain");
        return false;
    }
    struct vmgr_secret *secret = args_secret(sh, args);
    size_t room = SIZE_MAX;
    char *text = secret ? given_value(sh, args, &plain, &room) : NULL;
    if (room == SIZE_MAX)
        room = text ? strlen(text) : 0;
    ptrdiff_t size = !text ? -1 : plain ? (ptrdiff_t)room : decode(text);
    bool ok = size >= 0 && vmgr_secret_set_value(secret, (const uint8_t *)text, (size_t)size, 0,
                                                 shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Secret value set\n");
    else if (text && size < 0)
        shell_error(sh, "Failed to decode base64 secret value");
    else if (text)
        shell_error(sh, "Failed to set secret value");
    forget(text, room);
    vmgr_secret_unref(secret);
    return ok;
}

static const struct opt get_value_opts[] = {
    SECRET_OPT,
    FLAG("plain", "get value without converting to base64"),
    OPT_END,
};

static bool secret_get_value(struct shell *sh, const struct args *args)
{
    struct vmgr_secret *secret = args_secret(sh, args);
    uint8_t *value = NULL;
    size_t size = 0;
    bool ok = secret && vmgr_secret_get_value(secret, 0, &value, &size, shell_err(sh)) >= 0;
    if (ok && args_bool(args, "plain"))
        ok = fwrite(value, 1, size, stdout) == size;
    else if (ok)
        print_base64(value, size);
    forget((char *)value, size);
    vmgr_secret_unref(secret);
    return ok;
}

/* --- lists ---------------------------------------------------------------------------------- */

static const struct opt list_opts[] = {
    FLAG("ephemeral", "list ephemeral secrets"),
    FLAG("no-ephemeral", "list non-ephemeral secrets"),
    FLAG("private", "list private secrets"),
    FLAG("no-private", "list non-private secrets"),
    OPT_END,
};

static bool secret_list(struct shell *sh, const struct args *args)
{
    static const char *const usages[] = { "none", "volume", "ceph", "iscsi", "tls", "vtpm" };
    static const char *const names[] = { "ephemeral", "no-ephemeral", "private", "no-private" };
    struct vmgr_secret **list = NULL;
    uint32_t flags = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        flags |= args_bool(args, names[i]) ? 1u << i : 0;
    if (vmgr_secret_list(sh->conn, flags, &list, shell_err(sh)) < 0) {
        shell_error(sh, "Failed to count secrets");
        return false;
    }
    struct table *table = table_new("UUID", "Usage", NULL);
    for (struct vmgr_secret **s = list; *s; s++) {
        const int type = vmgr_secret_get_usage_type(*s);
        const bool known = type > 0 && (size_t)type < sizeof(usages) / sizeof(usages[0]);
        char *usage =
            type ? must_printf("%s %s", known ? usages[type] : "?", vmgr_secret_get_usage_id(*s))
                 : must_strdup("Unused");
        table_row(table, vmgr_secret_get_uuid_string(*s), usage, NULL);
        free(usage);
    }
    table_print(table, sh->quiet);
    vmgr_secret_list_free(list);
    return true;
}

static const struct opt undefine_opts[] = { SECRET_OPT, OPT_END };

static bool secret_undefine(struct shell *sh, const struct args *args)
{
    struct vmgr_secret *secret = args_secret(sh, args);
    if (!secret)
        return false;
    bool ok = vmgr_secret_undefine(secret, shell_err(sh)) >= 0;
    if (ok)
        shell_extra(sh, "Secret %s deleted\n", vmgr_secret_get_uuid_string(secret));
    else
        shell_error(sh, "Failed to delete secret %s", vmgr_secret_get_uuid_string(secret));
    vmgr_secret_unref(secret);
    return ok;
}

const struct cmd cmds_secret[] = {
    { "secret-define", secret_define, define_opts, "define or modify a secret from an XML file",
      "Define or modify a secret.", false },
    { "secret-dumpxml", secret_dumpxml, dumpxml_options, "secret attributes in XML",
      "Output attributes of a secret as an XML dump to stdout.", false },
    { "secret-event", cmd_secret_event, secret_event_opts, "Secret Events",
      "List event types, or wait for secret events to occur", false },
    { "secret-get-value", secret_get_value, get_value_opts, "Output a secret value",
      "Output a secret value to stdout.", false },
    { "secret-list", secret_list, list_opts, "list secrets", "Returns a list of secrets", false },
    { "secret-set-value", secret_set_value, set_value_opts, "set a secret value",
      "Set a secret value.", false },
    { "secret-undefine", secret_undefine, undefine_opts, "undefine a secret", "Undefine a secret.",
      false },
    CMD_END,
};
