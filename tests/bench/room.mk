# make bench: how long things take, next to the other programs of the field.
# Not part of `all`: needs root, and a machine that does nothing else.
BENCH_ARGS ?=
bench_progs := $(addprefix $(O)/tests/bench/,init bare bench)
all_objs += $(bench_progs:=.o)

$(bench_progs): %: %.o $(call libs_of,sec base)
	$(call say,LD,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LDFLAGS_STATIC) -o $@ $< \
		-Wl,--start-group $(call libs_of,sec base) -Wl,--end-group

bench: $(bench_progs) default ## compare with peers (root); BENCH_ARGS=--full
	$(O)/tests/bench/bench --build $(abspath $(O)) $(BENCH_ARGS)

.PHONY: bench
