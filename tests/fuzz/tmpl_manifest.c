// SPDX-License-Identifier: GPL-2.0-or-later
/* NAME.json from broken hands; what was read is stable from the second writing on. */
#include "../../vzctl/tmpl/vztmpl/manifest.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_manifest_ struct manifest again = { 0 };
	_cleanup_manifest_ struct manifest third = { 0 };
	_cleanup_buf_ struct vz_buf one = VZ_BUF_INIT;
	_cleanup_buf_ struct vz_buf two = VZ_BUF_INIT;
	_cleanup_buf_ struct vz_buf three = VZ_BUF_INIT;
	_cleanup_free_ char *text = xstrndup((const char *)data, size);

	if (!parse(text, &m))
		return 0;
	manifest_format("x", &m, &one);
	if (!parse(vz_buf_str(&one), &again))
		abort();
	manifest_format("x", &again, &two);
	/* Bytes that are no UTF-8 become some the first time. */
	if (!parse(vz_buf_str(&two), &third))
		abort();
	manifest_format("x", &third, &three);
	if (!str_eq(vz_buf_str(&two), vz_buf_str(&three)))
		abort();
	return 0;
}
