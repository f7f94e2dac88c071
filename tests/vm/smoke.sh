#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest is what tests expect of it.
echo 1..4
[ "$(cat /proc/1/comm)" = init ] && echo "ok 1 - our init" || echo "not ok 1 - our init"
grep -q 'cpuset cpu io memory.* pids' /sys/fs/cgroup/cgroup.controllers && echo "ok 2 - controllers" || echo "not ok 2 - controllers"
[ "$(grep CapEff /proc/self/status | cut -f2)" = "$(grep CapBnd /proc/self/status | cut -f2)" ] && echo "ok 3 - caps" || echo "not ok 3 - caps"
repquota -P / >/dev/null && echo "ok 4 - project quota" || echo "not ok 4 - project quota"
mount; cat /proc/uptime >&2; df / >&2; lsmod >&2; ls /vz
