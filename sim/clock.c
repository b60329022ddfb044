#include "sim/clock.h"

/* Published measurements: one DRAM read or write with its barrier, request issue, bytes per cycle of one
 * core, and of all together (readers beside their banks on Wormhole, anywhere on Blackhole); multicasts of 8
 * KiB to 5x5 cores (Blackhole: the directed ideal); a remote write as 40 cycles and its hops, with 5 for the
 * atomic in L1; 32^3 products with the overhead seen on tuned kernels; unpacker and packer ports; vector unit
 * per tile.
 */
static const struct clock_costs costs[] = {
    [CHIP_WORMHOLE] =
        {
            .noc_read_latency = 382,
            .noc_read_issue = 20,
            .noc_write_latency = 420,
            .noc_write_issue = 23,
            .noc_bytes_per_100_cycles = 2210,
            .dram_bytes_per_cycle = 267,
            .linked_issue = 24,
            .multicast_issue = 182,
            .linked_bytes_per_100_cycles = 2890,
            .multicast_bytes_per_100_cycles = 1820,
            .remote_base = 45,
            .remote_hop = 10,
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
            .noc_read_latency = 480,
            .noc_read_issue = 35,
            .noc_write_latency = 480,
            .noc_write_issue = 25,
            .noc_bytes_per_100_cycles = 3400,
            .dram_bytes_per_cycle = 255,
            .linked_issue = 36,
            .multicast_issue = 182,
            .linked_bytes_per_100_cycles = 4100,
            .multicast_bytes_per_100_cycles = 2400,
            .remote_base = 45,
            .remote_hop = 11,
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
