#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic for tests/host/rate.t.

flow.py hole                            says "ready", takes UDP and answers nothing
flow.py udp TO COUNT SIZE [FROM]        datagrams of SIZE bytes
flow.py serve                           TCP, in either direction
flow.py tcp TO SECONDS [back]           Mbit/s of payload that arrived, without the first 40 %
"""
import socket
import struct
import sys
import threading
import time

PORT = 5099
BLOCK = bytes(65536)
socket.setdefaulttimeout(12)


def bound(kind, to=None, port=0):
    v6 = to is None or ':' in to
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if to is None:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(('::', port))
    return s


def hole():
    s = bound(socket.SOCK_DGRAM, port=PORT)
    s.settimeout(None)
    print("ready", flush=True)
    while True:
        s.recv(65536)


def udp(to, count, size, source=None):
    s = bound(socket.SOCK_DGRAM, to)
    if source:
        s.bind((source, 0))
    for _ in range(int(count)):
        s.sendto(bytes(int(size)), (to, PORT))


def send(s, seconds):
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            s.send(BLOCK)
    except OSError:
        pass
    # What is queued still is not waited for.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
    s.close()


def arrived(s):
    """Payload by the kernel's count of segments: right however late this process runs, and
    whatever is still missing in between."""
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    mss, = struct.unpack_from('I', info, 20)
    segments, = struct.unpack_from('I', info, 152)
    return segments * mss


def receive(s, seconds):
    """Mbit/s between 40 % of the time and its end."""
    start = time.monotonic()
    first = last = None
    try:
        while s.recv(1 << 18):
            now = time.monotonic()
            if now - start > seconds * 0.4:
                last = now, arrived(s)
                first = first or last
            if now - start > seconds:
                break
    except OSError:
        pass
    if not first or last[0] <= first[0]:
        return 0.0
    return (last[1] - first[1]) * 8 / 1e6 / (last[0] - first[0])


def serve_one(c):
    mode, seconds = c.recv(64).decode().split()
    if mode == 'back':
        send(c, float(seconds) + 0.2)
    else:
        rate = receive(c, float(seconds))
        # The result must not wait behind the flow: another connection asks for it.
        results[c.getpeername()[:2]] = rate


results = {}


def serve():
    s = bound(socket.SOCK_STREAM, port=PORT)
    s.listen(64)
    s.settimeout(None)
    r = bound(socket.SOCK_STREAM, port=PORT + 1)
    r.listen(64)
    r.settimeout(None)

    def answer():
        while True:
            c, _ = r.accept()
            host, port = c.recv(256).decode().split()
            end = time.monotonic() + 10
            key = (host, int(port))
            while key not in results and time.monotonic() < end:
                time.sleep(0.02)
            c.send(b'%f' % results.pop(key, 0.0))
            c.close()
    threading.Thread(target=answer, daemon=True).start()
    while True:
        c, _ = s.accept()
        threading.Thread(target=serve_one, args=(c,), daemon=True).start()


def tcp(to, seconds, back=None):
    s = socket.create_connection((to, PORT))
    s.send(b'%s %s' % (b'back' if back else b'there', seconds.encode()))
    time.sleep(0.05)
    if back:
        print('%.3f' % receive(s, float(seconds)))
        return
    host, port = s.getsockname()[:2]
    if ':' not in host:
        host = '::ffff:' + host
    send(s, float(seconds) + 0.2)
    q = socket.create_connection((to, PORT + 1))
    q.send(b'%s %d' % (host.encode(), port))
    print('%.3f' % float(q.recv(64)))


globals()[sys.argv[1]](*sys.argv[2:])
