// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One template, two kinds: a disk made of a template's tree or of a container, and back.
 *
 * The disk is what layout "image" of a container is: one file system, without a partition
 * table, with ids from 0.  So a container of that layout is a virtual machine's disk as it
 * is, and the other way round; other layouts are copied.  A machine boots it with the kernel
 * and initial RAM disk of vz.conf's VM_BOOT (made by vzvmboot), which takes host name,
 * addresses and name servers from the kernel's command line.
 */
#define VZ_ROOM "ct"
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"
#include "base/spawn.h"
#include "ct/vm.h"
#include "link.h"
#include "sys/rmtree.h"
#include "sys/syscalls.h"

#define VM_CMDLINE "console=ttyS0 root=/dev/vda rw quiet"
#define DISK_KB (2048 * UINT64_C(1024))		/* without DISKSPACE */
#define FSCK_MS (600 * 1000)

/* ---- what the guest is told -------------------------------------------------------- */

static void add_if(struct vz_buf *b, const char *name, const char *mac,
		   const struct net_addr *addrs, size_t n, bool routed, const char *gw,
		   const char *gw6)
{
	char text[INET6_ADDRSTRLEN];

	vz_buf_addf(b, " vz.if=%s,", name);
	for (; *mac; mac++)
		vz_buf_addc(b, *mac >= 'A' && *mac <= 'F' ? (char)(*mac + 32) : *mac);
	vz_buf_addc(b, ',');
	for (size_t i = 0; i < n; i++) {
		struct net_addr a = routed ? net_addr_own(&addrs[i]) : addrs[i];

		if (inet_ntop(a.family, a.a, text, sizeof(text)))
			vz_buf_addf(b, "%s%s/%u", i ? "+" : "", text, a.plen);
	}
	vz_buf_addf(b, ",%s,%s", gw, gw6);
}

static const char *gateway(const struct net_addr *a, char buf[INET6_ADDRSTRLEN])
{
	return a->family && inet_ntop(a->family, a->a, buf, INET6_ADDRSTRLEN) ? buf : "";
}

static void add_list(struct vz_buf *b, const struct ct *ct, enum param_id id, const char *word)
{
	_cleanup_strv_ struct vz_strv l = VZ_STRV_INIT;
	_cleanup_free_ char *text = NULL;

	ct_resolv_list(ct, id, &l);
	text = vz_strv_join(&l, ",");
	if (*text)
		vz_buf_addf(b, " %s=%s", word, text);
}

void ct_vm_boot_words(const struct ct_plan *p, struct vz_buf *b)
{
	const char *host = conf_str(p->ct->conf, P_HOSTNAME);
	_cleanup_free_ char *mac = ct_vm_mac_text(p->ct->id);
	char gw[INET6_ADDRSTRLEN], gw6[INET6_ADDRSTRLEN];

	if (host)
		vz_buf_addf(b, " vz.host=%s", host);
	add_list(b, p->ct, P_NAMESERVER, "vz.dns");
	add_list(b, p->ct, P_SEARCHDOMAIN, "vz.search");
	for (size_t i = 0; i < p->net.n_veths; i++) {
		const struct net_veth *v = &p->net.veths[i];

		add_if(b, v->ifname, v->mac, v->addrs, v->n_addrs, false, gateway(&v->gw4, gw),
		       gateway(&v->gw6, gw6));
	}
	/* Last: a gateway of NETIF's is the default route, as for cloud-init. */
	if (p->net.n_addrs)
		add_if(b, "venet0", mac, p->net.addrs, p->net.n_addrs, true, NET_TAP_GW4,
		       NET_TAP_GW6);
}

/* ---- boot files ------------------------------------------------------------------------ */

static int boot_path(const struct ct *ct, const char *name, char **ret, struct vz_err *e)
{
	*ret = xasprintf("%s/%s", conf_str(ct->node, P_VM_BOOT), name);
	if (io_exists(*ret))
		return 0;
	return vz_fail(e, VZ_VM_ERROR, ENOENT,
		       "'%s': a kernel for virtual machines of templates is made by `vzvmboot KERNEL MODULES`",
		       *ret);
}

int ct_vm_boot_default(const struct ct *ct, struct conf *c, struct vz_err *e)
{
	_cleanup_free_ char *kernel = NULL, *initrd = NULL;
	int r = boot_path(ct, "kernel", &kernel, e);

	if (r == 0)
		r = boot_path(ct, "initrd", &initrd, e);
	if (r == 0)
		r = conf_set(c, P_KERNEL, kernel, CONF_FILE, e);
	if (r == 0)
		r = conf_set(c, P_INITRD, initrd, CONF_FILE, e);
	if (r == 0 && !conf_str(c, P_CMDLINE))
		r = conf_set(c, P_CMDLINE, VM_CMDLINE, CONF_FILE, e);
	return r;
}

