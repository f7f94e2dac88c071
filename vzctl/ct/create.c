// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create and destroy.
 *
 * The config file is what makes a container exist: create writes it last, when
 * the private area is whole, and destroy renames it first.  What a killed
 * create leaves (a hidden half area, a claimed range of ids) belongs to no
 * container, is replaced by the next create and removed by repair.
 */
#define VZ_ROOM "ct"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"
#include "ct/ct-int.h"
#include "ct/vm.h"

/* ---- create ---------------------------------------------------------------- */

#define CREATING_DIR "/var/lib/vzctl/creating"
#define NOTE_MAX (256 * 1024)

/*
 * A note on disk while a create is under way: whether the config file is to be
 * made by it, where the private area is, the name, addresses and interfaces.  Found by
 * the next command, it says that all of that is debris and not somebody's container.
 */
static char *note_path(uint32_t id)
{
	return xasprintf("%s/%u", vz_path_or(CREATING_DIR, "VZ_CREATINGDIR"), id);
}

static int step_begin(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_free_ char *path = note_path(p->ct->id), *dir = xstrdup(path);
	_cleanup_free_ char *addrs = vz_strv_join(conf_list(p->ct->conf, P_IP_ADDRESS), " ");
	_cleanup_free_ char *netif = conf_format(p->ct->conf, P_NETIF);
	const char *name = conf_str(p->ct->conf, P_NAME);
	_cleanup_free_ char *text = xasprintf("%s\n%s\n%s\n%s\n%s\n",
					      p->ct->has_conf ? "old" : "new", p->ct->private,
					      name ? name : "", addrs, netif ? netif : "");
	int r;

	*strrchr(dir, '/') = '\0';
	r = io_mkdir_p(dir, 0700);
	if (r == 0)
		r = io_write_atomic_at(AT_FDCWD, path, text, strlen(text), 0600, 0);
	if (r < 0)
		return vz_fail(e, VZ_FS_NEW_VE_PRVT, -r, "Unable to write '%s'", path);
	/* From here on others see what is taken. */
	close_fd(&p->node_lock);
	return 0;
}

static void undo_begin(struct ct_plan *p)
{
	_cleanup_free_ char *path = note_path(p->ct->id);

	unlink(path);
}

static int step_end(struct ct_plan *p, struct vz_err *e)
{
	undo_begin(p);
	return 0;
}

static void show_begin(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_adds(b, "note that a create is under way");
}

static void show_end(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_adds(b, "remove the note");
}

int ct_create_recover(struct ct *ct, struct vz_err *e)
{
	_cleanup_free_ char *path = note_path(ct->id), *conf = conf_ct_path(ct->id);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	struct store_ref s = { .ctid = ct->id };
	const char *kind, *name;
	char *at;
	int r;

	if (io_read_file_at(AT_FDCWD, path, &b, NOTE_MAX) < 0)
		return 0;
	at = b.s;
	kind = strsep(&at, "\n");
	s.private = strsep(&at, "\n");
	if (s.private && *s.private == '/') {
		vz_info("Removing what a killed create left: %s", s.private);
		r = store_destroy(&s, e);
		if (r < 0)
			return r;
		name = strsep(&at, "\n");
		if (name && *name)
			conf_name_set(ct->id, NULL, name, VZ_IGNORE);
		if (str_eq(kind, "new")) {
			unlink(conf);
			ct_ids_free(ct->id);
		}
	}
	unlink(path);
	return ct_reload(ct, e) < 0 ? -EIO : 1;
}

bool ct_is_creating(uint32_t id)
{
	_cleanup_free_ char *path = note_path(id);

	return io_exists(path);
}

/* Calls @see with line number @line of each note. */
static void each_note(int line, void (*see)(uint32_t id, const char *text, void *arg), void *arg)
{
	_cleanup_free_ char *any = note_path(0);
	struct dirent *de;
	DIR *d;

	*strrchr(any, '/') = '\0';
	d = opendir(any);
	while (d && (de = readdir(d))) {
		_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
		const char *text;
		uint32_t id;
		char *at;

		if (num_parse_ctid(de->d_name, &id) < 0 ||
		    io_read_file_at(dirfd(d), de->d_name, &b, NOTE_MAX) < 0)
			continue;
		at = b.s;
		for (int i = 0; i < line; i++)
			strsep(&at, "\n");
		text = strsep(&at, "\n");
		if (text)
			see(id, text, arg);
	}
	if (d)
		closedir(d);
}

static void see_addrs(uint32_t id, const char *text, void *arg)
{
	vz_strv_split(arg, text, " ");
}

