/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words in an image's header: the name of the file beside it, an extension of somebody else's.
 *
 * All names lead to the same file, since "./" may stand in a path any number of times: a name's
 * number is how often.
 */
#include "workload.h"

#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "image/qcow2/qcow2.h"

#define BESIDE     "beside.raw"
#define OTHER_TYPE 0x6f746872u
#define NAMES      460u

static char *name_of(const struct crash_run *run, uint64_t number)
{
    GString *name = g_string_new(run->folder);

    g_string_append_c(name, '/');
    for (uint64_t i = 0; i < number; i++)
        g_string_append(name, "./");
    g_string_append(name, BESIDE);
    return g_string_free(name, FALSE);
}

/* An extension that nobody knows, as it stands in the file. */
static GByteArray *other_extension(const struct crash_run *run)
{
    uint32_t bytes = run->set->cluster_size > 1024 ? 1504 : 200;
    GByteArray *out = g_byte_array_new();

    g_byte_array_set_size(out, 8 + bytes);
    be_put32(out->data, OTHER_TYPE);
    be_put32(out->data + 4, bytes);
    for (uint32_t i = 0; i < bytes; i++)
        out->data[8 + i] = (uint8_t)(1 + i % 251);
    return out;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t count)
{
    memcpy(at, bytes, count);
    return at + count;
}

static uint8_t *put_extension(uint8_t *at, uint32_t type, const void *bytes, size_t count)
{
    at = be_put32(at, type);
    at = be_put32(at, (uint32_t)count);
    memset(at, 0, qcow2_align_up(count, 8));
    memcpy(at, bytes, count);
    return at + qcow2_align_up(count, 8);
}

/* The order is QEMU's: names of features lead over the first sector's end. */
void crash_words_begin(const struct crash_run *run, uint8_t *cluster)
{
    g_autoptr(GByteArray) other = other_extension(run);
    g_autofree char *name = name_of(run, 0);
    uint8_t names[8 * QCOW2_FEATURE_SIZE] = { 0 }, *at = cluster + QCOW2_HEADER_SIZE;

    memset(at, 0, run->set->cluster_size - QCOW2_HEADER_SIZE);
    if (run->set->flags & SET_BACKING)
        at = put_extension(at, QCOW2_EXT_BACKING, "raw", 3);
    if (run->set->flags & SET_DATA_FILE)
        at = put_extension(at, QCOW2_EXT_DATA, name, strlen(name));
    for (uint8_t i = 0; i < 8; i++) {
        names[i * QCOW2_FEATURE_SIZE + 1] = i;
        names[i * QCOW2_FEATURE_SIZE + 2] = 'a';
    }
    at = put_extension(at, QCOW2_EXT_FEATURES, names, sizeof(names));
    at = put_bytes(at, other->data, other->len) + 8; /* zeros: the end */
    be_put64(cluster + 8, 0);
    be_put32(cluster + 16, 0);
    if (run->set->flags & SET_BACKING) {
        be_put64(cluster + 8, (uint64_t)(at - cluster));
        be_put32(cluster + 16, (uint32_t)strlen(name));
        put_bytes(at, name, strlen(name));
    }
}

bool crash_words_amend(struct crash_run *run, struct vemu_image *image)
{
    uint64_t number = crash_random(&run->random, crash_random(&run->random, 2) ? 40 : NAMES);
    g_autofree char *name = name_of(run, number);
    struct vemu_property prop = { "backing_file", name };
    struct vemu_error *err = NULL;
    int r;

    if (run->set->flags & SET_DATA_FILE)
        prop.name = "data_file";
    model_begin_name(&run->model, crash_store_tick(&run->store), number);
    r = vemu_image_amend(image, &prop, 1, NULL, &err);
    if (r == -EFBIG && run->set->cluster_size < 4096) { /* no room, or none beside the old one */
        model_cancel_name(&run->model);
        vemu_error_free(err);
        return true;
    }
    model_end_name(&run->model, crash_store_tick(&run->store));
    return r < 0 ? crash_complain(run, "amend a name", r, err) : true;
}

static bool same_bytes(const GByteArray *a, const GByteArray *b)
{
    return a && a->len == b->len && memcmp(a->data, b->data, b->len) == 0;
}

char *crash_words_look(const struct crash_run *run, struct vemu_image *image)
{
    const struct qcow2_header *h = &qcow2_of(image)->header;
    const char *found = run->set->flags & SET_DATA_FILE ? h->data_file : h->backing;
    g_autoptr(GByteArray) other = other_extension(run);
    g_autofree char *expected = NULL;
    uint64_t number;

    if (run->set->flags & SET_WORDS && !same_bytes(h->unknown_extensions, other))
        return g_strdup("an extension that nobody knows is not as it was");
    if (!(run->set->flags & (SET_BACKING | SET_DATA_FILE)))
        return NULL;
    number = found ? strlen(found) - strlen(run->folder) - 1 - strlen(BESIDE) : 1;
    expected = name_of(run, number / 2);
    if (!found || strcmp(found, expected) != 0 || !model_name_may_be(&run->model, number / 2))
        return g_strdup_printf("the file beside the image is called '%s'", found ? found : "");
    return run->set->flags & SET_BACKING && g_strcmp0(h->backing_format, "raw") != 0
               ? g_strdup("the format of the backing file is not there")
               : NULL;
}
