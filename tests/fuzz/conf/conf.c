/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile documents: <domain>, <network>, <pool> and <volume>, <filter>, <secret> and <cpu> as
 * somebody may send them.
 *
 *     fuzz-KIND-xml SEED COUNT | --write DIR | FILE
 *
 * Documents of tests/golden, and what else there are of a kind, are changed at random. What is
 * checked: what can be read can be written, read again, and is then written the same. FUZZ_KIND is
 * the kind of the program. A file is an input of libFuzzer: a byte that says how, and a document.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/def.h"
#include "conf/network.h"
#include "conf/nwfilter.h"
#include "conf/pool.h"
#include "conf/volume.h"
#include "cpu/cpu.h"
#include "nwfilter/nwfilter.h"
#include "secret/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { DOMAIN = 1, NETWORK, STORAGE, NWFILTER, SECRET, CPU };

static const struct vmgr__conf_defaults defaults = { .arch = "x86_64",
                                                     .machine = "q35",
                                                     .serial_target = true,
                                                     .disk_files = true,
                                                     .commandline = true };

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

static char *nwfilter_again(const char *text, int type, struct vmgr_error **err)
{
    struct vmgr__nwfilter_def *def = vmgr__nwfilter_def_parse(text, err);
    char *out = def ? vmgr__nwfilter_def_format(def) : NULL;

    (void)type;
    vmgr__nwfilter_def_free(def);
    return out;
}

static char *secret_again(const char *text, int type, struct vmgr_error **err)
{
    struct vmgr__secret_def *def = vmgr__secret_def_parse(text, err);
    char *out = def ? vmgr__secret_def_format(def) : NULL;

    (void)type;
    vmgr__secret_def_free(def);
    return out;
}

/* Compared, combined as hosts' processors are, and as a guest's, which can be read again. */
static char *cpu_again(const char *text, int type, struct vmgr_error **err)
{
    static struct vmgr__cpu_set host;
    static int known = -1;
    char *out = NULL;

    if (known < 0)
        known = vmgr__cpu_offered("soft", &host);
    if (vmgr__cpu_compare(text, &host, type & 1, err) < 0)
        *err = vmgr_error_free(*err);
    if (vmgr__cpu_baseline(&text, 1, NULL, 0, &out, err) < 0)
        *err = vmgr_error_free(*err);
    g_clear_pointer(&out, g_free);
    vmgr__cpu_baseline(&text, 1, &host, type & 2 ? VMGR_CPU_BASELINE_EXPAND_FEATURES : 0, &out,
                       err);
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
    } else if (kind == NWFILTER) {
        round_trip(nwfilter_again, text, 0);
    } else if (kind == SECRET) {
        round_trip(secret_again, text, 0);
    } else if (kind == CPU) {
        round_trip(cpu_again, text, byte % 4);
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

static GPtrArray *seeds; /* documents of this kind */

static void add_directory(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        char *text;

        if (g_str_has_suffix(name, ".xml") && g_file_get_contents(file, &text, NULL, NULL))
            g_ptr_array_add(seeds, text);
    }
    if (dir)
        g_dir_close(dir);
}

