#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the OCI image layouts that tmpl-oci.t imports: DIR/NAME for each case."""
import gzip
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile

out, canary = sys.argv[1], sys.argv[2]
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
OCI = "application/vnd.oci.image."
TAR, GZIP, ZSTD = (OCI + "layer.v1.tar" + s for s in ("", "+gzip", "+zstd"))


def item(name, data=b"", **kw):
    t = tarfile.TarInfo(name)
    t.mtime = 1000000000
    t.size = len(data)
    for k, v in kw.items():
        setattr(t, k, v)
    return t, data


def folder(name, **kw):
    kw.setdefault("mode", 0o755)
    return item(name, type=tarfile.DIRTYPE, **kw)


def link(name, to):
    return item(name, type=tarfile.SYMTYPE, linkname=to)


def hard(name, to):
    return item(name, type=tarfile.LNKTYPE, linkname=to)


def tar(*items):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w", format=tarfile.PAX_FORMAT) as t:
        for info, data in items:
            t.addfile(info, io.BytesIO(data))
    return b.getvalue()


class Layout:
    def __init__(self, name):
        self.dir = os.path.join(out, name)
        os.makedirs(self.dir + "/blobs/sha256")
        self.write("oci-layout", {"imageLayoutVersion": "1.0.0"})
        self.manifests = []

    def write(self, path, data):
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        with open(os.path.join(self.dir, path), "wb") as f:
            f.write(data)

    def blob(self, data, kind, **kw):
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        hex = hashlib.sha256(data).hexdigest()
        self.write("blobs/sha256/" + hex, data)
        return {"mediaType": kind, "digest": "sha256:" + hex, "size": len(data), **kw}

    def path(self, desc):
        return self.dir + "/blobs/sha256/" + desc["digest"].split(":")[1]

    def layer(self, data, kind=TAR, **kw):
        if kind == GZIP:
            data = gzip.compress(data, mtime=0)
        elif kind == ZSTD:
            data = subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE,
                                  check=True).stdout
        return self.blob(data, kind, **kw)

    def config(self, n, arch=ARCH, os="linux"):
        return self.blob({"architecture": arch, "os": os,
                          "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64] * n}},
                         OCI + "config.v1+json")

    def manifest(self, layers, config=None, **kw):
        body = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                "config": config or self.config(len(layers)), "layers": layers}
        return self.blob(body, OCI + "manifest.v1+json", **kw)

    def image(self, *layers, tag=None, **kw):
        if tag:
            kw["annotations"] = {"org.opencontainers.image.ref.name": tag}
        self.manifests.append(self.manifest([self.layer(x) if isinstance(x, bytes) else x
                                             for x in layers], **kw))
        self.index()
        return self

    def index(self, **kw):
        self.write("index.json", {"schemaVersion": 2, "manifests": self.manifests, **kw})


def plat(arch, os="linux", **kw):
    return {"platform": {"os": os, "architecture": arch, **kw}}


F = item("f", b"data\n")

# ---- good ones -------------------------------------------------------------------

