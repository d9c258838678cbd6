/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What somebody types: any text as commands, and their words as options of a command.
 *
 *     fuzz-vmsh-words SEED COUNT | --write DIR | FILE
 *
 * What is checked: cutting up ends; what a word is, is a word again when it is quoted; an option
 * that was taken was there; what is refused has a sentence.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct opt options[] = {
    { .name = "domain", .type = OPT_DATA },
    { .name = "name", .type = OPT_STRING },
    { .name = "count", .type = OPT_INT },
    { .name = "live", .type = OPT_BOOL },
    { .name = "named", .type = OPT_STRING, .named = true },
    { .name = "rest", .type = OPT_ARGV },
    { 0 },
};
static const struct cmd commands[] = {
    { .name = "strict", .opts = options },
    { .name = "lenient", .opts = options, .lenient = true },
    { .name = "bare" },
};

static unsigned errors;

/* In place of the shell's: what is said is counted. */
void shell_error(struct shell *sh, const char *format, ...)
{
    char text[4096];
    va_list ap;

    (void)sh;
    va_start(ap, format);
    if (vsnprintf(text, sizeof(text), format, ap) > 0)
        errors++;
    va_end(ap);
}

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz-vmsh-words: %s\n", what);
        abort();
    }
}

/* 'word', as it can be typed. */
static char *quote(const char *word)
{
    char *text = must_alloc(strlen(word) * 4 + 3), *to = text;

    *to++ = '\'';
    for (; *word; word++) {
        if (*word == '\'') {
            memcpy(to, "'\\''", 4);
            to += 4;
        } else {
            *to++ = *word;
        }
    }
    *to++ = '\'';
    return text;
}

static void same_again(const char *word)
{
    char *typed = quote(word), **words = NULL;
    const char *at = typed, *error = NULL;
    size_t count = 0;

    require(lexer_next(&at, &words, &count, &error) == 1 && count == 1 && !*at,
            "a quoted word is one word");
    require(strcmp(words[0], word) == 0, "a quoted word is itself");
    words_free(words);
    free(typed);
}

static void take_options(char *const *words, size_t count)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct args args;
        unsigned long long bytes;
        bool ok;
        int number;

        errors = 0;
        ok = args_parse(NULL, &args, &commands[i], words, count);
        require(ok || errors, "refused without a sentence");
        require(args.count <= count, "more options than words");
        if (ok) {
            char *rest = args_words(&args, "rest");

            args_check_values(NULL, &args);
            errors = 0;
            require(args_int(NULL, &args, "count", &number) >= 0 || errors, "a number");
            errors = 0;
            require(args_size(NULL, &args, "name", 1024, &bytes) >= 0 || errors, "a size");
            free(rest);
        }
        args_fini(&args);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = must_alloc(size + 1), **words = NULL;
    const char *at = text, *error = NULL, *before;
    size_t count;
    int r;

    if (size)
        memcpy(text, data, size);
    for (before = at; (r = lexer_next(&at, &words, &count, &error)) == 1; before = at) {
        require(at > before && at <= text + strlen(text), "each command takes something");
        for (size_t i = 0; i < count; i++)
            same_again(words[i]);
        require(words[count] == NULL, "words end");
        take_options(words, count);
        words_free(words);
    }
    require(r == 0 || (error && *error), "refused without a reason");
    free(text);
    return 0;
}

#ifndef FUZZ_LIBFUZZER

static uint64_t state;

static uint32_t below(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 11) % limit);
}

static const char *const pieces[] = {
    "list", " ",    "\t", "--all",   "--name",   "=",       "'",
    "\"",   "\\",   ";",  "\n",      "#",        "--",      "-",
    "5",    "1G",   "0x", "--count", "--live",   "--named", "--help",
    "a'b",  "\\\n", "-5", "kib",     "\xc3\xa4", "--rest",  "domain",
};

static size_t make_input(char *to, size_t room)
{
    size_t size = 0;

    for (uint32_t n = below(40); n; n--) {
        const char *piece = pieces[below(sizeof(pieces) / sizeof(pieces[0]))];

        if (size + strlen(piece) < room) {
            memcpy(to + size, piece, strlen(piece));
            size += strlen(piece);
        }
    }
    return size;
}

static int write_seeds(const char *dir)
{
    char input[512], path[4096];

    for (unsigned i = 0; i < 100; i++) {
        const size_t size = make_input(input, sizeof(input));
        FILE *f;

        snprintf(path, sizeof(path), "%s/seed-%u", dir, i);
        f = fopen(path, "w");
        if (!f || fwrite(input, 1, size, f) != size || fclose(f) != 0) {
            fprintf(stderr, "fuzz-vmsh-words: cannot write %s\n", path);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    char input[65536];

    state = 0x9e3779b97f4a7c15u;
    if (argc == 2) {
        FILE *f = fopen(argv[1], "r");
        const size_t size = f ? fread(input, 1, sizeof(input), f) : 0;

        if (f)
            fclose(f);
        return f ? LLVMFuzzerTestOneInput((const uint8_t *)input, size) : 2;
    }
    if (argc != 3) {
        fprintf(stderr, "usage: fuzz-vmsh-words SEED COUNT | --write DIR | FILE\n");
        return 2;
    }
    if (strcmp(argv[1], "--write") == 0)
        return write_seeds(argv[2]);
    state ^= strtoull(argv[1], NULL, 10) << 1;
    for (unsigned long i = strtoul(argv[2], NULL, 10); i; i--)
        LLVMFuzzerTestOneInput((const uint8_t *)input, make_input(input, sizeof(input)));
    return 0;
}

#endif
