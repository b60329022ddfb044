/* A device, a launch with its cores and tensors, and the comparison of results or of the fault. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

void harness_begin(struct harness *h, const char *product, uint64_t seed) {
    memset(h, 0, sizeof *h);
    h->device = device_create(architecture_find(product), &(struct device_options){.seed = seed});
    ck_assert_ptr_nonnull(h->device);
    h->launch.cores = h->cores;
    h->launch.buffers = h->buffers;
    h->launch.fp32_dest_acc = true;
}

void harness_end(struct harness *h) {
    device_free(h->device);
}

void harness_buffer(struct harness *h, uint32_t id, const char *name, enum data_format format,
                    uint32_t pages) {
    h->buffers[h->launch.buffer_count++] =
        (struct device_buffer){.id = id,
                               .name = name,
                               .format = format,
                               .pages = pages,
                               .page_bytes = data_format_tile_bytes(format)};
}

void harness_core(struct harness *h, uint32_t x, uint32_t y, const uint32_t *arguments, size_t count) {
    h->cores[h->launch.core_count++] =
        (struct device_core){.x = x, .y = y, .arguments = arguments, .argument_count = count};
}

void harness_kernels(struct harness *h, const char *reader, const char *compute, const char *writer) {
    const char *texts[DEVICE_ROLES] = {reader, compute, writer};
    const char *names[DEVICE_ROLES] = {"reader.c", "compute.c", "writer.c"};
    for (int role = 0; role < DEVICE_ROLES; ++role) {
        h->launch.kernels[role].name = names[role];
        h->launch.kernels[role].text = texts[role];
        h->launch.kernels[role].accessors = h->accessors[role];
    }
}

void harness_bind(struct harness *h, enum device_role role, const struct device_tensor *tensor) {
    h->accessors[role][h->launch.kernels[role].accessor_count++] = tensor;
}

static size_t element_offset(uint32_t row, uint32_t column, uint32_t columns) {
    size_t tile = (size_t)(row / TILE_EDGE) * (columns / TILE_EDGE) + column / TILE_EDGE;
    return tile * TILE_ELEMENTS + tile_element_index(row % TILE_EDGE, column % TILE_EDGE);
}

struct device_tensor *harness_output(struct harness *h, const char *name, enum data_format format,
                                     uint32_t rows, uint32_t columns) {
    struct device_tensor *tensor =
        device_tensor_allocate(h->device, name, format, (uint64_t)(rows / TILE_EDGE) * (columns / TILE_EDGE));
    ck_assert_ptr_nonnull(tensor);
    return tensor;
}

struct device_tensor *harness_matrix(struct harness *h, const char *name, enum data_format format,
                                     const float *values, uint32_t rows, uint32_t columns) {
    struct device_tensor *tensor = harness_output(h, name, format, rows, columns);
    size_t count = (size_t)rows * columns;
    uint8_t *bytes = malloc(count * 4);
    for (uint32_t row = 0; row < rows; ++row) {
        for (uint32_t column = 0; column < columns; ++column) {
            float value = values[(size_t)row * columns + column];
            size_t at = element_offset(row, column, columns);
            uint16_t half = bf16_from_f32(value);
            if (format == FORMAT_BF16)
                memcpy(bytes + at * 2, &half, 2);
            else
                memcpy(bytes + at * 4, &value, 4);
        }
    }
    ck_assert(device_tensor_write(tensor, 0, count / TILE_ELEMENTS, bytes));
    free(bytes);
    return tensor;
}

void harness_read_matrix(const struct device_tensor *tensor, enum data_format format, float *values,
                         uint32_t rows, uint32_t columns) {
    size_t count = (size_t)rows * columns;
    uint8_t *bytes = malloc(count * 4);
    ck_assert(device_tensor_read(tensor, 0, count / TILE_ELEMENTS, bytes));
    for (uint32_t row = 0; row < rows; ++row) {
        for (uint32_t column = 0; column < columns; ++column) {
            size_t at = element_offset(row, column, columns);
            uint16_t half;
            memcpy(&half, bytes + at * 2, 2);
            if (format == FORMAT_BF16)
                values[(size_t)row * columns + column] = f32_from_bits((uint32_t)half << 16);
            else
                memcpy(&values[(size_t)row * columns + column], bytes + at * 4, 4);
        }
    }
    free(bytes);
}

void harness_values(float *values, size_t count, unsigned seed) {
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < count; ++i) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)((int)(state >> 24) - 128) / 64.0f;
    }
}

void harness_run(struct harness *h) {
    if (!device_run(h->device, &h->launch, &h->fault, &h->statistics)) {
        device_fault_print(&h->fault, h->text, sizeof h->text);
        ck_abort_msg("unexpected fault: %s", h->text);
    }
}

void harness_expect(struct harness *h, const char *text) {
    ck_assert_msg(!device_run(h->device, &h->launch, &h->fault, &h->statistics), "no fault, but expected: %s",
                  text);
    device_fault_print(&h->fault, h->text, sizeof h->text);
    ck_assert_str_eq(h->text, text);
}

int harness_main(const char *name, TCase *tests) {
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    printf("%s: %d passed, %d failed\n", name, srunner_ntests_run(runner) - failed, failed);
    srunner_free(runner);
    return failed != 0;
}