/* ---- a disk of a template ---------------------------------------------------------------- */

static uint64_t disk_kb(const struct ct *ct)
{
	struct conf_pair v;

	return conf_pair(ct->conf, P_DISKSPACE, &v) && v.lim < VZ_UNLIMITED ? v.lim : DISK_KB;
}

/*
 * The image of a template, kept beside the trees: made once for each size, so that the
 * next machine's disk is a clone of it.
 */
int ct_vm_template_disk(struct ct_plan *p, char **ret, struct vz_err *e)
{
	_cleanup_free_ char *dir = NULL, *area = NULL;
	struct store_ref s = { .ctid = p->ct->id, .layout = "image", .disk_kb = disk_kb(p->ct) };
	int r = 0;

	if (!p->tree)
		r = tmpl_tree(conf_str(p->ct->node, P_TEMPLATE),
			      conf_str(p->ct->conf, P_OSTEMPLATE), true, &p->tree, e);
	if (r < 0)
		return r;
	dir = xasprintf("%s/vmdisk", conf_str(p->ct->node, P_TEMPLATE));
	r = io_mkdir_p(dir, 0700);
	if (r < 0)
		return vz_fail(e, VZ_FS_NEW_VE_PRVT, -r, "Unable to create '%s'", dir);
	area = xasprintf("%s/%s-%" PRIu64 "K", dir, strrchr(p->tree, '/') + 1, s.disk_kb);
	*ret = xasprintf("%s/root.img", area);
	if (io_exists(*ret))
		return 0;
	vz_info("Making a disk of template %s", conf_str(p->ct->conf, P_OSTEMPLATE));
	s.private = area;
	r = store_create(&s, p->tree, e);
	/* Another create was quicker. */
	return r < 0 && !io_exists(*ret) ? r : 0;
}

/* ---- convert ------------------------------------------------------------------------------ */

static int sibling(const struct ct *ct, char **ret_path, int *ret_parent, char **ret_name)
{
	_cleanup_free_ char *dir = xstrdup(ct->private);
	char *slash = strrchr(dir, '/');

	*slash = '\0';
	*ret_name = xasprintf(".%s.convert", slash + 1);
	*ret_path = xasprintf("%s/%s", dir, *ret_name);
	*ret_parent = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_parent < 0 ? -errno : 0;
}

static int copy_tree(struct ct_plan *p, const char *area, struct vz_err *e)
{
	_cleanup_free_ char *tree = NULL, *img = xasprintf("%s/image", area);
	struct store_ref to = { .ctid = p->ct->id, .layout = "image", .private = img,
				.disk_kb = disk_kb(p->ct) };
	_cleanup_close_ int mnt = store_mount(&p->store, -1, e);

	if (mnt < 0)
		return mnt;
	tree = xasprintf("/proc/self/fd/%d/.", mnt);
	return store_create(&to, tree, e);
}

static int put_boot(const struct ct *ct, int area, const char *name, struct vz_err *e)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int from = -EBADF, to = -EBADF;
	int r = boot_path(ct, name, &path, e);

	if (r < 0)
		return r;
	from = open(path, O_RDONLY | O_CLOEXEC);
	to = openat(area, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	r = from < 0 || to < 0 ? -errno : io_clone(from, to, ct_cancelled);
	if (r == 0 && fsync(to) < 0)
		r = -errno;
	return r < 0 ? vz_fail(e, VZ_IMAGE_CONVERT, -r, "Unable to copy '%s'", path) : 0;
}

/* A link: one file system in one file, whoever's. */
static int take_image(const char *private, int area, struct vz_err *e)
{
	_cleanup_free_ char *img = xasprintf("%s/root.img", private);

	if (mkdirat(area, "disks", 0700) < 0 ||
	    linkat(AT_FDCWD, img, area, "disks/disk0.raw", 0) < 0)
		return vz_fail(e, VZ_IMAGE_CONVERT, errno, "Unable to take '%s'", img);
	return 0;
}

static int build_vm(struct ct_plan *p, int parent, const char *name, const char *path,
		    struct vz_err *e)
{
	_cleanup_free_ char *img = xasprintf("%s/image", path);
	_cleanup_close_ int area = -EBADF;
	const char *driver;
	int r = store_detect(p->ct->private, &driver, e);

