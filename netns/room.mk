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

# The programs at the ports of containers, compiled by clang for BPF, whatever compiles the
# rest.  Without clang vzctl has none, and does with nf_tables (NET_FILTER in vz.conf(5)).
BPF_CLANG ?= clang
bpf_include := $(shell $(CC) -print-multiarch 2>/dev/null)
bpf_clang := $(shell command -v $(BPF_CLANG) 2>/dev/null)
$(O)/gen/bpf-pack: netns/bpf/pack.c
	$(call say,HOSTCC,$@)mkdir -p $(@D) && $(HOSTCC) -std=gnu11 -O1 -Wall -Wextra -Werror -o $@ $<
$(O)/gen/port.bpf.o: netns/bpf/port.bpf.c netns/bpf/port.h netns/bpf/icmp.h
	$(call say,BPF,$@)mkdir -p $(@D) && $(BPF_CLANG) -target bpf -mcpu=v3 -O2 -g0 -Wall -Wextra -Werror \
		$(addprefix -I/usr/include/,$(bpf_include)) -c -o $@ $<
ifneq ($(bpf_clang),)
$(O)/gen/port-prog.h: $(O)/gen/port.bpf.o $(O)/gen/bpf-pack
	$(call say,GEN,$@)$(O)/gen/bpf-pack $< >$@.tmp && mv $@.tmp $@
else
$(O)/gen/port-prog.h: netns/room.mk
	$(Q)echo 'No $(BPF_CLANG): vzctl is built without BPF, nf_tables checks and counts' >&2
	$(Q)mkdir -p $(@D) && printf '#define DP_NONE\n' >$@
endif
$(O)/netns/dp.o: $(O)/gen/port-prog.h
