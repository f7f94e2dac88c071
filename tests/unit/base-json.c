// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/json.h"
#include "tests/lib/tap.h"

TEST(objects)
{
	struct vz_buf b = VZ_BUF_INIT;
	struct json j = JSON_INIT(&b);

	json_begin(&j, NULL, '[', false);
	json_begin(&j, NULL, '{', false);
	json_u64(&j, "ctid", 101);
	json_begin(&j, "memory", '{', true);
	json_u64(&j, "held", UINT64_MAX - 1);
	json_u64(&j, "maxheld", UINT64_MAX);
	json_begin(&j, "l", '[', false);
	json_fixed(&j, NULL, 5, 2);
	json_fixed(&j, NULL, UINT64_MAX, 2);
	json_end(&j);
	json_bool(&j, "enforced", true);
	json_end(&j);
	json_begin(&j, "io", '[', false);
	json_end(&j);
	json_str(&j, "name", NULL);
	json_end(&j);
	json_begin(&j, NULL, '{', false);
	json_end(&j);
	json_end(&j);
	is_str(vz_buf_str(&b), "[\n"
			       "  {\n"
			       "    \"ctid\": 101,\n"
			       "    \"memory\": "
			       "{\"held\": 18446744073709551614, \"maxheld\": null, "
			       "\"l\": [0.05, null], \"enforced\": true},\n"
			       "    \"io\": [],\n"
			       "    \"name\": null\n"
			       "  },\n"
			       "  {}\n"
			       "]\n");
	vz_buf_done(&b);
}

static void quoted(const char *s, const char *want)
{
	struct vz_buf b = VZ_BUF_INIT;

	json_string(&b, s);
	is_str(vz_buf_str(&b), want);
	vz_buf_done(&b);
}

TEST(strings)
{
	quoted("", "\"\"");
	quoted("a\"b\\c\n\x7f", "\"a\\\"b\\\\c\\u000a\\u007f\"");
	quoted("\xc3\xa9", "\"\xc3\xa9\"");
	/* Latin-1, a cut sequence, an overlong one, a surrogate. */
	quoted("\xe9", "\"\\u00e9\"");
	quoted("\xe2\x82", "\"\\u00e2\\u0082\"");
	quoted("\xc0\x80", "\"\\u00c0\\u0080\"");
	quoted("\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\"");
}

TAP_MAIN()
