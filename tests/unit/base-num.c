// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/num.h"
#include "tests/lib/tap.h"

TEST(u64_bounds)
{
	uint64_t v = 7;

	is_int(num_parse_u64("0", &v), 0);
	is_int(v, 0);
	is_int(num_parse_u64("18446744073709551615", &v), 0);
	ok(v == UINT64_MAX);
	is_int(num_parse_u64("18446744073709551616", &v), -ERANGE);
	is_int(num_parse_u64("", &v), -EINVAL);
	is_int(num_parse_u64("-1", &v), -EINVAL);
	is_int(num_parse_u64("1 ", &v), -EINVAL);
	is_int(num_parse_u64("0x10", &v), -EINVAL);
}

TEST(ctid_range)
{
	uint32_t v;

	is_int(num_parse_ctid("2147483644", &v), 0);
	is_int(num_parse_ctid("2147483645", &v), -ERANGE);
	is_int(num_parse_ctid("101x", &v), -EINVAL);
}

TEST(sizes)
{
	uint64_t v;
	bool suffix;

	is_int(num_parse_size("2.5G", "BKMGTP", 4096, &v, &suffix), 0);
	is_int(v, 2684354560);
	ok(suffix);
	is_int(num_parse_size("3p", "BKMGTP", 4096, &v, &suffix), 0);
	is_int(v, 12288);
	is_int(num_parse_size("100", "KMG", 4096, &v, &suffix), 0);
	ok(!suffix);
	is_int(v, 100);
	is_int(num_parse_size("1.5", "KMG", 4096, &v, &suffix), -EINVAL);
	is_int(num_parse_size("1T", "KMG", 4096, &v, &suffix), -EINVAL);
	is_int(num_parse_size("1KB", "KMGB", 4096, &v, &suffix), -EINVAL);
	is_int(num_parse_size("99999999999T", "T", 4096, &v, &suffix), -ERANGE);
	is_int(num_parse_size(".5G", "G", 4096, &v, &suffix), -EINVAL);
}

TEST(bools)
{
	bool b = false;

	is_int(num_parse_bool("YES", &b), 0);
	ok(b);
	is_int(num_parse_bool("off", &b), 0);
	ok(!b);
	is_int(num_parse_bool("maybe", &b), -EINVAL);
}

TEST(human)
{
	char b[NUM_HUMAN];

	is_str(num_human(0, b), "0");
	is_str(num_human(1023, b), "1023");
	is_str(num_human(1024, b), "1K");
	is_str(num_human(1536, b), "1.5K");
	is_str(num_human(100 * 1024 + 1000, b), "100K");
	is_str(num_human(256ull << 20, b), "256M");
	is_str(num_human((1ull << 30) - 1, b), "1023M");
	is_str(num_human(VZ_UNLIMITED, b), "7.9E");
	is_str(num_human(UINT64_MAX, b), "15.9E");
}

TAP_MAIN()
