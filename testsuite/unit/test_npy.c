/* .npy files: every version and type that is taken, and each kind of header that is refused. */
#include "support/npy.h"

#include <math.h>
#include <string.h>

#include "support/scalar.h"
#include "testsuite/unit/unit.h"

/* A file of this version, header text and number of data bytes. */
static size_t make_file(unsigned char *file, unsigned version, const char *header, size_t data) {
    size_t length = strlen(header), at = 0;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    file[7] = 0;
    file[8] = (unsigned char)(length & 0xff);
    file[9] = (unsigned char)(length >> 8);
    at = 10;
    if (version > 1) {
        file[10] = file[11] = 0;
        at = 12;
    }
    memcpy(file + at, header, length);
    memset(file + at + length, 0, data);
    return at + length + data;
}

static const struct {
    unsigned version;
    const char *header;
    size_t data;
    enum npy_type type;
    size_t rank;
    uint64_t count;
} accepted[] = {
    {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n", 48, NPY_F32, 2, 12},
    {2, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n", 48, NPY_F32, 2, 12},
    {3, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}", 48, NPY_F32, 2, 12},
    {1, "{\"shape\":(5,),\"descr\":\"<V2\",\"fortran_order\":False}", 10, NPY_BF16, 1, 5},
    {1, "{'descr': '|V2', 'fortran_order': False, 'shape': (2,), }", 4, NPY_BF16, 1, 2},
    {1, "{'descr': '<f2', 'fortran_order': False, 'shape': (), }", 2, NPY_F16, 0, 1},
    {1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 7), }", 0, NPY_F64, 2, 0},
    {1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 3), }", 3, NPY_U8, 3, 3},
    {1, "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", 8, NPY_I64, 1, 1},
    {1, "{'descr': '|b1', 'fortran_order': False, 'shape': (9,), }", 9, NPY_BOOL, 1, 9},
};

START_TEST(well_formed_files_are_read) {
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        unsigned char file[512];
        struct npy_array array;
        struct npy_error error = {""};
        size_t size = make_file(file, accepted[i].version, accepted[i].header, accepted[i].data);
        ck_assert_msg(npy_parse(file, size, &array, &error), "%s: %s", accepted[i].header, error.message);
        ck_assert_int_eq(array.type, accepted[i].type);
        ck_assert_uint_eq(array.rank, accepted[i].rank);
        ck_assert_uint_eq(npy_array_count(&array), accepted[i].count);
        ck_assert_ptr_eq(array.data, file + size - accepted[i].data);
    }
}
END_TEST

static const struct {
    const char *header;
    size_t data;
    const char *message; /* a part of it */
} refused[] = {
    {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4, "big-endian"},
    {"{'descr': '=f4', 'fortran_order': False, 'shape': (1,), }", 4, "byte order"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "Python objects"},
    {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8, "not read"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4, "structured"},
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }", 8, "Fortran order"},
    {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", 4, "damaged"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", 4, "unexpected key"},
    {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "unexpected key"},
    {"{'descr': '<f4', 'fortran_order': False}", 4, "missing"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1), }", 4, "tuple"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "sizes"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2 3), }", 4, "sizes"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4, "sizes"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 4), }", 4,
     "larger than memory"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1), }", 4,
     "dimensions"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7, "needs 8 bytes of data, and it has 7"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9,
     "needs 8 bytes of data, and it has more"},
    {"{'descr': '<f4' 'fortran_order': False, 'shape': (2,), }", 8, "comma"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } junk", 8, "text after"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), ", 8, "dictionary"},
    {"{'des\\x63r': '<f4', 'fortran_order': False, 'shape': (2,), }", 8, "dictionary"},
    {"", 0, "dictionary"},
};

START_TEST(the_extent_follows_from_the_first_bytes) {
    unsigned char file[512];
    size_t size = make_file(file, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8);
    const char *bytes = (const char *)file;
    ck_assert_uint_gt(npy_file_extent(bytes, 0, NULL), 0);
    ck_assert_uint_eq(npy_file_extent(bytes, 12, NULL), size - 8);
    ck_assert_uint_eq(npy_file_extent(bytes, size - 8, NULL), size + 1);
    ck_assert_uint_eq(npy_file_extent("\0\0\0", 3, NULL), 0);
    size = make_file(file, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, }", 8);
    ck_assert_uint_eq(npy_file_extent(bytes, size - 8, NULL), 0);
}
END_TEST

START_TEST(other_files_are_refused_with_the_reason) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        unsigned char file[512];
        struct npy_array array;
        struct npy_error error = {""};
        size_t size = make_file(file, 1, refused[i].header, refused[i].data);
        ck_assert_msg(!npy_parse(file, size, &array, &error), "accepted: %s", refused[i].header);
        ck_assert_msg(strstr(error.message, refused[i].message), "%s: %s", refused[i].header, error.message);
    }
}
END_TEST

START_TEST(every_shortening_of_a_file_is_refused) {
    unsigned char file[512];
    struct npy_array array;
    struct npy_error error;
    for (unsigned version = 1; version <= 3; version++) {
        size_t size =
            make_file(file, version, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 12);
        for (size_t length = 0; length < size; length++) {
            ck_assert(!npy_parse(file, length, &array, &error));
        }
        ck_assert(npy_parse(file, size, &array, &error));
    }
    file[6] = 4;
    ck_assert(!npy_parse(file, 100, &array, &error));
    ck_assert_ptr_nonnull(strstr(error.message, "version"));
}
END_TEST

START_TEST(headers_that_are_written_read_back) {
    uint64_t shape[NPY_RANK_MAX];
    for (size_t i = 0; i < NPY_RANK_MAX; i++) {
        shape[i] = i == 2 ? 0 : UINT64_C(9223372036854775807);
    }
    for (int type = 0; type < NPY_TYPE_COUNT; type++) {
        for (size_t rank = 3; rank <= NPY_RANK_MAX; rank++) {
            char header[NPY_HEADER_MAX];
            struct npy_array array;
            struct npy_error error;
            size_t length = npy_header((enum npy_type)type, rank, shape, header);
            ck_assert_uint_le(length, sizeof header);
            ck_assert_uint_eq(length % 64, 0);
            ck_assert_msg(npy_parse(header, length, &array, &error), "%s", error.message);
            ck_assert_int_eq(array.type, type);
            ck_assert_uint_eq(array.rank, rank);
            ck_assert_mem_eq(array.shape, shape, rank * sizeof *shape);
        }
    }
}
END_TEST

START_TEST(halves_become_the_floats_they_are) {
    static const struct {
        uint16_t bits;
        float value;
    } rows[] = {{0x0000, 0.0f},     {0x3c00, 1.0f},          {0xc000, -2.0f},    {0x7bff, 65504.0f},
                {0x0001, 0x1p-24f}, {0x83ff, -0x1.ff8p-15f}, {0x7c00, INFINITY}, {0xfc00, -INFINITY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_uint_eq(f32_bits(f32_from_f16(rows[i].bits)), f32_bits(rows[i].value));
    }
    ck_assert(isnan(f32_from_f16(0x7e00)));
    ck_assert(signbit(f32_from_f16(0x8000)));
}
END_TEST

UNIT_MAIN("npy", well_formed_files_are_read, other_files_are_refused_with_the_reason,
          the_extent_follows_from_the_first_bytes, every_shortening_of_a_file_is_refused,
          headers_that_are_written_read_back, halves_become_the_floats_they_are)
