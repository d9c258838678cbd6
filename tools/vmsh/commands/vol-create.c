/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * New volumes: from documents, from words, from other volumes.
 */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text/storage.h"

#define CREATE_POOL_OPT                                                                            \
    {                                                                                              \
        .name = "pool", .type = OPT_DATA, .help = "pool name", .completer = COMPLETE_POOL_ACTIVE   \
    }
#define VOL_FILE_OPT                                                                               \
    {                                                                                              \
        .name = "file", .type = OPT_DATA, .help = "file containing an XML vol description",        \
        .completer = COMPLETE_FILE                                                                 \
    }
#define PREALLOC                                                                                   \
    FLAG("prealloc-metadata", "preallocate metadata (for qcow2 instead of full allocation)")

const struct opt vol_create_opts[] = {
    CREATE_POOL_OPT, VOL_FILE_OPT,
    PREALLOC,        FLAG("validate", "validate the XML against the schema"),
    OPT_END,
};
const struct opt vol_create_as_opts[] = {
    CREATE_POOL_OPT,
    { .name = "name", .type = OPT_DATA, .help = "name of the volume" },
    { .name = "capacity",
      .type = OPT_DATA,
      .help = "size of the vol, as scaled integer (default bytes)" },
    TEXT("allocation", "initial allocation size, as scaled integer (default bytes)"),
    TEXT("format", "file format type raw,bochs,qcow,qcow2,qed,vmdk"),
    TEXT("backing-vol", "the backing volume if taking a snapshot"),
    TEXT("backing-vol-format", "format of backing volume if taking a snapshot"),
    PREALLOC,
    FLAG("print-xml", "print XML document, but don't define/create"),
    OPT_END,
};
const struct opt vol_create_from_opts[] = {
    { .name = "pool",
      .type = OPT_DATA,
      .help = "pool name or uuid",
      .completer = COMPLETE_POOL_ACTIVE },
    VOL_FILE_OPT,
    VOL_OPT("vol name, key or path"),
    { .name = "inputpool",
      .type = OPT_STRING,
      .help = "pool name or uuid of the input volume's pool",
      .completer = COMPLETE_POOL_ACTIVE },
    PREALLOC,
    FLAG("reflink", "use btrfs COW lightweight copy"),
    FLAG("validate", "validate the XML against the schema"),
    OPT_END,
};
const struct opt vol_clone_opts[] = {
    VOL_OPT("vol name, key or path"),
    { .name = "newname", .type = OPT_DATA, .help = "clone name" },
    VOL_POOL_OPT,
    PREALLOC,
    FLAG("reflink", "use btrfs COW lightweight copy"),
    FLAG("print-xml", "print XML document rather than clone the volume"),
    OPT_END,
};

static uint32_t create_flags(const struct args *args)
{
    uint32_t flags = 0;
    if (args_bool(args, "prealloc-metadata"))
        flags |= VMGR_VOLUME_CREATE_PREALLOC_METADATA;
    if (args_bool(args, "reflink"))
        flags |= VMGR_VOLUME_CREATE_REFLINK;
    if (args_bool(args, "validate"))
        flags |= VMGR_VOLUME_CREATE_VALIDATE;
    return flags;
}

bool cmd_vol_create(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    struct vmgr_volume *volume = NULL;
    struct vmgr_pool *pool = args_pool(sh, args);
    char *xml = pool ? file_read(sh, path) : NULL;
    bool ok = false;
    if (xml) {
        ok = vmgr_volume_create_xml(pool, xml, create_flags(args), &volume, shell_err(sh)) >= 0;
        if (ok)
            shell_extra(sh, "Vol %s created from %s\n", vmgr_volume_get_name(volume), path);
        else
            shell_error(sh, "Failed to create vol from %s", path);
    }
    free(xml);
    vmgr_volume_unref(volume);
    vmgr_pool_unref(pool);
    return ok;
}

static void add_backing(struct text *t, const char *path, const char *format)
{
    xml_open(t, "backingStore");
    xml_text(t, "path", path);
    xml_attr(t, "format", "type", format);
    xml_close(t, "backingStore");
}

/* The path of the backing volume, for free(). */
static char *backing_path(struct shell *sh, struct vmgr_pool *pool, const char *name)
{
    struct vmgr_volume *volume = find_volume(sh, pool, name);
    char *path = NULL;
    if (!volume)
        shell_error(sh, "failed to get vol '%s'", name);
    else if (vmgr_volume_get_path(volume, &path, shell_err(sh)) < 0)
        path = NULL;
    vmgr_volume_unref(volume);
    return path;
}

