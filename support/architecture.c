/* Products by name, and the coordinates of their cores on the NoC. */
#include "support/architecture.h"

#include <string.h>

static const struct architecture products[] = {
#define PRODUCT(product, chip_kind, x, y, l1, l1_buffers, banks, bank_mib, alignment, buffers, mhz,          \
                default_fidelity)                                                                            \
    {                                                                                                        \
        .name = product,                                                                                     \
        .chip = chip_kind,                                                                                   \
        .grid_x = x,                                                                                         \
        .grid_y = y,                                                                                         \
        .l1_bytes = l1,                                                                                      \
        .l1_buffer_bytes = l1_buffers,                                                                       \
        .l1_buffer_base = (l1) - (l1_buffers),                                                               \
        .dram_banks = banks,                                                                                 \
        .dram_bank_bytes = (uint64_t)(bank_mib) << 20,                                                       \
        .dram_read_alignment = alignment,                                                                    \
        .l1_alignment = 16,                                                                                  \
        .circular_buffers = buffers,                                                                         \
        .clock_mhz = mhz,                                                                                    \
        .fidelity = default_fidelity,                                                                        \
        .dst_tiles_f32 = 4,                                                                                  \
        .dst_tiles_16 = 8,                                                                                   \
        .runtime_arguments = 341,                                                                            \
    },
#include "support/architecture.def"
};

static const struct {
    const char *alias, *name;
} aliases[] = {
#define PRODUCT_ALIAS(alias, name) {alias, name},
#include "support/architecture.def"
};

#define PRODUCT_COUNT (sizeof products / sizeof products[0])
#define ALIAS_COUNT (sizeof aliases / sizeof aliases[0])

const struct architecture *architecture_find(const char *name) {
    for (size_t i = 0; i < ALIAS_COUNT; ++i) {
        if (strcmp(aliases[i].alias, name) == 0)
            name = aliases[i].name;
    }
    for (size_t i = 0; i < PRODUCT_COUNT; ++i) {
        if (strcmp(products[i].name, name) == 0)
            return &products[i];
    }
    return NULL;
}

const char *architecture_name(size_t index) {
    if (index < PRODUCT_COUNT)
        return products[index].name;
    if (index < PRODUCT_COUNT + ALIAS_COUNT)
        return aliases[index - PRODUCT_COUNT].alias;
    return NULL;
}

bool architecture_noc_coordinates(const struct architecture *architecture, uint32_t x, uint32_t y,
                                  uint32_t *noc_x, uint32_t *noc_y) {
    if (x >= architecture->grid_x || y >= architecture->grid_y)
        return false;
    if (architecture->chip == CHIP_WORMHOLE) {
        /* Translated coordinates count from 18 on both axes, harvested rows last. */
        *noc_x = 18 + x;
        *noc_y = 18 + y;
    } else {
        /* Columns 8 and 9 are memory and Ethernet; rows 0 and 1 too. */
        *noc_x = x < 7 ? 1 + x : 3 + x;
        *noc_y = 2 + y;
    }
    return true;
}

const char *fidelity_name(enum fidelity fidelity) {
    static const char *const names[] = {"LoFi", "HiFi2", "HiFi3", "HiFi4"};
    return names[fidelity];
}
