/* The list of files that a build writes, and of those that an earlier build may have left. */
#include "driver/outputs.h"

#include <string.h>

#include "support/arena.h"

/* What kernels and host programs say of themselves, and a plan. */
#define MADE "Made by tilec"
#define PLAN "\"schema_version\""

/* Adds a file when it is of the wanted kind: one to write, or one that an earlier build may have left. */
static void add_file(struct outputs *outputs, bool stale, const char *path, const char *text,
                     const char *mark) {
    if (stale == !text) {
        outputs->files[outputs->total++] = (struct output_file){
            .path = path, .bytes = text, .length = text ? strlen(text) : 0, .mark = mark};
    }
}

static void add_kernel(struct arena *arena, struct outputs *outputs, const struct emitted_kernel *kernel,
                       const bool targets[TARGET_COUNT], bool stale) {
    for (enum target target = 0; target < TARGET_COUNT; target++) {
        for (size_t role = 0; role < EMITTED_ROLES; role++) {
            const char *path = arena_printf(arena, "%s/%s", kernel->name, emitted_file_name(target, role));
            add_file(outputs, stale, path, targets[target] ? kernel->functions[target][role].text : NULL,
                     MADE);
        }
    }
    add_file(outputs, stale, arena_printf(arena, "%s/host.py", kernel->name),
             targets[TARGET_METALIUM] ? kernel->host : NULL, MADE);
    add_file(outputs, stale, arena_printf(arena, "%s/plan.json", kernel->name), kernel->plan, PLAN);
}

enum { FILES_OF_A_KERNEL = TARGET_COUNT * EMITTED_ROLES + 2 };

static struct outputs outputs_open(struct arena *arena, size_t most) {
    return (struct outputs){.files = arena_allocate(arena, (most + 1) * sizeof(struct output_file))};
}

static void add_hosts(struct outputs *outputs, const struct emission *emission,
                      const bool targets[TARGET_COUNT], bool stale) {
    for (size_t i = 0; targets[TARGET_METALIUM] && i < emission->host_count; i++) {
        add_file(outputs, stale, emission->hosts[i].file, emission->hosts[i].text, MADE);
    }
    if (stale && (!targets[TARGET_METALIUM] || emission->host_count != 1)) {
        add_file(outputs, true, "host.py", NULL, MADE);
    }
}

struct outputs outputs_of_kernel(struct arena *arena, const struct emitted_kernel *kernel,
                                 const bool targets[TARGET_COUNT]) {
    struct outputs outputs = outputs_open(arena, FILES_OF_A_KERNEL);
    add_kernel(arena, &outputs, kernel, targets, false);
    outputs.count = outputs.total;
    add_kernel(arena, &outputs, kernel, targets, true);
    return outputs;
}

struct outputs outputs_of(struct arena *arena, const struct emission *emission,
                          const bool targets[TARGET_COUNT]) {
    struct outputs outputs =
        outputs_open(arena, emission->kernel_count * FILES_OF_A_KERNEL + emission->host_count + 1);
    for (int stale = 0; stale < 2; stale++) {
        for (size_t i = 0; i < emission->kernel_count; i++) {
            add_kernel(arena, &outputs, &emission->kernels[i], targets, stale);
        }
        add_hosts(&outputs, emission, targets, stale);
        outputs.count = stale ? outputs.count : outputs.total;
    }
    return outputs;
}