void ct_creating_addrs(struct vz_strv *ret)
{
	each_note(3, see_addrs, ret);
}

void ct_creating_netifs(void (*see)(uint32_t id, const char *netif, void *arg), void *arg)
{
	each_note(4, see, arg);
}

static bool want_auto(const struct ct_plan *p)
{
	return ct_auto_wanted(p->ct->conf);
}

/* Written into the note: from there on others see that the addresses are taken. */
static int step_auto(struct ct_plan *p, struct vz_err *e)
{
	int r = ct_auto_addrs(p->ct, p->create->change, &p->node_lock, e);

	return r < 0 ? r : step_begin(p, e);
}

static void show_auto(const struct ct_plan *p, struct vz_buf *b)
{
	_cleanup_free_ char *nets = conf_format(p->ct->node, P_NAT_NETWORK);

	vz_buf_addf(b, "a free address of %s",
		    nets && *nets ? nets : "NAT_NETWORK, which is not set");
}

static bool want_tree(const struct ct_plan *p)
{
	return conf_str(p->ct->conf, P_OSTEMPLATE) != NULL;
}

static int step_template(struct ct_plan *p, struct vz_err *e)
{
	return tmpl_tree(conf_str(p->ct->node, P_TEMPLATE), conf_str(p->ct->conf, P_OSTEMPLATE),
			 true, &p->tree, e);
}

static void show_template(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s in %s", conf_str(p->ct->conf, P_OSTEMPLATE),
		    conf_str(p->ct->node, P_TEMPLATE));
}

static int step_ids(struct ct_plan *p, struct vz_err *e)
{
	uint32_t base;
	char text[16];
	int r;

	if (p->map.count)
		return ct_ids_claim(p->ct, &p->map, e);
	r = ct_ids_alloc(p->ct, &base, e);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%u", base);
	p->map = (struct ns_idmap){ base, base,
				    (uint32_t)conf_u64(p->ct->node, P_UIDMAP_SIZE, 65536) };
	r = conf_change_set(p->create->change, P_LOCAL_UID, text, CONF_FILE, e);
	if (r == 0)
		r = conf_change_set(p->create->change, P_LOCAL_GID, text, CONF_FILE, e);
	return r;
}

static void undo_ids(struct ct_plan *p)
{
	ct_ids_free(p->ct->id);
}

static void show_ids(const struct ct_plan *p, struct vz_buf *b)
{
	if (p->map.count)
		vz_buf_addf(b, "%u..%u as given", p->map.uid, p->map.uid + p->map.count - 1);
	else
		vz_buf_addf(b, "a range of %llu host ids from %llu on",
			    (unsigned long long)conf_u64(p->ct->node, P_UIDMAP_SIZE, 65536),
			    (unsigned long long)conf_u64(p->ct->node, P_UIDMAP_BASE, 0x70000000));
}

static int step_area(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_free_ char *parent = xstrdup(p->ct->private);
	char *slash = strrchr(parent, '/');
	int r;

	if (slash && slash != parent) {
		*slash = '\0';
		r = io_mkdir_p(parent, 0700);
		if (r < 0)
			return vz_fail(e, VZ_FS_NEW_VE_PRVT, -r, "Unable to create '%s'", parent);
	}
	vz_info("Creating container private area (%s)", conf_str(p->ct->conf, P_OSTEMPLATE));
	r = store_create(&p->store, p->tree, e);
	if (r < 0)
		return r;
	if ((p->store.disk_kb || p->store.inodes) && !store_quota_supported(&p->store))
		vz_info("WARNING: DISKSPACE and DISKINODES are not enforced: '%s' has no project quota (mount it with prjquota, or use --layout image)",
			p->ct->private);
	return 0;
}

static void undo_area(struct ct_plan *p)
{
	store_destroy(&p->store, VZ_IGNORE);
}

static void show_area(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s layout=%s", p->ct->private, p->store.layout);
	if (p->store.disk_kb)
		vz_buf_addf(b, " diskspace=%lluK", (unsigned long long)p->store.disk_kb);
}

static int step_config(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	int r = 0;

	vz_info("Performing postcreate actions");
	if (p->ct->has_conf)
		r = conf_save_ct(p->ct->id, p->create->change, false, e);
	else if (p->create->config)
		r = conf_read_sample(p->create->config, &text, e);
	if (r >= 0 && !p->ct->has_conf)
		r = conf_create_ct(p->ct->id, vz_buf_str(&text), p->create->change, e);
	if (r < 0)
		return r;
	vz_info("CT configuration saved to %s/conf/%u.conf", conf_dir(), p->ct->id);
	ct_vm_twin(p->ct);
	return 0;
}

