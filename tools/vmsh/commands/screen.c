/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands about screens and keyboards: screenshot, send-key; send-process-signal.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "../text/job.h"

#define CHUNK 65536

const struct opt screenshot_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "file",
      .type = OPT_STRING,
      .help = "where to store the screenshot",
      .completer = COMPLETE_FILE },
    { .name = "screen", .type = OPT_INT, .help = "ID of a screen to take screenshot of" },
    OPT_END,
};
const struct opt send_key_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "codeset",
      .type = OPT_STRING,
      .named = true,
      .help = "the codeset of keycodes, default:linux" },
    { .name = "holdtime",
      .type = OPT_INT,
      .named = true,
      .help = "the time (in milliseconds) how long the keys will be held" },
    { .name = "keycode", .type = OPT_ARGV, .required = true, .help = "the key code" },
    OPT_END,
};
const struct opt send_process_signal_opts[] = {
    DOMAIN_OPT(COMPLETE_DOMAIN),
    { .name = "pid", .type = OPT_DATA, .help = "the process ID" },
    { .name = "signame", .type = OPT_DATA, .help = "the signal number or name" },
    OPT_END,
};

/* ---- screenshot ---- */

static char *make_name(const char *domain, const char *mime)
{
    const char *extension = !mime                                          ? ""
                            : strcmp(mime, "image/x-portable-pixmap") == 0 ? ".ppm"
                            : strcmp(mime, "image/png") == 0               ? ".png"
                                                                           : "";
    char stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y-%m-%d-%H:%M:%S", &tm);
    return must_printf("%s-%s%s", domain, stamp, extension);
}

static bool receive(struct shell *sh, struct vmgr_stream *stream, int fd)
{
    char *buf = must_alloc(CHUNK);
    ssize_t n;
    while ((n = vmgr_stream_recv(stream, buf, CHUNK, shell_err(sh))) > 0) {
        for (ssize_t at = 0; at < n;) {
            ssize_t part = write(fd, buf + at, (size_t)(n - at));
            if (part < 0 && errno != EINTR) {
                free(buf);
                return false;
            }
            at += part > 0 ? part : 0;
        }
    }
    free(buf);
    return n == 0;
}

static bool store(struct shell *sh, struct vmgr_stream *stream, const char *domain,
                  const char *path)
{
    bool made = true, ok = false;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) {
        made = false;
        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    }
    if (fd < 0) {
        shell_error(sh, "cannot create file %s", path);
        return false;
    }
    if (!receive(sh, stream, fd))
        shell_error(sh, "could not receive data from domain %s", domain);
    else
        ok = true;
    if (close(fd) < 0 && ok) {
        shell_error(sh, "cannot close file %s", path);
        ok = false;
    }
    if (ok && vmgr_stream_finish(stream, shell_err(sh)) < 0) {
        shell_error(sh, "cannot close stream on domain %s", domain);
        ok = false;
    }
    if (!ok && made)
        unlink(path);
    return ok;
}

bool cmd_screenshot(struct shell *sh, const struct args *args)
{
    const char *file = args_string(args, "file");
    struct vmgr_stream *stream = NULL;
    char *mime = NULL, *path = NULL;
    int screen = 0;
    if (args_int(sh, args, "screen", &screen) < 0)
        return false;
    if (screen < 0) {
        shell_error(sh, "Numeric value '%s' for <screen> option is malformed or out of range",
                    args_string(args, "screen"));
        return false;
    }
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    const char *name = vmgr_domain_get_name(domain);
    bool ok =
        vmgr_domain_screenshot(domain, (uint32_t)screen, 0, &mime, &stream, shell_err(sh)) == 0;
    if (!ok)
        shell_error(sh, "could not take a screenshot of %s", name);
    if (ok) {
        path = file ? must_strdup(file) : make_name(name, mime);
        ok = store(sh, stream, name, path);
    }
    if (ok)
        shell_extra(sh, "Screenshot saved to %s, with type of %s", path, mime ? mime : "");
    vmgr_stream_unref(stream);
    free(mime);
    free(path);
    vmgr_domain_unref(domain);
    return ok;
}

