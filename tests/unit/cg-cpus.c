// SPDX-License-Identifier: GPL-2.0-or-later
#include "cg/cpus.h"
#include "tests/lib/tap.h"

static const char *again(const char *list)
{
	static char buf[256];
	struct cg_cpus s;

	if (cg_cpus_parse(list, &s) < 0)
		return "bad";
	return cg_cpus_format(&s, buf, sizeof(buf)) ? buf : "long";
}

TEST(lists)
{
	is_str(again(""), "");
	is_str(again("0"), "0");
	is_str(again("3,1,2,8"), "1-3,8");
	is_str(again("0-63,64,8191"), "0-64,8191");
	is_str(again("8190-9999"), "8190-8191");
	is_str(again("4294967296"), "");
	is_str(again("99999999999999999999"), "bad");
	is_str(again("3-1"), "bad");
	is_str(again("-1"), "bad");
	is_str(again("1-"), "bad");
	is_str(again("1,,2"), "bad");
	is_str(again("1;2"), "bad");
	is_str(again(" 1"), "bad");
	is_str(again("all"), "bad");
}

TEST(formatting)
{
	struct cg_cpus s;
	char buf[8];

	ok(cg_cpus_parse("100,102,104", &s) == 0);
	is_int(cg_cpus_count(&s), 3);
	ok(!cg_cpus_format(&s, buf, sizeof(buf)));
	ok(cg_cpus_parse("10-20", &s) == 0);
	is_int(cg_cpus_count(&s), 11);
	ok(cg_cpus_format(&s, buf, sizeof(buf)));
	is_str(buf, "10-20");
}

TEST(this_node)
{
	struct cg_cpus cpus, nodes, all;

	cg_cpus_online(&cpus);
	is_int(cg_cpus_count(&cpus), sysconf(_SC_NPROCESSORS_ONLN));
	cg_nodes_online(&nodes);
	ok(cg_cpus_count(&nodes) >= 1);
	cg_nodes_cpus(&nodes, &all);
	is_int(cg_cpus_count(&all), cg_cpus_count(&cpus));
}

TEST(picking)
{
	struct cg_cpus from, got;
	char buf[64];

	ok(cg_cpus_parse("2-5,9", &from) == 0);
	cg_cpus_pick("no.slice", 1, &from, 2, &got);
	ok(cg_cpus_format(&got, buf, sizeof(buf)));
	is_str(buf, "2-3");
	cg_cpus_pick("no.slice", 1, &from, 9, &got);
	ok(cg_cpus_format(&got, buf, sizeof(buf)));
	is_str(buf, "2-5,9");
	cg_cpus_pick("no.slice", 1, &from, 0, &got);
	is_int(cg_cpus_count(&got), 0);
}

TAP_MAIN()
