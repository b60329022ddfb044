/* A program that uses libtilec, with names of its own that the compiler and what it is built on have inside.
 * Prints "embed: ok". */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tilec.h>

/* Each was a global symbol of the archive, or is one of libtcc's. */
int number = 1, cut = 2, file = 3, tok = 4, ind = 5;

void fail(const char *why);
int enter(void);
void next(void);
void skip(int c);
int report(void);

void fail(const char *why) {
    fprintf(stderr, "embed: %s\n", why);
    exit(1);
}

int enter(void) {
    return number + cut;
}

void next(void) {
    fail("next");
}

void skip(int c) {
    fail(c ? "skip" : "");
}

int report(void) {
    return file + tok + ind;
}

static const char source[] = "kernel scale(X: f32[M, N], row: f32[N], t: f32 = 1) -> Y: f32[M, N] {\n"
                             "    for i in M, j in N {\n"
                             "        Y[i, j] = max(X[i, j] * row[j], 0) * t;\n"
                             "    }\n"
                             "}\n";

enum { ROWS = 40, COLUMNS = 70, RUNS = 5, THREADS = 4 };

/* Runs the kernel with another scalar each time, on the device and in the evaluator. */
static void run_often(struct tilec_unit *unit, float offset) {
    static _Thread_local float x[ROWS][COLUMNS], row[COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        x[i / COLUMNS][i % COLUMNS] = (float)(i % 17) - 8 + offset;
        row[i % COLUMNS] = (float)(i % COLUMNS % 5) - 2;
    }
    for (int run = 0; run < RUNS; run++) {
        char text[16];
        snprintf(text, sizeof text, "%d", run);
        struct tilec_scalar t = {"t", text};
        struct tilec_run_options options = {.evaluator = run % 2, .scalars = &t, .scalar_count = 1};
        struct tilec_array arrays[] = {
            {"X", TILEC_F32, 2, {ROWS, COLUMNS}, x}, {"row", TILEC_F32, 1, {COLUMNS}, row}, {.name = "Y"}};
        if (tilec_run(unit, arrays, 3, &options) != TILEC_OK) {
            fail(tilec_diagnostics(unit));
        }
        const float *y = arrays[2].data;
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            float product = x[i / COLUMNS][i % COLUMNS] * row[i % COLUMNS];
            if (y[i] != (product > 0 ? product : 0) * (float)run) {
                fail("a result differs");
            }
        }
    }
}

static void *work(void *argument) {
    struct tilec_unit *unit = tilec_compile("scale.tl", source, strlen(source), NULL);
    if (tilec_status(unit) != TILEC_OK) {
        fail(tilec_diagnostics(unit));
    }
    run_often(unit, (float)*(int *)argument);
    tilec_free(unit);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    int offsets[THREADS];
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", TILEC_VERSION_MAJOR, TILEC_VERSION_MINOR,
             TILEC_VERSION_PATCH);
    if (strcmp(version, tilec_version()) != 0) {
        fail("the library is not of the header's version");
    }
    for (int i = 0; i < THREADS; i++) {
        offsets[i] = i;
        if (pthread_create(&threads[i], NULL, work, &offsets[i]) != 0) {
            fail("no thread");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    if (enter() != 3 || report() != 12) {
        fail("a name was taken");
    }
    puts("embed: ok");
    return 0;
}
