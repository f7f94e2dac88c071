// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every monitor keeps the mount namespace that its init began in (ns_seed_make()),
 * so that it is there as long as a container runs, and nothing of it afterwards.
 * The symlink mntns in the directory of states names a container that has it.
 */
#define VZ_ROOM "ct"
#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "base/num.h"
#include "ct/ct-int.h"
#include "mon/mon.h"

#define LOOK_MAX 8		/* monitors: those of an older vzctl have none */

static int seed_of(uint32_t id)
{
	pid_t mon = ct_mon_pid(id);

	return mon < 0 ? mon : ns_seed_open(mon, MON_FD_SEED);
}

static bool linked(uint32_t *ret_id)
{
	_cleanup_free_ char *path = xasprintf("%s/" CT_SEED_LINK, ct_run_dir());
	char text[16];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return num_parse_u32(text, ret_id) == 0;
}

void ct_seed_retire(uint32_t id)
{
	_cleanup_free_ char *path = xasprintf("%s/" CT_SEED_LINK, ct_run_dir());
	uint32_t named;

	if (linked(&named) && named == id)
		unlink(path);
}

static void publish(uint32_t id)
{
	_cleanup_free_ char *path = xasprintf("%s/" CT_SEED_LINK, ct_run_dir());
	_cleanup_free_ char *temp = xasprintf("%s/%u/" CT_SEED_LINK, ct_run_dir(), id);
	struct ct_state st;
	char text[16];

	snprintf(text, sizeof(text), "%u", id);
	unlink(temp);
	if (symlink(text, temp) == 0 && rename(temp, path) < 0)
		unlink(temp);
	/* Its end may have come meanwhile: first the state goes, then this. */
	if (ct_state_load(id, &st) < 0)
		ct_seed_retire(id);
}

/* The one that the link names has stopped. */
static int find_other(void)
{
	DIR *d = opendir(ct_run_dir());
	struct dirent *de;
	uint32_t id;
	int fd = -ENOENT;

	if (!d)
		return -errno;
	for (int left = LOOK_MAX; fd < 0 && left && (de = readdir(d));) {
		if (num_parse_u32(de->d_name, &id) < 0)
			continue;
		left--;
		fd = seed_of(id);
		if (fd >= 0)
			publish(id);
	}
	closedir(d);
	return fd;
}

int ct_seed_find(void)
{
	uint32_t id;
	int fd = linked(&id) ? seed_of(id) : -ENOENT;

	return fd >= 0 ? fd : find_other();
}

int ct_seed_make(uint32_t id)
{
	int fd = ns_seed_make();

	if (fd >= 0)
		publish(id);
	return fd;
}
