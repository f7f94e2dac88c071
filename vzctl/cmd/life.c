// SPDX-License-Identifier: GPL-2.0-or-later
/* create, destroy, start, stop, restart, mount, umount, suspend, repair. */
#define VZ_ROOM "cmd"
#include <stdio.h>

#include "base/log.h"
#include "base/num.h"
#include "cmd/cmd.h"

static void change_freep(struct conf_change **ch)
{
	conf_change_free(*ch);
}

/* --disk may be given often, and twice the same: lists of parameters are sets. */
static int take_disks(int *argc, char **argv, struct vz_strv *ret, struct vz_err *e)
{
	int n = 0;

	for (int i = 0; i < *argc; i++) {
		if (str_eq(argv[i], "--disk")) {
			if (i + 1 == *argc)
				return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
					       "option '--disk' requires an argument");
			vz_strv_add(ret, argv[++i]);
		} else if (strncmp(argv[i], "--disk=", 7) == 0) {
			vz_strv_add(ret, argv[i] + 7);
		} else {
			argv[n++] = argv[i];
		}
	}
	*argc = n;
	return 0;
}

int cmd_create(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_(change_freep) struct conf_change *ch = conf_change_new();
	_cleanup_strv_ struct vz_strv disks = VZ_STRV_INIT;
	struct ct_create_opts o = { .change = ch, .disks = &disks };
	_cleanup_ct_ struct ct ct = CT_INIT;
	const struct conf_extra_opt extra[] = {
		{ .name = "config", .has_arg = true, .value = &o.config },
		{ .name = "dry-run", .flag = &o.dry_run },
	};
	int r = take_disks(&argc, argv, &disks, e);

	if (r == 0)
		r = conf_parse_args(argc, argv, WHEN_CREATE, extra, ARRAY_SIZE(extra), ch, e);
	if (r < 0)
		return r;
	r = cmd_open(c, &ct, CT_LOCK | CT_NO_CONF, e);
	if (r < 0)
		return r;
	if (!o.config && !ct.has_conf)
		o.config = conf_str(ct.node, P_CONFIGFILE);
	return ct_create(&ct, &o, e);
}

int cmd_destroy(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct ct_destroy_opts o = { 0 };
	const struct cmd_opt opts[] = { { "force", &o.force, NULL },
					{ "purge", &o.purge, NULL },
					{ "dry-run", &o.dry_run, NULL } };
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, CT_LOCK, e);

	return r < 0 ? r : ct_destroy(&ct, &o, e);
}

#define START_OPTS(o)                                                                        \
	{ "force", &(o).force, NULL }, { "wait", &(o).wait, NULL },                          \
	{ "skip-ve-setup", &(o).skip_ve_setup, NULL }, { "skip-fsck", &(o).skip_fsck, NULL }, \
	{ "skip-remount", &(o).skip_remount, NULL }
#define STOP_OPTS(o) { "fast", &(o).fast, NULL }, { "skip-umount", &(o).skip_umount, NULL }

int cmd_start(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct ct_start_opts o = { 0 };
	const struct cmd_opt opts[] = { START_OPTS(o), { "dry-run", &o.dry_run, NULL } };
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, CT_LOCK, e);

	return r < 0 ? r : ct_start(&ct, &o, e);
}

int cmd_stop(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct ct_stop_opts o = { 0 };
	const struct cmd_opt opts[] = { STOP_OPTS(o), { "dry-run", &o.dry_run, NULL } };
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, CT_LOCK, e);

	return r < 0 ? r : ct_stop(&ct, &o, e);
}

int cmd_restart(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct ct_start_opts start = { 0 };
	struct ct_stop_opts stop = { 0 };
	const struct cmd_opt opts[] = { START_OPTS(start), STOP_OPTS(stop) };
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, CT_LOCK, e);

	if (r < 0)
		return r;
	vz_info("Restarting container");
	if (ct_is_running(ct.slice, ct.id)) {
		r = ct_stop(&ct, &stop, e);
		if (r < 0)
			return r;
	}
	return ct_start(&ct, &start, e);
}

int cmd_mount(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	bool dry = false;
	const struct cmd_opt opts[] = { { "dry-run", &dry, NULL } };
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, CT_LOCK, e);

	return r < 0 ? r : ct_mount(&ct, dry, e);
}

