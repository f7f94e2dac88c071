# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034	# here, patches, cache, src: of kp; config, builds: of build.sh
#
# kp bench: what system calls cost in instructions (tests/vm/cost.c), without the series,
# with its options off, and on; bench.config.  One CPU counts its instructions and nothing else is
# there, no disk and no random addresses: what is left of a spread is the timer's ticks.

cost()	# cost IMAGE PROGRAM: its lines
{
	local t
	t=$(mktemp -d "$cache/bench-XXXXXX")
	mkdir -p "$t/root/dev"
	cp "$2" "$t/root/init"
	(cd "$t/root" && find . | cpio --quiet -o -H newc) >"$t/initramfs"
	timeout -k 5 600 qemu-system-x86_64 -M q35 -accel tcg,thread=single -icount shift=0,sleep=off \
		-cpu max,-cx16 -smp 1 -m 512 -nodefaults -no-user-config -display none -no-reboot \
		-kernel "$1" -initrd "$t/initramfs" -serial "file:$t/console" -append \
		"console=ttyS0 quiet loglevel=1 panic=-1 nokaslr norandmaps randomize_kstack_offset=off printk.devkmsg=on log_buf_len=2M" \
		</dev/null >&2 || :
	grep -q '^COST end' "$t/console" || { tail -n 20 "$t/console" >&2; die "no figures from $1"; }
	tr -d '\r' <"$t/console" | grep '^COST [^e]'
	rm -rf --one-file-system "$t"
}

cmd_bench()
{
	local image kind prog runs=${KP_BENCH_RUNS:-2} i d=$cache/bench
	prog=${VZ_BUILD:-$top/build/debug}/tests/vm/cost
	[ -x "$prog" ] || die "$prog: make MODE=debug tests"
	command -v qemu-system-x86_64 cpio >/dev/null || die "please install: qemu-system-x86 cpio"
	mkdir -p "$d"
	rm -f "$d/figures"
	# Kernels of their own: neither network nor disks are measured, nor waited for.
	config=bench.config builds=$d
	for kind in base off on; do
		if [ $kind = on ]; then image=$(cmd_build); else image=$(cmd_build --$kind); fi
		for ((i = 1; i <= runs; i++)); do
			cost "$image" "$prog" | sed "s/^COST/$kind/" >>"$d/figures"
		done
	done
	"$here/lib/cost-table" "$d/figures"
}
