/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text that describes a VMDK image ("Virtual Disk Format 5.0", The Descriptor File).
 *
 * Lines `name=value`, where value may have quotes, and one for each extent:
 *
 *     RW 4192256 SPARSE "disk-s001.vmdk"
 *     RW 20480 FLAT "disk-flat.vmdk" 0
 *     RW 63 ZERO
 */
#include "image/vmdk.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/error.h"

static const struct {
    const char *name;
    enum vmdk_extent_type type;
} types[] = {
    { "FLAT", VMDK_FLAT },
    { "VMFS", VMDK_FLAT },
    { "SPARSE", VMDK_SPARSE },
    { "ZERO", VMDK_ZERO },
};

void vemu__vmdk_descriptor_clear(struct vmdk_descriptor *descriptor)
{
    for (unsigned i = 0; i < descriptor->line_count; i++)
        g_free(descriptor->lines[i].filename);
    g_free(descriptor->lines);
    g_free(descriptor->create_type);
    g_free(descriptor->parent);
    memset(descriptor, 0, sizeof(*descriptor));
}

/* A name with a colon in front of its first slash would be a protocol's. Extents are files. */
static bool is_file_name(const char *name)
{
    size_t n = strcspn(name, ":/");

    return *name && name[n] != ':';
}

/* The next word of a line; quotes hold one together. NULL: there is none. The line is changed. */
static char *word_next(char **at)
{
    char *start = *at + strspn(*at, " \t");
    char *end;

    if (!*start)
        return NULL;
    if (*start == '"') {
        end = strchr(++start, '"');
        if (!end)
            return NULL;
    } else {
        end = start + strcspn(start, " \t");
    }
    *at = *end ? end + 1 : end;
    *end = 0;
    return start;
}

static bool number_parse(const char *text, uint64_t max, uint64_t *ret)
{
    return text && g_ascii_string_to_unsigned(text, 10, 0, max, ret, NULL);
}

static int extent_parse(char *line, const char *filename, struct vmdk_descriptor *ret,
                        struct vemu_error **err)
{
    char *access = word_next(&line), *sectors = word_next(&line), *type = word_next(&line);
    char *file = word_next(&line), *offset = word_next(&line);
    struct vmdk_extent_line *to;
    unsigned i;
    uint64_t n;

    if (ret->line_count == VMDK_EXTENTS_MAX)
        return vemu__error_set(err, EINVAL, "'%s' has more than %u vmdk extents", filename,
                               VMDK_EXTENTS_MAX);
    if (!type || !number_parse(sectors, INT64_MAX / IMAGE_SECTOR, &n))
        return vemu__error_set(err, EINVAL, "'%s': invalid vmdk extent line '%s ...'", filename,
                               access);
    for (i = 0; i < G_N_ELEMENTS(types) && strcmp(types[i].name, type) != 0; i++)
        continue;
    if (i == G_N_ELEMENTS(types))
        return vemu__error_set(err, ENOTSUP, "'%s': vmdk extents of type '%s' are not supported",
                               filename, type);
    to = &ret->lines[ret->line_count];
    *to = (struct vmdk_extent_line){ .type = types[i].type, .bytes = n * IMAGE_SECTOR };
    g_strlcpy(to->type_name, types[i].name, sizeof(to->type_name));
    if (to->type != VMDK_ZERO && (!file || !is_file_name(file)))
        return vemu__error_set(err, EINVAL, "'%s': a vmdk extent without the name of a file",
                               filename);
    if (offset && !number_parse(offset, INT64_MAX / IMAGE_SECTOR, &n))
        return vemu__error_set(err, EINVAL, "'%s': invalid offset of the vmdk extent '%s'",
                               filename, file);
    if (to->type == VMDK_FLAT)
        to->offset = offset ? n * IMAGE_SECTOR : 0;
    to->filename = to->type == VMDK_ZERO ? NULL : g_strdup(file);
    ret->line_count++;
    return 0;
}

/* "name=value" or "name = "value""; NULL: the line is not that. */
static const char *value_of(char *line, const char *name)
{
    size_t length = strlen(name);
    char *value;

    if (g_ascii_strncasecmp(line, name, length) != 0)
        return NULL;
    value = line + length + strspn(line + length, " \t");
    if (*value != '=')
        return NULL;
    value++;
    value = word_next(&value);
    return value ? value : "";
}

static int line_parse(char *line, const char *filename, struct vmdk_descriptor *ret,
                      struct vemu_error **err)
{
    const char *value;

    if (g_str_has_prefix(line, "RW ") || g_str_has_prefix(line, "RDONLY ") ||
        g_str_has_prefix(line, "NOACCESS "))
        return extent_parse(line, filename, ret, err);
    if ((value = value_of(line, "CID"))) {
        ret->cid = (uint32_t)g_ascii_strtoull(value, NULL, 16);
    } else if ((value = value_of(line, "parentCID"))) {
        ret->parent_cid = (uint32_t)g_ascii_strtoull(value, NULL, 16);
    } else if ((value = value_of(line, "createType"))) {
        g_free(ret->create_type);
        ret->create_type = g_strdup(value);
    } else if ((value = value_of(line, "parentFileNameHint"))) {
        g_free(ret->parent);
        ret->parent = *value ? g_strdup(value) : NULL;
    }
    return 0;
}

int vemu__vmdk_descriptor_parse(const char *text, const char *filename, struct vmdk_descriptor *ret,
                                struct vemu_error **err)
{
    g_auto(GStrv) lines = g_strsplit_set(text, "\r\n", -1);
    int r = 0;

    *ret = (struct vmdk_descriptor){ .parent_cid = UINT32_MAX };
    ret->lines = g_new0(struct vmdk_extent_line, VMDK_EXTENTS_MAX);
    for (char **line = lines; *line && r == 0; line++)
        r = line_parse(*line + strspn(*line, " \t"), filename, ret, err);
    if (r == 0 && !ret->create_type)
        r = vemu__error_set(err, EINVAL, "'%s': the vmdk descriptor has no createType", filename);
    if (r < 0)
        vemu__vmdk_descriptor_clear(ret);
    return r;
}
