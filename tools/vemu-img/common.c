/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options that several commands have, and the forms of their values.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "img.h"

int other_option(int c, char **argv)
{
    switch (c) {
    case 'h': print_help(); return 0;
    case ':': return complain("missing argument for option '%s'", argv[optind - 1]);
    case OPTION_OBJECT: report("--object %s: objects are not supported", optarg); return 1;
    default: return complain("unrecognized option '%s'", argv[optind - 1]);
    }
}

bool named_option(struct named *named, int c)
{
    switch (c) {
    case 'f': named->format = optarg; return true;
    case 'U': named->share = true; return true;
    case OPTION_IMAGE_OPTS: named->image_opts = true; return true;
    default: return false;
    }
}

bool named_check(const struct named *named)
{
    if (named->image_opts && named->format)
        report("--image-opts and --format are mutually exclusive");
    return !(named->image_opts && named->format);
}

bool named_alone(struct named *named, int argc, char **argv)
{
    if (optind != argc - 1) {
        complain("Expecting one image file name");
        return false;
    }
    named->filename = argv[optind];
    return named_check(named);
}

bool parse_output(const char *text, bool *ret_json)
{
    *ret_json = !strcmp(text, "json");
    if (*ret_json || !strcmp(text, "human"))
        return true;
    report("--output must be used with human or json as argument.");
    return false;
}

bool parse_cache(const char *text, uint32_t *ret_flags)
{
    static const struct {
        const char *name;
        uint32_t flags;
    } modes[] = {
        { "none", VEMU_IMAGE_DIRECT },
        { "off", VEMU_IMAGE_DIRECT },
        { "directsync", VEMU_IMAGE_DIRECT | VEMU_IMAGE_WRITE_THROUGH },
        { "writeback", 0 },
        { "writethrough", VEMU_IMAGE_WRITE_THROUGH },
        { "unsafe", VEMU_IMAGE_NO_FLUSH },
    };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (!strcmp(text, modes[i].name)) {
            *ret_flags = modes[i].flags;
            return true;
        }
    return false;
}

static int suffix_shift(const char *end)
{
    static const char suffixes[] = "BKMGTPE";
    const char *at = *end ? strchr(suffixes, toupper((unsigned char)*end)) : suffixes;

    return at && (!*end || !end[1]) ? 10 * (int)(at - suffixes) : -1;
}

int parse_bytes(const char *text, uint64_t *ret)
{
    char *end;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    double part = 0;

    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    unsigned long long whole = strtoull(text, &end, hex ? 16 : 10);
    if (errno)
        return -ERANGE;
    if (*end == '.' && !hex) {
        const char *point = end;
        if (!isdigit((unsigned char)end[1]))
            return -EINVAL;
        part = strtod(point, &end);
        if (strcspn(point, "eE") < (size_t)(end - point)) /* an exponent is none */
            end = (char *)point + strcspn(point, "eE");
    }
    int shift = suffix_shift(end);
    if (shift < 0 || (part > 0 && !shift))
        return -EINVAL;
    if (whole > UINT64_MAX >> shift)
        return -ERANGE;
    *ret = (whole << shift) + (uint64_t)(part * (double)(1ull << shift));
    return 0;
}

bool parse_amount(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    int r = parse_bytes(text, ret);

    if (r == -EINVAL) {
        report("Invalid %s specified. You may use k, M, G, T, P or E suffixes for", what);
        report("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
        return false;
    }
    if (r < 0 || *ret < min || *ret > max) {
        report("Invalid %s specified. Must be between %" PRIu64 " and %" PRIu64 ".", what, min,
               max);
        return false;
    }
    return true;
}

bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    char *end;

    errno = 0;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno || !isdigit((unsigned char)text[0]) || *end || value > max)
        return false;
    *ret = value;
    return true;
}

/* Three digits, in the unit that leaves less than 1000. */
const char *size_text(uint64_t bytes, char buf[32])
{
    static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
    int power;

    frexp((double)bytes / (1000.0 / 1024.0), &power);
    int unit = power > 0 ? (power - 1) / 10 : 0;
    snprintf(buf, 32, "%0.3g %sB", (double)bytes / (double)(1ull << (unit * 10)), units[unit]);
    return buf;
}
