/* The .npy reader on any bytes: it refuses with a reason, or gives an array that lies inside the file, whose
 * header reads back. */
#include <stdlib.h>
#include <string.h>

#include "support/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct npy_array array, again;
    struct npy_error error = {""};
    if (!npy_parse(bytes, size, &array, &error)) {
        if (!error.message[0]) {
            abort();
        }
        return 0;
    }
    const uint8_t *data = array.data;
    if (data < bytes || array.size != (size_t)(bytes + size - data)) {
        abort();
    }
    char *file = malloc(NPY_HEADER_MAX + array.size);
    size_t length = npy_header(array.type, array.rank, array.shape, file);
    memcpy(file + length, array.data, array.size);
    if (!npy_parse(file, length + array.size, &again, &error) || again.type != array.type ||
        again.rank != array.rank || memcmp(again.shape, array.shape, array.rank * sizeof *array.shape) != 0) {
        abort();
    }
    free(file);
    return 0;
}
