/* What proofs cost: benchmark_proofs TILEC EXAMPLES
 *
 *   statements    kernels of 1, 2, 4 and 8 times as many statements, in loop form and in device form:
 *                 milliseconds of the passes that prove (auto_tile_tt, verify_tt_ir), for the whole and for a
 *                 statement; the cost of a statement may grow by half from the smallest to the largest kernel
 *   examples      a fresh process of `tilec check` of every example: at most 50 ms
 *
 * Times are those of the processor, the least of several runs. Fails when a limit is not kept.
 */
#include <dirent.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "driver/compile.h"
#include "support/architecture.h"
#include "support/arena.h"
#include "support/text_buffer.h"

extern char **environ;

enum { RUNS = 9, STEPS = 4 };

#define GROWTH_LIMIT 1.5
#define CHECK_LIMIT 50.0 /* milliseconds */

/* Of the processor, so that what else runs does not matter. */
static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double least(double a, double b) {
    return a < b ? a : b;
}

/* ---- kernels of many statements ---- */

/* One block of X in, `count` results out. */
static void write_loop_form(struct text_buffer *out, int count) {
    text_printf(out, "kernel k(X: bf16[M, N])");
    for (int i = 0; i < count; i++) {
        text_printf(out, "%s Y%d: bf16[M, N]", i ? "," : " ->", i);
    }
    text_printf(out, " {\n    grid i in M by 32, j in N by 32 {\n        shared x = X[i, j];\n");
    for (int i = 0; i < count; i++) {
        text_printf(out, "        Y%d[i, j] = x[i, j] * %d;\n", i, i + 2);
    }
    text_printf(out, "    }\n}\n");
}

static const char reader_turn[] =
    "            cb_reserve_back(cb_x, 1)\n"
    "            noc_async_read_page(page(X, tid, %d), X, get_write_ptr(cb_x))\n"
    "            noc_async_read_barrier()\n"
    "            cb_push_back(cb_x, 1)\n";
static const char compute_turn[] = "            cb_wait_front(cb_x, 1)\n"
                                   "            cb_reserve_back(cb_y, 1)\n"
                                   "            tile_regs_acquire()\n"
                                   "            copy_tile(cb_x, 0, 0)\n"
                                   "            exp_tile(0)\n"
                                   "            tile_regs_commit()\n"
                                   "            tile_regs_wait()\n"
                                   "            pack_tile(OUT_OF_ORDER, 0, cb_y, 0)\n"
                                   "            tile_regs_release()\n"
                                   "            cb_push_back(cb_y, 1)\n"
                                   "            cb_pop_front(cb_x, 1)\n";
static const char writer_turn[] =
    "            cb_wait_front(cb_y, 1)\n"
    "            noc_async_write_page(page(Y, tid, %d), Y, get_read_ptr(cb_y))\n"
    "            noc_async_writes_flushed()\n"
    "            cb_pop_front(cb_y, 1)\n";

static void begin_function(struct text_buffer *out, const char *role, const char *constants) {
    text_printf(out,
                "    function %s %s() {\n%s        let start_id: u32 = get_arg_val(uint32_t, 0)\n"
                "        let count: u32 = get_arg_val(uint32_t, 1)\n",
                role, role, constants);
}

static void write_tensor(struct text_buffer *out, const char *direction, const char *name, int columns) {
    text_printf(
        out,
        "%s %s: bf16[M, %d] @{tt.buffer = {memory = dram, layout = interleaved, tile_shape = [32, 32], dtype = bf16}}",
        direction, name, columns * 32);
}

static void write_buffer(struct text_buffer *out, const char *name, int id) {
    text_printf(
        out,
        "    circular_buffer %s = %d: bf16 pages 2 @{tt.cb = {page_size = 2048, depth = 2, data_format = Float16_b, unpack_to_dest = 0}}\n",
        name, id);
}

/* `count` tiles one after another in every iteration. */
static void write_device_form(struct text_buffer *out, int count) {
    text_printf(out, "kernel k(");
    write_tensor(out, "in", "X", count);
    text_printf(out, ", ");
    write_tensor(out, "out", "Y", count);
    text_printf(
        out,
        ") @{tt.compute = {fp32_dest_acc_en = 1}, tt.core_grid = [8, 8], tt.core_ranges = [{start = [0, 0], extent = [8, 8]}], tt.grid_blocks = [ceildiv(M, 32)], tt.runtime_args = {start_id = start(), count = count(), Mt = ceildiv(M, 32), Kt = 1, Nt = %d, Gm = ceildiv(M, 32), Gn = 1, M = M, X_address = address(X), Y_address = address(Y)}} {\n",
        count);
    write_buffer(out, "cb_x", 0);
    write_buffer(out, "cb_y", 16);
    begin_function(out, "reader", "        constant cb_x = 0\n");
    text_printf(out,
                "        accessor X at get_arg_val(uint32_t, 8) tiles [get_arg_val(uint32_t, 2), %d]\n"
                "        for tid in start_id..start_id + count {\n",
                count);
    for (int i = 0; i < count; i++) {
        text_printf(out, reader_turn, i);
    }
    text_printf(out, "        }\n    }\n");
    begin_function(out, "compute", "        constant cb_x = 0\n        constant cb_y = 16\n");
    text_printf(
        out,
        "        compute_kernel_hw_startup(REGULAR, cb_x, cb_x, cb_y)\n        copy_init(cb_x)\n        exp_tile_init()\n"
        "        for tid in start_id..start_id + count {\n");
    for (int i = 0; i < count; i++) {
        text_printf(out, "%s", compute_turn);
    }
    text_printf(out, "        }\n    }\n");
    begin_function(out, "writer", "        constant cb_y = 16\n");
    text_printf(out,
                "        accessor Y at get_arg_val(uint32_t, 9) tiles [get_arg_val(uint32_t, 2), %d]\n"
                "        for tid in start_id..start_id + count {\n",
                count);
    for (int i = 0; i < count; i++) {
        text_printf(out, writer_turn, i);
    }
    text_printf(out, "        }\n        noc_async_write_barrier()\n    }\n}\n");
}

