#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Another machine on the LAN, by the frame, for tests/host/routed.t.

lan-peer.py watch IFACE SECONDS    prints each ARP and ND frame that arrives
lan-peer.py flood IFACE SECONDS ADDR
                                   thousands of answers: short, wrong, for others,
                                   and (ADDR given, not -) claims of ADDR
"""
import ipaddress
import socket
import struct
import sys
import time


def mac(b):
    return ":".join("%02x" % x for x in b)


def show(f):
    src, dst, kind = mac(f[6:12]), mac(f[0:6]), struct.unpack("!H", f[12:14])[0]
    if kind == 0x0806 and len(f) >= 42:
        op = {1: "request", 2: "reply"}.get(struct.unpack("!H", f[20:22])[0], "?")
        return "arp %s %s>%s %s %s %s %s len %d" % (
            op, src, dst, mac(f[22:28]), socket.inet_ntoa(f[28:32]), mac(f[32:38]),
            socket.inet_ntoa(f[38:42]), len(f))
    if kind == 0x86dd and len(f) >= 78 and f[20] == 58 and f[54] in (135, 136):
        body = f[54:54 + struct.unpack("!H", f[18:20])[0]]
        pseudo = f[22:54] + struct.pack("!I", len(body)) + b"\0\0\0\x3a"
        total = sum(struct.unpack("!%dH" % (len(pseudo + body) // 2), pseudo + body))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        opt = " option %d %s" % (body[24], mac(body[26:32])) if len(body) >= 32 else ""
        return "%s %s>%s from %s to %s target %s flags %02x hops %d sum %s%s" % (
            "ns" if f[54] == 135 else "na", src, dst, ipaddress.ip_address(f[22:38]),
            ipaddress.ip_address(f[38:54]), ipaddress.ip_address(f[62:78]), f[58], f[21],
            "good" if total == 0xffff else "bad", opt)
    return None


def watch(s, seconds):
    end = time.monotonic() + seconds
    print("ready", flush=True)
    while time.monotonic() < end:
        s.settimeout(max(0.01, end - time.monotonic()))
        try:
            f, addr = s.recvfrom(2048)
        except OSError:
            continue
        line = show(f) if addr[2] != socket.PACKET_OUTGOING else None
        if line:
            print(line, flush=True)


def arp(op, sha, spa):
    return (b"\xff" * 6 + sha + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + sha +
            spa + b"\0" * 10)


def flood(s, seconds, claim):
    sha = bytes([2, 0, 0, 0, 0, 9])
    good = arp(2, sha, socket.inet_aton("203.0.113.9"))
    frames = [good, good[:20], good[:41], good[:14] + b"\xff" * 28, arp(7, sha, good[28:32]),
              good[:18] + b"\xff\xff" + good[20:], b"\xff" * 6 + sha + b"\x86\xdd" + b"\xff" * 100]
    if claim != "-":
        frames.append(arp(2, sha, socket.inet_aton(claim)))
    end = time.monotonic() + seconds
    print("ready", flush=True)
    n = 0
    while time.monotonic() < end:
        for f in frames:
            try:
                s.send(f)
                n += 1
            except OSError:
                pass
        time.sleep(0.0005)
    print("sent", n)


def main():
    what, iface, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((iface, 0))
    if what == "watch":
        watch(s, seconds)
    else:
        flood(s, seconds, sys.argv[4])


main()
