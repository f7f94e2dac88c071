// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * OCI image layouts (image-spec 1.1: image-layout.md, image-index.md, manifest.md,
 * config.md).  All of it is hostile.  The only names from the input that become
 * paths are 64 hex digits; what is read has the sum that its referrer says, down
 * from the index, and a bound.
 */
#include "vztar.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/io.h"

#define JSON_MAX (4u << 20)	/* image-spec: what every implementation must take */
#define JSON_DEPTH 32
#define LIST_MAX 1024		/* members of an index */
#define LAYERS_MAX 512
#define INDEXES_MAX 64		/* read in all: they may refer to each other as a tree */
#define INDEX_DEPTH 4

struct descriptor {
	char hex[65];
	int64_t size;
	char type[96];
};

struct oci {
	int layout;
	const char *tag;
	const char *arch, *variant;	/* of this machine, in GOARCH words */
	unsigned int indexes;
	struct descriptor found;
	unsigned int n_found;
	char seen[256];			/* platforms or tags that did not fit, for the message */
};

/* Docker's names are older and mean the same. */
static const char *const index_types[] = {
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
};
static const char *const manifest_types[] = {
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json",
};
static const char *const config_types[] = {
	"application/vnd.oci.image.config.v1+json",
	"application/vnd.docker.container.image.v1+json",
};
static const struct {
	const char *type;
	enum vztar_filter filter;
} layer_types[] = {
	{ "application/vnd.oci.image.layer.v1.tar", FILTER_NONE },
	{ "application/vnd.oci.image.layer.v1.tar+gzip", FILTER_GZIP },
	{ "application/vnd.oci.image.layer.v1.tar+zstd", FILTER_ZSTD },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", FILTER_NONE },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", FILTER_GZIP },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", FILTER_ZSTD },
	{ "application/vnd.docker.image.rootfs.diff.tar", FILTER_NONE },
	{ "application/vnd.docker.image.rootfs.diff.tar.gzip", FILTER_GZIP },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd", FILTER_ZSTD },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", FILTER_GZIP },
};

#define is_type(type, list) type_in(type, list, ARRAY_SIZE(list))

static bool type_in(const char *type, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(type, list[i]))
			return true;
	return false;
}

static void json_put(json_object **j)
{
	json_object_put(*j);
}
#define _cleanup_json_ _cleanup_(json_put)

static json_object *json_parse(const char *what, const char *text, size_t n)
{
	struct json_tokener *t = json_tokener_new_ex(JSON_DEPTH);
	json_object *j;

	if (!t)
		die(VZTAR_FAILED, "out of memory");
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* The NUL behind the text ends a number that nothing else would end. */
	j = json_tokener_parse_ex(t, text, (int)n + 1);
	if (json_tokener_get_error(t) != json_tokener_success || strlen(text) != n)
		die(VZTAR_REFUSED, "%.100s: not JSON: %s", what,
		    json_tokener_error_desc(json_tokener_get_error(t)));
	if (!json_object_is_type(j, json_type_object))
		refuse(what, "not a JSON object");
	json_tokener_free(t);
	return j;
}

/* A member of that type; NULL when there is none, or null. */
static json_object *member(json_object *obj, const char *key, enum json_type type,
			   const char *what)
{
	json_object *v;

	if (!json_object_object_get_ex(obj, key, &v) || !v)
		return NULL;
	if (!json_object_is_type(v, type))
		die(VZTAR_REFUSED, "%.100s: %s is no %s", what, key, json_type_to_name(type));
	return v;
}

/* Borrowed; "" when absent.  A NUL inside would hide the rest from every comparison. */
static const char *text(json_object *obj, const char *key, const char *what)
{
	json_object *v = member(obj, key, json_type_string, what);
	const char *s = v ? json_object_get_string(v) : "";

	if (v && strlen(s) != (size_t)json_object_get_string_len(v))
		die(VZTAR_REFUSED, "%.100s: NUL in %s", what, key);
	return s;
}

static json_object *list(json_object *obj, const char *key, size_t max, const char *what)
{
	json_object *v = member(obj, key, json_type_array, what);

	if (!v)
		die(VZTAR_REFUSED, "%.100s: no %s", what, key);
	if (json_object_array_length(v) > max)
		die(VZTAR_REFUSED, "%.100s: more than %zu %s", what, max, key);
	return v;
}

static json_object *list_at(json_object *l, size_t i, const char *what)
{
	json_object *v = json_object_array_get_idx(l, i);

	if (!v || !json_object_is_type(v, json_type_object))
		refuse(what, "a list has something else than objects");
	return v;
}

static void schema_check(json_object *j, const char *what)
{
	json_object *v = member(j, "schemaVersion", json_type_int, what);

	if (!v || json_object_get_int64(v) != 2)
		refuse(what, "schemaVersion is not 2");
}

