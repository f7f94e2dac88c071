# SPDX-License-Identifier: GPL-2.0-or-later
# One program; the tools of 4.x are links to it and choose by their name.
node_src := $(wildcard vzctl/node/*.c)
$(eval $(call prog_rule,vzctl-node,$(node_src),$(LINK_ORDER),static))
NODE_LINKS := vzsplit vzcalc vzmemcheck vzcpucheck vzcfgscale vzoversell
NODE_LINK_FILES := $(NODE_LINKS:%=$(O)/bin/%)

$(NODE_LINK_FILES): $(O)/bin/vzctl-node
	$(call say,LN,$@)ln -sf vzctl-node $@

default: $(NODE_LINK_FILES)