/* ---- keys ---- */

/* A number, or a name in the set; -1: neither. */
static int parse_key(int codeset, const char *word)
{
    char *end;
    errno = 0;
    long number = strtol(word, &end, 0);
    if (isdigit((unsigned char)*word) && !*end && !errno && number >= 0 && number <= 0xffff)
        return (int)number;
    return vmgr_keycode_find(codeset, word);
}

static bool parse_keys(struct shell *sh, const struct args *args, int codeset, uint32_t *keys,
                       uint32_t *count)
{
    *count = 0;
    for (size_t i = 0; i < args->count; i++) {
        if (args->items[i].opt->type != OPT_ARGV)
            continue;
        if (*count == VMGR_KEYS_MAX) {
            shell_error(sh, "too many keycodes");
            return false;
        }
        int key = parse_key(codeset, args->items[i].value);
        if (key < 0) {
            shell_error(sh, "invalid keycode: '%s'", args->items[i].value);
            return false;
        }
        keys[(*count)++] = (uint32_t)key;
    }
    return true;
}

bool cmd_send_key(struct shell *sh, const struct args *args)
{
    const char *set = args_string(args, "codeset");
    uint32_t keys[VMGR_KEYS_MAX], count;
    int codeset = 0, hold = 0;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    while (set && vmgr_keycode_set_name(codeset) && strcmp(set, vmgr_keycode_set_name(codeset)))
        codeset++;
    bool ok = args_int(sh, args, "holdtime", &hold) >= 0;
    if (ok && hold < 0) {
        shell_error(sh, "Numeric value '%s' for <holdtime> option is malformed or out of range",
                    args_string(args, "holdtime"));
        ok = false;
    }
    if (ok && !vmgr_keycode_set_name(codeset)) {
        shell_error(sh, "unknown codeset: '%s'", set);
        ok = false;
    }
    ok = ok && parse_keys(sh, args, codeset, keys, &count) &&
         vmgr_domain_send_key(domain, (uint32_t)codeset, (uint32_t)hold, keys, count, 0,
                              shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}

/* ---- signals ---- */

static int parse_signal(const char *text)
{
    static const char *const names[] = {
        "nop",  "hup",  "int",  "quit", "ill",    "trap",   "abrt",  "bus",  "fpe",  "kill", "usr1",
        "segv", "usr2", "pipe", "alrm", "term",   "stkflt", "chld",  "cont", "stop", "tstp", "ttin",
        "ttou", "urg",  "xcpu", "xfsz", "vtalrm", "prof",   "winch", "poll", "pwr",  "sys",
    };
    const char *name = strncasecmp(text, "sig", 3) == 0 ? text + 3 : text;
    char *end;
    name += name != text && *name == '_';
    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strcasecmp(name, names[i]) == 0)
            return i;
    }
    if (strncasecmp(name, "rt", 2) == 0 && isdigit((unsigned char)name[2])) {
        long number = strtol(name + 2, &end, 10);
        return !*end && number <= 32 ? 32 + (int)number : -1;
    }
    errno = 0;
    long number = strtol(text, &end, 10);
    return *text && !*end && !errno && number >= 0 && number <= 64 ? (int)number : -1;
}

bool cmd_send_process_signal(struct shell *sh, const struct args *args)
{
    const char *pid_text = args_string(args, "pid"), *name = args_string(args, "signame");
    char *end;
    struct vmgr_domain *domain = args_domain(sh, args);
    if (!domain)
        return false;
    errno = 0;
    long long pid = strtoll(pid_text, &end, 10);
    int signum = parse_signal(name);
    bool ok = end != pid_text && !*end && !errno;
    if (!ok)
        shell_error(sh, "Numeric value '%s' for <pid> option is malformed or out of range",
                    pid_text);
    if (ok && signum < 0) {
        shell_error(sh, "malformed signal name: %s", name);
        ok = false;
    }
    ok =
        ok && vmgr_domain_send_process_signal(domain, pid, (uint32_t)signum, 0, shell_err(sh)) == 0;
    vmgr_domain_unref(domain);
    return ok;
}
