# SPDX-License-Identifier: GPL-2.0-or-later
# vztar reads and writes template archives.  Dynamic, and the only program that
# links libarchive and json-c: decoders of foreign bytes stay out of vzctl.
src_vztar := $(wildcard vzctl/tmpl/vztar/*.c)
$(eval $(call prog_rule,vztar,$(src_vztar),tmpl sys base,dyn,-larchive -ljson-c -lcrypto))
src_vztmpl := $(wildcard vzctl/tmpl/vztmpl/*.c)
$(eval $(call prog_rule,vztmpl,$(src_vztmpl),tmpl conf sys base,static))