	if (r < 0)
		return r;
	if (mkdirat(parent, name, 0700) < 0)
		return vz_fail(e, VZ_IMAGE_CONVERT, errno, "Unable to make '%s'", path);
	area = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (area < 0)
		return vz_fail(e, VZ_IMAGE_CONVERT, errno, "'%s'", path);
	if (!str_has_prefix(driver, "image"))
		r = copy_tree(p, path, e);
	if (r == 0)
		r = take_image(str_has_prefix(driver, "image") ? p->ct->private : img, area, e);
	if (r == 0)
		r = sys_rmtree_at(area, "image", e);
	if (r == 0)
		r = put_boot(p->ct, area, "kernel", e);
	if (r == 0)
		r = put_boot(p->ct, area, "initrd", e);
	return r == 0 && fsync(area) < 0 ? vz_fail(e, VZ_IMAGE_CONVERT, errno, "'%s'", path) : r;
}

/* The guest's root has written it: the node's kernel mounts only what e2fsck finds whole. */
static int check_fs(const char *disk, struct vz_err *e)
{
	static const char *const where[] = { "/usr/sbin/e2fsck", "/sbin/e2fsck" };
	const char *argv[] = { "e2fsck", "-f", "-p", disk, NULL };
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	struct spawn sp = SPAWN_INIT;
	int status;

	sp.path = access(where[0], X_OK) == 0 ? where[0] : where[1];
	sp.argv = argv;
	sp.ret_out = &out;
	sp.timeout_ms = FSCK_MS;
	status = spawn_run(&sp);
	if (status < 0)
		return vz_fail(e, VZ_NO_HELPER, -status, "Unable to run '%s' (package e2fsprogs)",
			       sp.path);
	/* 1: corrected. */
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		return vz_fail(e, VZ_IMAGE_CONVERT, 0, "'%s' is no whole ext4: %.*s", disk,
			       (int)strcspn(vz_buf_str(&out), "\n"), vz_buf_str(&out));
	return 0;
}

static int check_disk(const struct ct *ct, char **ret, struct vz_err *e)
{
	const struct vz_strv *disks = conf_list(ct->conf, P_DISKS);
	_cleanup_free_ char *snap = xasprintf("%s/snap", ct->private), *dump = ct_vm_dump(ct);

	if (disks->n != 1 || strchr(disks->v[0], '/') || !ct_vm_format(disks->v[0]) ||
	    !str_eq(ct_vm_format(disks->v[0]), "raw"))
		return vz_fail(e, VZ_IMAGE_CONVERT, 0,
			       "Only a virtual machine with one raw disk becomes a container");
	if (io_exists(dump))
		return vz_fail(e, VZ_IMAGE_CONVERT, 0,
			       "The virtual machine is suspended: resume and stop it first");
	if (io_exists(snap) && rmdir(snap) < 0) {
		struct ct_snap *v = NULL;
		size_t n = 0;

		if (ct_vm_snap_list(ct, &v, &n, VZ_IGNORE) == 0)
			ct_vm_snaps_free(v, n);
		if (n)
			return vz_fail(e, VZ_IMAGE_CONVERT, 0,
				       "The virtual machine has %zu snapshots: delete them first",
				       n);
	}
	*ret = xasprintf("%s/disks/%s", ct->private, disks->v[0]);
	return check_fs(*ret, e);
}

static int change_vm(struct conf_change *ch, struct vz_err *e)
{
	int r = conf_change_set(ch, P_VE_TYPE, "vm", CONF_FILE, e);

	if (r == 0)
		r = conf_change_set(ch, P_DISKS, "disk0.raw", CONF_FILE, e);
	if (r == 0)
		r = conf_change_set(ch, P_KERNEL, "kernel", CONF_FILE, e);
	if (r == 0)
		r = conf_change_set(ch, P_INITRD, "initrd", CONF_FILE, e);
	return r < 0 ? r : conf_change_set(ch, P_CMDLINE, VM_CMDLINE, CONF_FILE, e);
}

