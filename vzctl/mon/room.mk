# SPDX-License-Identifier: GPL-2.0-or-later
# The monitor links libc only; without PIE, so that nothing is relocated.
vzmon_src := vzctl/mon/vzmon.c
$(eval $(call prog_rule,vzmon,$(vzmon_src),,static))
