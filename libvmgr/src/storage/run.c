/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running the system's programs: argument by argument, without a shell.
 *
 * They find an empty stdin, plain English and the system's own PATH; what they print is bounded.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "backend.h"

#define OUTPUT_MAX (1u << 20)

static const char search_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

int vmgr__run_check_word(const char *word, const char *what, struct vmgr_error **err)
{
    if (!word || !*word)
        return storage_error(err, VMGR_ERR_XML_ERROR, "%s is missing", what);
    if (*word == '-')
        return storage_error(err, VMGR_ERR_XML_ERROR, "%s '%s' cannot begin with '-'", what, word);
    for (const char *c = word; *c; c++) {
        if ((unsigned char)*c <= 0x20 || *c == 0x7f)
            return storage_error(err, VMGR_ERR_XML_ERROR,
                                 "%s '%s' cannot contain blanks or control characters", what, word);
    }
    return 0;
}

/* The program's file: with VMGR_TOOLS_PATH, a test's directory comes first. */
static char *find_program(const char *name)
{
    const char *first = g_getenv("VMGR_TOOLS_PATH");
    g_autofree char *path = g_strconcat(first ? first : "", first ? ":" : "", search_path, NULL);
    g_auto(GStrv) dirs = g_strsplit(path, ":", -1);

    for (char **d = dirs; *d; d++) {
        char *file = g_build_filename(*d, name, NULL);

        if (g_file_test(file, G_FILE_TEST_IS_EXECUTABLE))
            return file;
        g_free(file);
    }
    return NULL;
}

static char **environment(void)
{
    char **env = g_environ_setenv(NULL, "LC_ALL", "C", TRUE);

    return g_environ_setenv(env, "PATH", search_path, TRUE);
}

int vmgr__run_status(const char *const *argv, char **ret_out, struct vmgr_error **err)
{
    g_autofree char *program = find_program(argv[0]), *out = NULL, *errors = NULL;
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_auto(GStrv) env = environment();
    GError *why = NULL;
    int status = 0;

    if (!program)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                             "program '%s' is not installed, and this storage needs it", argv[0]);
    g_ptr_array_add(words, program);
    for (size_t i = 1; argv[i]; i++)
        g_ptr_array_add(words, (char *)argv[i]);
    g_ptr_array_add(words, NULL);
    if (!g_spawn_sync(NULL, (char **)words->pdata, env, G_SPAWN_CLOEXEC_PIPES, NULL, NULL, &out,
                      &errors, &status, &why)) {
        storage_error(err, VMGR_ERR_INTERNAL_ERROR, "cannot run '%s': %s", argv[0], why->message);
        g_error_free(why);
        return -1;
    }
    if (out && strlen(out) > OUTPUT_MAX)
        return storage_error(err, VMGR_ERR_INTERNAL_ERROR, "'%s' printed too much", argv[0]);
    g_strchomp(errors);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                      "Child process (%s) unexpected exit status %d: %s", argv[0],
                      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), errors);
    if (ret_out)
        *ret_out = g_steal_pointer(&out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int vmgr__run(const char *const *argv, char **ret_out, struct vmgr_error **err)
{
    g_autofree char *out = NULL;

    if (vmgr__run_status(argv, &out, err) != 0)
        return -1;
    if (ret_out)
        *ret_out = g_steal_pointer(&out);
    return 0;
}
