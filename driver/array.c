/* Arrays of a run: element types, sizes in bytes, and conversion from the types of .npy files. */
#include "driver/array.h"

#include <inttypes.h>
#include <string.h>

#include "ir/format.h"
#include "support/arena.h"
#include "support/block_format.h"
#include "support/diagnostic.h"

static const struct {
    enum dtype dtype;
    enum npy_type file;
} types[] = {
    {DTYPE_BF16, NPY_BF16}, {DTYPE_F32, NPY_F32},  {DTYPE_U16, NPY_U16},
    {DTYPE_U32, NPY_U32},   {DTYPE_I32, NPY_I32},  {DTYPE_U8, NPY_U8},
    {DTYPE_BOOL, NPY_BOOL}, {DTYPE_BFP8, NPY_F32}, {DTYPE_BFP4, NPY_F32},
};

static int type_index(enum dtype dtype) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].dtype == dtype) {
            return (int)i;
        }
    }
    return -1;
}

bool dtype_format(enum dtype dtype, enum data_format *format) {
    return type_index(dtype) >= 0 && dtype_data_format(dtype, format);
}

uint64_t array_count(const struct array *array) {
    uint64_t count = 1;
    for (size_t i = 0; i < array->rank; i++) {
        count *= array->extents[i];
    }
    return count;
}

/* Of a block format the rows are f32. */
size_t array_bytes(const struct array *array) {
    enum data_format format = FORMAT_F32;
    dtype_format(array->dtype, &format);
    format = data_format_is_block(format) ? FORMAT_F32 : format;
    return (size_t)array_count(array) * data_format_element_bytes(format);
}

static bool is_float(enum dtype dtype) {
    return dtype == DTYPE_BF16 || dtype == DTYPE_F32 || dtype == DTYPE_BFP8 || dtype == DTYPE_BFP4;
}

bool array_is_of_blocks(const struct array *array) {
    return array->dtype == DTYPE_BFP8 || array->dtype == DTYPE_BFP4;
}

void array_make_writable(struct arena *arena, struct array *array) {
    if (!array->rows || array->borrowed) {
        array->rows = arena_allocate(arena, array_bytes(array) + 1);
        array->borrowed = false;
    }
}

enum npy_type array_npy_type(const struct array *array) {
    return types[type_index(array->dtype)].file;
}

/* Element i of a file of a float type, as f32: exact for all but float64, which is not asked for. */
static float float_element(const struct npy_array *npy, uint64_t i) {
    const unsigned char *at = (const unsigned char *)npy->data + i * npy_type_size(npy->type);
    uint16_t half;
    float single;
    switch (npy->type) {
    case NPY_F32:
        memcpy(&single, at, 4);
        return single;
    case NPY_F16:
        memcpy(&half, at, 2);
        return f32_from_f16(half);
    default:
        memcpy(&half, at, 2);
        return f32_from_bits((uint32_t)half << 16);
    }
}

/* Element i of a file of an integer type that int64 holds. */
static int64_t integer_element(const struct npy_array *npy, uint64_t i) {
    const unsigned char *at = (const unsigned char *)npy->data + i * npy_type_size(npy->type);
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    switch (npy->type) {
    case NPY_I8:
        return (int8_t)*at;
    case NPY_U16:
        memcpy(&u16, at, 2);
        return u16;
    case NPY_I16:
        memcpy(&i16, at, 2);
        return i16;
    case NPY_U32:
        memcpy(&u32, at, 4);
        return u32;
    case NPY_I32:
        memcpy(&i32, at, 4);
        return i32;
    default:
        return *at; /* bool, uint8 */
    }
}

static bool is_narrow_float(enum npy_type type) {
    return type == NPY_BF16 || type == NPY_F16 || type == NPY_F32;
}

/* Does every value of the file's integer type fit the declared one? */
static bool integer_fits(enum npy_type file, enum dtype dtype) {
    switch (file) {
    case NPY_BOOL:
    case NPY_U8:
        return true;
    case NPY_U16:
        return dtype != DTYPE_U8 && dtype != DTYPE_BOOL;
    case NPY_U32:
        return dtype == DTYPE_U32;
    case NPY_I8:
    case NPY_I16:
    case NPY_I32:
        return dtype == DTYPE_I32;
    default:
        return false;
    }
}

