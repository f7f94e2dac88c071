// SPDX-License-Identifier: GPL-2.0-or-later
/* Steps of the start of a virtual machine; their order is in start.c. */
#define VZ_ROOM "ct"
#include <ctype.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/spawn.h"
#include "ct/vm.h"
#include "sys/syscalls.h"

#define VMM_DIR "/var/lib/vz/vmm"
#define FILES_MAX 65536
#define RUN_MS 10000

/* ---- accelerator --------------------------------------------------------- */

#define KVM_CACHE "kvm"		/* in the run directory, which a boot empties */
#define KVM_TEXT 200

/* What the answer of the probe depends on. */
static void kvm_key(char *buf, size_t size)
{
	static const char *const modules[] = { "kvm_intel", "kvm_amd", "kvm_pvm", "kvm" };
	struct stat st = { 0 };
	unsigned int loaded = 0;

	(void)stat("/dev/kvm", &st);
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		_cleanup_free_ char *path = xasprintf("/sys/module/%s", modules[i]);

		loaded |= io_exists(path) ? 1u << i : 0;
	}
	snprintf(buf, size, "%llx.%llx.%o.%x", (unsigned long long)st.st_rdev,
		 (unsigned long long)st.st_ino, st.st_mode, loaded);
}

/* "VERDICT TEXT" of vzqemu kvm, from the cache when nothing has changed. */
static int kvm_verdict(char *ret, size_t size, struct vz_err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/" KVM_CACHE, ct_run_dir());
	_cleanup_free_ char *exe = xasprintf("%s/vzqemu", vz_libexec_dir());
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	const char *argv[] = { "vzqemu", "kvm", NULL };
	struct spawn sp = { .path = exe, .argv = argv, .in = -1, .out = -1, .err = -1,
			    .ret_out = &out, .timeout_ms = 5000 };
	char key[64], line[KVM_TEXT + sizeof(key)];
	int n;

	kvm_key(key, sizeof(key));
	if (io_read_small_at(AT_FDCWD, path, line, sizeof(line)) > 0 &&
	    strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ' ') {
		snprintf(ret, size, "%s", line + strlen(key) + 1);
		return 0;
	}
	if (spawn_run(&sp) != 0 || !out.len)
		return vz_fail(e, VZ_NO_HELPER, 0, "Unable to run '%s kvm'", exe);
	snprintf(ret, size, "%.*s", (int)strcspn(out.s, "\n"), out.s);
	n = snprintf(line, sizeof(line), "%s %s\n", key, ret);
	if (io_mkdir_p(ct_run_dir(), 0755) == 0)
		(void)io_write_atomic_at(AT_FDCWD, path, line, (size_t)n, 0644, IO_ATOMIC_NOSYNC);
	return 0;
}

/* ACCEL=kvm: whatever the probe says, as long as the device can be opened. */
static int choose_kvm(struct ct_plan *p, const char *verdict, bool forced, struct vz_err *e)
{
	bool ok = strncmp(verdict, "ok ", 3) == 0;
	bool opens = strncmp(verdict, "no-guest", 8) == 0 || strncmp(verdict, "timeout", 7) == 0;

	p->vm->kvm = ok;
	if (ok)
		return 0;
	if (forced && opens) {
		vz_info("WARNING: ACCEL=kvm, but a guest was not seen to run: %s", verdict);
		p->vm->kvm = true;
		return 0;
	}
	if (forced || !conf_bool(p->ct->node, P_ALLOW_TCG, false))
		return vz_fail(e, VZ_VM_ERROR, 0, "No usable KVM (%s)%s", verdict,
			       forced ? "" :
			       ": set ACCEL=tcg for this virtual machine, or ALLOW_TCG=yes in vz.conf");
	vz_info("WARNING: the virtual machine is emulated (tcg), which is 10 to 50 times slower: no usable KVM (%s)",
		verdict);
	return 0;
}

int ct_vm_step_accel(struct ct_plan *p, struct vz_err *e)
{
	const char *accel = conf_str(p->ct->conf, P_ACCEL);
	char verdict[KVM_TEXT];
	int r;

	p->vm = xcalloc(1, sizeof(*p->vm));
	p->vm->err = p->vm->box.root = p->vm->box.dev = -EBADF;
	if (accel && str_eq(accel, "tcg"))
		return 0;
	r = kvm_verdict(verdict, sizeof(verdict), e);
	return r < 0 ? r : choose_kvm(p, verdict, accel && str_eq(accel, "kvm"), e);
}

void ct_vm_show_accel(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "ACCEL=%s", conf_str(p->ct->conf, P_ACCEL));
}

