/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads a Linux guest's devices and says "LOAD name rate":
 *
 *   guestload cpu SECONDS                       rounds of system calls and copies a second
 *   guestload read FILE BYTES COUNT [random]    past the page cache; MiB/s or requests/s
 *   guestload send|recv ADDRESS PORT MIB        TCP, MiB/s
 *   guestload echo ADDRESS PORT COUNT           round trips of a byte a second
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void tell(const char *name, double rate)
{
    printf("LOAD %s %.1f\n", name, rate);
    fflush(stdout);
}

static int load_cpu(double seconds)
{
    static char from[65536], to[65536];
    double start = now();
    long rounds = 0;
    while (now() - start < seconds) {
        for (int i = 0; i < 200; i++)
            getppid();
        for (size_t i = 0; i < sizeof(from); i++)
            from[i] = (char)(from[i] * 3 + to[i]);
        memcpy(to, from, sizeof(from));
        rounds++;
    }
    tell("cpu", (double)rounds / (now() - start));
    return 0;
}

static int load_read(const char *path, size_t bytes, long count, int random)
{
    void *buf = NULL;
    char name[64];
    uint64_t size = 0, at = 0;
    uint32_t x = 2463534242u;
    int fd = open(path, O_RDONLY | O_DIRECT);
    if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0 || posix_memalign(&buf, 4096, bytes))
        return perror(path), 1;
    double start = now();
    for (long i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        at = random ? x % (size / bytes) * bytes : (uint64_t)i * bytes % (size / bytes * bytes);
        if (pread(fd, buf, bytes, (off_t)at) != (ssize_t)bytes)
            return perror("read"), 1;
    }
    double seconds = now() - start;
    snprintf(name, sizeof(name), "read-%zu", bytes);
    tell(name, bytes >= 1 << 20 ? (double)count * (double)bytes / 1048576 / seconds
                                : (double)count / seconds);
    return 0;
}

static int dial(const char *address, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    for (int tries = 0; tries < 50; tries++) {
        if (inet_pton(AF_INET, address, &to.sin_addr) == 1 &&
            connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
            return fd;
        usleep(100000);
    }
    perror("connect");
    exit(1);
}

/* The other side closes when it has all, and sends so much until it closes. */
static int load_stream(const char *name, int fd, long mib)
{
    static char buf[262144];
    int is_send = !strcmp(name, "send");
    long left = mib << 20, n;
    double start = now();
    while (is_send && left > 0) {
        n = write(fd, buf, left < (long)sizeof(buf) ? (size_t)left : sizeof(buf));
        if (n <= 0)
            return perror("write"), 1;
        left -= n;
    }
    if (is_send)
        shutdown(fd, SHUT_WR);
    while ((n = read(fd, buf, sizeof(buf))) > 0)
        left -= n;
    if (left > 0)
        return fprintf(stderr, "%ld bytes did not come\n", left), 1;
    tell(name, (double)mib / (now() - start));
    return 0;
}

static int load_echo(int fd, long count)
{
    double start = now();
    char c = 'x';
    for (long i = 0; i < count; i++)
        if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
            return perror("echo"), 1;
    tell("echo", (double)count / (now() - start));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "cpu"))
        return load_cpu(atof(argv[2]));
    if (argc >= 5 && !strcmp(argv[1], "read"))
        return load_read(argv[2], strtoul(argv[3], NULL, 0), atol(argv[4]), argc > 5);
    if (argc == 5 && !strcmp(argv[1], "echo"))
        return load_echo(dial(argv[2], atoi(argv[3])), atol(argv[4]));
    if (argc == 5)
        return load_stream(argv[1], dial(argv[2], atoi(argv[3])), atol(argv[4]));
    return 2;
}
