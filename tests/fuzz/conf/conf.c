/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile documents: <domain>, <network>, <pool> and <volume> as somebody may send them.
 *
 *     fuzz-conf SEED COUNT DIRECTORY... | FILE...
 *
 * The documents of the directories (tests/golden) are changed at random. What is checked: what can
 * be read can be written, read again, and is then written the same. libFuzzer's targets are for one
 * kind of document each (FUZZ_KIND).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/def.h"
#include "conf/network.h"
#include "conf/pool.h"
#include "conf/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { DOMAIN = 1, NETWORK, STORAGE };

static const struct vmgr__conf_defaults defaults = { .arch = "x86_64",
                                                     .machine = "q35",
                                                     .serial_target = true };

/* Reads and writes; NULL: it cannot be read, which is to have a reason. */
typedef char *(*again_fn)(const char *text, int type, struct vmgr_error **err);

static char *domain_again(const char *text, int type, struct vmgr_error **err)
{
    const uint32_t flags = type ? 0 : VMGR__CONF_INACTIVE;
    struct vmgr__domain_def *def = vmgr__domain_def_parse(text, &defaults, flags, err);
    char *out = def ? vmgr__domain_def_format(def, flags) : NULL;

    vmgr__domain_def_free(def);
    return out;
}

static char *network_again(const char *text, int type, struct vmgr_error **err)
{
    struct vmgr__network_def *def = vmgr__network_def_parse(text, err);
    char *out = def ? vmgr__network_def_format(def) : NULL;

    (void)type;
    vmgr__network_def_free(def);
    return out;
}

static char *pool_again(const char *text, int type, struct vmgr_error **err)
{
    struct vmgr__pool_def *def = vmgr__pool_def_parse(text, err);
    char *out = def ? vmgr__pool_def_format(def) : NULL;

    (void)type;
    vmgr__pool_def_free(def);
    return out;
}

static char *volume_again(const char *text, int type, struct vmgr_error **err)
{
    const enum vmgr__pool_type pool = (enum vmgr__pool_type)type;
    struct vmgr__volume_def *def = vmgr__volume_def_parse(text, pool, 0, err);
    char *out = def ? vmgr__volume_def_format(def, pool) : NULL;

    vmgr__volume_def_free(def);
    return out;
}

static void require(bool condition, const char *what, const char *first, const char *second)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz-conf: %s\n--- first\n%s\n--- second\n%s\n", what, first ? first : "",
            second ? second : "");
    abort();
}

static void round_trip(again_fn again, const char *text, int type)
{
    struct vmgr_error *err = NULL;
    g_autofree char *once = again(text, type, &err), *twice = NULL;

    require(once || (err && vmgr_error_get_message(err)), "refused without a reason", text, NULL);
    err = vmgr_error_free(err);
    if (!once)
        return;
    twice = again(once, type, &err);
    require(twice != NULL, "what was written cannot be read", once,
            err ? vmgr_error_get_message(err) : NULL);
    require(strcmp(once, twice) == 0, "what was written changes when it is read", once, twice);
}

static void document(enum kind kind, const char *text, uint8_t byte)
{
    if (kind == DOMAIN) {
        round_trip(domain_again, text, byte % 2);
    } else if (kind == NETWORK) {
        round_trip(network_again, text, 0);
    } else {
        round_trip(pool_again, text, 0);
        round_trip(volume_again, text, byte % VMGR__POOL_TYPES);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = size ? g_strndup((const char *)data + 1, size - 1) : NULL;

    if (text)
        document(FUZZ_KIND, text, data[0]);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static uint64_t state;

static uint32_t below(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 11) % limit);
}

struct seed {
    enum kind kind;
    char *text;
};
static GArray *seeds;

static void add_file(const char *path)
{
    struct seed s = { .kind = STORAGE };

    if (!g_file_get_contents(path, &s.text, NULL, NULL))
        return;
    if (strstr(s.text, "<domain"))
        s.kind = DOMAIN;
    else if (strstr(s.text, "<network"))
        s.kind = NETWORK;
    g_array_append_val(seeds, s);
}