static void undo_config(struct ct_plan *p)
{
	_cleanup_free_ char *path = conf_ct_path(p->ct->id);

	/* A file that was there before (libvirt writes its own) stays. */
	if (!p->ct->has_conf)
		unlink(path);
}

static void show_config(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s/conf/%u.conf from %s", conf_dir(), p->ct->id,
		    p->ct->has_conf ? "the file that is there" :
		    p->create->config ? p->create->config : "built-in defaults");
}

static bool want_name(const struct ct_plan *p)
{
	return conf_str(p->ct->conf, P_NAME) != NULL;
}

static int step_name(struct ct_plan *p, struct vz_err *e)
{
	const char *name = conf_str(p->ct->conf, P_NAME);
	int r = conf_name_set(p->ct->id, name, NULL, e);

	if (r < 0)
		return r;
	vz_info("Name %s assigned", name);
	return 0;
}

static void undo_name(struct ct_plan *p)
{
	conf_name_set(p->ct->id, NULL, conf_str(p->ct->conf, P_NAME), VZ_IGNORE);
}

static void show_name(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s", conf_str(p->ct->conf, P_NAME));
}

static int step_create_hook(struct ct_plan *p, struct vz_err *e)
{
	return ct_hook(p->ct, "create", true, e);
}

static void show_create_hook(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s/conf/vps.create, if there", conf_dir());
}

static const struct ct_step create_steps[] = {
	{ "create.begin", step_begin, undo_begin, show_begin, NULL },
	{ "net.auto", step_auto, NULL, show_auto, want_auto },
	{ "tmpl.tree", step_template, NULL, show_template, want_tree },
	{ "ids.alloc", step_ids, undo_ids, show_ids, NULL },
	{ "store.create", step_area, undo_area, show_area, NULL },
	{ "conf.save", step_config, undo_config, show_config, NULL },
	{ "name.set", step_name, undo_name, show_name, want_name },
	{ "hook.create", step_create_hook, NULL, show_create_hook, NULL },
	{ "create.end", step_end, NULL, show_end, NULL },
};

static int step_vm_area(struct ct_plan *p, struct vz_err *e)
{
	vz_info("Creating virtual machine private area");
	return ct_vm_area_create(p, e);
}

static void show_vm_area(const struct ct_plan *p, struct vz_buf *b)
{
	_cleanup_free_ char *disks = vz_strv_join(p->create->disks, " ");

	vz_buf_addf(b, "%s, disks %s", p->ct->private, *disks ? disks : "none");
}

static const struct ct_step vm_create_steps[] = {
	{ "create.begin", step_begin, undo_begin, show_begin, NULL },
	{ "net.auto", step_auto, NULL, show_auto, want_auto },
	{ "ids.alloc", step_ids, undo_ids, show_ids, NULL },
	{ "vm.area", step_vm_area, undo_area, show_vm_area, NULL },
	{ "conf.save", step_config, undo_config, show_config, NULL },
	{ "name.set", step_name, undo_name, show_name, want_name },
	{ "hook.create", step_create_hook, NULL, show_create_hook, NULL },
	{ "create.end", step_end, NULL, show_end, NULL },
};

/* Built-in < vz.conf < sample or existing file < command line. */
static int compose(struct ct *ct, const struct ct_create_opts *o, struct vz_err *e)
{
	struct conf *sample;
	int r;

	if (ct->has_conf && o->config)
		return vz_fail(e, VZ_CP_CONFIG, 0,
			       "Config file of container %u exists: --config cannot replace it",
			       ct->id);
	if (!ct->has_conf && o->config) {
		r = conf_load_sample(o->config, &sample, e);
		if (r < 0)
			return r;
		conf_over_node(sample, ct->node, ct->id);
		conf_free(ct->conf);
		ct->conf = sample;
	}
	r = ct_netif_fill(ct, o->change, e);
	if (r == 0)
		r = conf_apply(ct->conf, o->change, e);
	if (r == 0 && conf_change_has(o->change, P_NETIF))
		r = ct_netif_check(ct, NULL, e);
	if (r == 0 && conf_change_has(o->change, P_NETDEV))
		r = ct_netdev_check(ct, NULL, e);
	if (r < 0)
		return r;
	ct->root = conf_str(ct->conf, P_VE_ROOT);
	ct->private = conf_str(ct->conf, P_VE_PRIVATE);
	return ct_nat_check(ct->conf, e);
}

