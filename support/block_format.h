/* Block formats: 16 neighbours of a row share an exponent, and each has a sign and a magnitude of 7 bits (bfp8) or 3 (bfp4).
 *
 * With the exponent E of the greatest of them and its field E + 127 a magnitude q stands for q 2^(E - 6), of bfp4 for
 * q 2^(E - 2). Rounding is to the nearest, ties to even, and at most to the greatest magnitude. There are no infinities and
 * no NaN: an infinity becomes the greatest number, NaN 0.
 */
#ifndef TILEC_SUPPORT_BLOCK_FORMAT_H
#define TILEC_SUPPORT_BLOCK_FORMAT_H

#include "support/scalar.h"

static inline bool data_format_is_block(enum data_format format) {
    return format == FORMAT_BFP8 || format == FORMAT_BFP4;
}

/* Rounds the values of a row, whose blocks begin at its first. */
void block_round(enum data_format format, float *row, size_t count);

/* A tile in storage order (four faces) to its bytes and back. */
void block_encode(enum data_format format, const float values[TILE_ELEMENTS], uint8_t *bytes);
void block_decode(enum data_format format, const uint8_t *bytes, float values[TILE_ELEMENTS]);

#endif
