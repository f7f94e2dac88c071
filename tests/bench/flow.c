// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traffic for flow.sh, which runs it in network namespaces:
 *
 *	flow serve PORT			until it is killed
 *	flow stream ADDR PORT SECONDS	prints Gbit/s of one TCP connection
 *	flow rr ADDR PORT SECONDS	prints request/response pairs per second
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (128 << 10)

static char chunk[CHUNK];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		errx(1, "%s is no IPv4 address", ip);
	return a;
}

static void no_delay(int s)
{
	int one = 1;

	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* The first byte says what the client wants. */
static void serve_one(int s)
{
	char want;

	no_delay(s);
	if (read(s, &want, 1) != 1)
		return;
	if (want == 's') {
		while (read(s, chunk, sizeof(chunk)) > 0)
			;
		return;
	}
	while (read(s, &want, 1) == 1 && write(s, &want, 1) == 1)
		;
}

static int serve(const char *port)
{
	struct sockaddr_in a = address("0.0.0.0", port);
	int one = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(l, 8) < 0)
		err(1, "port %s", port);
	for (;;) {
		int s = accept4(l, NULL, NULL, SOCK_CLOEXEC);

		if (s < 0)
			err(1, "accept");
		serve_one(s);
		close(s);
	}
}

static int dial(const char *ip, const char *port, char want)
{
	struct sockaddr_in a = address(ip, port);
	int s = -1;

	/* The server may still be on its way. */
	for (int i = 0; i < 50; i++) {
		s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (s >= 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) == 0)
			break;
		close(s);
		s = -1;
		usleep(20000);
	}
	if (s < 0)
		err(1, "connect %s", ip);
	no_delay(s);
	if (write(s, &want, 1) != 1)
		err(1, "write");
	return s;
}

static int stream(const char *ip, const char *port, double seconds)
{
	int s = dial(ip, port, 's');
	double t0 = now(), t = t0;
	unsigned long long n = 0;

	while (t - t0 < seconds) {
		ssize_t w = write(s, chunk, sizeof(chunk));

		if (w < 0)
			err(1, "write");
		n += (unsigned long long)w;
		t = now();
	}
	printf("%.3f\n", (double)n * 8 / (t - t0) / 1e9);
	return 0;
}

static int rr(const char *ip, const char *port, double seconds)
{
	int s = dial(ip, port, 'r');
	double t0 = now(), t = t0;
	unsigned long n = 0;
	char c = 'x';

	while (t - t0 < seconds) {
		if (write(s, &c, 1) != 1 || read(s, &c, 1) != 1)
			err(1, "request");
		n++;
		t = now();
	}
	printf("%.0f\n", (double)n / (t - t0));
	return 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2]);
	if (argc == 5 && strcmp(argv[1], "stream") == 0)
		return stream(argv[2], argv[3], atof(argv[4]));
	if (argc == 5 && strcmp(argv[1], "rr") == 0)
		return rr(argv[2], argv[3], atof(argv[4]));
	errx(2, "usage: flow serve PORT | stream ADDR PORT SECONDS | rr ADDR PORT SECONDS");
}
