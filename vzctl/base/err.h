/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The error idiom.  Every exported function above base that can fail returns
 * 0 (or a value >= 0) or a negative errno, and takes `struct vz_err *e` last.
 *
 *  - The function that knows the noun fills @e, once, with vz_fail().
 *  - Callers may prefix context with vz_wrap(), at most once per room.
 *  - Success never touches @e, failure never touches ret_ parameters.
 *  - @e is never NULL; a caller that ignores it says VZ_IGNORE.
 *  - Only front ends (cmd, list) print it and turn @code into an exit status.
 *
 * The struct is a fixed 512 bytes without pointers, so a cloned child reports
 * by writing it to a pipe: one write, atomic below PIPE_BUF (pipe(7)).
 */
#ifndef VZ_BASE_ERR_H
#define VZ_BASE_ERR_H

#include "base/util.h"

/* Published exit codes of vzctl 4.x (include/vzerror.h there); 180.. are new. */
enum vz_code {
	VZ_OK = 0,
	VZ_SETUBC_ERROR = 1,
	VZ_SETFSHD_ERROR = 2,
	VZ_SYSTEM_ERROR = 3,
	VZ_BAD_KERNEL = 5,
	VZ_RESOURCE_ERROR = 6,
	VZ_ENVCREATE_ERROR = 7,
	VZ_COMMAND_EXECUTION_ERROR = 8,
	VZ_LOCKED = 9,
	VZ_NOCONFIG = 10,
	VZ_NOSCRIPT = 11,
	VZ_NO_ACCES = 12,
	VZ_SET_CAP = 13,
	VZ_NOVECONFIG = 14,
	VZ_EXEC_TIMEOUT = 15,
	VZ_CHKPNT_ERROR = 16,
	VZ_RESTORE_ERROR = 17,
	VZ_INVALID_PARAMETER_SYNTAX = 20,
	VZ_INVALID_PARAMETER_VALUE = 21,
	VZ_VE_ROOT_NOTSET = 22,
	VZ_VE_PRIVATE_NOTSET = 23,
	VZ_VE_TMPL_NOTSET = 24,
	VZ_NOTENOUGHPARAMS = 27,
	VZ_NOTENOUGHUBCPARAMS = 28,
	VZ_VE_OSTEMPLATE_NOTSET = 29,
	VZ_VE_NOT_RUNNING = 31,
	VZ_VE_RUNNING = 32,
	VZ_STOP_ERROR = 33,
	VZ_CANT_ADDIP = 34,
	VZ_VALIDATE_ERROR = 35,
	VZ_OVERCOMMIT_ERROR = 36,
	VZ_FS_NOT_MOUNTED = 40,
	VZ_FS_MOUNTED = 41,
	VZ_FS_NOPRVT = 43,
	VZ_FS_PRVT_AREA_EXIST = 44,
	VZ_FS_NO_DISK_SPACE = 46,
	VZ_FS_BAD_TMPL = 47,
	VZ_FS_NEW_VE_PRVT = 48,
	VZ_FS_MPOINTCREATE = 49,
	VZ_FS_CANTMOUNT = 50,
	VZ_FS_CANTUMOUNT = 51,
	VZ_FS_DEL_PRVT = 52,
	VZ_UNK_MOUNT_TYPE = 53,
	VZ_CANT_CREATE_DIR = 54,
	VZ_NOTENOUGH_QUOTA_LIMITS = 55,
	VZ_DQ_SET = 62,
	VZ_DISKSPACE_NOT_SET = 63,
	VZ_DISKINODES_NOT_SET = 64,
	VZ_ERROR_SET_USER_QUOTA = 65,
	VZ_DQ_UGID_NOTINITIALIZED = 67,
	VZ_GET_QUOTA_USAGE = 68,
	VZ_BADHOSTNAME = 70,
	VZ_BADIP = 71,
	VZ_BADDNSSRV = 72,
	VZ_BADDNSSEARCH = 73,
	VZ_CHANGEPASS = 74,
	VZ_VE_LCKDIR_NOTSET = 77,
	VZ_IP_INUSE = 78,
	VZ_ACTIONSCRIPT_ERROR = 79,
	VZ_CP_CONFIG = 82,
	VZ_INVALID_CONFIG = 85,
	VZ_SET_DEVICES = 86,
	VZ_IP_NA = 89,
	VZ_OSTEMPLATE_NOT_FOUND = 91,
	VZ_STORAGE_UNSUP = 99,
	VZ_GET_IP_ERROR = 100,
	VZ_NETDEV_ERROR = 104,
	VZ_VE_START_DISABLED = 105,
	VZ_SET_IPTABLES = 106,
	VZ_NO_DISTR_CONF = 107,
	VZ_NO_DISTR_ACTION_SCRIPT = 108,
	VZ_APPLY_CONFIG_ERROR = 109,
	VZ_VETH_ERROR = 130,
	VZ_SET_NAME_ERROR = 131,
	VZ_WAIT_FAILED = 133,
	VZ_CONFIG_SAVE_ERROR = 139,
	VZ_SET_OSRELEASE = 144,
	VZ_SET_IO = 148,
	VZ_IMAGE_CREATE = 151,
	VZ_IMAGE_MOUNT = 152,
	VZ_IMAGE_UMOUNT = 153,
	VZ_IMAGE_RESIZE = 154,
	VZ_IMAGE_CONVERT = 155,
	VZ_SNAP_CREATE = 156,
	VZ_SNAP_MERGE = 157,
	VZ_SNAP_DELETE = 158,
	VZ_SNAP_SWITCH = 159,
	VZ_SNAP_MOUNT = 160,
	VZ_SNAP_UMOUNT = 161,
	VZ_COMPACT = 166,
	VZ_SNAP_LIST = 167,
	VZ_IDMAP = 180,
	VZ_CGROUP_DELEGATION = 181,
	VZ_NO_HELPER = 182,
	VZ_NEEDS_PATCHED_KERNEL = 183,
	VZ_BUSY = 184,
	VZ_VM_ERROR = 185,
	VZ_IMAGE_SIGNATURE = 186,
	VZ_TEMPLATE_ERROR = 187,
	VZ_PORT_INUSE = 188,
};

