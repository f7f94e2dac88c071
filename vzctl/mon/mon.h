/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vzctl and vzmon agree on. */
#ifndef VZ_MON_MON_H
#define VZ_MON_MON_H

/* Descriptors that the monitor is executed with. */
#define MON_FD_PTY 3	/* master of the container's /dev/console, non-blocking */
#define MON_FD_LISTEN 4	/* SOCK_SEQPACKET, listening on /run/vz/CTID/console.sock */
#define MON_FD_LOGDIR 5	/* directory of the console logs */
#define MON_FD_LOG 6	/* CTID.console there, opened for append */
#define MON_FD_HITS 7	/* CG_HITS_FILES of them (cg/hits.h), which raise POLLPRI */
#define MON_N_HITS 3
#define MON_FD_SEED (MON_FD_HITS + MON_N_HITS)	/* ns_seed_make(): kept for the next start */
#define MON_FD_NFT (MON_FD_SEED + 1)	/* net_filter_keep(): closed with the monitor */
#define MON_FD_LAST MON_FD_NFT

/*
 * vzmon CTID INIT_PID VZCTL: then executes VZCTL _exited CTID INIT_PID STATUS.
 * Meanwhile, when a limit was hit, VZCTL _hits CTID.
 */
#define MON_STATUS_UNKNOWN 0x10000	/* no wait status: it was not our child */

/*
 * Packets of the console socket.  From a client: 'd' and bytes to type; 'w' and
 * two 16-bit numbers (rows, columns).  To a client: bytes as they came.
 */
#define MON_PACKET_MAX 4096
#define MON_RING_SIZE 65536
#define MON_LOG_MAX (1u << 20)	/* then CTID.console becomes CTID.console.1 */

#endif
