// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Host id ranges.  One symlink per range in /var/lib/vzctl/uidmap, named after
 * its first id and pointing at the CTID: symlink(2) is the atomic claim.  The
 * range is written to the config as LOCAL_UID, which is what counts; a config
 * brought from elsewhere claims its range at its first start.
 */
#define VZ_ROOM "ct"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/num.h"
#include "ct/ct-int.h"

#define IDS_DIR "/var/lib/vzctl/uidmap"
#define IDS_END 0x7fff0000ULL	/* below 2^31: signed ids in old tools */

static const char *ids_dir(void)
{
#ifdef VZ_TEST_HOOKS
	const char *d = getenv("VZ_IDSDIR");

	if (d)
		return d;
#endif
	return IDS_DIR;
}

/* 0: ours now.  -EEXIST: somebody else's. */
static int claim(int dir, const char *idstr, uint64_t first)
{
	char name[24], owner[24];
	ssize_t n;

	snprintf(name, sizeof(name), "%llu", (unsigned long long)first);
	if (symlinkat(idstr, dir, name) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	n = readlinkat(dir, name, owner, sizeof(owner) - 1);
	if (n > 0) {
		owner[n] = '\0';
		if (str_eq(owner, idstr))
			return 0;
	}
	return -EEXIST;
}

int ct_ids_alloc(struct ct *ct, uint32_t *ret_base, struct vz_err *e)
{
	uint64_t base = conf_u64(ct->node, P_UIDMAP_BASE, 0x70000000);
	uint64_t size = conf_u64(ct->node, P_UIDMAP_SIZE, 65536), slots, at;
	_cleanup_close_ int dir = -EBADF;
	int r;

	if (size < 1 || base + size > IDS_END)
		return vz_fail(e, VZ_IDMAP, 0, "UIDMAP_BASE and UIDMAP_SIZE leave no range of ids");
	r = io_mkdir_p(ids_dir(), 0755);
	dir = r < 0 ? r : open(ids_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return vz_fail(e, VZ_IDMAP, r < 0 ? -r : errno, "Unable to open '%s'", ids_dir());
	slots = (IDS_END - base) / size;
	/* Start at a place of its own: creates in parallel do not collide. */
	at = ct->id % slots;
	for (uint64_t i = 0; i < slots; i++, at = (at + 1) % slots) {
		r = claim(dir, ct->idstr, base + at * size);
		if (r == 0) {
			*ret_base = (uint32_t)(base + at * size);
			return 0;
		}
		if (r != -EEXIST)
			return vz_fail(e, VZ_IDMAP, -r, "Unable to allocate ids in '%s'",
				       ids_dir());
	}
	return vz_fail(e, VZ_IDMAP, 0, "All %llu ranges of ids are taken (see UIDMAP_BASE)",
		       (unsigned long long)slots);
}

void ct_ids_free(uint32_t id)
{
	char idstr[12], owner[24];
	struct dirent *de;
	DIR *d = opendir(ids_dir());

	if (!d)
		return;
	snprintf(idstr, sizeof(idstr), "%u", id);
	while ((de = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), de->d_name, owner, sizeof(owner) - 1);

		if (n <= 0)
			continue;
		owner[n] = '\0';
		if (str_eq(owner, idstr))
			unlinkat(dirfd(d), de->d_name, 0);
	}
	closedir(d);
}
