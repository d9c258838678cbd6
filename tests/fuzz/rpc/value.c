/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values of the protocol's structures, made from a fuzzer's bytes.
 */
#include "value.h"

#include <string.h>

/* Names that the driver for tests has, and what callers may say. */
static const char *const words[] = {
    "",
    "test",
    "default",
    "default-pool",
    "vol",
    "/default-pool/vol",
    "/default-pool",
    "vda",
    "eth1",
    "lo",
    "52:54:00:00:00:01",
    "computer",
    "scsi_host1",
    "nobody",
    "x86_64",
    "kvm",
    "q35",
    "test:///default",
    "system",
    "scsi_host",
    "pci",
    "../../x",
    "cpu_shares",
    "hard_limit",
    "inbound.average",
    "root",
    "%s%n",
    "<domain type='test'><name>fuzz</name><memory>1024</memory><os><type>hvm</type></os></domain>",
    "<domain type='test'><name>test</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e1931</uuid>"
    "<memory>8388608</memory><vcpu>2</vcpu><os><type arch='i686'>hvm</type></os></domain>",
    "<network><name>fuzz</name><ip address='10.9.0.1' prefix='24'/></network>",
    "<network><name>default</name><uuid>dd8fe884-6c02-601e-7551-cca97df1c5df</uuid></network>",
    "<pool type='dir'><name>fuzz</name><target><path>/fuzz</path></target></pool>",
    "<volume><name>vol</name><capacity>1048576</capacity></volume>",
    "<volume><name>other</name><capacity>4096</capacity><allocation>0</allocation></volume>",
    "<secret ephemeral='no' private='no'><usage type='volume'><volume>/v</volume></usage></secret>",
    "<filter name='fuzz'><rule action='drop' direction='in'><all/></rule></filter>",
    "<interface type='ethernet' name='eth2'><start mode='none'/></interface>",
    "<cpu><arch>x86_64</arch><model>Westmere</model><feature name='lahf_lm'/></cpu>",
    "<cpu match='exact'><model>qemu64</model></cpu>",
    "<disk type='file'><source file='/x'/><target dev='vdb' bus='virtio'/></disk>",
    "<interface type='user'><mac address='52:54:00:00:00:02'/></interface>",
    "<device><parent>scsi_host1</parent><capability type='scsi_host'>"
    "<capability type='fc_host'/></capability></device>",
    "<host mac='52:54:00:00:00:03' ip='192.168.122.9'/>",
    "<domain",
};

/* Objects that are there, by name and UUID; the last is not. */
static const struct {
    const char *name;
    uint8_t uuid[16];
} objects[] = {
    { "test",
      { 0x66, 0x95, 0xeb, 0x01, 0xf6, 0xa4, 0x83, 0x04, 0x79, 0xaa, 0x97, 0xf2, 0x50, 0x2e, 0x19,
        0x31 } },
    { "default",
      { 0xdd, 0x8f, 0xe8, 0x84, 0x6c, 0x02, 0x60, 0x1e, 0x75, 0x51, 0xcc, 0xa9, 0x7d, 0xf1, 0xc5,
        0xdf } },
    { "default-pool",
      { 0xdf, 0xe2, 0x24, 0xcb, 0x28, 0xfb, 0x8d, 0xd0, 0xc4, 0xb2, 0x64, 0xeb, 0x3f, 0x0f, 0x45,
        0x66 } },
    { "fuzz", { 1, 2, 3 } },
};

#define LIST_MOST    300u
#define BYTES_MOST   255u
#define DEEPEST      6u
#define RAW          0xff /* a choice: take it from the bytes as they are */
#define MOSTLY_RIGHT 0xf0 /* of payloads: above, they are not */

uint32_t fuzz_take(struct fuzz_source *source, unsigned bytes)
{
    uint32_t value = 0;

    for (; bytes && source->left; bytes--, source->left--)
        value = value << 8 | *source->data++;
    return value;
}

static char *make_string(struct fuzz_source *source, struct vmgr__arena *arena)
{
    const uint32_t choice = fuzz_take(source, 1);
    uint32_t size;
    char *text;

    if (choice != RAW)
        return vmgr__arena_strdup(arena, words[choice % G_N_ELEMENTS(words)]);
    size = fuzz_take(source, 1);
    size = (uint32_t)MIN(size, source->left);
    text = vmgr__arena_adopt(arena, g_strndup((const char *)source->data, size), g_free);
    source->data += size;
    source->left -= size;
    return text;
}

static uint64_t make_number(struct fuzz_source *source)
{
    static const uint64_t edges[] = { UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN,
                                      UINT32_MAX, INT32_MAX, 1u << 31,
                                      1u << 20,   65536 };
    const uint32_t choice = fuzz_take(source, 1);

    if (choice < 0xe0)
        return choice < 0x80 ? choice : 1u << (choice & 31);
    if (choice < 0xf8)
        return edges[choice & 7];
    return (uint64_t)fuzz_take(source, 4) << 32 | fuzz_take(source, 4);
}

static void make_struct(struct fuzz_source *source, const struct vmgr__wire_layout *layout,
                        struct vmgr__arena *arena, unsigned depth, uint8_t *to);

static void make_value(struct fuzz_source *source, struct vmgr__arena *arena, struct wire_value *to)
{
    to->type = (int32_t)(fuzz_take(source, 1) % WIRE_VALUE_STRING + 1);
    if (to->type == WIRE_VALUE_STRING)
        to->s = make_string(source, arena);
    else
        to->ul = make_number(source);
}

