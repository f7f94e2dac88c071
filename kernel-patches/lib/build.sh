# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154	# here, patches, cache, src: of kp
#
# kp: configuration and build.  A build directory's name says what is in it:
#
#	o		qemu.config, and every option that the series adds
#	o-debug		and debug.config
#	o-off		the options of the series off: has to be the base's code

kmake()	# kmake O ARGUMENT...: fixed stamps, so that the same source is the same image
{
	local o=$1
	shift
	nice -n "${KP_NICE:-19}" env PATH="/usr/lib/ccache:$PATH" make -s -C "$src" O="$o" \
		KBUILD_KCONFIG="$cache/Kconfig" KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=vz \
		KBUILD_BUILD_HOST=vz LOCALVERSION= "$@"
}

options()	# options COMMIT: what the series has added to Kconfig by then, as far as one can choose it
{
	repo "$src" diff -U0 --no-renames refs/kp/base "$1" -- '*Kconfig*' | awk '
	/^\+(menu)?config [A-Z0-9_]+$/ { name = $2; next }
	/^\+\t(bool|tristate) "/ && name != "" { print name; name = "" }'
}

wanted()	# wanted O: lines of the configuration; of two for one symbol, the later: a file may say no
{
	local opt=y
	case $1 in *-off) opt=n ;; esac
	{
		options HEAD | sed "s/.*/CONFIG_&=$opt/"
		cat "$patches/config/$config"
		case $1 in *-debug) cat "$patches/config/debug.config" ;; esac
	} | awk -F= '/^CONFIG_/ { if (!($1 in v)) n[++c] = $1; v[$1] = $0 } END { for (i = 1; i <= c; i++) print v[n[i]] }'
}

configure()	# configure O: every line has to survive
{
	local o=$1 l lost=''
	mkdir -p "$o"
	# The kernel's mainmenu has to be the first statement: ours goes behind it.
	cat "$src/Kconfig" "$top/Kconfig.ext" >"$cache/Kconfig.new"
	cmp -s "$cache/Kconfig.new" "$cache/Kconfig" || mv "$cache/Kconfig.new" "$cache/Kconfig"
	rm -f "$cache/Kconfig.new"
	wanted "$o" >"$o/kp.config"
	kmake "$o" KCONFIG_ALLCONFIG="$o/kp.config" W=c allnoconfig >&2
	while read -r l; do
		case $l in
		*=n) ! grep -q "^${l%n}" "$o/.config" || lost+=" $l" ;;
		*) grep -qxF "$l" "$o/.config" || lost+=" $l" ;;
		esac
	done <"$o/kp.config"
	[ -z "$lost" ] || { rm -f "$o/.config"; die "configuration lost$lost"; }
}

# Where it was not, and where what is wanted, or Kconfig.ext, is not what it was.
configure_old()	# configure_old O
{
	if [ -f "$1/.config" ] && [ "$1/.config" -nt "$top/Kconfig.ext" ] &&
	   wanted "$1" | cmp -s - "$1/kp.config"; then
		return 0
	fi
	configure "$1"
}

config=qemu.config
builds=$cache

which_o()	# which_o [--debug|--off]: the build directory
{
	case ${1:-} in
	'') echo "$builds/o" ;;
	--debug | --off) echo "$builds/o-${1#--}" ;;
	*) die "$1?" ;;
	esac
}

cmd_config()
{
	local o
	o=$(which_o "$@")
	cmd_tree >/dev/null
	configure "$o"
	echo "$o/.config"
}

tools()
{
	local p miss=''
	for p in flex bison bc perl gcc make; do
		command -v $p >/dev/null || miss+=" $p"
	done
	[ -z "$miss" ] || die "please install:$miss (and libelf-dev)"
}

image()	# image O: of what is checked out
{
	configure_old "$1"
	kmake "$1" -j"${JOBS:-2}" bzImage >&2
}

# What is compared with: the base with the options that there are, kept apart, since
# o-off goes on to the series.
base_image()	# prints bzImage; its symbols are in vmlinux beside it
{
	local key d=$builds/base
	repo "$src" checkout -q --detach refs/kp/base
	key=$({ repo "$src" rev-parse HEAD; wanted "$builds/o-off"; cat "$top/Kconfig.ext"; } | sha256sum)
	if [ "$key" != "$(cat "$d/key" 2>/dev/null)" ]; then
		image "$builds/o-off"
		mkdir -p "$d"
		cp "$builds/o-off/vmlinux" "$builds/o-off/arch/x86/boot/bzImage" "$d/"
		echo "$key" >"$d/key"
	fi
	echo "$d/bzImage"
}

cmd_build()
{
	local o
	tools
	cmd_fetch
	clean "$src"
	if [ "${1:-}" = --base ]; then
		base_image
		cmd_tree >/dev/null
		return
	fi
	o=$(which_o "$@")
	cmd_tree >/dev/null
	image "$o"
	echo "$o/arch/x86/boot/bzImage"
}
