/* The figures that the project watches: benchmark TILEC EXAMPLES
 *
 *   cold build    a fresh process of `tilec build matmul_tiled.tl`: median; at most 20 ms, aim 5
 *   run           `tilec run` of a bf16 product of 1024 x 1024 x 1024 on 64 cores, compiling and files
 *                 included, against one-thread OpenBLAS sgemm of the same size, alternating in the same run:
 *                 medians; at most 5 times, aim 1.5
 *   tile step     what one step of one-tile blocks costs beyond the bare tile product: aim below 1000 ns
 *
 * Fails when a limit is not kept. OpenBLAS must have been told to use one thread (OPENBLAS_NUM_THREADS=1).
 */
#include <cblas.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "include/tilec.h"
#include "sim/tile_engine.h"
#include "support/arena.h"
#include "support/file.h"
#include "support/npy.h"

extern char **environ;

enum { SIZE = 1024, BUILDS = 21, RUNS = 9 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

/* Seconds from the start of a process to its end. */
static double time_process(char *const *words) {
    pid_t process;
    int status;
    double start = now();
    if (posix_spawn(&process, words[0], NULL, NULL, words, environ) != 0 ||
        waitpid(process, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "benchmark: %s %s failed\n", words[0], words[1]);
        exit(1);
    }
    return now() - start;
}

/* Values in [-1, 1) that bf16 holds. */
static void write_matrix(struct arena *arena, const char *path, unsigned seed) {
    const uint64_t shape[] = {SIZE, SIZE};
    static uint16_t values[SIZE * SIZE];
    char header[NPY_HEADER_MAX];
    for (size_t i = 0; i < SIZE * SIZE; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = bf16_from_f32((float)(seed >> 8) * 0x1p-23f - 1.0f);
    }
    size_t length = npy_header(NPY_BF16, 2, shape, header);
    const char *failure = file_write(arena, path, header, length, values, sizeof values);
    if (failure) {
        fprintf(stderr, "benchmark: %s\n", failure);
        exit(1);
    }
}

static double measure_build(char *tilec, char *source, char *scratch) {
    char *words[] = {tilec, (char[]){"build"}, source, (char[]){"-o"}, scratch, NULL};
    double times[BUILDS];
    for (size_t i = 0; i < BUILDS; i++) {
        times[i] = time_process(words);
    }
    double result = median(times, BUILDS) * 1e3;
    printf("cold build of matmul_tiled: %.1f ms (at most 20, aim 5)\n", result);
    return result;
}

static double time_sgemm(const float *a, const float *b, float *c) {
    double start = now();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIZE, SIZE, SIZE, 1.0f, a, SIZE, b, SIZE, 0.0f, c,
                SIZE);
    return now() - start;
}

static double measure_run(struct arena *arena, char *tilec, char *source, const char *scratch) {
    char *a = arena_printf(arena, "A=%s/a.npy", scratch), *b = arena_printf(arena, "B=%s/b.npy", scratch);
    char *c = arena_printf(arena, "C=%s/c.npy", scratch);
    char *words[] = {tilec,
                     (char[]){"run"},
                     source,
                     (char[]){"--in"},
                     a,
                     (char[]){"--in"},
                     b,
                     (char[]){"--out"},
                     c,
                     (char[]){"--grid"},
                     (char[]){"8x8"},
                     NULL};
    static float x[SIZE * SIZE], y[SIZE * SIZE], z[SIZE * SIZE];
    double runs[RUNS], products[RUNS];
    write_matrix(arena, a + 2, 1);
    write_matrix(arena, b + 2, 2);
    for (size_t i = 0; i < SIZE * SIZE; i++) {
        x[i] = (float)(i % 251) / 251.0f - 0.5f;
        y[i] = (float)(i % 241) / 241.0f - 0.5f;
    }
    time_sgemm(x, y, z);
    for (size_t i = 0; i < RUNS; i++) {
        runs[i] = time_process(words);
        products[i] = time_sgemm(x, y, z);
    }
    double run = median(runs, RUNS), product = median(products, RUNS);
    printf(
        "run of bf16 1024^3 on 64 cores: %.1f ms, OpenBLAS sgemm on one thread: %.1f ms, ratio %.2f (at most 5, aim 1.5)\n",
        run * 1e3, product * 1e3, run / product);
    return run / product;
}

