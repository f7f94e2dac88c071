# SPDX-License-Identifier: GPL-2.0-or-later
vzctl_src := $(addprefix vzctl/cmd/,main.c life.c inside.c log.c features.c stat.c snap.c)
$(eval $(call prog_rule,vzctl,$(vzctl_src),$(LINK_ORDER),static))