/* ---- files ---------------------------------------------------------------- */

static const char *vmm_dir(void)
{
	return vz_path_or(VMM_DIR, "VZ_VMMDIR");
}

/* The root that KEY.files names, if what it is a copy of is still the same; else NULL. */
static char *current_root(const char *key)
{
	_cleanup_free_ char *path = xasprintf("%s/%s.files", vmm_dir(), key), *root = NULL;
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	char *save = NULL, *line;

	if (io_read_file_at(AT_FDCWD, path, &b, FILES_MAX) < 0 || !b.len)
		return NULL;
	line = strtok_r(b.s, "\n", &save);
	root = line ? xasprintf("%s/%s", vmm_dir(), line) : NULL;
	if (!root || strchr(line, '/') || !io_exists(root))
		return NULL;
	while ((line = strtok_r(NULL, "\n", &save))) {
		unsigned long long ino, size, mtime;
		struct stat st;
		int at = 0;

		if (sscanf(line, "%llx %llx %llx %n", &ino, &size, &mtime, &at) != 3 || !at ||
		    stat(line + at, &st) < 0 || st.st_ino != ino ||
		    (unsigned long long)st.st_size != size ||
		    (unsigned long long)st.st_mtim.tv_sec != mtime)
			return NULL;
	}
	return take_ptr(root);
}

/*
 * The emulator's files: copied once for each version of it and of its libraries, so that
 * one that runs keeps its own, and the next has what was updated.
 */
static int find_root(struct ct_plan *p, struct vz_err *e)
{
	const char *qemu = conf_str(p->ct->node, P_QEMU);
	_cleanup_free_ char *exe = xasprintf("%s/vzqemu", vz_libexec_dir()), *key = NULL;
	_cleanup_buf_ struct vz_buf err = VZ_BUF_INIT;
	const char *argv[] = { "vzqemu", "root", qemu, vmm_dir(), NULL, NULL };
	struct spawn sp = { .path = exe, .argv = argv, .in = -1, .out = -1, .err = -1,
			    .ret_err = &err, .timeout_ms = 120 * 1000 };
	struct stat st;
	int status;

	if (stat(qemu, &st) < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "QEMU of vz.conf: '%s'", qemu);
	argv[4] = key = xasprintf("%llx-%llx", (unsigned long long)st.st_dev,
				  (unsigned long long)st.st_ino);
	p->vm->root = current_root(key);
	if (p->vm->root)
		return 0;
	vz_info("Copying the files of %s to %s", qemu, vmm_dir());
	status = spawn_run(&sp);
	if (status < 0)
		return vz_fail(e, VZ_NO_HELPER, -status, "Unable to run '%s'", exe);
	if (status)
		return vz_fail(e, VZ_VM_ERROR, 0, "Unable to copy the files of '%s': %.*s", qemu,
			       (int)strcspn(vz_buf_str(&err), "\n"), vz_buf_str(&err));
	p->vm->root = current_root(key);
	return p->vm->root ? 0 : vz_fail(e, VZ_VM_ERROR, 0,
					 "The files of '%s' change while they are copied", qemu);
}

int ct_vm_give(struct ct_vm *vm, int fd, int to, struct vz_err *e)
{
	if (vm->n_fds == VM_FDS) {
		close(fd);
		return vz_fail(e, VZ_VM_ERROR, 0, "Too many disks and interfaces");
	}
	vm->fds[vm->n_fds++] = (struct ns_box_fd){ fd, to };
	return 0;
}

static int open_disk(struct ct_plan *p, int area, size_t i, struct vz_err *e)
{
	const char *name = conf_list(p->ct->conf, P_DISKS)->v[i], *format = ct_vm_format(name);
	_cleanup_free_ char *path = xasprintf("disks/%s", name);
	const unsigned int beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	int fd, r;

	if (!format)
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "DISKS: '%s' ends neither in .raw nor in .qcow2", name);
	fd = sys_openat2(area, path, O_RDWR | O_DIRECT | O_CLOEXEC | O_NONBLOCK, 0, beneath);
	p->vm->direct[i] = fd >= 0;
	if (fd < 0 && errno == EINVAL)
		fd = sys_openat2(area, path, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0, beneath);
	if (fd < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "Disk '%s/%s'", p->ct->private, path);
	r = fcntl(fd, F_SETFL, 0) < 0 ? vz_fail(e, VZ_VM_ERROR, errno, "Disk '%s'", name) : 0;
	if (r == 0)
		r = ct_vm_image_check(fd, format, name, e);
	if (r < 0) {
		close(fd);
		return r;
	}
	return ct_vm_give(p->vm, fd, VM_FD_DISK + (int)i, e);
}

