// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading and writing *.conf: shell syntax, KEY="value" lines.
 *
 * Reading is one pass over the text in place.  Saving edits the text: lines of
 * changed keys are replaced where they stand, everything else stays as it is,
 * byte for byte.
 */
#include "conf/priv.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"

/* ---- lines ----------------------------------------------------------- */

struct line {
	const char *text;	/* start of the line */
	size_t len;		/* with its line end */
	const char *key;	/* NULL: no assignment */
	size_t key_len;
	const char *val;	/* raw text behind the '=' */
	size_t val_len;		/* without line end and blanks before it */
};

static bool key_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Splits off the line at @s; false at the end of the text. */
static bool next_line(const char **s, const char *end, struct line *l)
{
	const char *p = *s, *eol, *stop;

	if (p == end)
		return false;
	eol = memchr(p, '\n', end - p);
	stop = eol ? eol : end;
	*l = (struct line){ .text = p, .len = (eol ? eol + 1 : end) - p };
	*s = eol ? eol + 1 : end;
	while (p < stop && is_blank(*p))
		p++;
	l->key = p;
	while (p < stop && key_char(*p))
		p++;
	l->key_len = p - l->key;
	if (!l->key_len || p == stop || *p != '=') {
		l->key = NULL;
		return true;
	}
	l->val = p + 1;
	while (stop > l->val && is_blank(stop[-1]))
		stop--;
	l->val_len = stop - l->val;
	return true;
}

/*
 * The end of a quoted value.  A shell stops at the first bare quote; 4.x, which
 * did not escape quotes, at the last of the line.  They differ only where text
 * follows the first one, and there 4.x meant a longer value unless the text is
 * a comment.
 */
static const char *closing_quote(const char *p, const char *end, char q)
{
	const char *last = NULL;

	for (; p < end; p++) {
		const char *after = p + 1;

		if (*p == '\\' && q == '"' && p + 1 < end) {
			p++;
			continue;
		}
		if (*p != q)
			continue;
		while (after < end && is_blank(*after))
			after++;
		if (after == end || (*after == '#' && after > p + 1))
			return p;
		last = p;
	}
	return last ? last : end;
}

/* Copies the value without quotes and escapes; @out has room for val_len + 1. */
static void unquote(const struct line *l, char *out)
{
	const char *p = l->val, *end = l->val + l->val_len;
	char q = 0;

	if (p < end && (*p == '"' || *p == '\'')) {
		q = *p++;
		end = closing_quote(p, end, q);
	} else {
		for (const char *c = p; c < end; c++)
			if (*c == '#' && c > p && is_blank(c[-1])) {
				end = c;
				break;
			}
		while (end > p && is_blank(end[-1]))
			end--;
	}
	while (p < end) {
		if (*p == '\\' && q == '"' && p + 1 < end)
			p++;
		*out++ = *p++;
	}
	*out = '\0';
}

void conf_quote(struct vz_buf *out, const char *key, const char *value, bool path)
{
	vz_buf_adds(out, key);
	vz_buf_adds(out, "=\"");
	for (; *value; value++) {
		/* $VEID of a path is for the shell that sources the file. */
		if (strchr(path ? "\"\\`" : "\"\\`$", *value))
			vz_buf_addc(out, '\\');
		vz_buf_addc(out, *value);
	}
	vz_buf_addc(out, '"');
}

/* ---- reading --------------------------------------------------------- */

struct reader {
	struct conf *c;
	const char *path;	/* for warnings; NULL: silent */
	unsigned int mask;	/* WHEN_FILE, WHEN_NODE */
	struct vz_strv *problems;	/* collects the warnings instead, or NULL */
};

/* Something is wrong with a line and its value is ignored, or not what it seems. */
__printf(3, 4)
static void complain(const struct reader *rd, unsigned int lineno, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	char what[512];
	va_list ap;

	if (!rd->path)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (!rd->problems) {
		vz_warn("Warning: %s line %u: %s", rd->path, lineno, what);
		return;
	}
	text = xasprintf("line %u: %s", lineno, what);
	vz_strv_add(rd->problems, text);
}

