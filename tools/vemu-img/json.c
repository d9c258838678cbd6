/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values that are shown as JSON, or indented for people.
 *
 * Members of an object are shown in the order in which qemu-img happens to show them, that of its
 * hash table, since there are scripts that compare or cut up the text.
 */
#include "json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "props.h"

#define MAX_DEPTH 64

enum kind { OBJECT, ARRAY, STRING, PLAIN }; /* PLAIN: number, true, false, null */

struct value {
    enum kind kind;
    char *key, *text;
    struct value *first, *next;
};

static struct value *value_new(enum kind kind, const char *text)
{
    struct value *value = need(calloc(1, sizeof(*value)));

    value->kind = kind;
    value->text = text ? need(strdup(text)) : NULL;
    return value;
}

struct value *value_object(void)
{
    return value_new(OBJECT, NULL);
}

struct value *value_array(void)
{
    return value_new(ARRAY, NULL);
}

struct value *value_string(const char *text)
{
    return value_new(STRING, text);
}

struct value *value_number(uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    return value_new(PLAIN, text);
}

struct value *value_bool(bool on)
{
    return value_new(PLAIN, on ? "true" : "false");
}

void value_free(struct value *value)
{
    if (!value)
        return;
    for (struct value *child = value->first, *next; child; child = next) {
        next = child->next;
        value_free(child);
    }
    free(value->key);
    free(value->text);
    free(value);
}

/* Place in qemu's table of 512: the hash function of the trivial database. */
static unsigned key_place(const char *key)
{
    uint32_t hash = 0x238f13af * (uint32_t)strlen(key);

    for (unsigned i = 0; key[i]; i++)
        hash += (uint32_t)(unsigned char)key[i] << (i * 5 % 24);
    return (1103515243u * hash + 12345u) % 512;
}

struct value *value_add(struct value *parent, const char *key, struct value *child)
{
    struct value **at = &parent->first;

    child->key = key ? need(strdup(key)) : NULL;
    while (*at && (!key || key_place((*at)->key) <= key_place(key)))
        at = &(*at)->next;
    child->next = *at;
    return *at = child;
}

struct value *value_get(const struct value *object, const char *key)
{
    for (struct value *child = object->first; child; child = child->next)
        if (child->key && !strcmp(child->key, key))
            return child;
    return NULL;
}

bool value_is_object(const struct value *value)
{
    return value->kind == OBJECT;
}

/* --- printing --------------------------------------------------------------------------------- */

/* One character of UTF-8; 0xfffd for what is none. */
static uint32_t next_char(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    unsigned more = s[0] < 0x80 ? 0 : s[0] >= 0xf0 && s[0] < 0xf8 ? 3 : s[0] >= 0xe0 ? 2 : 1;
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

    ++*text;
    if (!more)
        return s[0];
    if (s[0] < 0xc2 || s[0] >= 0xf8)
        return 0xfffd;
    uint32_t c = s[0] & (0x3fu >> more);
    for (unsigned i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0xfffd;
        c = c << 6 | (s[i] & 0x3f);
        ++*text;
    }
    return c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c;
}

static void print_string(FILE *f, const char *text)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

    fputc('"', f);
    while (*text) {
        uint32_t c = next_char(&text);
        const char *at = c < 0x80 ? strchr(plain, (int)c) : NULL;
        if (at)
            fprintf(f, "\\%c", letters[at - plain]);
        else if (c >= 0x10000)
            fprintf(f, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
                    0xdc00 + ((c - 0x10000) & 0x3ff));
        else if (c < 0x20 || c >= 0x7f)
            fprintf(f, "\\u%04X", c);
        else
            fputc((int)c, f);
    }
    fputc('"', f);
}

/* level < 0: all on one line. */
static void print(FILE *f, const struct value *value, int level)
{
    if (value->kind == STRING) {
        print_string(f, value->text);
        return;
    }
    if (value->kind == PLAIN) {
        fputs(value->text, f);
        return;
    }
    int inner = level < 0 ? level : level + 1;
    fputc(value->kind == OBJECT ? '{' : '[', f);
    for (const struct value *child = value->first; child; child = child->next) {
        if (level >= 0)
            fprintf(f, "\n%*s", 4 * inner, "");
        if (value->kind == OBJECT) {
            print_string(f, child->key);
            fputs(": ", f);
        }
        print(f, child, inner);
        if (child->next)
            fputs(level < 0 ? ", " : ",", f);
    }
    if (level >= 0)
        fprintf(f, "\n%*s", 4 * level, "");
    fputc(value->kind == OBJECT ? '}' : ']', f);
}

