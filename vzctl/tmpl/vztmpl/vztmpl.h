/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vztmpl: makes, lists, imports, checks and removes OS templates. */
#ifndef VZ_TMPL_VZTMPL_H
#define VZ_TMPL_VZTMPL_H

#include "tmpl/tmpl.h"

struct opts {
	const char *template_dir;
	const char *recipe_dir;		/* NULL: /etc/vz/recipes, then DATADIR/recipes */
	const char *private_dir;	/* containers' private areas: who uses a tree */
	const char *tag;		/* which image of an OCI layout; NULL: the only one */
	const char *proxy;		/* HTTP_PROXY of vz.conf, or NULL */
	bool json, quiet;
};

/* ---- manifest.c: TEMPLATE/cache/NAME.json ---------------------------------- */

struct manifest {
	char *os, *version, *arch, *summary, *archive, *sha256, *origin;	/* owned, or NULL */
	uint64_t archive_bytes, bytes, entries, created;
};

void manifest_done(struct manifest *m);
#define _cleanup_manifest_ _cleanup_(manifest_done)
/* -ENOENT without touching @e when there is none. */
int manifest_read(const char *template_dir, const char *name, struct manifest *ret,
		  struct vz_err *e);
int manifest_write(const char *template_dir, const char *name, const struct manifest *m,
		   struct vz_err *e);

/* ---- work.c ---------------------------------------------------------------- */

struct work {
	char *base, *root, *archive, *lock;	/* owned; root exists and is empty */
	int cachefd, lockfd;
	bool made;
};

/* 9 when another process makes the same.  work_end() in every case. */
int work_begin(const char *template_dir, const char *kind, const char *name, struct work *w,
	       struct vz_err *e);
void work_end(struct work *w);
#define _cleanup_work_ _cleanup_(work_end)

/* ---- the commands; each returns 0 or fills @e ------------------------------- */

int cmd_list(const struct opts *o, struct vz_err *e);
int cmd_build(const struct opts *o, const char *name, struct vz_err *e);
int cmd_import(const struct opts *o, const char *file, const char *name, struct vz_err *e);
/* An OCI image layout directory. */
int import_oci(const struct opts *o, const char *layout, const char *name, struct vz_err *e);
int cmd_remove(const struct opts *o, const char *name, struct vz_err *e);
int cmd_verify(const struct opts *o, const char *name, struct vz_err *e);
int cmd_tree(const struct opts *o, const char *name, struct vz_err *e);
/* Child of cmd_build: private mounts, then the recipe.  Returns only on failure. */
int recipe_exec(char **argv);

/* Names of all archives in the cache, sorted. */
int cache_names(const char *template_dir, struct vz_strv *ret, struct vz_err *e);
/* A checked archive at @tmp becomes cache/NAME@suffix with its manifest. */
int cache_publish(const char *template_dir, const char *name, const char *tmp,
		  const char *suffix, struct manifest *m, const struct tmpl_sum *sum,
		  struct vz_err *e);

#endif
