# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call prog_rule,arpsend,netns/tools/arpsend.c,netns sys base,static))
$(eval $(call prog_rule,ndsend,netns/tools/ndsend.c,netns sys base,static))

# Calls net_*() from the shell for tests/host/netns-*.t; not installed.
netns_call := $(O)/tests/host/netns-call
all_objs += $(call obj,tests/host/netns-call.c)
tests: $(netns_call)
$(netns_call): $(call obj,tests/host/netns-call.c) $(call libs_of,netns sys base)
	$(call say,LD,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LDFLAGS_DYN) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group
