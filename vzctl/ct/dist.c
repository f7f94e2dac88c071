// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Distribution scripts: hostname, resolver, addresses and passwords in the
 * files of the system inside.  They run in the container, with its rights.
 *
 * Before a start they run only when a value has changed since they last did
 * (the stamp in /var/lib/vzctl/dist): a shell costs more than a start.
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "ct/ct-int.h"

#define STAMP_DIR "/var/lib/vzctl/dist"

static char *stamp_path(uint32_t id)
{
	return xasprintf("%s/%u", vz_path_or(STAMP_DIR, "VZ_DISTDIR"), id);
}

static void add_env(struct vz_strv *l, const char *key, const char *value)
{
	_cleanup_free_ char *s = xasprintf("%s=%s", key, value);

	vz_strv_add(l, s);
}

static bool is_loopback(const char *addr)
{
	return str_has_prefix(addr, "127.") || str_eq(addr, "::1");
}

/* The node's resolvers; a local stub is of no use in another namespace. */
static void inherit_resolv(const char *key, struct vz_strv *ret)
{
	static const char *const files[] = { "/etc/resolv.conf",
					     "/run/systemd/resolve/resolv.conf" };

	for (size_t f = 0; f < ARRAY_SIZE(files) && !ret->n; f++) {
		_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
		char *save = NULL;

		if (io_read_file_at(AT_FDCWD, files[f], &b, 65536) < 0 || !b.len)
			continue;
		for (char *l = strtok_r(b.s, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
			_cleanup_strv_ struct vz_strv w = VZ_STRV_INIT;

			vz_strv_split(&w, l, " \t\r");
			if (w.n < 2 || !str_eq(w.v[0], key))
				continue;
			for (size_t i = 1; i < w.n; i++)
				if (!is_loopback(w.v[i]))
					vz_strv_add(ret, w.v[i]);
		}
	}
}

void ct_resolv_list(const struct ct *ct, enum param_id id, struct vz_strv *ret)
{
	const struct vz_strv *l = conf_list(ct->conf, id);

	if (l->n != 1 || !str_eq(l->v[0], "inherit")) {
		vz_strv_copy(ret, l);
		return;
	}
	inherit_resolv(id == P_NAMESERVER ? "nameserver" : "search", ret);
	if (!ret->n && id == P_NAMESERVER)
		vz_info("WARNING: NAMESERVER=inherit: the node's own resolver can only be reached from the node: give an address");
}

static void add_list(const struct ct_plan *p, enum param_id id, const char *key,
		     struct vz_strv *ret)
{
	_cleanup_strv_ struct vz_strv vals = VZ_STRV_INIT;
	_cleanup_free_ char *text = NULL;

	ct_resolv_list(p->ct, id, &vals);
	text = vz_strv_join(&vals, " ");
	add_env(ret, key, text);
}

void ct_dist_env(const struct ct_plan *p, const char *state, struct vz_strv *ret)
{
	const char *host = conf_str(p->ct->conf, P_HOSTNAME);
	struct vz_buf ips = VZ_BUF_INIT;
	char text[NET_ADDR_STRLEN];

	for (size_t i = 0; i < p->net.n_addrs; i++) {
		const struct net_addr *a = &p->net.addrs[i], own = net_addr_own(a);

		vz_buf_addf(&ips, "%s%s", i ? " " : "",
			    net_addr_format(net_addr_is_prefix(a) ? &own : a, text));
	}
	add_env(ret, "VE_STATE", state);
	add_env(ret, "VZ_KERNEL", "no");
	add_env(ret, "USERNS", "yes");
	add_env(ret, "IPV6", conf_bool(p->ct->node, P_IPV6, true) ? "yes" : "no");
	add_env(ret, "HOSTNM", host ? host : "");
	add_env(ret, "IP_ADDR", vz_buf_str(&ips));
	add_list(p, P_NAMESERVER, "NAMESERVER", ret);
	add_list(p, P_SEARCHDOMAIN, "SEARCHDOMAIN", ret);
	vz_buf_done(&ips);
}

static void base_env(struct vz_strv *ret)
{
	vz_strv_add(ret, "HOME=/");
	vz_strv_add(ret, "TERM=linux");
	vz_strv_add(ret, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

static int load(const struct ct_plan *p, struct tmpl_dist **ret, struct vz_err *e)
{
	_cleanup_free_ char *etc = xasprintf("%s/dists", conf_dir());
	_cleanup_free_ char *data = xasprintf("%s/dists", vz_data_dir());
	const char *const dirs[] = { etc, data, NULL };
	const char *t = conf_str(p->ct->conf, P_DISTRIBUTION);

	if (!t)
		t = conf_str(p->ct->conf, P_OSTEMPLATE);
	return tmpl_dist_load(dirs, t ? t : "default", ret, e);
}

/* Each script in a subshell of its own; none may read the text of the next. */
static int add_script(const struct tmpl_dist *d, enum tmpl_action a, struct vz_buf *b,
		      struct vz_err *e)
{
	struct vz_buf text = VZ_BUF_INIT;
	int r = tmpl_dist_script(d, a, &text, e);

	if (r > 0) {
		vz_buf_addf(b, "(\n%s\n) </dev/null || exit $?\n", vz_buf_str(&text));
		r = 0;
	}
	vz_buf_done(&text);
	return r;
}

static int collect(struct ct_plan *p, bool first, struct vz_err *e)
{
	_cleanup_dist_ struct tmpl_dist *d = NULL;
	const struct conf *c = p->ct->conf;
	int r = load(p, &d, e);

	/* 4.x ran it after create, on the host; here it waits for the namespaces. */
	if (r == 0 && first)
		r = add_script(d, TMPL_POST_CREATE, &p->script, e);
	if (r == 0)
		r = add_script(d, TMPL_PRE_START, &p->script, e);
	if (r == 0)
		r = add_script(d, TMPL_ADD_IP, &p->script, e);
	if (r == 0 && conf_has(c, P_HOSTNAME))
		r = add_script(d, TMPL_SET_HOSTNAME, &p->script, e);
	if (r == 0 && (conf_list(c, P_NAMESERVER)->n || conf_list(c, P_SEARCHDOMAIN)->n))
		r = add_script(d, TMPL_SET_DNS, &p->script, e);
	if (r == 0)
		r = add_script(d, TMPL_SET_CONSOLE, &p->script, e);
	return r;
}

int ct_dist_start(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_free_ char *path = stamp_path(p->ct->id), *text = NULL;
	_cleanup_strv_ struct vz_strv env = VZ_STRV_INIT;
	struct vz_buf old = VZ_BUF_INIT;
	const char *t = conf_str(p->ct->conf, P_OSTEMPLATE);
	bool same, first;
	int r;

	ct_dist_env(p, "starting", &env);
	text = vz_strv_join(&env, "\n");
	p->dist_stamp = xasprintf("%s\n%s\n", t ? t : "", text);
	first = io_read_file_at(AT_FDCWD, path, &old, 65536) < 0;
	same = !first && str_eq(vz_buf_str(&old), p->dist_stamp);
	vz_buf_done(&old);
	if (same) {
		free(take_ptr(p->dist_stamp));
		return 0;
	}
	base_env(&p->script_env);
	vz_strv_copy(&p->script_env, &env);
	r = collect(p, first, e);
	p->init.script = vz_buf_str(&p->script);
	p->init.script_len = p->script.len;
	p->init.script_env = (const char *const *)p->script_env.v;
	return r;
}

void ct_dist_done(struct ct_plan *p)
{
	_cleanup_free_ char *path = stamp_path(p->ct->id), *dir = NULL;

	if (!p->dist_stamp)
		return;
	dir = xstrdup(path);
	*strrchr(dir, '/') = '\0';
	/* Losing it costs one more run of the scripts: no fsync. */
	if (io_mkdir_p(dir, 0700) == 0)
		(void)io_write_atomic_at(AT_FDCWD, path, p->dist_stamp, strlen(p->dist_stamp),
					 0600, IO_ATOMIC_NOSYNC);
}

void ct_dist_forget(uint32_t id)
{
	_cleanup_free_ char *path = stamp_path(id);

	unlink(path);
}

int ct_dist_run(struct ct_plan *p, enum tmpl_action a, const char *const *env, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv all = VZ_STRV_INIT;
	_cleanup_dist_ struct tmpl_dist *d = NULL;
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r = load(p, &d, e);

	if (r == 0)
		r = add_script(d, a, &b, e);
	if (r < 0)
		return r;
	if (!b.len)
		return 0;
	ct_dist_env(p, "running", &all);
	for (; env && *env; env++)
		vz_strv_add(&all, *env);
	r = ct_run_script(p->ct, b.s, b.len, (const char *const *)all.v, 300 * 1000, e);
	if (r > 0)
		return vz_fail(e, r < 128 ? (enum vz_code)r : VZ_ACTIONSCRIPT_ERROR, 0,
			       "Script %s of distribution '%s' failed (exit code %d)",
			       tmpl_action_name(a), tmpl_dist_name(d), r);
	return r;
}
