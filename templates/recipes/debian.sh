# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# What the recipes of Debian and its relatives share.  ROOT, ARCH and RECIPES
# come from vztmpl; it runs us in a private mount namespace, so what
# mmdebstrap mounts is seen by nobody else.
set -eu
umask 022

# A small server that one can log in to, and whose tools are where one looks.
# shellcheck disable=SC2034
DEBIAN_PACKAGES=ifupdown,iproute2,iputils-ping,netbase,procps,less,login,passwd,adduser,cron,\
logrotate,ca-certificates,openssh-server,vim-tiny
# shellcheck disable=SC2034
DEBIAN_SYSTEMD=systemd-sysv,dbus,libpam-systemd

fail()
{
	echo "$*" >&2
	exit 1
}

# VZ_DEBIAN_MIRROR, or the host's own mirror when the host is Debian: providers
# have one nearby.
debian_mirror()
{
	uri=${VZ_DEBIAN_MIRROR:-}
	if [ -z "$uri" ] && grep -qs '^ID=debian' /etc/os-release; then
		uri=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
			sed -n 's/^URIs:[ \t]*\([^ \t]*\/debian\/*\)\([ \t].*\)*$/\1/p' | head -n 1)
		[ -n "$uri" ] || uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
			sed -n 's/^deb[ \t]*\(\[[^]]*\]\)*[ \t]*\([^ \t]*\/debian\/*\)[ \t].*/\2/p' |
			head -n 1)
	fi
	echo "${uri:-http://deb.debian.org/debian}"
}

# bootstrap SUITE MIRROR PACKAGES [mmdebstrap options]
bootstrap()
{
	suite=$1
	mirror=$2
	packages=$3
	shift 3
	command -v mmdebstrap >/dev/null ||
		fail "mmdebstrap is not installed (Debian: apt install mmdebstrap)"
	# One clear line beats mmdebstrap's pages when there is no way out.
	/usr/lib/apt/apt-helper download-file "$mirror/dists/$suite/Release" "$ROOT/.probe" \
		>/dev/null 2>&1 || fail "mirror $mirror has no $suite or cannot be reached"
	rm -f "$ROOT/.probe"
	# The quiet build tells its steps; apt's own output would be thousands of lines.
	mmdebstrap --mode=root --variant=minbase --include="$packages" \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-include=/usr/share/locale/locale.alias' \
		"$@" "$suite" "$ROOT" "$mirror"
}

# Nothing of this build and nothing that two containers must not share.
clean_root()
{
	rm -f "$ROOT"/etc/ssh/ssh_host_*_key* "$ROOT"/etc/hostname "$ROOT"/etc/resolv.conf
	rm -f "$ROOT"/var/lib/dbus/machine-id "$ROOT"/var/lib/systemd/random-seed
	rm -rf "$ROOT"/var/lib/apt/lists/* "$ROOT"/var/cache/apt/*.bin "$ROOT"/var/log/*.log \
		"$ROOT"/var/log/apt "$ROOT"/var/cache/debconf/*-old "$ROOT"/var/lib/dpkg/*-old \
		"$ROOT"/tmp/* "$ROOT"/var/tmp/* "$ROOT"/run/*
	mkdir -p "$ROOT"/var/lib/apt/lists/partial
	# Empty: systemd makes one at the first start.  Missing would be "first boot"
	# with all its presets and questions.
	: > "$ROOT"/etc/machine-id
	: > "$ROOT"/etc/resolv.conf
	: > "$ROOT"/etc/hostname
	printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n' \
		> "$ROOT"/etc/hosts
	printf '# mounted by the host\n' > "$ROOT"/etc/fstab
	# root has no password: locked, not open.
	chroot "$ROOT" passwd -q -l root
	# sshd makes its keys again where the package's own service does not.
	if [ -d "$ROOT"/etc/systemd/system ] && [ -x "$ROOT"/usr/sbin/sshd ]; then
		cat > "$ROOT"/etc/systemd/system/ssh-keys.service <<-'EOF'
		[Unit]
		Description=Generate missing SSH host keys
		Before=ssh.service ssh.socket
		ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

		[Service]
		Type=oneshot
		ExecStart=/usr/bin/ssh-keygen -A

		[Install]
		WantedBy=multi-user.target
		EOF
		mkdir -p "$ROOT"/etc/systemd/system/multi-user.target.wants
		ln -sf ../ssh-keys.service "$ROOT"/etc/systemd/system/multi-user.target.wants/
	fi
}

# The updates and security suites of a Debian release, beside what mmdebstrap wrote.
debian_sources()
{
	printf 'deb %s %s main\ndeb %s %s-updates main\ndeb %s-security %s-security main\n' \
		"$2" "$1" "$2" "$1" "${2%/}" "$1" > "$ROOT"/etc/apt/sources.list
	rm -f "$ROOT"/etc/apt/sources.list.d/0000*.sources
}
