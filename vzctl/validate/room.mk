# SPDX-License-Identifier: GPL-2.0-or-later
$(eval $(call prog_rule,vzcfgvalidate,vzctl/validate/vzcfgvalidate.c,$(LINK_ORDER),static))