static void take_value(const struct reader *rd, unsigned int lineno, enum param_id p,
		       const char *value)
{
	const struct param *row = param_get(p);
	char why[512];
	bool clamped;
	union value v;

	if (!*value && !param_is_list(row) && row->type < PT_NETIF) {
		/* KEY="" is "not set", in the shell as here. */
		if (conf_own(rd->c, p))
			conf_unset(rd->c, p);
		return;
	}
	if (value_parse(row, value, CONF_FILE, &v, why, sizeof(why), &clamped) < 0) {
		complain(rd, lineno, "bad value %s=\"%.100s\" (accepted: %.200s), ignoring",
			 row->key, value, why);
		return;
	}
	if (clamped)
		complain(rd, lineno, "%s is too large, taken as unlimited", row->key);
	conf_put(rd->c, p, &v);
}

static void read_line(const struct reader *rd, unsigned int lineno, const struct line *l,
		      uint64_t *seen)
{
	enum param_id p = param_by_key(l->key, l->key_len);
	_cleanup_free_ char *big = NULL;
	char small[1024], *value = small;

	if (p == P_COUNT || !(param_get(p)->when & rd->mask)) {
		if (rd->path)
			vz_verbose("%s line %u: unknown parameter %.*s, ignoring", rd->path, lineno,
				   (int)l->key_len, l->key);
		return;
	}
	if (seen[p / 64] >> (p % 64) & 1)
		complain(rd, lineno, "%s is set again, the last line counts", param_get(p)->key);
	seen[p / 64] |= 1ULL << (p % 64);
	if (l->val_len >= sizeof(small)) {
		big = xmalloc(l->val_len + 1);
		value = big;
	}
	unquote(l, value);
	take_value(rd, lineno, p, value);
}

static void read_text(const struct reader *rd, const char *text, size_t n)
{
	uint64_t seen[SET_WORDS] = { 0 };
	const char *s = text;
	unsigned int lineno = 0;
	struct line l;

	while (next_line(&s, text + n, &l)) {
		lineno++;
		if (!l.key)
			continue;
		if (memchr(l.val, '\0', l.val_len)) {
			complain(rd, lineno, "NUL byte, ignoring the line");
			continue;
		}
		read_line(rd, lineno, &l, seen);
	}
}

