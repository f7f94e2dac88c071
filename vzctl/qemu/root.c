// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vzqemu root QEMU DIR KEY: makes DIR/KEY-HASH, the root of the emulator's box: the program,
 * the libraries that the dynamic linker names, the accelerator that is a module, firmware,
 * and empty places for what is mounted.  Whole or not at all.  DIR/KEY.files names it, and
 * what it is a copy of: it is made anew when one of these is another file.
 */
#define VZ_ROOM "qemu"
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/spawn.h"
#include "qemu/qemu.h"
#include "sys/rmtree.h"

/* What a linker is called: the first that is there lists the libraries. */
static const char *const linkers[] = { "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1",
				       NULL };
static const char *const modules[] = { "/usr/lib/*/qemu/accel-tcg-x86_64.so",
				       "/usr/lib64/qemu-kvm/accel-tcg-x86_64.so",
				       "/usr/lib64/qemu/accel-tcg-x86_64.so",
				       "/usr/lib/qemu/accel-tcg-x86_64.so", NULL };
static const char *const firmware_dirs[] = { "/usr/share/qemu", "/usr/share/seabios",
					     "/usr/lib/ipxe/qemu", NULL };
static const char *const firmware[] = { "bios-256k.bin",    "bios-microvm.bin",
					"kvmvapic.bin",	    "linuxboot_dma.bin",
					"multiboot_dma.bin", "pvh.bin",
					"vgabios-stdvga.bin", "efi-virtio.rom", NULL };

struct root {
	int fd;
	struct vz_buf *files;	/* lines "INODE SIZE MTIME PATH" */
};

static int fail(struct vz_err *e, int r, const char *path)
{
	return vz_fail(e, VZ_VM_ERROR, -r, "'%s'", path);
}

static int make_parents(int root, const char *path)
{
	char dir[512];

	for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(s - path), path);
		if (mkdirat(root, dir, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* @from, an absolute path, as @to below @root; one that is there already is enough. */
static int copy(const struct root *root, const char *from, const char *to, struct vz_err *e)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC), out = -EBADF;
	struct stat st;
	int r = make_parents(root->fd, to);

	if (in < 0 || fstat(in, &st) < 0 || !S_ISREG(st.st_mode))
		return fail(e, in < 0 ? -errno : -EINVAL, from);
	if (r < 0)
		return fail(e, r, to);
	out = openat(root->fd, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
	if (out < 0)
		return errno == EEXIST ? 0 : fail(e, -errno, to);
	vz_buf_addf(root->files, "%llx %llx %llx %s\n", (unsigned long long)st.st_ino,
		    (unsigned long long)st.st_size, (unsigned long long)st.st_mtim.tv_sec, from);
	while (st.st_size > 0) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, (size_t)st.st_size, 0);

		if (n <= 0)
			return fail(e, n < 0 ? -errno : -EIO, from);
		st.st_size -= n;
	}
	return fchmod(out, st.st_mode & 0111 ? 0555 : 0444) < 0 ? fail(e, -errno, to) : 0;
}

/* Lines "NAME => PATH (0x...)" and "PATH (0x...)"; the linker itself is there already. */
static int copy_libs(const struct root *root, const char *list, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv lines = VZ_STRV_INIT;
	int r = 0;

	vz_strv_split(&lines, list, "\n");
	for (size_t i = 0; r == 0 && i < lines.n; i++) {
		char *to = strstr(lines.v[i], "=> "), *slash, *end;

		slash = strchr(to ? to : lines.v[i], '/');
		end = slash ? strstr(slash, " (0x") : NULL;

		if (!end) {
			if (strstr(lines.v[i], "not found"))
				return vz_fail(e, VZ_VM_ERROR, 0, "library%s", lines.v[i]);
			continue;
		}
		*end = '\0';
		r = copy(root, slash, slash + 1, e);
	}
	return r;
}

static int copy_with_libs(const struct root *root, const char *file, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT, err = VZ_BUF_INIT;
	const char *const *ld = linkers;
	const char *argv[] = { NULL, "--list", file, NULL };
	struct spawn sp = { .argv = argv, .in = -1, .out = -1, .err = -1, .ret_out = &out,
			    .ret_err = &err, .timeout_ms = 30000 };
	int r = copy(root, file, file + 1, e), status;

	if (r < 0)
		return r;
	while (*ld && !io_exists(*ld))
		ld++;
	if (!*ld)
		return 0;
	sp.path = argv[0] = *ld;
	r = copy(root, *ld, *ld + 1, e);
	if (r < 0)
		return r;
	status = spawn_run(&sp);
	if (status < 0)
		return vz_fail(e, VZ_VM_ERROR, -status, "Unable to run '%s'", sp.path);
	/* A program without libraries is no error: it needs none. */
	return copy_libs(root, vz_buf_str(&out), e);
}

