// SPDX-License-Identifier: GPL-2.0-or-later
/* Invariants of the parameter table: what every reader of a row relies on. */
#include <ctype.h>

#include "conf/conf.h"
#include "tests/lib/tap.h"

static size_t words(const char *list, const char *w[32])
{
	size_t n = 0;

	while (list && *(list += strspn(list, " "))) {
		w[n++] = list;
		list += strcspn(list, " ");
	}
	return n;
}

TEST(every_row_is_documented)
{
	param_for_each(p) {
		const struct param *row = param_get(p);

		if (!row->doc || !row->example || !row->when)
			printf("# %s\n", row->key);
		ok(row->doc && strlen(row->doc) > 5 && row->doc[strlen(row->doc) - 1] == '.');
		ok(row->example != NULL);
		ok(row->when != 0);
	}
}

TEST(every_example_parses_and_is_stable)
{
	param_for_each(p) {
		const struct param *row = param_get(p);
		_cleanup_conf_ struct conf *c = conf_new(), *d = conf_new();
		_cleanup_free_ char *one = NULL, *two = NULL;
		struct vz_err e = VZ_ERR_INIT;

		if (conf_set(c, p, row->example, CONF_FILE, &e) < 0)
			printf("# %s: %s\n", row->key, e.msg);
		ok(conf_has(c, p));
		one = conf_format(c, p);
		is_int(conf_set(d, p, one, CONF_FILE, &e), 0);
		two = conf_format(d, p);
		is_str(two, one);
	}
}

TEST(every_default_parses)
{
	param_for_each(p) {
		_cleanup_conf_ struct conf *c = conf_new();

		if (param_get(p)->def)
			is_int(conf_set(c, p, param_get(p)->def, CONF_FILE, VZ_IGNORE), 0);
	}
}

TEST(keys_and_aliases_are_unique)
{
	param_for_each(p) {
		const struct param *row = param_get(p);
		const char *w[32];
		size_t n = words(row->alias, w);

		is_int(param_by_key(row->key, strlen(row->key)), p);
		for (size_t i = 0; i < n; i++)
			is_int(param_by_key(w[i], strcspn(w[i], " ")), p);
	}
	is_int(param_by_key("HOSTNAM", 7), P_COUNT);
	is_int(param_by_key("hostname", 8), P_COUNT);
	is_int(param_by_key("", 0), P_COUNT);
}

/* '-' and '_' are one letter, so two options may not differ in that alone. */
TEST(options_are_unique)
{
	param_for_each(p) {
		const struct param *row = param_get(p);
		const char *lists[] = { row->opt, row->opt_del, row->opt_bytes };

		for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
			const char *w[32];
			size_t n = words(lists[k], w);

			for (size_t i = 0; i < n; i++) {
				char name[64];

				snprintf(name, sizeof(name), "%.*s", (int)strcspn(w[i], " "), w[i]);
				is_int(param_by_opt(name), p);
				ok(name[0] != '-');
				for (char *c = name; *c; c++)
					*c = *c == '-' ? '_' : *c == '_' ? '-' : *c;
				is_int(param_by_opt(name), p);
			}
		}
	}
}

TEST(short_options_are_unique)
{
	unsigned char seen[128] = { 0 };

	param_for_each(p) {
		unsigned char c = (unsigned char)param_get(p)->short_opt;

		if (c)
			ok(!seen[c]++);
	}
	/* vzctl 4.x: -p -e -f -t -i -l -k -b -n -x */
	for (const char *c = "peftilkbnx"; *c; c++)
		ok(seen[(unsigned char)*c]);
}

TEST(refusals_and_warnings_give_a_reason)
{
	param_for_each(p) {
		const struct param *row = param_get(p);

		if (row->action == PA_REJECT || row->action == PA_WARN)
			ok(row->reason && *row->reason);
		if (row->action == PA_REJECT)
			ok(row->code == 20 || row->code == 21);
		if (row->opt)
			ok(row->when & (WHEN_CREATE | WHEN_SET));
		if (row->type == PT_PAIR)
			ok(row->unit != PU_NONE);
		if (row->type == PT_ENUM || row->type == PT_LAYOUT || row->type == PT_TOGGLES)
			ok(row->words != NULL);
		ok(!row->column == !row->header);
	}
}

TEST(the_options_of_4x_are_all_there)
{
	static const char *const opts[] = {
		"kmemsize", "lockedpages", "privvmpages", "shmpages",
		"numproc", "physpages", "vmguarpages", "oomguarpages", "numtcpsock", "numflock",
		"numpty", "numsiginfo", "tcpsndbuf", "tcprcvbuf", "othersockbuf", "dgramrcvbuf",
		"numothersock",
		"dcachesize", "numfile", "numiptent", "swappages", "ram", "swap", "vm_overcommit",
		"avnumproc", "cpuunits", "cpuweight", "cpulimit", "cpus", "cpumask", "nodemask",
		"ioprio",
		"iolimit", "iopslimit", "diskspace", "diskinodes", "quotatime", "quotaugidlimit",
		"diskquota", "mount_opts", "ipadd", "ip", "ipdel", "netif_add", "netif_del",
		"netdev_add",
		"netdev_del", "hostname", "nameserver", "searchdomain", "name", "description",
		"ostemplate", "onboot", "bootorder", "disabled", "stop-timeout", "root", "private",
		"capability", "features", "devices", "devnodes", "pci_add", "pci_del", "iptables",
		"netfilter", "meminfo", "layout", "velayout", "ve_layout", "local_uid", "local_gid",
		/* Virtuozzo 7 */
		"memory", "memguarantee", "bindmount_add", "bindmount_del", "distribution",
		"autostop", "rate", "ratebound", "ha_enable", "ha_prio", "numnetif", "device-add",
	};

	for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
		if (param_by_opt(opts[i]) == P_COUNT)
			printf("# --%s\n", opts[i]);
		ok(param_by_opt(opts[i]) != P_COUNT);
	}
}

TAP_MAIN()