static void descriptor_read(json_object *j, struct descriptor *d, const char *what)
{
	const char *digest = text(j, "digest", what), *type = text(j, "mediaType", what);
	json_object *size = member(j, "size", json_type_int, what);
	static const char algo[] = "sha256:";
	const char *hex = digest + strlen(algo);

	if (!str_has_prefix(digest, algo))
		die(VZTAR_REFUSED, "%.100s: digest '%.80s' is not sha256", what, digest);
	if (strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64)
		die(VZTAR_REFUSED, "%.100s: bad digest '%.80s'", what, digest);
	if (!size || json_object_get_int64(size) < 0)
		die(VZTAR_REFUSED, "%.100s: no size of %.12s", what, hex);
	if (!type[0] || strlen(type) >= sizeof(d->type))
		die(VZTAR_REFUSED, "%.100s: no mediaType of %.12s", what, hex);
	memcpy(d->hex, hex, 65);
	memcpy(d->type, type, strlen(type) + 1);
	d->size = json_object_get_int64(size);
}

/* A regular file below the layout, over no symlink, of the size that is said. */
static int open_file(const struct oci *o, const char *path, int64_t size)
{
	int fd = tree_open(o->layout, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		refuse(path, "missing in the layout");
	if (fd < 0)
		die_entry(path, "opening", errno);
	if (fstat(fd, &st) < 0)
		die_entry(path, "stat", errno);
	if (!S_ISREG(st.st_mode))
		refuse(path, "not a regular file");
	if (size >= 0 && st.st_size != size)
		die(VZTAR_REFUSED, "%.100s: %jd bytes, its descriptor says %jd", path,
		    (intmax_t)st.st_size, (intmax_t)size);
	return fd;
}

static int open_blob(const struct oci *o, const struct descriptor *d)
{
	char path[sizeof("blobs/sha256/") + 64];

	snprintf(path, sizeof(path), "blobs/sha256/%s", d->hex);
	return open_file(o, path, d->size);
}

static json_object *read_json(int fd, const char *what, const char *hex)
{
	_cleanup_free_ char *buf = xmalloc(JSON_MAX + 2);
	ssize_t n = io_read_full(fd, buf, JSON_MAX + 1);
	char sum[65];

	if (n < 0)
		die_entry(what, "reading", (int)-n);
	if (n > JSON_MAX)
		die(VZTAR_REFUSED, "%.100s: more than %u bytes", what, JSON_MAX);
	buf[n] = '\0';
	if (hex) {
		stream_sha256(buf, (size_t)n, sum);
		if (!str_eq(sum, hex))
			die(VZTAR_REFUSED, "%.100s: its sha256 is %s", what, sum);
	}
	return json_parse(what, buf, (size_t)n);
}

static json_object *read_blob(const struct oci *o, const struct descriptor *d, const char *what)
{
	_cleanup_close_ int fd = -EBADF;
	char name[32];

	snprintf(name, sizeof(name), "%s %.12s", what, d->hex);
	if (d->size > JSON_MAX)
		die(VZTAR_REFUSED, "%s: more than %u bytes", name, JSON_MAX);
	fd = open_blob(o, d);
	return read_json(fd, name, d->hex);
}

/* ---- which image ----------------------------------------------------------- */

static void machine(struct oci *o)
{
	static const struct {
		const char *machine, *arch, *variant;
	} map[] = {
		{ "x86_64", "amd64", "v1" }, { "aarch64", "arm64", "v8" },
		{ "armv7l", "arm", "v7" },
		{ "i686", "386", "" },	     { "ppc64le", "ppc64le", "" },
		{ "s390x", "s390x", "" },    { "riscv64", "riscv64", "" },
	};
	struct utsname u;

	uname(&u);
	for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
		if (!str_eq(u.machine, map[i].machine))
			continue;
		o->arch = map[i].arch;
		o->variant = map[i].variant;
		return;
	}
	die(VZTAR_FAILED, "no name for images of %s", u.machine);
}

static void note_seen(struct oci *o, const char *a, const char *b)
{
	size_t n = strlen(o->seen);

	snprintf(o->seen + n, sizeof(o->seen) - n, "%s%.40s%s%.40s", n ? ", " : "", a,
		 b[0] ? "/" : "", b);
}

/* Without a platform the config decides, later. */
static bool platform_fits(struct oci *o, json_object *desc, const char *what)
{
	json_object *p = member(desc, "platform", json_type_object, what);
	const char *os, *arch, *variant;

	if (!p)
		return true;
	os = text(p, "os", what);
	arch = text(p, "architecture", what);
	variant = text(p, "variant", what);
	/* A variant above the base may need what this CPU does not have. */
	if (str_eq(os, "linux") && str_eq(arch, o->arch) &&
	    (!variant[0] || str_eq(variant, o->variant)))
		return true;
	note_seen(o, os, arch);
	return false;
}

static bool tag_fits(struct oci *o, json_object *desc, const char *what)
{
	json_object *a = member(desc, "annotations", json_type_object, what);
	const char *name = a ? text(a, "org.opencontainers.image.ref.name", what) : "";

	if (name[0] && !str_eq(name, o->tag))
		note_seen(o, name, "");
	return str_eq(name, o->tag);
}

