// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vzqemu seed FILE META-DATA NETWORK-CONFIG USER-DATA: an ISO 9660 image with the label
 * "cidata", which cloud-init's NoCloud takes its configuration from.
 */
#define VZ_ROOM "qemu"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "qemu/qemu.h"

static int add_file(struct archive *a, const char *name, const char *text)
{
	struct archive_entry *en = archive_entry_new();
	size_t n = strlen(text);
	int r;

	archive_entry_set_pathname(en, name);
	archive_entry_set_filetype(en, AE_IFREG);
	archive_entry_set_perm(en, 0600);
	archive_entry_set_size(en, (int64_t)n);
	r = archive_write_header(a, en);
	archive_entry_free(en);
	return r == ARCHIVE_OK && archive_write_data(a, text, n) == (ssize_t)n ? 0 : -EIO;
}

static int write_image(int fd, char **texts)
{
	static const char *const names[] = { "meta-data", "network-config", "user-data" };
	struct archive *a = archive_write_new();
	int r = -EIO;

	if (archive_write_set_format_iso9660(a) == ARCHIVE_OK &&
	    archive_write_set_options(a, "iso9660:volume-id=cidata,iso9660:rockridge=useful") ==
		    ARCHIVE_OK &&
	    archive_write_open_fd(a, fd) == ARCHIVE_OK)
		r = 0;
	/* An empty text has no file: cloud-init then uses its own default. */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++)
		if (*texts[i])
			r = add_file(a, names[i], texts[i]);
	if (archive_write_close(a) != ARCHIVE_OK && r == 0)
		r = -EIO;
	archive_write_free(a);
	return r;
}

int cmd_seed(int argc, char **argv, struct vz_err *e)
{
	_cleanup_free_ char *tmp = argc == 4 ? xasprintf("%s.new", argv[0]) : NULL;
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (!tmp)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "vzqemu seed FILE META-DATA NETWORK-CONFIG USER-DATA");
	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : write_image(fd, argv + 1);
	if (r == 0 && (fsync(fd) < 0 || rename(tmp, argv[0]) < 0))
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r < 0 ? vz_fail(e, VZ_VM_ERROR, -r, "Unable to write '%s'", argv[0]) : 0;
}
