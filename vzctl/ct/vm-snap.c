// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Snapshots of a virtual machine: SNAP/UUID in the private area holds copies of the disks
 * (clones where the file system has them), of the configuration and, of one that ran, its
 * memory.  A copy needs nothing of what it was made from, so nothing can invalidate it.
 *
 * Crashes: a snapshot that is made or deleted has a name that is none (UUID.new, UUID.del)
 * until it is whole, or after it is not; SNAP/switch says that going back to one has
 * begun, and whoever comes next does it again from the start, which is always possible.
 */
#define VZ_ROOM "ct"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "ct/vm.h"
#include "sys/rmtree.h"
#include "sys/syscalls.h"

#define SNAP_MS (1800 * 1000)
#define META_MAX 8192
#define SNAP_TEXT_MAX 1024
#define CONF_MAX (1u << 20)

struct ct_snap_job {
	const struct ct_snap_opts *o;
	char id[CT_SNAP_ID];
	int area, snap;		/* directories */
	bool running, mem;
	enum vz_code code;
};

/* ---- names and files ----------------------------------------------------------- */

/* With or without braces, in lower case; false: none. */
static bool parse_id(const char *text, char ret[CT_SNAP_ID])
{
	size_t n = strlen(text);

	if (n == CT_SNAP_ID + 1 && text[0] == '{' && text[n - 1] == '}')
		text++;
	else if (n != CT_SNAP_ID - 1)
		return false;
	for (size_t i = 0; i < CT_SNAP_ID - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
		ret[i] = (char)tolower((unsigned char)text[i]);
	}
	ret[CT_SNAP_ID - 1] = '\0';
	return true;
}

static int new_id(char ret[CT_SNAP_ID])
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return -EIO;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(ret, CT_SNAP_ID,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		 b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
		 b[14], b[15]);
	return 0;
}

static int open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Owned by the caller; NULL: no such line.  The file is as good as the bundle it came with. */
static char *meta_get(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (; text && *text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL) {
		char *v;

		if (strncmp(text, key, n) != 0 || text[n] != '=')
			continue;
		v = xasprintf("%.*s", (int)strcspn(text + n + 1, "\n"), text + n + 1);
		for (char *s = v; *s; s++)
			if ((unsigned char)*s < ' ' || *s == 0x7f)
				*s = '?';
		return v;
	}
	return NULL;
}

static int read_meta(int snap, const char *id, struct ct_snap *ret)
{
	_cleanup_free_ char *path = xasprintf("%s/meta", id), *parent = NULL, *date = NULL;
	_cleanup_free_ char *mem = xasprintf("%s/mem", id);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r = io_read_file_at(snap, path, &b, META_MAX);

	if (r < 0)
		return r;
	*ret = (struct ct_snap){ .mem = faccessat(snap, mem, F_OK, AT_SYMLINK_NOFOLLOW) == 0 };
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	parent = meta_get(vz_buf_str(&b), "parent");
	if (!parent || !parse_id(parent, ret->parent))
		*ret->parent = '\0';
	date = meta_get(vz_buf_str(&b), "date");
	ret->date = date ? atoll(date) : 0;
	ret->name = meta_get(vz_buf_str(&b), "name");
	ret->description = meta_get(vz_buf_str(&b), "description");
	return 0;
}

static int write_meta(int snap, const char *dir, const struct ct_snap *s)
{
	_cleanup_free_ char *path = xasprintf("%s/meta", dir);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;

	vz_buf_addf(&b, "parent=%s\ndate=%lld\nname=%s\ndescription=%s\n", s->parent, s->date,
		    s->name ? s->name : "", s->description ? s->description : "");
	return io_write_atomic_at(snap, path, b.s, b.len, 0600, 0);
}

/* What the state now comes from: "" for none. */
static void read_current(int snap, char ret[CT_SNAP_ID])
{
	char buf[64] = "";

	if (io_read_small_at(snap, "current", buf, sizeof(buf)) <= 0 || !parse_id(buf, ret))
		*ret = '\0';
}