static double bare_product(void) {
    static struct tile a, b, c;
    const struct tile_engine *engine = tile_engine_best();
    enum { REPEATS = 20000 };
    for (size_t i = 0; i < TILE_ELEMENTS; i++) {
        a.element[i] = (float)(i % 7) + 0.5f;
        b.element[i] = (float)(i % 5) - 2.25f;
    }
    double start = now();
    for (size_t i = 0; i < REPEATS; i++) {
        engine->multiply_exact(&a, &b, &c);
    }
    return (now() - start) / REPEATS;
}

/* Seconds of a product on one core with one-tile blocks, compiling not included. */
static double time_steps(struct tilec_unit *unit, uint64_t edge) {
    uint16_t *values = malloc(edge * edge * sizeof *values);
    double times[RUNS];
    for (size_t i = 0; i < edge * edge; i++) {
        values[i] = bf16_from_f32((float)(i % 251) / 251.0f - 0.5f);
    }
    for (size_t i = 0; i < RUNS; i++) {
        struct tilec_array arrays[] = {{"A", TILEC_BF16, 2, {edge, edge}, values},
                                       {"B", TILEC_BF16, 2, {edge, edge}, values},
                                       {.name = "C"}};
        double start = now();
        if (tilec_run(unit, arrays, 3, NULL) != TILEC_OK) {
            fprintf(stderr, "benchmark: %s", tilec_diagnostics(unit));
            exit(1);
        }
        times[i] = now() - start;
    }
    free(values);
    return median(times, RUNS);
}

static void measure_steps(void) {
    static const char text[] = "kernel steps(A: bf16[M, K], B: bf16[K, N]) -> C: bf16[M, N] {\n"
                               "    grid i in M by 32, j in N by 32 {\n"
                               "        fragment acc[i, j]: f32 = 0;\n"
                               "        for k in K by 32 { gemm(A[i, k], B[k, j], acc); }\n"
                               "        C[i, j] = acc[i, j];\n"
                               "    }\n"
                               "}\n";
    struct tilec_options options = {.grid_x = 1, .grid_y = 1};
    struct tilec_unit *unit = tilec_compile("steps.tl", text, strlen(text), &options);
    if (tilec_status(unit) != TILEC_OK) {
        fprintf(stderr, "benchmark: %s", tilec_diagnostics(unit));
        exit(1);
    }
    /* The difference of two sizes leaves out what a launch costs. */
    double small = time_steps(unit, 128), large = time_steps(unit, 512), bare = bare_product();
    double step = (large - small) / (16 * 16 * 16 - 4 * 4 * 4);
    printf(
        "one-tile blocks: %.0f ns for a tile step, bare tile product %.0f ns: %.0f ns beyond it (aim below 1000)\n",
        step * 1e9, bare * 1e9, (step - bare) * 1e9);
    tilec_free(unit);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: benchmark TILEC EXAMPLES\n");
        return 2;
    }
    struct arena *arena = arena_create();
    char scratch[] = "/tmp/benchmark-XXXXXX";
    char *source = arena_printf(arena, "%s/matmul_tiled/matmul_tiled.tl", argv[2]);
    if (!mkdtemp(scratch)) {
        perror("benchmark: /tmp");
        return 2;
    }
    double build = measure_build(argv[1], source, scratch);
    double ratio = measure_run(arena, argv[1], source, scratch);
    measure_steps();
    char *clean[] = {(char[]){"/bin/rm"}, (char[]){"-rf"}, scratch, NULL};
    time_process(clean);
    arena_free(arena);
    return build > 20 || ratio > 5;
}
