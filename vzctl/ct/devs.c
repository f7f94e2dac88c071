// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices: nodes in the container's /dev, and rules for whatever node is seen.
 *
 * Without rules a node that comes in otherwise (a bind mount of the node's, a
 * file system of theirs) would be as good as the node's own.
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"

#define RW (CG_DEV_READ | CG_DEV_WRITE)

static const struct ns_dev default_devs[] = {
	{ "null", 'c', 1, 3, 0666 },	{ "zero", 'c', 1, 5, 0666 },
	{ "full", 'c', 1, 7, 0666 },	{ "random", 'c', 1, 8, 0666 },
	{ "urandom", 'c', 1, 9, 0666 }, { "tty", 'c', 5, 0, 0666 },
	{ "net/tun", 'c', 10, 200, 0666 }, { "fuse", 'c', 10, 229, 0666 },
};

/* Of the container's own log: without that it is the node's, and not there. */
static const struct ns_dev kmsg = { "kmsg", 'c', 1, 11, 0644 };

/* Pseudo terminals, which devpts makes; loop devices never, not even by b:all. */
static const struct cg_dev_rule default_rules[] = {
	{ 'c', 5, 2, RW },
	{ 'c', 136, -1, RW },
	{ 'b', 7, -1, 0 },
	{ 'c', -1, -1, 0 },
	{ 'b', -1, -1, 0 },
};

static unsigned int access_bits(const char *access)
{
	if (str_eq(access, "none"))
		return 0;
	return (strchr(access, 'r') ? CG_DEV_READ : 0) | (strchr(access, 'w') ? CG_DEV_WRITE : 0);
}

/* Making a node is what the user namespace forbids; overlayfs does it for others. */
static void add_rule(struct ct_plan *p, struct cg_dev_rule r)
{
	r.access |= CG_DEV_MKNOD;
	p->rules[p->n_rules++] = r;
}

static bool same_device(const struct ns_dev *a, const struct ns_dev *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* The later row about a name wins; a device without access has no node at all. */
static void add_dev(struct ct_plan *p, const struct ns_dev *d, unsigned int access)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_devs; i++)
		if (!str_eq(p->devs[i].name, d->name) && (access || !same_device(&p->devs[i], d)))
			p->devs[n++] = p->devs[i];
	p->n_devs = n;
	add_rule(p, (struct cg_dev_rule){ d->type, (int32_t)d->major, (int32_t)d->minor, access });
	if (!access)
		return;
	p->devs[p->n_devs] = *d;
	p->devs[p->n_devs++].mode = (access & CG_DEV_READ ? 0444 : 0) |
				    (access & CG_DEV_WRITE ? 0222 : 0);
}

/* The numbers of a node of the host's, by its name. */
static bool by_name(const char *name, struct ns_dev *ret)
{
	_cleanup_free_ char *path = xasprintf("/dev/%s", name);
	struct stat st;

	if (stat(path, &st) < 0 || !(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->type = S_ISBLK(st.st_mode) ? 'b' : 'c';
	ret->major = major(st.st_rdev);
	ret->minor = minor(st.st_rdev);
	return true;
}

/* Its name, by the numbers: what udev and devtmpfs call it (sysfs, uevent). */
static bool by_number(const struct conf_device *d, struct ns_dev *ret)
{
	char path[80], buf[2048], *name;

	snprintf(path, sizeof(path), "/sys/dev/%s/%d:%d/uevent",
		 d->type == 'b' ? "block" : "char", d->major, d->minor);
	if (io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return false;
	name = strstr(buf, "\nDEVNAME=");
	if (!name)
		return false;
	name += strlen("\nDEVNAME=");
	name[strcspn(name, "\n")] = '\0';
	/* One directory below /dev is as deep as ours goes. */
	if (!*name || strlen(name) >= sizeof(ret->name) || strstr(name, "..") ||
	    strchr(name, '/') != strrchr(name, '/'))
		return false;
	memcpy(ret->name, name, strlen(name) + 1);
	ret->type = d->type;
	ret->major = (uint32_t)d->major;
	ret->minor = (uint32_t)d->minor;
	return true;
}

static void plan_devices(struct ct_plan *p, const struct conf_device *d)
{
	unsigned int access = access_bits(d->access);
	struct ns_dev dev = { 0 };

	if (d->major < 0 || d->minor < 0) {
		add_rule(p, (struct cg_dev_rule){ d->type, d->major, d->minor, access });
		return;
	}
	if (by_number(d, &dev)) {
		add_dev(p, &dev, access);
		return;
	}
	add_rule(p, (struct cg_dev_rule){ d->type, d->major, d->minor, access });
	if (access)
		vz_verbose("DEVICES %c:%d:%d: this node has no such device now, so that no file is made for it",
			   d->type, d->major, d->minor);
}

void ct_plan_devs(struct ct_plan *p)
{
	const struct conf *c = p->ct->conf;
	const struct conf_device *names, *numbers;
	size_t n = conf_devices(c, P_DEVNODES, &names), m = conf_devices(c, P_DEVICES, &numbers);
	size_t all = ARRAY_SIZE(default_devs) + 1 + n + m;

	p->devs = xcalloc(all, sizeof(*p->devs));
	p->rules = xcalloc(all + ARRAY_SIZE(default_rules), sizeof(*p->rules));
	for (size_t i = 0; i < ARRAY_SIZE(default_rules); i++)
		add_rule(p, default_rules[i]);
	for (size_t i = 0; i < ARRAY_SIZE(default_devs); i++)
		if (!str_eq(default_devs[i].name, "fuse") || ct_feature(c, "fuse", true))
			add_dev(p, &default_devs[i], RW);
	if (p->klog) {
		add_dev(p, &kmsg, RW);
		p->devs[p->n_devs - 1].mode = kmsg.mode;
	}
	for (size_t i = 0; i < n; i++) {
		struct ns_dev dev = { 0 };

		if (by_name(names[i].name, &dev))
			add_dev(p, &dev, access_bits(names[i].access));
		else if (access_bits(names[i].access))
			vz_warn("Device '/dev/%s' does not exist on this node, ignoring",
				names[i].name);
	}
	for (size_t i = 0; i < m; i++)
		plan_devices(p, &numbers[i]);
}

int ct_dev_rules(const struct ct_plan *p, int scope, struct vz_err *e)
{
	struct vz_err why = VZ_ERR_INIT;
	int r = cg_devices_apply(scope, p->rules, p->n_rules, &why);

	if (r != -EOPNOTSUPP) {
		if (r < 0)
			*e = why;
		return r;
	}
	/* In a container of a container the one outside has the rules. */
	if (conf_has(p->ct->conf, P_DEVICES))
		vz_info("WARNING: %s", why.msg);
	else
		vz_verbose("%s", why.msg);
	return 0;
}
