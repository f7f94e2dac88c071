// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * NETDEV: devices of the node that are in a container.  A virtual device ends with
 * the namespace it is in, so as long as one is away the container's namespace is
 * mounted at /run/vz/CTID/netns, and /run/vz/CTID/netdev says what to bring back
 * from there: after a stop, a halt from inside, a kill -9 of whatever.
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"

#define NETDEVS_MAX 64

struct record {
	struct net_netdev v[NETDEVS_MAX];
	size_t n;
};

static void load(uint32_t id, struct record *ret)
{
	_cleanup_free_ char *path = ct_run_path(id, "netdev");
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	char *save, *line;

	ret->n = 0;
	if (io_read_file_at(AT_FDCWD, path, &text, 65536) < 0 || !text.len)
		return;
	for (line = strtok_r(text.s, "\n", &save); line && ret->n < NETDEVS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		struct net_netdev *d = &ret->v[ret->n];
		unsigned int m[6], ether;

		*d = (struct net_netdev){ 0 };
		if (sscanf(line, "%15s %d %" SCNu32 " %u %x:%x:%x:%x:%x:%x", d->name, &d->ifindex,
			   &d->mtu, &ether, &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 10)
			continue;
		d->ether = ether;
		for (size_t i = 0; i < 6; i++)
			d->mac[i] = (uint8_t)m[i];
		ret->n++;
	}
}

static int save(uint32_t id, const struct record *rec, struct vz_err *e)
{
	_cleanup_free_ char *path = ct_run_path(id, "netdev");
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r;

	for (size_t i = 0; i < rec->n; i++) {
		const struct net_netdev *d = &rec->v[i];

		vz_buf_addf(&b, "%s %d %u %d %02x:%02x:%02x:%02x:%02x:%02x\n", d->name, d->ifindex,
			    d->mtu, d->ether, d->mac[0], d->mac[1], d->mac[2], d->mac[3],
			    d->mac[4], d->mac[5]);
	}
	r = io_write_atomic_at(AT_FDCWD, path, vz_buf_str(&b), b.len, 0600, IO_ATOMIC_NOSYNC);
	return r < 0 ? vz_fail(e, VZ_NETDEV_ERROR, -r, "Unable to write '%s'", path) : 0;
}

/* The namespace outlives its processes until unpin(). */
static int pin(uint32_t id, int netns, struct vz_err *e)
{
	_cleanup_free_ char *path = ct_run_path(id, "netns");
	_cleanup_free_ char *from = xasprintf("/proc/self/fd/%d", netns);
	int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);

	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd >= 0)
		close(fd);
	if (fd < 0 || mount(from, path, NULL, MS_BIND, NULL) < 0)
		return vz_fail(e, VZ_NETDEV_ERROR, errno, "Unable to keep the namespace at '%s'",
			       path);
	return 0;
}

