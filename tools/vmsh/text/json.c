/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON as people read it. What comes is JSON already: the library has parsed it.
 */
#include <stdio.h>
#include <string.h>

#include "agent.h"

static void new_line(int depth)
{
    printf("\n%*s", depth * 2, "");
}

/* Prints the string that begins at the quote; returns its last quote. */
static const char *print_string(const char *at)
{
    putchar(*at++);
    for (; *at && *at != '"'; at++) {
        putchar(*at);
        if (*at == '\\' && at[1])
            putchar(*++at);
    }
    if (*at)
        putchar(*at);
    return at;
}

/* The quote that ends the string that begins at the quote, or the end of the text. */
static const char *string_end(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return at;
}

char *json_member(const char *json, const char *name)
{
    const size_t length = strlen(name);
    const char *value = NULL, *end;
    int depth = 0;
    for (const char *at = json; *at; at++) {
        if (*at == '"') {
            end = string_end(at);
            if (depth == 1 && !value && (size_t)(end - at) == length + 1 &&
                !strncmp(at + 1, name, length) && *end && end[1 + strspn(end + 1, " ")] == ':') {
                end += 1 + strspn(end + 1, " ");
                value = end + 1 + strspn(end + 1, " ");
            }
            at = *end ? end : end - 1;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
        if (value && at >= value && depth <= 1 && (at[1] == ',' || at[1] == '}') &&
            (depth == 1 || *at == '}'))
            return must_printf("%.*s", (int)(at + 1 - value), value);
    }
    return NULL;
}

void json_print_indented(const char *json)
{
    int depth = 0;
    for (const char *at = json; *at; at++) {
        switch (*at) {
        case '"': at = print_string(at); break;
        case '{':
        case '[':
            putchar(*at);
            new_line(++depth);
            break;
        case '}':
        case ']':
            new_line(depth > 0 ? --depth : 0);
            putchar(*at);
            break;
        case ',':
            putchar(*at);
            new_line(depth);
            break;
        case ':': printf(": "); break;
        case ' ':
        case '\t':
        case '\n':
        case '\r': break;
        default: putchar(*at); break;
        }
        if (!*at)
            break;
    }
}