static int record(struct ct *ct, const struct ct_create_opts *o, struct vz_err *e)
{
	static const enum param_id keep[] = { P_VE_ROOT, P_VE_PRIVATE, P_OSTEMPLATE, P_VE_LAYOUT };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keep); i++) {
		/* From vz.conf, with $VEID as written there: the file stands alone. */
		const char *v = conf_str(ct->node, keep[i]);

		if (ct_is_vm(ct->conf) && keep[i] != P_VE_ROOT && keep[i] != P_VE_PRIVATE)
			continue;

		if (keep[i] == P_OSTEMPLATE)
			v = conf_str(ct->conf, keep[i]);
		if (v && !conf_change_has(o->change, keep[i]) && !ct->has_conf)
			r = conf_change_set(o->change, keep[i], v, CONF_FILE, e);
	}
	if (r == 0 && o->config)
		r = conf_change_set(o->change, P_ORIGIN_SAMPLE, o->config, CONF_FILE, e);
	return r;
}

/* The node's layout, or what every kernel can do where it cannot do overlay. */
static const char *default_layout(const struct ct *ct)
{
	const char *def = conf_str(ct->node, P_VE_LAYOUT), *driver;
	struct vz_err why = VZ_ERR_INIT;

	if (!def)
		def = "overlay";
	if (!str_eq(def, "overlay") || store_layout_check(def, &driver, &why) == 0)
		return def;
	vz_info("WARNING: %s: using layout dir", why.msg);
	return "dir";
}

static int check_create(struct ct *ct, struct vz_err *e)
{
	const char *driver;
	struct stat st;
	int r;

	if (!ct->private || *ct->private != '/')
		return vz_fail(e, VZ_VE_PRIVATE_NOTSET, 0, "VE_PRIVATE is not set");
	if (stat(ct->private, &st) == 0 && store_detect(ct->private, &driver, VZ_IGNORE) == 0)
		return vz_fail(e, VZ_FS_PRVT_AREA_EXIST, 0, "Private area '%s' already exists",
			       ct->private);
	if (ct_is_vm(ct->conf))
		goto name;
	if (!conf_str(ct->conf, P_OSTEMPLATE)) {
		const char *def = conf_str(ct->node, P_DEF_OSTEMPLATE);

		if (!def)
			return vz_fail(e, VZ_VE_OSTEMPLATE_NOTSET, 0,
				       "OS template is not specified: use --ostemplate, or DEF_OSTEMPLATE in vz.conf");
		r = conf_set(ct->conf, P_OSTEMPLATE, def, CONF_FILE, e);
		if (r < 0)
			return r;
	}
	/* vz.conf's layout is for new containers only, so it is not merged. */
	if (!conf_has(ct->conf, P_VE_LAYOUT)) {
		r = conf_set(ct->conf, P_VE_LAYOUT, default_layout(ct), CONF_FILE, e);
		if (r < 0)
			return r;
	}
name:
	if (conf_str(ct->conf, P_NAME))
		return conf_name_check(conf_str(ct->conf, P_NAME), e);
	return 0;
}

/* One made of a template boots what vz.conf has for that; the file says so. */
static int vm_boot(struct ct *ct, struct conf_change *ch, struct vz_err *e)
{
	static const enum param_id ids[] = { P_KERNEL, P_INITRD, P_CMDLINE };
	int r = ct_vm_boot_default(ct, ct->conf, e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ids); i++)
		r = conf_change_set(ch, ids[i], conf_str(ct->conf, ids[i]), CONF_FILE, e);
	return r;
}

static int check_kind(struct ct *ct, const struct ct_create_opts *o, struct vz_err *e)
{
	const char *kind = conf_str(ct->conf, P_VE_TYPE);

	if (conf_change_has(o->change, P_VE_TYPE) && kind && !str_eq(kind, "ct") &&
	    !str_eq(kind, "vm"))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --kind: %s (ct or vm)", kind);
	if (!ct_is_vm(ct->conf) && o->disks->n)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "--disk is for virtual machines (--kind vm): this is a container");
	if (ct_is_vm(ct->conf) && (ct_vm_disks_check(o->disks, e) < 0))
		return -EINVAL;
	if (conf_change_has(o->change, P_DISKSPACE) && ct_is_vm(ct->conf) &&
	    !conf_change_has(o->change, P_OSTEMPLATE))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "--diskspace of a virtual machine needs --ostemplate (else: --disk SIZE)");
	if (ct_vm_check_change(ct->conf, o->change, e) < 0)
		return -EINVAL;
	if (!ct_is_vm(ct->conf) || !conf_change_has(o->change, P_OSTEMPLATE) ||
	    conf_str(ct->conf, P_KERNEL))
		return 0;
	return vm_boot(ct, o->change, e);
}

