#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that says who asks, and its client.

  nat-peer.py serve NAME PORT...     TCP and UDP, IPv4 and IPv6; prints "ready"
  nat-peer.py ask tcp|udp HOST PORT [SOURCE [PORT]]
                                     prints "NAME CLIENT-ADDRESS PORT"; 1: refused or no answer
"""
import selectors
import socket
import sys

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def serve(name, ports):
    sel = selectors.DefaultSelector()
    for port in ports:
        for kind in KINDS.values():
            s = socket.socket(socket.AF_INET6, kind)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("::", int(port)))
            if kind == socket.SOCK_STREAM:
                s.listen()
            sel.register(s, selectors.EVENT_READ, port)
    print("ready", flush=True)
    while True:
        for key, _ in sel.select():
            s = key.fileobj
            try:
                if s.type == socket.SOCK_STREAM:
                    c, peer = s.accept()
                    c.sendall(answer(name, peer, key.data))
                    c.close()
                else:
                    peer = s.recvfrom(100)[1]
                    s.sendto(answer(name, peer, key.data), peer)
            except OSError:
                pass


def answer(name, peer, port):
    return f"{name} {peer[0].removeprefix('::ffff:')} {port}".encode()


def ask(kind, host, port, source=None, source_port=0):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    s = socket.socket(family, KINDS[kind])
    s.settimeout(1)
    try:
        if source:
            s.bind((source, int(source_port)))
        s.connect((host, int(port)))
        s.send(b"who am I?")
        print(s.recv(100).decode())
    except OSError as e:
        print("no answer:", e)
        return 1
    return 0


if sys.argv[1] == "serve":
    serve(sys.argv[2], sys.argv[3:])
sys.exit(ask(*sys.argv[2:]))
