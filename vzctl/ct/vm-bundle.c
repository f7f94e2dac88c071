// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The private area of a virtual machine as a bundle: ve.json beside the disks says what
 * CTID.conf says, so that the directory alone makes the machine on another node.
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"
#include "base/spawn.h"
#include "ct/vm.h"

#define TWIN "ve.json"
#define TWIN_MS 10000

/* What belongs to a node, not to the machine. */
static bool is_local(enum param_id id)
{
	static const enum param_id local[] = { P_VE_ROOT, P_VE_PRIVATE, P_LOCAL_UID, P_LOCAL_GID,
					       P_ORIGIN_SAMPLE };

	for (size_t i = 0; i < ARRAY_SIZE(local); i++)
		if (local[i] == id)
			return true;
	return false;
}

void ct_vm_twin(const struct ct *ct)
{
	_cleanup_free_ char *file = conf_ct_path(ct->id);
	_cleanup_free_ char *path = xasprintf("%s/" TWIN, ct->private ? ct->private : "");
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT, old = VZ_BUF_INIT;
	_cleanup_conf_ struct conf *c = NULL;
	struct json j = JSON_INIT(&b);

	if (!ct->private || !io_exists(ct->private) || conf_load_file(file, &c, VZ_IGNORE) < 0 ||
	    !ct_is_vm(c))
		return;
	json_begin(&j, NULL, '{', false);
	json_u64(&j, "schema", 1);
	json_str(&j, "type", "vm");
	json_u64(&j, "ctid", ct->id);
	json_begin(&j, "conf", '{', false);
	param_for_each(id) {
		_cleanup_free_ char *v = NULL;

		if (!conf_has(c, id) || is_local(id) || !(param_get(id)->when & WHEN_FILE))
			continue;
		v = conf_format(c, id);
		json_str(&j, param_get(id)->key, v ? v : "");
	}
	json_end(&j);
	json_end(&j);
	if (io_read_file_at(AT_FDCWD, path, &old, 1 << 20) == 0 && old.len == b.len &&
	    memcmp(vz_buf_str(&old), b.s, b.len) == 0)
		return;
	if (io_write_atomic_at(AT_FDCWD, path, b.s, b.len, 0600, 0) < 0)
		vz_warn("Unable to write '%s'", path);
}

/* ---- register ------------------------------------------------------------------------ */

static int read_twin(const char *dir, struct vz_buf *ret, struct vz_err *e)
{
	_cleanup_free_ char *exe = xasprintf("%s/vzqemu", vz_libexec_dir());
	_cleanup_free_ char *file = xasprintf("%s/" TWIN, dir);
	_cleanup_buf_ struct vz_buf err = VZ_BUF_INIT;
	const char *argv[] = { "vzqemu", "twin", file, NULL };
	struct spawn sp = { .path = exe, .argv = argv, .in = -1, .out = -1, .err = -1,
			    .ret_out = ret, .ret_err = &err, .timeout_ms = TWIN_MS };
	int status = spawn_run(&sp);

	if (status < 0)
		return vz_fail(e, VZ_NO_HELPER, -status, "Unable to run '%s'", exe);
	if (status)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "%.*s",
			       (int)strcspn(vz_buf_str(&err), "\n"), vz_buf_str(&err));
	return 0;
}

/* Whoever else could change it, could do so behind what is checked here. */
static int check_dir(const char *dir, struct vz_err *e)
{
	struct stat st;

	if (*dir != '/' || lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return vz_fail(e, VZ_FS_NOPRVT, 0, "'%s' is no absolute path of a directory", dir);
	if (st.st_uid || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return vz_fail(e, VZ_FS_NOPRVT, 0,
			       "'%s' is not root's, or others may write to it", dir);
	return 0;
}

static int add_line(struct conf_change *ch, char *line, struct vz_err *e)
{
	char *v = strchr(line, '=');
	enum param_id id;

	if (!v)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, TWIN ": '%s'", line);
	*v++ = '\0';
	id = param_by_key(line, strlen(line));
	if (id == P_COUNT || !(param_get(id)->when & WHEN_FILE) ||
	    is_local(id) || !str_eq(param_get(id)->key, line))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       TWIN ": '%s' is no parameter of a virtual machine", line);
	return conf_change_set(ch, id, v, CONF_FILE, e);
}

