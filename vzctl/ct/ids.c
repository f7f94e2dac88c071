// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Host id ranges.  One symlink per range in /var/lib/vzctl/uidmap, named after
 * its first id and pointing at the CTID: symlink(2) is the atomic claim.  The
 * range is written to the config as LOCAL_UID, which is what counts; a range
 * that a config brings along is claimed at its first start, and refused when
 * another container has any id of it.
 */
#define VZ_ROOM "ct"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/io.h"
#include "base/num.h"
#include "base/path.h"
#include "ct/ct-int.h"

#define IDS_DIR "/var/lib/vzctl/uidmap"
#define IDS_END 0x7fff0000ULL	/* below 2^31: signed ids in old tools */

static const char *ids_dir(void)
{
	return vz_path_or(IDS_DIR, "VZ_IDSDIR");
}

/* Whose range it is: -ENOENT when nobody's, or of a container that is gone. */
static int owner_of(int dir, const char *name, uint32_t *ret)
{
	char owner[24];
	ssize_t n = readlinkat(dir, name, owner, sizeof(owner) - 1);

	if (n <= 0)
		return -ENOENT;
	owner[n] = '\0';
	if (num_parse_u32(owner, ret) < 0)
		return -ENOENT;
	return 0;
}

/* A create takes its ids before it writes the configuration. */
static bool has_owner(uint32_t id)
{
	return conf_ct_exists(id) || ct_is_creating(id);
}

/* 0: ours now.  1: ours before.  -EEXIST: somebody else's. */
static int claim(int dir, uint32_t id, const char *idstr, uint64_t first)
{
	uint32_t other;
	char name[24];

	snprintf(name, sizeof(name), "%llu", (unsigned long long)first);
	for (int tries = 0; tries < 3; tries++) {
		if (symlinkat(idstr, dir, name) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
		if (owner_of(dir, name, &other) == 0) {
			if (other == id)
				return 1;
			if (has_owner(other))
				return -EEXIST;
		}
		/* Its container was removed by hand. */
		unlinkat(dir, name, 0);
	}
	return -EEXIST;
}

static int ids_open(struct vz_err *e)
{
	int fd, r = io_mkdir_p(ids_dir(), 0755);

	fd = r < 0 ? r : open(ids_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return vz_fail(e, VZ_IDMAP, r < 0 ? -r : errno, "Unable to open '%s'", ids_dir());
	return fd;
}

/* Another container's range that has ids in common with @first. */
static bool overlaps(int dir, uint32_t id, uint64_t first, uint64_t size, uint32_t *ret_other)
{
	int dup = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	DIR *d = dup >= 0 ? fdopendir(dup) : NULL;
	bool found = false;
	struct dirent *de;
	uint64_t v;

	while (d && !found && (de = readdir(d)))
		if (num_parse_u64(de->d_name, &v) == 0 &&
		    (v > first ? v - first : first - v) < size &&
		    owner_of(dir, de->d_name, ret_other) == 0 && *ret_other != id &&
		    has_owner(*ret_other))
			found = true;
	if (d)
		closedir(d);
	return found;
}

int ct_ids_claim(struct ct *ct, const struct ns_idmap *map, struct vz_err *e)
{
	_cleanup_close_ int dir = ids_open(e);
	uint32_t other = 0;
	char name[24];
	int r;

	if (dir < 0)
		return dir;
	snprintf(name, sizeof(name), "%u", map->uid);
	r = claim(dir, ct->id, ct->idstr, map->uid);
	if (r == 1)
		return 0;
	if (r == -EEXIST)
		(void)owner_of(dir, name, &other);
	if (r == 0 && !overlaps(dir, ct->id, map->uid, map->count, &other))
		return 0;
	if (r == 0)
		unlinkat(dir, name, 0);
	if (r < 0 && r != -EEXIST)
		return vz_fail(e, VZ_IDMAP, -r, "Unable to claim ids in '%s'", ids_dir());
	return vz_fail(e, VZ_IDMAP, 0, "LOCAL_UID %u: these ids belong to container %u", map->uid,
		       other);
}

int ct_ids_alloc(struct ct *ct, uint32_t *ret_base, struct vz_err *e)
{
	uint64_t base = conf_u64(ct->node, P_UIDMAP_BASE, 0x70000000);
	uint64_t size = conf_u64(ct->node, P_UIDMAP_SIZE, 65536), slots, at;
	_cleanup_close_ int dir = ids_open(e);
	uint32_t other;
	int r;

	if (dir < 0)
		return dir;
	if (size < 1 || base + size > IDS_END)
		return vz_fail(e, VZ_IDMAP, 0, "UIDMAP_BASE and UIDMAP_SIZE leave no range of ids");
	slots = (IDS_END - base) / size;
	/* Start at a place of its own: creates in parallel do not collide. */
	at = ct->id % slots;
	for (uint64_t i = 0; i < slots; i++, at = (at + 1) % slots) {
		r = claim(dir, ct->id, ct->idstr, base + at * size);
		if (r == 0 && overlaps(dir, ct->id, base + at * size, size, &other)) {
			char name[24];

			snprintf(name, sizeof(name), "%" PRIu64, base + at * size);
			unlinkat(dir, name, 0);
			continue;
		}
		if (r >= 0) {
			*ret_base = (uint32_t)(base + at * size);
			return 0;
		}
		if (r != -EEXIST)
			return vz_fail(e, VZ_IDMAP, -r, "Unable to allocate ids in '%s'",
				       ids_dir());
	}
	return vz_fail(e, VZ_IDMAP, 0, "All %" PRIu64 " ranges of ids are taken (see UIDMAP_BASE)",
		       slots);
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
