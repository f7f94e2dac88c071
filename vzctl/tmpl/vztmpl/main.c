// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "tmpl"
#include "vztmpl.h"

#include <getopt.h>
#include <stdio.h>

#include "base/log.h"
#include "conf/conf.h"

static __noreturn void usage(int code)
{
	fputs("usage: vztmpl [options] list [--json]\n"
	      "       vztmpl [options] build NAME\n"
	      "       vztmpl [options] import FILE [NAME]\n"
	      "       vztmpl [options] import OCI-LAYOUT-DIR [NAME] [--tag TAG]\n"
	      "       vztmpl [options] remove NAME\n"
	      "       vztmpl [options] verify [NAME]\n"
	      "       vztmpl [options] tree NAME      unpack it now, print the path\n"
	      "options: --template-dir DIR  --recipes DIR  --private-dir DIR  --quiet\n",
	      code ? stderr : stdout);
	exit(code);
}

static int run(const struct opts *o, int n, char **argv, struct vz_err *e)
{
	const char *verb = argv[0];

	if (str_eq(verb, "list") && n == 1)
		return cmd_list(o, e);
	if (str_eq(verb, "build") && n == 2)
		return cmd_build(o, argv[1], e);
	if (str_eq(verb, "import") && (n == 2 || n == 3))
		return cmd_import(o, argv[1], n == 3 ? argv[2] : NULL, e);
	if (str_eq(verb, "remove") && n == 2)
		return cmd_remove(o, argv[1], e);
	if (str_eq(verb, "verify") && n <= 2)
		return cmd_verify(o, n == 2 ? argv[1] : NULL, e);
	if (str_eq(verb, "tree") && n == 2)
		return cmd_tree(o, argv[1], e);
	usage(VZ_INVALID_PARAMETER_SYNTAX);
}

/*
 * What the command line left open; a host without vz.conf has the built-in
 * places.  @node and @dir own what @o borrows.
 */
static void dirs_from_conf(struct opts *o, struct conf **node, char **dir)
{
	struct vz_err e = VZ_ERR_INIT;
	const char *v;
	char *slash;

	if ((!o->template_dir || !o->private_dir) && conf_load_node(node, &e) < 0 &&
	    e.code != VZ_NOCONFIG)
		vz_warn("%s, ignoring", e.msg);
	o->proxy = *node ? conf_str(*node, P_HTTP_PROXY) : NULL;
	if (!o->template_dir) {
		v = *node ? conf_str(*node, P_TEMPLATE) : NULL;
		o->template_dir = v ? v : "/var/lib/vz/template";
	}
	if (!o->private_dir) {
		v = *node ? conf_str(*node, P_VE_PRIVATE) : NULL;
		*dir = xstrdup(v ? v : "/var/lib/vz/private/$VEID");
		slash = strrchr(*dir, '/');
		if (slash)
			*slash = '\0';
		o->private_dir = *dir;
	}
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "template-dir", required_argument, NULL, 't' },
		{ "recipes", required_argument, NULL, 'r' },
		{ "private-dir", required_argument, NULL, 'p' },
		{ "tag", required_argument, NULL, 'T' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	_cleanup_conf_ struct conf *node = NULL;
	_cleanup_free_ char *dir = NULL;
	struct opts o = { 0 };
	struct vz_log_conf log = { .prog = "vztmpl" };
	struct vz_err e = VZ_ERR_INIT;
	int c;

	/* cmd_build starts us again in this role. */
	if (argc == 3 && str_eq(argv[1], "run-recipe"))
		return recipe_exec(argv + 1);
	while ((c = getopt_long(argc, argv, "jqh", longs, NULL)) >= 0) {
		switch (c) {
		case 't':
			o.template_dir = optarg;
			break;
		case 'r':
			o.recipe_dir = optarg;
			break;
		case 'p':
			o.private_dir = optarg;
			break;
		case 'T':
			o.tag = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		case 'q':
			o.quiet = log.quiet = true;
			break;
		case 'h':
			usage(0);
		default:
			usage(VZ_INVALID_PARAMETER_SYNTAX);
		}
	}
	vz_log_setup(&log);
	if (optind == argc)
		usage(VZ_INVALID_PARAMETER_SYNTAX);
	dirs_from_conf(&o, &node, &dir);
	if (run(&o, argc - optind, argv + optind, &e) < 0) {
		vz_error("%s", e.msg);
		return e.code ? e.code : VZ_SYSTEM_ERROR;
	}
	return 0;
}
