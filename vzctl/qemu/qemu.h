/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vzqemu: what of virtual machines is not for vzctl, which starts containers. */
#ifndef VZ_QEMU_QEMU_H
#define VZ_QEMU_QEMU_H

#include <json-c/json.h>

#include "base/buf.h"
#include "base/err.h"

/* ---- qmp.c: a client of the emulator's monitor ---------------------------- */

#define QMP_LINE_MAX (16u << 20)
#define QMP_DEPTH 64

struct qmp {
	int fd;
	struct vz_buf in;		/* what was read and not yet taken */
	uint64_t id;			/* of the last command */
	unsigned int major, minor;
	bool lax;			/* lines that are no JSON are skipped */
	void (*event)(void *arg, const char *name, struct json_object *data);
	void *arg;
};

/*
 * Connects, greets and leaves negotiation mode; waits @timeout_ms for the emulator to
 * listen and speak.  185; -EBUSY when somebody else has it.
 */
int qmp_open(struct qmp *q, const char *path, int timeout_ms, struct vz_err *e);
/* The connection alone. */
int qmp_connect(struct qmp *q, const char *path, struct vz_err *e);
void qmp_close(struct qmp *q);
/* A command whose answer nobody waits for. */
int qmp_send(struct qmp *q, const char *cmd, struct json_object *args, struct vz_err *e);
/*
 * Runs a command; events that come meanwhile are handed on.  @args is borrowed and may be
 * NULL; *ret is the caller's (NULL: not wanted).  185 with the emulator's own words.
 */
int qmp_call(struct qmp *q, const char *cmd, struct json_object *args, int timeout_ms,
	     struct json_object **ret, struct vz_err *e);
/* The same with a descriptor, and nothing wanted. */
int qmp_call_fd(struct qmp *q, const char *cmd, struct json_object *args, int fd, int timeout_ms,
		struct vz_err *e);
/* Hands on what has come; -ECONNRESET at its end. */
int qmp_pump(struct qmp *q);
/* One JSON value of @n bytes; NULL when it is none. */
struct json_object *qmp_parse(const char *s, size_t n);

/* ---- agent.c: the agent in the guest ------------------------------------------ */

struct agent {
	struct qmp ga;
	struct qmp *q;			/* the emulator's, which knows whether there is one */
	const char *path;
};

/*
 * Requests with words "ga-...": false for another word.  *ret and @e: how it went; the
 * answer's data is appended to @out.
 */
bool agent_run(struct agent *a, const char *word, const char *arg, const char *data, size_t len,
	       struct vz_buf *out, int *ret, struct vz_err *e);
/* Base64. */
char *agent_encode(const void *data, size_t n);
void agent_decode(const char *s, struct vz_buf *ret);

/* ---- save.c ------------------------------------------------------------------- */

/* Stops the guest and writes it to @path, whole or not at all: then it runs on.  16. */
int save_guest(struct qmp *q, const char *path, struct vz_err *e);
/* Into an emulator that waits for it (-incoming defer), which stays stopped.  17. */
int load_guest(struct qmp *q, const char *path, struct vz_err *e);

/* ---- snap.c ------------------------------------------------------------------- */

/*
 * The running guest's memory (first line of @data: "mem", else "disks") and the disks
 * named by the other lines into @dir, SNAP/UUID of the private area, at one moment.  It
 * runs on then, also after a failure.  @run: the run directory.  156.
 */
int snap_guest(struct qmp *q, const char *run, const char *dir, char *data, struct vz_err *e);
/* A guest whose holder was killed in there goes on. */
void snap_recover(struct qmp *q, const char *run);

/* No capabilities from here on; 185. */
int confine(struct vz_err *e);

/* ---- hold.c, root.c, kvm.c: the words of the command line ------------------------- */

int cmd_hold(int argc, char **argv, struct vz_err *e);
int cmd_seed(int argc, char **argv, struct vz_err *e);
int cmd_twin(int argc, char **argv, struct vz_err *e);
int cmd_kvm(int argc, char **argv, struct vz_err *e);
int cmd_root(int argc, char **argv, struct vz_err *e);

#endif
