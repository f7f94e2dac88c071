#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""guard-mutate.py SEED COUNT <ATTACKS: variations of what guard-frames.py wrote.

    DEVICE FRAME

Bytes behind the addresses are changed, left out, repeated; each frame has "vzs" and
its number, at its end if it had no mark: a bridge may cut that off.  The same
SEED gives the same frames.
"""
import random
import sys

# With less than that BPF sees no IP, and nf_tables whatever fields there are.
WHOLE = 54

rnd = random.Random(int(sys.argv[1]))
seeds = {}
for line in sys.stdin:
    f = line.rstrip("\n").split("\t")
    for frame in f[4].split(",") + [f[6]]:
        if frame != "-":
            seeds.setdefault(f[0], []).append(bytes.fromhex(frame))


def change(f):
    f = bytearray(f)
    for _ in range(rnd.choice((0, 1, 1, 1, 2, 2, 4, 8))):
        # What decides is in the first headers; the source address seldom changes.
        at = rnd.randrange(12, min(len(f), 100)) if rnd.random() < 0.95 else rnd.randrange(6, 12)
        how = rnd.random()
        if how < 0.35:
            f[at] ^= 1 << rnd.randrange(8)
        elif how < 0.6:
            f[at] = rnd.choice((0, 1, 6, 17, 43, 44, 51, 58, 59, 60, 67, 68, 133, 134, 135, 136, 137, 255))
        elif how < 0.8:
            f[at] = rnd.randrange(256)
        elif how < 0.9:
            del f[at:at + rnd.choice((1, 2, 4, 8))]
        else:
            f[at:at] = f[at:at + rnd.choice((2, 4, 8))]
        if len(f) < WHOLE:
            f += bytes(WHOLE)
    return bytes(f[:rnd.randrange(WHOLE, len(f))]) if rnd.random() < 0.1 and len(f) > WHOLE else bytes(f)


def marked(f, mark):
    at = f.find(b"vzguard:")
    return f + mark if at < 0 else f[:at] + mark + f[at + len(mark):]


n = 0
for dev in sorted(seeds):
    for _ in range(int(sys.argv[2])):
        n += 1
        print(dev, marked(change(rnd.choice(seeds[dev]))[:1400], b"vzs%06d" % n).hex())