static int write_current(int snap, const char *id)
{
	return io_write_atomic_at(snap, "current", id, strlen(id), 0600, 0);
}

static void free_snap(struct ct_snap *s)
{
	free(s->name);
	free(s->description);
}

void ct_vm_snaps_free(struct ct_snap *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_snap(&v[i]);
	free(v);
}

static int by_date(const void *a, const void *b)
{
	const struct ct_snap *x = a, *y = b;

	return x->date != y->date ? (x->date < y->date ? -1 : 1) : strcmp(x->id, y->id);
}

static void load_all(int snap, struct ct_snap **ret, size_t *ret_n)
{
	int fd = open_dir(snap, ".");
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char current[CT_SNAP_ID], id[CT_SNAP_ID];
	struct ct_snap *v = NULL;
	struct dirent *de;
	size_t n = 0;

	read_current(snap, current);
	while (d && (de = readdir(d))) {
		struct ct_snap s;

		if (!parse_id(de->d_name, id) || !str_eq(id, de->d_name) ||
		    read_meta(snap, id, &s) < 0)
			continue;
		s.current = str_eq(s.id, current);
		v = xgrow(v, n, sizeof(*v));
		v[n++] = s;
	}
	if (d)
		closedir(d);
	if (n)
		qsort(v, n, sizeof(*v), by_date);
	*ret = v;
	*ret_n = n;
}

/* ---- going back: what SNAP/switch has begun ------------------------------------- */

