/* Costs of calls in cycles, for the product at hand. */
#include "sim/clock.h"

/* Published measurements: one read or write of DRAM or of another core's L1 with its barrier, request issue,
 * bytes per cycle of one core; of DRAM also of all cores together (readers beside their banks on Wormhole,
 * anywhere on Blackhole). Writes to L1 of Blackhole, which nobody measured, are taken to be as its reads. A
 * copy within L1: the vendor's model of a transfer that stays on its tile, and the port between L1 and what
 * copies. Multicasts of 8 KiB to 5x5 cores (Blackhole: the directed ideal); a remote write as 40 cycles and
 * its hops, with 5 for the atomic in L1; 32^3 products with the overhead seen on tuned kernels; unpacker and
 * packer ports; vector unit per tile. */
static const struct clock_costs costs[] =
    {
        [CHIP_WORMHOLE] =
            {
                .read = {[DEVICE_AT_DRAM] = {382, 20, 2210},
                         [DEVICE_AT_OWN_L1] = {70, 19, 3200},
                         [DEVICE_AT_OTHER_L1] = {288, 19, 2870}},
                .write = {[DEVICE_AT_DRAM] = {420, 23, 2210},
                          [DEVICE_AT_OWN_L1] = {70, 22, 3200},
                          [DEVICE_AT_OTHER_L1] = {290, 22, 3110}},
                .dram_bytes_per_cycle = 267,
                .linked_issue = 24,
                .multicast_issue = 182,
                .linked_bytes_per_100_cycles = 2890,
                .multicast_bytes_per_100_cycles = 1820,
                .remote_base = 45,
                .remote_hop = 10,
                .remote_issue = 23,
                .multicast_latency = 466,
                .atomic_latency = 290,
                .poll = 8,
                .tile_product = {17, 35, 52, 69},
                .unpack_bytes_per_cycle = 64,
                .pack_bytes_per_cycle = 64,
                .vector_operation = 146,
                .vector_function = 860,
                .initialise = 85,
                .call = 10,
            },
        [CHIP_BLACKHOLE] =
            {
                .read = {[DEVICE_AT_DRAM] = {480, 35, 3400},
                         [DEVICE_AT_OWN_L1] = {65, 35, 6400},
                         [DEVICE_AT_OTHER_L1] = {368, 35, 6170}},
                .write = {[DEVICE_AT_DRAM] = {480, 25, 3400},
                          [DEVICE_AT_OWN_L1] = {65, 25, 6400},
                          [DEVICE_AT_OTHER_L1] = {368, 25, 6170}},
                .dram_bytes_per_cycle = 255,
                .linked_issue = 36,
                .multicast_issue = 182,
                .linked_bytes_per_100_cycles = 4100,
                .multicast_bytes_per_100_cycles = 2400,
                .remote_base = 45,
                .remote_hop = 11,
                .remote_issue = 25,
                .multicast_latency = 591, /* that of Wormhole, by the ratio of their L1 reads */
                .atomic_latency = 368,
                .poll = 8,
                .tile_product = {18, 36, 52, 68},
                .unpack_bytes_per_cycle = 64,
                .pack_bytes_per_cycle = 128,
                .vector_operation = 146,
                .vector_function = 860,
                .initialise = 85,
                .call = 10,
            },
};

const struct clock_costs *clock_costs_of(enum chip chip) {
    return &costs[chip];
}
