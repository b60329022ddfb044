/* The elements of arrays as numbers. */
#include "driver/array_values.h"

#include <string.h>

#include "support/arena.h"

double array_element(const struct array *array, uint64_t i) {
    uint16_t half;
    uint32_t word;
    if (array->dtype == DTYPE_U8 || array->dtype == DTYPE_BOOL)
        return (double)((const unsigned char *)array->rows)[i];
    if (array->dtype == DTYPE_BF16 || array->dtype == DTYPE_U16) {
        memcpy(&half, (const char *)array->rows + i * 2, 2);
        return array->dtype == DTYPE_BF16 ? (double)f32_from_bf16(half) : (double)half;
    }
    memcpy(&word, (const char *)array->rows + i * 4, 4);
    switch (array->dtype) {
    case DTYPE_I32:
        return (double)(int32_t)word;
    case DTYPE_U32:
        return (double)word;
    default:
        return (double)f32_canonical(f32_from_bits(word));
    }
}

void array_set(struct array *array, uint64_t i, double value) {
    uint16_t half;
    uint32_t word;
    switch (array->dtype) {
    case DTYPE_U8:
    case DTYPE_BOOL:
        ((unsigned char *)array->rows)[i] =
            (unsigned char)(array->dtype == DTYPE_BOOL ? value != 0 : (int64_t)value & UINT8_MAX);
        return;
    case DTYPE_BF16:
        half = bf16_from_f32((float)value);
        memcpy((char *)array->rows + i * 2, &half, 2);
        return;
    case DTYPE_U16:
        half = (uint16_t)(int64_t)value;
        memcpy((char *)array->rows + i * 2, &half, 2);
        return;
    case DTYPE_F32:
    case DTYPE_BFP8:
    case DTYPE_BFP4:
        word = f32_canonical_bits(f32_bits((float)value));
        break;
    default: /* u32, i32 */
        word = (uint32_t)(int64_t)value;
        break;
    }
    memcpy((char *)array->rows + i * 4, &word, 4);
}

struct tensor_values array_values(struct arena *arena, const char *name, const struct array *array) {
    struct tensor_values values = {.name = name, .dtype = array->dtype, .rank = array->rank};
    memcpy(values.shape, array->extents, array->rank * sizeof *array->extents);
    uint64_t count = array_count(array);
    values.values = arena_allocate(arena, ((size_t)count + 1) * sizeof *values.values);
    for (uint64_t i = 0; i < count; i++) {
        values.values[i] = array_element(array, i);
    }
    return values;
}

void array_take_values(struct array *array, const struct tensor_values *values) {
    uint64_t count = array_count(array);
    for (uint64_t i = 0; i < count; i++) {
        array_set(array, i, values->values[i]);
    }
}
