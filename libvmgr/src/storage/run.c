/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running the system's programs: argument by argument, without a shell.
 *
 * They find an empty stdin, plain English and the system's own PATH; what they print is bounded.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* ---- what a program prints ---- */

struct output {
    int fd; /* -1: it has ended */
    GString *text;
};

static void output_close(struct output *o)
{
    if (o->fd >= 0)
        close(o->fd);
    o->fd = -1;
}

/* Some of it. False: it is too much. */
static bool output_read(struct output *o)
{
    char buf[4096];
    ssize_t n = read(o->fd, buf, sizeof(buf));

    if (n > 0)
        g_string_append_len(o->text, buf, n);
    else if (n == 0 || errno != EINTR)
        output_close(o);
    return o->text->len <= OUTPUT_MAX;
}

/* All of both. False: it is too much. */
static bool outputs_read(struct output outputs[2])
{
    while (outputs[0].fd >= 0 || outputs[1].fd >= 0) {
        struct pollfd fds[2] = { { outputs[0].fd, POLLIN, 0 }, { outputs[1].fd, POLLIN, 0 } };

        if (poll(fds, 2, -1) < 0)
            continue;
        for (unsigned i = 0; i < 2; i++) {
            if (fds[i].revents && !output_read(&outputs[i]))
                return false;
        }
    }
    return true;
}

/* Its status as of waitpid(); -1 and *err. A program that prints without end is ended. */
static int run(const char *name, char **words, struct output outputs[2], struct vmgr_error **err)
{
    const GSpawnFlags flags = G_SPAWN_CLOEXEC_PIPES | G_SPAWN_DO_NOT_REAP_CHILD;
    g_auto(GStrv) env = environment();
    GError *why = NULL;
    int status = 0;
    bool enough;
    GPid pid;

    if (!g_spawn_async_with_pipes(NULL, words, env, flags, NULL, NULL, &pid, NULL, &outputs[0].fd,
                                  &outputs[1].fd, &why)) {
        storage_error(err, VMGR_ERR_INTERNAL_ERROR, "cannot run '%s': %s", name, why->message);
        g_error_free(why);
        return -1;
    }
    enough = outputs_read(outputs);
    if (!enough)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    g_spawn_close_pid(pid);
    output_close(&outputs[0]);
    output_close(&outputs[1]);
    return enough ? status
                  : storage_error(err, VMGR_ERR_INTERNAL_ERROR, "'%s' printed too much", name);
}

static int exit_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int vmgr__run_status(const char *const *argv, char **ret_out, struct vmgr_error **err)
{
    struct output outputs[2] = { { -1, g_string_new(NULL) }, { -1, g_string_new(NULL) } };
    g_autofree char *program = find_program(argv[0]);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    int status;

    g_ptr_array_add(words, program);
    for (size_t i = 1; argv[i]; i++)
        g_ptr_array_add(words, (char *)argv[i]);
    g_ptr_array_add(words, NULL);
    if (program)
        status = run(argv[0], (char **)words->pdata, outputs, err);
    else
        status = storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                               "program '%s' is not installed, and this storage needs it", argv[0]);
    if (status > 0)
        storage_error(err, VMGR_ERR_INTERNAL_ERROR,
                      "Child process (%s) unexpected exit status %d: %s", argv[0],
                      exit_status(status), g_strchomp(outputs[1].text->str));
    if (status >= 0 && ret_out)
        *ret_out = g_strdup(outputs[0].text->str);
    g_string_free(outputs[0].text, TRUE);
    g_string_free(outputs[1].text, TRUE);
    return status < 0 ? -1 : exit_status(status);
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