/* Its size is the limit from now on. */
static int change_ct(const struct ct *ct, struct conf_change *ch, struct vz_err *e)
{
	_cleanup_free_ char *img = xasprintf("%s/root.img", ct->private), *kb = NULL;
	static const enum param_id gone[] = { P_DISKS, P_KERNEL, P_INITRD, P_CMDLINE };
	struct stat st;
	int r;

	if (stat(img, &st) < 0)
		return vz_fail(e, VZ_IMAGE_CONVERT, errno, "'%s'", img);
	kb = xasprintf("%lld:%lld", (long long)st.st_size / 1024, (long long)st.st_size / 1024);
	r = conf_change_set(ch, P_VE_TYPE, "ct", CONF_FILE, e);
	if (r == 0)
		r = conf_change_set(ch, P_VE_LAYOUT, "image", CONF_FILE, e);
	if (r == 0)
		r = conf_change_set(ch, P_DISKSPACE, kb, CONF_FILE, e);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(gone); i++)
		conf_change_unset(ch, gone[i]);
	return r;
}

/* Of which kind the private area is, whatever the file says. */
static bool area_is_vm(const struct ct *ct)
{
	_cleanup_free_ char *path = xasprintf("%s/disks", ct->private);
	const char *driver;

	return io_exists(path) && (store_detect(ct->private, &driver, VZ_IGNORE) < 0 ||
				   str_eq(driver, "dir"));
}

static int save(struct ct *ct, bool vm, struct vz_err *e)
{
	struct conf_change *ch = conf_change_new();
	int r = vm ? change_vm(ch, e) : change_ct(ct, ch, e);

	if (r == 0)
		r = conf_save_ct(ct->id, ch, false, e);
	conf_change_free(ch);
	ct_dist_forget(ct->id);
	ct_vm_twin(ct);
	return r < 0 ? r : 0;
}

static int build(struct ct_plan *p, bool vm, int parent, const char *name, const char *path,
		 struct vz_err *e)
{
	_cleanup_free_ char *disk = NULL;
	int r;

	if (vm)
		return build_vm(p, parent, name, path, e);
	r = check_disk(p->ct, &disk, e);
	return r < 0 ? r : store_adopt_image(path, disk, e);
}

/*
 * The new area is built beside the old one and takes its place in one rename; then the file
 * is written.  Killed between the two: the same command again finishes it.
 */
static int convert(struct ct_plan *p, bool vm, struct vz_err *e)
{
	_cleanup_free_ char *path = NULL, *name = NULL;
	_cleanup_close_ int parent = -EBADF;
	struct ct *ct = p->ct;
	int r = sibling(ct, &path, &parent, &name);

	if (r < 0)
		return vz_fail(e, VZ_IMAGE_CONVERT, -r, "Private area '%s'", ct->private);
	r = sys_rmtree_at(parent, name, e);
	if (r == 0 && area_is_vm(ct) != vm) {
		r = build(p, vm, parent, name, path, e);
		if (r == 0 && (syncfs(parent) < 0 ||
			       renameat2(AT_FDCWD, path, AT_FDCWD, ct->private,
					 RENAME_EXCHANGE) < 0 || fsync(parent) < 0))
			r = vz_fail(e, VZ_IMAGE_CONVERT, errno, "Unable to replace '%s'",
				    ct->private);
	}
#ifdef VZ_TEST_HOOKS
	if (r == 0 && getenv("VZ_KILL_CONVERT"))
		kill(getpid(), SIGKILL);
#endif
	if (r == 0)
		r = save(ct, vm, e);
	(void)sys_rmtree_at(parent, name, VZ_IGNORE);
	return r;
}

int ct_convert(struct ct *ct, const char *kind, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	bool vm = str_eq(kind, "vm");
	int r;

	if (!vm && !str_eq(kind, "ct"))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --kind: %s (ct or vm)", kind);
	if (ct_is_running(ct->slice, ct->id) || ct_is_mounted(ct->root))
		return vz_fail(e, VZ_VE_RUNNING, 0,
			       "Container is running or mounted: stop it first");
	if (ct_is_vm(ct->conf) == vm)
		return vz_fail(e, VZ_IMAGE_CONVERT, 0, "Container %u is a %s already", ct->id,
			       vm ? "virtual machine" : "container");
	if (!ct_is_vm(ct->conf) && !area_is_vm(ct) && !conf_str(ct->conf, P_VE_LAYOUT) &&
	    !io_exists(ct->private))
		return vz_fail(e, VZ_FS_NOPRVT, 0, "Private area '%s' does not exist", ct->private);
	r = ct_plan_make(ct, "convert", &p, e);
	if (r < 0)
		return r;
	p.store.layout = NULL;
	vz_info("Converting to a %s", vm ? "virtual machine" : "container");
	r = convert(&p, vm, e);
	if (r < 0)
		return vz_wrap(e, r, "Conversion failed");
	vz_info("Container %u is a %s now", ct->id, vm ? "virtual machine" : "container");
	return 0;
}
