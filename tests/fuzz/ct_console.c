// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys of `vzctl console`: ESC . at the start of a line detaches, all else arrives,
 * however the keys are cut into reads.
 */
#include <assert.h>
#include <sys/socket.h>

static char sent[1 << 16];
static size_t sent_len;

#define send(fd, p, n, flags) fuzz_send(p, n)
static ssize_t fuzz_send(const char *p, size_t n);
#include "../../vzctl/ct/console.c"

static ssize_t fuzz_send(const char *p, size_t n)
{
	assert(n > 1 && n <= MON_PACKET_MAX && p[0] == 'd' && sent_len + n <= sizeof(sent));
	memcpy(sent + sent_len, p + 1, n - 1);
	sent_len += n - 1;
	return (ssize_t)n;
}

char *ct_run_path(uint32_t id, const char *name)
{
	return xstrdup(name);
}

char *ct_console_log(uint32_t id)
{
	return xstrdup("");
}

bool ct_is_running(const char *slice, uint32_t id)
{
	return false;
}

static bool at_start(const char *in, size_t i)
{
	return i == 0 || in[i - 1] == '\r' || in[i - 1] == '\n';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* What console_loop() reads at once. */
	const size_t most = MON_PACKET_MAX / 2 - 1;
	struct escape st = { .bol = true };
	const char *in = (const char *)data + 1;
	size_t n = size ? size - 1 : 0, want, cut = size ? data[0] + 1 : 1;
	bool detach = false, attached = true;

	if (cut > 200)
		cut = most;
	sent_len = 0;
	for (want = 0; want < n && !detach; want++)
		if (in[want] == '\033' && at_start(in, want) &&
		    (want + 1 == n || in[want + 1] == '.')) {
			detach = want + 1 < n;
			break;
		}
	for (size_t at = 0; at < n && attached; at += cut)
		attached = send_keys(1, &st, in + at, n - at < cut ? n - at : cut);
	assert(attached == !detach);
	/* Keys of the read that detached are not typed; of the reads before, all. */
	if (attached) {
		assert(sent_len == want && !memcmp(sent, in, want));
	} else {
		assert(sent_len <= want && !memcmp(sent, in, sent_len));
	}
	return 0;
}
