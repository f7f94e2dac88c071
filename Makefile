# SPDX-License-Identifier: GPL-2.0-or-later
# vz: one non-recursive makefile.  `make help` lists the targets.
#
#   make [V=1] [MODE=release|debug|asan] [CC=gcc|clang] [O=dir]
#
# Rooms are static libraries, linked in layer order, so that a call upwards
# does not link.  Hot-path programs are static: dynamic linking alone costs
# more than starting a container (docs/decisions/0001-static.md).

MODE    ?= release
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
O       ?= build/$(MODE)$(if $(findstring clang,$(CC)),-clang)
V       ?= 0
PREFIX  ?= /usr
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec/vzctl
DATADIR ?= $(PREFIX)/share/vzctl
MANDIR  ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
DESTDIR ?=

VERSION := 5.0.0

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wundef -Wpointer-arith -Wimplicit-fallthrough -Wno-unused-parameter \
	$(if $(findstring clang,$(CC)),,-Wno-format-truncation)
CPPFLAGS_ALL := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ivzctl -Inetns -I$(O)/gen -I. \
	-DVZ_VERSION='"$(VERSION)"' -DVZ_SYSCONFDIR='"$(SYSCONFDIR)"' \
	-DVZ_LIBEXECDIR='"$(LIBEXECDIR)"' -DVZ_DATADIR='"$(DATADIR)"' -DVZ_SBINDIR='"$(SBINDIR)"' \
	$(CPPFLAGS)
CFLAGS_ALL := -std=gnu11 $(WARN)
LDFLAGS_ALL := -Wl,--as-needed

ifeq ($(MODE),release)
CFLAGS_ALL += -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -ffunction-sections \
	-fdata-sections
LDFLAGS_ALL += -Wl,-z,relro,-z,now -Wl,--gc-sections
LDFLAGS_STATIC := -static-pie
LDFLAGS_DYN := -pie
else ifeq ($(MODE),debug)
CFLAGS_ALL += -O1 -g3 -fPIE -DVZ_TEST_HOOKS
LDFLAGS_STATIC := -static-pie
LDFLAGS_DYN := -pie
else ifeq ($(MODE),asan)
CFLAGS_ALL += -O1 -g3 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -DVZ_TEST_HOOKS
LDFLAGS_STATIC := -fsanitize=address,undefined
LDFLAGS_DYN := -fsanitize=address,undefined
else
$(error MODE is one of release, debug, asan: not '$(MODE)')
endif
CFLAGS_ALL += $(CFLAGS)
LDFLAGS_ALL += $(LDFLAGS)

# Rooms, lowest layer first; link order is the reverse.
ROOMS := base sys conf netns ns cg sec store tmpl ct
src_netns := $(wildcard netns/*.c)
$(foreach r,$(filter-out netns,$(ROOMS)),$(eval src_$(r) := $(wildcard vzctl/$(r)/*.c)))

libs :=
PROGS :=
TESTS :=
all_objs :=

obj = $(patsubst %.c,$(O)/%.o,$(1))
lib = $(O)/lib$(1).a
# A room links what lies below it.
libs_of = $(foreach r,$(1),$(if $(src_$(r)),$(call lib,$(r))))

all: default

define room_rule
all_objs += $$(call obj,$$(src_$(1)))
libs += $$(call lib,$(1))
$$(call lib,$(1)): $$(call obj,$$(src_$(1)))
	$$(call say,AR,$$@)rm -f $$@ && ar crsD $$@ $$^
endef
$(foreach r,$(ROOMS),$(if $(src_$(r)),$(eval $(call room_rule,$(r)))))

LINK_ORDER := ct tmpl store sec cg ns netns conf sys base

# $(call prog,name,sources,rooms in link order,static|dyn,extra libs)
define prog_rule
all_objs += $$(call obj,$(2))
PROGS += $$(O)/bin/$(1)
$$(O)/bin/$(1): $$(call obj,$(2)) $$(call libs_of,$(3))
	$$(call say,LD,$$@)mkdir -p $$(@D) && $$(CC) $$(CFLAGS_ALL) $$(LDFLAGS_ALL) $(if $(filter static,$(4)),$$(LDFLAGS_STATIC),$$(LDFLAGS_DYN)) -o $$@ \
		$$(call obj,$(2)) -Wl,--start-group $$(call libs_of,$(3)) -Wl,--end-group $(5)
endef

# Programs and generated files of each room.
include $(wildcard vzctl/*/room.mk netns/room.mk templates/room.mk tests/*/room.mk docs/room.mk)

# Unit tests: one program per tests/unit/*.c; the first word of the name is
# its room, which is linked with everything below.
unit_src := $(wildcard tests/unit/*.c)
unit_room = $(firstword $(subst -, ,$(basename $(notdir $(1)))))
rooms_below = $(wordlist $(words $(call upto,$(1),$(LINK_ORDER))),99,$(LINK_ORDER))
upto = $(if $(filter $(1),$(firstword $(2))),x,x $(call upto,$(1),$(wordlist 2,99,$(2))))
define unit_rule
all_objs += $$(call obj,$(1))
TESTS += $$(O)/$(basename $(1))
$$(O)/$(basename $(1)): $$(call obj,$(1)) $$(call libs_of,$$(call rooms_below,$$(call unit_room,$(1))))
	$$(call say,LD,$$@)$$(CC) $$(CFLAGS_ALL) $$(LDFLAGS_ALL) $$(LDFLAGS_DYN) -o $$@ $$(call obj,$(1)) \
		-Wl,--start-group $$(call libs_of,$$(call rooms_below,$$(call unit_room,$(1)))) -Wl,--end-group
endef
$(foreach t,$(unit_src),$(eval $(call unit_rule,$(t))))

$(O)/%.o: %.c
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

default: $(PROGS) ## build every program

tests: $(TESTS) default

check-unit: tests ## unit tests: no root, milliseconds each
	$(Q)VZ_BUILD=$(abspath $(O)) prove -Q $(TESTS)

clean: ## remove build/
	rm -rf --one-file-system build

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | \
		sort -u | expand -t 22

.PHONY: all default tests check-unit clean help
.SECONDARY:
-include $(all_objs:.o=.d)
