// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The JSON of an OCI image layout.  The input is four files, split at NUL: index.json,
 * and the blobs whose digest begins with 1 (manifest), 2 (config) and any other digit
 * (index).  Sums match always, sizes mostly: no search finds those.
 *  - nothing is opened but index.json, oci-layout and blobs named by 64 hex digits;
 *  - only types of the specification become layers, as many as the config has.
 */
#include "vztar.h"

#include <assert.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/io.h"

/* What die() jumps over is freed here. */
#define ROOTS 256
static json_object *roots[ROOTS];
static struct json_tokener *tokener;
static int fds[1024];
static unsigned int n_roots, n_fds, n_opened, n_layers;
static char read_buf[(4u << 20) + 2], opened[65];
static const char *part[4];
static size_t part_len[4];
static jmp_buf end;

static struct json_tokener *fuzz_tokener(int depth)
{
	tokener = json_tokener_new_ex(depth);
	return tokener;
}

static json_object *fuzz_parse(struct json_tokener *t, const char *text, int n)
{
	json_object *j = json_tokener_parse_ex(t, text, n);

	assert(n_roots < ROOTS);
	if (j)
		roots[n_roots++] = j;
	return j;
}

static void fuzz_tokener_free(struct json_tokener *t)
{
	json_tokener_free(t);
	tokener = NULL;
}

/* A size that ends in 7 is compared with the true one. */
static int fuzz_fstat(int fd, struct stat *st, int64_t size)
{
	int r = fstat(fd, st);

	if (size >= 0 && size % 10 != 7)
		st->st_size = size;
	return r;
}

#undef _cleanup_free_
#undef _cleanup_close_
#define _cleanup_free_
#define _cleanup_close_
#define xmalloc(n) (assert((n) <= sizeof(read_buf)), read_buf)
#define json_tokener_new_ex fuzz_tokener
#define json_tokener_parse_ex fuzz_parse
#define json_tokener_free fuzz_tokener_free
#define json_object_put(j) ((void)(j))
#define fstat(fd, st) fuzz_fstat(fd, st, size)
#include "../../vzctl/tmpl/vztar/oci.c"
#undef fstat
#undef json_object_put
#undef json_tokener_free

void die(enum vztar_exit code, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	longjmp(end, 1);
}

void die_entry(const char *entry, const char *what, int err)
{
	die(VZTAR_FAILED, "%s: %s: %d", entry, what, err);
}

void refuse(const char *entry, const char *why)
{
	die(VZTAR_REFUSED, "%s: %s", entry, why);
}

static int make_file(const char *data, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	assert(fd >= 0 && n_fds < ARRAY_SIZE(fds));
	fds[n_fds++] = fd;
	assert(write(fd, data, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

int tree_open(int root, const char *path, int flags)
{
	static const char layout[] = "{\"imageLayoutVersion\": \"1.0.0\"}";
	static const char blobs[] = "blobs/sha256/";
	unsigned int i;

	assert(root == 99 && (flags & O_ACCMODE) == O_RDONLY);
	n_opened++;
	if (str_eq(path, "oci-layout"))
		return make_file(layout, strlen(layout));
	if (str_eq(path, "index.json"))
		return make_file(part[0], part_len[0]);
	assert(str_has_prefix(path, blobs) && strlen(path) == strlen(blobs) + 64);
	path += strlen(blobs);
	assert(strspn(path, "0123456789abcdef") == 64);
	memcpy(opened, path, 65);
	i = path[0] == '1' || path[0] == '2' ? (unsigned int)(path[0] - '0') : 3;
	return make_file(part[i], part_len[i]);
}

void stream_prepare(void)
{
}

void sandbox_enter(int dirfd, int readfd)
{
}

void stream_sha256(const void *data, size_t n, char hex[65])
{
	memcpy(hex, opened, 65);
}

struct extract *extract_new(int dirfd, bool layers, const struct vztar_opts *o)
{
	return NULL;
}

void extract_layer(struct extract *x, int fd, enum vztar_filter filter, const char *sha256)
{
	assert(filter == FILTER_NONE || filter == FILTER_GZIP || filter == FILTER_ZSTD);
	assert(strlen(sha256) == 64 && str_eq(sha256, opened));
	n_layers++;
}

void extract_finish(struct extract *x, const char *hex)
{
	assert(n_layers > 0 && n_layers <= LAYERS_MAX && strlen(hex) == 64);
}

static void split(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *e = p + size;

	for (int i = 0; i < 4; i++) {
		const char *z = i < 3 ? memchr(p, '\0', (size_t)(e - p)) : NULL;

		part[i] = p;
		part_len[i] = (size_t)((z ? z : e) - p);
		p = z ? z + 1 : e;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vztar_opts opts = { 0 };

	if (!size)
		return 0;
	split(data, size);
	n_layers = n_opened = 0;
	if (setjmp(end) == 0)
		vztar_oci(98, 99, size % 2 ? "v1" : NULL, &opts);
	/* Two files, the indexes, the manifest, its config, the layers. */
	assert(n_opened <= 2 + INDEXES_MAX + 1 + 2 + LAYERS_MAX);
	while (n_roots)
		json_object_put(roots[--n_roots]);
	while (n_fds)
		close(fds[--n_fds]);
	if (tokener)
		json_tokener_free(tokener);
	tokener = NULL;
	return 0;
}
