# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh source=functions
# SET_DNS: NAMESERVER, SEARCHDOMAIN: blank separated; what is not given stays.
# A symlink to a resolver's own file becomes a plain file: systemd-resolved and
# resolvconf both take that as "the administrator decides".
[ -n "${NAMESERVER:-}${SEARCHDOMAIN:-}" ] || exit 0
drop=
[ -z "${SEARCHDOMAIN:-}" ] || drop='/^search/d;/^domain/d'
[ -z "${NAMESERVER:-}" ] || drop="${drop:+$drop;}/^nameserver/d"
put_file /etc/resolv.conf 0644 "$(
	[ -z "${SEARCHDOMAIN:-}" ] || echo "search $SEARCHDOMAIN"
	for ns in ${NAMESERVER:-}; do
		echo "nameserver $ns"
	done
	# What a resolver generated is not the administrator's.
	if [ -f /etc/resolv.conf ] && [ ! -h /etc/resolv.conf ]; then
		sed "$drop" /etc/resolv.conf
	fi
)"
