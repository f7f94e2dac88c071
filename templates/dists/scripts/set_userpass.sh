# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh source=functions
# SET_USERPASS: USERPW=user:password or user:{crypt}HASH.  The password is never
# an argument of a program: the container's ps would show it.
user=${USERPW%%:*}
pw=${USERPW#*:}
case $user in
'' | -* | *[!A-Za-z0-9._-]*) die "$VZ_CHANGEPASS" "bad user name '$user'" ;;
esac
if [ "$user" = "$USERPW" ] || [ -z "$pw" ]; then
	die "$VZ_CHANGEPASS" "USERPW is not user:password"
fi

user_exists()
{
	grep -q "^$user:" /etc/passwd
}

add_user()
{
	if have useradd; then
		useradd -m "$user"
	elif have adduser; then
		adduser -D "$user"
	else
		uid=1000
		while grep -q "^[^:]*:[^:]*:$uid:" /etc/passwd; do
			uid=$((uid + 1))
		done
		echo "$user:x:$uid:" >> /etc/group
		echo "$user:x:$uid:$uid::/home/$user:/bin/sh" >> /etc/passwd
		mkdir -p "/home/$user" && chown "$uid:$uid" "/home/$user"
	fi
}

# set_hash HASH: the second field of the user's line, which is made when missing.
set_hash()
{
	[ -e /etc/shadow ] || (umask 077 && : > /etc/shadow)
	new=$(
		while IFS= read -r line; do
			if [ "${line%%:*}" = "$user" ]; then
				rest=${line#*:}
				echo "$user:$1:${rest#*:}"
			else
				echo "$line"
			fi
		done < /etc/shadow
		grep -q "^$user:" /etc/shadow || echo "$user:$1:19000:0:99999:7:::"
	)
	put_file /etc/shadow 0600 "$new"
	# Debian keeps it readable for group shadow.
	if grep -q '^shadow:' /etc/group; then
		chown root:shadow /etc/shadow && chmod 0640 /etc/shadow
	fi
}

user_exists || add_user || die "$VZ_CHANGEPASS" "cannot create user $user"
user_exists || die "$VZ_CHANGEPASS" "cannot create user $user"

case $pw in
'{crypt}'*)
	pw=${pw#'{crypt}'}
	case $pw in
	*[!A-Za-z0-9./\$=,_-]*) die "$VZ_CHANGEPASS" "bad password hash" ;;
	esac
	set_hash "$pw"
	;;
*)
	if have chpasswd; then
		printf '%s:%s\n' "$user" "$pw" | chpasswd || die "$VZ_CHANGEPASS" "chpasswd failed"
	elif have mkpasswd; then
		hash=$(printf '%s\n' "$pw" | mkpasswd -P 0 -m sha512) || hash=
		[ -n "$hash" ] || die "$VZ_CHANGEPASS" "mkpasswd failed"
		set_hash "$hash"
	else
		die "$VZ_CHANGEPASS" "no chpasswd and no mkpasswd in the container"
	fi
	;;
esac