/* Bound into the box as it is: the emulator opens it by itself, as nobody's user. */
static int open_boot(struct ct_plan *p, int area, enum param_id id, const char *at,
		     struct vz_err *e)
{
	const char *path = conf_str(p->ct->conf, id);
	_cleanup_close_ int fd = -EBADF;
	struct ct_vm *vm = p->vm;
	struct stat st;
	int tree;

	if (!path)
		return 0;
	fd = *path == '/' ? open(path, O_PATH | O_CLOEXEC) :
			    sys_openat2(area, path, O_PATH | O_CLOEXEC, 0,
					RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0 || fstat(fd, &st) < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "%s: '%s'", param_get(id)->key, path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IROTH))
		return vz_fail(e, VZ_VM_ERROR, 0, "%s: '%s' is no file that everybody may read",
			       param_get(id)->key, path);
	tree = sys_open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "%s: '%s'", param_get(id)->key, path);
	vm->files[vm->box.n_files++] = (struct ns_box_file){ tree, at };
	return 0;
}

static int open_seed(struct ct_plan *p, int area, struct vz_err *e)
{
	int fd, r;

	if (!ct_vm_wants_seed(p->ct->conf))
		return 0;
	r = ct_vm_seed(p, area, e);
	if (r < 0)
		return r;
	fd = sys_openat2(area, VM_SEED, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "'%s/" VM_SEED "'", p->ct->private);
	return ct_vm_give(p->vm, fd, VM_FD_SEED, e);
}

static int read_only(int tree, unsigned int more, struct vz_err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | more,
		.propagation = MS_PRIVATE,
	};

	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return vz_fail(e, VZ_VM_ERROR, errno,
			       "Unable to make a mount of the box read-only");
	return 0;
}

static int open_mounts(struct ct_plan *p, int area, struct vz_err *e)
{
	struct ct_vm *vm = p->vm;
	int r;

	vm->box.root = sys_open_tree(AT_FDCWD, vm->root, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (vm->box.root < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "Unable to open '%s'", vm->root);
	vm->box.files = vm->files;
	r = read_only(vm->box.root, 0, e);
	if (r == 0 && conf_str(p->ct->conf, P_KERNEL)) {
		r = open_boot(p, area, P_KERNEL, "boot/kernel", e);
		if (r == 0)
			r = open_boot(p, area, P_INITRD, "boot/initrd", e);
	}
	for (size_t i = 0; r == 0 && i < vm->box.n_files; i++)
		r = read_only(vm->files[i].tree, MOUNT_ATTR_NOEXEC, e);
	return r;
}

static int listen_at(const struct ct *ct, const char *name, struct vz_err *e)
{
	_cleanup_free_ char *path = ct_run_path(ct->id, name);
	int fd = io_unix_listen(path, SOCK_STREAM, 1);

	return fd < 0 ? vz_fail(e, VZ_VM_ERROR, -fd, "Unable to listen on '%s'", path) : fd;
}

static int open_sockets(struct ct_plan *p, struct vz_err *e)
{
	static const struct {
		const char *name;
		int to;
	} socks[] = { { "qmp.sock", VM_FD_QMP }, { "ga.sock", VM_FD_GA } };
	int pipes[2];

	for (size_t i = 0; i < ARRAY_SIZE(socks); i++) {
		int fd = listen_at(p->ct, socks[i].name, e);
		int r = fd < 0 ? fd : ct_vm_give(p->vm, fd, socks[i].to, e);

		if (r < 0)
			return r;
	}
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to create a pipe");
	p->vm->err = pipes[0];
	return ct_vm_give(p->vm, pipes[1], VM_FD_ERR, e);
}

static int check_nics(const struct conf *c, struct vz_err *e)
{
	const struct conf_netif *nif;
	size_t n = conf_netifs(c, &nif);

	if (n > VM_TAPS_MAX)
		return vz_fail(e, VZ_VM_ERROR, 0, "A virtual machine has at most %d interfaces",
			       VM_TAPS_MAX);
	for (size_t i = 0; i < n; i++)
		if (!*nif[i].mac)
			return vz_fail(e, VZ_VM_ERROR, 0, "NETIF: %s has no MAC address",
				       nif[i].ifname);
	return 0;
}

static int check_words(const struct conf *c, struct vz_err *e)
{
	const char *machine = conf_str(c, P_MACHINE);

	if (machine && strncmp(machine, "pc", 2) != 0 && strncmp(machine, "q35", 3) != 0)
		return vz_fail(e, VZ_VM_ERROR, 0, "MACHINE: '%s' (q35, pc or a version of them)",
			       machine);
	for (; machine && *machine; machine++)
		if (!isalnum((unsigned char)*machine) && !strchr("-.", *machine))
			return vz_fail(e, VZ_VM_ERROR, 0, "MACHINE: '%c' is in no machine's name",
				       *machine);
	if (check_nics(c, e) < 0)
		return -EINVAL;
	if (!conf_str(c, P_KERNEL) && !conf_list(c, P_DISKS)->n)
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "The virtual machine has neither a disk nor a kernel to boot");
	return 0;
}

