// SPDX-License-Identifier: GPL-2.0-or-later
/* Extended attributes and POSIX ACLs. */
#include "vztar.h"

#include <endian.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "base/num.h"

/* include/uapi/linux/posix_acl_xattr.h: the form the kernel takes. */
#define ACL_XATTR_VERSION 2
#define ACL_MAX 1024

struct acl_xattr_entry {
	uint16_t tag, perm;
	uint32_t id;
};

struct acl_xattr {
	uint32_t version;
	struct acl_xattr_entry e[ACL_MAX];
};

#define ACL_ID_NONE 0xffffffffu

/*
 * trusted.* and user.overlay.* steer overlayfs when the tree is a lower layer,
 * labels of another system's security module mean nothing here.
 */
static bool xattr_allowed(const char *name)
{
	if (str_eq(name, "security.capability"))
		return true;
	return str_has_prefix(name, "user.") && !str_has_prefix(name, "user.overlay.");
}

static uint16_t acl_tag(int tag)
{
	switch (tag) {
	case ARCHIVE_ENTRY_ACL_USER_OBJ:
		return 0x01;
	case ARCHIVE_ENTRY_ACL_USER:
		return 0x02;
	case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
		return 0x04;
	case ARCHIVE_ENTRY_ACL_GROUP:
		return 0x08;
	case ARCHIVE_ENTRY_ACL_MASK:
		return 0x10;
	case ARCHIVE_ENTRY_ACL_OTHER:
		return 0x20;
	}
	return 0;
}

/* posix_acl_valid() in the kernel wants the tags in this order. */
static int acl_cmp(const void *a, const void *b)
{
	const struct acl_xattr_entry *x = a, *y = b;

	return (int)le16toh(x->tag) - (int)le16toh(y->tag);
}

static bool acl_named(uint16_t tag)
{
	return tag == 0x02 || tag == 0x08;
}

static size_t acl_build(struct archive_entry *ae, int want, struct acl_xattr *acl,
			struct meta_count *c)
{
	int type, perm, tag, id;
	const char *name;
	size_t n = 0;
	uint32_t num;

	archive_entry_acl_reset(ae, want);
	while (archive_entry_acl_next(ae, want, &type, &perm, &tag, &id, &name) == ARCHIVE_OK) {
		uint16_t t = acl_tag(tag);

		if (!t || n == ACL_MAX)
			continue;
		if (acl_named(t) && id < 0) {
			/* A name means nothing on this host; digits do. */
			if (!name || num_parse_u32(name, &num) < 0) {
				c->acls_dropped++;
				continue;
			}
			id = (int)num;
		}
		acl->e[n++] = (struct acl_xattr_entry){
			.tag = htole16(t),
			.perm = htole16((uint16_t)(perm & 7)),
			.id = htole32(acl_named(t) ? (uint32_t)id : ACL_ID_NONE),
		};
	}
	qsort(acl->e, n, sizeof(acl->e[0]), acl_cmp);
	acl->version = htole32(ACL_XATTR_VERSION);
	return n;
}

static void acl_set(int fd, struct archive_entry *ae, int want, const char *xattr,
		    const char *path, struct meta_count *c)
{
	static struct acl_xattr acl;
	size_t n = acl_build(ae, want, &acl, c);

	if (!n)
		return;
	if (fsetxattr(fd, xattr, &acl, offsetof(struct acl_xattr, e) + n * sizeof(acl.e[0]),
		      0) < 0)
		die_entry(path, xattr, errno);
}

bool meta_has_xattrs(struct archive_entry *ae)
{
	return archive_entry_xattr_count(ae) ||
	       archive_entry_acl_count(ae, ARCHIVE_ENTRY_ACL_TYPE_ACCESS |
						   ARCHIVE_ENTRY_ACL_TYPE_DEFAULT);
}

void meta_xattrs(int fd, struct archive_entry *ae, const char *path, struct meta_count *c)
{
	const char *name;
	const void *value;
	size_t n;

	/* Count is 0 for an ACL that says no more than the mode. */
	if (archive_entry_acl_count(ae, ARCHIVE_ENTRY_ACL_TYPE_ACCESS))
		acl_set(fd, ae, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", path,
			c);
	if (archive_entry_acl_count(ae, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT))
		acl_set(fd, ae, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", path,
			c);
	archive_entry_xattr_reset(ae);
	while (archive_entry_xattr_next(ae, &name, &value, &n) == ARCHIVE_OK) {
		if (!xattr_allowed(name)) {
			c->xattrs_dropped++;
			continue;
		}
		if (fsetxattr(fd, name, value, n, 0) < 0)
			die_entry(path, name, errno);
	}
}

/* The kernel's form back into libarchive's; pax keeps it as text with numbers. */
static void acl_get(int fd, struct archive_entry *ae, int want, const char *xattr,
		    const char *path)
{
	static const int tags[] = { ARCHIVE_ENTRY_ACL_USER_OBJ, ARCHIVE_ENTRY_ACL_USER,
				    ARCHIVE_ENTRY_ACL_GROUP_OBJ, ARCHIVE_ENTRY_ACL_GROUP,
				    ARCHIVE_ENTRY_ACL_MASK, ARCHIVE_ENTRY_ACL_OTHER };
	static struct acl_xattr acl;
	ssize_t size = fgetxattr(fd, xattr, &acl, sizeof(acl));
	size_t n;

	if (size < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
		return;
	if (size < 0)
		die_entry(path, xattr, errno);
	n = ((size_t)size - offsetof(struct acl_xattr, e)) / sizeof(acl.e[0]);
	for (size_t i = 0; i < n; i++) {
		uint16_t tag = le16toh(acl.e[i].tag);
		int id = acl_named(tag) ? (int)le32toh(acl.e[i].id) : -1;

		for (size_t k = 0; k < ARRAY_SIZE(tags); k++)
			if (acl_tag(tags[k]) == tag)
				archive_entry_acl_add_entry(ae, want, le16toh(acl.e[i].perm),
							    tags[k], id, NULL);
	}
}

void meta_read_xattrs(int fd, struct archive_entry *ae, const char *path)
{
	static char names[65536], value[65536];
	ssize_t n = flistxattr(fd, names, sizeof(names)), len;

	if (n < 0 && errno == EOPNOTSUPP)
		return;
	if (n < 0)
		die_entry(path, "reading extended attributes", errno);
	for (const char *p = names; p < names + n; p += strlen(p) + 1) {
		if (!xattr_allowed(p))
			continue;
		len = fgetxattr(fd, p, value, sizeof(value));
		if (len < 0)
			die_entry(path, p, errno);
		archive_entry_xattr_add_entry(ae, p, value, (size_t)len);
	}
	acl_get(fd, ae, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", path);
	acl_get(fd, ae, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", path);
}
