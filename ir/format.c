/* The data format of each element type on the device, and the bit patterns of its numbers. */
#include "ir/format.h"

#include <string.h>

static const struct row {
    enum dtype dtype;
    enum data_format format;
    const char *name;
} rows[] = {
    {DTYPE_BF16, FORMAT_BF16, "Float16_b"}, {DTYPE_F32, FORMAT_F32, "Float32"},
    {DTYPE_BFP8, FORMAT_BFP8, "Bfp8_b"},    {DTYPE_BFP4, FORMAT_BFP4, "Bfp4_b"},
    {DTYPE_U16, FORMAT_U16, "UInt16"},      {DTYPE_U32, FORMAT_U32, "UInt32"},
    {DTYPE_I32, FORMAT_I32, "Int32"},       {DTYPE_U8, FORMAT_U8, "UInt8"},
    {DTYPE_BOOL, FORMAT_U8, "UInt8"},
};

static const struct row *row_of(enum dtype dtype) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].dtype == dtype)
            return &rows[i];
    return NULL;
}

bool dtype_data_format(enum dtype dtype, enum data_format *format) {
    const struct row *row = row_of(dtype);
    if (row)
        *format = row->format;
    return row != NULL;
}

const char *device_format(enum dtype dtype, uint32_t *tile_bytes) {
    const struct row *row = row_of(dtype);
    if (!row)
        return NULL;
    *tile_bytes = data_format_tile_bytes(row->format);
    return row->name;
}

static const char *const patterns[] = {[PATTERN_NONE] = "",
                                       [PATTERN_F32] = "bits",
                                       [PATTERN_BF16] = "bits_bf16",
                                       [PATTERN_BF16_TWICE] = "bits_bf16x2"};

const char *bit_pattern_name(enum bit_pattern pattern) {
    return patterns[pattern];
}

enum bit_pattern bit_pattern_find(const char *function) {
    for (size_t i = PATTERN_F32; i < sizeof patterns / sizeof *patterns; i++)
        if (strcmp(function, patterns[i]) == 0)
            return (enum bit_pattern)i;
    return PATTERN_NONE;
}

uint32_t bit_pattern_of(enum bit_pattern pattern, double value) {
    float single = (float)value;
    uint32_t half = bf16_from_f32(single);
    return pattern == PATTERN_F32    ? (single != single ? 0x7fc00000u : f32_bits(single))
           : pattern == PATTERN_BF16 ? half
                                     : half << 16 | half;
}