static int clone_to(int from, const char *name, int to, const char *as)
{
	_cleanup_close_ int src = openat(from, name,
					 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_close_ int dst = -EBADF;
	struct stat st;
	int r;

	if (src < 0)
		return -errno;
	if (fstat(src, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	dst = openat(to, as, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = dst < 0 ? -errno : io_clone(src, dst, ct_cancelled);
	return r == 0 && fsync(dst) < 0 ? -errno : r;
}

/* Every disk of one directory, in another. */
static int clone_disks(int from, int to, struct vz_err *e, enum vz_code code)
{
	int dup = open_dir(from, "."), r = 0;
	DIR *d = dup < 0 ? NULL : fdopendir(dup);
	struct dirent *de;

	if (!d)
		return vz_fail(e, code, errno, "Unable to read the disks");
	while (r == 0 && (de = readdir(d))) {
		if (!ct_vm_format(de->d_name))
			continue;
		r = clone_to(from, de->d_name, to, de->d_name);
		if (r < 0)
			vz_fail(e, code, -r, "Unable to copy disk '%s'", de->d_name);
	}
	closedir(d);
	if (r == 0 && fsync(to) < 0)
		r = vz_fail(e, code, errno, "Unable to write the disks");
	return r;
}

static int prepare_disks(int area, int src, struct vz_err *e)
{
	_cleanup_close_ int from = open_dir(src, "disks"), to = -EBADF;
	int r = sys_rmtree_at(area, "disks.new", e);

	if (r < 0)
		return r;
	if (from < 0 || mkdirat(area, "disks.new", 0700) < 0)
		return vz_fail(e, VZ_SNAP_SWITCH, from < 0 ? -from : errno,
			       "Unable to make 'disks.new'");
	to = open_dir(area, "disks.new");
	return to < 0 ? to : clone_disks(from, to, e, VZ_SNAP_SWITCH);
}

/* A link where it can be one: whoever loads it only removes the name. */
static int place_mem(int src, const char *dump)
{
	_cleanup_free_ char *tmp = xasprintf("%s.new", dump), *dir = xstrdup(dump);
	int r;

	*strrchr(dir, '/') = '\0';
	r = io_mkdir_p(dir, 0700);
	unlink(tmp);
	if (r == 0 && linkat(src, "mem", AT_FDCWD, tmp, 0) < 0)
		r = clone_to(src, "mem", AT_FDCWD, tmp);
	if (r == 0 && (rename(tmp, dump) < 0 || io_sync_parent(dump) < 0))
		r = -errno;
	return r < 0 ? r : 0;
}

static int restore_conf(const struct ct *ct, int src)
{
	_cleanup_free_ char *path = conf_ct_path(ct->id);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r = io_read_file_at(src, "ve.conf", &b, CONF_MAX);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return io_write_atomic_at(AT_FDCWD, path, vz_buf_str(&b), b.len, 0644, 0);
}

/* From here on it is the snapshot's, and only that. */
static int commit_switch(const struct ct *ct, int area, int src, const char *how, struct vz_err *e)
{
	_cleanup_free_ char *dump = ct_vm_dump(ct);
	int r = io_unlink_sync(dump);

	/* Saved memory goes before its disks do, and comes after them. */
	if (r < 0)
		return vz_fail(e, VZ_SNAP_SWITCH, -r, "Unable to remove '%s'", dump);
	if (renameat2(area, "disks.new", area, "disks", RENAME_EXCHANGE) < 0 || fsync(area) < 0)
		return vz_fail(e, VZ_SNAP_SWITCH, errno, "Unable to exchange the disks");
	r = sys_rmtree_at(area, "disks.new", e);
	if (r < 0)
		return r;
	r = strchr(how, 'm') ? place_mem(src, dump) : 0;
	if (r < 0)
		return vz_fail(e, VZ_SNAP_SWITCH, -r, "Unable to write '%s'", dump);
	r = strchr(how, 'c') ? restore_conf(ct, src) : 0;
	return r < 0 ? vz_fail(e, VZ_SNAP_SWITCH, -r, "Unable to restore the configuration") : 0;
}

static int finish_switch(const struct ct *ct, int area, int snap, struct vz_err *e)
{
	_cleanup_close_ int src = -EBADF;
	char id[CT_SNAP_ID], word[CT_SNAP_ID], buf[64] = "", how[8] = "";
	int r;

	if (io_read_small_at(snap, "switch", buf, sizeof(buf)) <= 0)
		return 0;
	if (sscanf(buf, "%36s %7s", word, how) < 1 || !parse_id(word, id))
		return vz_fail(e, VZ_SNAP_SWITCH, 0, "'%s/snap/switch' is damaged", ct->private);
	src = open_dir(snap, id);
	r = src < 0 ? vz_fail(e, VZ_SNAP_SWITCH, -src, "Snapshot {%s}", id) :
		      prepare_disks(area, src, e);
	if (r < 0) {
		/* Nothing has changed yet: it is not to be done again. */
		(void)sys_rmtree_at(area, "disks.new", VZ_IGNORE);
		unlinkat(snap, "switch", 0);
		return r;
	}
	r = commit_switch(ct, area, src, how, e);
	if (r < 0)
		return r;
	ct_vm_twin(ct);
	r = write_current(snap, id);
	if (r < 0 || unlinkat(snap, "switch", 0) < 0 || fsync(snap) < 0)
		return vz_fail(e, VZ_SNAP_SWITCH, r < 0 ? -r : errno, "Unable to write '%s/snap'",
			       ct->private);
	return 1;
}

int ct_vm_snap_finish(const struct ct *ct, struct vz_err *e)
{
	_cleanup_close_ int area = -EBADF, snap = -EBADF;

	if (!ct->private)
		return 0;
	area = open_dir(AT_FDCWD, ct->private);
	snap = area < 0 ? area : open_dir(area, "snap");
	return snap < 0 ? 0 : finish_switch(ct, area, snap, e);
}

/* ---- all commands ------------------------------------------------------------------- */

/* What a create or delete that was killed has left. */
static void sweep(int snap)
{
	int fd = open_dir(snap, ".");
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (d && (de = readdir(d))) {
		const char *dot = strrchr(de->d_name, '.');

		if (dot && (str_eq(dot, ".new") || str_eq(dot, ".del")))
			(void)sys_rmtree_at(snap, de->d_name, VZ_IGNORE);
	}
	if (d)
		closedir(d);
}

static int need_vm(const struct ct *ct, enum vz_code code, struct vz_err *e)
{
	if (!ct->has_conf)
		return vz_fail(e, VZ_NOVECONFIG, 0, "Container config file does not exist");
	if (ct_is_vm(ct->conf))
		return 0;
	return vz_fail(e, code, 0, "Snapshots of containers are not supported by this version");
}

static int begin(struct ct *ct, struct ct_snap_job *j, struct vz_err *e)
{
	int r = need_vm(ct, j->code, e);

	if (r < 0)
		return r;
	j->area = open_dir(AT_FDCWD, ct->private ? ct->private : "");
	if (j->area < 0)
		return vz_fail(e, VZ_FS_NOPRVT, -j->area, "Private area '%s'", ct->private);
	if (mkdirat(j->area, "snap", 0700) < 0 && errno != EEXIST)
		return vz_fail(e, j->code, errno, "Unable to make '%s/snap'", ct->private);
	j->snap = open_dir(j->area, "snap");
	if (j->snap < 0)
		return vz_fail(e, j->code, -j->snap, "'%s/snap'", ct->private);
	j->running = ct_is_running(ct->slice, ct->id);
	if (!j->running) {
		r = finish_switch(ct, j->area, j->snap, e);
		if (r > 0)
			r = ct_reload(ct, e);
		if (r < 0)
			return r;
	}
	sweep(j->snap);
	return 0;
}

static void end(struct ct_snap_job *j)
{
	close_fd(&j->area);
	close_fd(&j->snap);
}

#define JOB(o_, code_) { .o = (o_), .area = -EBADF, .snap = -EBADF, .code = (code_) }

static int given_id(struct ct_snap_job *j, struct vz_err *e)
{
	if (!j->o->id)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "--id is required");
	if (!parse_id(j->o->id, j->id))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --id: %s (a UUID)", j->o->id);
	if (faccessat(j->snap, j->id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return vz_fail(e, j->code, 0, "Unable to find snapshot by uuid {%s}", j->id);
	return 0;
}

static int run_steps(struct ct *ct, struct ct_snap_job *j, const char *command,
		     const struct ct_step *steps, size_t n, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	int r = ct_plan_make(ct, command, &p, e);

	p.snap = j;
	return r < 0 ? r : ct_steps_run(steps, n, &p, e);
}

/* ---- snapshot ------------------------------------------------------------------------- */

static int bad_text(const char *opt, const char *s, struct vz_err *e)
{
	if (s && (strlen(s) > SNAP_TEXT_MAX || strpbrk(s, "\n\r")))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --%s: one line of at most %d bytes", opt,
			       SNAP_TEXT_MAX);
	return 0;
}

static char *new_name(const struct ct_snap_job *j)
{
	return xasprintf("%s.new", j->id);
}

static int step_copy(struct ct_plan *p, struct vz_err *e)
{
	struct ct_snap_job *j = p->snap;
	_cleanup_free_ char *name = new_name(j);
	_cleanup_free_ char *path = xasprintf("%s/snap/%s", p->ct->private, name);
	_cleanup_free_ char *disks = vz_strv_join(conf_list(p->ct->conf, P_DISKS), "\n");
	_cleanup_close_ int dir = -EBADF, from = -EBADF, to = -EBADF;
	_cleanup_free_ char *text = NULL;

	if (mkdirat(j->snap, name, 0700) == 0)
		dir = open_dir(j->snap, name);
	if (dir < 0 || mkdirat(dir, "disks", 0700) < 0)
		return vz_fail(e, VZ_SNAP_CREATE, errno, "Unable to make '%s'", path);
	if (j->running) {
		text = xasprintf("%s\n%s", j->mem ? "mem" : "disks", disks);
		return ct_vm_ask(p->ct, "snap", path, text, strlen(text), SNAP_MS, NULL, e);
	}
	from = open_dir(j->area, "disks");
	to = open_dir(dir, "disks");
	if (from < 0 || to < 0)
		return vz_fail(e, VZ_SNAP_CREATE, errno, "Unable to open the disks");
	return clone_disks(from, to, e, VZ_SNAP_CREATE);
}

static void undo_copy(struct ct_plan *p)
{
	_cleanup_free_ char *name = new_name(p->snap);

	(void)sys_rmtree_at(p->snap->snap, name, VZ_IGNORE);
}

static void show_copy(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s/snap/%s", p->ct->private, p->snap->id);
}

static int copy_conf(const struct ct_plan *p, const char *name)
{
	_cleanup_free_ char *from = conf_ct_path(p->ct->id), *to = xasprintf("%s/ve.conf", name);

	return clone_to(AT_FDCWD, from, p->snap->snap, to);
}

static int step_commit(struct ct_plan *p, struct vz_err *e)
{
	struct ct_snap_job *j = p->snap;
	_cleanup_free_ char *name = new_name(j);
	struct ct_snap s = { .date = time(NULL), .name = (char *)j->o->name,
			     .description = (char *)j->o->description };
	_cleanup_close_ int dir = open_dir(j->snap, name);
	int r;

	read_current(j->snap, s.parent);
	r = j->o->skip_config ? 0 : copy_conf(p, name);
	if (r == 0)
		r = write_meta(j->snap, name, &s);
	if (r == 0 && (dir < 0 || fsync(dir) < 0 ||
		       renameat2(j->snap, name, j->snap, j->id, RENAME_NOREPLACE) < 0 ||
		       fsync(j->snap) < 0))
		r = -errno;
	if (r == 0)
		r = write_current(j->snap, j->id);
	return r < 0 ? vz_fail(e, VZ_SNAP_CREATE, -r, "Unable to write snapshot {%s}", j->id) : 0;
}

static void show_commit(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "{%s} is there", p->snap->id);
}

static const struct ct_step create_steps[] = {
	{ "snap.copy", step_copy, undo_copy, show_copy, NULL },
	{ "snap.commit", step_commit, NULL, show_commit, NULL },
};

static int check_create(struct ct *ct, struct ct_snap_job *j, struct vz_err *e)
{
	_cleanup_free_ char *dump = ct_vm_dump(ct);
	int r = bad_text("name", j->o->name, e);

	if (r == 0)
		r = bad_text("description", j->o->description, e);
	if (r < 0)
		return r;
	if (!j->running && io_exists(dump))
		return vz_fail(e, VZ_SNAP_CREATE, 0,
			       "The virtual machine is suspended: resume it first");
	if (j->o->id && !parse_id(j->o->id, j->id))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --id: %s (a UUID)", j->o->id);
	if (!j->o->id && new_id(j->id) < 0)
		return vz_fail(e, VZ_SNAP_CREATE, EIO, "No random number");
	if (faccessat(j->snap, j->id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return vz_fail(e, VZ_SNAP_CREATE, 0, "Snapshot {%s} already exists", j->id);
	return 0;
}

int ct_vm_snapshot(struct ct *ct, const struct ct_snap_opts *o, struct vz_err *e)
{
	_cleanup_(end) struct ct_snap_job j = JOB(o, VZ_SNAP_CREATE);
	int r = begin(ct, &j, e);

	if (r == 0)
		r = check_create(ct, &j, e);
	if (r < 0)
		return r;
	j.mem = j.running && !o->skip_suspend;
	vz_info("Creating snapshot {%s}", j.id);
	r = run_steps(ct, &j, "snapshot", create_steps, ARRAY_SIZE(create_steps), e);
	if (r < 0) {
		e->code = e->code == VZ_VM_ERROR ? VZ_SNAP_CREATE : e->code;
		return vz_wrap(e, r, "Failed to create snapshot");
	}
	vz_info("Snapshot {%s} has been successfully created", j.id);
	return 0;
}

/* ---- switch --------------------------------------------------------------------------- */

static int check_image(int disks, const char *name, struct vz_err *e)
{
	_cleanup_close_ int fd = openat(disks, name,
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (!ct_vm_format(name) || strchr(name, '/') || fd < 0)
		return vz_fail(e, VZ_SNAP_SWITCH, fd < 0 ? errno : 0,
			       "The snapshot has no disk '%s'", name);
	return ct_vm_image_check(fd, ct_vm_format(name), name, e);
}

/* The disks that the configuration will have are in the snapshot, and are images. */
static int check_snap(struct ct *ct, struct ct_snap_job *j, struct vz_err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/snap/%s/ve.conf", ct->private, j->id);
	_cleanup_free_ char *sub = xasprintf("%s/disks", j->id);
	_cleanup_strv_ struct vz_strv problems = VZ_STRV_INIT;
	_cleanup_close_ int disks = open_dir(j->snap, sub);
	_cleanup_conf_ struct conf *c = NULL;
	const struct vz_strv *l = conf_list(ct->conf, P_DISKS);
	int r = 0;

	if (disks < 0)
		return vz_fail(e, VZ_SNAP_SWITCH, -disks, "Snapshot {%s} has no disks", j->id);
	if (!j->o->skip_config && io_exists(path)) {
		r = conf_check_file(path, &c, &problems, e);
		if (r < 0)
			return r;
		if (!ct_is_vm(c))
			return vz_fail(e, VZ_SNAP_SWITCH, 0,
				       "The configuration of snapshot {%s} is no virtual machine's",
				       j->id);
		l = conf_list(c, P_DISKS);
	}
	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = check_image(disks, l->v[i], e);
	return r;
}

static int step_end(struct ct_plan *p, struct vz_err *e)
{
	const struct ct_stop_opts o = { .fast = true };

	return p->snap->running ? ct_stop(p->ct, &o, e) : 0;
}

static void show_end(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_adds(b, "stop");
}

static int step_journal(struct ct_plan *p, struct vz_err *e)
{
	struct ct_snap_job *j = p->snap;
	_cleanup_free_ char *text = xasprintf("%s %s%s-\n", j->id, j->o->skip_config ? "" : "c",
					      j->mem ? "m" : "");
	int r = io_write_atomic_at(j->snap, "switch", text, strlen(text), 0600, 0);

	return r < 0 ? vz_fail(e, VZ_SNAP_SWITCH, -r, "Unable to write '%s/snap/switch'",
			       p->ct->private) : 0;
}

static int step_finish(struct ct_plan *p, struct vz_err *e)
{
	int r = finish_switch(p->ct, p->snap->area, p->snap->snap, e);

	return r < 0 ? r : 0;
}

static const struct ct_step switch_steps[] = {
	{ "snap.stop", step_end, NULL, show_end, NULL },
	{ "snap.begin", step_journal, NULL, show_commit, NULL },
	{ "snap.finish", step_finish, NULL, show_commit, NULL },
};

int ct_vm_snap_switch(struct ct *ct, const struct ct_snap_opts *o, struct vz_err *e)
{
	_cleanup_(end) struct ct_snap_job j = JOB(o, VZ_SNAP_SWITCH);
	_cleanup_free_ char *mem = NULL;
	bool has_mem;
	int r = begin(ct, &j, e);

	if (r == 0)
		r = given_id(&j, e);
	if (r == 0)
		r = check_snap(ct, &j, e);
	if (r < 0)
		return r;
	mem = xasprintf("%s/mem", j.id);
	has_mem = faccessat(j.snap, mem, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (o->must_resume && !has_mem)
		return vz_fail(e, VZ_SNAP_SWITCH, 0, "Snapshot {%s} has no memory", j.id);
	j.mem = has_mem && !o->skip_resume;
	vz_info("Switching to snapshot {%s}", j.id);
	r = run_steps(ct, &j, "snapshot-switch", switch_steps, ARRAY_SIZE(switch_steps), e);
	if (r == 0)
		r = ct_reload(ct, e);
	if (r < 0)
		return vz_wrap(e, r, "Failed to switch to snapshot");
	if (j.mem)
		r = ct_vm_resume(ct, e);
	if (r == 0)
		vz_info("Virtual machine has been successfully switched to another snapshot");
	return r;
}

/* ---- delete, list ------------------------------------------------------------------------ */

/* Those that were made from it are its parent's from now on. */
static int reparent(struct ct_snap_job *j, const char *parent, struct vz_err *e)
{
	struct ct_snap *v;
	size_t n;
	int r = 0;

	load_all(j->snap, &v, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!str_eq(v[i].parent, j->id))
			continue;
		snprintf(v[i].parent, sizeof(v[i].parent), "%s", parent);
		r = write_meta(j->snap, v[i].id, &v[i]);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		if (v[i].current && str_eq(v[i].id, j->id))
			r = write_current(j->snap, parent);
	ct_vm_snaps_free(v, n);
	return r < 0 ? vz_fail(e, VZ_SNAP_DELETE, -r, "Unable to write '%s'", "snap") : 0;
}

static int step_delete(struct ct_plan *p, struct vz_err *e)
{
	struct ct_snap_job *j = p->snap;
	_cleanup_free_ char *gone = xasprintf("%s.del", j->id);
	struct ct_snap s = { 0 };
	int r;

	/* Without a file that says whose it is, it is nobody's. */
	(void)read_meta(j->snap, j->id, &s);
	r = reparent(j, s.parent, e);
	free_snap(&s);
	if (r < 0)
		return r;
	if (renameat(j->snap, j->id, j->snap, gone) < 0 || fsync(j->snap) < 0)
		return vz_fail(e, VZ_SNAP_DELETE, errno, "Unable to delete snapshot {%s}", j->id);
	return 0;
}

static int step_sweep(struct ct_plan *p, struct vz_err *e)
{
	sweep(p->snap->snap);
	return 0;
}

static const struct ct_step delete_steps[] = {
	{ "snap.delete", step_delete, NULL, show_commit, NULL },
	{ "snap.sweep", step_sweep, NULL, show_commit, NULL },
};

int ct_vm_snap_delete(struct ct *ct, const struct ct_snap_opts *o, struct vz_err *e)
{
	_cleanup_(end) struct ct_snap_job j = JOB(o, VZ_SNAP_DELETE);
	int r = begin(ct, &j, e);

	if (r == 0)
		r = given_id(&j, e);
	if (r < 0)
		return r;
	vz_info("Deleting snapshot {%s}", j.id);
	r = run_steps(ct, &j, "snapshot-delete", delete_steps, ARRAY_SIZE(delete_steps), e);
	if (r == 0)
		vz_info("Snapshot {%s} has been successfully deleted", j.id);
	return r;
}

int ct_vm_snap_list(const struct ct *ct, struct ct_snap **ret, size_t *ret_n, struct vz_err *e)
{
	_cleanup_close_ int area = -EBADF, snap = -EBADF;
	int r = need_vm(ct, VZ_SNAP_LIST, e);

	if (r < 0)
		return r;
	*ret = NULL;
	*ret_n = 0;
	area = open_dir(AT_FDCWD, ct->private ? ct->private : "");
	if (area < 0)
		return vz_fail(e, VZ_FS_NOPRVT, -area, "Private area '%s'", ct->private);
	snap = open_dir(area, "snap");
	if (snap >= 0)
		load_all(snap, ret, ret_n);
	return 0;
}