xattr = {"SCHILY.xattr.user.note": "kept", "SCHILY.xattr.trusted.overlay.opaque": "y"}
acl = {"SCHILY.acl.default": "user::rwx,group::r-x,group:77:rwx,mask::rwx,other::---"}
base = tar(
    folder("etc"), link("etc/os-release", "../usr/lib/os-release"),
    item("usr/lib/os-release", b'NAME="Test"\nID=test\nVERSION_ID="1.5"\n'),
    folder("usr", mode=0o755), folder("usr/lib"),
    item("gone", b"x"), folder("gonedir"), item("gonedir/sub/f", b"x"),
    folder("opaque", mode=0o711, uid=5), item("opaque/old", b"x"), folder("opaque/dir"),
    item("opaque/dir/old", b"x"), item("opaque/both", b"old"),
    item("filetodir", b"x"), folder("dirtofile"), item("dirtofile/x/y", b"x"),
    folder("dirtolink"), item("dirtolink/x", b"x"), link("linktodir", "/etc"),
    item("replaced", b"old", mode=0o600), item("kept", b"kept", mode=0o4755, uid=1, gid=2),
    hard("kept2", "kept"), item("x", b"xattr", pax_headers=xattr),
    folder("acl", pax_headers=acl), folder("setgid", mode=0o2755, gid=9),
    folder("again"), item("again/old", b"x"), folder("meta", mode=0o700, uid=1),
    item("dev/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
)
upper = tar(
    # The new content before the opaque whiteout: only what is below is hidden.
    folder("opaque", mode=0o750, uid=6), item("opaque/new", b"new"), item("opaque/both", b"new"),
    item("opaque/.wh..wh..opq"), item(".wh.gone"), item(".wh.gonedir"),
    folder("filetodir"), item("filetodir/in", b"in"), item("dirtofile", b"file"),
    link("dirtolink", "etc"), folder("linktodir"), item("linktodir/in", b"in"),
    item("replaced", b"new", mode=0o644), hard("kept3", "kept"),
    item("acl/f", b"f", mode=0o644), item("setgid/f", b"f", gid=3), folder("meta", mode=0o755, uid=2),
    item("again/new", b"new"), item(".wh.again"),
    item(".wh..wh.plnk/1.2", b"aufs"), item(".wh..wh.aufs"), item("nothing/.wh.there"),
)
top = tar(item("top", b"3"), item(".wh.top"), item("later/f", b"f"), folder("later", mode=0o700, uid=7))
empty = tar()

good = Layout("good")
good.image(good.layer(base, GZIP), good.layer(upper), good.layer(empty, GZIP), good.layer(top, ZSTD))

multi = Layout("multi")
arm = multi.manifest([multi.layer(tar(item("arch", b"other\n")))], multi.config(1, "mips"), **plat("mips"))
here = multi.manifest([multi.layer(tar(item("arch", b"here\n")))], **plat(ARCH))
fast = multi.manifest([multi.layer(tar(item("arch", b"fast\n")))], **plat(ARCH, variant="v99"))
note = multi.manifest([multi.layer(tar(item("arch", b"note\n")))], **plat("unknown", "unknown"))
multi.manifests = [multi.blob({"schemaVersion": 2, "manifests": [arm, fast, note, here]},
                              OCI + "index.v1+json")]
multi.index()

tags = Layout("tags")
tags.image(tar(item("t", b"one\n")), tag="one").image(tar(item("t", b"two\n")), tag="v2.0")

docker = Layout("docker")
lay = docker.layer(tar(item("d", b"docker\n")), GZIP)
lay["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip"
conf = docker.config(1)
conf["mediaType"] = "application/vnd.docker.container.image.v1+json"
docker.image(lay, config=conf)
docker.manifests[0]["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json"
docker.index()

# ---- hostile and damaged ones: bad-NAME ------------------------------------------

Layout("bad-no-index")
b = Layout("bad-no-layout").image(tar(F))
os.unlink(b.dir + "/oci-layout")
b = Layout("bad-layout-version").image(tar(F))
b.write("oci-layout", {"imageLayoutVersion": "2.0.0"})
b = Layout("bad-not-json")
b.write("index.json", b"{ nonsense")
b = Layout("bad-trailing").image(tar(F))
b.write("index.json", open(b.dir + "/index.json", "rb").read() + b"{}")
b = Layout("bad-nul").image(tar(F))
b.write("index.json", open(b.dir + "/index.json", "rb").read() + b"\0x")
b = Layout("bad-array")
b.write("index.json", b"[]")
b = Layout("bad-deep")
b.write("index.json", b'{"manifests":' + b"[" * 100000 + b"]" * 100000 + b"}")
b = Layout("bad-huge-json").image(tar(F))
b.write("index.json", open(b.dir + "/index.json", "rb").read() + b" " * (5 << 20))
b = Layout("bad-many")
b.manifests = [Layout.image(b, tar(F)).manifests[0]] * 2000
b.index()
b = Layout("bad-schema").image(tar(F))
b.index(schemaVersion=1)
b = Layout("bad-manifests-type")
b.write("index.json", {"schemaVersion": 2, "manifests": {"0": {}}})
b = Layout("bad-manifest-member")
b.write("index.json", {"schemaVersion": 2, "manifests": [7, None]})


def bad_digest(name, digest):
    b = Layout(name).image(tar(F))
    b.manifests[0]["digest"] = digest
    b.index()


up = "../" * 12 + canary.lstrip("/")
bad_digest("bad-digest-dotdot", "sha256:" + up)
bad_digest("bad-digest-pad", "sha256:" + ("../" * 21) + "x")
bad_digest("bad-digest-absolute", "sha256:" + canary)
bad_digest("bad-digest-upper", "sha256:" + "A" * 64)
bad_digest("bad-digest-short", "sha256:" + "a" * 63)
bad_digest("bad-digest-long", "sha256:" + "a" * 65)
bad_digest("bad-digest-algo", "sha512:" + "a" * 128)
bad_digest("bad-digest-algo-dotdot", "../sha256:" + "a" * 64)
bad_digest("bad-digest-nul", "sha256:" + "a" * 64 + "\0")
bad_digest("bad-digest-missing", "sha256:" + "a" * 64)
bad_digest("bad-digest-number", 7)


def bad_layer(name, change, *layers):
    """One image whose first layer is a plain tar; change(layout, descriptor) spoils it."""
    b = Layout(name)
    d = b.layer(tar(F))
    change(b, d)
    return b.image(d, *layers)


def rewrite(b, d, data):
    with open(b.path(d), "wb") as f:
        f.write(data)


bad_layer("bad-layer-content", lambda b, d: rewrite(b, d, tar(item("f", b"evil\n"))))
bad_layer("bad-layer-missing", lambda b, d: os.unlink(b.path(d)))
bad_layer("bad-layer-size", lambda b, d: d.update(size=d["size"] - 1))
bad_layer("bad-layer-size-huge", lambda b, d: d.update(size=1 << 80))
bad_layer("bad-layer-size-negative", lambda b, d: d.update(size=-1))
bad_layer("bad-layer-size-fraction", lambda b, d: d.update(size=1.5))
bad_layer("bad-layer-type", lambda b, d: d.update(mediaType=TAR + "+encrypted"))
bad_layer("bad-layer-filter", lambda b, d: d.update(mediaType=GZIP))


def replace(b, d, make):
    os.rename(b.path(d), b.dir + "/aside")
    make(b.path(d))


bad_layer("bad-layer-symlink", lambda b, d: replace(b, d, lambda p: os.symlink("../../aside", p)))
bad_layer("bad-layer-symlink-out", lambda b, d: replace(b, d, lambda p: os.symlink(canary, p)))
bad_layer("bad-layer-fifo", lambda b, d: replace(b, d, os.mkfifo))
bad_layer("bad-layer-dir", lambda b, d: replace(b, d, os.mkdir))
b = Layout("bad-blobs-symlink").image(tar(F))
os.rename(b.dir + "/blobs/sha256", b.dir + "/real")
os.symlink("../real", b.dir + "/blobs/sha256")
b = Layout("bad-index-symlink").image(tar(F))
os.rename(b.dir + "/index.json", b.dir + "/real.json")
os.symlink("real.json", b.dir + "/index.json")
b = Layout("bad-manifest-content").image(tar(F))
rewrite(b, b.manifests[0], open(b.path(b.manifests[0]), "rb").read().replace(b"2", b"3", 1))
b = Layout("bad-config-missing")
c = b.config(1)
b.image(tar(F), config=c)
os.unlink(b.path(c))
b = Layout("bad-config-count")
b.image(tar(F), config=b.config(2))
b = Layout("bad-config-arch")
b.image(tar(F), config=b.config(1, "mips"))
b = Layout("bad-config-os")
b.image(tar(F), config=b.config(1, os="windows"))
b = Layout("bad-config-type")
b.image(tar(F), config=b.blob({}, "application/vnd.cncf.helm.config.v1+json"))
Layout("bad-no-layers").image()
b = Layout("bad-many-layers")
b.image(*[b.layer(empty)] * 600)
Layout("bad-platform").image(tar(F), **plat("mips"))
b = Layout("bad-two").image(tar(F)).image(tar(item("g", b"x")))
b = Layout("bad-index-deep").image(tar(F))
for i in range(8):
    b.manifests = [b.blob({"schemaVersion": 2, "manifests": b.manifests}, OCI + "index.v1+json")]
b.index()
b = Layout("bad-index-tree").image(tar(F))
for i in range(4):
    d = b.blob({"schemaVersion": 2, "manifests": b.manifests}, OCI + "index.v1+json")
    b.manifests = [d] * 1000
b.index()

# Layers that try to leave the tree, or to hide what is outside.
side = os.path.dirname(canary)
Layout("bad-wh-dotdot").image(tar(F), tar(item(".wh...")))
Layout("bad-wh-dot").image(tar(F), tar(item("d/.wh..")))
Layout("bad-wh-empty").image(tar(F), tar(item(".wh.")))
Layout("bad-wh-dir").image(tar(F), tar(item(".wh.d/x", b"x")))
Layout("bad-wh-path").image(tar(F), tar(item("../" + ".wh.canary")))
Layout("bad-wh-canary").image(tar(F), tar(item(os.path.dirname(up) + "/.wh.canary")))
Layout("bad-wh-absolute").image(tar(F), tar(item(side + "/.wh.canary")))
Layout("bad-wh-symlink").image(tar(link("d", side)), tar(item("d/.wh.canary")))
Layout("bad-opq-symlink").image(tar(link("d", side)), tar(item("d/.wh..wh..opq")))
Layout("bad-opq-dotdot").image(tar(F), tar(item("../.wh..wh..opq")))
Layout("bad-through-symlink").image(tar(link("d", side)), tar(item("d/canary", b"evil\n")))
Layout("bad-through-file").image(tar(F), tar(item("f/x", b"x")))
Layout("bad-hard-symlink").image(tar(link("d", side)), tar(hard("h", "d/canary")))
Layout("bad-hard-hidden").image(tar(F), tar(item(".wh.f"), hard("h", "f")))
Layout("bad-hard-own-dir").image(tar(folder("d"), item("d/f", b"x")), tar(hard("d", "d/f")))
Layout("bad-dotdot").image(tar(item("../evil", b"evil\n")))
Layout("bad-damaged").image(tar(F)[:700])

# ---- for single tests ------------------------------------------------------------

big = Layout("big")
big.image(tar(item("a", b"a" * 60000)), tar(item("b", b"b" * 60000)))
late = Layout("late-damage")
late.image(tar(F), tar(item(".wh.f"), item("g", b"x"))[:1300])