static int copy_modules(const struct root *root, struct vz_err *e)
{
	int r = 0;

	for (const char *const *m = modules; r == 0 && *m; m++) {
		glob_t g;

		if (glob(*m, 0, NULL, &g) != 0)
			continue;
		for (size_t i = 0; r == 0 && i < g.gl_pathc; i++)
			r = copy_with_libs(root, g.gl_pathv[i], e);
		globfree(&g);
	}
	return r;
}

static int copy_firmware(const struct root *root, struct vz_err *e)
{
	for (const char *const *f = firmware; *f; f++) {
		_cleanup_free_ char *to = xasprintf("usr/share/qemu/%s", *f);

		for (const char *const *d = firmware_dirs; *d; d++) {
			_cleanup_free_ char *from = xasprintf("%s/%s", *d, *f);
			int r;

			if (!io_exists(from))
				continue;
			r = copy(root, from, to, e);
			if (r < 0)
				return r;
			break;
		}
	}
	return 0;
}

static int make_places(int root, struct vz_err *e)
{
	static const char *const files[] = { "boot/kernel", "boot/initrd" };

	if (mkdirat(root, "dev", 0755) < 0 || mkdirat(root, "boot", 0755) < 0)
		return fail(e, -errno, "dev");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_close_ int fd = openat(root, files[i],
						O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

		if (fd < 0)
			return fail(e, -errno, files[i]);
	}
	return 0;
}

static int build(int parent, const char *name, const char *qemu, struct vz_buf *files,
		 struct vz_err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct root root;
	int r;

	if (mkdirat(parent, name, 0755) < 0)
		return fail(e, -errno, name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(e, -errno, name);
	root = (struct root){ fd, files };
	r = copy_with_libs(&root, qemu, e);
	if (r == 0)
		r = copy_modules(&root, e);
	if (r == 0)
		r = copy_firmware(&root, e);
	if (r == 0)
		r = make_places(fd, e);
	if (r == 0 && syncfs(fd) < 0)
		r = fail(e, -errno, name);
	return r;
}

/* Under its own name; one that is there is the same, and may be in use. */
static int publish(int parent, const char *tmp, const char *key, const struct vz_buf *files,
		   struct vz_err *e)
{
	_cleanup_free_ char *list = xasprintf("%s.files", key), *name = NULL, *text = NULL;
	uint64_t h = UINT64_C(14695981039346656037);	/* FNV-1a */
	int r;

	for (size_t i = 0; i < files->len; i++)
		h = (h ^ (uint8_t)files->s[i]) * UINT64_C(1099511628211);
	name = xasprintf("%s-%016llx", key, (unsigned long long)h);
	text = xasprintf("%s\n%s", name, files->s);
	if (faccessat(parent, name, F_OK, 0) == 0)
		r = sys_rmtree_at(parent, tmp, e);
	else
		r = renameat(parent, tmp, parent, name) < 0 ? fail(e, -errno, name) : 0;
	if (r < 0)
		return r;
	r = io_write_atomic_at(parent, list, text, strlen(text), 0644, 0);
	return r < 0 ? fail(e, r, list) : 0;
}

int cmd_root(int argc, char **argv, struct vz_err *e)
{
	const char *qemu = argc == 3 ? argv[0] : "", *dir = argc == 3 ? argv[1] : "";
	_cleanup_free_ char *tmp = NULL, *lock = NULL;
	_cleanup_close_ int parent = -EBADF, held = -EBADF;
	_cleanup_buf_ struct vz_buf files = VZ_BUF_INIT;
	int r;

	if (*qemu != '/' || *dir != '/' || strchr(argv[2], '/'))
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "vzqemu root QEMU DIR KEY");
	umask(022);
	r = io_mkdir_p(dir, 0755);
	if (r < 0)
		return fail(e, r, dir);
	lock = xasprintf("%s/.lock", dir);
	tmp = xasprintf(".new-%s", argv[2]);
	held = io_lock(lock, 60000, "root");
	parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (held < 0 || parent < 0)
		return fail(e, held < 0 ? held : -errno, dir);
	r = sys_rmtree_at(parent, tmp, e);
	if (r == 0)
		r = build(parent, tmp, qemu, &files, e);
	if (r == 0)
		r = publish(parent, tmp, argv[2], &files, e);
	if (r < 0)
		sys_rmtree_at(parent, tmp, VZ_IGNORE);
	return r;
}
