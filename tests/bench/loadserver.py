# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other side of guestload: takes what is sent (5001), sends 256 MiB (5002), echoes (5003); until it is killed."""
import socket
import threading

MIB = 1 << 20


def take(peer):
    while peer.recv(MIB):
        pass


def give(peer):
    for _ in range(256):
        peer.sendall(bytes(MIB))


def echo(peer):
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := peer.recv(1000):
        peer.sendall(data)


def serve(port, handler):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", port))
    server.listen()
    while True:
        peer, _ = server.accept()
        with peer:
            try:
                handler(peer)
            except OSError:
                pass


for number, function in ((5002, give), (5003, echo)):
    threading.Thread(target=serve, args=(number, function), daemon=True).start()
serve(5001, take)