ssize_t conf_slurp(int dir, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t got = 0;

	if (fd < 0)
		return -errno;
	while (got < size) {
		ssize_t r = read(fd, buf + got, size - got);

		if (r < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		got += (size_t)r;
		/* A short read of a regular file is its end. */
		if ((size_t)r < size - (got - (size_t)r))
			break;
	}
	return got == size ? -EFBIG : (ssize_t)got;
}

/* Merges the file at @path into @c.  A negative errno; nothing printed but warnings. */
static int read_path(const char *path, unsigned int mask, struct vz_strv *problems, struct conf *c)
{
	const struct reader rd = { .c = c, .path = path, .mask = mask, .problems = problems };
	_cleanup_free_ char *big = NULL;
	char small[8192], *text = small;
	ssize_t n = conf_slurp(AT_FDCWD, path, small, sizeof(small));

	if (n == -EFBIG) {
		big = xmalloc(CONF_FILE_MAX + 1);
		text = big;
		n = conf_slurp(AT_FDCWD, path, text, CONF_FILE_MAX + 1);
	}
	if (n < 0)
		return (int)n;
	read_text(&rd, text, (size_t)n);
	return 0;
}

int conf_load_file(const char *path, struct conf **ret, struct vz_err *e)
{
	return conf_check_file(path, ret, NULL, e);
}

int conf_check_file(const char *path, struct conf **ret, struct vz_strv *problems,
		    struct vz_err *e)
{
	_cleanup_conf_ struct conf *c = conf_new();
	int r = read_path(path, WHEN_FILE | WHEN_NODE, problems, c);

	if (r < 0)
		return vz_fail(e, r == -ENOENT ? VZ_NOVECONFIG : VZ_INVALID_CONFIG, -r, "%s", path);
	*ret = take_ptr(c);
	return 0;
}

static const char *dir_override;

void conf_dir_set(const char *dir)
{
	dir_override = dir;
}

const char *conf_dir(void)
{
#ifdef VZ_TEST_HOOKS
	const char *env = getenv("VZ_CONFDIR");

	if (!dir_override && env)
		return env;
#endif
	return dir_override ? dir_override : VZ_SYSCONFDIR "/vz";
}

char *conf_ct_path(uint32_t ctid)
{
	return xasprintf("%s/conf/%u.conf", conf_dir(), ctid);
}

bool conf_ct_exists(uint32_t ctid)
{
	_cleanup_free_ char *path = conf_ct_path(ctid);

	return access(path, F_OK) == 0;
}

static struct conf *builtin_defaults(void)
{
	struct conf *c = conf_new();

	param_for_each(p)
		if (param_get(p)->def)
			(void)conf_set(c, p, param_get(p)->def, CONF_FILE, VZ_IGNORE);
	return c;
}

int conf_load_node(struct conf **ret, struct vz_err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/vz.conf", conf_dir());
	_cleanup_conf_ struct conf *c = builtin_defaults();
	int r;

	r = read_path(path, WHEN_NODE | WHEN_FILE, NULL, c);
	if (r < 0)
		return vz_fail(e, VZ_NOCONFIG, r == -ENOENT ? 0 : -r,
			       r == -ENOENT ? "Global configuration file %s not found" :
					      "Global configuration file %s", path);
	*ret = take_ptr(c);
	return 0;
}

/* $VEID and ${VEID}, once. */
static void expand_veid(struct conf *c, enum param_id p, uint32_t ctid)
{
	const char *s = conf_str(c, p), *d;
	struct vz_buf b = VZ_BUF_INIT;
	union value v = { 0 };

	if (!s || !strchr(s, '$'))
		return;
	for (; (d = strchr(s, '$')); s = d) {
		size_t n = str_has_prefix(d, "${VEID}") ? 7 : str_has_prefix(d, "$VEID") ? 5 : 0;

		vz_buf_add(&b, s, d - s);
		if (n)
			vz_buf_addu(&b, ctid);
		else
			vz_buf_addc(&b, *d);
		d += n ? n : 1;
	}
	vz_buf_adds(&b, s);
	v.s = b.s;
	conf_put(c, p, &v);
}

/* The parameters of which vz.conf's value is no default, found once. */
static const uint64_t *own_only(void)
{
	static uint64_t mask[SET_WORDS];
	static bool have;

	if (have)
		return mask;
	param_for_each(p)
		if (param_get(p)->flags & PF_FILE_ONLY_OWN)
			mask[p / 64] |= 1ULL << (p % 64);
	have = true;
	return mask;
}

void conf_over_node(struct conf *c, const struct conf *node, uint32_t ctid)
{
	conf_rest_on(c, node);
	conf_hide(c, own_only());
	expand_veid(c, P_VE_ROOT, ctid);
	expand_veid(c, P_VE_PRIVATE, ctid);
}

static int ct_path(uint32_t ctid, char *buf, size_t size, struct vz_err *e)
{
	if (snprintf(buf, size, "%s/conf/%u.conf", conf_dir(), ctid) >= (int)size)
		return vz_fail(e, VZ_NOVECONFIG, ENAMETOOLONG, "%s", conf_dir());
	return 0;
}

/* @r: how reading @path into @c ended.  Takes @c. */
static int loaded(struct conf *c, uint32_t ctid, const char *path, int r, const struct conf *node,
		  struct conf **ret, struct vz_err *e)
{
	if (r < 0) {
		conf_free(c);
		return r == -ENOENT ?
			vz_fail(e, VZ_NOVECONFIG, 0, "Container config file does not exist") :
			vz_fail(e, VZ_INVALID_CONFIG, -r, "%s", path);
	}
	conf_over_node(c, node, ctid);
	*ret = c;
	return 0;
}

int conf_load_ct(uint32_t ctid, const struct conf *node, struct conf **ret, struct vz_err *e)
{
	struct conf *c;
	char path[512];
	int r = ct_path(ctid, path, sizeof(path), e);

	if (r < 0)
		return r;
	c = conf_new();
	r = read_path(path, WHEN_FILE, NULL, c);
	return loaded(c, ctid, path, r, node, ret, e);
}

int conf_load_ct_text(uint32_t ctid, const char *text, ssize_t n, const struct conf *node,
		      struct conf **ret, struct vz_err *e)
{
	const struct reader rd = { .c = conf_new(), .mask = WHEN_FILE };
	char path[512] = "";

	if (n >= 0)
		read_text(&rd, text, (size_t)n);
	else
		(void)ct_path(ctid, path, sizeof(path), VZ_IGNORE);
	return loaded(rd.c, ctid, path, n < 0 ? (int)n : 0, node, ret, e);
}

void conf_defaults_ct(uint32_t ctid, const struct conf *node, struct conf **ret)
{
	struct conf *c = conf_new();

	conf_over_node(c, node, ctid);
	*ret = c;
}

static int sample_path(const char *name, char *path, size_t size, struct vz_err *e)
{
	if (!*name || *name == '.' || *name == '-' || strchr(name, '/') ||
	    snprintf(path, size, "%s/conf/ve-%s.conf-sample", conf_dir(), name) >= (int)size)
		return vz_fail(e, VZ_CP_CONFIG, 0, "Bad sample name '%.100s'", name);
	return 0;
}

int conf_load_sample(const char *name, struct conf **ret, struct vz_err *e)
{
	_cleanup_conf_ struct conf *c = conf_new();
	char path[512];
	int r;

	r = sample_path(name, path, sizeof(path), e);
	if (r < 0)
		return r;
	r = read_path(path, WHEN_FILE, NULL, c);
	if (r < 0)
		return vz_fail(e, VZ_CP_CONFIG, -r, "Sample config %s", path);
	*ret = take_ptr(c);
	return 0;
}

int conf_read_sample(const char *name, struct vz_buf *ret, struct vz_err *e)
{
	char path[512];
	int r;

	r = sample_path(name, path, sizeof(path), e);
	if (r < 0)
		return r;
	r = io_read_file_at(AT_FDCWD, path, ret, CONF_FILE_MAX);
	return r < 0 ? vz_fail(e, VZ_CP_CONFIG, -r, "Sample config %s", path) : 0;
}

/* ---- saving ---------------------------------------------------------- */

struct edit {
	enum param_id p;
	char *value;		/* NULL: drop the lines */
	bool written;
	size_t last;		/* number of the last line that sets it */
};

static struct edit *edit_of(struct edit *ed, size_t n, const struct line *l)
{
	enum param_id p = l->key ? param_by_key(l->key, l->key_len) : P_COUNT;

	for (size_t i = 0; i < n && p != P_COUNT; i++)
		if (ed[i].p == p)
			return &ed[i];
	return NULL;
}

static void write_edit(struct vz_buf *out, const struct edit *ed, const char *eol)
{
	const struct param *row = param_get(ed->p);

	conf_quote(out, row->key, ed->value, row->type == PT_PATH);
	vz_buf_adds(out, eol);
}

static bool ends_crlf(const struct line *l)
{
	return l->len > 1 && l->text[l->len - 2] == '\r' && l->text[l->len - 1] == '\n';
}

/* Older copies of a changed key go too: 4.x reads the first, a shell the last. */
static void rewrite(const char *text, size_t n, struct edit *ed, size_t n_ed, struct vz_buf *out)
{
	const char *s = text, *eol = "\n";
	size_t lineno = 0;
	struct line l;

	while (next_line(&s, text + n, &l)) {
		struct edit *x = edit_of(ed, n_ed, &l);

		if (x)
			x->last = lineno;
		if (lineno++ == 0 && ends_crlf(&l))
			eol = "\r\n";
	}
	s = text;
	lineno = 0;
	while (next_line(&s, text + n, &l)) {
		struct edit *x = edit_of(ed, n_ed, &l);

		if (!x) {
			vz_buf_add(out, l.text, l.len);
		} else if (x->value && x->last == lineno) {
			write_edit(out, x, ends_crlf(&l) ? "\r\n" : "\n");
			x->written = true;
		}
		lineno++;
	}
	for (size_t i = 0; i < n_ed; i++) {
		if (!ed[i].value || ed[i].written)
			continue;
		if (out->len && out->s[out->len - 1] != '\n')
			vz_buf_adds(out, eol);
		write_edit(out, &ed[i], eol);
	}
}

/*
 * What @ch changes in a file that says @text: the new canonical value of each
 * touched parameter, unless the file already means the same.
 */
static int make_edits(const char *text, size_t n, const struct conf_change *ch, struct edit *ed,
		      size_t *ret_n, struct vz_err *e)
{
	_cleanup_conf_ struct conf *before = conf_new(), *after = conf_new();
	struct reader rd = { .c = before, .mask = WHEN_FILE };
	size_t out = 0;
	int r;

	read_text(&rd, text, n);
	rd.c = after;
	read_text(&rd, text, n);
	r = conf_apply(after, ch, e);
	if (r < 0)
		return r;
	param_for_each(p) {
		bool had = conf_own(before, p), has = conf_own(after, p);

		if (!conf_change_has(ch, p))
			continue;
		if (has && had &&
		    value_equal(param_get(p), conf_value(before, p), conf_value(after, p)))
			continue;
		/* Deleting from a list that was never there leaves no empty line. */
		if (!had && has && value_empty(param_get(p), conf_value(after, p)))
			continue;
		ed[out++] = (struct edit){ .p = p, .value = has ? conf_format(after, p) : NULL };
	}
	*ret_n = out;
	return 0;
}

static int edit_text(const char *text, size_t n, const struct conf_change *ch, struct vz_buf *out,
		     struct vz_err *e)
{
	struct edit *ed = xcalloc(P_COUNT, sizeof(*ed));
	size_t n_ed = 0;
	int r;

	r = make_edits(text, n, ch, ed, &n_ed, e);
	if (r == 0)
		rewrite(text, n, ed, n_ed, out);
	for (size_t i = 0; i < n_ed; i++)
		free(ed[i].value);
	free(ed);
	return r;
}

/* Follows a symlinked config: the link stays, its target is replaced. */
static int write_config(const char *path, const struct vz_buf *text, struct vz_err *e)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	int r;

	if (text->len > CONF_FILE_MAX)
		return vz_fail(e, VZ_CONFIG_SAVE_ERROR, EFBIG, "%s", path);
	r = io_write_atomic_at(AT_FDCWD, real ? real : path, vz_buf_str(text), text->len, 0644,
			       IO_ATOMIC_KEEP_OWNER);
	return r < 0 ? vz_fail(e, VZ_CONFIG_SAVE_ERROR, -r, "Unable to save %s", path) : 0;
}