/* The first image that fits; others are counted, once per digest. */
static void search(struct oci *o, json_object *index, unsigned int depth, const char *what)
{
	json_object *all = list(index, "manifests", LIST_MAX, what);

	if (++o->indexes > INDEXES_MAX || depth > INDEX_DEPTH)
		refuse(what, "too many indexes");
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		json_object *j = list_at(all, i, what);
		struct descriptor d;

		if (depth == 0 && o->tag && !tag_fits(o, j, what))
			continue;
		descriptor_read(j, &d, what);
		if (!platform_fits(o, j, what))
			continue;
		if (is_type(d.type, index_types)) {
			_cleanup_json_ json_object *sub = read_blob(o, &d, "index");

			schema_check(sub, "index");
			search(o, sub, depth + 1, "index");
		} else if (is_type(d.type, manifest_types)) {
			if (o->n_found && str_eq(o->found.hex, d.hex))
				continue;
			if (!o->n_found++)
				o->found = d;
		}
	}
}

static void find_image(struct oci *o)
{
	_cleanup_json_ json_object *layout = NULL, *index = NULL;
	_cleanup_close_ int fd = open_file(o, "oci-layout", -1);
	_cleanup_close_ int index_fd = open_file(o, "index.json", -1);

	layout = read_json(fd, "oci-layout", NULL);
	if (!str_has_prefix(text(layout, "imageLayoutVersion", "oci-layout"), "1."))
		refuse("oci-layout", "imageLayoutVersion is not 1");
	index = read_json(index_fd, "index.json", NULL);
	schema_check(index, "index.json");
	search(o, index, 0, "index.json");
	if (!o->n_found && o->tag)
		die(VZTAR_REFUSED, "no image '%.80s' for linux/%s; there is: %s", o->tag, o->arch,
		    o->seen[0] ? o->seen : "none");
	if (!o->n_found)
		die(VZTAR_REFUSED, "no image for linux/%s; there is: %s", o->arch,
		    o->seen[0] ? o->seen : "none");
	if (o->n_found > 1)
		die(VZTAR_REFUSED, "%u images for linux/%s%s", o->n_found, o->arch,
		    o->tag ? " of that tag" : ": name one with --tag");
}

/* ---- its layers ------------------------------------------------------------ */

static size_t check_config(struct oci *o, json_object *manifest)
{
	json_object *j = member(manifest, "config", json_type_object, "manifest"), *rootfs;
	_cleanup_json_ json_object *config = NULL;
	struct descriptor d;
	const char *os, *arch;

	if (!j)
		refuse("manifest", "no config");
	descriptor_read(j, &d, "manifest");
	if (!is_type(d.type, config_types))
		die(VZTAR_REFUSED, "manifest: its config is '%s', not that of an image", d.type);
	config = read_blob(o, &d, "config");
	os = text(config, "os", "config");
	arch = text(config, "architecture", "config");
	if (!str_eq(os, "linux") || !str_eq(arch, o->arch))
		die(VZTAR_REFUSED, "the image is for %.40s/%.40s, this machine is linux/%s", os,
		    arch, o->arch);
	rootfs = member(config, "rootfs", json_type_object, "config");
	if (!rootfs || !str_eq(text(rootfs, "type", "config"), "layers"))
		refuse("config", "rootfs is not made of layers");
	return json_object_array_length(list(rootfs, "diff_ids", LAYERS_MAX, "config"));
}

static enum vztar_filter layer_filter(const struct descriptor *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(layer_types); i++)
		if (str_eq(d->type, layer_types[i].type))
			return layer_types[i].filter;
	die(VZTAR_REFUSED, "layer %.12s is '%s', which is not supported", d->hex, d->type);
}

void vztar_oci(int dirfd, int layoutfd, const char *tag, const struct vztar_opts *opts)
{
	struct oci o = { .layout = layoutfd, .tag = tag };
	struct extract *x = extract_new(dirfd, true, opts);
	_cleanup_json_ json_object *manifest = NULL;
	json_object *layers;
	size_t n;

	machine(&o);
	stream_prepare();
	sandbox_enter(dirfd, layoutfd);
	find_image(&o);
	manifest = read_blob(&o, &o.found, "manifest");
	schema_check(manifest, "manifest");
	layers = list(manifest, "layers", LAYERS_MAX, "manifest");
	n = json_object_array_length(layers);
	if (check_config(&o, manifest) != n)
		refuse("config", "the number of diff_ids is not that of layers");
	if (!n)
		refuse("manifest", "no layers");
	for (size_t i = 0; i < n; i++) {
		_cleanup_close_ int fd = -EBADF;
		struct descriptor d;

		descriptor_read(list_at(layers, i, "manifest"), &d, "manifest");
		fd = open_blob(&o, &d);
		extract_layer(x, fd, layer_filter(&d), d.hex);
	}
	extract_finish(x, o.found.hex);
}
