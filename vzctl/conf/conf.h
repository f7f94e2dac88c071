/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration: pure text <-> struct conf.  Knows no kernel and no container.
 *
 * Every parameter is one row of conf/params.def; enum param_id, the parser,
 * the writer, the options of create and set, vzlist columns, the man pages and
 * the completion read that row.  See conf/param.h.
 *
 * A struct conf holds at most one value per parameter.  Layers (built-in
 * default < vz.conf < CTID.conf < command line) are merged by conf_merge().
 */
#ifndef VZ_CONF_CONF_H
#define VZ_CONF_CONF_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/param.h"

struct conf;

struct conf_pair {
	uint64_t bar;	/* barrier or soft limit */
	uint64_t lim;	/* VZ_UNLIMITED is "unlimited" */
};

#define CONF_VLANS_MAX 32	/* tagged ones of one interface */

/* One row of NETIF=: empty strings where the file gives nothing. */
struct conf_netif {
	char ifname[16], host_ifname[16], bridge[16];
	char mac[18], host_mac[18];	/* 00:18:51:AA:BB:CC upper case, or "" */
	bool mac_filter;		/* default true */
	uint16_t mtu;			/* 0: the kernel's default */
	uint16_t pvid;			/* VLAN of untagged frames, 0: none given */
	uint16_t tagged[CONF_VLANS_MAX], n_tagged;
	char *extra;			/* other keys, kept: "gw=1.2.3.4,dhcp=yes" or NULL; owned */
};

/* The value of @key in extra, "" when it is not there; returns @buf. */
const char *conf_netif_extra(const struct conf_netif *n, const char *key, char *buf, size_t size);
/* "10+20+30" or ""; returns @buf, which holds any value in CONF_VLAN_STRLEN bytes. */
#define CONF_VLAN_STRLEN (5 * (CONF_VLANS_MAX + 1) + 2)
const char *conf_netif_vlan(const struct conf_netif *n, char *buf);

/* CAPABILITY, FEATURES: name (lower case) and state. */
struct conf_toggle {
	char name[32];
	bool on;
};

/* DEVICES b|c:MAJ:MIN|all:rwqm and DEVNODES name:rw */
struct conf_device {
	char type;			/* 'b' or 'c'; 0 for DEVNODES */
	int32_t major, minor;		/* -1: all */
	char name[64];			/* DEVNODES: below /dev, no ".." */
	char access[8];			/* "rw", "none" */
};

/* PORTFWD: @n ports from @port on lead to as many from @ct_port on. */
struct conf_portfwd {
	char addr[46];			/* of the node; "": all */
	uint16_t port, n, ct_port;
	bool udp;
};

/* [ADDR:]HOSTPORT[-END]:CTPORT[/tcp|/udp], an IPv6 ADDR in brackets.  0 or -EINVAL. */
int conf_portfwd_parse(const char *text, struct conf_portfwd *ret);
/* The same port of the same address, whatever it leads to. */
bool conf_portfwd_overlap(const struct conf_portfwd *a, const struct conf_portfwd *b);

struct conf *conf_new(void);
void conf_free(struct conf *c);
static inline void conf_freep(struct conf **c)
{
	conf_free(*c);
}
#define _cleanup_conf_ _cleanup_(conf_freep)

bool conf_has(const struct conf *c, enum param_id p);
/* Borrowed from @c until the next change; NULL when unset. */
const char *conf_str(const struct conf *c, enum param_id p);
uint64_t conf_u64(const struct conf *c, enum param_id p, uint64_t def);
bool conf_bool(const struct conf *c, enum param_id p, bool def);
/* False and untouched when unset. */
bool conf_pair(const struct conf *c, enum param_id p, struct conf_pair *ret);
/* Never NULL; empty when unset.  IP_ADDRESS, NAMESERVER, ... */
const struct vz_strv *conf_list(const struct conf *c, enum param_id p);
size_t conf_netifs(const struct conf *c, const struct conf_netif **ret);
size_t conf_toggles(const struct conf *c, enum param_id p, const struct conf_toggle **ret);
size_t conf_devices(const struct conf *c, enum param_id p, const struct conf_device **ret);

