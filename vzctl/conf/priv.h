/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of conf; not for other rooms. */
#ifndef VZ_CONF_PRIV_H
#define VZ_CONF_PRIV_H

#ifndef VZ_ROOM
#define VZ_ROOM "conf"
#endif
#include "conf/conf.h"

#define CONF_FILE_MAX (64u << 10)
#define CONF_LIST_MAX 1024	/* entries of one list: far above any use */

/*
 * One value; which member is used follows from the row's type.  The widest
 * member is the first, because { 0 } zeroes no more than the first.
 */
union value {
	struct {
		union {
			void *any;
			struct conf_netif *netif;
			struct conf_toggle *toggle;
			struct conf_device *dev;
		};
		size_t n;
	} arr;
	uint64_t u;
	char *s;
	struct conf_pair pair;
	struct vz_strv list;
};

_Static_assert(sizeof(union value) == sizeof(((union value *)0)->arr), "arr is the widest");

#define SET_WORDS ((P_COUNT + 63) / 64)

struct conf {
	unsigned int refs;
	struct conf *base;		/* what unset parameters fall back to, or NULL */
	uint64_t set[SET_WORDS];
	uint64_t hidden[SET_WORDS];	/* unset here although @base has it */
	union value v[P_COUNT];
};

/* The value @c has or inherits, or NULL. */
const union value *conf_value(const struct conf *c, enum param_id p);
bool conf_own(const struct conf *c, enum param_id p);
/* Takes over @v. */
void conf_put(struct conf *c, enum param_id p, union value *v);
/* Unsets those of @mask (SET_WORDS words) that @c does not set itself. */
void conf_hide(struct conf *c, const uint64_t *mask);
/* Makes unset parameters of @c fall back to @base, which stays alive with it. */
void conf_rest_on(struct conf *c, const struct conf *base);

/* All bytes of a file, at most @size - 1: -EFBIG.  A regular one is one read(2). */
ssize_t conf_slurp(int dir, const char *name, char *buf, size_t size);
/* conf_load_ct() of a file of which conf_slurp() returned @n and @text. */
int conf_load_ct_text(uint32_t ctid, const char *text, ssize_t n, const struct conf *node,
		      struct conf **ret, struct vz_err *e);

/*
 * Parses @text for row @p.  0, or a negative errno with @why (64 bytes or
 * more) saying what would be accepted; -ERANGE for numbers beyond the type.
 * @clamped is set when a file's number was cut to LONG_MAX.
 */
int value_parse(const struct param *p, const char *text, enum conf_source src, union value *ret,
		char *why, size_t why_size, bool *clamped);
void value_done(const struct param *p, union value *v);
void value_copy(const struct param *p, union value *dst, const union value *src);
void value_format(const struct param *p, const union value *v, struct vz_buf *out);
bool value_equal(const struct param *p, const union value *a, const union value *b);
/* Adds the entries of @src to the toggles or devices of @dst; the later word wins. */
void value_merge(const struct param *p, union value *dst, const union value *src);
/* A list, set of toggles, ... without entries. */
bool value_empty(const struct param *p, const union value *v);
bool param_is_list(const struct param *p);
/* One address with an optional prefix length, canonical; -EINVAL. */
int value_ip_canon(const char *s, bool want_mask, char *ret, size_t size);
/* One port forward, canonical; -EINVAL. */
int value_fwd_canon(const char *s, char *ret, size_t size);
/* True for 0.0.0.0, :: and ::0, which 4.x ignores. */
bool value_ip_is_any(const char *s);
/* Without the prefix length. */
bool value_ip_same(const char *a, const char *b);

/* NETIF, see netif.c */
enum netif_key {
	NK_IFNAME, NK_BRIDGE, NK_MAC, NK_HOST_IFNAME, NK_HOST_MAC, NK_MAC_FILTER, NK_VLAN, NK_MTU,
};
int netif_parse_file(const char *text, union value *ret, char *why, size_t why_size);
/* "eth0,mac,host,hostmac,bridge", and fields like "vlan=10" */
int netif_parse_spec(const char *spec, struct conf_netif *ret, char *why, size_t why_size);
int netif_set_key(struct conf_netif *n, const char *key, size_t key_len, const char *value,
		  char *why, size_t why_size);
void netif_format(const struct conf_netif *n, size_t count, struct vz_buf *out);
void netif_done(struct conf_netif *n);
void netif_copy(struct conf_netif *dst, const struct conf_netif *src);
/* Is @name (dashes or underscores) an option that goes with --ifname? */
const char *netif_option(const char *name);

/* Doubles nothing, escapes what a shell would take apart inside "...". */
void conf_quote(struct vz_buf *out, const char *key, const char *value, bool path);

/* For netif --ifname edits and list additions, see change.c. */
int change_list(struct conf_change *ch, enum param_id p, bool del, const char *value,
		struct vz_err *e);
int change_netif_key(struct conf_change *ch, const char *ifname, const char *key, const char *value,
		     struct vz_err *e);
int change_set_bytes(struct conf_change *ch, enum param_id p, const char *value, struct vz_err *e);

#endif
