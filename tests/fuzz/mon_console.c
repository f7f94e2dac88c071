// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor's side of the console socket, on system calls that the input answers.
 *  - what a client types reaches the pty whole, window sizes as they are, nothing else does;
 *  - a client sees what the container wrote, in order, a new one what the ring holds;
 *  - one that fails is closed, once, and the others go on.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

/* In place of mon/sc.h. */
#define VZ_MON_SC_H
static long sc5(long n, long a, long b, long c, long d, long e);
#define sc_arg_(a, b, c, d, e, ...) (long)(a), (long)(b), (long)(c), (long)(d), (long)(e)
#define sc(n, ...) sc5(SYS_##n, sc_arg_(__VA_ARGS__, 0, 0, 0, 0, 0))
#include "../../vzctl/mon/vzmon.c"

#define FD_FIRST 100	/* of clients; others are the monitor's own */
#define FD_NEW_LOG 50

static const uint8_t *in;
static size_t in_len;
static long total;			/* bytes that the container wrote */
static long want[FD_FIRST + 256];	/* the next byte that a client is to see */
static uint8_t is_open[FD_FIRST + 256];
static int next_fd, failing;
static long log_size;
static char packet[MON_PACKET_MAX], typed[MON_PACKET_MAX];
static long packet_len, typed_len, n_sizes;
static struct winsize last_size;

static unsigned int take(void)
{
	if (!in_len)
		return 0;
	in_len--;
	return *in++;
}

/* Byte @at of what the container writes. */
static char wrote(long at)
{
	return (char)((at * 131) ^ (at >> 8));
}

static long on_send(long fd, const char *p, long n)
{
	assert(fd >= FD_FIRST && is_open[fd] && n > 0 && n <= MON_PACKET_MAX);
	if (failing)
		return failing == 1 ? -EAGAIN : -EPIPE;
	for (long i = 0; i < n; i++)
		assert(p[i] == wrote(want[fd] + i));
	want[fd] += n;
	assert(want[fd] <= total);
	return n;
}

static long on_read(char *p, long size)
{
	long n = take() | take() << 8;

	if (n > size)
		return n % 2 ? -EIO : n % 3 ? 0 : -EAGAIN;
	for (long i = 0; i < n; i++)
		p[i] = wrote(total + i);
	for (int fd = FD_FIRST; fd < next_fd; fd++)
		want[fd] = total;
	total += n;
	return n;
}

static long on_write(long fd, const char *p, long n)
{
	if (fd == MON_FD_LOG) {
		log_size += n;
		return n;
	}
	assert(fd == MON_FD_PTY && !typed_len && n > 0 && n < MON_PACKET_MAX);
	memcpy(typed, p, (size_t)n);
	typed_len = n;
	return n;
}

static long on_accept(void)
{
	if (next_fd == FD_FIRST + 256)
		return -EAGAIN;
	is_open[next_fd] = 1;
	want[next_fd] = total < MON_RING_SIZE ? 0 : total - MON_RING_SIZE;
	return next_fd++;
}

static long on_close(long fd)
{
	if (fd == FD_NEW_LOG)
		return 0;
	assert(fd >= FD_FIRST && is_open[fd]);
	is_open[fd] = 0;
	return 0;
}

static long sc5(long n, long a, long b, long c, long d, long e)
{
	switch (n) {
	case SYS_read:
		assert(a == MON_FD_PTY);
		return on_read((char *)b, c);
	case SYS_write:
		return on_write(a, (const char *)b, c);
	case SYS_sendto:
		return on_send(a, (const char *)b, c);
	case SYS_recvfrom:
		assert(a >= FD_FIRST && is_open[a]);
		if (packet_len > 0)
			memcpy((char *)b, packet, (size_t)(packet_len < c ? packet_len : c));
		return packet_len;
	case SYS_accept4:
		return on_accept();
	case SYS_close:
		return on_close(a);
	case SYS_ioctl:
		assert(a == MON_FD_PTY && b == TIOCSWINSZ);
		memcpy(&last_size, (const void *)c, sizeof(last_size));
		n_sizes++;
		return 0;
	case SYS_lseek:
		assert(log_size <= MON_LOG_MAX + MON_PACKET_MAX);
		return log_size;
	case SYS_renameat2:
		assert(!strcmp((const char *)b, "4294967295.console"));
		assert(!strcmp((const char *)d, "4294967295.console.1"));
		return 0;
	case SYS_openat:
		assert(!strcmp((const char *)b, "4294967295.console"));
		log_size = 0;
		return FD_NEW_LOG;
	case SYS_dup3:
		assert(a == FD_NEW_LOG && b == MON_FD_LOG);
		return b;
	}
	__builtin_trap();
}

static void step_packet(int i)
{
	uint16_t size[2];
	int fd = clients[i];

	if (fd < 0)
		return;
	packet_len = take() | take() << 8;
	if (packet_len > MON_PACKET_MAX)
		packet_len = packet_len % 3 ? -EAGAIN : -ECONNRESET;
	for (long k = 0; k < packet_len; k++)
		packet[k] = (char)take();
	typed_len = n_sizes = 0;
	client_input(i);
	if (packet_len == 0 || packet_len == -ECONNRESET) {
		assert(clients[i] == -1 && !is_open[fd] && !typed_len && !n_sizes);
		return;
	}
	assert(clients[i] == fd && is_open[fd]);
	if (packet_len > 1 && packet[0] == 'd') {
		assert(typed_len == packet_len - 1 && !n_sizes);
		assert(!memcmp(typed, packet + 1, (size_t)typed_len));
	} else if (packet_len == 5 && packet[0] == 'w') {
		memcpy(size, packet + 1, sizeof(size));
		assert(n_sizes == 1 && last_size.ws_row == size[0] && last_size.ws_col == size[1]);
		assert(!last_size.ws_xpixel && !last_size.ws_ypixel && !typed_len);
	} else {
		assert(!typed_len && !n_sizes);
	}
}

static void step_accept(void)
{
	int fd = next_fd, at = -1;

	accept_client();
	if (fd == next_fd)
		return;
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (clients[i] == fd)
			at = i;
	/* A ninth client, or one that failed, is closed. */
	assert((at >= 0) == is_open[fd]);
	if (failing == 2 && total)
		assert(at < 0);
	if (at >= 0 && !failing)
		assert(want[fd] == total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = data;
	in_len = size;
	total = log_size = 0;
	ring_at = ring_len = 0;
	next_fd = FD_FIRST;
	memset(is_open, 0, sizeof(is_open));
	for (int i = 0; i < MAX_CLIENTS; i++)
		clients[i] = -1;
	name_logs("4294967295");
	while (in_len) {
		unsigned int op = take();

		failing = op & 0x80 ? 1 + (op >> 6 & 1) : 0;
		switch (op & 3) {
		case 0:
			if (pty_output() > 0 && failing == 2)
				for (int i = 0; i < MAX_CLIENTS; i++)
					assert(clients[i] < 0);
			break;
		case 1:
			step_accept();
			break;
		default:
			step_packet(op >> 2 & (MAX_CLIENTS - 1));
		}
	}
	return 0;
}