void value_print(const struct value *value)
{
    print(stdout, value, 0);
    putchar('\n');
}

char *value_text(const struct value *value)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = need(open_memstream(&text, &size));

    print(f, value, -1);
    fclose(f);
    return need(text);
}

void value_print_human(const struct value *value, int level)
{
    int index = 0;

    for (const struct value *child = value->first; child; child = child->next) {
        bool inside = child->kind == OBJECT || child->kind == ARRAY;
        printf("%*s", 4 * level, "");
        if (value->kind == ARRAY)
            printf("[%d]:", index++);
        for (const char *s = child->key; s && *s; s++)
            putchar(*s == '-' ? ' ' : *s);
        if (value->kind == OBJECT)
            putchar(':');
        putchar(inside ? '\n' : ' ');
        if (inside)
            value_print_human(child, level + 1);
        else
            printf("%s\n", child->text);
    }
}

/* --- parsing ---------------------------------------------------------------------------------- */

static void skip_space(const char **s)
{
    *s += strspn(*s, " \t\r\n");
}

static int hex4(const char *s)
{
    int c = 0;

    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)s[i]))
            return -1;
        c = c * 16 + (isdigit((unsigned char)s[i]) ? s[i] - '0' : (s[i] | 32) - 'a' + 10);
    }
    return c;
}

static char *put_char(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* What is behind a backslash. */
static bool parse_escape(const char **s, char **out)
{
    static const char letters[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    const char *at = **s ? strchr(letters, **s) : NULL;

    if (at) {
        *(*out)++ = plain[at - letters];
        ++*s;
        return true;
    }
    int c = **s == 'u' ? hex4(*s + 1) : -1;
    if (c <= 0)
        return false;
    *s += 5;
    if (c >= 0xd800 && c < 0xdc00 && (*s)[0] == '\\' && (*s)[1] == 'u') {
        int low = hex4(*s + 2);
        if (low < 0xdc00 || low > 0xdfff)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        *s += 6;
    }
    *out = put_char(*out, (uint32_t)c);
    return true;
}

static char *parse_string(const char **s)
{
    if (**s != '"')
        return NULL;
    char *text = need(malloc(strlen(*s))), *out = text;
    for (++*s; **s && **s != '"';) {
        if (**s != '\\') {
            *out++ = *(*s)++;
            continue;
        }
        ++*s;
        if (!parse_escape(s, &out))
            break;
    }
    *out = '\0';
    if (*(*s) == '"') {
        ++*s;
        return text;
    }
    free(text);
    return NULL;
}

static struct value *parse(const char **s, int depth);

static bool parse_members(const char **s, struct value *value, char close, int depth)
{
    skip_space(s);
    if (**s == close) {
        ++*s;
        return true;
    }
    for (;;) {
        char *key = NULL;
        skip_space(s);
        if (value->kind == OBJECT) {
            key = parse_string(s);
            if (!key)
                return false;
            skip_space(s);
            if (*(*s)++ != ':') {
                free(key);
                return false;
            }
        }
        struct value *child = parse(s, depth + 1);
        if (child)
            value_add(value, key, child);
        free(key);
        if (!child)
            return false;
        skip_space(s);
        char c = *(*s)++;
        if (c == close)
            return true;
        if (c != ',')
            return false;
    }
}

static struct value *parse(const char **s, int depth)
{
    struct value *value = NULL;

    skip_space(s);
    if (depth > MAX_DEPTH)
        return NULL;
    if (**s == '{' || **s == '[') {
        char close = **s == '{' ? '}' : ']';
        value = value_new(**s == '{' ? OBJECT : ARRAY, NULL);
        ++*s;
        if (!parse_members(s, value, close, depth)) {
            value_free(value);
            return NULL;
        }
        return value;
    }
    if (**s == '"') {
        char *text = parse_string(s);
        value = text ? value_new(STRING, text) : NULL;
        free(text);
        return value;
    }
    size_t n = strspn(*s, "+-.0123456789abcdefghijklmnopqrstuvwxyzE");
    if (!n)
        return NULL;
    char *text = need(strndup(*s, n));
    value = value_new(PLAIN, text);
    free(text);
    *s += n;
    return value;
}

struct value *value_parse(const char *json)
{
    struct value *value = parse(&json, 0);

    skip_space(&json);
    if (value && *json) {
        value_free(value);
        return NULL;
    }
    return value;
}
