# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh source=functions
# ADD_IP: VE_STATE, IP_ADDR, IPDELALL.  At start IP_ADDR is the complete list,
# perhaps empty; later what --ipadd named.
net_find
list=
if [ "${VE_STATE:-}" != starting ] && [ "${IPDELALL:-}" != yes ]; then
	list=$(net_current)
fi
for addr in ${IP_ADDR:-}; do
	list=$(list_add "$list" "$addr")
done
net_write "$list"
