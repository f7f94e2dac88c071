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

# Other flags or paths than last time: everything is compiled again.
$(O)/.flags: FORCE
	$(Q)mkdir -p $(@D) && echo '$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL)' | cmp -s - $@ || \
		echo '$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL)' > $@
FORCE:

$(O)/%.o: %.c $(O)/.flags
	$(call say,CC,$@)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

default: $(PROGS) ## build every program

# ---- install ---------------------------------------------------------------
# Configuration that is there already is never overwritten.
SBIN_PROGS := $(filter-out vzmon vztar vzqemu,$(notdir $(PROGS)))
D = $(DESTDIR)
keep = test -e '$(D)$(2)' || install -m 644 '$(1)' '$(D)$(2)'

install: default docs ## install below $(DESTDIR)$(PREFIX) and $(SYSCONFDIR)/vz
	install -d $(D)$(SBINDIR) $(D)$(LIBEXECDIR) $(D)$(DATADIR)/dists/scripts $(D)$(DATADIR)/recipes \
		$(D)$(MANDIR)/man5 $(D)$(MANDIR)/man7 $(D)$(MANDIR)/man8 $(D)$(PREFIX)/share/bash-completion/completions \
		$(D)$(SYSCONFDIR)/vz/conf $(D)$(SYSCONFDIR)/vz/names $(D)$(SYSCONFDIR)/vz/dists
	install -m 755 $(addprefix $(O)/bin/,$(SBIN_PROGS)) $(D)$(SBINDIR)
	install -m 755 $(addprefix $(O)/bin/,vzmon vztar vzqemu) $(D)$(LIBEXECDIR)
	install -m 644 $(wildcard templates/dists/*.conf) templates/dists/default $(D)$(DATADIR)/dists
	install -m 644 $(wildcard templates/dists/scripts/*) $(D)$(DATADIR)/dists/scripts
	install -m 755 $(wildcard templates/recipes/*) $(D)$(DATADIR)/recipes
	install -m 644 $(wildcard $(O)/man/*.5) $(D)$(MANDIR)/man5
	install -m 644 $(wildcard $(O)/man/*.7) $(D)$(MANDIR)/man7
	install -m 644 $(wildcard $(O)/man/*.8) $(D)$(MANDIR)/man8
	$(Q)for l in $(NODE_LINKS); do ln -sf vzctl-node "$(D)$(SBINDIR)/$$l" && \
		ln -sf vzctl-node.8 "$(D)$(MANDIR)/man8/$$l.8"; done
	install -m 644 $(O)/completion/vzctl.bash $(D)$(PREFIX)/share/bash-completion/completions/vzctl
	install -d $(D)$(PREFIX)/lib/systemd/system
	install -m 755 vzctl/boot/vz $(D)$(LIBEXECDIR)
	install -m 755 vzctl/boot/vzifup-post vzctl/boot/vzvmboot $(D)$(SBINDIR)
	sed 's|@LIBEXECDIR@|$(LIBEXECDIR)|' vzctl/boot/vz.service.in > $(D)$(PREFIX)/lib/systemd/system/vz.service
	$(call keep,templates/conf/vz.conf,$(SYSCONFDIR)/vz/vz.conf)
	$(Q)for f in templates/conf/*.conf-sample; do \
		test -e "$(D)$(SYSCONFDIR)/vz/conf/$${f##*/}" || \
		install -m 644 "$$f" "$(D)$(SYSCONFDIR)/vz/conf/"; done

