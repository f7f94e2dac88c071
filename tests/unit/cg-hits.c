// SPDX-License-Identifier: GPL-2.0-or-later
/* Records of the kernel's log; names in them are chosen by who is killed. */
#include "cg/hits.h"
#include "tests/lib/tap.h"

#define HEAD "3,1042,99,-;Memory cgroup out of memory: Killed process "
#define TAIL " total-vm:210316kB, anon-rss:61024kB, file-rss:384kB, shmem-rss:8kB, " \
	     "UID:1879048192 pgtables:168kB oom_score_adj:0\n SUBSYSTEM=x\n"

TEST(a_kill)
{
	struct cg_oom o;

	ok(cg_oom_parse(HEAD "77 (dd)" TAIL, &o));
	is_int(o.seq, 1042);
	is_int(o.pid, 77);
	is_int(o.uid, 1879048192);
	is_int(o.anon_kb, 61024);
	is_int(o.file_kb, 384);
	is_int(o.shmem_kb, 8);
	is_str(o.comm, "dd");
	ok(!o.node);
	ok(cg_oom_parse("3,1042,99,-,caller=T9;Out of memory: Killed process 77 (dd)" TAIL, &o));
	ok(o.node);
}

TEST(other_records)
{
	struct cg_oom o = { .pid = 5 };

	ok(!cg_oom_parse("", &o));
	ok(!cg_oom_parse(";", &o));
	ok(!cg_oom_parse("3,1", &o));
	ok(!cg_oom_parse("3,1042,99,-;usb 1-1: new device\n", &o));
	ok(!cg_oom_parse("3,1042,99,-; Out of memory: Killed process 7 (dd)" TAIL, &o));
	ok(!cg_oom_parse("3,1042,99,-;x: Out of memory: Killed process 7 (d)" TAIL, &o));
	/* What programs write to /dev/kmsg has a facility. */
	ok(!cg_oom_parse("11,1042,99,-;Out of memory: Killed process 7 (d)" TAIL, &o));
	ok(!cg_oom_parse(HEAD "-7 (d)" TAIL, &o));
	ok(!cg_oom_parse(HEAD "7 (d)\n", &o));
	ok(!cg_oom_parse(HEAD "7 (d) total-vm:"
			 "1kB, anon-rss:99999999999999999999kB", &o));
	is_int(o.pid, 5);
}

/* Fifteen bytes are enough for the end of a name, not for a size. */
TEST(hostile_names)
{
	struct cg_oom o;

	ok(cg_oom_parse(HEAD "7 (x) total-vm:9kB)" TAIL,
			&o));
	is_str(o.comm, "x) total-vm:9kB");
	is_int(o.anon_kb, 61024);
	ok(cg_oom_parse(HEAD "7 ()" TAIL, &o));
	is_str(o.comm, "");
	ok(cg_oom_parse(HEAD "7 (\\x0a\\x1b[2J)" TAIL,
			&o));
	is_str(o.comm, "\\x0a\\x1b[2J");
	/* Longer than any name: not from the kernel that we know. */
	ok(!cg_oom_parse(HEAD "7 ("
			 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx)" TAIL,
			 &o));
}

/* Of nobody: an empty answer, with or without a log. */
TEST(reading)
{
	struct cg_oom o[2];
	uint64_t total = 9;

	is_int(cg_oom_read(0, 4000000000u, 1, o, 2, &total), 0);
	is_int(total, 0);
}

TAP_MAIN()
