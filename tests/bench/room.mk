# SPDX-License-Identifier: GPL-2.0-or-later
# make bench: how long things take, next to the other programs of the field.
# Not part of `all`: needs root, and a machine that does nothing else.  A build
# of its own, because only test hooks let vzctl keep its files elsewhere.
BENCH_ARGS ?=
bench_src := $(addprefix tests/bench/,bench.c rows.c oci.c storm.c rm.c) vzctl/sec/gen/policy.c
bench_progs := $(addprefix $(O)/tests/bench/,init bare bench flow)
all_objs += $(call obj,$(bench_src) tests/bench/init.c tests/bench/bare.c \
	tests/bench/flow.c)

$(O)/tests/bench/bench: $(call obj,$(bench_src))
$(bench_progs): %: %.o $(call libs_of,sec base)
	$(call say,LD,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LDFLAGS_STATIC) -o $@ \
		$(sort $(filter %.o,$^)) -Wl,--start-group $(call libs_of,sec base) -Wl,--end-group

# For guests (tests/vm/run --icount tests/bench/flow.sh).
tests: $(O)/tests/bench/flow

bench: ## compare with peers (root, 3 minutes); BENCH_ARGS=--full
	$(Q)$(MAKE) --no-print-directory O=build/bench CPPFLAGS="$(CPPFLAGS) -DVZ_TEST_HOOKS" \
		bench-run

bench-run: $(bench_progs) default
	$(O)/tests/bench/bench --build $(abspath $(O)) $(BENCH_ARGS)
	VZ_BUILD=$(abspath $(O)) tests/bench/net.sh
	VZ_BUILD=$(abspath $(O)) tests/bench/flow.sh

.PHONY: bench bench-run
