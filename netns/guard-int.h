/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between guard.c, which chooses, and its two ways: guard-nft.c with guard-rules.c, and
 * guard-bpf.c.
 */
#ifndef NETNS_GUARD_INT_H
#define NETNS_GUARD_INT_H

#include "guard.h"
#include "nft.h"

/* What the rules look things up in; every key begins with the index of the port's device. */
enum guard_set {
	GUARD_PORT,	/* nothing else; not for rules: its comment says whose it is */
	GUARD_MAC,	/* Ethernet address */
	GUARD_IP4, GUARD_IP6, /* addresses */
	GUARD_NET4, GUARD_NET6, /* the same, ranges */
	GUARD_VLAN,	/* VLAN that frames may be tagged for */
	GUARD_BCAST,	/* nothing else; its limit matches what is too much */
	GUARD_DROP,	/* enum guard_reason; counts */
	GUARD_SETS,
};

enum guard_reason { DROP_MAC, DROP_IP4, DROP_IP6, DROP_ARP, DROP_ND, DROP_RA, DROP_DHCP,
		    DROP_BCAST, DROP_PROTO, DROP_REASONS };

extern const char *const guard_set_names[GUARD_SETS];
/* As vznet shows them; also the chains which count and drop. */
extern const char *const guard_reasons[DROP_REASONS];

/* Chains that a port's own leads to. */
#define GUARD_ROUTED "routed"
#define GUARD_ETHER "ether"		/* no address is checked */
#define GUARD_ETHER_ADDRS "ether_a"

/*
 * The table with all but ports: EEXIST when there is one.  @mend: what one lacks, and
 * its rules again, whatever they are; ports stay.
 */
void guard_rules(struct nft *t, bool mend);

/* Another of the port's addresses contains the i-th, or is the same and comes before it. */
bool guard_addr_covered(const struct guard_port *p, size_t i);
/* The first and the last address of what is routed for @a. */
void guard_addr_bounds(const struct net_addr *a, uint8_t first[16], uint8_t last[16]);
/* The link-local address of the port's MAC (RFC 4291 appendix A). */
struct net_addr guard_local_addr(const struct guard_port *p);

/* In nf_tables: guard.h, whose functions these are of the same name. */
int nft_guard_install(const struct net_plan *p, const struct guard_port *ports, size_t n,
		      struct vz_err *e);
int nft_guard_port_add(const struct net_plan *p, const struct guard_port *port, struct vz_err *e);
int nft_guard_port_del(uint32_t ctid, const char *dev, struct vz_err *e);
int nft_guard_addrs_add(const struct net_plan *p, const struct net_addr *have, size_t n_have,
			const struct net_addr *a, size_t n, struct vz_err *e);
int nft_guard_venet_again(const struct net_plan *p, const struct net_addr *have, size_t n_have,
			  struct vz_err *e);
int nft_guard_addrs_del(const struct net_plan *p, const struct net_addr *left, size_t n_left,
			const struct net_addr *a, size_t n, struct vz_err *e);
int nft_guard_remove(uint32_t ctid, struct vz_err *e);
void nft_guard_tidy(void);
int nft_guard_mend(const struct net_plan *p, struct vz_err *e);
int nft_guard_compare(const struct net_plan *p, const struct guard_port *ports, size_t n,
		      struct vz_strv *ret, struct vz_err *e);
int nft_guard_look(uint32_t ctid, struct vz_strv *ret, guard_drop_fn fn, void *arg,
		   struct vz_err *e);

/*
 * In BPF; the maps are open (dp_open(), dp_make()).  The port as a whole, whatever it was
 * before, at once.
 */
int bpf_guard_put(uint32_t ctid, uint32_t bcast_rate, const struct guard_port *port,
		  struct vz_err *e);
/* 1: @dev of @ctid has a port there (NULL: any of its devices). */
int bpf_guard_has(uint32_t ctid, const char *dev);
/* All its ports, or that of @dev; frames pass from then on.  The counters stay. */
int bpf_guard_del(uint32_t ctid, const char *dev, struct vz_err *e);
/* Elements that were left by somebody who was killed. */
void bpf_guard_tidy(void);
void bpf_guard_compare(uint32_t bcast_rate, const struct guard_port *ports, size_t n,
		       struct vz_strv *ret);
int bpf_guard_look(uint32_t ctid, struct vz_strv *ret, guard_drop_fn fn, void *arg,
		   struct vz_err *e);

#endif
