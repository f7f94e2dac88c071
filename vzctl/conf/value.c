// SPDX-License-Identifier: GPL-2.0-or-later
/* Text to value and back, one pair of functions per type. */
#include "conf/priv.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "base/num.h"
#include "conf/traffic.h"

#define PAGE_UNLIMITED_OLD 2147483647ULL	/* INT_MAX: "unlimited" of 32-bit nodes */

bool param_is_list(const struct param *p)
{
	return p->type == PT_IPLIST || p->type == PT_ADDRLIST || p->type == PT_WORDLIST ||
	       p->type == PT_BINDLIST || p->type == PT_FWDLIST || p->type == PT_RATELIST;
}

static bool is_string(const struct param *p)
{
	return p->type <= PT_DECIMAL;
}

void value_done(const struct param *p, union value *v)
{
	if (is_string(p)) {
		free(v->s);
	} else if (param_is_list(p)) {
		vz_strv_done(&v->list);
	} else if (p->type >= PT_NETIF) {
		for (size_t i = 0; p->type == PT_NETIF && i < v->arr.n; i++)
			netif_done(&v->arr.netif[i]);
		free(v->arr.any);
	}
	memset(v, 0, sizeof(*v));
}

static size_t arr_size(const struct param *p)
{
	return p->type == PT_NETIF ? sizeof(struct conf_netif) :
	       p->type == PT_TOGGLES ? sizeof(struct conf_toggle) :
				       sizeof(struct conf_device);
}

void value_copy(const struct param *p, union value *dst, const union value *src)
{
	memset(dst, 0, sizeof(*dst));
	if (is_string(p)) {
		dst->s = xstrdup(src->s);
	} else if (param_is_list(p)) {
		vz_strv_copy(&dst->list, &src->list);
	} else if (p->type >= PT_NETIF) {
		dst->arr.n = src->arr.n;
		if (!src->arr.n)
			return;
		dst->arr.any = xcalloc(src->arr.n, arr_size(p));
		memcpy(dst->arr.any, src->arr.any, src->arr.n * arr_size(p));
		for (size_t i = 0; p->type == PT_NETIF && i < src->arr.n; i++)
			netif_copy(&dst->arr.netif[i], &src->arr.netif[i]);
	} else {
		*dst = *src;
	}
}

bool value_equal(const struct param *p, const union value *a, const union value *b)
{
	_cleanup_buf_ struct vz_buf x = VZ_BUF_INIT, y = VZ_BUF_INIT;

	value_format(p, a, &x);
	value_format(p, b, &y);
	return str_eq(vz_buf_str(&x), vz_buf_str(&y));
}

bool value_empty(const struct param *p, const union value *v)
{
	return param_is_list(p) ? !v->list.n : p->type >= PT_NETIF && !v->arr.n;
}

/* ---- numbers --------------------------------------------------------- */

static uint64_t page_size(void)
{
	static uint64_t size;

	if (!size)
		size = (uint64_t)sysconf(_SC_PAGESIZE);
	return size;
}

static const struct unit_row {
	const char *suffixes, *what;
	uint16_t factor;	/* of the unit in bytes; 0: the page size */
} units[] = {
	[PU_PAGES] = { "BKMGTP", "pages, or bytes with a suffix of BKMGT, or unlimited", 0 },
	[PU_BYTES] = { "BKMGTP", "bytes, with an optional suffix of BKMGT, or unlimited", 1 },
	[PU_ITEMS] = { "", "a whole number or unlimited", 1 },
	[PU_KB] = { "BKMGTP", "kilobytes, or a suffix of BKMGT, or unlimited", 1024 },
	[PU_INODES] = { "KMG", "a whole number, with an optional suffix of KMG, or unlimited", 1 },
};

/* One half of a pair, in the row's unit. */
static int parse_amount(const struct param *p, const char *s, uint64_t *ret)
{
	const struct unit_row *u = &units[p->unit];
	uint64_t n, factor = u->factor ? u->factor : page_size();
	bool suffix;
	int r;

	if ((*s == 'u' || *s == 'U') && strcasecmp(s, "unlimited") == 0) {
		*ret = VZ_UNLIMITED;
		return 0;
	}
	r = num_parse_size(s, u->suffixes, page_size(), &n, &suffix);
	if (r < 0)
		return r;
	if (suffix)
		n /= factor;
	if (n > VZ_UNLIMITED)
		return -ERANGE;
	*ret = n;
	return 0;
}

