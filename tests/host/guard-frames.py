#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The attacks of tests/host/guard.t: one line each, fields separated by tabs.

    DEVICE NAME COUNTER DROPS ATTACK NEEDLE[,NEEDLE] CONTROL NEEDLE

ATTACK: frames, separated by commas, of which DROPS are dropped and counted as
COUNTER, and whose NEEDLEs nobody may see.  CONTROL: the same with nothing to
object to, or "-"; its NEEDLE is seen.

With to=MAC by=MAC from=IPv4 for=IPv4 text=TEXT: that one UDP frame.
"""
import ipaddress
import os
import struct
import sys

E = dict(a.split("=", 1) for a in sys.argv[1:])
OWN, PIN, LAN, VEN, OTHER = (bytes.fromhex(E.get(k, "").replace(":", ""))
                             for k in ("own", "pin", "lan", "venet", "other"))
ALL = b"\xff" * 6
seq = int.from_bytes(os.urandom(3), "big") << 8


def mark():
    """What makes a frame recognizable."""
    global seq
    seq += 1
    return b"vzguard:" + struct.pack("!I", seq)


def ip(text):
    return ipaddress.ip_address(text).packed


def csum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s >> 16) + (s & 0xffff)
    return ~s & 0xffff


def eth(src, dst, kind, body):
    f = dst + src + struct.pack("!H", kind) + body
    return f


def ip4(src, dst, proto, body, opts=b"", frag=0):
    ihl = 5 + len(opts) // 4
    h = struct.pack("!BBHHHBBH", 0x40 | ihl, 0, 4 * ihl + len(body), seq & 0xffff, frag, 64, proto, 0)
    h += ip(src) + ip(dst) + opts
    return h[:10] + struct.pack("!H", csum(h)) + h[12:] + body


def pseudo6(src, dst, proto, n):
    return ip(src) + ip(dst) + struct.pack("!II", n, proto)


def ip6(src, dst, proto, body, exts=(), hlim=255):
    """exts: (number, bytes without the next header) from the outside in."""
    chain = body
    nxt = proto
    for num, rest in reversed(exts):
        chain = bytes([nxt]) + rest + chain
        nxt = num
    return struct.pack("!IHBB", 6 << 28, len(chain), nxt, hlim) + ip(src) + ip(dst) + chain


def udp(sport, dport, body):
    return struct.pack("!HHHH", sport, dport, 8 + len(body), 0) + body


def udp6(src, dst, sport, dport, body):
    u = struct.pack("!HHHH", sport, dport, 8 + len(body), 0) + body
    c = csum(pseudo6(src, dst, 17, len(u)) + u) or 0xffff
    return u[:6] + struct.pack("!H", c) + u[8:]


def icmp6(src, dst, kind, rest, code=0):
    m = struct.pack("!BBH", kind, code, 0) + rest
    return m[:2] + struct.pack("!H", csum(pseudo6(src, dst, 58, len(m)) + m)) + m[4:]


def nd(src, dst, kind, target, opts=b"", flags=0):
    """NS or NA; returns the message and what to look for: its unused bits are a number."""
    global seq
    seq += 1
    m = icmp6(src, dst, kind, struct.pack("!I", flags << 29 | (seq & 0x1fffffff)) + ip(target) + opts)
    return m, m[:8]


def lla(kind, mac):
    return bytes([kind, 1]) + mac


HBH = (0, b"\0\x01\x04\0\0\0\0")
DST = (60, b"\0\x01\x04\0\0\0\0")
RTH = (43, b"\0\xfd\0\0\0\0\0")


def frag(off, more, ident=7):
    return (44, b"\0" + struct.pack("!HI", off | more, ident))


def out(dev, name, counter, attack, needles, control=None, control_needle=None, drops=None):
    attack = attack if isinstance(attack, list) else [attack]
    needles = needles if isinstance(needles, list) else [needles]
    print("\t".join([dev, name, counter, str(drops if drops is not None else len(attack)),
                     ",".join(f.hex() for f in attack), ",".join(n.hex() for n in needles),
                     control.hex() if control else "-", control_needle.hex() if control else "-"]))


# ---- an Ethernet port without addresses: eth0 ---------------------------------------------

def own_udp(src=OWN, dst=LAN, kind=0x0800, pre=b""):
    m = mark()
    return eth(src, dst, kind, pre + ip4("192.0.2.77", "192.0.2.2", 17, udp(1, 9, m))), m


def port_eth0():
    def pair(name, counter, attack, m):
        c, cm = own_udp()
        out("eth0", name, counter, attack, m, c, cm)

    for name, dst in (("unicast", LAN), ("broadcast", ALL)):
        f, m = own_udp(src=OTHER, dst=dst)
        pair("source MAC of a neighbour, " + name, "mac", f, m)
    f, m = own_udp(src=bytes.fromhex(E["bridge"].replace(":", "")))
    pair("source MAC of the bridge", "mac", f, m)
    f, m = own_udp(src=b"\x01\x00\x5e\0\0\1")
    pair("a multicast source MAC", "mac", f, m)
    # ethertypes and tags
    for name, kind in (("LLDP", 0x88cc), ("PPPoE discovery", 0x8863), ("RARP", 0x8035),
                       ("local experimental 0x88b5", 0x88b5), ("EAPOL", 0x888e), ("MPLS", 0x8847)):
        m = mark()
        pair(name, "proto", eth(OWN, ALL, kind, bytes(34) + m), m)
    m = mark()
    pair("a spanning tree BPDU", "proto",
         eth(OWN, bytes.fromhex("0180c2000000"), 38 + len(m), b"\x42\x42\x03" + bytes(35) + m), m)
    for name, pre, kind in (
            ("a VLAN tag", b"\0\5\x08\0", 0x8100), ("a priority tag", b"\0\0\x08\0", 0x8100),
            ("a provider tag", b"\0\5\x08\0", 0x88a8),
            ("two tags", b"\0\1\x81\0\0\5\x08\0", 0x8100),
            ("provider and customer tag", b"\0\1\x81\0\0\5\x08\0", 0x88a8),
            ("three tags", b"\0\0\x81\0\0\0\x81\0\0\5\x08\0", 0x8100)):
        f, m = own_udp(kind=kind, pre=pre)
        pair(name, "proto", f, m)
    # ARP: the sender's MAC
    def arp(sha, spa="192.0.2.9", op=1, tpa="192.0.2.2", head=bytes.fromhex("000108000604"), src=OWN):
        m = mark()
        return eth(src, ALL, 0x0806, head + struct.pack("!H", op) + sha + ip(spa) + bytes(6) +
                   ip(tpa) + bytes(18) + m), m

    for name, kw in (("request", {}), ("reply", {"op": 2}),
                     ("gratuitous", {"op": 2, "spa": "192.0.2.9", "tpa": "192.0.2.9"})):
        (f, m), (c, cm) = arp(OTHER, **kw), arp(OWN, **kw)
        out("eth0", "ARP %s in another's name" % name, "arp", f, m, c, cm)
    for name, kw in (("reverse request", {"op": 3}), ("of 8 byte addresses", {
            "head": bytes.fromhex("000108000804")}), ("for another hardware type", {
                "head": bytes.fromhex("000608000604")})):
        f, m = arp(OWN, **kw)
        c, cm = arp(OWN)
        out("eth0", "ARP " + name, "arp", f, m, c, cm)
    roles()
    nd_options()


def roles():
    ll, alln = "fe80::77", "ff02::1"
    am = bytes.fromhex("333300000001")

    def echo(exts=()):
        m = mark()
        body = icmp6(ll, alln, 128, struct.pack("!HH", 1, 1) + m)
        return eth(OWN, am, 0x86dd, ip6(ll, alln, 58, body, exts)), m

    def six(name, counter, kind, rest, exts=()):
        m = mark()
        (c, cm) = echo(exts)
        out("eth0", name, counter,
            eth(OWN, am, 0x86dd, ip6(ll, alln, 58, icmp6(ll, alln, kind, rest + m), exts)), m, c, cm)

    ra = struct.pack("!BBHII", 64, 0, 1800, 0, 0)
    for name, exts in (("", ()), (" behind hop-by-hop options", (HBH,)),
                       (" behind destination options", (DST,)), (" behind a routing header", (RTH,)),
                       (" in an atomic fragment", (frag(0, 0),)),
                       (" behind a chain of headers", (HBH, RTH, DST, frag(0, 0), DST)),
                       (" in the first of two fragments", (frag(0, 1),))):
        six("router advertisement" + name, "ra", 134, ra, exts)
    six("ICMPv6 redirect", "ra", 137, bytes(4) + ip("fe80::1") + ip("2001:db8::2"))
    six("MLD query", "ra", 130, bytes(20))
    # The first fragment hides the message behind options that do not end in it.  Linux 7 tells
    # no protocol behind a header that is longer than the packet, before it was what it says.
    for name, counter, proto, msg in (
            ("router advertisement", "nd|proto", 58, icmp6(ll, alln, 134, ra)),
            ("DHCPv6 advertise", "proto", 17, udp6(ll, alln, 547, 546, b"\2\0\0\1"))):
        m = mark()
        first = ip6(ll, alln, 60, bytes([proto, 3, 1, 20]) + m, (frag(0, 1, 99),))
        second = ip6(ll, alln, 60, bytes(16) + msg, (frag(16, 0, 99),))
        c, cm = echo((frag(0, 1, 98),))
        out("eth0", name + " in a second fragment", counter,
            [eth(OWN, am, 0x86dd, first), eth(OWN, am, 0x86dd, second)], m, c, cm, drops=1)
    m = mark()
    c, cm = echo((DST, DST))
    out("eth0", "a header chain that does not end", "nd|proto",
        eth(OWN, am, 0x86dd, ip6(ll, alln, 60, bytes([58, 200]) + bytes(6) + m)), m, c, cm)

    def four(name, counter, proto, body, m, **kw):
        c, cm = own_udp(dst=ALL)
        out("eth0", name, counter, eth(OWN, ALL, 0x0800, ip4("192.0.2.77", "255.255.255.255", proto,
                                                             body, **kw)), m, c, cm)

    m = mark()
    b = struct.pack("!BBH", 5, 1, 0) + ip("192.0.2.77") + bytes(20) + m
    four("ICMP redirect", "ra", 1, b[:2] + struct.pack("!H", csum(b)) + b[4:], m)
    m = mark()
    four("IGMP query", "ra", 2, struct.pack("!BBHI", 0x11, 100, 0, 0) + m, m)
    for name, sport, dport, kw in (
            ("DHCP offer", 67, 68, {}), ("DHCP offer from another port", 1067, 68, {}),
            ("DHCP server to a relay", 67, 67, {}), ("DHCP offer behind IP options", 67, 68,
                                                     {"opts": b"\x01" * 8}),
            ("DHCP offer in the first of two fragments", 67, 68, {"frag": 0x2000})):
        m = mark()
        four(name, "dhcp", 17, udp(sport, dport, b"\2\1\6\0" + bytes(60) + m), m, **kw)
    for name, sport, dport, exts in (
            ("DHCPv6 advertise", 547, 546, ()), ("DHCPv6 advertise from another port", 1547, 546, ()),
            ("DHCPv6 advertise behind options", 547, 546, (HBH, DST)),
            ("DHCPv6 advertise in a first fragment", 547, 546, (frag(0, 1),))):
        m = mark()
        c, cm = echo(exts)
        out("eth0", name, "dhcp", eth(OWN, am, 0x86dd, ip6(ll, alln, 17, udp6(
            ll, alln, sport, dport, b"\2\0\0\1" + m), exts)), m, c, cm)
    # What an honest container asks.
    m = mark()
    f, fm = own_udp(src=OTHER)
    out("eth0", "while a DHCP client may ask", "mac", f, fm,
        eth(OWN, ALL, 0x0800, ip4("0.0.0.0", "255.255.255.255", 17, udp(68, 67, m))), m)
    f, fm = own_udp(src=OTHER)
    big = mark()
    out("eth0", "and large datagrams come in fragments", "mac", f, fm,
        eth(OWN, LAN, 0x0800, ip4("192.0.2.77", "192.0.2.2", 17, bytes(40) + big, frag=185)), big)


def nd_options():
    src, alln = "fe80::77", "ff02::1"
    am = bytes.fromhex("333300000001")

    def one(name, kind, bad, good, exts=(), good_exts=()):
        (b, bn), (g, gn) = (nd(src, alln, kind, "2001:db8::77", o, 1 if kind == 136 else 0)
                            for o in (bad, good))
        out("eth0", name, "nd", eth(OWN, am, 0x86dd, ip6(src, alln, 58, b, exts)), bn,
            eth(OWN, am, 0x86dd, ip6(src, alln, 58, g, good_exts)), gn)

    one("neighbour advertisement, override, of another's MAC", 136, lla(2, OTHER), lla(2, OWN))
    one("neighbour solicitation with another's MAC", 135, lla(1, OTHER), lla(1, OWN))
    one("neighbour advertisement with a second option", 136, lla(2, OWN) + lla(2, OTHER),
        lla(2, OWN))
    one("neighbour advertisement with a strange option first", 136, b"\x0e\1" + bytes(6), b"")
    one("neighbour advertisement behind options", 136, lla(2, OTHER), lla(2, OWN), (DST,), (DST,))
    one("neighbour advertisement in an atomic fragment", 136, lla(2, OWN), lla(2, OWN),
        (frag(0, 0),))
    one("neighbour advertisement in a first fragment", 136, b"", b"", (frag(0, 1),))


# ---- an Ethernet port with addresses: eth1 --------------------------------------------------

def port_eth1():
    a4, a6, v4, v6 = E["pin4"], E["pin6"], "192.0.2.1", "2001:db8::1"
    ll = str(ipaddress.ip_address(b"\xfe\x80" + bytes(6) + bytes([PIN[0] ^ 2]) + PIN[1:3] +
                                  b"\xff\xfe" + PIN[3:]))
    am = bytes.fromhex("333300000001")

    def four(src, dst=LAN, **kw):
        m = mark()
        return eth(PIN, dst, 0x0800, ip4(src, "192.0.2.2", 17, udp(1, 9, m), **kw)), m

    for name, kw in (("", {}), (" with IP options", {"opts": b"\1" * 4}),
                     (" in a fragment", {"frag": 0x2001})):
        (f, m), (c, cm) = four(v4, **kw), four(a4, **kw)
        out("eth1", "IPv4 source of the node" + name, "ip4", f, m, c, cm)
    for name, src in (("an unused address", "192.0.2.200"), ("no address", "0.0.0.0"),
                      ("a multicast source", "224.0.0.1")):
        (f, m), (c, cm) = four(src), four(a4)
        out("eth1", "IPv4 from " + name, "ip4", f, m, c, cm)

    def six(src, exts=(), body=None):
        m = mark()
        return eth(PIN, LAN, 0x86dd, ip6(src, "2001:db8::2", 17, udp6(src, "2001:db8::2", 1, 9, m),
                                         exts)), m

    for name, exts in (("", ()), (" behind options", (HBH, DST)), (" in a fragment", (frag(0, 1),)),
                       (" in a later fragment", (frag(64, 1),))):
        (f, m), (c, cm) = six(v6, exts), six(a6, exts)
        out("eth1", "IPv6 source of the node" + name, "ip6", f, m, c, cm)
    (f, m), (c, cm) = six("fe80::1"), six(ll)
    out("eth1", "link-local source of a router", "ip6", f, m, c, cm)
    (f, m), (c, cm) = six("::"), six(a6)
    out("eth1", "IPv6 without a source", "ip6", f, m, c, cm)

    def arp(spa, op=1, tpa="192.0.2.2", dst=ALL):
        m = mark()
        return eth(PIN, dst, 0x0806, bytes.fromhex("000108000604") + struct.pack("!H", op) + PIN +
                   ip(spa) + (LAN if op == 2 else bytes(6)) + ip(tpa) + bytes(18) + m), m

    for name, bad, good in (
            ("ARP reply that poisons", arp(v4, 2, dst=LAN), arp(a4, 2, dst=LAN)),
            ("ARP request that poisons", arp(v4), arp(a4)),
            ("gratuitous ARP for the node", arp(v4, 2, v4), arp(a4, 2, a4)),
            ("gratuitous ARP request for the node", arp(v4, 1, v4), arp(a4, 1, a4)),
            ("ARP probe for another's address", arp("0.0.0.0", 1, v4), arp("0.0.0.0", 1, a4)),
            ("ARP reply from nobody", arp("0.0.0.0", 2, a4), arp(a4, 2, v4))):
        out("eth1", name, "arp", bad[0], bad[1], good[0], good[1])

    def neigh(name, counter, kind, bad, good, flags=0, opts=b""):
        (s1, d1, t1), (s2, d2, t2) = bad, good
        f, m = nd(s1, d1, kind, t1, opts, flags)
        c, cm = nd(s2, d2, kind, t2, opts, flags)
        out("eth1", name, counter, eth(PIN, am, 0x86dd, ip6(s1, d1, 58, f)), m,
            eth(PIN, am, 0x86dd, ip6(s2, d2, 58, c)), cm)

    al = "ff02::1"
    neigh("neighbour advertisement for the node, override", "nd", 136, (ll, al, v6), (ll, al, a6), 1,
          lla(2, PIN))
    neigh("neighbour advertisement for a router, router bit", "nd", 136, (a6, al, "fe80::1"),
          (a6, al, ll), 5, lla(2, PIN))
    neigh("neighbour solicitation from the node's address", "ip6", 135, (v6, al, "2001:db8::2"),
          (a6, al, "2001:db8::2"), 0, lla(1, PIN))
    neigh("duplicate detection of another's address", "nd", 135, ("::", al, v6), ("::", al, a6), 0,
          b"\x0e\1" + bytes(6))


# ---- routed: venet0 -------------------------------------------------------------------------

def port_venet():
    a4, a6, b4, b6 = E["ven4"], E["ven6"], E["peer4"], E["peer6"]
    host4, host6 = "192.0.2.1", "2001:db8::1"
    mac = VEN

    def four(src, dst=b4, pre=b"", kind=0x0800, to=None, proto=17, body=None):
        m = mark()
        body = (body or udp(1, 9, b"")) + m
        if proto == 17:
            body = udp(1, 9, m)
        return eth(mac, to or mac, kind, pre + ip4(src, dst, proto, body)), m

    def six(src, dst=b6, exts=()):
        m = mark()
        return eth(mac, mac, 0x86dd, ip6(src, dst, 17, udp6(src, dst, 1, 9, m), exts)), m

    def pair(name, counter, f, m, v6=False, exts=()):
        c, cm = six(a6, exts=exts) if v6 else four(a4)
        out("venet0", name, counter, f, m, c, cm)

    for name, src in (("a neighbour", b4), ("the node", host4), ("nobody", "0.0.0.0"),
                      ("elsewhere", "203.0.113.5"), ("loopback", "127.0.0.1")):
        pair("IPv4 source of " + name, "ip4", *four(src, dst=host4 if src == b4 else b4))
    for name, src, exts in (("a neighbour", b6, ()), ("the node", host6, ()),
                            ("a router (link-local)", "fe80::1", ()),
                            ("the node, behind options", host6, (HBH, DST)),
                            ("the node, in a fragment", host6, (frag(0, 1),)),
                            ("the node, in a later fragment", host6, (frag(64, 0),))):
        f, m = six(src, dst="2001:db8::2" if src == b6 else b6, exts=exts)
        pair("IPv6 source of " + name, "ip6", f, m, True, exts)
    for op in (1, 2):
        m = mark()
        pair("ARP %s" % ("request", "reply")[op - 1], "arp",
             eth(mac, ALL, 0x0806, bytes.fromhex("000108000604") + struct.pack("!H", op) + mac +
                 ip(b4) + bytes(6) + ip(b4) + bytes(18) + m), m)
    for name, kind, counter in (("neighbour solicitation", 135, "nd"),
                                ("neighbour advertisement", 136, "nd"),
                                ("router solicitation", 133, "nd"),
                                ("router advertisement", 134, "nd"), ("redirect", 137, "nd")):
        for where, exts in (("", ()), (" behind options", (DST,)), (" in a fragment", (frag(0, 1),))):
            m = mark()
            pair(name + where, counter, eth(mac, mac, 0x86dd, ip6(a6, b6, 58, icmp6(
                a6, b6, kind, bytes(4) + ip(host6) + m), exts)), m, True, exts)
    m = mark()
    b = struct.pack("!BBH", 5, 1, 0) + ip(a4) + bytes(20) + m
    pair("ICMP redirect", "ra", eth(mac, mac, 0x0800, ip4(
        a4, b4, 1, b[:2] + struct.pack("!H", csum(b)) + b[4:])), m)
    pair("IPv4 multicast", "bcast", *four(a4, "224.0.0.251"))
    pair("IPv4 broadcast", "bcast", *four(a4, "255.255.255.255", to=ALL))
    pair("IPv6 multicast", "bcast", *six(a6, "ff02::1"), True)
    for name, kind, pre in (("a VLAN tag", 0x8100, b"\0\5\x08\0"), ("a priority tag", 0x8100,
                            b"\0\0\x08\0"), ("two tags", 0x88a8, b"\0\0\x81\0\0\0\x08\0")):
        pair(name, "proto", *four(a4, kind=kind, pre=pre))
    for name, kind in (("LLDP", 0x88cc), ("PPPoE", 0x8864), ("0x88b5", 0x88b5)):
        m = mark()
        pair(name, "proto", eth(mac, ALL, kind, bytes(40) + m), m)
    m = mark()
    pair("a header chain that does not end", "proto",
         eth(mac, mac, 0x86dd, ip6(a6, b6, 60, bytes([58, 200]) + bytes(6) + m)), m, True, (DST,))


if "text" in E:
    print(eth(bytes.fromhex(E["by"].replace(":", "")), bytes.fromhex(E["to"].replace(":", "")), 0x0800,
              ip4(E["from"], E["for"], 17, udp(1, 9, E["text"].encode().ljust(20)))).hex())
else:
    port_eth0()
    port_eth1()
    port_venet()
