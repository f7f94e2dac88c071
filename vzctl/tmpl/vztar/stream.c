// SPDX-License-Identifier: GPL-2.0-or-later
#include "vztar.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/io.h"

#define STREAM_CHUNK (256u << 10)

struct stream {
	int fd;
	bool progress;
	int shown;		/* last percentage printed */
	uint64_t bytes, size;
	EVP_MD_CTX *md;
	unsigned char buf[STREAM_CHUNK];
};

static const EVP_MD *sha256;
static bool tty;

void stream_prepare(void)
{
	if (sha256)
		return;
	tty = isatty(STDERR_FILENO);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256)
		die(VZTAR_FAILED, "no sha256 in libcrypto");
}

struct stream *stream_new(int fd, bool writing, bool progress)
{
	struct stream *s = xcalloc(1, sizeof(*s));
	struct stat st;

	s->fd = fd;
	s->progress = progress;
	s->shown = -1;
	stream_prepare();
	s->md = EVP_MD_CTX_new();
	if (!s->md || !EVP_DigestInit_ex(s->md, sha256, NULL))
		die(VZTAR_FAILED, "no sha256 in libcrypto");
	if (fstat(fd, &st) < 0)
		die(VZTAR_FAILED, "archive: %s", strerror(errno));
	if (!writing && !S_ISREG(st.st_mode))
		die(VZTAR_FAILED, "archive: not a regular file");
	s->size = writing ? 0 : (uint64_t)st.st_size;
	return s;
}

static void show_bar(struct stream *s, int percent)
{
	char bar[41];

	/* Clients of vzctl take any text on stderr for a failure: a bar is for people. */
	if (!tty)
		return;
	memset(bar, '.', sizeof(bar) - 1);
	memset(bar, '#', (size_t)percent * (sizeof(bar) - 1) / 100);
	bar[sizeof(bar) - 1] = '\0';
	fprintf(stderr, "\r[%s] %3d%%%s", bar, percent, percent == 100 ? "\n" : "");
}

void stream_progress(struct stream *s, uint64_t done, uint64_t total)
{
	int percent = total ? (int)((double)done * 100 / (double)total) : 0;

	if (percent > 100)
		percent = 100;
	if (!s->progress || percent == s->shown)
		return;
	show_bar(s, percent);
	s->shown = percent;
}

static ssize_t stream_read(struct archive *a, void *data, const void **ret)
{
	struct stream *s = data;
	ssize_t n;

	do
		n = read(s->fd, s->buf, sizeof(s->buf));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		die(VZTAR_FAILED, "reading the archive: %s", strerror(errno));
	EVP_DigestUpdate(s->md, s->buf, (size_t)n);
	s->bytes += (uint64_t)n;
	stream_progress(s, s->bytes, s->size);
	*ret = s->buf;
	return n;
}

static ssize_t stream_write(struct archive *a, void *data, const void *buf, size_t n)
{
	struct stream *s = data;
	int r = io_write_full(s->fd, buf, n);

	if (r < 0)
		die(r == -ENOSPC ? VZTAR_NOSPACE : VZTAR_FAILED, "writing the archive: %s",
		    strerror(-r));
	EVP_DigestUpdate(s->md, buf, n);
	s->bytes += n;
	return (ssize_t)n;
}

void stream_attach_reader(struct stream *s, struct archive *a)
{
	if (archive_read_open(a, s, NULL, stream_read, NULL) != ARCHIVE_OK)
		die(VZTAR_REFUSED, "not a tar archive: %s", archive_error_string(a));
}

void stream_attach_writer(struct stream *s, struct archive *a)
{
	if (archive_write_open(a, s, NULL, stream_write, NULL) != ARCHIVE_OK)
		die(VZTAR_FAILED, "%s", archive_error_string(a));
}

uint64_t stream_bytes(const struct stream *s)
{
	return s->bytes;
}

void stream_drain(struct stream *s)
{
	const void *ignored;

	while (stream_read(NULL, s, &ignored) > 0)
		;
}

static void hex_of(const unsigned char *sum, char hex[65])
{
	for (unsigned int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

void stream_finish(struct stream *s, char hex[65])
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };

	EVP_DigestFinal_ex(s->md, sum, NULL);
	hex_of(sum, hex);
	EVP_MD_CTX_free(s->md);
	free(s);
}

void stream_sha256(const void *data, size_t n, char hex[65])
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };

	stream_prepare();
	if (!EVP_Digest(data, n, sum, NULL, sha256, NULL))
		die(VZTAR_FAILED, "no sha256 in libcrypto");
	hex_of(sum, hex);
}