int cmd_umount(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	bool dry = false;
	const struct cmd_opt opts[] = { { "dry-run", &dry, NULL } };
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, CT_LOCK, e);

	return r < 0 ? r : ct_umount(&ct, dry, e);
}

int cmd_repair(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, NULL, 0, &ct, CT_LOCK | CT_NO_CONF, e);

	return r < 0 ? r : ct_repair(&ct, e);
}

int cmd_set(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_(change_freep) struct conf_change *ch = conf_change_new();
	_cleanup_conf_ struct conf *sample = NULL;
	struct ct_set_opts o = { .change = ch };
	const char *apply = NULL, *apply_map = NULL;
	const struct conf_extra_opt extra[] = {
		{ .name = "save", .flag = &o.save },
		{ .name = "force", .flag = &o.force },
		{ .name = "reset_ub", .flag = &o.reset_ub },
		{ .name = "dry-run", .flag = &o.dry_run },
		{ .name = "skip_arpdetect", .flag = &o.skip_arpdetect },
		{ .name = "setmode", .has_arg = true, .value = &o.setmode },
		{ .name = "userpasswd", .has_arg = true, .value = &o.userpasswd },
		{ .name = "disk_resize", .has_arg = true, .value = &o.disk_resize },
		{ .name = "applyconfig", .has_arg = true, .value = &apply },
		{ .name = "applyconfig_map", .has_arg = true, .value = &apply_map },
	};
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = conf_parse_args(argc, argv, WHEN_SET, extra, ARRAY_SIZE(extra), ch, e);

	if (r < 0)
		return r;
	if (o.reset_ub && (o.save || !conf_change_empty(ch)))
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "--reset_ub takes no other parameter");
	if ((o.force || o.setmode) && !o.save)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "%s needs --save", o.force ? "--force" : "--setmode");
	if (o.setmode && !str_eq(o.setmode, "restart") && !str_eq(o.setmode, "ignore"))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --setmode: %s (restart or ignore)", o.setmode);
	if (apply_map && !str_eq(apply_map, "name"))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --applyconfig_map: %s", apply_map);
	if (apply) {
		r = conf_load_sample(apply, &sample, e);
		if (r < 0) {
			e->code = VZ_APPLY_CONFIG_ERROR;
			return r;
		}
		conf_change_sample(ch, sample);
		r = conf_change_set(ch, P_ORIGIN_SAMPLE, apply, CONF_FILE, e);
		if (r < 0)
			return r;
	}
	r = cmd_open(c, &ct, CT_LOCK | CT_NO_CONF | CT_ALLOW_0, e);
	return r < 0 ? r : ct_set(&ct, &o, e);
}

/* Freezing in place works; a dump of processes to disk is not there yet. */
static int freeze(const struct cmd_ctx *c, bool on, struct vz_err *e)
{
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open(c, &ct, CT_LOCK, e);

	if (r < 0)
		return r;
	if (!ct_is_running(ct.slice, ct.id))
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0, "Container is not running");
	return ct_freeze(&ct, on, e);
}

struct cpt_opts {
	bool suspend, resume, dump, kill, undump, skip;
	const char *dumpfile, *flags, *context;
};

static int cpt_parse(int argc, char **argv, struct cpt_opts *o, struct vz_err *e)
{
	const struct cmd_opt opts[] = {
		{ "suspend", &o->suspend, NULL }, { "resume", &o->resume, NULL },
		{ "dump", &o->dump, NULL },	  { "kill", &o->kill, NULL },
		{ "undump", &o->undump, NULL },	  { "dumpfile", NULL, &o->dumpfile },
		{ "flags", NULL, &o->flags },	  { "context", NULL, &o->context },
		{ "skip-arpdetect", &o->skip, NULL }, { "skip-remount", &o->skip, NULL },
		{ "skip-fsck", &o->skip, NULL },
	};
	int r = cmd_options(argc, argv, opts, ARRAY_SIZE(opts), e);

	if (r == 0 && o->suspend + o->resume + o->dump + o->kill + o->undump > 1)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "Only one of --suspend, --resume, --dump, --undump, --kill is allowed");
	return r;
}

