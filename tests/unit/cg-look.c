// SPDX-License-Identifier: GPL-2.0-or-later
#include "cg/cg.h"
#include "tests/lib/tap.h"

TEST(scope_names)
{
	is_int(cg_scope_ctid("vz-101.scope"), 101);
	is_int(cg_scope_ctid("vz-101.scope/ct/vz-7.scope"), 101);
	is_int(cg_scope_ctid("vz-2147483644.scope"), 2147483644);
	is_int(cg_scope_ctid("vz-2147483645.scope"), 0);
	is_int(cg_scope_ctid("vz-99999999999999999999.scope"), 0);
	is_int(cg_scope_ctid("vz-.scope"), 0);
	is_int(cg_scope_ctid("vz-0.scope"), 0);
	is_int(cg_scope_ctid("vz-0101.scope"), 0);
	is_int(cg_scope_ctid("vz-+1.scope"), 0);
	is_int(cg_scope_ctid("vz-1x.scope"), 0);
	is_int(cg_scope_ctid("vz-101.scope2"), 0);
	is_int(cg_scope_ctid("xvz-101.scope"), 0);
	is_int(cg_scope_ctid("mon"), 0);
	is_int(cg_scope_ctid(""), 0);
	is_int(cg_scope_ctid("/vz-101.scope"), 0);
}

TEST(processes)
{
	uint32_t id = 99;

	ok(cg_pid_ctid("no.slice", getpid(), &id) == 0);
	is_int(id, 0);
	ok(cg_pid_ctid("no.slice", 0, &id) < 0);
	ok(cg_pid_ctid("no.slice", -1, &id) < 0);
	ok(cg_pid_ctid("no.slice", 0x7fffffff, &id) < 0);
}

TAP_MAIN()
