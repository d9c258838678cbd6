/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables as virsh prints them: one leading blank, three between columns, columns but the last
 * padded to the widest cell, a rule as long as all columns plus three each.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "shell.h"

struct table {
    size_t columns, cells, room;
    char **text; /* rows one after the other, titles first */
};

/* Whether every byte is a column: no locale has another opinion of ASCII. */
static bool is_plain(const char *text)
{
    while (*text >= ' ' && *text <= '~')
        text++;
    return !*text;
}

char *text_printable(const char *text)
{
    if (is_plain(text))
        return must_strdup(text);
    char *out = must_alloc(strlen(text) * 4 + 1), *at = out;
    mbstate_t state = { 0 };
    while (*text) {
        wchar_t wide;
        size_t n = mbrtowc(&wide, text, strlen(text), &state);
        bool valid = n != (size_t)-1 && n != (size_t)-2;
        if (!valid)
            state = (mbstate_t){ 0 };
        if (valid && (iswprint((wint_t)wide) || wcwidth(wide) == 0)) {
            at = mempcpy(at, text, n);
            text += n;
            continue;
        }
        for (size_t left = valid ? n : 1; left; left--)
            at += sprintf(at, "\\x%02x", (unsigned char)*text++);
    }
    return out;
}

static void table_add(struct table *t, const char *cell)
{
    if (t->cells == t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        char **text = must_alloc(room * sizeof(*text));
        if (t->cells)
            memcpy(text, t->text, t->cells * sizeof(*text));
        free(t->text);
        t->text = text;
        t->room = room;
    }
    t->text[t->cells++] = text_printable(cell);
}

struct table *table_new(const char *title, ...)
{
    struct table *t = must_alloc(sizeof(*t));
    va_list args;
    va_start(args, title);
    for (; title; title = va_arg(args, const char *), t->columns++)
        table_add(t, title);
    va_end(args);
    return t;
}

void table_row(struct table *t, const char *cell, ...)
{
    va_list args;
    va_start(args, cell);
    for (; cell; cell = va_arg(args, const char *))
        table_add(t, cell);
    va_end(args);
}

size_t text_width(const char *text)
{
    wchar_t wide[1024];
    if (is_plain(text))
        return strlen(text);
    size_t n = mbstowcs(wide, text, 1024);
    if (n >= 1024) /* too long, or -1: not valid */
        return strlen(text);
    int width = wcswidth(wide, n);
    return width < 0 ? strlen(text) : (size_t)width;
}

static void print_row(const struct table *t, char *const *cells, const size_t *widths)
{
    for (size_t c = 0; c < t->columns; c++) {
        fputs(c ? "   " : " ", stdout);
        fputs(cells[c], stdout);
        for (size_t n = c + 1 < t->columns ? widths[c] - text_width(cells[c]) : 0; n; n--)
            putchar(' ');
    }
    putchar('\n');
}

void table_print(struct table *t, bool quiet)
{
    size_t *widths = must_alloc(t->columns * sizeof(*widths));
    size_t first = quiet ? t->columns : 0, rule = 0;
    for (size_t i = first; i < t->cells; i++) {
        size_t width = text_width(t->text[i]);
        if (width > widths[i % t->columns])
            widths[i % t->columns] = width;
    }
    for (size_t c = 0; c < t->columns; c++)
        rule += widths[c] + 3;
    for (size_t i = first; i < t->cells; i += t->columns) {
        print_row(t, t->text + i, widths);
        if (i == 0) {
            for (size_t n = 0; n < rule; n++)
                putchar('-');
            putchar('\n');
        }
    }
    for (size_t i = 0; i < t->cells; i++)
        free(t->text[i]);
    free(t->text);
    free(widths);
    free(t);
}
