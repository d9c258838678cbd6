/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Big-endian numbers anywhere in memory: file formats, network protocols.
 */
#ifndef VEMU_CORE_BIG_ENDIAN_H
#define VEMU_CORE_BIG_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t be_get16(const void *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return be16toh(v);
}

static inline uint32_t be_get32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return be32toh(v);
}

static inline uint64_t be_get64(const void *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return be64toh(v);
}

/* They return what is behind the number. */

static inline uint8_t *be_put16(void *p, uint32_t value)
{
    uint16_t v = htobe16((uint16_t)value);

    return (uint8_t *)memcpy(p, &v, sizeof(v)) + sizeof(v);
}

static inline uint8_t *be_put32(void *p, uint32_t value)
{
    uint32_t v = htobe32(value);

    return (uint8_t *)memcpy(p, &v, sizeof(v)) + sizeof(v);
}

static inline uint8_t *be_put64(void *p, uint64_t value)
{
    uint64_t v = htobe64(value);

    return (uint8_t *)memcpy(p, &v, sizeof(v)) + sizeof(v);
}

#endif
