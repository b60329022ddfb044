/* NumPy's array files: a strict reader and a writer of format 1.0, little endian, C order.
 *
 * A bf16 array has the type `<V2` (read also as `|V2`), the two bytes of each value. The reader works on
 * bytes in memory and trusts none of them: whatever it does not accept it refuses with a sentence that says
 * what to do.
 */
#ifndef TILEC_SUPPORT_NPY_H
#define TILEC_SUPPORT_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NPY_RANK_MAX 16
#define NPY_MAGIC "\x93NUMPY" /* the first bytes of a file */

enum npy_type {
    NPY_BF16,
    NPY_F16,
    NPY_F32,
    NPY_F64,
    NPY_BOOL,
    NPY_U8,
    NPY_I8,
    NPY_U16,
    NPY_I16,
    NPY_U32,
    NPY_I32,
    NPY_U64,
    NPY_I64,
    NPY_TYPE_COUNT
};

struct npy_array {
    enum npy_type type;
    size_t rank;
    uint64_t shape[NPY_RANK_MAX];
    const void *data; /* row-major, perhaps not aligned for its type */
    size_t size;      /* bytes of data: the product of shape and element size */
};

struct npy_error {
    char message[256];
};

/* The name for messages ("float32", "bfloat16"), and the bytes of one element. */
const char *npy_type_name(enum npy_type type);
size_t npy_type_size(enum npy_type type);

/* Elements of the array. */
uint64_t npy_array_count(const struct npy_array *array);

/* Reads a whole file; array->data points into bytes. False with *error filled. */
bool npy_parse(const void *bytes, size_t size, struct npy_array *array, struct npy_error *error);

/* How many bytes a file has that begins with these `have` ones: as many as it takes to know more while the
 * header is not complete, no more than `have` when it is no such file, and one more than the header promises
 * (a file that goes on is seen to do so). */
size_t npy_file_extent(const char *bytes, size_t have, void *context);

/* The header of a file with this type and shape (64-byte aligned), to be followed by the data. The result is
 * the bytes written to header, which must hold NPY_HEADER_MAX. */
#define NPY_HEADER_MAX 512
size_t npy_header(enum npy_type type, size_t rank, const uint64_t *shape, char *header);

/* "(3, 4)", "(3,)", "()" as NumPy writes a shape. */
void npy_shape_text(size_t rank, const uint64_t *shape, char *text, size_t size);

/* The f16 at bytes as f32: exact. */
float f32_from_f16(uint16_t bits);

#endif
