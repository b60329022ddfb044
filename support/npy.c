/* The .npy format: headers read strictly and written, and the shapes and types they tell. */
#include "support/npy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "support/scalar.h"

static const struct {
    const char *name, *descr;
    size_t size;
} types[NPY_TYPE_COUNT] = {
    [NPY_BF16] = {"bfloat16", "<V2", 2}, [NPY_F16] = {"float16", "<f2", 2}, [NPY_F32] = {"float32", "<f4", 4},
    [NPY_F64] = {"float64", "<f8", 8},   [NPY_BOOL] = {"bool", "|b1", 1},   [NPY_U8] = {"uint8", "|u1", 1},
    [NPY_I8] = {"int8", "|i1", 1},       [NPY_U16] = {"uint16", "<u2", 2},  [NPY_I16] = {"int16", "<i2", 2},
    [NPY_U32] = {"uint32", "<u4", 4},    [NPY_I32] = {"int32", "<i4", 4},   [NPY_U64] = {"uint64", "<u8", 8},
    [NPY_I64] = {"int64", "<i8", 8},
};

const char *npy_type_name(enum npy_type type) {
    return types[type].name;
}

size_t npy_type_size(enum npy_type type) {
    return types[type].size;
}

uint64_t npy_array_count(const struct npy_array *array) {
    return array->size / types[array->type].size;
}

static bool refuse(struct npy_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct npy_error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}

/* The header: a Python dictionary with the keys descr, fortran_order and shape, each once, in any order. */
struct header {
    const char *cursor, *end;
    struct npy_array *array;
    struct npy_error *error;
    bool has_descr, has_order, has_shape;
};

static void skip_space(struct header *header) {
    while (header->cursor < header->end && strchr(" \t\r\n", *header->cursor) && *header->cursor) {
        header->cursor++;
    }
}

static bool take(struct header *header, const char *text) {
    skip_space(header);
    size_t length = strlen(text);
    if ((size_t)(header->end - header->cursor) < length || memcmp(header->cursor, text, length) != 0) {
        return false;
    }
    header->cursor += length;
    return true;
}

/* A quoted string without escapes; at most size - 1 printable characters. */
static bool take_string(struct header *header, char *text, size_t size) {
    skip_space(header);
    if (header->cursor == header->end || (*header->cursor != '\'' && *header->cursor != '"')) {
        return false;
    }
    char quote = *header->cursor++;
    size_t length = 0;
    while (header->cursor < header->end && *header->cursor != quote) {
        char c = *header->cursor++;
        if (c < ' ' || c > '~' || c == '\\' || length + 1 >= size) {
            return false;
        }
        text[length++] = c;
    }
    text[length] = 0;
    return header->cursor++ < header->end;
}

static bool read_descr(struct header *header) {
    char descr[16];
    if (!take_string(header, descr, sizeof descr)) {
        return refuse(header->error, "its element type is not a plain one (structured arrays are not read)");
    }
    char order = descr[0];
    bool has_order = order == '<' || order == '>' || order == '|' || order == '=';
    const char *kind = has_order ? descr + 1 : descr;
    for (size_t i = 0; i < NPY_TYPE_COUNT; i++) {
        if (strcmp(kind, types[i].descr + 1) != 0) {
            continue;
        }
        bool bytes_have_order = types[i].size > 1;
        if (order == '>' && bytes_have_order) {
            return refuse(header->error, "its elements are big-endian ('%s'); save it as '%s'", descr,
                          types[i].descr);
        }
        if (!has_order || order == '=' || (order == '|' && bytes_have_order && i != NPY_BF16)) {
            return refuse(header->error, "its element type '%s' does not say the byte order; save it as '%s'",
                          descr, types[i].descr);
        }
        header->array->type = (enum npy_type)i;
        return header->has_descr = true;
    }
    if (kind[0] == 'O') {
        return refuse(header->error, "it holds Python objects; save numbers");
    }
    return refuse(header->error,
                  "its element type '%s' is not read; save it as float32, bfloat16 bytes (V2) or integers",
                  descr);
}