static void fill_floats(const struct npy_array *npy, struct array *array, uint64_t *rounded) {
    uint64_t count = array_count(array);
    for (uint64_t i = 0; i < count; i++) {
        float value = float_element(npy, i);
        if (array->dtype != DTYPE_BF16) {
            memcpy((char *)array->rows + i * 4, &value, 4);
            continue;
        }
        uint16_t bits = bf16_from_f32(value);
        *rounded += f32_bits(f32_from_bf16(bits)) != f32_canonical_bits(f32_bits(value));
        memcpy((char *)array->rows + i * 2, &bits, 2);
    }
}

/* Of truth values any byte but 0 is true, and the device gets 1. */
uint64_t array_round_blocks(struct array *array) {
    uint64_t rounded = 0, count = array_count(array),
             columns = array->rank ? array->extents[array->rank - 1] : 1;
    enum data_format format = FORMAT_BFP8;
    dtype_format(array->dtype, &format);
    for (uint64_t at = 0; at < count; at += columns) {
        float *row = (float *)array->rows + at;
        for (uint64_t i = 0; i < columns; i += FACE_EDGE) {
            size_t length = columns - i < FACE_EDGE ? (size_t)(columns - i) : FACE_EDGE;
            float before[FACE_EDGE];
            memcpy(before, row + i, length * sizeof *before);
            block_round(format, row + i, length);
            for (size_t k = 0; k < length; k++)
                rounded += row[i + k] != before[k];
        }
    }
    return rounded;
}

static void fill_integers(const struct npy_array *npy, struct array *array) {
    uint64_t count = array_count(array);
    size_t width = array_bytes(array) / (count ? count : 1);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)integer_element(npy, i);
        bits = array->dtype == DTYPE_BOOL ? bits != 0 : bits;
        memcpy((char *)array->rows + i * width, &bits, width); /* little-endian: the low bytes */
    }
}

static bool refuse_type(struct diagnostics *diagnostics, const struct node_parameter *parameter,
                        const char *path, const struct npy_array *npy) {
    const char *declared = word_text(WORDS_dtype, parameter->dtype);
    report_error(diagnostics, parameter->base.span, "%s is %s, and '%s' holds %s", parameter->name, declared,
                 path, npy_type_name(npy->type));
    if (is_float(parameter->dtype)) {
        report_help(diagnostics, (struct span){0},
                    "save it as float32: numpy.save(file, a.astype(numpy.float32))");
    } else {
        report_help(diagnostics, (struct span){0}, "integers are never narrowed: save it as %s",
                    npy_type_name(types[type_index(parameter->dtype)].file));
    }
    return false;
}

bool array_from_npy(struct arena *arena, struct diagnostics *diagnostics,
                    const struct node_parameter *parameter, const char *path, const struct npy_array *npy,
                    struct array *array) {
    *array = (struct array){.name = parameter->name, .dtype = parameter->dtype, .rank = npy->rank};
    if (type_index(parameter->dtype) < 0) {
        report_error(diagnostics, parameter->base.span, "%s: tensors of type %s cannot be given as arrays",
                     parameter->name, word_text(WORDS_dtype, parameter->dtype));
        return false;
    }
    if (npy->rank != parameter->dimensions.count || npy->rank > TENSOR_RANK_LIMIT) {
        char shape[512];
        npy_shape_text(npy->rank, npy->shape, shape, sizeof shape);
        report_error(diagnostics, parameter->base.span, "%s has %zu dimension%s, and '%s' has the shape %s",
                     parameter->name, parameter->dimensions.count,
                     parameter->dimensions.count == 1 ? "" : "s", path, shape);
        return false;
    }
    if (is_float(parameter->dtype) ? !is_narrow_float(npy->type)
                                   : !integer_fits(npy->type, parameter->dtype)) {
        return refuse_type(diagnostics, parameter, path, npy);
    }
    memcpy(array->extents, npy->shape, npy->rank * sizeof *npy->shape);
    uint64_t rounded = 0;
    if (array_npy_type(array) == npy->type && npy->type != NPY_BOOL && !array_is_of_blocks(array)) {
        array->rows = (void *)(uintptr_t)npy->data;
        return true;
    }
    array->rows = arena_allocate(arena, array_bytes(array));
    if (is_float(parameter->dtype)) {
        fill_floats(npy, array, &rounded);
    } else {
        fill_integers(npy, array);
    }
    if (array_is_of_blocks(array))
        rounded = array_round_blocks(array);
    if (rounded) {
        report_warning(diagnostics, (struct span){0},
                       "%s: %" PRIu64 " of %" PRIu64 " values of '%s' were rounded from %s to %s",
                       parameter->name, rounded, array_count(array), path, npy_type_name(npy->type),
                       word_text(WORDS_dtype, parameter->dtype));
    }
    return true;
}