/* To disk: virtual machines only. */
static int to_disk(const struct cmd_ctx *c, bool suspend, struct vz_err *e)
{
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open(c, &ct, CT_LOCK, e);

	if (r < 0)
		return r;
	if (ct_is_vm(ct.conf))
		return suspend ? ct_vm_suspend(&ct, e) : ct_vm_resume(&ct, e);
	return vz_fail(e, suspend ? VZ_CHKPNT_ERROR : VZ_RESTORE_ERROR, 0, suspend ?
		       "Suspending to disk is not supported yet; --suspend freezes the container in memory, --resume thaws it" :
		       "Resuming from disk is not supported yet; --resume thaws a frozen container");
}

int cmd_suspend(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct cpt_opts o = { 0 };
	int r = cpt_parse(argc, argv, &o, e);

	if (r < 0)
		return r;
	if (o.suspend || o.resume)
		return freeze(c, o.suspend, e);
	if (o.dump || o.kill || o.undump || o.dumpfile)
		return vz_fail(e, VZ_CHKPNT_ERROR, 0,
			       "--dump, --undump, --kill and --dumpfile are not supported");
	return to_disk(c, true, e);
}

int cmd_resume(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct cpt_opts o = { 0 };
	int r = cpt_parse(argc, argv, &o, e);

	if (r < 0)
		return r;
	if (o.resume)
		return freeze(c, false, e);
	if (o.dump || o.kill || o.undump || o.dumpfile)
		return vz_fail(e, VZ_RESTORE_ERROR, 0,
			       "--dump, --undump, --kill and --dumpfile are not supported");
	return to_disk(c, false, e);
}

int cmd_convert(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	const char *kind = NULL, *layout = NULL;
	const struct cmd_opt opts[] = { { "kind", NULL, &kind }, { "layout", NULL, &layout } };
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_options(argc, argv, opts, ARRAY_SIZE(opts), e);

	if (r < 0)
		return r;
	/* 4.x's, between simfs and ploop. */
	if (layout || !kind)
		return vz_fail(e, layout ? VZ_IMAGE_CONVERT : VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "%s", layout ? "Converting between layouts is not supported" :
					      "--kind ct or --kind vm is required");
	r = cmd_open(c, &ct, CT_LOCK, e);
	return r < 0 ? r : ct_convert(&ct, kind, e);
}

int cmd_register(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct cmd_ctx with = *c;
	_cleanup_ct_ struct ct ct = CT_INIT;
	char text[16];
	uint32_t id;
	int r;

	if (argc < 1 || argc > 2)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "The bundle's directory is required, and perhaps a number for it");
	if (argc == 2 && num_parse_ctid(argv[1], &id) < 0)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "Invalid CTID: %s", argv[1]);
	r = argc == 2 ? 0 : ct_vm_bundle_id(argv[0], &id, e);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%u", id);
	with.ctid = text;
	r = cmd_open(&with, &ct, CT_LOCK | CT_NO_CONF, e);
	return r < 0 ? r : ct_vm_register(&ct, argv[0], e);
}

int cmd_quota(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, NULL, 0, &ct, CT_LOCK, e);

	if (r < 0)
		return r;
	/* Project quota is always on: there is nothing to switch per container. */
	vz_info("Disk quota is not enabled, skipping operation");
	return 0;
}

int cmd_unsupported(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	static const struct {
		const char *name;
		enum vz_code code;
	} codes[] = {
		{ "snapshot-mount", VZ_SNAP_MOUNT }, { "snapshot-umount", VZ_SNAP_UMOUNT },
		{ "compact", VZ_COMPACT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (str_eq(codes[i].name, c->name))
			return vz_fail(e, codes[i].code, 0,
				       "Command '%s' is not supported by this version", c->name);
	return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "Bad command: %s", c->name);
}

/* _exited CTID INIT STATUS: the monitor's last act. */
int cmd_exited(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct cmd_ctx wait = *c;
	_cleanup_ct_ struct ct ct = CT_INIT;
	uint32_t init, status;
	int r;

	if (argc != 2 || num_parse_u32(argv[0], &init) < 0 || num_parse_u32(argv[1], &status) < 0)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "Invalid options");
	wait.lock_wait_ms = -1;
	r = cmd_open(&wait, &ct, CT_LOCK, e);
	return r < 0 ? r : ct_exited(&ct, (pid_t)init, (int)status, e);
}

/* _hits CTID: a counter of limits that were hit has moved. */
int cmd_hits(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, NULL, 0, &ct, 0, e);

	if (r == 0)
		ct_hits_log(&ct);
	return r;
}
