# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh source=functions
# DEL_IP: IP_ADDR, or IPDELALL=yes.
net_find
list=
if [ "${IPDELALL:-}" != yes ]; then
	list=$(net_current)
	for addr in ${IP_ADDR:-}; do
		list=$(list_del "$list" "$addr")
	done
fi
net_write "$list"
