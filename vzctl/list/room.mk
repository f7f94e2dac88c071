# SPDX-License-Identifier: GPL-2.0-or-later
vzlist_src := $(addprefix vzctl/list/,vzlist.c options.c fields.c value.c)
$(eval $(call prog_rule,vzlist,$(vzlist_src),$(LINK_ORDER),static))
$(eval $(call prog_rule,vzpid,vzctl/list/vzpid.c,$(LINK_ORDER),static))
vzubc_src := $(addprefix vzctl/list/,vzubc.c ubc-table.c)
$(eval $(call prog_rule,vzubc,$(vzubc_src),$(LINK_ORDER),static))
$(eval $(call prog_rule,vznetstat,vzctl/list/vznetstat.c,$(LINK_ORDER),static))
$(eval $(call prog_rule,vznet,vzctl/list/vznet.c,$(LINK_ORDER),static))
