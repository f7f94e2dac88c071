// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options of `vzctl set`, split at NUL, and what they make of a file:
 *  - what was written is what applying the options in memory gives;
 *  - the same command again changes nothing.
 */
#include "../../vzctl/conf/file.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARGS_MAX 64

static struct conf *read_all(const char *text, size_t n)
{
	struct reader rd = { .c = conf_new(), .mask = WHEN_FILE | WHEN_NODE };

	read_text(&rd, text, n);
	return rd.c;
}

static void check(const struct conf_change *ch)
{
	static const char old[] = "IP_ADDRESS=\"192.0.2.1 2001:db8::1/64\"\n"
		"NETIF=\"ifname=eth0,mac=00:18:51:01:02:03,host_ifname=veth101.0,"
		"host_mac=FE:18:51:01:02:03\"\nCPUS=2\n";
	_cleanup_buf_ struct vz_buf once = VZ_BUF_INIT, twice = VZ_BUF_INIT;
	_cleanup_conf_ struct conf *applied = read_all(old, strlen(old)), *written = NULL;
	struct vz_err e = VZ_ERR_INIT;

	if (edit_text(old, strlen(old), ch, &once, &e) < 0)
		return;
	if (conf_apply(applied, ch, &e) < 0)
		abort();
	written = read_all(vz_buf_str(&once), once.len);
	param_for_each(p) {
		_cleanup_free_ char *a = conf_format(applied, p), *b = conf_format(written, p);

		if (!str_eq(a, b)) {
			fprintf(stderr, "%s: '%s' is written '%s'\n", param_get(p)->key, a, b);
			abort();
		}
	}
	/* What was deleted and is added again goes to the end: the order may change. */
	if (conf_change_has(ch, P_BINDMOUNT) || conf_change_has(ch, P_NETIF))
		return;
	if (edit_text(vz_buf_str(&once), once.len, ch, &twice, &e) == 0 &&
	    !str_eq(vz_buf_str(&once), vz_buf_str(&twice))) {
		fprintf(stderr, "once: %s\ntwice: %s\n", vz_buf_str(&once), vz_buf_str(&twice));
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *copy = xmalloc(size + 1);
	struct conf_change *ch = conf_change_new();
	struct vz_err e = VZ_ERR_INIT;
	char *argv[ARGS_MAX + 1];
	int argc = 0;

	memcpy(copy, data, size);
	copy[size] = '\0';
	for (size_t at = 0; at < size && argc < ARGS_MAX; at += strlen(copy + at) + 1)
		argv[argc++] = copy + at;
	argv[argc] = NULL;
	if (conf_parse_args(argc, argv, WHEN_SET, NULL, 0, ch, &e) >= 0) {
		conf_change_fill_netif(ch, 101, NULL, NULL);
		check(ch);
	} else if (!e.code || !e.msg[0]) {
		abort();
	}
	conf_change_free(ch);
	return 0;
}