static void unpin(uint32_t id)
{
	_cleanup_free_ char *path = ct_run_path(id, "netns");
	_cleanup_free_ char *list = ct_run_path(id, "netdev");

	(void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	unlink(path);
	unlink(list);
}

static int add(uint32_t id, int netns, const char *name, bool force, struct record *rec,
	       struct vz_err *e)
{
	int r;

	for (size_t i = 0; i < rec->n; i++)
		if (str_eq(rec->v[i].name, name))
			return 0;
	if (rec->n == NETDEVS_MAX)
		return vz_fail(e, VZ_NETDEV_ERROR, ENOSPC, "network device %s", name);
	r = net_netdev_get(name, &rec->v[rec->n], force, e);
	if (r < 0)
		return r;
	rec->n++;
	/* On record before it is away. */
	r = save(id, rec, e);
	if (r == 0)
		r = pin(id, netns, e);
	return r < 0 ? r : net_netdev_move(netns, &rec->v[rec->n - 1], e);
}

int ct_netdevs_attach(struct ct_plan *p, int netns, struct vz_err *e)
{
	const struct vz_strv *names = conf_list(p->ct->conf, P_NETDEV);
	struct record rec;
	int r = 0;

	if (!names->n)
		return 0;
	load(p->ct->id, &rec);
	/* What is in the file was looked at when it was set. */
	for (size_t i = 0; r == 0 && i < names->n; i++)
		r = add(p->ct->id, netns, names->v[i], true, &rec, e);
	return r;
}

static int bring_back(uint32_t id, const struct net_netdev *d, struct vz_err *e)
{
	_cleanup_free_ char *path = ct_run_path(id, "netns");
	_cleanup_close_ int netns = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct statfs sf;

	/* A plain file: the mount did not happen, and no move after it. */
	if (netns >= 0 && (fstatfs(netns, &sf) < 0 || sf.f_type != NSFS_MAGIC))
		close_fd(&netns);
	return net_netdev_return(netns, d, e);
}

void ct_netdevs_return(uint32_t id)
{
	struct record rec;

	load(id, &rec);
	for (size_t i = 0; i < rec.n; i++) {
		struct vz_err why = VZ_ERR_INIT;

		if (bring_back(id, &rec.v[i], &why) < 0)
			vz_warn("%s", why.msg);
	}
	unpin(id);
}

int ct_netdevs_apply(struct ct_plan *p, int netns, const struct conf *old, struct vz_err *e)
{
	const struct vz_strv *was = conf_list(old, P_NETDEV);
	const struct vz_strv *now = conf_list(p->ct->conf, P_NETDEV);
	struct record rec;
	int r = 0;

	load(p->ct->id, &rec);
	for (size_t i = 0; r == 0 && i < now->n; i++)
		if (!vz_strv_has(was, now->v[i]))
			r = add(p->ct->id, netns, now->v[i], true, &rec, e);
	for (size_t i = 0; r == 0 && i < rec.n;) {
		if (vz_strv_has(now, rec.v[i].name) || !vz_strv_has(was, rec.v[i].name)) {
			i++;
			continue;
		}
		r = bring_back(p->ct->id, &rec.v[i], e);
		if (r < 0)
			break;
		rec.v[i] = rec.v[--rec.n];
		r = save(p->ct->id, &rec, e);
	}
	if (r == 0 && !rec.n)
		unpin(p->ct->id);
	return r;
}

/* ---- what may be one ------------------------------------------------------ */

static int check_others(uint32_t own, const char *name, struct vz_err *e)
{
	_cleanup_free_ uint32_t *ids = NULL;
	size_t n = 0;
	int r = conf_ct_all(&ids, &n, e);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_free_ char *path = conf_ct_path(ids[i]);
		_cleanup_strv_ struct vz_strv problems = VZ_STRV_INIT;
		_cleanup_conf_ struct conf *c = NULL;

		if (ids[i] == own || conf_check_file(path, &c, &problems, VZ_IGNORE) < 0)
			continue;
		if (vz_strv_has(conf_list(c, P_NETDEV), name))
			return vz_fail(e, VZ_NETDEV_ERROR, EBUSY,
				       "network device %s is container %u's", name, ids[i]);
	}
	return r < 0 ? r : 0;
}

int ct_netdev_check(const struct ct *ct, const struct conf *old, struct vz_err *e)
{
	const struct vz_strv *was = old ? conf_list(old, P_NETDEV) : NULL;
	const struct vz_strv *now = conf_list(ct->conf, P_NETDEV);
	struct net_netdev d;
	int r = 0;

	for (size_t i = 0; r == 0 && i < now->n; i++) {
		if (was && vz_strv_has(was, now->v[i]))
			continue;
		if (strlen(now->v[i]) > 15 || strchr(now->v[i], '/'))
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "Bad parameter for --netdev_add: %.100s (accepted: interface names of 1 to 15 characters)",
				       now->v[i]);
		r = check_others(ct->id, now->v[i], e);
		if (r == 0)
			r = net_netdev_get(now->v[i], &d, false, e);
	}
	return r;
}
