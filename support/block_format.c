/* Blocks of 16 values with one exponent: 64 bytes of exponent fields, then the signs and magnitudes. */
#include "support/block_format.h"

enum { BLOCK = FACE_EDGE, BLOCKS = TILE_ELEMENTS / BLOCK, GREATEST_EXPONENT = 254 };

static uint32_t magnitude_bits(enum data_format format) {
    return format == FORMAT_BFP8 ? 7 : 3;
}

/* 2^exponent, of a normal number or less. */
static double power_of_two(int exponent) {
    return f64_from_bits((uint64_t)(exponent + 1023) << 52);
}

/* The exponent field that the values share; infinities count as the greatest number. */
static uint32_t shared_exponent(const float *values, size_t count) {
    uint32_t greatest = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = f32_canonical_bits(f32_bits(values[i])), exponent = bits >> 23 & 0xff;
        bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
        exponent = exponent > GREATEST_EXPONENT ? GREATEST_EXPONENT : exponent;
        greatest = !nan && exponent > greatest ? exponent : greatest;
    }
    return greatest;
}

static double unit_of(enum data_format format, uint32_t exponent) {
    return power_of_two((int)exponent - 126 - (int)magnitude_bits(format));
}

/* To nearest, ties to even, for 0 <= x < 2^51. */
static uint32_t nearest(double x) {
    return (uint32_t)((x + 0x1.8p52) - 0x1.8p52);
}

static uint32_t magnitude_of(enum data_format format, uint32_t exponent, float value) {
    uint32_t most = (1u << magnitude_bits(format)) - 1;
    float size = f32_from_bits(f32_canonical_bits(f32_bits(value)) & 0x7fffffffu);
    double scaled = (double)size / unit_of(format, exponent);
    return size != size || exponent == 0 ? 0 : scaled >= most ? most : nearest(scaled);
}

static float value_of(enum data_format format, uint32_t exponent, uint32_t magnitude, bool negative) {
    float value = exponent == 0 ? 0.0f : f32_canonical((float)(magnitude * unit_of(format, exponent)));
    return negative && value > 0 ? -value : value;
}

static bool is_negative(float value) {
    return f32_bits(value) >> 31;
}

void block_round(enum data_format format, float *row, size_t count) {
    for (size_t at = 0; at < count; at += BLOCK) {
        size_t length = count - at < BLOCK ? count - at : BLOCK;
        uint32_t exponent = shared_exponent(row + at, length);
        for (size_t i = at; i < at + length; i++)
            row[i] = value_of(format, exponent, magnitude_of(format, exponent, row[i]), is_negative(row[i]));
    }
}

void block_encode(enum data_format format, const float values[TILE_ELEMENTS], uint8_t *bytes) {
    uint32_t bits = magnitude_bits(format), width = bits + 1;
    memset(bytes, 0, data_format_tile_bytes(format));
    for (size_t i = 0; i < TILE_ELEMENTS; i++) {
        size_t block = i / BLOCK;
        if (i % BLOCK == 0)
            bytes[block] = (uint8_t)shared_exponent(values + i, BLOCK);
        uint32_t magnitude = magnitude_of(format, bytes[block], values[i]);
        uint32_t sign = magnitude && is_negative(values[i]);
        bytes[BLOCKS + i * width / 8] |= (uint8_t)((sign << bits | magnitude) << i * width % 8);
    }
}

void block_decode(enum data_format format, const uint8_t *bytes, float values[TILE_ELEMENTS]) {
    uint32_t bits = magnitude_bits(format), width = bits + 1;
    for (size_t i = 0; i < TILE_ELEMENTS; i++) {
        uint32_t word = (uint32_t)bytes[BLOCKS + i * width / 8] >> i * width % 8;
        values[i] = value_of(format, bytes[i / BLOCK], word & ((1u << bits) - 1), (word >> bits & 1) != 0);
    }
}
