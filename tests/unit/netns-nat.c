// SPDX-License-Identifier: GPL-2.0-or-later
/* Elements of vz_nat in a network namespace of our own: who has what, and whose it stays. */
#include "nft.h"

#include <arpa/inet.h>
#include <sched.h>

#include "net.h"
#include "tests/lib/tap.h"

static struct vz_err e;
static char seen[4096];

static bool own_netns(void)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
		return true;
	printf("# needs root\n");
	return false;
}

static int see(const struct nft_elem_info *i, void *arg)
{
	uint16_t port;
	size_t n = strlen(seen);

	memcpy(&port, i->key.p + 4, sizeof(port));
	snprintf(seen + n, sizeof(seen) - n, "%u:%u=%s ", i->key.p[0], ntohs(port), i->comment);
	return 0;
}

/* "6:8080=CT 101 ", in no order. */
static const char *forwards(void)
{
	struct nl_sock *s;

	*seen = '\0';
	is_int(nft_socket(&s, VZ_SYSTEM_ERROR, &e), 0);
	if (nft_elems_dump(s, NFPROTO_INET, "vz_nat", "any4", see, NULL, VZ_SYSTEM_ERROR, &e) ==
	    -ENOENT)
		strcpy(seen, "no table");
	return seen;
}

static int apply(uint32_t ctid, const char *addr, uint16_t port, uint16_t n)
{
	struct net_forward f = { .port = port, .n = n, .ct_port = 80 };
	struct net_addr a, net;
	struct net_plan p = { .ctid = ctid, .addrs = &a, .n_addrs = 1, .fwds = &f, .n_fwds = !!n,
			      .nat_nets = &net, .n_nat_nets = 1 };

	is_int(net_addr_parse(addr, &a), 0);
	is_int(net_addr_parse("10.0.0.0/8", &net), 0);
	e = VZ_ERR_INIT;
	return net_nat_apply(&p, &e);
}

TEST(elements_are_their_containers)
{
	if (!own_netns())
		return;
	is_int(apply(101, "10.0.0.1", 8080, 1), 0);
	is_str(forwards(), "6:8080=CT 101 ");
	is_int(apply(101, "10.0.0.1", 8080, 1), 0);
	is_str(e.msg, "");
	is_int(apply(102, "10.0.0.2", 8080, 1), -EADDRINUSE);
	is_int(e.code, VZ_PORT_INUSE);
	is_int(apply(102, "10.0.0.2", 8081, 1), 0);
	/* 10 is not 101. */
	is_int(net_nat_remove(10, &e), 0);
	is_int(net_nat_remove(101, &e), 0);
	is_str(forwards(), "6:8081=CT 102 ");
	is_int(apply(102, "10.0.0.2", 0, 0), 0);
	is_str(forwards(), "");		/* its source is still hidden */
	is_int(net_nat_remove(102, &e), 0);
	is_str(forwards(), "no table");
	is_int(net_nat_remove(102, &e), 0);
	is_int(apply(103, "192.0.2.1", 0, 0), 0);
	is_str(forwards(), "no table");
}

/* More than one transaction has room for, and others' elements in between. */
TEST(a_thousand_ports)
{
	size_t n = 0;

	if (!own_netns())
		return;
	is_int(apply(101, "10.0.0.1", 80, 1), 0);
	is_int(apply(102, "10.0.0.2", 1000, 1024), 0);
	is_int(apply(103, "10.0.0.3", 2023, 1), -EADDRINUSE);
	is_int(apply(102, "10.0.0.2", 1500, 1024), 0);
	is_int(apply(103, "10.0.0.3", 1499, 1), 0);
	is_int(net_nat_remove(103, &e), 0);
	is_int(net_nat_remove(102, &e), 0);
	forwards();
	for (const char *s = seen; (s = strchr(s, '=')); s++)
		n++;
	is_int(n, 1);
}

/* Somebody deleted a set of ours: the table is made anew, and nobody loses anything. */
TEST(a_broken_table_is_mended)
{
	struct nft t;

	if (!own_netns())
		return;
	is_int(apply(101, "10.0.0.1", 8080, 1), 0);
	nft_begin(&t, NFPROTO_INET, "vz_nat");
	nft_chain_flush(&t, "postrouting");
	nft_set_del(&t, "self6");
	is_int(nft_commit(&t, VZ_SYSTEM_ERROR, &e), 0);
	nft_done(&t);
	is_int(apply(102, "10.0.0.2", 8081, 1), 0);
	ok(strstr(forwards(), "6:8080=CT 101 ") && strstr(seen, "6:8081=CT 102 "));
	is_int(net_nat_remove(101, &e), 0);
	is_int(net_nat_remove(102, &e), 0);
	is_str(forwards(), "no table");
}

TEST(nothing_is_written_on_an_old_view)
{
	struct nl_sock *s;
	uint32_t gen, now;
	struct nft t;

	if (!own_netns())
		return;
	is_int(nft_socket(&s, VZ_SYSTEM_ERROR, &e), 0);
	is_int(nft_generation(s, &gen, VZ_SYSTEM_ERROR, &e), 0);
	for (int i = 0; i < 2; i++) {
		nft_begin(&t, NFPROTO_INET, "x");
		nft_only_if(&t, gen);
		nft_table_add(&t);
		is_int(nft_commit(&t, VZ_SYSTEM_ERROR, &e), i ? -ERESTART : 0);
		nft_done(&t);
	}
	is_int(nft_generation(s, &now, VZ_SYSTEM_ERROR, &e), 0);
	ok(now != gen);
}

/* Comments that are none of ours, as anybody may write them. */
TEST(foreign_elements_stay)
{
	uint8_t key[8] = { IPPROTO_TCP }, to[8] = { 10, 0, 0, 9, 0, 80 };
	uint16_t port = htons(9999);
	struct nft t;

	if (!own_netns())
		return;
	is_int(apply(101, "10.0.0.1", 8080, 1), 0);
	memcpy(key + 4, &port, sizeof(port));
	nft_begin(&t, NFPROTO_INET, "vz_nat");
	nft_elems(&t, "any4");
	nft_elem_comment(&t, key, sizeof(key), to, sizeof(to), "CT x");
	is_int(nft_commit(&t, VZ_SYSTEM_ERROR, &e), 0);
	nft_done(&t);
	is_int(apply(102, "10.0.0.2", 9999, 1), -EADDRINUSE);
	ok(strstr(e.msg, "somebody else"));
	is_int(net_nat_remove(101, &e), 0);
	is_str(forwards(), "6:9999=CT x ");
}

TEST(a_policy_that_drops_is_seen)
{
	struct nft t;
	char name[96];

	if (!own_netns())
		return;
	is_int(net_forward_blocked(name), 0);
	nft_begin(&t, NFPROTO_IPV4, "filter");
	nft_table_add(&t);
	nft_chain_add(&t, &(struct nft_chain){ .name = "FORWARD", .base = true, .drop = true,
					       .hook = NF_INET_FORWARD });
	is_int(nft_commit(&t, VZ_SYSTEM_ERROR, &e), 0);
	nft_done(&t);
	is_int(net_forward_blocked(name), 1);
	is_str(name, "ip filter FORWARD");
}

TAP_MAIN()
