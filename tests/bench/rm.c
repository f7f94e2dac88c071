// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/rm.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int rm_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	if (type == FTW_DP)
		rmdir(path);
	else
		unlink(path);
	return 0;
}

void rm_tree(const char *path)
{
	nftw(path, rm_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void rm_cgroup(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char sub[1024];

	while (d && (e = readdir(d))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		rm_cgroup(sub);
	}
	if (d)
		closedir(d);
	/* An exiting task leaves its cgroup a moment after it is reaped. */
	for (int i = 0; i < 50 && rmdir(path) < 0; i++)
		nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
}
