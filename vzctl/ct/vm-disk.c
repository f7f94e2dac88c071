// SPDX-License-Identifier: GPL-2.0-or-later
/* The private area of a virtual machine. */
#define VZ_ROOM "ct"
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "ct/vm.h"

#define DISK_MIN (UINT64_C(1) << 20)
#define DISK_MAX VM_DISK_MAX
#define SECTOR 512

/* QEMU, docs/interop/qcow2.txt: what of the header says that the file is all there is. */
struct qcow2_header {
	uint32_t magic, version;
	uint64_t backing_offset;
	uint32_t backing_size, cluster_bits;
	uint64_t size;
	uint32_t crypt, l1_size;
	uint64_t l1_offset, refcount_offset;
	uint32_t refcount_clusters, snapshots;
	uint64_t snapshots_offset, incompatible;
};

#define QCOW2_MAGIC 0x514649fb
#define QCOW2_EXTERNAL_DATA 4

const char *ct_vm_format(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot && str_eq(dot, ".raw"))
		return "raw";
	return dot && str_eq(dot, ".qcow2") ? "qcow2" : NULL;
}

static int qcow2_check(const struct qcow2_header *h, const char *name, struct vz_err *e)
{
	if (be32toh(h->magic) != QCOW2_MAGIC || be32toh(h->version) < 2 ||
	    be32toh(h->version) > 3)
		return vz_fail(e, VZ_VM_ERROR, 0, "'%s' is no qcow2 image of version 2 or 3", name);
	if (h->backing_offset)
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "'%s' depends on another file (backing file): flatten it with qemu-img convert first",
			       name);
	if (be32toh(h->version) == 3 && (be64toh(h->incompatible) & QCOW2_EXTERNAL_DATA))
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "'%s' keeps its data in another file: flatten it with qemu-img convert first",
			       name);
	return 0;
}

int ct_vm_image_check(int fd, const char *format, const char *name, struct vz_err *e)
{
	struct qcow2_header h = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return vz_fail(e, VZ_VM_ERROR, 0, "'%s' is no regular file", name);
	if (str_eq(format, "qcow2")) {
		if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
			return vz_fail(e, VZ_VM_ERROR, 0, "'%s' is no qcow2 image", name);
		return qcow2_check(&h, name, e);
	}
	if (!st.st_size || st.st_size % SECTOR)
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "'%s' is no raw image: %lld bytes are no multiple of %d", name,
			       (long long)st.st_size, SECTOR);
	return 0;
}

/* By its first bytes; a raw image that begins as another format is refused. */
static int guess_format(int fd, const char *name, const char **ret, struct vz_err *e)
{
	static const struct {
		const char *magic, *what;
	} others[] = { { "KDMV", "a VMDK" }, { "COWD", "a VMDK" }, { "vhdxfile", "a VHDX" },
		       { "conectix", "a VHD" }, { "<<< ", "a VDI" }, { "QED", "a QED" },
		       { "# Disk DescriptorFile", "a VMDK" } };
	static const char qcow[4] = { 'Q', 'F', 'I', (char)0xfb };
	char head[64] = "";
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return vz_fail(e, VZ_VM_ERROR, 0, "'%s' is no regular file", name);
	if (pread(fd, head, sizeof(head) - 1, 0) < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "Unable to read '%s'", name);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strncmp(head, others[i].magic, strlen(others[i].magic)) == 0)
			return vz_fail(e, VZ_VM_ERROR, 0,
				       "'%s' is %s image: raw and qcow2 are accepted (qemu-img convert)",
				       name, others[i].what);
	*ret = memcmp(head, qcow, sizeof(qcow)) == 0 ? "qcow2" : "raw";
	return ct_vm_image_check(fd, *ret, name, e);
}

static int parse_size(const char *text, uint64_t *ret, struct vz_err *e)
{
	bool suffix;
	uint64_t v;

	if (num_parse_size(text, "BKMGT", 0, &v, &suffix) < 0 || v < DISK_MIN || v > DISK_MAX ||
	    v % SECTOR)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --disk: %s (a size from 1M to 64T, or the absolute path of an image)",
			       text);
	*ret = v;
	return 0;
}

