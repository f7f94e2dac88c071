# SPDX-License-Identifier: GPL-2.0-or-later
# libFuzzer targets.  `make fuzz-replay` runs each corpus and a few seconds of
# new inputs; `make fuzz-NAME FUZZ_TIME=3600` searches longer.

FUZZ_TIME ?= 3
FUZZ_CC   := clang
FUZZ_FLAGS := -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

fuzz_names := conf_args conf_file ct_console mon_console nl_parse qmp tmpl_entry tmpl_manifest \
	tmpl_oci tmpl_text ubc
# What each target links next to its own file; the .c under test is included.
fuzz_src_conf_file := $(filter-out vzctl/conf/file.c,$(src_conf)) $(src_base)
fuzz_src_conf_args := $(fuzz_src_conf_file)
fuzz_src_ct_console := $(src_base)
fuzz_src_nl_parse := $(addprefix netns/,rtnl.c rtnl-read.c nlmsg.c nlsock.c addr.c nft.c nft-linger.c nft-read.c) $(src_base)
fuzz_src_qmp := $(src_base)
fuzz_libs_qmp := -ljson-c
fuzz_src_tmpl_entry := $(src_base)
fuzz_src_tmpl_manifest := $(src_base)
fuzz_src_tmpl_oci := $(src_base)
fuzz_src_tmpl_text := vzctl/tmpl/vztmpl/cache.c vzctl/tmpl/vztmpl/work.c $(src_base) $(src_sys) \
	$(src_conf) $(filter-out vzctl/tmpl/unpack.c,$(src_tmpl))
fuzz_src_ubc := $(src_conf) $(src_base)
fuzz_flags_tmpl_oci := -Ivzctl/tmpl/vztar
fuzz_flags_tmpl_text := -Ivzctl/tmpl/vztmpl
fuzz_libs_tmpl_oci := -ljson-c

define fuzz_rule
$(O)/fuzz/$(1): tests/fuzz/$(1).c $(fuzz_src_$(1)) $(wildcard vzctl/*/*.[ch] vzctl/*/*/*.[ch] vzctl/*/*.def netns/*.h)
	$$(call say,FUZZ,$$@)mkdir -p $$(@D) && $(FUZZ_CC) $$(CPPFLAGS_ALL) -std=gnu11 $(FUZZ_FLAGS) $(fuzz_flags_$(1)) \
		-o $$@ tests/fuzz/$(1).c $(fuzz_src_$(1)) $(fuzz_libs_$(1))

fuzz-$(1): $(O)/fuzz/$(1)
	$(Q)mkdir -p $(O)/fuzz/corpus-$(1)
	$(Q)cd $(O)/fuzz && ./$(1) -max_total_time=$(FUZZ_TIME) -timeout=5 -max_len=4096 -verbosity=0 \
		-print_final_stats=1 corpus-$(1) $(abspath tests/fuzz/corpus/$(1)) 2>$(1).log || \
		{ cat $(1).log; exit 1; }
	@awk '/number_of_executed_units/ { print "  FUZZ    $(1): " $$$$2 " runs, nothing found" }' \
		$(O)/fuzz/$(1).log
.PHONY: fuzz-$(1)
endef
$(foreach f,$(fuzz_names),$(eval $(call fuzz_rule,$(f))))

fuzz-replay: $(fuzz_names:%=fuzz-%) ## run the fuzz corpora and a few seconds of search (clang)
.PHONY: fuzz-replay
