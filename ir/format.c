/* The data format of each element type on the device. */
#include "ir/format.h"

static const struct row {
    enum dtype dtype;
    enum data_format format;
    const char *name;
} rows[] = {
    {DTYPE_BF16, FORMAT_BF16, "Float16_b"}, {DTYPE_F32, FORMAT_F32, "Float32"},
    {DTYPE_BFP8, FORMAT_BFP8, "Bfp8_b"},    {DTYPE_BFP4, FORMAT_BFP4, "Bfp4_b"},
    {DTYPE_U16, FORMAT_U16, "UInt16"},      {DTYPE_U32, FORMAT_U32, "UInt32"},
    {DTYPE_I32, FORMAT_I32, "Int32"},
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