static void make_one(struct fuzz_source *source, const struct vmgr__wire_field *f,
                     struct vmgr__arena *arena, unsigned depth, uint8_t *to)
{
    switch (f->kind) {
    case WIRE_INT: *(uint32_t *)to = (uint32_t)make_number(source); break;
    case WIRE_HYPER: *(uint64_t *)to = make_number(source); break;
    case WIRE_STRING: *(char **)to = make_string(source, arena); break;
    case WIRE_CHAR:
    case WIRE_BYTE: *to = (uint8_t)fuzz_take(source, 1); break;
    case WIRE_VALUE: make_value(source, arena, (struct wire_value *)to); break;
    case WIRE_STRUCT: make_struct(source, f->sub, arena, depth, to); break;
    default:
        memcpy(to, objects[fuzz_take(source, 1) % G_N_ELEMENTS(objects)].uuid,
               sizeof(objects[0].uuid));
    }
}

static size_t size_of(const struct vmgr__wire_field *f)
{
    static const size_t sizes[] = {
        [WIRE_INT] = 4,   [WIRE_HYPER] = 8, [WIRE_STRING] = sizeof(char *),
        [WIRE_UUID] = 16, [WIRE_CHAR] = 1,  [WIRE_VALUE] = sizeof(struct wire_value),
        [WIRE_BYTE] = 1,
    };

    return f->kind == WIRE_STRUCT ? f->sub->size : sizes[f->kind];
}

static void make_list(struct fuzz_source *source, const struct vmgr__wire_field *f,
                      struct vmgr__arena *arena, unsigned depth, uint8_t *to)
{
    const uint32_t choice = fuzz_take(source, 1);
    uint32_t n = f->kind == WIRE_BYTE ? MIN(choice, BYTES_MOST)
                 : choice == RAW      ? fuzz_take(source, 2) % LIST_MOST
                                      : choice % 4;
    struct {
        uint32_t n;
        uint8_t *v;
    } *list = (void *)to;

    n = depth < DEEPEST ? MIN(n, f->count) : 0;
    list->n = n;
    list->v = vmgr__arena_alloc(arena, n * size_of(f) + 1);
    for (uint32_t i = 0; i < n; i++)
        make_one(source, f, arena, depth + 1, list->v + i * size_of(f));
}

static void make_optional(struct fuzz_source *source, const struct vmgr__wire_field *f,
                          struct vmgr__arena *arena, unsigned depth, uint8_t *to)
{
    if (fuzz_take(source, 1) % 4 == 0 || depth >= DEEPEST)
        return;
    if (f->kind == WIRE_STRING) {
        *(char **)to = make_string(source, arena);
        return;
    }
    *(void **)to = vmgr__arena_alloc(arena, f->sub->size);
    make_struct(source, f->sub, arena, depth + 1, *(void **)to);
}

/* What begins with a name and a UUID is mostly something that is there. */
static bool is_object(const struct vmgr__wire_layout *layout)
{
    const struct vmgr__wire_field *f = layout->fields;

    return layout->n_fields >= 2 && f[0].kind == WIRE_STRING && f[0].form == WIRE_PLAIN &&
           f[1].kind == WIRE_UUID;
}

static void make_struct(struct fuzz_source *source, const struct vmgr__wire_layout *layout,
                        struct vmgr__arena *arena, unsigned depth, uint8_t *to)
{
    const uint32_t object = is_object(layout) ? fuzz_take(source, 1) : RAW;

    for (uint32_t i = 0; i < layout->n_fields; i++) {
        const struct vmgr__wire_field *f = &layout->fields[i];
        uint8_t *at = to + f->offset;

        if (object != RAW && i == 0)
            *(char **)at = vmgr__arena_strdup(arena, objects[object % G_N_ELEMENTS(objects)].name);
        else if (object != RAW && i == 1)
            memcpy(at, objects[object % G_N_ELEMENTS(objects)].uuid, sizeof(objects[0].uuid));
        else if (f->form == WIRE_LIST)
            make_list(source, f, arena, depth, at);
        else if (f->form == WIRE_OPTIONAL)
            make_optional(source, f, arena, depth, at);
        else
            for (uint32_t k = 0; k < (f->form == WIRE_ARRAY ? f->count : 1); k++)
                make_one(source, f, arena, depth, at + k * size_of(f));
    }
}

void fuzz_payload(struct fuzz_source *source, const struct vmgr__wire_layout *layout,
                  GByteArray *out)
{
    const uint32_t how = fuzz_take(source, 1);
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    const guint before = out->len;

    if (layout) {
        uint8_t *value = vmgr__arena_alloc(&arena, layout->size + 16);

        make_struct(source, layout, &arena, 0, value);
        if (vmgr__wire_encode(layout, value, out) < 0)
            g_byte_array_set_size(out, before);
        vmgr__arena_clear(&arena);
    }
    if (how > MOSTLY_RIGHT && out->len > before) { /* cut off, changed, or with more behind */
        const guint at = before + fuzz_take(source, 2) % (out->len - before);

        if (how & 1)
            g_byte_array_set_size(out, at);
        else
            out->data[at] = (uint8_t)fuzz_take(source, 1);
    }
}
