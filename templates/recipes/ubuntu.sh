# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# Ubuntu's archive keys, on a host that may be none of theirs.

# ubuntu_keyring MIRROR DIR: prints the path of the keyring.  Debian 12 has no
# package of it: then the archive's own, pinned by checksum, is unpacked to DIR.
ubuntu_keyring()
{
	for f in /usr/share/keyrings/ubuntu-archive-keyring.gpg /etc/apt/trusted.gpg.d/ubuntu-keyring-2018-archive.gpg; do
		[ -e $f ] && { echo $f; return; }
	done
	f=$2/ubuntu-keyring.deb
	mkdir -p "$2"
	/usr/lib/apt/apt-helper -qq download-file "$1/pool/main/u/ubuntu-keyring/ubuntu-keyring_2021.03.26_all.deb" "$f" \
		SHA256:0d0e7ed6b112f5d03eabf3c7eb01ebdacf9c57714b279e90495cfc58c8c4520f >&2 || return
	dpkg-deb -x "$f" "$2/x" && echo "$2/x/usr/share/keyrings/ubuntu-archive-keyring.gpg"
}