static bool text_has(const struct vz_buf *b, enum param_id p)
{
	const char *s = vz_buf_str(b);
	const char *end = s + b->len;
	struct line l;

	while (next_line(&s, end, &l))
		if (l.key && param_by_key(l.key, l.key_len) == p)
			return true;
	return false;
}

/* libvirt 9 crashes on a file without the key. */
static void add_onboot(struct vz_buf *text)
{
	if (text_has(text, P_ONBOOT))
		return;
	if (text->len && text->s[text->len - 1] != '\n')
		vz_buf_addc(text, '\n');
	conf_quote(text, param_get(P_ONBOOT)->key, "auto", false);
	vz_buf_addc(text, '\n');
}

static int save_file(const char *path, const struct conf_change *ch, bool may_create,
		     bool warn_missing, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf old = VZ_BUF_INIT, new = VZ_BUF_INIT;
	bool missing;
	int r;

	r = io_read_file_at(AT_FDCWD, path, &old, CONF_FILE_MAX);
	missing = r == -ENOENT && may_create;
	if (r < 0 && !missing)
		return vz_fail(e, VZ_CONFIG_SAVE_ERROR, -r, "%s", path);
	if (missing && warn_missing)
		vz_warn("WARNING: %s not found", path);
	r = edit_text(vz_buf_str(&old), old.len, ch, &new, e);
	if (r < 0)
		return r;
	if (missing)
		add_onboot(&new);
	else if (old.len == new.len &&
		 memcmp(vz_buf_str(&old), vz_buf_str(&new), old.len) == 0)
		return 0;
	r = write_config(path, &new, e);
	return r < 0 ? r : 1;
}

int conf_save_ct(uint32_t ctid, const struct conf_change *ch, bool warn_missing, struct vz_err *e)
{
	_cleanup_free_ char *path = conf_ct_path(ctid);

	return save_file(path, ch, true, warn_missing, e);
}

int conf_save_file(const char *path, const struct conf_change *ch, struct vz_err *e)
{
	return save_file(path, ch, false, false, e);
}

int conf_edit_text(const char *text, size_t len, const struct conf_change *ch, struct vz_buf *ret,
		   struct vz_err *e)
{
	return edit_text(text, len, ch, ret, e);
}

int conf_create_ct(uint32_t ctid, const char *base_text, const struct conf_change *ch,
		   struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	_cleanup_free_ char *path = conf_ct_path(ctid);
	int r;

	if (access(path, F_OK) == 0)
		return vz_fail(e, VZ_CP_CONFIG, 0, "Container config file %s already exists", path);
	r = edit_text(base_text, strlen(base_text), ch, &text, e);
	if (r < 0)
		return r;
	add_onboot(&text);
	return write_config(path, &text, e);
}
