// SPDX-License-Identifier: GPL-2.0-or-later
/* See nft.h: base chains that devices share. */
#define VZ_ROOM "netns"
#include "nft.h"

#include <stdio.h>
#include <sys/utsname.h>

/*
 * A dump names all devices of a chain in one message of some 4 KiB to 32 KiB, so
 * there are several; each one more is walked by every transaction.
 */
#define SHARES 32

bool nft_shares(void)
{
	unsigned int major, minor;
	struct utsname u;

#ifdef VZ_TEST_HOOKS
	if (getenv("VZ_OWN_CHAINS"))
		return false;
#endif
	return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 4));
}

void nft_share_name(const char *prefix, const char *dev, char ret[NFT_SHARE_LEN])
{
	uint32_t h = 2166136261u;	/* FNV-1a */

	for (; *dev; dev++)
		h = (h ^ (unsigned char)*dev) * 16777619u;
	snprintf(ret, NFT_SHARE_LEN, "%s-%02x", prefix, (h ^ h >> 16) % SHARES);
}

void nft_share_join(struct nft_share *sh, struct nft *t, const struct nft_chain *c,
		    const char *to)
{
	struct nft_chain new = *c;
	struct nft_chain_at at;

	/* Made further up in this transaction: it has no handle yet. */
	new.fresh = !vz_strv_has(&sh->made, c->name);
	if (!new.fresh) {
		nft_chain_add(t, &new);
	} else if (sh->s && nft_shares() &&
		   nft_chain_find(sh->s, t->family, t->table, c->name, c->dev, &at)) {
		sh->stale |= at.has_dev;
		nft_chain_dev_add(t, at.handle, c->dev);
	} else {
		nft_chain_add(t, &new);
		nft_rule(t, c->name, nft_goto(to));
		vz_strv_add(&sh->made, c->name);
	}
}

void nft_share_done(struct nft_share *sh)
{
	vz_strv_done(&sh->made);
}