int ct_vm_disks_check(const struct vz_strv *disks, struct vz_err *e)
{
	if (disks->n > VM_DISKS_MAX)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --disk: at most %d disks", VM_DISKS_MAX);
	for (size_t i = 0; i < disks->n; i++) {
		_cleanup_close_ int fd = -EBADF;
		const char *format;
		uint64_t size;
		int r;

		if (disks->v[i][0] != '/') {
			r = parse_size(disks->v[i], &size, e);
		} else {
			fd = open(disks->v[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
			r = fd < 0 ? vz_fail(e, VZ_VM_ERROR, errno, "Image '%s'", disks->v[i]) :
				     guess_format(fd, disks->v[i], &format, e);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_file(int dir, const char *name, mode_t mode, int from, uint64_t size)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int fd = openat(dir, name, flags, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = from >= 0 ? io_clone(from, fd, ct_cancelled) :
			ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static int disk_error(struct vz_err *e, int r, const char *name)
{
	bool full = r == -ENOSPC || r == -EDQUOT;

	return vz_fail(e, full ? VZ_FS_NO_DISK_SPACE : VZ_FS_NEW_VE_PRVT, -r,
		       "Unable to make '%s'", name);
}

static int make_disk(int dir, const char *spec, size_t num, struct vz_strv *names,
		     struct vz_err *e)
{
	_cleanup_close_ int from = -EBADF;
	const char *format = "raw";
	char name[32];
	uint64_t size = 0;
	int r;

	if (*spec == '/') {
		from = open(spec, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		r = from < 0 ? vz_fail(e, VZ_VM_ERROR, errno, "Image '%s'", spec) :
			       guess_format(from, spec, &format, e);
	} else {
		r = parse_size(spec, &size, e);
	}
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "disk%zu.%s", num, format);
	r = make_file(dir, name, 0600, from, size);
	if (r < 0)
		return disk_error(e, r, name);
	vz_strv_add(names, name);
	return 0;
}

/* The emulator reads it by its own path: everybody may, who gets below the private area. */
static int copy_boot(struct ct_plan *p, int dir, enum param_id id, const char *name,
		     struct vz_err *e)
{
	const char *path = conf_str(p->ct->conf, id);
	_cleanup_close_ int from = -EBADF;
	struct stat st;
	int r;

	if (!path || *path != '/')
		return path ? vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				      "Bad parameter for --%s: %s (an absolute path)",
				      param_get(id)->opt, path) : 0;
	from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (from < 0 || fstat(from, &st) < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "Unable to read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return vz_fail(e, VZ_VM_ERROR, 0, "'%s' is no regular file", path);
	r = make_file(dir, name, 0444, from, 0);
	if (r < 0)
		return disk_error(e, r, name);
	return conf_change_set(p->create->change, id, name, CONF_FILE, e);
}

static int fill_area(struct ct_plan *p, int dir, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv all = VZ_STRV_INIT;
	const struct vz_strv *specs = &all;
	_cleanup_free_ char *image = NULL;
	_cleanup_strv_ struct vz_strv names = VZ_STRV_INIT;
	_cleanup_free_ char *list = NULL;
	_cleanup_close_ int disks = -EBADF;
	int r = 0;

	if (conf_change_has(p->create->change, P_OSTEMPLATE)) {
		r = ct_vm_template_disk(p, &image, e);
		if (r < 0)
			return r;
		vz_strv_add(&all, image);
	}
	vz_strv_copy(&all, p->create->disks);
	if (mkdirat(dir, "disks", 0700) == 0)
		disks = openat(dir, "disks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (disks < 0)
		return disk_error(e, -errno, "disks");
	for (size_t i = 0; r == 0 && i < specs->n; i++)
		r = make_disk(disks, specs->v[i], i, &names, e);
	if (r == 0)
		r = copy_boot(p, dir, P_KERNEL, "kernel", e);
	if (r == 0)
		r = copy_boot(p, dir, P_INITRD, "initrd", e);
	if (r < 0)
		return r;
	if (fsync(disks) < 0 || fsync(dir) < 0)
		return disk_error(e, -errno, p->ct->private);
	list = vz_strv_join(&names, " ");
	return conf_change_set(p->create->change, P_DISKS, list, CONF_FILE, e);
}

int ct_vm_area_create(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_close_ int dir = -EBADF;
	int r = io_mkdir_p(p->ct->private, 0700);

	if (r == 0) {
		dir = open(p->ct->private, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = dir < 0 ? -errno : 0;
	}
	if (r < 0)
		return vz_fail(e, VZ_FS_NEW_VE_PRVT, -r, "Unable to create '%s'", p->ct->private);
	return fill_area(p, dir, e);
}
