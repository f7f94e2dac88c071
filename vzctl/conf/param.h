/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parameter table: what every key of vz.conf and CTID.conf and every
 * option of create and set is.  The rows are in conf/params.def; nothing else
 * in the tree names a key, an option or a default.
 */
#ifndef VZ_CONF_PARAM_H
#define VZ_CONF_PARAM_H

#include "base/util.h"

enum param_id {
#define PARAM(id, ...) P_##id,
#include "conf/params.def"
#undef PARAM
	P_COUNT,
};

/* What a value looks like, and which conf_ accessor reads it. */
enum param_type {
	PT_STR,		/* conf_str: one line of text */
	PT_PATH,	/* conf_str: absolute, $VEID allowed, no trailing slash */
	PT_HOSTNAME,	/* conf_str */
	PT_NAME,	/* conf_str: see conf_name_check() */
	PT_TEMPLATE,	/* conf_str: a file name or "oci:REF" */
	PT_ENUM,	/* conf_str: one of @words, lower case */
	PT_LAYOUT,	/* conf_str: one of @words with an optional ":mode" */
	PT_CPUSET,	/* conf_str: "0-2,7" or one of @words */
	PT_DECIMAL,	/* conf_str: "1.5" */
	PT_BOOL,	/* conf_bool, conf_u64 */
	PT_UINT,	/* conf_u64, min..max */
	PT_PERCENT,	/* conf_u64: "50" or "50%" */
	PT_RATE,	/* conf_u64: bytes per second, 0 is unlimited */
	PT_SIZE,	/* conf_u64: bytes, suffixes */
	PT_PAIR,	/* conf_pair: barrier and limit in @unit */
	PT_IPLIST,	/* conf_list: "192.0.2.1/24", canonical */
	PT_ADDRLIST,	/* conf_list: addresses without mask or one of @words */
	PT_WORDLIST,	/* conf_list: words without blanks */
	PT_BINDLIST,	/* conf_list: "SRC:DST[,opt...]" */
	PT_FWDLIST,	/* conf_list: see conf_portfwd_parse() */
	PT_RATELIST,	/* conf_list: "DEV:CLASS:KBITS", see conf/traffic.h */
	PT_NETIF,	/* conf_netifs */
	PT_TOGGLES,	/* conf_toggles: names of @words */
	PT_DEVICES,	/* conf_devices: b|c:MAJ:MIN:rwqm */
	PT_DEVNODES,	/* conf_devices: NAME:rw */
};

enum param_unit { PU_NONE, PU_PAGES, PU_BYTES, PU_ITEMS, PU_KB, PU_INODES, PU_SECONDS };

enum param_when {
	WHEN_CREATE = 1u << 0,	/* an option of create */
	WHEN_SET = 1u << 1,	/* an option of set */
	WHEN_START = 1u << 2,	/* takes effect at start */
	WHEN_LIVE = 1u << 3,	/* can change while the container runs */
	WHEN_NODE = 1u << 4,	/* may stand in vz.conf */
	WHEN_FILE = 1u << 5,	/* may stand in CTID.conf */
};

/* Which part of a running container a change touches. */
enum param_group { PG_NONE, PG_CPU, PG_MEM, PG_IO, PG_NET, PG_FS, PG_SEC, PG_DIST, PG_MISC };

enum param_action {
	PA_MAP,		/* enforced */
	PA_VIEW,	/* stored and shown, covered by the memory limit */
	PA_STORE,	/* stored, no effect */
	PA_WARN,	/* stored, no effect, and @reason is said once */
	PA_REJECT,	/* refused on the command line with @code and @reason */
};

enum param_flags {
	PF_NEEDS_SAVE = 1u << 0,	/* refused (20) without --save */
	PF_CT_ONLY = 1u << 1,		/* identity: not copied by --applyconfig or scaling */
	PF_PLAIN = 1u << 2,		/* pairs always as two decimals: libvirt reads them */
	PF_SUFFIX = 1u << 3,		/* pairs written with K, M, G where exact */
	PF_EMPTY_UNSETS = 1u << 4,	/* --name "" removes the key */
	PF_FILE_ONLY_OWN = 1u << 5,	/* vz.conf's value is no default for containers */
};

struct param {
	const char *key;
	const char *alias;	/* other keys that are read, blank separated, or NULL */
	const char *opt;	/* option names without dashes, blank separated; first: canonical */
	const char *opt_del;	/* removes list entries */
	const char *opt_bytes;	/* sets the limit half in bytes: --ram */
	const char *words;	/* what PT_ENUM, PT_TOGGLES, ... accept, blank separated */
	const char *def;	/* built-in default as in a file, or NULL */
	const char *reason;	/* of PA_WARN and PA_REJECT */
	const char *column;	/* vzlist field or NULL */
	const char *header;
	const char *doc;	/* sentences; mdoc escapes are the generator's business */
	const char *example;	/* a value as in a file */
	uint64_t min, max;	/* of PT_UINT; max 0: none */
	int width;		/* of the column; negative: left aligned */
	short code;		/* exit code of PA_REJECT; 0: 21 */
	char short_opt;
	uint8_t type, unit, when, group, action, flags;
};

const struct param *param_get(enum param_id id);
/* P_COUNT when there is none.  Keys are case-sensitive; aliases count. */
enum param_id param_by_key(const char *key, size_t len);
/*
 * Exact option name without dashes; '_' and '-' are the same.  Options of all
 * three kinds are found.  P_COUNT when there is none.
 */
enum param_id param_by_opt(const char *name);
/* True if @name (len bytes) is one of the blank separated @words; case ignored. */
bool param_word(const char *words, const char *name, size_t len);
/* "--ipadd", for messages; "KEY" for rows without an option.  @buf is used and returned. */
const char *param_label(enum param_id id, char *buf, size_t size);

#define param_for_each(id) for (enum param_id id = 0; id < P_COUNT; id++)

#endif
