#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal for a command, driven by a script on the command line.

term.py SECONDS [STEP...] -- COMMAND...
  send:TEXT    types TEXT (backslash escapes: \\r \\033 ...)
  expect:RE    waits for RE in what came since the last match
  size:RxC     changes the window, which signals it
  sleep:SEC
  hup          closes the terminal
Prints all that the command wrote; exits with its status, 124 when a wait took
longer than SECONDS.
"""
import codecs, fcntl, os, pty, re, select, signal, struct, sys, termios, time

limit = float(sys.argv[1])
cut = sys.argv.index("--")
steps, command = sys.argv[2:cut], sys.argv[cut + 1:]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm-vztest"
    os.execvp(command[0], command)
seen, at = b"", 0


def pump(wait):
    """Reads for @wait seconds; False at the end."""
    global seen
    if select.select([fd], [], [], wait)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            return False
        seen += data
        return bool(data)
    return True


def finish(status=None):
    sys.stdout.buffer.write(seen)
    sys.stdout.flush()
    if status is None:
        end = time.time() + limit
        while time.time() < end:
            done, st = os.waitpid(pid, os.WNOHANG)
            if done:
                sys.exit(os.waitstatus_to_exitcode(st) % 256)
            time.sleep(0.01)
        status = 124
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (OSError, ChildProcessError):
        pass
    sys.exit(status)


fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
for step in steps:
    what, _, arg = step.partition(":")
    if what == "send":
        os.write(fd, codecs.decode(arg, "unicode_escape").encode("latin-1"))
    elif what == "size":
        rows, cols = map(int, arg.split("x"))
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    elif what == "sleep":
        end = time.time() + float(arg)
        while time.time() < end and pump(0.02):
            pass
    elif what == "hup":
        os.close(fd)
        finish()
    elif what == "expect":
        end = time.time() + limit
        while True:
            m = re.search(arg.encode(), seen[at:])
            if m:
                at += m.end()
                break
            if time.time() > end or not pump(0.05):
                sys.stdout.buffer.write(b"\n[pty: no '%s']\n" % arg.encode())
                finish(124)
end = time.time() + limit
while time.time() < end and pump(0.05):
    pass
finish()
