/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sends small datagrams to an address as fast as they are taken, until it is killed: flood ADDRESS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64

int main(int argc, char **argv)
{
    static char data[18];
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
    struct mmsghdr messages[BATCH] = { 0 };
    struct iovec iov = { data, sizeof(data) };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (argc != 2 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || fd < 0)
        return 1;
    for (int i = 0; i < BATCH; i++)
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1
        };
    for (;;)
        sendmmsg(fd, messages, BATCH, 0);
}
