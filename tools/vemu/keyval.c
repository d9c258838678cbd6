/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parsing of option values.
 */
#include "keyval.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

/* Ends the item at `s` (replacing ",," by ",") and returns the next one, or NULL. */
static char *item_end(char *s)
{
    char *out = s;
    for (; *s; s++) {
        if (*s == ',') {
            if (s[1] != ',') {
                *out = '\0';
                return s + 1;
            }
            s++;
        }
        *out++ = *s;
    }
    *out = '\0';
    return NULL;
}

bool keyval_parse(struct keyval *kv, const char *option, const char *text, bool implied)
{
    memset(kv, 0, sizeof(*kv));
    kv->text = strdup(text);
    if (!kv->text) {
        report("out of memory");
        return false;
    }
    bool at_first = true;
    for (char *item = kv->text, *next; item; item = next, at_first = false) {
        next = item_end(item);
        char *equals = strchr(item, '=');
        if (at_first && implied && !equals) {
            kv->first = item;
            continue;
        }
        if (!*item || equals == item) {
            report("-%s: empty parameter name in '%s'", option, text);
            keyval_free(kv);
            return false;
        }
        if (kv->count == KEYVAL_MAX) {
            report("-%s: more than %d parameters", option, KEYVAL_MAX);
            keyval_free(kv);
            return false;
        }
        if (equals)
            *equals = '\0';
        kv->items[kv->count++] = (struct vemu_property){ item, equals ? equals + 1 : "on" };
    }
    return true;
}

void keyval_free(struct keyval *kv)
{
    free(kv->text);
    memset(kv, 0, sizeof(*kv));
}

const char *keyval_take(struct keyval *kv, const char *key)
{
    for (size_t i = 0; i < kv->count; i++) {
        if (strcmp(kv->items[i].name, key))
            continue;
        const char *value = kv->items[i].value;
        memmove(&kv->items[i], &kv->items[i + 1], (kv->count - i - 1) * sizeof(kv->items[0]));
        kv->count--;
        return value;
    }
    return NULL;
}

bool keyval_done(const struct keyval *kv, const char *option)
{
    if (!kv->count)
        return true;
    report("-%s: parameter '%s' is not supported", option, kv->items[0].name);
    return false;
}

bool parse_switch(const char *option, const char *key, const char *text, bool *ret)
{
    static const char *const words[] = { "off", "on", "no", "yes", "false", "true" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(text, words[i])) {
            *ret = i & 1;
            return true;
        }
    report("-%s: parameter '%s' expects 'on' or 'off', not '%s'", option, key, text);
    return false;
}

bool parse_size(const char *option, const char *text, unsigned long long unit,
                unsigned long long *ret)
{
    char *end;
    errno = 0;
    unsigned long long value = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 0) : 0;
    if (!isdigit((unsigned char)text[0]) || errno) {
        report("-%s: '%s' is not a size", option, text);
        return false;
    }
    if (*end) {
        static const char suffixes[] = "bKMGT";
        const char *at = strchr(suffixes, *end == 'B' ? 'b' : *end == 'k' ? 'K' : *end);
        if (!at || end[1]) {
            report("-%s: unknown suffix '%s' in '%s' (b, K, M, G, T)", option, end, text);
            return false;
        }
        unit = 1ull << (10 * (at - suffixes));
    }
    if (__builtin_mul_overflow(value, unit, ret)) {
        report("-%s: '%s' is too large", option, text);
        return false;
    }
    return true;
}
