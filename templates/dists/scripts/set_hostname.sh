# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh source=functions
# SET_HOSTNAME: HOSTNM, IP_ADDR.  The kernel's name is set by the host.
[ -n "${HOSTNM:-}" ] || exit 0
put_file /etc/hostname 0644 "$HOSTNM"

# RHEL 6 and before.
if [ -f /etc/sysconfig/network ]; then
	put_file /etc/sysconfig/network 0644 "$(
		sed '/^HOSTNAME=/d' /etc/sysconfig/network
		echo "HOSTNAME=\"$HOSTNM\""
	)"
fi

# A name that resolves without DNS: sudo and mail servers want it.
addr=127.0.1.1
for a in ${IP_ADDR:-}; do
	addr=${a%/*}
	break
done
names=$HOSTNM
short=${HOSTNM%%.*}
[ "$short" = "$HOSTNM" ] || names="$HOSTNM $short"
put_file /etc/hosts 0644 "$(
	[ "$HOSTNM" = localhost ] || printf '%s\t%s # vz-hostname\n' "$addr" "$names"
	if [ -f /etc/hosts ]; then
		sed '/# vz-hostname$/d' /etc/hosts
	else
		printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n'
	fi
)"
