// SPDX-License-Identifier: GPL-2.0-or-later
/* Container numbers and names: /etc/vz/names/NAME -> ../conf/CTID.conf. */
#include "conf/priv.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/num.h"

#define NAME_LEN_MAX 63
#define CTID_MAX 2147483644U

int conf_name_check(const char *name, struct vz_err *e)
{
	size_t n = strlen(name);

	if (!n || n > NAME_LEN_MAX || strchr("-. ", *name) || name[n - 1] == ' ')
		goto bad;
	for (const char *s = name; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		      (*s >= '0' && *s <= '9') || strchr(" -+_.", *s)))
			goto bad;
	return 0;
bad:
	return vz_fail(e, VZ_SET_NAME_ERROR, 0,
		       "Invalid name '%.80s': 1 to %d letters, digits, blanks and -+_., not "
		       "starting with -, . or a blank", name, NAME_LEN_MAX);
}

static void name_path(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, "%s/names/%s", conf_dir(), name);
}

/* The number a link points to: "../conf/101.conf" or any path ending like it. */
static int name_target(const char *name, uint32_t *ret)
{
	char path[512], target[512], *base, *dot;
	ssize_t n;

	name_path(path, sizeof(path), name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return neg_errno();
	target[n] = '\0';
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	dot = strchr(base, '.');
	if (!dot || !str_eq(dot, ".conf"))
		return -EINVAL;
	*dot = '\0';
	return num_parse_ctid(base, ret);
}

/* Does the container's own file agree that it is called @name? */
static bool name_agrees(uint32_t ctid, const char *name)
{
	_cleanup_conf_ struct conf *c = NULL;
	const char *own;

	if (conf_load_ct(ctid, NULL, &c, VZ_IGNORE) < 0)
		return false;
	own = conf_str(c, P_NAME);
	return own && str_eq(own, name);
}

int conf_name_resolve(const char *arg, bool allow_0, uint32_t *ret, struct vz_err *e)
{
	uint32_t ctid;
	int r;

	if (num_parse_ctid(arg, &ctid) == 0) {
		if (ctid == 0 && !allow_0)
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "Only set actions are allowed for CT0");
		*ret = ctid;
		return 0;
	}
	if (conf_name_check(arg, VZ_IGNORE) < 0)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "Bad CT ID %.80s", arg);
	r = name_target(arg, &ctid);
	if (r < 0 || !ctid)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "Bad CT ID %.80s", arg);
	if (!name_agrees(ctid, arg))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Unable to find container by name %.80s", arg);
	*ret = ctid;
	return 0;
}

/* Is @name free for @ctid?  A link whose container is called otherwise is stale. */
static int check_conflict(uint32_t ctid, const char *name, struct vz_err *e)
{
	uint32_t other, number;

	if (num_parse_ctid(name, &number) == 0 && number != ctid)
		return vz_fail(e, VZ_SET_NAME_ERROR, 0,
			       "Invalid name '%s': a number can only name the container of that "
			       "number", name);
	if (name_target(name, &other) < 0 || other == ctid || !name_agrees(other, name))
		return 0;
	return vz_fail(e, VZ_SET_NAME_ERROR, 0,
		       "Conflict: name %s already used by container %u", name, other);
}

static int make_link(uint32_t ctid, const char *name, struct vz_err *e)
{
	char path[512], tmp[600], target[64];

	name_path(path, sizeof(path), name);
	snprintf(target, sizeof(target), "../conf/%u.conf", ctid);
	/* A leading dot: no name can be called so. */
	snprintf(tmp, sizeof(tmp), "%s/names/.new%u.%d", conf_dir(), ctid, (int)getpid());
	unlink(tmp);
	if (symlink(target, tmp) < 0)
		return vz_fail(e, VZ_SET_NAME_ERROR, errno, "Unable to create %s", path);
	if (rename(tmp, path) < 0) {
		int saved = errno;

		unlink(tmp);
		return vz_fail(e, VZ_SET_NAME_ERROR, saved, "Unable to create %s", path);
	}
	return 0;
}

int conf_name_set(uint32_t ctid, const char *name, const char *old, struct vz_err *e)
{
	char dir[512], path[512];
	uint32_t other;
	int r;

	if (name) {
		r = conf_name_check(name, e);
		if (r == 0)
			r = check_conflict(ctid, name, e);
		if (r < 0)
			return r;
		snprintf(dir, sizeof(dir), "%s/names", conf_dir());
		(void)io_mkdir_p(dir, 0755);
		r = make_link(ctid, name, e);
		if (r < 0)
			return r;
	}
	/* Only a link that is ours: the old name may have been taken since. */
	if (old && (!name || !str_eq(old, name)) && conf_name_check(old, VZ_IGNORE) == 0 &&
	    name_target(old, &other) == 0 && other == ctid) {
		name_path(path, sizeof(path), old);
		unlink(path);
	}
	return 0;
}

/* ---- all containers -------------------------------------------------- */

static int cmp_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* "101.conf" and nothing that only looks like it ("0101.conf"). */
static bool ctid_of_file(const char *file, uint32_t *ret)
{
	const char *dot = strchr(file, '.');
	char num[16];
	size_t n;

	if (*file < '1' || *file > '9' || !dot || !str_eq(dot, ".conf"))
		return false;
	n = (size_t)(dot - file);
	if (n >= sizeof(num))
		return false;
	memcpy(num, file, n);
	num[n] = '\0';
	return num_parse_ctid(num, ret) == 0 && *ret <= CTID_MAX;
}

int conf_ct_all(uint32_t **ret, size_t *ret_n, struct vz_err *e)
{
	_cleanup_free_ uint32_t *ids = NULL;
	size_t n = 0, cap = 0;
	char path[512];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/conf", conf_dir());
	dir = opendir(path);
	if (!dir && errno != ENOENT)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "%s", path);
	while (dir && (d = readdir(dir))) {
		uint32_t id;

		if (!ctid_of_file(d->d_name, &id))
			continue;
		if (n == cap) {
			cap = cap ? 2 * cap : 64;
			ids = xrealloc(ids, cap * sizeof(*ids));
		}
		ids[n++] = id;
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(ids, n, sizeof(*ids), cmp_u32);
	*ret = take_ptr(ids);
	*ret_n = n;
	return 0;
}

int conf_destroy_ct(uint32_t ctid, struct vz_err *e)
{
	static const char *const suffixes[] = { "premount", "mount", "postumount", "umount",
						"start", "stop", "conf" };
	char from[512], to[530];

	/* The config last: after a crash in between the command can be run again. */
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(from, sizeof(from), "%s/conf/%u.%s", conf_dir(), ctid, suffixes[i]);
		snprintf(to, sizeof(to), "%s.destroyed", from);
		if (rename(from, to) < 0 && errno != ENOENT)
			return vz_fail(e, VZ_CONFIG_SAVE_ERROR, errno, "Unable to rename %s", from);
	}
	return 0;
}
