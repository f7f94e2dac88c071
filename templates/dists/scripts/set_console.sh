# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh source=functions
# SET_CONSOLE: a login on /dev/console, and none on terminals that are not there.
# systemd needs no help: its getty generator serves the console of a container
# and getty@.service is skipped without /dev/tty0.

# Comments out the getty of each ttyN whose device is missing.
inittab_quiet()
{
	while IFS= read -r line; do
		tty=
		case $line in
		'#'*) ;;
		*getty*tty[0-9]*)
			tty=tty${line##*tty}
			tty=${tty%% *}
			;;
		esac
		if [ -n "$tty" ] && [ ! -e "/dev/$tty" ]; then
			echo "#vz# $line"
		else
			echo "$line"
		fi
	done < /etc/inittab
}

inittab_console()
{
	if grep -q -e '^[^#]*:respawn:.*console' -e '^console::' /etc/inittab; then
		return
	elif grep -q '^[^#:]*::sysinit:' /etc/inittab; then
		# busybox
		echo 'console::respawn:/sbin/getty 38400 console'
	elif [ -e /sbin/agetty ]; then
		echo 'vz:2345:respawn:/sbin/agetty --noclear --keep-baud console 115200,38400,9600 linux'
	else
		echo 'vz:2345:respawn:/sbin/getty 38400 console'
	fi
}

if [ -f /etc/inittab ] && grep -q ':respawn:' /etc/inittab; then
	put_file /etc/inittab 0644 "$(
		inittab_quiet
		inittab_console
	)"
fi

# Upstart (RHEL 6, old Ubuntu).
if [ -x /sbin/initctl ] && [ -d /etc/init ] && [ ! -e /etc/init/console.conf ]; then
	put_file /etc/init/console.conf 0644 "# written by the host
start on stopped rc RUNLEVEL=[2345]
stop on runlevel [!2345]
respawn
exec /sbin/agetty console 38400"
fi
exit 0
