// SPDX-License-Identifier: GPL-2.0-or-later
/* Routed addresses: what may be one, and changes of a running container's. */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"
#include "ct/vm.h"

int ct_addrs_valid(const struct conf_change *ch, struct vz_err *e)
{
	const struct vz_strv *add = conf_change_added(ch, P_IP_ADDRESS);
	struct net_addr a;

	for (size_t i = 0; i < add->n; i++)
		if (!str_eq(add->v[i], "auto") && net_addr_parse(add->v[i], &a) < 0)
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "Bad parameter for --ipadd: %.100s (no address or prefix for a container: loopback, multicast, broadcast, link-local and the like are not, nor prefixes shorter than /%d and /%d)",
				       add->v[i], NET_PREFIX_MIN4, NET_PREFIX_MIN6);
	return 0;
}

void ct_addrs_done(struct ct_addrs *a)
{
	free(a->v);
}

static void append(struct ct_addrs *a, const struct net_addr *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		a->v = xgrow(a->v, a->n, sizeof(*v));
		a->v[a->n++] = v[i];
	}
}

void ct_addrs_parse(const struct vz_strv *words, struct ct_addrs *ret)
{
	struct net_addr a;

	for (size_t i = 0; i < words->n; i++)
		if (net_addr_parse(words->v[i], &a) == 0)
			append(ret, &a, 1);
}

bool ct_addrs_overlap(const char *a, const char *b)
{
	struct net_addr x, y;

	return net_addr_parse(a, &x) == 0 && net_addr_parse(b, &y) == 0 &&
	       net_addr_overlaps(&x, &y);
}

/*
 * Routes that are equal cannot be added twice, by the kernel; a prefix and what is
 * within it can.  So whoever adds a prefix does it alone between looking and adding.
 */
static int net_lock(const struct ct_plan *p, const struct net_addr *a, size_t n, int *ret_fd,
		    struct vz_err *e)
{
	const char *dir = conf_str(p->ct->node, P_LOCKDIR);
	_cleanup_free_ char *path = NULL;
	bool alone = false;
	int fd;

	if (!n || !dir)
		return 0;
	for (size_t i = 0; i < n; i++)
		alone = alone || net_addr_is_prefix(&a[i]);
	path = xasprintf("%s/net.lck", dir);
	fd = alone ? io_lock(path, -1, p->command) : io_lock_shared(path, -1);
	if (fd < 0)
		return vz_fail(e, VZ_CANT_ADDIP, -fd, "Unable to lock '%s'", path);
	*ret_fd = fd;
	return 0;
}

/* What the node as a whole needs, unless its administrator sees to that. */
static int node_setup(const struct ct_plan *p, struct vz_err *e)
{
	return conf_bool(p->ct->node, P_SKIP_SYSCTL_SETUP, false) ? 0 : net_node_setup(&p->net, e);
}

/* Before @n addresses are added. */
static int prepare(const struct ct_plan *p, const struct net_addr *a, size_t n, int *ret_lock,
		   struct vz_err *e)
{
	int r = node_setup(p, e);

	return r < 0 ? r : net_lock(p, a, n, ret_lock, e);
}

int ct_addrs_attach(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_close_ int lock = -EBADF;
	int r = prepare(p, p->net.addrs, p->net.n_addrs, &lock, e);

	return r < 0 ? r : net_attach(&p->net, p->netns, e);
}

int ct_addrs_restore(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_close_ int lock = -EBADF;
	int r = prepare(p, p->net.addrs, p->net.n_addrs, &lock, e);

	return r < 0 ? r : net_restore(&p->net, e);
}

/* ---- a running container ---------------------------------------------- */

static void sort(struct ct_addrs *a)
{
	if (a->n)
		qsort(a->v, a->n, sizeof(*a->v), net_addr_cmp);
}

/* The entry of a sorted list with the same address, whatever its mask. */
static const struct net_addr *find(const struct ct_addrs *sorted, const struct net_addr *a)
{
	return sorted->n ? bsearch(a, sorted->v, sorted->n, sizeof(*a), net_addr_cmp) : NULL;
}

/* The plan's entries that the change names: masks and IPV6=no are in them already. */
static void to_add(const struct net_plan *p, const struct vz_strv *words, struct ct_addrs *ret)
{
	_cleanup_addrs_ struct ct_addrs named = { 0 };

	ct_addrs_parse(words, &named);
	sort(&named);
	for (size_t i = 0; i < p->n_addrs; i++)
		if (find(&named, &p->addrs[i]))
			append(ret, &p->addrs[i], 1);
}

