#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the archives that tmpl-vztar.t unpacks: DIR/NAME.tar for each case."""
import io
import os
import sys
import tarfile

out = sys.argv[1]
canary = sys.argv[2]


def item(name, data=None, **kw):
    t = tarfile.TarInfo(name)
    t.mtime = 1000000000
    if data is not None:
        t.size = len(data)
    for k, v in kw.items():
        setattr(t, k, v)
    return t, data


def link(name, to, **kw):
    return item(name, type=tarfile.SYMTYPE, linkname=to, **kw)


def hard(name, to):
    return item(name, type=tarfile.LNKTYPE, linkname=to)


def folder(name, **kw):
    kw.setdefault("mode", 0o755)
    return item(name, type=tarfile.DIRTYPE, **kw)


def write(name, *items, fmt=tarfile.PAX_FORMAT):
    with tarfile.open(os.path.join(out, name + ".tar"), "w", format=fmt) as tar:
        for t, data in items:
            tar.addfile(t, io.BytesIO(data) if data is not None else None)


BAD = b"written outside\n"
up = "../" * 10 + canary.lstrip("/")

# Each of these must be refused and must not touch the canary.
write("bad-dotdot", item("../evil", BAD))
write("bad-dotdot-deep", folder("a"), item("a/b/../../../evil", BAD))
write("bad-dotdot-end", folder("a/.."))
write("bad-dotdot-canary", item(up, BAD))
write("bad-absolute", item(canary, BAD))
write("bad-absolute-slashes", item("//" + canary, BAD))
write("bad-symlink-dir", link("d", os.path.dirname(canary)), item("d/canary", BAD))
write("bad-symlink-dir-inner", folder("real"), link("d", "real"), item("d/x", BAD))
write("bad-symlink-mkdir", link("d", os.path.dirname(canary)), folder("d"), item("d/canary", BAD))
write("bad-symlink-parents", link("d", os.path.dirname(canary)), item("d/new/x", BAD))
write("bad-file-as-dir", item("f", b"x"), item("f/x", BAD))
write("bad-dir-as-file", folder("d"), item("d/x", b"x"), item("d", BAD))
write("bad-hardlink-absolute", hard("h", canary), item("h", BAD))
write("bad-hardlink-dotdot", hard("h", up), item("h", BAD))
write("bad-hardlink-symlink", link("d", os.path.dirname(canary)), hard("h", "d/canary"))
write("bad-hardlink-missing", hard("h", "nothing"))
write("bad-hardlink-dir", folder("d"), hard("h", "d"))
write("bad-hardlink-self", item("h", b"x"), hard("h", "h"))
write("bad-root-file", item(".", BAD))
write("bad-root-link", link(".", "/"))
write("bad-long-name", item("x" * 256, BAD))
write("bad-deep", item("d/" * 257 + "x", BAD))
write("bad-empty")

# A symlink is replaced by a later file, never written through.
write("replace", link("f", canary), item("f", b"inside\n"), link("g", canary), hard("h", "g"),
      item("h", b"inside\n"))

# What every distribution has.
write("devices", folder("dev"), item("dev/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
      item("dev/sda", type=tarfile.BLKTYPE, devmajor=8, devminor=0), link("dev/fd", "/proc/self/fd"),
      item("etc/passwd", b"root\n"))

pax = {
    "SCHILY.xattr.user.note": "kept",
    "SCHILY.xattr.trusted.overlay.opaque": "y",
    "SCHILY.xattr.user.overlay.redirect": "/x",
    "SCHILY.xattr.security.selinux": "system_u:object_r:etc_t:s0",
    "SCHILY.acl.access": "user::rw-,user:1234:r--,group::r--,mask::r--,other::---",
}
dir_pax = {"SCHILY.acl.default": "user::rwx,group::r-x,group:77:rwx,mask::rwx,other::---"}
write(
    "fidelity",
    folder(".", mode=0o755),
    folder("d", mode=0o2750, uid=3, gid=4, pax_headers=dir_pax),
    item("d/f", b"plain", mode=0o644, uid=1000, gid=1001),
    item("setuid", b"#!", mode=0o6755, uid=0, gid=8),
    item("x", b"xattr", mode=0o640, uid=7, gid=7, pax_headers=pax),
    hard("x2", "x"),
    link("s", "/etc/nowhere", uid=5, gid=6),
    item("fifo", type=tarfile.FIFOTYPE, mode=0o622),
    folder("ro", mode=0o500, uid=9),
    item("ro/in", b"in a read-only directory", mode=0o400),
    folder("late", mode=0o711),
    item("t", b"time", mtime=1234567890.25),
    item("sp ace\nnew\tline", b"odd"),
    item("\u00fcml\u00e4ut-\u65e5\u672c", b"utf8"),
    item("raw-\udcff\udcfe", b"bytes"),
    item("no/parents/here", b"made"),
    item("implied/f", b"before its directory"),
    folder("implied", mode=0o710, uid=3),
    folder("implied", mode=0o700, uid=4),
    item("high", b"id", uid=70000, gid=70000),
)

# Only the header: the test appends 2 GiB of zeros on the way to a compressor.
with open(os.path.join(out, "bomb-header"), "wb") as f:
    t = tarfile.TarInfo("zeros")
    t.size = 2 << 30
    f.write(t.tobuf())
