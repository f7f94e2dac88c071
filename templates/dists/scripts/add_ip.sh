# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh source=functions
# ADD_IP: VE_STATE, IP_ADDR, IPDELALL.  At start and with IPDELALL=yes IP_ADDR is the
# complete list, perhaps empty; otherwise it adds to what the files have.
net_find
if [ "${VE_STATE:-}" = starting ] || [ "${IPDELALL:-}" = yes ]; then
	# No address is in it twice: no need to look.
	list=$(for addr in ${IP_ADDR:-}; do with_mask "$addr"; done)
else
	list=$(net_current)
	for addr in ${IP_ADDR:-}; do
		list=$(list_add "$list" "$addr")
	done
fi
net_write "$list"
