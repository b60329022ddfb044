/* From the logits that `tilec run digits.tl` wrote to the accuracy of the classifier.
 *
 *     digits_accuracy LOGITS.npy LABELS.npy REFERENCE.npy
 *
 * The class of an image is its greatest logit. Prints the share of images whose class is their label, and
 * whether every class is the one of the reference logits; exits with 1 when one is not.
 */
#include <stdio.h>
#include <string.h>

#include "support/arena.h"
#include "support/file.h"
#include "support/npy.h"
#include "support/scalar.h"

static bool load(struct arena *arena, const char *path, size_t rank, struct npy_array *array) {
    const char *error;
    struct npy_error npy_error;
    size_t length;
    char *bytes = file_read(arena, path, &length, &error);
    if (!bytes) {
        fprintf(stderr, "digits_accuracy: %s\n", error);
        return false;
    }
    if (!npy_parse(bytes, length, array, &npy_error)) {
        fprintf(stderr, "digits_accuracy: '%s': %s\n", path, npy_error.message);
        return false;
    }
    if (array->rank != rank) {
        fprintf(stderr, "digits_accuracy: '%s' has %zu dimensions, not %zu\n", path, array->rank, rank);
        return false;
    }
    return true;
}

static double element(const struct npy_array *array, uint64_t i) {
    const char *at = (const char *)array->data + i * npy_type_size(array->type);
    uint16_t half;
    float single;
    double wide;
    switch (array->type) {
    case NPY_BF16:
        memcpy(&half, at, 2);
        return (double)f32_from_bf16(half);
    case NPY_F32:
        memcpy(&single, at, 4);
        return (double)single;
    default:
        memcpy(&wide, at, 8);
        return wide;
    }
}

/* The column of the greatest element of a row. */
static uint64_t class_of(const struct npy_array *logits, uint64_t row) {
    uint64_t columns = logits->shape[1], best = 0;
    for (uint64_t j = 1; j < columns; j++) {
        if (element(logits, row * columns + j) > element(logits, row * columns + best)) {
            best = j;
        }
    }
    return best;
}

static bool is_float(const struct npy_array *array) {
    return array->type == NPY_BF16 || array->type == NPY_F32 || array->type == NPY_F64;
}

static int compare(const struct npy_array *logits, const struct npy_array *labels,
                   const struct npy_array *reference) {
    uint64_t images = logits->shape[0], right = 0, agree = 0;
    if (!is_float(logits) || !is_float(reference) || labels->type != NPY_U32 || labels->shape[0] != images ||
        reference->shape[0] != images || reference->shape[1] != logits->shape[1] || images == 0 ||
        logits->shape[1] == 0) {
        fprintf(stderr, "digits_accuracy: the files do not belong together\n");
        return 2;
    }
    for (uint64_t i = 0; i < images; i++) {
        uint32_t label;
        memcpy(&label, (const char *)labels->data + i * 4, 4);
        uint64_t class = class_of(logits, i);
        right += class == label;
        agree += class == class_of(reference, i);
    }
    printf("accuracy %.3f (%llu of %llu images)\n", (double)right / (double)images, (unsigned long long)right,
           (unsigned long long)images);
    printf("predicted class equal to the float64 reference's: %llu of %llu\n", (unsigned long long)agree,
           (unsigned long long)images);
    return agree == images ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: digits_accuracy LOGITS.npy LABELS.npy REFERENCE.npy\n");
        return 2;
    }
    struct arena *arena = arena_create();
    struct npy_array logits, labels, reference;
    int code = 2;
    if (load(arena, argv[1], 2, &logits) && load(arena, argv[2], 1, &labels) &&
        load(arena, argv[3], 2, &reference)) {
        code = compare(&logits, &labels, &reference);
    }
    arena_free(arena);
    return code;
}