static void add_seeds(void)
{
    static const char *const directories[][4] = {
        [DOMAIN] = { GOLDEN "/domain", GOLDEN "/domain-errors" },
        [NETWORK] = { GOLDEN "/network", GOLDEN "/network-errors" },
        [STORAGE] = { GOLDEN "/pool", GOLDEN "/pool-errors", GOLDEN "/volume",
                      GOLDEN "/volume-errors" },
        [CPU] = { NULL },
    };
    static const struct {
        enum kind kind;
        const char *text;
    } others[] = {
        { SECRET, "<secret ephemeral='no' private='yes'><description>d</description>"
                  "<uuid>7795eb01-f6a4-8304-79aa-97f2502e1931</uuid>"
                  "<usage type='volume'><volume>/images/a.img</volume></usage></secret>" },
        { SECRET, "<secret><usage type='ceph'><name>client.admin secret</name></usage></secret>" },
        { SECRET, "<secret><usage type='iscsi'><target>iqn.x</target></usage></secret>" },
        { SECRET, "<secret><usage type='tls'><name>t</name></usage></secret>" },
        { SECRET, "<secret ephemeral='yes'><usage type='vtpm'><name>v</name></usage></secret>" },
        { CPU, "<cpu><arch>x86_64</arch><model>Westmere</model><vendor>Intel</vendor>"
               "<topology sockets='1' cores='2' threads='2'/><feature name='lahf_lm'/></cpu>" },
        { CPU, "<cpu mode='custom' match='exact' check='partial'><model fallback='forbid'>"
               "qemu64</model><feature policy='disable' name='svm'/></cpu>" },
        { CPU, "<cpu mode='host-model'/>" },
        { CPU, "<cpu match='strict'><model>Nehalem</model><feature policy='force' name='vmx'/>"
               "<cache level='3' mode='emulate'/><maxphysaddr mode='emulate' bits='42'/>"
               "<numa><cell id='0' cpus='0-1' memory='512' unit='MiB'/></numa></cpu>" },
        { NWFILTER, "<filter name='all' chain='root' priority='-5'><filterref filter='x'>"
                    "<parameter name='A' value='1.2.3.4'/></filterref><rule action='accept' "
                    "direction='inout' priority='100' statematch='false'><tcp srcipaddr='$IP' "
                    "dstportstart='22' dstportend='80'/></rule><rule action='drop' "
                    "direction='in'><ip match='no' dscp='0x1f' protocol='udp'/></rule></filter>" },
        { NWFILTER, "<filter name='six' chain='ipv6-x'><rule action='reject' direction='out'>"
                    "<icmpv6 type='135' code='0' srcipaddr='fe80::' srcipmask='10'/></rule><rule "
                    "action='return' direction='in'><vlan vlanid='5' encap-protocol='0x0800'/>"
                    "</rule></filter>" },
    };

    for (size_t i = 0; i < 4 && directories[FUZZ_KIND][i]; i++)
        add_directory(directories[FUZZ_KIND][i]);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (others[i].kind == FUZZ_KIND)
            g_ptr_array_add(seeds, g_strdup(others[i].text));
    }
    for (size_t i = 0; FUZZ_KIND == NWFILTER && vmgr__nwfilter_standard_name(i); i++)
        g_ptr_array_add(seeds, g_strdup(vmgr__nwfilter_standard(vmgr__nwfilter_standard_name(i))));
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

static void run(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        g_autoptr(GString) text = g_string_new(seeds->pdata[below(seeds->len)]);
        g_autoptr(GString) other = g_string_new(seeds->pdata[below(seeds->len)]);

        for (uint32_t k = below(6); k; k--)
            spoil(text, other);
        document(FUZZ_KIND, text->str, (uint8_t)below(256));
    }
}

/* As libFuzzer's inputs are: a byte that says how, and the document. */
static int write_seeds(const char *dir)
{
    for (guint i = 0; i < seeds->len; i++) {
        g_autofree char *file = g_strdup_printf("%s/seed-%u", dir, i);
        g_autofree char *input =
            g_strdup_printf("%c%s", i % 2 ? '1' : '0', (const char *)seeds->pdata[i]);

        if (!g_file_set_contents(file, input, -1, NULL)) {
            fprintf(stderr, "fuzz-conf: cannot write %s\n", file);
            return 1;
        }
    }
    return 0;
}

static int replay(const char *path)
{
    g_autofree char *text = NULL;
    gsize size;

    if (!g_file_get_contents(path, &text, &size, NULL)) {
        fprintf(stderr, "fuzz-conf: cannot read %s\n", path);
        return 2;
    }
    return LLVMFuzzerTestOneInput((const uint8_t *)text, size);
}

int main(int argc, char **argv)
{
    int r = 2;

    seeds = g_ptr_array_new_with_free_func(g_free);
    add_seeds();
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        r = write_seeds(argv[2]);
    } else if (argc == 3 && seeds->len) {
        state = g_ascii_strtoull(argv[1], NULL, 10) * 2 + 1;
        run((uint32_t)g_ascii_strtoull(argv[2], NULL, 10));
        r = 0;
    } else if (argc == 2) {
        r = replay(argv[1]);
    } else {
        fprintf(stderr, "usage: fuzz-KIND-xml SEED COUNT | --write DIR | FILE\n");
    }
    g_ptr_array_unref(seeds);
    return r;
}

#endif