static int run_create(struct ct *ct, struct ct_plan *p, const struct ct_create_opts *o,
		      struct vz_err *e)
{
	bool vm = ct_is_vm(ct->conf);
	const struct ct_step *steps = vm ? vm_create_steps : create_steps;
	size_t n = vm ? ARRAY_SIZE(vm_create_steps) : ARRAY_SIZE(create_steps);
	const char *what = vm ? "Virtual machine" : "Container";
	int r = 0;

	p->store.layout = vm ? NULL : conf_str(ct->conf, P_VE_LAYOUT);
	if (!vm)
		r = store_layout_check(p->store.layout, &p->store.layout, e);
	if (r < 0)
		return r;
	if (o->dry_run) {
		ct_steps_show(steps, n, p, NULL);
		return 0;
	}
	ct_dist_forget(ct->id);
	r = ct_steps_run(steps, n, p, e);
	if (r < 0)
		return vz_wrap(e, r, "Creation of %s private area failed",
			       vm ? "virtual machine" : "container");
	vz_info("%s private area was created", what);
	return 0;
}

int ct_create(struct ct *ct, const struct ct_create_opts *o, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	_cleanup_close_ int lock = -EBADF;
	int r = o->dry_run ? 0 : ct_create_recover(ct, e);

	if (r < 0)
		return r;
	if (conf_change_has(o->change, P_NETIF) && !o->dry_run) {
		lock = ct_node_lock(ct, e);
		if (lock < 0)
			return lock;
	}
	r = ct_addrs_valid(o->change, e);
	if (r == 0)
		r = compose(ct, o, e);
	if (r == 0)
		r = check_kind(ct, o, e);
	if (r == 0)
		r = check_create(ct, e);
	if (r == 0)
		r = record(ct, o, e);
	if (r == 0)
		r = ct_plan_make(ct, "create", &p, e);
	if (r < 0)
		return r;
	p.create = o;
	p.node_lock = take_fd(&lock);
	return run_create(ct, &p, o, e);
}

/* ---- destroy --------------------------------------------------------------- */

static int step_forget(struct ct_plan *p, struct vz_err *e)
{
	const char *name = conf_str(p->ct->conf, P_NAME);

	if (name)
		conf_name_set(p->ct->id, NULL, name, VZ_IGNORE);
	ct_reboot_mark(p->ct->id, false);
	ct_dist_forget(p->ct->id);
	ct_traffic_forget(p->ct->id);
	if (ct_is_vm(p->ct->conf)) {
		_cleanup_free_ char *dump = ct_vm_dump(p->ct);

		unlink(dump);
	}
	return 0;
}

static void show_forget(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_adds(b, "name, stamp, boot mark");
}

static int step_rm_area(struct ct_plan *p, struct vz_err *e)
{
	int r;

	vz_info("Destroying container private area: %s", p->ct->private);
	r = store_destroy(&p->store, e);
	if (r < 0)
		return r;
	rmdir(p->ct->root);
	return 0;
}

static void show_rm_area(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s, by descriptors, never across mounts", p->ct->private);
}

static int step_rm_config(struct ct_plan *p, struct vz_err *e)
{
	int r = conf_destroy_ct(p->ct->id, e);

	if (r < 0)
		return r;
	ct_ids_free(p->ct->id);
	return 0;
}

static void show_rm_config(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s/conf/%u.* to *.destroyed", conf_dir(), p->ct->id);
}

static const struct ct_step destroy_steps[] = {
	{ "forget", step_forget, NULL, show_forget, NULL },
	{ "store.destroy", step_rm_area, NULL, show_rm_area, NULL },
	{ "conf.destroy", step_rm_config, NULL, show_rm_config, NULL },
};

int ct_destroy(struct ct *ct, const struct ct_destroy_opts *o, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	int r;

	if (ct_is_running(ct->slice, ct->id))
		return vz_fail(e, VZ_VE_RUNNING, 0,
			       "Container is currently running. Stop it first.");
	r = ct_plan_make(ct, "destroy", &p, e);
	if (r < 0)
		return r;
	if (ct_is_mounted(ct->root) && !o->force)
		return vz_fail(e, VZ_FS_MOUNTED, 0,
			       "Container is currently mounted (umount first)");
	if (o->dry_run) {
		ct_steps_show(destroy_steps, ARRAY_SIZE(destroy_steps), &p, NULL);
		return 0;
	}
	r = ct_umount_root(&p, true, e);
	if (r == 0)
		r = ct_cleanup(&p, false, e);
	if (r == 0)
		r = ct_steps_run(destroy_steps, ARRAY_SIZE(destroy_steps), &p, e);
	if (r < 0)
		return r;
	net_tidy();
	vz_info("Container private area was destroyed");
	return 0;
}
