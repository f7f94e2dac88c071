#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# guard.t with BPF as who guards.
export VZT_FILTER=bpf
exec "$(dirname "$0")/guard.t"
