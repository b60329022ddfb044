/* Translation validation behind tile form: the tile form of one kernel against the device form of another. */
#include "driver/validate.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "testsuite/unit/unit.h"

#define KERNEL(value)                                                                                        \
    "kernel f(A: bf16[M, N], B: f32[M, N]) -> Y: f32[M, N] { for i in M, j in N { " value " } }"

static const struct {
    const char *tiles, *device, *how; /* NULL: they agree */
} rows[] = {
    {KERNEL("Y[i, j] = A[i, j] * B[i, j];"), KERNEL("Y[i, j] = B[i, j] * A[i, j];"), NULL},
    {KERNEL("Y[i, j] = A[i, j] + B[i, j];"), KERNEL("Y[i, j] = A[i, j] - B[i, j];"),
     "with M = 37, N = 70, Y[0, 2] is 1 against -1"},
    /* The sign of a zero, and the last bit of f32. */
    {KERNEL("Y[i, j] = max(A[i, j], 0);"), KERNEL("Y[i, j] = select(A[i, j] > 0, A[i, j], A[i, j] * 0);"),
     "is 0 against -0"},
    {KERNEL("Y[i, j] = A[i, j] * B[i, j] + B[i, j];"), KERNEL("Y[i, j] = (A[i, j] + 1) * B[i, j];"),
     "against"},
};

static struct unit compiled(struct arena *arena, const char *text) {
    struct unit unit = {.arena = arena, .diagnostics = diagnostics_create(arena)};
    unit.options =
        (struct unit_options){.architecture = architecture_find("wormhole_b0"), .keep_tile_forms = true};
    ck_assert(unit_load(&unit, "test.tl", text, strlen(text)) && unit_compile(&unit));
    return unit;
}

START_TEST(what_differs_in_a_bit_is_told) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *arena = arena_create();
        struct unit tiles = compiled(arena, rows[i].tiles), device = compiled(arena, rows[i].device);
        struct compilation compilation = {
            .arena = arena, .diagnostics = device.diagnostics, .kernel = unit_kernel(&device, "f")};
        const char *how = NULL;
        enum check_outcome outcome =
            validate_kernel(&device, &compilation, unit_tile_form(&tiles, "f"), &how);
        ck_assert_msg(outcome == (rows[i].how ? CHECK_DIFFERENT : CHECK_EQUAL), "%s", rows[i].device);
        ck_assert_msg(!rows[i].how || strstr(how, rows[i].how), "%s", how);
        arena_free(arena);
    }
}
END_TEST

UNIT_MAIN("validate", what_differs_in_a_bit_is_told)
