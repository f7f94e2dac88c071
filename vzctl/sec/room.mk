# SPDX-License-Identifier: GPL-2.0-or-later
# The policy compiler runs on the build machine; its output is C arrays.
SECCOMP_GEN := $(O)/gen/seccomp-gen
HOSTCC ?= cc
sec_gen_src := $(wildcard vzctl/sec/gen/*.c)

$(SECCOMP_GEN): $(sec_gen_src) vzctl/sec/gen/policy.h
	$(call say,HOSTCC,$@)mkdir -p $(@D) && $(HOSTCC) -std=gnu11 -O1 -D_GNU_SOURCE -Wall -Wextra -Werror \
		-Ivzctl -o $@ $(sec_gen_src)

$(O)/gen/seccomp-%.h: vzctl/sec/policy/%.policy vzctl/sec/policy/syscalls.tbl $(SECCOMP_GEN)
	$(call say,GEN,$@)$(SECCOMP_GEN) vzctl/sec/policy/syscalls.tbl $< $* $@

sec_headers := $(patsubst vzctl/sec/policy/%.policy,$(O)/gen/seccomp-%.h,$(wildcard vzctl/sec/policy/*.policy))
$(O)/vzctl/sec/seccomp.o: $(sec_headers)
$(patsubst %.c,$(O)/%.o,$(wildcard tests/unit/sec-*.c)): $(sec_headers)
