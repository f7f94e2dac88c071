# SPDX-License-Identifier: GPL-2.0-or-later
# The monitor stays: without a C library where there is code for the machine
# (mon/sc.h), so that it maps nothing that it does not run.
vzmon_src := vzctl/mon/vzmon.c
vzmon_obj := $(call obj,$(vzmon_src))
all_objs += $(vzmon_obj)
PROGS += $(O)/bin/vzmon
ifneq ($(filter asan,$(MODE))$(filter-out x86_64-% aarch64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),)
$(vzmon_obj): CPPFLAGS_ALL += -DVZ_MON_LIBC
vzmon_ldflags := $(LDFLAGS_STATIC)
else
$(vzmon_obj): CFLAGS_ALL += -ffreestanding -fno-stack-protector -U_FORTIFY_SOURCE -O2
vzmon_ldflags := -static-pie -nostdlib -Wl,-z,noexecstack,-z,norelro,--build-id=none
endif
$(O)/bin/vzmon: $(vzmon_obj)
	$(call say,LD,$@)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(vzmon_ldflags) -o $@ $<