/*
 * What goes: entries of the old config that the new one has not, or routes otherwise
 * (10.1.0.0/24 becomes 10.1.0.0/25); addresses named that were added without --save;
 * with "all" whatever leads to the container.
 */
static int to_del(const struct net_plan *p, const struct vz_strv *old, const struct vz_strv *words,
		  bool all, struct ct_addrs *ret, struct vz_err *e)
{
	_cleanup_addrs_ struct ct_addrs was = { 0 }, now = { 0 }, named = { 0 };
	struct net_addr *extra;
	size_t n;
	int r;

	append(&now, p->addrs, p->n_addrs);
	sort(&now);
	ct_addrs_parse(old, &was);
	sort(&was);
	for (size_t i = 0; i < was.n; i++) {
		const struct net_addr *same = find(&now, &was.v[i]);

		if (!same || !net_addr_same_route(same, &was.v[i]))
			append(ret, &was.v[i], 1);
	}
	if (!all) {
		ct_addrs_parse(words, &named);
		for (size_t i = 0; i < named.n; i++)
			if (!find(&was, &named.v[i]) && !find(&now, &named.v[i]))
				append(ret, &named.v[i], 1);
		return 0;
	}
	r = net_addrs_extra(p, &extra, &n, e);
	if (r < 0)
		return r;
	append(ret, extra, n);
	free(extra);
	return 0;
}

static void say(const char *what, const struct vz_strv *words)
{
	_cleanup_free_ char *text = NULL;

	if (!words->n)
		return;
	text = vz_strv_join(words, " ");
	vz_info("%s IP address(es): %s", what, text);
}

int ct_addrs_check(const struct ct_plan *p, const struct conf_change *ch, struct vz_err *e)
{
	_cleanup_addrs_ struct ct_addrs add = { 0 };

	to_add(&p->net, conf_change_added(ch, P_IP_ADDRESS), &add);
	return add.n ? net_addrs_check(&p->net, add.v, add.n, e) : 0;
}

int ct_addrs_note(uint32_t id, const struct conf_change *ch, struct vz_err *e)
{
	const struct vz_strv *add = conf_change_added(ch, P_IP_ADDRESS);
	_cleanup_free_ char *path = ct_run_path(id, "addrs");
	_cleanup_free_ char *words = vz_strv_join(add, " ");
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (!add->n)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : io_write_full(fd, words, strlen(words));
	if (r >= 0)
		r = io_write_full(fd, " ", 1);
	return r < 0 ? vz_fail(e, VZ_CANT_ADDIP, -r, "Unable to write '%s'", path) : 0;
}

void ct_addrs_noted(struct ct_plan *p)
{
	_cleanup_free_ char *path = ct_run_path(p->ct->id, "addrs");
	_cleanup_strv_ struct vz_strv words = VZ_STRV_INIT;
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	struct ct_addrs all = { 0 };

	if (io_read_file_at(AT_FDCWD, path, &text, 1 << 20) < 0)
		return;
	vz_strv_split(&words, vz_buf_str(&text), " ");
	append(&all, p->net.addrs, p->net.n_addrs);
	ct_addrs_parse(&words, &all);
	free(p->addrs);
	p->net.addrs = p->addrs = all.v;
	p->net.n_addrs = all.n;
}

int ct_addrs_apply(struct ct_plan *p, int netns, const struct conf_change *ch,
		   const struct vz_strv *old, struct vz_err *e)
{
	static const char *const whole_list[] = { "IPDELALL=yes", NULL };
	const struct vz_strv *words = conf_change_added(ch, P_IP_ADDRESS);
	const struct vz_strv *gone = conf_change_deleted(ch, P_IP_ADDRESS);
	bool all = gone->n && str_eq(gone->v[0], "all");
	_cleanup_addrs_ struct ct_addrs add = { 0 }, del = { 0 };
	_cleanup_close_ int lock = -EBADF;
	int r;

	say("Deleting", all ? old : gone);
	say("Adding", words);
	to_add(&p->net, words, &add);
	r = to_del(&p->net, old, gone, all, &del, e);
	if (r == 0 && add.n)
		r = prepare(p, add.v, add.n, &lock, e);
	/* Additions first: only they can be refused, and then nothing has changed. */
	if (r == 0)
		r = net_addrs_add(&p->net, netns, add.v, add.n, e);
	close_fd(&lock);
	if (r >= 0)
		r = net_addrs_del(&p->net, netns, del.v, del.n, e);
	if (r >= 0 && ct_is_vm(p->ct->conf)) {
		ct_vm_tell_addrs(p, ch, old);
		return 0;
	}
	return r < 0 ? r : ct_dist_run(p, TMPL_ADD_IP, whole_list, e);
}
