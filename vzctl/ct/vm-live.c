// SPDX-License-Identifier: GPL-2.0-or-later
/* What a running guest can be given at once: less memory, and more of a disk. */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/num.h"
#include "ct/vm.h"
#include "sys/syscalls.h"

#define ASK_MS 15000
#define BALLOON_MS 5000
#define NAP_MS 50
#define MIB (UINT64_C(1) << 20)
#define SECTOR 512

/* The number @key of a command's answer; 185. */
static int ask_number(const struct ct *ct, const char *cmd, const char *key, uint64_t *ret,
		      struct vz_err *e)
{
	_cleanup_free_ char *quoted = xasprintf("\"%s\":", key);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	const char *at;
	int r = ct_vm_ask(ct, "qmp", cmd, NULL, 0, ASK_MS, &b, e);

	if (r < 0)
		return r;
	at = strstr(vz_buf_str(&b), quoted);
	if (!at || sscanf(at + strlen(quoted), " %" SCNu64, ret) != 1)
		return vz_fail(e, VZ_VM_ERROR, 0, "The emulator's answer to '%s' has no '%s'", cmd,
			       key);
	return 0;
}

int ct_vm_balloon(const struct ct *ct, uint64_t bytes, struct vz_err *e)
{
	const struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
	_cleanup_free_ char *args = NULL;
	uint64_t base, now = 0;
	int r = ask_number(ct, "query-memory-size-summary", "base-memory", &base, e);

	if (r < 0)
		return r;
	if (bytes > base)
		vz_warn("Parameters take effect at the next start: PHYSPAGES (a running guest has at most the %llu MiB that it was started with)",
			(unsigned long long)(base / MIB));
	args = xasprintf("{\"value\":%" PRIu64 "}", bytes < base ? bytes : base);
	r = ct_vm_ask(ct, "qmp", "balloon", args, strlen(args), ASK_MS, NULL, e);
	for (int ms = 0; r == 0 && ms < BALLOON_MS; ms += NAP_MS) {
		r = ask_number(ct, "query-balloon", "actual", &now, e);
		if (r < 0 || now <= bytes)
			break;
		nanosleep(&nap, NULL);
	}
	if (r == 0 && bytes < base)
		vz_info("Memory of the guest: %llu of %llu MiB%s",
			(unsigned long long)(now / MIB), (unsigned long long)(base / MIB),
			now > bytes ? ", more is given back as the guest can (its balloon driver)" :
				      "");
	return r;
}

/* ---- disks ------------------------------------------------------------------- */

/* "NAME:SIZE" of the config's disks. */
static int parse_resize(const struct ct *ct, const char *text, size_t *ret_i, uint64_t *ret_size,
			struct vz_err *e)
{
	const struct vz_strv *disks = conf_list(ct->conf, P_DISKS);
	const char *colon = strrchr(text, ':');
	bool suffix;

	if (!colon || num_parse_size(colon + 1, "BKMGT", 0, ret_size, &suffix) < 0 ||
	    *ret_size < MIB || *ret_size > VM_DISK_MAX || *ret_size % SECTOR)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --disk_resize: %s (DISK:SIZE, a size from 1M to 64T)",
			       text);
	for (*ret_i = 0; *ret_i < disks->n; ++*ret_i)
		if (strlen(disks->v[*ret_i]) == (size_t)(colon - text) &&
		    memcmp(disks->v[*ret_i], text, (size_t)(colon - text)) == 0)
			return 0;
	return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
		       "Bad parameter for --disk_resize: %s (no such disk in DISKS)", text);
}

static int resize_stopped(const struct ct *ct, const char *name, uint64_t size, struct vz_err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/disks/%s", ct->private, name);
	_cleanup_close_ int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int r = fd < 0 ? vz_fail(e, VZ_VM_ERROR, errno, "Disk '%s'", path) :
			 ct_vm_image_check(fd, ct_vm_format(name), name, e);

	if (r < 0)
		return r;
	if (!str_eq(ct_vm_format(name), "raw"))
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "'%s' of a stopped virtual machine is no raw image: start it, then resize",
			       name);
	if (fstat(fd, &st) < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "Disk '%s'", path);
	if ((uint64_t)st.st_size > size)
		return vz_fail(e, VZ_VM_ERROR, 0, "'%s' has %llu bytes: disks never shrink", name,
			       (unsigned long long)st.st_size);
	if (ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0)
		return vz_fail(e, VZ_FS_NO_DISK_SPACE, errno, "Unable to resize '%s'", path);
	return 0;
}

/* The size that the emulator sees, whatever the format. */
static int running_size(const struct ct *ct, size_t i, uint64_t *ret, struct vz_err *e)
{
	_cleanup_free_ char *node = xasprintf("\"node-name\":\"d%zu\"", i);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	const char *at, *size;
	int r = ct_vm_ask(ct, "qmp", "query-named-block-nodes", "{\"flat\":true}", 13, ASK_MS, &b,
			  e);

	if (r < 0)
		return r;
	/* "image" comes before "node-name" in one object, or after it: both are close. */
	for (at = strstr(vz_buf_str(&b), "\"virtual-size\":"); at;
	     at = strstr(size, "\"virtual-size\":")) {
		const char *next;

		size = at + strlen("\"virtual-size\":");
		next = strstr(size, "\"virtual-size\":");
		at = strstr(size, node);
		if (at && (!next || at < next))
			return sscanf(size, " %" SCNu64, ret) == 1 ? 0 : -EPROTO;
	}
	return vz_fail(e, VZ_VM_ERROR, 0, "The emulator does not know disk %zu", i);
}

static int resize_running(const struct ct *ct, const char *name, size_t i, uint64_t size,
			  struct vz_err *e)
{
	_cleanup_free_ char *args = xasprintf("{\"node-name\":\"d%zu\",\"size\":%" PRIu64 "}", i,
					      size);
	uint64_t was;
	int r = running_size(ct, i, &was, e);

	if (r == 0 && was > size)
		return vz_fail(e, VZ_VM_ERROR, 0, "'%s' has %llu bytes: disks never shrink", name,
			       (unsigned long long)was);
	if (r == 0)
		r = ct_vm_ask(ct, "qmp", "block_resize", args, strlen(args), ASK_MS, NULL, e);
	return r;
}

int ct_vm_disk_resize(const struct ct *ct, const char *spec, bool running, struct vz_err *e)
{
	uint64_t size;
	size_t i;
	int r;

	if (!ct_is_vm(ct->conf))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "--disk_resize is for virtual machines (containers: --diskspace)");
	r = parse_resize(ct, spec, &i, &size, e);
	if (r < 0)
		return r;
	r = running ? resize_running(ct, conf_list(ct->conf, P_DISKS)->v[i], i, size, e) :
		      resize_stopped(ct, conf_list(ct->conf, P_DISKS)->v[i], size, e);
	if (r == 0)
		vz_info("Disk %s has %llu MiB", conf_list(ct->conf, P_DISKS)->v[i],
			(unsigned long long)(size / MIB));
	return r;
}
