/* Times the device: a matmul in blocks of one tile (what a call costs), and 1024 x 1024 x 1024 on 64 cores,
 * beside the bare tile products. Prints; asserts nothing.
 */
#include "kernels.h"
#include "sim/device.h"
#include "sim/tile_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double bare_product(void) {
    static struct tile a, b, c;
    double best = 1e18;
    for (int i = 0; i < TILE_ELEMENTS; ++i) {
        a.element[i] = (float)(i % 13) / 8.0f;
        b.element[i] = (float)(i % 7) / 4.0f;
    }
    for (int repeat = 0; repeat < 11; ++repeat) {
        double start = now();
        for (int i = 0; i < 4096; ++i)
            tile_engine_best()->multiply_exact(&a, &b, &c);
        double time = (now() - start) / 4096.0;
        best = time < best ? time : best;
    }
    return best;
}

static void measure(const char *title, uint32_t tiles, uint32_t block_rows, uint32_t block_columns,
                    const char *reader, const char *compute, const char *writer, uint32_t cores,
                    double product) {
    struct device *device = device_create(architecture_find("n150"), NULL);
    static const char *const names[] = {"A", "B", "C"};
    struct device_tensor *tensors[3];
    size_t bytes = (size_t)tiles * tiles * 2048;
    uint8_t *elements = memset(malloc(bytes), 0x3f, bytes);
    for (int i = 0; i < 3; ++i) {
        tensors[i] = device_tensor_allocate(device, names[i], FORMAT_BF16, (uint64_t)tiles * tiles);
        device_tensor_write(tensors[i], 0, (uint64_t)tiles * tiles, elements);
    }
    free(elements);
    const struct device_tensor *inputs[2] = {tensors[0], tensors[1]}, *outputs[1] = {tensors[2]};
    struct device_buffer buffers[3] = {{.id = 0, .name = "a", .pages = 32, .page_bytes = 2048},
                                       {.id = 1, .name = "b", .pages = 32, .page_bytes = 2048},
                                       {.id = 16, .name = "c", .pages = 16, .page_bytes = 2048}};
    struct device_core places[64];
    uint32_t arguments[64][8];
    uint32_t blocks = tiles / block_rows * (tiles / block_columns);
    for (uint32_t i = 0; i < cores; ++i) {
        uint32_t values[8] = {i * blocks / cores,
                              (i + 1) * blocks / cores - i * blocks / cores,
                              tiles,
                              tiles,
                              tiles,
                              device_tensor_address(tensors[0]),
                              device_tensor_address(tensors[1]),
                              device_tensor_address(tensors[2])};
        for (int j = 0; j < 8; ++j)
            arguments[i][j] = values[j];
        places[i] =
            (struct device_core){.x = i % 8, .y = i / 8, .arguments = arguments[i], .argument_count = 8};
    }
    struct device_launch launch = {
        .cores = places,
        .core_count = cores,
        .buffers = buffers,
        .buffer_count = 3,
        .kernels = {{.name = "reader.c", .text = reader, .accessors = inputs, .accessor_count = 2},
                    {.name = "compute.c", .text = compute},
                    {.name = "writer.c", .text = writer, .accessors = outputs, .accessor_count = 1}},
        .fp32_dest_acc = true};
    struct device_fault fault;
    struct device_statistics statistics;
    double best = 1e18;
    for (int repeat = 0; repeat < 7; ++repeat) {
        double start = now();
        if (!device_run(device, &launch, &fault, &statistics)) {
            char text[4096];
            device_fault_print(&fault, text, sizeof text);
            printf("%s\n", text);
            break;
        }
        double time = now() - start;
        best = time < best ? time : best;
    }
    double products = (double)statistics.tile_products;
    printf(
        "%s: %.3f ms, %.0f ns per tile step (%.2f of the bare product), %.1f calls per step, %llu waits, estimate %llu cycles\n",
        title, best / 1e6, best / products, best / products / product, (double)statistics.calls / products,
        (unsigned long long)statistics.waits, (unsigned long long)statistics.cycles);
    device_free(device);
}

int main(void) {
    double product = bare_product();
    printf("bare product: %.0f ns (%s)\n", product, tile_engine_best()->name);
    measure("one-tile blocks, 256^3, 1 core", 8, 1, 1, MATMUL_READER(1, 1, 1), MATMUL_COMPUTE(1, 1, 1),
            MATMUL_WRITER(1, 1), 1, product);
    measure("2x2-tile blocks, 1024^3, 64 cores", 32, 2, 2, MATMUL_READER(2, 2, 4), MATMUL_COMPUTE(2, 2, 4),
            MATMUL_WRITER(2, 2), 64, product);
    measure("1x1-tile blocks, 1024^3, 64 cores", 32, 1, 1, MATMUL_READER(1, 1, 4), MATMUL_COMPUTE(1, 1, 4),
            MATMUL_WRITER(1, 1), 64, product);
    measure("one tile in all", 1, 1, 1, MATMUL_READER(1, 1, 1), MATMUL_COMPUTE(1, 1, 1), MATMUL_WRITER(1, 1),
            1, product);
    return 0;
}
