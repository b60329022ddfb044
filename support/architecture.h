/* The limits of each product (architecture.def): no other file names one of these numbers. */
#ifndef TILEC_SUPPORT_ARCHITECTURE_H
#define TILEC_SUPPORT_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What no product has more of: numbers of circular buffers, and of semaphores of a program (TT-Metalium). */
#define CIRCULAR_BUFFER_LIMIT 64
#define SEMAPHORE_LIMIT 16

enum chip { CHIP_WORMHOLE, CHIP_BLACKHOLE };

/* Passes of the matrix unit over its operands: LoFi 1, HiFi2 2, HiFi3 3, HiFi4 4. */
enum fidelity { FIDELITY_LOFI, FIDELITY_HIFI2, FIDELITY_HIFI3, FIDELITY_HIFI4 };

struct architecture {
    const char *name;
    enum chip chip;
    uint32_t grid_x, grid_y;  /* compute cores: columns, rows */
    uint32_t l1_bytes;        /* of one core */
    uint32_t l1_buffer_bytes; /* of it, for circular buffers and tensors */
    uint32_t l1_buffer_base;  /* first L1 address of circular buffers */
    uint32_t dram_banks;
    uint64_t dram_bank_bytes;
    uint32_t dram_read_alignment; /* bytes; source and target of a read agree modulo this */
    uint32_t l1_alignment;        /* bytes; the same for writes and L1 */
    uint32_t circular_buffers;    /* identifiers count from 0 */
    uint32_t clock_mhz;
    enum fidelity fidelity;               /* default with f32 DST */
    uint32_t dst_tiles_f32, dst_tiles_16; /* one DST section (half sync), by accumulation width */
    uint32_t runtime_arguments;           /* words for one kernel on one core */
};

/* NULL when the name is neither a product nor an alias. */
const struct architecture *architecture_find(const char *name);

/* All names that architecture_find knows, products first; NULL from count on. */
const char *architecture_name(size_t index);

/* The virtual NoC coordinates of a logical core, as worker_core_from_logical_core gives them. False off the
 * grid. */
bool architecture_noc_coordinates(const struct architecture *architecture, uint32_t x, uint32_t y,
                                  uint32_t *noc_x, uint32_t *noc_y);

const char *fidelity_name(enum fidelity fidelity);

#endif
