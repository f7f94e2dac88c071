// SPDX-License-Identifier: GPL-2.0-or-later
/* vznetstat: traffic of containers by network class, as in Virtuozzo. */
#define VZ_ROOM "list"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "ct/ct.h"
#include "ct/stat.h"
#include "ct/traffic.h"

struct netstat {
	bool all, json, save;
	int cls;		/* -1: every one */
	const char *ct;		/* -v: a CTID or a name */
	struct ct_traffic_all *live;
	struct json j;
	struct vz_buf text;
};

static int usage(FILE *f)
{
	fputs("Usage: vznetstat [-a] [-v <ctid>] [-c <class>] [--json] [--save]\n"
	      "  -a, --all          also containers that are not running\n"
	      "  -v, --ctid <ctid>  only this one, running or not\n"
	      "  -c, --class <n>    only this network class\n"
	      "  --json             as JSON\n"
	      "  --save             first save what running containers have counted\n",
	      f);
	return f == stdout ? 0 : VZ_INVALID_PARAMETER_SYNTAX;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct netstat *n)
{
	static const struct option longs[] = {
		{ "all", 0, NULL, 'a' },  { "ctid", 1, NULL, 'v' }, { "class", 1, NULL, 'c' },
		{ "json", 0, NULL, 'j' }, { "save", 0, NULL, 's' }, { "help", 0, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint32_t cls;
	int opt;

	n->cls = -1;
	while ((opt = getopt_long(argc, argv, "av:c:jh", longs, NULL)) != -1) {
		switch (opt) {
		case 'a':
			n->all = true;
			break;
		case 'v':
			n->ct = optarg;
			break;
		case 'c':
			if (num_parse_u32(optarg, &cls) < 0 || cls >= CONF_CLASSES) {
				vz_error("Bad network class: %s", optarg);
				return VZ_INVALID_PARAMETER_VALUE;
			}
			n->cls = (int)cls;
			break;
		case 'j':
			n->json = true;
			break;
		case 's':
			n->save = true;
			break;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	return optind < argc ? usage(stderr) : -1;
}

static void show_class(struct netstat *n, uint32_t id, unsigned int cls, const struct ct_count *c)
{
	if (!n->json) {
		vz_buf_addf(&n->text, "%-10u %9u %20" PRIu64 " %12" PRIu64 " %20" PRIu64
			    " %12" PRIu64 "\n",
			    id, cls, c->rx_bytes, c->rx_packets, c->tx_bytes, c->tx_packets);
		return;
	}
	json_begin(&n->j, NULL, '{', true);
	json_u64(&n->j, "class", cls);
	json_u64(&n->j, "in_bytes", c->rx_bytes);
	json_u64(&n->j, "in_packets", c->rx_packets);
	json_u64(&n->j, "out_bytes", c->tx_bytes);
	json_u64(&n->j, "out_packets", c->tx_packets);
	json_end(&n->j);
}

static int show(struct netstat *n, uint32_t id, struct vz_err *e)
{
	struct ct_traffic t;
	int r = ct_traffic_all_get(n->live, id, &t, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (n->json) {
		json_begin(&n->j, NULL, '{', false);
		json_u64(&n->j, "ctid", id);
		json_begin(&n->j, "classes", '[', false);
	}
	for (unsigned int cls = 0; cls < CONF_CLASSES; cls++)
		if ((t.have >> cls & 1) && (n->cls < 0 || n->cls == (int)cls))
			show_class(n, id, cls, &t.cls[cls]);
	if (n->json) {
		json_end(&n->j);
		json_end(&n->j);
	}
	return 0;
}

/* Under the lock: its stop may be taking over the same counters. */
static int save(uint32_t id, struct vz_err *e)
{
	struct ct ct = CT_INIT;
	int r = ct_open_id(&ct, id, CT_LOCK | CT_NO_CONF, "vznetstat", e);

	if (r == 0)
		r = ct_traffic_save(id, e);
	ct_done(&ct);
	return r;
}

static int each(struct netstat *n, const struct ct_view *view, const uint32_t *ids, size_t n_ids,
		struct vz_err *e)
{
	int r = 0;

	/* Who is being stopped just now saves by himself. */
	for (size_t i = 0; i < n_ids && n->save; i++)
		if (ct_view_running(view, ids[i]) && save(ids[i], e) < 0)
			vz_warn("CT %u: %s, ignoring", ids[i], e->msg);
	n->live = ct_traffic_all_read(e);
	if (!n->live)
		return -EPERM;
	if (n->json)
		json_begin(&n->j, NULL, '[', false);
	else
		vz_buf_addf(&n->text, "%-10s %9s %20s %12s %20s %12s\n", "VEID", "Net.Class",
			    "Input(bytes)", "Input(pkts)", "Output(bytes)", "Output(pkts)");
	for (size_t i = 0; i < n_ids && r == 0; i++)
		if (n->all || n->ct || ct_view_running(view, ids[i]))
			r = show(n, ids[i], e);
	if (n->json)
		json_end(&n->j);
	return r;
}

static int run(struct netstat *n, struct vz_err *e)
{
	_cleanup_(ct_view_freep) struct ct_view *view = NULL;
	_cleanup_conf_ struct conf *node = NULL;
	_cleanup_free_ uint32_t *ids = NULL;
	size_t n_ids = 0;
	uint32_t one = 0;
	int r = conf_load_node(&node, e);

	if (r == 0)
		r = ct_view_open(node, &view, e);
	if (r == 0 && !n->ct)
		r = conf_ct_all(&ids, &n_ids, e);
	if (r == 0 && n->ct) {
		r = conf_name_resolve(n->ct, false, &one, e);
		if (r == 0 && !conf_ct_exists(one))
			r = vz_fail(e, VZ_NOVECONFIG, 0, "Container config file does not exist");
	}
	if (r < 0)
		return r;
	return n->ct ? each(n, view, &one, 1, e) : each(n, view, ids, n_ids, e);
}

int main(int argc, char **argv)
{
	const struct vz_log_conf lc = { .prog = "vznetstat" };
	struct vz_err e = VZ_ERR_INIT;
	struct netstat n = { 0 };
	int r;

	vz_log_setup(&lc);
	n.j = JSON_INIT(&n.text);
	r = parse(argc, argv, &n);
	if (r >= 0)
		return r;
	r = run(&n, &e);
	if (r < 0)
		vz_error("%s", e.msg);
	else if (fwrite(vz_buf_str(&n.text), 1, n.text.len, stdout) != n.text.len ||
		 fflush(stdout) != 0)
		r = vz_fail(&e, VZ_SYSTEM_ERROR, errno, "Unable to write");
	ct_traffic_all_free(n.live);
	vz_buf_done(&n.text);
	return r < 0 ? e.code : 0;
}
