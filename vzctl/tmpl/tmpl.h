/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OS templates: archives, their unpacked trees, and distribution scripts.
 *
 *	TEMPLATE/cache/NAME.tar.{zst,gz,xz,bz2}, .tar	the archive
 *	TEMPLATE/cache/NAME.json			manifest, optional
 *	TEMPLATE/tree/NAME@HASH/	unpacked once; HASH: 12 hex digits of its sha256
 *	TEMPLATE/tree/NAME@HASH.ok	which archive it came from; written after the tree
 *	TEMPLATE/tree/NAME		symlink to the current NAME@HASH; written last
 *
 * A tree is used only through symlink and .ok file, and both appear only after
 * the tree is on disk: whatever a crash leaves behind is never taken for whole.
 */
#ifndef VZ_TMPL_TMPL_H
#define VZ_TMPL_TMPL_H

#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

#define TMPL_NAME_MAX 128
#define TMPL_HASH_LEN 12	/* hex digits of the sha256 in a tree's name */

/* [A-Za-z0-9._+-]{1,128}, no leading '.' or '-'. */
bool tmpl_name_valid(const char *name);

/*
 * Absolute path of the current tree of @name (owned by the caller), unpacking
 * the archive first when there is no tree or the archive has changed since.
 * Waits for another process that unpacks the same template.
 * 91 no such template, 47 bad archive, 46 disk full, 182 vztar missing.
 */
int tmpl_tree(const char *template_dir, const char *name, bool progress, char **ret_tree,
	      struct vz_err *e);

/* Finds TEMPLATE/cache/NAME.tar*; @ret_path owned by the caller.  91 when there is none. */
int tmpl_archive_find(const char *template_dir, const char *name, char **ret_path,
		      struct stat *ret_st, struct vz_err *e);
/* "NAME.tar.zst" -> "NAME" (owned by the caller), NULL when it is no archive of a valid name. */
char *tmpl_archive_name(const char *file);
/* What vztar reports about an archive it read or wrote. */
struct tmpl_sum {
	char sha256[65];
	uint64_t entries;
	uint64_t bytes;		/* of file content, unpacked */
};

/*
 * Runs vztar: "extract" @archive into the existing directory @dir, "create"
 * @archive from it, or "test" @archive (@dir is NULL): read and check every
 * entry.  @progress: visible progress on stderr.
 */
int tmpl_vztar_run(const char *verb, const char *dir, const char *archive, bool progress,
		   struct tmpl_sum *ret, struct vz_err *e);
/*
 * Unpacks the image @tag (NULL: the only one) of the OCI image layout @layout into
 * the existing directory @dir; @ret->sha256 is the digest of its manifest.
 */
int tmpl_vztar_oci(const char *layout, const char *tag, const char *dir, bool progress,
		   struct tmpl_sum *ret, struct vz_err *e);

/* ---- entries of an archive ------------------------------------------- */

#define TMPL_PATH_MAX 4095
#define TMPL_DEPTH_MAX 256

/*
 * Normalizes the name of an archive entry: "./a//b/" becomes "a/b", the root
 * itself "".  Returns NULL and the reason in @ret_why for a name that could
 * lead out of the tree or that no file system takes.  @out holds
 * TMPL_PATH_MAX + 1 bytes.
 */
char *tmpl_entry_path(const char *name, char *out, const char **ret_why);

/* ---- distribution scripts -------------------------------------------- */

enum tmpl_action {
	TMPL_ADD_IP,
	TMPL_DEL_IP,
	TMPL_SET_HOSTNAME,
	TMPL_SET_DNS,
	TMPL_SET_USERPASS,
	TMPL_SET_UGID_QUOTA,
	TMPL_POST_CREATE,
	TMPL_PRE_START,
	TMPL_SET_CONSOLE,
	TMPL_ACTIONS,
};

/* The key of dists/NAME.conf: "ADD_IP". */
const char *tmpl_action_name(enum tmpl_action a);

struct tmpl_dist;

/*
 * Loads the scripts of @ostemplate: NAME.conf with -suffixes cut until a file
 * exists, else "default" (with a warning).  @dirs: NULL-terminated list
 * searched in order for each candidate; NULL means SYSCONFDIR/vz/dists, then
 * DATADIR/dists.  107 when not even a default exists.
 */
int tmpl_dist_load(const char *const *dirs, const char *ostemplate, struct tmpl_dist **ret,
		   struct vz_err *e);
void tmpl_dist_free(struct tmpl_dist *d);
static inline void tmpl_dist_freep(struct tmpl_dist **d)
{
	tmpl_dist_free(*d);
}
#define _cleanup_dist_ _cleanup_(tmpl_dist_freep)

/* The file that was chosen: "debian-12" or "default"; borrowed. */
const char *tmpl_dist_name(const struct tmpl_dist *d);
bool tmpl_dist_has(const struct tmpl_dist *d, enum tmpl_action a);
/*
 * Appends the text for /bin/sh (scripts/functions, then the script) to @ret.
 * Returns 1, or 0 and no text when the distribution has no script for @a.
 * 108 when the script is named but missing.  Run it inside the container as
 * the argument of `sh -c` with stdin null: below 128 KiB.
 */
int tmpl_dist_script(const struct tmpl_dist *d, enum tmpl_action a, struct vz_buf *ret,
		     struct vz_err *e);

#endif
