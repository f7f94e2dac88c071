/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of vzctl: each takes what follows the CTID and returns an exit code. */
#ifndef VZ_CMD_CMD_H
#define VZ_CMD_CMD_H

#include "ct/ct.h"

struct cmd_ctx {
	const char *name;	/* as typed: "chkpnt" */
	const char *ctid;	/* as typed, or NULL */
	bool skiplock;
	int lock_wait_ms;
	bool quiet;
};

struct cmd {
	const char *name, *synonym;
	/* argv[0] is the first word after the CTID. */
	int (*run)(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
	bool no_ctid;
	bool hidden;
	const char *args;	/* for the usage */
};

/* Negative: an error in @e.  0..255: the exit status. */
int cmd_create(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_destroy(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_start(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_stop(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_restart(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_mount(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_umount(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_set(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_status(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_exec(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_runscript(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_enter(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_console(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_snapshot(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_snapshot_switch(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_snapshot_delete(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_snapshot_list(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_convert(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_register(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_qmp(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_log(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_suspend(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_resume(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_quota(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_unsupported(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_repair(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_stat(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_features(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_exited(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);
int cmd_hits(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e);

/* Options without parameters of a container: names with dash or underscore. */
struct cmd_opt {
	const char *name;
	bool *flag;
	const char **value;	/* takes an argument */
};

/* Parses all of @argv; anything else is 20 "Invalid options: ...". */
int cmd_options(int argc, char **argv, const struct cmd_opt *opts, size_t n, struct vz_err *e);
/* Opens the container of the command with its lock, unless --skiplock. */
int cmd_open(const struct cmd_ctx *c, struct ct *ct, unsigned int flags, struct vz_err *e);
/* cmd_options(), then cmd_open(). */
int cmd_open_with(const struct cmd_ctx *c, int argc, char **argv, const struct cmd_opt *opts,
		  size_t n, struct ct *ct, unsigned int flags, struct vz_err *e);

#endif
