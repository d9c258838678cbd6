/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words of a command string: quotes, backslash, comments, ';' and newline as separators.
 */
#include <stdlib.h>
#include <string.h>

#include "shell.h"

/* A word that grows. */
struct word {
    char *text;
    size_t length, room;
};

static void word_put(struct word *w, char c)
{
    if (w->length + 1 >= w->room) {
        size_t room = w->room ? w->room * 2 : 32;
        char *text = must_alloc(room);
        memcpy(text, w->text ? w->text : "", w->length);
        free(w->text);
        w->text = text;
        w->room = room;
    }
    w->text[w->length++] = c;
    w->text[w->length] = '\0';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_end(char c)
{
    return c == '\0' || c == ';' || c == '\n';
}

/* Blanks, joined lines and a comment in front of a word. */
static const char *skip_blanks(const char *p)
{
    for (;;) {
        if (is_blank(*p))
            p++;
        else if (p[0] == '\\' && p[1] == '\n')
            p += 2;
        else
            break;
    }
    if (*p == '#')
        while (*p && *p != '\n')
            p++;
    return p;
}

/* One word from *text. False: a quote or backslash is not finished. */
static bool read_word(const char **text, struct word *w, const char **error)
{
    const char *p = *text;
    bool single = false, dbl = false;
    word_put(w, 'x'); /* an empty quoted word is a word: make text exist */
    w->length = 0;
    w->text[0] = '\0';
    for (; *p; p++) {
        if (!single && !dbl && (is_blank(*p) || is_end(*p)))
            break;
        if (!dbl && *p == '\'') {
            single = !single;
        } else if (!single && *p == '"') {
            dbl = !dbl;
        } else if (!single && *p == '\\') {
            p++;
            if (!*p) {
                *error = "dangling \\";
                return false;
            }
            if (*p != '\n')
                word_put(w, *p);
        } else {
            word_put(w, *p);
        }
    }
    *text = p;
    if (single || dbl) {
        *error = dbl ? "missing \"" : "missing '";
        return false;
    }
    return true;
}

static void words_add(char ***words, size_t *count, char *word)
{
    char **grown = must_alloc((*count + 2) * sizeof(*grown));
    if (*count)
        memcpy(grown, *words, *count * sizeof(*grown));
    grown[(*count)++] = word;
    free(*words);
    *words = grown;
}

int lexer_next(const char **text, char ***words, size_t *count, const char **error)
{
    const char *p = *text;
    *words = must_alloc(sizeof(**words));
    *count = 0;
    if (!*p) {
        words_free(*words);
        return 0;
    }
    for (;;) {
        p = skip_blanks(p);
        if (is_end(*p))
            break;
        struct word w = { 0 };
        if (!read_word(&p, &w, error)) {
            free(w.text);
            words_free(*words);
            return -1;
        }
        words_add(words, count, w.text);
    }
    *text = *p ? p + 1 : p;
    return 1;
}

void words_free(char **words)
{
    for (size_t i = 0; words && words[i]; i++)
        free(words[i]);
    free(words);
}
