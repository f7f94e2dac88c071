# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh source=functions
# POST_CREATE: what two containers of one template must not share.
if [ -s /etc/machine-id ]; then
	: > /etc/machine-id
fi
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed

# Only where the template had keys: elsewhere something makes them at first start.
keys=
for k in /etc/ssh/ssh_host_*_key; do
	[ ! -e "$k" ] || keys=yes
done
if [ -n "$keys" ] && have ssh-keygen; then
	rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
	ssh-keygen -A >/dev/null || die 1 "cannot make new SSH host keys"
fi
exit 0
