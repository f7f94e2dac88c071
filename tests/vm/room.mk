# SPDX-License-Identifier: GPL-2.0-or-later
# Process 1 of the guests that tests/vm/run boots.
all_objs += $(call obj,tests/vm/init.c)
$(O)/tests/vm/init: $(call obj,tests/vm/init.c)
	$(call say,LD,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LDFLAGS_STATIC) -o $@ $^

ifneq ($(MODE),asan)
tests: $(O)/tests/vm/init
endif
