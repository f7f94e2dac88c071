# SPDX-License-Identifier: GPL-2.0-or-later
# Calls net_*() from the shell for tests/host/netns-*.t; not installed.
$(eval $(call prog_rule,tests/host/netns-call,tests/host/netns-call.c,netns sys base,dyn,))
