// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * *.conf from hostile or broken hands.  Beyond not crashing:
 *  - what was read, written canonically and read again is the same;
 *  - an edit changes the parameters it names and no other;
 *  - a second identical edit changes nothing.
 */
#include "../../vzctl/conf/file.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf *read_all(const char *text, size_t n)
{
	struct reader rd = { .c = conf_new(), .mask = WHEN_FILE | WHEN_NODE };

	read_text(&rd, text, n);
	return rd.c;
}

static void check_canonical(const struct conf *c)
{
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	_cleanup_conf_ struct conf *again = NULL;

	param_for_each(p) {
		_cleanup_free_ char *v = NULL;

		if (!conf_own(c, p))
			continue;
		v = conf_format(c, p);
		conf_quote(&text, param_get(p)->key, v, param_get(p)->type == PT_PATH);
		vz_buf_addc(&text, '\n');
	}
	again = read_all(vz_buf_str(&text), text.len);
	param_for_each(p) {
		_cleanup_free_ char *a = conf_format(c, p), *b = conf_format(again, p);

		if (!str_eq(a, b)) {
			fprintf(stderr, "%s: '%s' became '%s'\n", param_get(p)->key, a, b);
			abort();
		}
	}
}

static void check_edit(const char *text, size_t n, const struct conf *before)
{
	static const char *const argv[] = { "--hostname", "fuzz", "--ipadd", "192.0.2.1",
					    "--cpus=3", "--ipdel", "192.0.2.2",
					    "--netif_del", "eth0" };
	_cleanup_buf_ struct vz_buf once = VZ_BUF_INIT, twice = VZ_BUF_INIT;
	struct conf_change *ch = conf_change_new();
	_cleanup_conf_ struct conf *after = NULL;
	struct vz_err e = VZ_ERR_INIT;

	if (conf_parse_args(ARRAY_SIZE(argv), (char **)argv, WHEN_SET, NULL, 0, ch, &e) < 0 ||
	    edit_text(text, n, ch, &once, &e) < 0 ||
	    edit_text(vz_buf_str(&once), once.len, ch, &twice, &e) < 0)
		abort();
	if (once.len != twice.len || memcmp(vz_buf_str(&once), vz_buf_str(&twice), once.len) != 0)
		abort();
	after = read_all(vz_buf_str(&once), once.len);
	if (!str_eq(conf_str(after, P_HOSTNAME), "fuzz") || conf_u64(after, P_CPUS, 0) != 3)
		abort();
	param_for_each(p) {
		_cleanup_free_ char *a = conf_format(before, p), *b = conf_format(after, p);

		if (!conf_change_has(ch, p) && !str_eq(a, b)) {
			fprintf(stderr, "%s: '%s' became '%s'\n", param_get(p)->key, a, b);
			abort();
		}
	}
	conf_change_free(ch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_conf_ struct conf *c = NULL;

	if (size > CONF_FILE_MAX)
		return 0;
	c = read_all((const char *)data, size);
	check_canonical(c);
	check_edit((const char *)data, size, c);
	return 0;
}