MAN_NAMES := $(patsubst %.in,%,$(notdir $(wildcard docs/man/*.in))) $(NODE_LINKS:%=%.8)

uninstall: ## remove what install put there; configuration and containers stay
	rm -f $(addprefix $(D)$(SBINDIR)/,$(SBIN_PROGS) $(NODE_LINKS) vzifup-post vzvmboot) \
		$(addprefix $(D)$(MANDIR)/man5/,$(filter %.5,$(MAN_NAMES))) \
		$(addprefix $(D)$(MANDIR)/man7/,$(filter %.7,$(MAN_NAMES))) \
		$(addprefix $(D)$(MANDIR)/man8/,$(filter %.8,$(MAN_NAMES))) \
		$(D)$(PREFIX)/share/bash-completion/completions/vzctl \
		$(D)$(PREFIX)/lib/systemd/system/vz.service
	rm -rf --one-file-system $(D)$(LIBEXECDIR) $(D)$(DATADIR)

deps: ## install what building, running and testing need (Debian, root)
	sh vzctl/demo/deps

demo: ## two commands from a clone: build, install, make and start container 101 (root)
	sh vzctl/demo/demo

demo-clean: ## undo demo (root)
	sh vzctl/demo/demo-clean

# ---- tests -----------------------------------------------------------------
# Host tests need test hooks, which only debug and asan builds have.
HOST_TESTS = $(sort $(wildcard tests/host/*.t))
LINT_TESTS = $(sort $(wildcard tests/lint/*.t))

check-lint: ## layers, parameters, shell scripts
	$(Q)prove $(LINT_TESTS)

# gcc -fanalyzer, clang-tidy (.clang-tidy says which checks are off, and why), cppcheck.  About 80
# seconds on two idle cores; a file is looked at again when its object is newer.
# gcc 12 forgets initializers of variables with a cleanup beside a copied struct (net_restore()):
# uninitialized values are left to clang, which finds them.
# clang does not see into the asm of the monitor's system calls: VZ_MON_LIBC calls a function.
ANALYZE_SRC = $(sort $(filter-out tests/%,$(foreach r,$(ROOMS),$(src_$(r))) $(wildcard vzctl/*/*/*.c \
	vzctl/cmd/*.c vzctl/list/*.c vzctl/mon/*.c vzctl/node/*.c \
	vzctl/validate/*.c)))
JOBS ?= $(shell nproc)

$(O)/%.analyzed: %.c $(O)/%.o .clang-tidy
	$(call say,ANALYZE,$<)gcc $(filter-out -O2 -D_FORTIFY_SOURCE=2 -f%sections,$(CPPFLAGS_ALL) \
		$(CFLAGS_ALL)) -O1 -fanalyzer \
		-Wno-analyzer-use-of-uninitialized-value -c -o /dev/null $<
	$(Q)clang-tidy --quiet $< -- -std=gnu11 $(CPPFLAGS_ALL) -DVZ_MON_LIBC 2>$@.log || \
		{ cat $@.log; exit 1; }
	$(Q)rm -f $@.log && touch $@

$(O)/cppcheck.analyzed: $(ANALYZE_SRC:%.c=$(O)/%.o)
	$(call say,ANALYZE,cppcheck)cppcheck -j $(JOBS) --quiet --enable=warning,portability --std=c11 \
		--error-exitcode=1 --inline-suppr -D__x86_64__ $(CPPFLAGS_ALL) $(ANALYZE_SRC)
	$(Q)touch $@

analyze: ## gcc -fanalyzer, clang-tidy and cppcheck on every file of the product
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) default
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) -k analyze-files

analyze-files: $(ANALYZE_SRC:%.c=$(O)/%.analyzed) $(O)/cppcheck.analyzed

check-host: ## containers on this kernel (root, a few minutes)
	$(Q)$(MAKE) --no-print-directory MODE=debug default tests
	$(Q)VZ_BUILD=$(abspath build/debug) prove --timer $(HOST_TESTS)

check: ## install what is needed and run the whole test suite (root)
	sh vzctl/demo/deps test
	$(MAKE) check-all

check-all:
	$(MAKE) --no-print-directory default
	$(MAKE) --no-print-directory CC=clang default
	$(MAKE) --no-print-directory MODE=debug default tests
	$(MAKE) --no-print-directory MODE=asan tests
	$(MAKE) --no-print-directory analyze
	$(MAKE) --no-print-directory -j$(JOBS) fuzz-replay
	$(MAKE) --no-print-directory doc-check
	ASAN_OPTIONS=detect_leaks=1 VZ_BUILD=$(abspath build/debug) VZ_BUILD_ASAN=$(abspath build/asan) \
		prove --timer --failures $(LINT_TESTS) $(patsubst tests/unit/%.c,build/debug/tests/unit/%,$(unit_src)) \
		$(patsubst tests/unit/%.c,build/asan/tests/unit/%,$(unit_src)) $(HOST_TESTS)

# The kernel with our patches: kernel-patches/README.md.  Not part of `make check`, whose lint
# looks at the patch files alone (tests/lint/patches.t).
kernel: ## fetch the base, apply kernel-patches, build for QEMU: prints the image (4 GB, minutes)
	$(Q)kernel-patches/kp build

kernel-debug: ## the same with kernel-patches/config/debug.config (KASAN, lockdep, kmemleak, ...)
	$(Q)kernel-patches/kp build --debug

kernel-check: ## kernel-patches: apply, round trip, checkpatch, W=1, sparse, kernel-doc, size, images
	$(Q)kernel-patches/kp check

kernel-bench: ## kernel-patches: what fork, namespaces and the kernel log cost, in instructions
	$(Q)$(MAKE) --no-print-directory MODE=debug tests
	$(Q)kernel-patches/kp bench

tests: $(TESTS) default

check-unit: tests ## unit tests: no root, milliseconds each
	$(Q)VZ_BUILD=$(abspath $(O)) prove -Q $(TESTS)

clean: ## remove build/
	rm -rf --one-file-system build

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | \
		sort -u | expand -t 22

.PHONY: analyze analyze-files all kernel kernel-check kernel-debug kernel-bench default tests install uninstall deps demo demo-clean check check-all check-lint check-host check-unit \
	clean help
.SECONDARY:
-include $(all_objs:.o=.d)