struct vz_err {
	int code;	/* enum vz_code */
	int sys;	/* positive errno, or 0 */
	char room[8];	/* "store", "cg": for the log and for tests */
	char msg[496];	/* one sentence, no newline, no full stop */
};

_Static_assert(sizeof(struct vz_err) == 512, "vz_err crosses pipes as one record");

#define VZ_ERR_INIT ((struct vz_err){ 0 })
/* The result of the call does not matter; greppable on purpose. */
#define VZ_IGNORE (&(struct vz_err){ 0 })

/* Each room's .c files define VZ_ROOM before including this header. */
#ifndef VZ_ROOM
#define VZ_ROOM ""
#endif

/*
 * Fills @e and returns -@sys, or -EPROTO when @sys is 0 (an error that no
 * errno describes).  @fmt names the object; ": strerror" is appended when
 * @sys is set.  Async-signal and fork safe: no allocation.
 *
 * The macro tells the compiler, and the analyzers, that the result is negative:
 * they see that no out parameter is read after a failure.
 */
#define vz_fail(e, code, sys, ...)                                              \
	({                                                                      \
		int fail_r_ = vz_fail_room(e, VZ_ROOM, code, sys, __VA_ARGS__); \
		if (fail_r_ >= 0)                                               \
			__builtin_unreachable();                                \
		fail_r_;                                                        \
	})
__printf(5, 6) int vz_fail_room(struct vz_err *e, const char *room, enum vz_code code,
				int sys, const char *fmt, ...);

/* Prefixes "context: " to e->msg if @r is negative; returns @r. */
__printf(3, 4) int vz_wrap(struct vz_err *e, int r, const char *fmt, ...);

#endif
