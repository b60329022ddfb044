/* What calls cost on the real device, in cycles: the estimate behind device_statistics.cycles. */
#ifndef TILEC_SIM_CLOCK_H
#define TILEC_SIM_CLOCK_H

#include <stdint.h>

#include "sim/device.h"

/* A page between a core and where its tensor lies: until its barrier ends, the call, and the bytes of one
 * core. */
struct transfer_cost {
    uint32_t latency, issue, bytes_per_100_cycles;
};

struct clock_costs {
    struct transfer_cost read[DEVICE_PLACES], write[DEVICE_PLACES];
    uint32_t dram_bytes_per_cycle; /* to and from all cores together */
    /* Core to core: issue of a linked and of a single multicast, their bytes, the way of a write that is not
     * waited for, and what a barrier waits for: acknowledgement of a multicast, answer of an atomic. */
    uint32_t linked_issue, multicast_issue;
    uint32_t linked_bytes_per_100_cycles, multicast_bytes_per_100_cycles;
    uint32_t remote_base, remote_hop;
    uint32_t remote_issue;
    uint32_t multicast_latency, atomic_latency;
    uint32_t poll;            /* a load of a semaphore in L1 */
    uint32_t tile_product[4]; /* by fidelity */
    uint32_t unpack_bytes_per_cycle, pack_bytes_per_cycle;
    uint32_t vector_operation; /* one simple operation on a tile in DST */
    uint32_t vector_function;  /* one elementary function */
    uint32_t initialise;       /* an init or a reconfiguration */
    uint32_t call;             /* a pointer or semaphore of the RISC-V processors */
};

const struct clock_costs *clock_costs_of(enum chip chip);

#endif