static int parse_half(const struct param *p, const char *s, size_t len, enum conf_source src,
		      uint64_t *ret, bool *clamped)
{
	char word[64];
	int r;

	if (!len || len >= sizeof(word))
		return -EINVAL;
	memcpy(word, s, len);
	word[len] = '\0';
	r = parse_amount(p, word, ret);
	if (r == -ERANGE && src == CONF_FILE) {
		*ret = VZ_UNLIMITED;
		*clamped = true;
		return 0;
	}
	return r;
}

static int parse_pair(const struct param *p, const char *s, enum conf_source src, union value *v,
		      char *why, size_t why_size, bool *clamped)
{
	size_t n = strcspn(s, ":");
	int r = parse_half(p, s, n, src, &v->pair.bar, clamped);

	v->pair.lim = v->pair.bar;
	if (r == 0 && s[n])
		r = parse_half(p, s + n + 1, strlen(s + n + 1), src, &v->pair.lim, clamped);
	if (r < 0)
		snprintf(why, why_size, "%s; one number or BARRIER:LIMIT", units[p->unit].what);
	return r;
}

static int check_range(const struct param *p, uint64_t n, char *why, size_t why_size)
{
	if (n >= p->min && (!p->max || n <= p->max))
		return 0;
	snprintf(why, why_size, "%" PRIu64 " to %" PRIu64, p->min, p->max);
	return -EINVAL;
}

static int parse_uint(const struct param *p, const char *s, union value *v, char *why,
		      size_t why_size)
{
	if (p->words && param_word(p->words, s, strlen(s))) {
		v->u = 0;
		return 0;
	}
	if (num_parse_u64(s, &v->u) < 0)
		v->u = UINT64_MAX;
	return check_range(p, v->u, why, why_size);
}

static int parse_percent(const struct param *p, const char *s, union value *v, char *why,
		         size_t why_size)
{
	char word[32];
	size_t n = strlen(s);

	if (p->words && param_word(p->words, s, n)) {
		v->u = 0;
		return 0;
	}
	if (n && s[n - 1] == '%')
		n--;
	if (n >= sizeof(word))
		n = 0;
	memcpy(word, s, n);
	word[n] = '\0';
	if (num_parse_u64(word, &v->u) < 0)
		v->u = UINT64_MAX;
	return check_range(p, v->u, why, why_size);
}

/* The command line counts in MB/s where a file counts in bytes/s. */
static int parse_rate(const char *s, enum conf_source src, union value *v, char *why,
		      size_t why_size)
{
	bool suffix = false;

	if (strcasecmp(s, "unlimited") == 0) {
		v->u = 0;
		return 0;
	}
	if (num_parse_size(s, "BKMG", 1, &v->u, &suffix) == 0 &&
	    (suffix || src == CONF_FILE || !__builtin_mul_overflow(v->u, 1048576, &v->u)) &&
	    v->u < VZ_UNLIMITED)
		return 0;
	snprintf(why, why_size, "%s, a suffix of BKMG is bytes/s, 0 or unlimited",
		 src == CONF_CLI ? "megabytes/s" : "bytes/s");
	return -EINVAL;
}

static int parse_size(const char *s, union value *v, char *why, size_t why_size)
{
	bool suffix;

	if (strcasecmp(s, "unlimited") == 0) {
		v->u = VZ_UNLIMITED;
		return 0;
	}
	if (num_parse_size(s, "BKMGTP", page_size(), &v->u, &suffix) == 0 && v->u <= VZ_UNLIMITED)
		return 0;
	snprintf(why, why_size, "%s", units[PU_BYTES].what);
	return -EINVAL;
}

/* ---- strings --------------------------------------------------------- */

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 127)
			return true;
	return false;
}

