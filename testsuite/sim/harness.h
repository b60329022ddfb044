/* What the tests of the device share: launches on few cores, filled tensors, comparison, the expected fault.
 */
#ifndef TILEC_TESTSUITE_SIM_HARNESS_H
#define TILEC_TESTSUITE_SIM_HARNESS_H

#include <check.h>

#include "sim/device.h"

#define HEADER "#include \"tilec_device.h\"\n"

struct harness {
    struct device *device;
    struct device_launch launch;
    struct device_core cores[64];
    struct device_buffer buffers[32];
    const struct device_tensor *accessors[DEVICE_ROLES][8];
    struct device_fault fault;
    struct device_statistics statistics;
    char text[8192];
};

/* A device with this seed; one core (0,0) without arguments; DST of f32. */
void harness_begin(struct harness *h, const char *product, uint64_t seed);
void harness_end(struct harness *h);

void harness_buffer(struct harness *h, uint32_t id, const char *name, enum data_format format,
                    uint32_t pages);
void harness_core(struct harness *h, uint32_t x, uint32_t y, const uint32_t *arguments, size_t count);
void harness_kernels(struct harness *h, const char *reader, const char *compute, const char *writer);
/* The next ordinal of this role. */
void harness_bind(struct harness *h, enum device_role role, const struct device_tensor *tensor);

/* A matrix of f32 values as tiles of a new tensor, row by row of tiles; and back. rows, columns: multiples
 * of 32. */
struct device_tensor *harness_matrix(struct harness *h, const char *name, enum data_format format,
                                     const float *values, uint32_t rows, uint32_t columns);
struct device_tensor *harness_output(struct harness *h, const char *name, enum data_format format,
                                     uint32_t rows, uint32_t columns);
void harness_read_matrix(const struct device_tensor *tensor, enum data_format format, float *values,
                         uint32_t rows, uint32_t columns);

/* Small values, exact in bf16, from a seed. */
void harness_values(float *values, size_t count, unsigned seed);

/* Runs and asserts success, or the fault's whole text. */
void harness_run(struct harness *h);
void harness_expect(struct harness *h, const char *text);

/* Runs the tests and prints how many passed and failed; the exit status. */
int harness_main(const char *name, TCase *tests);

#endif