/* The document, for free(); NULL: printed why. */
static char *make_xml(struct shell *sh, const struct args *args, struct vmgr_pool *pool)
{
    const char *allocation = args_string(args, "allocation"), *format = args_string(args, "format");
    const char *backing = args_string(args, "backing-vol");
    struct text t = { 0 };
    uint64_t bytes, allocated = 0;
    char *path = NULL;
    if (!parse_size(args_string(args, "capacity"), &bytes)) {
        shell_error(sh, "Malformed size %s", args_string(args, "capacity"));
        return NULL;
    }
    if (allocation && !parse_size(allocation, &allocated)) {
        shell_error(sh, "Malformed size %s", allocation);
        return NULL;
    }
    if (backing && !(path = backing_path(sh, pool, backing)))
        return NULL;
    xml_open(&t, "volume");
    xml_text(&t, "name", args_string(args, "name"));
    xml_line(&t, "<capacity>%llu</capacity>", (unsigned long long)bytes);
    if (allocation)
        xml_line(&t, "<allocation>%llu</allocation>", (unsigned long long)allocated);
    if (format) {
        xml_open(&t, "target");
        xml_attr(&t, "format", "type", format);
        xml_close(&t, "target");
    }
    if (path)
        add_backing(&t, path, args_string(args, "backing-vol-format"));
    xml_close(&t, "volume");
    free(path);
    return t.s;
}

bool cmd_vol_create_as(struct shell *sh, const struct args *args)
{
    const char *name = args_string(args, "name");
    struct vmgr_volume *volume = NULL;
    struct vmgr_pool *pool = args_pool(sh, args);
    char *xml = pool ? make_xml(sh, args, pool) : NULL;
    bool ok = xml != NULL;
    if (ok && args_bool(args, "print-xml")) {
        printf("%s", xml);
    } else if (ok) {
        ok = vmgr_volume_create_xml(pool, xml, create_flags(args), &volume, shell_err(sh)) >= 0;
        if (ok)
            shell_extra(sh, "Vol %s created\n", vmgr_volume_get_name(volume));
        else
            shell_error(sh, "Failed to create vol %s", name);
    }
    free(xml);
    vmgr_volume_unref(volume);
    vmgr_pool_unref(pool);
    return ok;
}

bool cmd_vol_create_from(struct shell *sh, const struct args *args)
{
    const char *path = args_string(args, "file");
    struct vmgr_volume *made = NULL, *source = NULL;
    struct vmgr_pool *pool = args_pool(sh, args);
    char *xml = NULL;
    bool ok = false;
    if (pool)
        source = args_volume(sh, args, "inputpool");
    if (source)
        xml = file_read(sh, path);
    if (xml) {
        ok = vmgr_volume_create_xml_from(pool, xml, source, create_flags(args), &made,
                                         shell_err(sh)) >= 0;
        if (ok)
            shell_extra(sh, "Vol %s created from input vol %s\n", vmgr_volume_get_name(made),
                        vmgr_volume_get_name(source));
        else
            shell_error(sh, "Failed to create vol from %s", path);
    }
    free(xml);
    vmgr_volume_unref(made);
    vmgr_volume_unref(source);
    vmgr_pool_unref(pool);
    return ok;
}

/* The same document with another name, for free(). */
static char *with_name(struct shell *sh, const char *xml, const char *name)
{
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), "volume.xml", NULL, XML_PARSE_NONET);
    xmlXPathContextPtr context = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObjectPtr found = context ? xmlXPathEval(BAD_CAST "/volume/name", context) : NULL;
    xmlBufferPtr buffer = xmlBufferCreate();
    char *text = NULL;
    if (found && found->nodesetval && found->nodesetval->nodeNr && buffer) {
        xmlChar *escaped = xmlEncodeSpecialChars(doc, BAD_CAST name);
        xmlNodeSetContent(found->nodesetval->nodeTab[0], escaped);
        xmlFree(escaped);
        if (xmlNodeDump(buffer, doc, xmlDocGetRootElement(doc), 0, 1) >= 0)
            text = must_strdup((const char *)xmlBufferContent(buffer));
    }
    if (!text)
        shell_error(sh, "Failed to allocate XML buffer");
    xmlBufferFree(buffer);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    xmlFreeDoc(doc);
    return text;
}

bool cmd_vol_clone(struct shell *sh, const struct args *args)
{
    struct vmgr_volume *source = args_volume(sh, args, "pool"), *made = NULL;
    struct vmgr_pool *pool = NULL;
    char *xml = NULL, *fresh = NULL;
    bool ok = source && vmgr_pool_lookup_by_volume(source, &pool, shell_err(sh)) >= 0 &&
              vmgr_volume_get_xml(source, 0, &xml, shell_err(sh)) >= 0 &&
              (fresh = with_name(sh, xml, args_string(args, "newname")));
    if (ok && args_bool(args, "print-xml")) {
        printf("%s", fresh);
    } else if (ok) {
        ok = vmgr_volume_create_xml_from(pool, fresh, source, create_flags(args), &made,
                                         shell_err(sh)) >= 0;
        if (ok)
            shell_extra(sh, "Vol %s cloned from %s\n", vmgr_volume_get_name(made),
                        vmgr_volume_get_name(source));
        else
            shell_error(sh, "Failed to clone vol from %s", vmgr_volume_get_name(source));
    }
    free(xml);
    free(fresh);
    vmgr_volume_unref(made);
    vmgr_pool_unref(pool);
    vmgr_volume_unref(source);
    return ok;
}