/*
 * Sets @p from text as found in a file (CONF_FILE) or on the command line
 * (CONF_CLI: IOLIMIT in MB/s, stricter).  Lists: replaced.
 * Fails with 21 "Bad parameter for --NAME: VALUE" naming what is accepted.
 */
enum conf_source { CONF_FILE, CONF_CLI };
int conf_set(struct conf *c, enum param_id p, const char *value, enum conf_source src,
	     struct vz_err *e);
void conf_unset(struct conf *c, enum param_id p);
/* The canonical file form ("0:256M", "yes", ...): owned by the caller. */
char *conf_format(const struct conf *c, enum param_id p);

/*
 * A set of changes, as parsed from a command line: values to set, list entries
 * to add and delete, parameters to remove.  conf_apply() turns @base into what
 * the container will have; deletions come first (--ipdel all --ipadd X).
 */
struct conf_change;
struct conf_change *conf_change_new(void);
void conf_change_free(struct conf_change *ch);
bool conf_change_empty(const struct conf_change *ch);
/* Does the change touch @p at all? */
bool conf_change_has(const struct conf_change *ch, enum param_id p);
/* What --ipadd etc. named, for messages and live apply; never NULL. */
const struct vz_strv *conf_change_added(const struct conf_change *ch, enum param_id p);
/* What --ipdel named; the single entry "all" deletes everything. */
const struct vz_strv *conf_change_deleted(const struct conf_change *ch, enum param_id p);
int conf_apply(struct conf *base, const struct conf_change *ch, struct vz_err *e);
/* What a command adds by itself: ORIGIN_SAMPLE, LOCAL_UID, ...  Lists: replaced. */
int conf_change_set(struct conf_change *ch, enum param_id p, const char *value,
		    enum conf_source src, struct vz_err *e);
void conf_change_unset(struct conf_change *ch, enum param_id p);
/* --applyconfig: every value of @sample that is not the identity of a container. */
void conf_change_sample(struct conf_change *ch, const struct conf *sample);
/* The word "auto" in IP_ADDRESS, of the change or of what it changes, becomes @addrs. */
void conf_change_set_auto(struct conf_change *ch, const struct vz_strv *addrs);
/*
 * Gives the interfaces that @ch adds the names and addresses that were not
 * typed: vethCTID.N, 00:18:51:xx:xx:xx inside and FE:18:51:xx:xx:xx outside.
 * Once, before conf_apply() and conf_save_ct(), so that both see the same.
 * @taken: is this MAC somebody's on the node?  May be NULL.
 */
void conf_change_fill_netif(struct conf_change *ch, uint32_t ctid,
			    bool (*taken)(const char *mac, void *arg), void *arg);

/*
 * Options of create and set (enum param_when masks choose the rows).  Options
 * that are no parameter (--save, --force, --setmode ...) are taken from
 * @extra, a table of the command's own; both spellings --opt=v and --opt v,
 * dash and underscore, unique abbreviations.  20 = syntax, 21 = unknown option
 * or bad value, as vzctl-compat section 2.1.
 *
 * @argv holds the arguments behind the CTID only: argv[0] is already one.
 * The value of an extra option with has_arg may be NULL in the table.
 */
struct conf_extra_opt {
	const char *name;
	char short_opt;		/* or 0 */
	bool has_arg;
	bool *flag;		/* set true when seen, or NULL */
	const char **value;	/* borrowed from argv, or NULL */
};
int conf_parse_args(int argc, char **argv, unsigned int when, const struct conf_extra_opt *extra,
		    size_t n_extra, struct conf_change *ch, struct vz_err *e);

/* ---- files ---------------------------------------------------------- */

/* /etc/vz (VZ_SYSCONFDIR "/vz"), or $VZ_CONFDIR in test builds. */
const char *conf_dir(void);
/* Another directory, for unit tests and offline tools; @dir is borrowed, NULL resets. */
void conf_dir_set(const char *dir);
/* vz.conf merged over built-in defaults.  10 when missing. */
int conf_load_node(struct conf **ret, struct vz_err *e);
/*
 * CTID.conf merged over @node's values; $VEID in VE_ROOT and VE_PRIVATE is
 * expanded.  14 when missing.  Bad values warn with the line number and are
 * ignored: a config file never prevents a start.
 */
