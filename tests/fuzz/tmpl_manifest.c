// SPDX-License-Identifier: GPL-2.0-or-later
/* NAME.json from broken hands; what was read and written once is stable. */
#include "../../vzctl/tmpl/vztmpl/manifest.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_manifest_ struct manifest again = { 0 };
	_cleanup_buf_ struct vz_buf one = VZ_BUF_INIT;
	_cleanup_buf_ struct vz_buf two = VZ_BUF_INIT;
	_cleanup_free_ char *text = xstrndup((const char *)data, size);

	if (!parse(text, &m))
		return 0;
	manifest_format("x", &m, &one);
	if (!parse(vz_buf_str(&one), &again))
		abort();
	manifest_format("x", &again, &two);
	if (!str_eq(vz_buf_str(&one), vz_buf_str(&two)))
		abort();
	return 0;
}