/* The last step of the emulator's process: ids, capabilities, system calls. */
static int secure(void *plan)
{
	const struct ct_plan *p = plan;
	struct rlimit core = { 0, 0 }, files = { 1024, 1024 };

	for (int c = 0; prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0; c++)
		;
	if (setrlimit(RLIMIT_CORE, &core) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, VM_UID, VM_UID, VM_UID) < 0 ||
	    syscall(SYS_setresuid, VM_UID, VM_UID, VM_UID) < 0)
		return -errno;
	if (sec_caps_apply(0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -EPERM;
#ifdef VZ_TEST_HOOKS
	/* What holds without the filter is tested, too. */
	if (getenv("VZ_BOX_NO_SECCOMP"))
		return 0;
#endif
	return sec_seccomp_load(p->seccomp);
}

int ct_vm_step_files(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_close_ int area = open(p->ct->private, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct vz_strv *disks = conf_list(p->ct->conf, P_DISKS);
	struct ct_vm *vm = p->vm;
	int r = check_words(p->ct->conf, e);

	if (r == 0 && area < 0)
		r = vz_fail(e, VZ_FS_NOPRVT, errno, "Private area '%s'", p->ct->private);
	/* The file may have been edited. */
	if (r == 0)
		ct_vm_twin(p->ct);
	if (r == 0)
		r = find_root(p, e);
	if (r == 0)
		r = open_mounts(p, area, e);
	for (size_t i = 0; r == 0 && i < disks->n && i < VM_DISKS_MAX; i++)
		r = open_disk(p, area, i, e);
	if (r == 0)
		r = open_seed(p, area, e);
	if (r == 0)
		r = open_sockets(p, e);
	if (r < 0)
		return r;
	ct_vm_argv(p);
	ct_vm_devs(p);
	vz_strv_add(&vm->env, "PATH=/usr/bin");
	vz_strv_add(&vm->env, "LANG=C");
	p->seccomp = SEC_PROFILE_QEMU;
	vm->box.argv = (const char *const *)vm->argv.v;
	vm->box.env = (const char *const *)vm->env.v;
	vm->box.secure = secure;
	vm->box.secure_arg = p;
	return 0;
}

void ct_vm_show_files(const struct ct_plan *p, struct vz_buf *b)
{
	_cleanup_free_ char *disks = vz_strv_join(conf_list(p->ct->conf, P_DISKS), " ");

	vz_buf_addf(b, "files of %s, disks %s", conf_str(p->ct->node, P_QEMU),
		    *disks ? disks : "none");
}

/* ---- run ------------------------------------------------------------------- */

int ct_vm_step_exec(struct ct_plan *p, struct vz_err *e)
{
	struct ct_vm *vm = p->vm;
	int r = ns_box_go(p->init_sock, p->init_pid, &p->map, vm->fds, vm->n_fds, e);

	/* Its end of the pipe is the only one now: the holder sees its end. */
	for (size_t i = 0; i < vm->n_fds; i++)
		close_fd(&vm->fds[i].fd);
	vm->n_fds = 0;
	return r;
}

void ct_vm_show_exec(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "pivot, user namespace 0:%u:%u, no capabilities, seccomp, exec %s",
		    p->map.uid, p->map.count, conf_str(p->ct->node, P_QEMU));
}

int ct_vm_step_hold(struct ct_plan *p, struct vz_err *e)
{
	return ct_vm_hold(p->ct, p->vm->err, p->start.restore ? "load" : "new", e);
}

void ct_vm_show_hold(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "vzqemu holds %s/%u/qmp.sock", ct_run_dir(), p->ct->id);
}

/* Last of all: until then a start that fails has not touched the disks. */
int ct_vm_step_run(struct ct_plan *p, struct vz_err *e)
{
	return ct_vm_ask(p->ct, "cont", "", NULL, 0, RUN_MS, NULL, e);
}

void ct_vm_show_run(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_adds(b, p->start.restore ? "the dump is removed, cont" : "cont");
}
