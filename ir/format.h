/* How the device stores a type: the one table of element types and data formats; sizes of formats are in
 * support/scalar.h. */
#ifndef TILEC_IR_FORMAT_H
#define TILEC_IR_FORMAT_H

#include "ir/ir.h"
#include "support/scalar.h"

/* False, and *format as it was, for a type that has no tiles (index). */
bool dtype_data_format(enum dtype dtype, enum data_format *format);
/* The name of the device's data format for a type and the bytes of one of its tiles; NULL, and *tile_bytes as
 * it was, for a type that no circular buffer holds. */
const char *device_format(enum dtype dtype, uint32_t *tile_bytes);

/* How a number stands in a word: device form writes bits(1.5), bits_bf16(-inf), bits_bf16x2(1.0), and kernels
 * show the word in hex with the number beside it. bits alone takes whole numbers that are known at launch. */
enum bit_pattern {
    PATTERN_NONE,
    PATTERN_F32,
    PATTERN_BF16,      /* in the lower half */
    PATTERN_BF16_TWICE /* in both halves: two elements of a tile */
};
const char *bit_pattern_name(enum bit_pattern pattern);
/* PATTERN_NONE for a function that is none of these. */
enum bit_pattern bit_pattern_find(const char *function);
uint32_t bit_pattern_of(enum bit_pattern pattern, double value);

#endif