int conf_load_ct(uint32_t ctid, const struct conf *node, struct conf **ret, struct vz_err *e);
/*
 * conf_load_ct() of many containers, for lists: a thread reads their files ahead
 * while the caller parses, and the caller reads, too, when it has to wait.  @ids
 * is borrowed.  Each is best asked for once, in the order of @ids.  Of bad values
 * nothing is said, unless a file is long.
 */
struct conf_ahead;
struct conf_ahead *conf_ahead_new(const uint32_t *ids, size_t n);
int conf_ahead_load(struct conf_ahead *a, size_t i, const struct conf *node, struct conf **ret,
		    struct vz_err *e);
void conf_ahead_free(struct conf_ahead *a);
/* Gives @c, read from a file of its own, @node's values for what it does not set. */
void conf_over_node(struct conf *c, const struct conf *node, uint32_t ctid);
/* What a container without a config file has: @node's values. */
void conf_defaults_ct(uint32_t ctid, const struct conf *node, struct conf **ret);
/* The file's own values only, unexpanded and unmerged. */
int conf_load_file(const char *path, struct conf **ret, struct vz_err *e);
/* The same, with what would be warned about put into @problems ("line 3: ..."). */
int conf_check_file(const char *path, struct conf **ret, struct vz_strv *problems,
		    struct vz_err *e);
/* A sample (ve-NAME.conf-sample).  82 when missing. */
int conf_load_sample(const char *name, struct conf **ret, struct vz_err *e);
/* Its text, for conf_create_ct(). */
int conf_read_sample(const char *name, struct vz_buf *ret, struct vz_err *e);
/*
 * Rewrites CTID.conf: lines of changed parameters are replaced in place or
 * appended, removed ones dropped; comments, unknown keys, order, line ends of
 * other lines survive.  Atomic.  Missing file: created (with a warning when
 * @warn_missing).  139 on failure.  1 when the file was written, 0 when it
 * already says all that ("No changes in CT configuration, not saving").
 */
int conf_save_ct(uint32_t ctid, const struct conf_change *ch, bool warn_missing,
		 struct vz_err *e);
/* The same for any file that exists. */
int conf_save_file(const char *path, const struct conf_change *ch, struct vz_err *e);
/* The same for a file's text: appends to @ret. */
int conf_edit_text(const char *text, size_t len, const struct conf_change *ch, struct vz_buf *ret,
		   struct vz_err *e);
/*
 * Writes a complete new file from @base_text (a sample's text, or "") + @ch,
 * with ONBOOT="auto" when neither has one (libvirt needs the key).  82 when the
 * file exists.
 */
int conf_create_ct(uint32_t ctid, const char *base_text, const struct conf_change *ch,
		   struct vz_err *e);
/* Renames CTID.conf, CTID.mount, ... to *.destroyed. */
int conf_destroy_ct(uint32_t ctid, struct vz_err *e);
/* Owned by the caller: "/etc/vz/conf/101.conf". */
char *conf_ct_path(uint32_t ctid);
bool conf_ct_exists(uint32_t ctid);
/* All CTIDs with a config file, ascending; *ret owned by the caller. */
int conf_ct_all(uint32_t **ret, size_t *ret_n, struct vz_err *e);

/* ---- names ---------------------------------------------------------- */

/* "101" or a name; 21 for unknown.  Ids must be 1..2147483644 (0 if @allow_0). */
int conf_name_resolve(const char *arg, bool allow_0, uint32_t *ret, struct vz_err *e);
/* Checks the characters (131). */
int conf_name_check(const char *name, struct vz_err *e);
/* Makes the symlink and removes @old (may be NULL); @name may be NULL. 131. */
int conf_name_set(uint32_t ctid, const char *name, const char *old, struct vz_err *e);

#endif