static int check_boot(const struct conf *c, enum param_id id, struct vz_err *e)
{
	const char *v = conf_str(c, id);

	if (v && (strchr(v, '/') || *v == '.'))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       TWIN ": %s='%s' is no name in the bundle", param_get(id)->key, v);
	return 0;
}

static int check_disks(const struct conf *c, const char *dir, struct vz_err *e)
{
	const struct vz_strv *l = conf_list(c, P_DISKS);
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		_cleanup_free_ char *path = xasprintf("%s/disks/%s", dir, l->v[i]);
		_cleanup_close_ int fd = -EBADF;

		if (strchr(l->v[i], '/') || !ct_vm_format(l->v[i]))
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       TWIN ": DISKS: '%s' is no name of a disk", l->v[i]);
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		r = fd < 0 ? vz_fail(e, VZ_VM_ERROR, errno, "Disk '%s'", path) :
			     ct_vm_image_check(fd, ct_vm_format(l->v[i]), l->v[i], e);
	}
	return r;
}

static int check_all(struct ct *ct, struct conf_change *ch, const char *dir, struct vz_err *e)
{
	int r = conf_apply(ct->conf, ch, e);

	if (r == 0 && !ct_is_vm(ct->conf))
		r = vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, TWIN " is no virtual machine's");
	if (r == 0)
		r = ct_vm_check_change(ct->conf, ch, e);
	if (r == 0)
		r = check_boot(ct->conf, P_KERNEL, e);
	if (r == 0)
		r = check_boot(ct->conf, P_INITRD, e);
	if (r == 0)
		r = check_disks(ct->conf, dir, e);
	if (r == 0)
		r = ct_netif_check(ct, NULL, e);
	if (r == 0)
		r = ct_nat_check(ct->conf, e);
	if (r == 0 && conf_str(ct->conf, P_NAME))
		r = conf_name_check(conf_str(ct->conf, P_NAME), e);
	return r;
}

int ct_vm_bundle_id(const char *dir, uint32_t *ret, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r = check_dir(dir, e);

	if (r == 0)
		r = read_twin(dir, &b, e);
	if (r == 0 && sscanf(vz_buf_str(&b), "ctid %u\n", ret) != 1)
		r = vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "'%s/" TWIN "' has no number", dir);
	return r;
}

static int fill_change(struct conf_change *ch, const char *dir, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	char *save = NULL, *line;
	int r = read_twin(dir, &b, e);

	if (r < 0)
		return r;
	/* The first line is its number elsewhere. */
	line = b.len ? strtok_r(b.s, "\n", &save) : NULL;
	while (r == 0 && line && (line = strtok_r(NULL, "\n", &save)))
		r = add_line(ch, line, e);
	return r < 0 ? r : conf_change_set(ch, P_VE_PRIVATE, dir, CONF_FILE, e);
}

int ct_vm_register(struct ct *ct, const char *dir, struct vz_err *e)
{
	struct conf_change *ch = conf_change_new();
	_cleanup_close_ int lock = -EBADF;
	int r = check_dir(dir, e);

	if (r == 0 && ct->has_conf)
		r = vz_fail(e, VZ_CP_CONFIG, 0, "Container %u has a configuration already", ct->id);
	if (r == 0) {
		/* Nobody else takes its MAC addresses until the file is there. */
		lock = ct_node_lock(ct, e);
		r = lock < 0 ? lock : fill_change(ch, dir, e);
	}
	if (r == 0)
		r = check_all(ct, ch, dir, e);
	if (r == 0)
		r = conf_create_ct(ct->id, "", ch, e);
	conf_change_free(ch);
	if (r < 0)
		return vz_wrap(e, r, "Unable to register '%s'", dir);
	if (conf_str(ct->conf, P_NAME))
		(void)conf_name_set(ct->id, conf_str(ct->conf, P_NAME), NULL, VZ_IGNORE);
	vz_info("Virtual machine %u was registered", ct->id);
	return 0;
}
