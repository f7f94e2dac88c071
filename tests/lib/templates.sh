# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Before tap.sh, which leaves the network: builds the templates named once and
# keeps them.  template NAME [RECIPE-DIR]; have_template NAME.  VZ_TMPL_WHY is what the
# last build that failed said.
tmpl_dir=${VZ_TEST_CACHE:-/var/lib/vz/template}
tmpl_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

have_template()
{
	[ -e "$tmpl_dir/cache/$1.tar.zst" ]
}

template()
{
	local d=${2:-$tmpl_top/templates/recipes} bin=${VZ_BUILD:-$tmpl_top/build/debug}/bin
	[ -z "${VZ_TEST_NS:-}" ] && [ "$(id -u)" = 0 ] && ! have_template "$1" || return 0
	mkdir -p "$tmpl_dir"
	# The build's own vztar: none may be installed.
	VZ_TMPL_WHY=$(VZ_LIBEXECDIR=$bin timeout 110 "$bin/vztmpl" --quiet --template-dir \
		"$tmpl_dir" --recipes "$d" build "$1" </dev/null 2>&1 >/dev/null | tail -n 1)
	export VZ_TMPL_WHY
}
