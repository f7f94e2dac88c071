/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types that both guards look at, guard-rules.c and port.bpf.c. */
#ifndef NETNS_BPF_ICMP_H
#define NETNS_BPF_ICMP_H

#define IGMP_QUERY 0x11		/* RFC 3376 */
#define MLD_QUERY 130		/* RFC 3810; 131 and 143 are reports */
#define MLD_REPORT 131
#define MLD2_REPORT 143
#define ND_RS 133		/* RFC 4861 */
#define ND_RA 134
#define ND_NS 135
#define ND_NA 136
#define ND_REDIRECT 137
#define OPT_SLLA 1
#define OPT_TLLA 2
#define OPT_NONCE 14		/* RFC 7527: duplicate detection that knows its own echo */

#endif
