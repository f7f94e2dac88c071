# SPDX-License-Identifier: GPL-2.0-or-later
# Process 1 of the guests that tests/vm/run boots, and what runs in containers there.
vm_progs := $(addprefix $(O)/tests/vm/,init hold ve cost)
all_objs += $(vm_progs:=.o)
$(vm_progs): %: %.o $(call libs_of,sys base)
	$(call say,LD,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LDFLAGS_STATIC) -o $@ $^

ifneq ($(MODE),asan)
tests: $(vm_progs)
endif