static void add_directory(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        if (g_str_has_suffix(name, ".xml"))
            add_file(file);
    }
    if (dir)
        g_dir_close(dir);
}

/* From one delimiter to another: an element, a tag, a value. */
static size_t piece(const GString *s, size_t *ret_length)
{
    const char delimiters[] = "<>'\n ";
    const char c = delimiters[below(sizeof(delimiters) - 1)];
    const size_t from = below((uint32_t)s->len);
    const char *first = memchr(s->str + from, c, s->len - from);
    const size_t at = first ? (size_t)(first - s->str) : from;
    const char *last = at + 1 < s->len ? memchr(s->str + at + 1, c, s->len - at - 1) : NULL;

    *ret_length = last ? (size_t)(last - s->str) - at : MIN((size_t)8, s->len - at);
    return at;
}

static void spoil(GString *s, const GString *other)
{
    static const char *const values[] = { "0",          "-1",   "18446744073709551616",
                                          "4294967295", "",     "../..",
                                          "&#10;",      "&lt;", "0x",
                                          "1e9",        "yes",  "a,b" };
    size_t n, m, at;
    g_autofree char *words = NULL;

    if (!s->len || !other->len)
        return;
    at = piece(s, &n);
    m = below(5);
    if (m == 0) {
        g_string_erase(s, (gssize)at, (gssize)n);
    } else if (m == 1) {
        words = g_strndup(s->str + at, n);
        g_string_insert(s, below((uint32_t)s->len), words);
    } else if (m == 2) {
        size_t k, from = piece(other, &k);

        words = g_strndup(other->str + from, k);
        g_string_insert(s, (gssize)at, words);
    } else if (m == 3) {
        g_string_erase(s, (gssize)at + (n > 1), (gssize)(n - (n > 1)));
        g_string_insert(s, (gssize)at + (n > 1), values[below(G_N_ELEMENTS(values))]);
    } else {
        s->str[at] = (char)below(256);
    }
}

static int run(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct seed *seed = &g_array_index(seeds, struct seed, below(seeds->len));
        const struct seed *from = &g_array_index(seeds, struct seed, below(seeds->len));
        g_autoptr(GString) text = g_string_new(seed->text);
        g_autoptr(GString) other = g_string_new(from->text);

        for (uint32_t k = below(6); k; k--)
            spoil(text, other);
        document(seed->kind, text->str, (uint8_t)below(256));
    }
    return 0;
}

int main(int argc, char **argv)
{
    seeds = g_array_new(FALSE, FALSE, sizeof(struct seed));
    if (argc < 2) {
        fprintf(stderr, "usage: fuzz-conf SEED COUNT DIRECTORY... | FILE...\n");
        return 2;
    }
    if (argc > 3 && g_ascii_isdigit(*argv[1])) {
        for (int i = 3; i < argc; i++)
            add_directory(argv[i]);
        state = g_ascii_strtoull(argv[1], NULL, 10) * 2 + 1;
        return seeds->len ? run((uint32_t)g_ascii_strtoull(argv[2], NULL, 10)) : 2;
    }
    for (int i = 1; i < argc; i++) {
        add_file(argv[i]);
        if (seeds->len < (guint)i) {
            fprintf(stderr, "fuzz-conf: cannot read %s\n", argv[i]);
            return 2;
        }
        const struct seed *s = &g_array_index(seeds, struct seed, i - 1);

        for (int byte = 0; byte < VMGR__POOL_TYPES; byte++) {
            /* libFuzzer's inputs begin with a byte that says how */
            document(s->kind, s->text, (uint8_t)byte);
            document(s->kind, *s->text ? s->text + 1 : s->text, (uint8_t)byte);
        }
    }
    return 0;
}

#endif
