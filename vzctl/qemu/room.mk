# SPDX-License-Identifier: GPL-2.0-or-later
# The one program that speaks JSON with an emulator: vzctl and vzmon do not link it.
src_vzqemu := $(wildcard vzctl/qemu/*.c)
$(eval $(call prog_rule,vzqemu,$(src_vzqemu),sys base,dyn,-ljson-c -larchive))