static bool path_ok(const char *s)
{
	const char *d;

	if (*s != '/' || strlen(s) > 1024 || strpbrk(s, "`\"\\"))
		return false;
	for (d = strchr(s, '$'); d; d = strchr(d + 1, '$'))
		if (!str_has_prefix(d, "$VEID") && !str_has_prefix(d, "${VEID}"))
			return false;
	for (d = strstr(s, "/.."); d; d = strstr(d + 1, "/.."))
		if (d[3] == '/' || !d[3])
			return false;
	return true;
}

static bool hostname_ok(const char *s)
{
	if (strlen(s) > 64 || *s == '-' || *s == '.')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-._", *s))
			return false;
	return true;
}

static bool template_ok(const char *s)
{
	bool oci = str_has_prefix(s, "oci:");

	if (*s == '-' || strlen(s) > 255 || str_eq(s, "..") || (!oci && strchr(s, '/')))
		return false;
	for (; *s; s++)
		if (!isgraph((unsigned char)*s) || strchr("\"'`$\\", *s))
			return false;
	return true;
}

static bool cpuset_ok(const struct param *p, const char *s)
{
	if (param_word(p->words, s, strlen(s)))
		return true;
	for (;;) {
		unsigned long a, b;
		char *end;

		if (!isdigit((unsigned char)*s))
			return false;
		a = b = strtoul(s, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			b = strtoul(end + 1, &end, 10);
		if (b < a || b > 8191)
			return false;
		if (!*end)
			return true;
		if (*end != ',')
			return false;
		s = end + 1;
	}
}

static bool decimal_ok(const char *s)
{
	size_t a = strspn(s, "0123456789"), b = 0;

	if (s[a] == '.')
		b = 1 + strspn(s + a + 1, "0123456789");
	return a && b != 1 && !s[a + b] && a + b < 20;
}

static bool layout_ok(const struct param *p, const char *s)
{
	static const char modes[] = "expanded plain raw qcow2 ext4 xfs";
	size_t n = strcspn(s, ":");

	return param_word(p->words, s, n) &&
	       (!s[n] || param_word(modes, s + n + 1, strlen(s + n + 1)));
}

static bool string_ok(const struct param *p, const char *s)
{
	switch ((enum param_type)p->type) {
	case PT_PATH:
		return path_ok(s);
	case PT_HOSTNAME:
		return hostname_ok(s);
	case PT_NAME:
		return conf_name_check(s, VZ_IGNORE) == 0;
	case PT_TEMPLATE:
		return template_ok(s);
	case PT_ENUM:
		return param_word(p->words, s, strlen(s));
	case PT_LAYOUT:
		return layout_ok(p, s);
	case PT_CPUSET:
		return cpuset_ok(p, s);
	case PT_DECIMAL:
		return decimal_ok(s);
	default:
		return true;
	}
}

static const char *const string_syntax[] = {
	[PT_STR] = "one line of text",
	[PT_PATH] = "an absolute path, with $VEID at most",
	[PT_HOSTNAME] = "up to 64 letters, digits, dots, dashes and underscores",
	[PT_NAME] = "up to 63 letters, digits, blanks and -+_., not starting with -",
	[PT_TEMPLATE] = "a template name without slashes, or oci:REFERENCE",
	[PT_ENUM] = "one of:",
	[PT_LAYOUT] = "one of:",
	[PT_CPUSET] = "numbers and ranges like 0-2,7, or:",
	[PT_DECIMAL] = "a number like 1.5",
};

static int parse_string(const struct param *p, const char *s, union value *v, char *why,
		        size_t why_size)
{
	size_t n = strlen(s);

	if (has_control(s) || !string_ok(p, s)) {
		snprintf(why, why_size, "%s%s%s", string_syntax[p->type], p->words ? " " : "",
			 p->words ? p->words : "");
		return -EINVAL;
	}
	while (p->type == PT_PATH && n > 1 && s[n - 1] == '/')
		n--;
	v->s = xstrndup(s, n);
	for (char *c = v->s; *c && (p->type == PT_ENUM || p->type == PT_LAYOUT); c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

/* ---- addresses and lists --------------------------------------------- */

bool value_ip_is_any(const char *s)
{
	return str_eq(s, "0.0.0.0") || str_eq(s, "::") || str_eq(s, "::0");
}

bool value_ip_same(const char *a, const char *b)
{
	size_t n = strcspn(a, "/");

	return n == strcspn(b, "/") && strncmp(a, b, n) == 0;
}

/* "24" or "255.255.255.0" */
static int parse_mask(const char *s, unsigned int max, unsigned int *ret)
{
	struct in_addr m;
	uint32_t bits, n;

	if (num_parse_u32(s, &n) == 0) {
		*ret = n;
		return n <= max ? 0 : -EINVAL;
	}
	if (max != 32 || inet_pton(AF_INET, s, &m) != 1)
		return -EINVAL;
	bits = ntohl(m.s_addr);
	n = (uint32_t)__builtin_popcount(bits);
	*ret = n;
	return bits == (n ? ~0u << (32 - n) : 0) ? 0 : -EINVAL;
}

int value_ip_canon(const char *s, bool want_mask, char *ret, size_t size)
{
	char addr[64], text[INET6_ADDRSTRLEN];
	const char *canon = addr;	/* inet_pton(3) takes IPv4 in one form only */
	size_t n = strcspn(s, "/");
	unsigned char bin[16];
	unsigned int mask;
	int family;

	if (n >= sizeof(addr) || (s[n] && !want_mask))
		return -EINVAL;
	memcpy(addr, s, n);
	addr[n] = '\0';
	family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, addr, bin) != 1)
		return -EINVAL;
	if (family == AF_INET6)
		canon = inet_ntop(family, bin, text, sizeof(text));
	if (!canon)
		return -EINVAL;
	if (!s[n]) {
		snprintf(ret, size, "%s", canon);
		return 0;
	}
	if (parse_mask(s + n + 1, family == AF_INET ? 32 : 128, &mask) < 0)
		return -EINVAL;
	snprintf(ret, size, "%s/%u", canon, mask);
	return 0;
}

static bool bind_ok(const char *s)
{
	_cleanup_free_ char *copy = xstrdup(s);
	char *dst = strchr(copy, ':'), *opts = NULL, *o, *save;

	if (!dst)
		return false;
	*dst++ = '\0';
	opts = strchr(dst, ',');
	if (opts)
		*opts++ = '\0';
	if (*copy != '/' || *dst != '/' || strpbrk(s, "`$\"'\\") || strstr(dst, "/..") ||
	    has_control(s))
		return false;
	for (o = opts ? strtok_r(opts, ",", &save) : NULL; o; o = strtok_r(NULL, ",", &save))
		if (!param_word("ro rw nosuid noexec nodev", o, strlen(o)))
			return false;
	return true;
}

static bool plain_word(const char *s)
{
	if (*s == '-' || strlen(s) > 255)
		return false;
	for (; *s; s++)
		if (!isgraph((unsigned char)*s) || strchr("\"'`$\\;", *s))
			return false;
	return true;
}

/* The canonical form of one entry; false when it is none. */
static bool item_canon(const struct param *p, const char *s, size_t len, char *ret, size_t size)
{
	memcpy(ret, s, len + 1);
	if (p->words && param_word(p->words, s, len))
		return true;
	if (p->type == PT_IPLIST || p->type == PT_ADDRLIST)
		return value_ip_canon(s, p->type == PT_IPLIST, ret, size) == 0;
	if (p->type == PT_FWDLIST)
		return value_fwd_canon(s, ret, size) == 0;
	if (p->type == PT_RATELIST) {
		struct conf_rate rate;

		return conf_rate_parse(s, &rate) == 0 && conf_rate_format(&rate, ret, size) == 0;
	}
	return p->type == PT_BINDLIST ? bind_ok(s) : plain_word(s);
}

static const char *list_syntax(const struct param *p)
{
	return p->type == PT_IPLIST ? "IPv4 or IPv6 addresses with an optional /PREFIX" :
	       p->type == PT_ADDRLIST ? "IPv4 or IPv6 addresses, or inherit" :
	       p->type == PT_BINDLIST ?
			"SRC:DST[,ro|rw|nosuid|noexec|nodev...] with absolute paths" :
	       p->type == PT_FWDLIST ?
			"[ADDR:]HOSTPORT[-END]:CTPORT[/tcp|/udp] with ports from 1 to 65535, 1024 in a range" :
	       p->type == PT_RATELIST ?
			"DEVICE:CLASS:KBITS or CLASS:KBITS, the class 1 to 15, KBITS not 0" :
			"words without quotes";
}

/* Do two entries speak about the same thing? */
static bool item_same(const struct param *p, const char *a, const char *b)
{
	return p->type == PT_IPLIST   ? value_ip_same(a, b) :
	       p->type == PT_RATELIST ? conf_rate_same(a, b) :
					str_eq(a, b);
}

/* An entry with the same address replaces the earlier one, as in 4.x. */
static void list_put(const struct param *p, struct vz_strv *l, const char *item)
{
	if (p->type == PT_IPLIST && value_ip_is_any(item))
		return;
	for (size_t i = 0; i < l->n; i++) {
		if (!item_same(p, l->v[i], item))
			continue;
		free(l->v[i]);
		l->v[i] = xstrdup(item);
		return;
	}
	vz_strv_add(l, item);
}

static int parse_list(const struct param *p, const char *s, union value *v, char *why,
		      size_t why_size)
{
	/* --rate of prlctl has commas. */
	const char *seps = p->type == PT_RATELIST ? " \t," : " \t";
	struct vz_strv list = VZ_STRV_INIT;
	char word[2100], item[2100];

	while (*(s += strspn(s, seps))) {
		size_t n = strcspn(s, seps);

		if (n >= sizeof(word) || list.n >= CONF_LIST_MAX)
			goto bad;
		memcpy(word, s, n);
		word[n] = '\0';
		if (!item_canon(p, word, n, item, sizeof(item)))
			goto bad;
		list_put(p, &list, item);
		s += n;
	}
	v->list = list;
	return 0;
bad:
	snprintf(why, why_size, "at most %d %s", CONF_LIST_MAX, list_syntax(p));
	vz_strv_done(&list);
	return -EINVAL;
}

/* ---- toggles and devices --------------------------------------------- */

static int parse_toggle(const struct param *p, const char *s, size_t n, struct conf_toggle *t)
{
	size_t name = 0;
	char state[8];

	while (name < n && s[name] != ':')
		name++;
	if (name == n || n - name - 1 >= sizeof(state) || name >= sizeof(t->name))
		return -EINVAL;
	memcpy(state, s + name + 1, n - name - 1);
	state[n - name - 1] = '\0';
	/* libcap's spelling is accepted, the file has the short one. */
	if (p->words && name > 4 && strncasecmp(s, "cap_", 4) == 0) {
		s += 4;
		name -= 4;
	}
	if (!param_word(p->words, s, name) || num_parse_bool(state, &t->on) < 0)
		return -EINVAL;
	for (size_t i = 0; i < name; i++)
		t->name[i] = (char)tolower((unsigned char)s[i]);
	t->name[name] = '\0';
	return 0;
}

static bool parse_access(const char *s, char *ret, size_t size)
{
	size_t n = strlen(s);

	if (n >= size || (!str_eq(s, "none") && (!n || strspn(s, "rwqm") != n)))
		return false;
	memcpy(ret, s, n + 1);
	return true;
}

static bool parse_devno(const char *s, int32_t *ret)
{
	uint32_t n;

	if (str_eq(s, "all")) {
		*ret = -1;
		return true;
	}
	if (num_parse_u32(s, &n) < 0 || n > 0xfffff)
		return false;
	*ret = (int32_t)n;
	return true;
}

static int parse_device(char *s, struct conf_device *d)
{
	char *f[4] = { s };
	int n = 1;

	for (char *c = s; *c && n < 4; c++) {
		if (*c != ':')
			continue;
		*c = '\0';
		f[n++] = c + 1;
	}
	/* b:8:rw is the old spelling of b:8:all:rw. */
	if (n == 3) {
		f[3] = f[2];
		d->minor = -1;
	} else if (n != 4 || !parse_devno(f[2], &d->minor)) {
		return -EINVAL;
	}
	if ((!str_eq(f[0], "b") && !str_eq(f[0], "c")) || !parse_devno(f[1], &d->major) ||
	    !parse_access(f[3], d->access, sizeof(d->access)))
		return -EINVAL;
	d->type = *f[0];
	/* Block major 7 is the loop driver: never, as in 4.x. */
	return d->type == 'b' && d->major == 7 ? -EINVAL : 0;
}

static int parse_devnode(char *s, struct conf_device *d)
{
	char *colon = strrchr(s, ':');
	size_t n;

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (str_has_prefix(s, "/dev/"))
		s += 5;
	n = strlen(s);
	if (!n || n >= sizeof(d->name) || *s == '/' || strstr(s, "..") || !plain_word(s) ||
	    !parse_access(colon + 1, d->access, sizeof(d->access)))
		return -EINVAL;
	memcpy(d->name, s, n + 1);
	d->major = d->minor = -1;
	return 0;
}

static const char *array_syntax(const struct param *p)
{
	return p->type == PT_TOGGLES ? "NAME:on or NAME:off, NAME one of " :
	       p->type == PT_DEVICES ? "b|c:MAJOR|all:MINOR|all:r|w|q|none, not the loop driver" :
				       "NAME:r|w|q|none, NAME below /dev";
}

/* Does entry @a speak about the same thing as @b? */
static bool array_same(const struct param *p, const void *a, const void *b)
{
	const struct conf_device *x = a, *y = b;

	if (p->type == PT_TOGGLES)
		return str_eq(((const struct conf_toggle *)a)->name,
			      ((const struct conf_toggle *)b)->name);
	return x->type == y->type && x->major == y->major && x->minor == y->minor &&
	       str_eq(x->name, y->name);
}

/* The later word about the same thing wins, in the place of the earlier. */
static void array_put(const struct param *p, union value *v, const void *entry)
{
	size_t size = arr_size(p), i;

	for (i = 0; i < v->arr.n; i++)
		if (array_same(p, (char *)v->arr.any + i * size, entry))
			break;
	if (i == v->arr.n)
		v->arr.any = xrealloc(v->arr.any, ++v->arr.n * size);
	memcpy((char *)v->arr.any + i * size, entry, size);
}

static int parse_array(const struct param *p, const char *s, union value *v, char *why,
		       size_t why_size)
{
	/* --capability takes commas as well as blanks. */
	while (*(s += strspn(s, " \t,"))) {
		size_t n = strcspn(s, " \t,");
		struct conf_toggle t = { 0 };
		struct conf_device d = { 0 };
		char word[128];
		int r = -EINVAL;

		if (n < sizeof(word) && v->arr.n < CONF_LIST_MAX) {
			memcpy(word, s, n);
			word[n] = '\0';
			r = p->type == PT_TOGGLES ? parse_toggle(p, s, n, &t) :
			    p->type == PT_DEVICES ? parse_device(word, &d) :
						    parse_devnode(word, &d);
		}
		if (r < 0) {
			snprintf(why, why_size, "%s%s", array_syntax(p), p->words ? p->words : "");
			value_done(p, v);
			return r;
		}
		array_put(p, v, p->type == PT_TOGGLES ? (const void *)&t : &d);
		s += n;
	}
	return 0;
}

void value_merge(const struct param *p, union value *dst, const union value *src)
{
	for (size_t i = 0; i < src->arr.n; i++)
		array_put(p, dst, (const char *)src->arr.any + i * arr_size(p));
}

/* ---- dispatch -------------------------------------------------------- */

int value_parse(const struct param *p, const char *s, enum conf_source src, union value *ret,
		char *why, size_t why_size, bool *clamped)
{
	union value v;
	bool b;
	int r;

	memset(&v, 0, sizeof(v));
	*clamped = false;
	*why = '\0';
	switch ((enum param_type)p->type) {
	case PT_BOOL:
		r = num_parse_bool(s, &b);
		v.u = r == 0 && b;
		if (r < 0)
			snprintf(why, why_size, "yes or no");
		break;
	case PT_UINT:
		r = parse_uint(p, s, &v, why, why_size);
		break;
	case PT_PERCENT:
		r = parse_percent(p, s, &v, why, why_size);
		break;
	case PT_RATE:
		r = parse_rate(s, src, &v, why, why_size);
		break;
	case PT_SIZE:
		r = parse_size(s, &v, why, why_size);
		break;
	case PT_PAIR:
		r = parse_pair(p, s, src, &v, why, why_size, clamped);
		break;
	case PT_IPLIST:
	case PT_ADDRLIST:
	case PT_WORDLIST:
	case PT_BINDLIST:
	case PT_FWDLIST:
	case PT_RATELIST:
		r = parse_list(p, s, &v, why, why_size);
		break;
	case PT_NETIF:
		r = netif_parse_file(s, &v, why, why_size);
		break;
	case PT_TOGGLES:
	case PT_DEVICES:
	case PT_DEVNODES:
		r = parse_array(p, s, &v, why, why_size);
		break;
	default:
		r = parse_string(p, s, &v, why, why_size);
		break;
	}
	if (r == 0)
		*ret = v;
	return r;
}

static void format_amount(const struct param *p, uint64_t n, struct vz_buf *out)
{
	static const char suffix[] = "KMG";
	uint64_t amount;
	unsigned int i = 0;

	if (n == VZ_UNLIMITED && !(p->flags & PF_PLAIN)) {
		vz_buf_adds(out, "unlimited");
		return;
	}
	/* Numbers of pages depend on the page size, suffixes do not. */
	if (!(p->flags & PF_SUFFIX) || !n || n >= PAGE_UNLIMITED_OLD) {
		vz_buf_addf(out, "%" PRIu64, n);
		return;
	}
	for (amount = n * (page_size() / 1024); i < 2 && amount % 1024 == 0; i++)
		amount /= 1024;
	vz_buf_addf(out, "%" PRIu64 "%c", amount, suffix[i]);
}

static void format_device(const struct param *p, const struct conf_device *d, struct vz_buf *out)
{
	if (p->type == PT_DEVNODES) {
		vz_buf_addf(out, "%s:%s", d->name, d->access);
		return;
	}
	vz_buf_addf(out, "%c:", d->type);
	if (d->major < 0)
		vz_buf_adds(out, "all:");
	else
		vz_buf_addf(out, "%d:", (int)d->major);
	if (d->minor < 0)
		vz_buf_addf(out, "all:%s", d->access);
	else
		vz_buf_addf(out, "%d:%s", (int)d->minor, d->access);
}

static void format_toggle(const struct param *p, const struct conf_toggle *t, struct vz_buf *out)
{
	/* 4.x writes capabilities in capitals and features as they are. */
	bool capitals = p == param_get(P_CAPABILITY);

	for (const char *c = t->name; *c; c++)
		vz_buf_addc(out, capitals ? (char)toupper((unsigned char)*c) : *c);
	vz_buf_adds(out, t->on ? ":on" : ":off");
}

void value_format(const struct param *p, const union value *v, struct vz_buf *out)
{
	if (is_string(p)) {
		vz_buf_adds(out, v->s ? v->s : "");
	} else if (p->type == PT_BOOL) {
		vz_buf_adds(out, v->u ? "yes" : "no");
	} else if (p->type == PT_PAIR) {
		format_amount(p, v->pair.bar, out);
		if (v->pair.bar != v->pair.lim || (p->flags & PF_PLAIN)) {
			vz_buf_addc(out, ':');
			format_amount(p, v->pair.lim, out);
		}
	} else if (p->type == PT_NETIF) {
		netif_format(v->arr.netif, v->arr.n, out);
	} else if (param_is_list(p)) {
		_cleanup_free_ char *s = vz_strv_join(&v->list, " ");

		vz_buf_adds(out, s);
	} else if (p->type >= PT_NETIF) {
		for (size_t i = 0; i < v->arr.n; i++) {
			if (i)
				vz_buf_addc(out, ' ');
			if (p->type == PT_TOGGLES)
				format_toggle(p, &v->arr.toggle[i], out);
			else
				format_device(p, &v->arr.dev[i], out);
		}
	} else {
		vz_buf_addf(out, "%" PRIu64, v->u);
	}
}
