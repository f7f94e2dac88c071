# SPDX-License-Identifier: GPL-2.0-or-later
# Man pages and completion: hand-written text with lists made from the
# parameter table.  `make docs`, `make doc-check`.

doc_gen  := $(O)/docs/gen
doc_pages := $(patsubst docs/man/%.in,$(O)/man/%,$(wildcard docs/man/*.in))
doc_completion := $(O)/completion/vzctl.bash
all_objs += $(call obj,docs/gen.c)

$(doc_gen): $(call obj,docs/gen.c) $(call libs_of,conf base)
	$(call say,LD,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LDFLAGS_DYN) -o $@ $^

$(O)/man/%: docs/man/%.in $(doc_gen)
	$(call say,GEN,$@)mkdir -p $(@D) && $(doc_gen) < $< > $@.tmp && mv $@.tmp $@

$(doc_completion): docs/completion/vzctl.bash.in $(doc_gen)
	$(call say,GEN,$@)mkdir -p $(@D) && $(doc_gen) < $< > $@.tmp && mv $@.tmp $@

docs: $(doc_pages) $(doc_completion) ## man pages and bash completion

# Every exit code of base/err.h is documented; pages and completion are valid.
doc-check: docs ## lint the man pages (needs mandoc)
	$(Q)mandoc -T lint -W warning $(doc_pages)
	$(Q)bash -n $(doc_completion)
	$(Q)sed -n 's/^\tVZ_[A-Z_]* = \([0-9]*\),.*/\1/p' vzctl/base/err.h | sort -n > $(O)/docs/codes.want
	$(Q)sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It \([0-9]*\)$$/\1/p' $(O)/man/vzctl.8 | \
		sort -n | diff $(O)/docs/codes.want -

.PHONY: docs doc-check