/* ---- measuring ---- */

struct seconds {
    const char *pass;
    double last, spent; /* last: when the pass before it ended */
};

static void observe(const struct pass *pass, const struct compilation *compilation, bool changed,
                    double seconds, void *context) {
    (void)compilation, (void)changed, (void)seconds;
    struct seconds *wanted = context;
    double end = now();
    if (strcmp(pass->name, wanted->pass) == 0) {
        wanted->spent += end - wanted->last;
    }
    wanted->last = end;
}

/* Seconds that one pass takes on a source. */
static double time_pass(const char *file, const char *text, const char *pass) {
    struct seconds wanted = {pass, now(), 0};
    struct unit unit = {.arena = arena_create()};
    unit.diagnostics = diagnostics_create(unit.arena);
    unit.options = (struct unit_options){
        .architecture = architecture_find("wormhole_b0"), .observe = observe, .context = &wanted};
    bool loaded = unit_load(&unit, file, text, strlen(text));
    wanted.last = now();
    if (!loaded || !unit_compile(&unit)) {
        struct text_buffer messages = {0};
        diagnostics_print(unit.diagnostics, SEVERITY_ERROR, false, &messages);
        fprintf(stderr, "benchmark_proofs: %s", text_string(&messages));
        exit(1);
    }
    arena_free(unit.arena);
    return wanted.spent;
}

struct family {
    const char *title, *file, *pass;
    void (*write)(struct text_buffer *out, int count);
    int first; /* statements of the smallest kernel */
};

static const struct family families[] = {
    {"loop form, results", "k.tl", "auto_tile_tt", write_loop_form, 3},
    {"device form, tiles an iteration", "k.ir", "verify_tt_ir", write_device_form, 4},
};

static bool measure_family(const struct family *family) {
    double single = 0;
    bool kept = true;
    for (int step = 0; step < STEPS; step++) {
        int count = family->first << step;
        struct text_buffer text = {0};
        double best = 1e9;
        family->write(&text, count);
        for (int run = 0; run < RUNS; run++) {
            best = least(best, time_pass(family->file, text_string(&text), family->pass));
        }
        text_free(&text);
        double each = best * 1e3 / count;
        single = step == 0 ? each : single;
        kept = step < STEPS - 1 || each / single <= GROWTH_LIMIT;
        printf("%s, %d: %s %.2f ms, %.3f ms each, %.2f of that of %d\n", family->title, count, family->pass,
               best * 1e3, each, each / single, family->first);
    }
    if (!kept) {
        printf("%s: the cost of one grows by more than %.1f\n", family->title, GROWTH_LIMIT);
    }
    return kept;
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

/* Milliseconds of `tilec check FILE`, what it prints not shown. */
static double time_check(char *tilec, char *file) {
    char *words[] = {tilec, (char[]){"check"}, file, NULL};
    double best = 1e9;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", 1, 0);
    for (int run = 0; run < RUNS; run++) {
        pid_t process;
        int status;
        struct rusage used;
        if (posix_spawn(&process, tilec, &actions, NULL, words, environ) != 0 ||
            wait4(process, &status, 0, &used) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fprintf(stderr, "benchmark_proofs: %s check %s failed\n", tilec, file);
            exit(1);
        }
        best = least(best, seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
    }
    posix_spawn_file_actions_destroy(&actions);
    return best * 1e3;
}

static int is_example(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static bool measure_examples(struct arena *arena, char *tilec, const char *folder) {
    struct dirent **entries;
    int count = scandir(folder, &entries, is_example, alphasort);
    bool kept = count > 0;
    for (int i = 0; i < count; i++) {
        char *file = arena_printf(arena, "%s/%s/%s.tl", folder, entries[i]->d_name, entries[i]->d_name);
        double spent = time_check(tilec, file);
        kept &= spent <= CHECK_LIMIT;
        printf("check of %s: %.1f ms (at most %.0f)\n", entries[i]->d_name, spent, CHECK_LIMIT);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    return kept;
}

int main(int count, char **words) {
    if (count != 3) {
        fprintf(stderr, "usage: benchmark_proofs TILEC EXAMPLES\n");
        return 2;
    }
    struct arena *arena = arena_create();
    bool kept = true;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        kept &= measure_family(&families[i]);
    }
    kept &= measure_examples(arena, words[1], words[2]);
    arena_free(arena);
    return !kept;
}