static bool read_order(struct header *header) {
    if (take(header, "False")) {
        return header->has_order = true;
    }
    if (take(header, "True")) {
        return refuse(header->error, "it is in Fortran order; save numpy.ascontiguousarray(a)");
    }
    return refuse(header->error, "its header is damaged: fortran_order is neither True nor False");
}

static bool read_extent(struct header *header, uint64_t *extent) {
    skip_space(header);
    const char *first = header->cursor;
    uint64_t value = 0;
    while (header->cursor < header->end && *header->cursor >= '0' && *header->cursor <= '9') {
        uint64_t digit = (uint64_t)(*header->cursor++ - '0');
        if (value > (INT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *extent = value;
    return header->cursor > first;
}

static bool read_shape(struct header *header) {
    struct npy_array *array = header->array;
    if (!take(header, "(")) {
        return refuse(header->error, "its header is damaged: the shape is not a tuple");
    }
    array->rank = 0;
    bool comma = true;
    while (!take(header, ")")) {
        if (array->rank == NPY_RANK_MAX) {
            return refuse(header->error, "it has more than %d dimensions", NPY_RANK_MAX);
        }
        if (!comma || !read_extent(header, &array->shape[array->rank])) {
            return refuse(header->error, "its header is damaged: the shape is not a tuple of sizes");
        }
        array->rank++;
        comma = take(header, ",");
    }
    if (array->rank == 1 && !comma) {
        return refuse(header->error, "its header is damaged: the shape is not a tuple");
    }
    return header->has_shape = true;
}

static bool read_entry(struct header *header) {
    char key[24];
    if (!take_string(header, key, sizeof key) || !take(header, ":")) {
        return refuse(header->error, "its header is damaged: it is no dictionary");
    }
    if (strcmp(key, "descr") == 0 && !header->has_descr) {
        return read_descr(header);
    }
    if (strcmp(key, "fortran_order") == 0 && !header->has_order) {
        return read_order(header);
    }
    if (strcmp(key, "shape") == 0 && !header->has_shape) {
        return read_shape(header);
    }
    return refuse(header->error, "its header is damaged: unexpected key '%s'", key);
}

static bool read_header(struct header *header) {
    if (!take(header, "{")) {
        return refuse(header->error, "its header is damaged: it is no dictionary");
    }
    bool comma = true;
    while (!take(header, "}")) {
        if (!comma) {
            return refuse(header->error, "its header is damaged: a comma is missing");
        }
        if (!read_entry(header)) {
            return false;
        }
        comma = take(header, ",");
    }
    skip_space(header);
    if (header->cursor != header->end) {
        return refuse(header->error, "its header is damaged: text after the dictionary");
    }
    if (!header->has_descr || !header->has_order || !header->has_shape) {
        return refuse(header->error, "its header is damaged: descr, fortran_order or shape is missing");
    }
    return true;
}

/* Bytes of the array; false when they do not fit a size_t. An extent of 0 makes all of it 0. */
static bool data_size(const struct npy_array *array, size_t *size) {
    *size = types[array->type].size;
    for (size_t i = 0; i < array->rank; i++) {
        if (array->shape[i] == 0) {
            *size = 0;
            return true;
        }
    }
    for (size_t i = 0; i < array->rank; i++) {
        if (__builtin_mul_overflow(*size, array->shape[i], size)) {
            return false;
        }
    }
    return true;
}

/* What the first bytes say of the header: where its text begins, and how long it is. */
struct prefix {
    size_t start, length;
};

enum { PREFIX_MAX = 12, HEADER_TEXT_MAX = 1 << 20 };

static const char magic[] = NPY_MAGIC;

static bool read_prefix(const unsigned char *file, size_t size, struct prefix *prefix,
                        struct npy_error *error) {
    if (size < 10 || memcmp(file, magic, 6) != 0) {
        return refuse(error, "it is not a .npy file");
    }
    unsigned major = file[6], minor = file[7];
    if (major < 1 || major > 3 || minor != 0) {
        return refuse(error, "its format version %u.%u is not one of 1.0, 2.0, 3.0", major, minor);
    }
    prefix->start = major == 1 ? 10 : PREFIX_MAX;
    prefix->length = (size_t)file[8] | (size_t)file[9] << 8;
    if (major > 1) {
        if (size < prefix->start) {
            return refuse(error, "it ends within its header");
        }
        prefix->length |= (size_t)file[10] << 16 | (size_t)file[11] << 24;
    }
    if (prefix->length > HEADER_TEXT_MAX) {
        return refuse(error, "its header is damaged: it has %zu bytes", prefix->length);
    }
    return true;
}

/* A whole header: type, shape and the bytes of data that they need. */
static bool parse_header(const char *text, size_t length, struct npy_array *array, struct npy_error *error) {
    struct header header = {.cursor = text, .end = text + length, .array = array, .error = error};
    *array = (struct npy_array){0};
    if (!read_header(&header)) {
        return false;
    }
    return data_size(array, &array->size) || refuse(error, "its shape is larger than memory");
}

size_t npy_file_extent(const char *bytes, size_t have, void *context) {
    (void)context;
    struct prefix prefix = {0};
    struct npy_array array;
    struct npy_error error;
    if (memcmp(bytes, magic, have < 6 ? have : 6) != 0) {
        return 0;
    }
    if (have < PREFIX_MAX) {
        return PREFIX_MAX;
    }
    if (!read_prefix((const unsigned char *)bytes, have, &prefix, &error)) {
        return 0;
    }
    size_t data = prefix.start + prefix.length;
    if (have < data) {
        return data;
    }
    if (!parse_header(bytes + prefix.start, prefix.length, &array, &error) || array.size >= SIZE_MAX - data) {
        return 0;
    }
    return data + array.size + 1;
}

bool npy_parse(const void *bytes, size_t size, struct npy_array *array, struct npy_error *error) {
    const char *file = bytes;
    struct prefix prefix = {0};
    *array = (struct npy_array){0};
    if (!read_prefix(bytes, size, &prefix, error)) {
        return false;
    }
    if (prefix.length > size - prefix.start) {
        return refuse(error, "it ends within its header");
    }
    if (!parse_header(file + prefix.start, prefix.length, array, error)) {
        return false;
    }
    size_t present = size - prefix.start - prefix.length;
    if (present != array->size) {
        return refuse(error, "its shape needs %zu bytes of data, and it has %s%zu", array->size,
                      present > array->size ? "more than " : "",
                      present > array->size ? array->size : present);
    }
    array->data = file + prefix.start + prefix.length;
    return true;
}

void npy_shape_text(size_t rank, const uint64_t *shape, char *text, size_t size) {
    size_t length = (size_t)snprintf(text, size, "(");
    for (size_t i = 0; i < rank && length < size; i++) {
        length += (size_t)snprintf(text + length, size - length, "%s%llu", i ? ", " : "",
                                   (unsigned long long)shape[i]);
    }
    if (length < size) {
        snprintf(text + length, size - length, rank == 1 ? ",)" : ")");
    }
}

size_t npy_header(enum npy_type type, size_t rank, const uint64_t *shape, char *header) {
    char extents[NPY_RANK_MAX * 22 + 4];
    npy_shape_text(rank, shape, extents, sizeof extents);
    int length =
        snprintf(header + 10, NPY_HEADER_MAX - 10, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                 types[type].descr, extents);
    size_t total = (10 + (size_t)length + 1 + 63) / 64 * 64;
    memset(header + 10 + length, ' ', total - 10 - (size_t)length);
    header[total - 1] = '\n';
    memcpy(header, NPY_MAGIC "\x01\x00", 8);
    header[8] = (char)((total - 10) & 0xff);
    header[9] = (char)((total - 10) >> 8);
    return total;
}

float f32_from_f16(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = bits >> 10 & 31u, fraction = bits & 0x3ffu;
    if (exponent == 31) {
        return f32_from_bits(sign | 0x7f800000u | fraction << 13);
    }
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return f32_from_bits(sign | (exponent + 112u) << 23 | fraction << 13);
}
