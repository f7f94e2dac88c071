// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "list"
#include <getopt.h>
#include <stdio.h>

#include "list/list.h"

enum { OPT_HELP = 256, OPT_MISSING };

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "stopped", no_argument, NULL, 'S' },
	{ "name", no_argument, NULL, 'n' },
	{ "no-header", no_argument, NULL, 'H' },
	{ "no-trim", no_argument, NULL, 't' },
	{ "json", no_argument, NULL, 'j' },
	{ "output", required_argument, NULL, 'o' },
	{ "sort", required_argument, NULL, 's' },
	{ "hostname", required_argument, NULL, 'h' },
	{ "name_filter", required_argument, NULL, 'N' },
	{ "description", required_argument, NULL, 'd' },
	{ "netif", required_argument, NULL, 'i' },
	{ "list", no_argument, NULL, 'L' },
	{ "missing", no_argument, NULL, OPT_MISSING },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	fputs("Usage: vzlist [-a | -S] [-n] [-H] [-t] [-j] [-o field[,field...] | -1]\n"
	      "              [-s [-]field] [-h pattern] [-N pattern] [-d pattern] [-i pattern]\n"
	      "              [ctid|name ...]\n"
	      "       vzlist -L | --list\n"
	      "       vzlist --help\n"
	      "\n"
	      "  -a, --all                  containers in any state, not only running ones\n"
	      "  -S, --stopped              only containers that are not running\n"
	      "      --missing              also those whose private area is missing\n"
	      "  -n, --name                 show names instead of numbers where there are some\n"
	      "  -H, --no-header            no header line\n"
	      "  -t, --no-trim              cut neither long values nor trailing blanks\n"
	      "  -j, --json                 JSON; all fields unless -o is given\n"
	      "  -o, --output field,...     show these fields\n"
	      "  -1                         only numbers, one a line (-H -o ctid)\n"
	      "  -s, --sort [-]field        sort by this field; with '-' in descending order\n"
	      "  -h, --hostname pattern     only containers whose host name matches\n"
	      "  -N, --name_filter pattern  ... whose name matches\n"
	      "  -d, --description pattern  ... whose description matches\n"
	      "  -i, --netif pattern        ... that have an interface called so\n"
	      "  -L, --list                 list the fields\n",
	      stdout);
}

static int bad_field(const char *what, const char *name)
{
	fprintf(stderr, "%s: %s\n", what, name);
	return 1;
}

static int set_columns(struct options *o, const char *list)
{
	_cleanup_free_ char *bad = NULL;

	columns_done(&o->columns);
	o->own_columns = true;
	if (columns_parse(list, &o->columns, &bad) < 0)
		return bad_field("Unknown field", bad);
	return -1;
}

static int set_sort(struct options *o, const char *arg)
{
	o->descending = *arg == '-';
	if (!field_find(arg + o->descending, &o->sort))
		return bad_field("Invalid sort field name", arg + o->descending);
	return -1;
}

static int list_fields(void)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;

	fields_print_all(&b);
	fputs(vz_buf_str(&b), stdout);
	return 0;
}

static int take_option(struct options *o, int opt, const char *arg)
{
	switch (opt) {
	case 'a':
		o->all = true;
		break;
	case 'S':
		o->stopped = true;
		break;
	case OPT_MISSING:
		o->missing = true;
		break;
	case 'H':
		o->no_header = true;
		break;
	case 't':
		o->no_trim = true;
		break;
	case 'j':
		o->json = true;
		break;
	/* The last of -n, -o and -1 counts. */
	case 'n':
		o->bare = false;
		return set_columns(o, "smart_name,numproc,status,ip,hostname");
	case 'o':
		o->bare = false;
		return set_columns(o, arg);
	case '1':
		o->bare = o->no_header = true;
		return set_columns(o, "veid");
	case 's':
		return set_sort(o, arg);
	case 'h':
		o->hostname = arg;
		break;
	case 'N':
		o->name = arg;
		break;
	case 'd':
		o->description = arg;
		break;
	case 'i':
		o->netif = arg;
		break;
	case 'L':
		return list_fields();
	default:
		usage();
		return 1;
	}
	return -1;
}

int options_parse(int argc, char **argv, struct options *o)
{
	int opt, r;

	*o = (struct options){ 0 };
	(void)field_find("ctid", &o->sort);
	while ((opt = getopt_long(argc, argv, "aSnHtjo:1s:h:N:d:i:L", long_options, NULL)) != -1) {
		r = take_option(o, opt, optarg);
		if (r >= 0)
			return r;
	}
	o->args = argv + optind;
	o->n_args = (size_t)(argc - optind);
	for (size_t i = 0; o->json && i < o->columns.n; i++) {
		if (!o->columns.v[i].suffix)
			continue;
		fprintf(stderr, "Field `%s.%c' is not available in JSON output\n",
			column_name(&o->columns.v[i]), o->columns.v[i].suffix);
		return 1;
	}
	if (o->own_columns)
		return -1;
	if (!o->json)
		return set_columns(o, "ctid,numproc,status,ip,hostname");
	columns_all(&o->columns);
	return -1;
}
