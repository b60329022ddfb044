/* Random programs of kernels: launches, what they share, and how they are compiled and run. */
#include <string.h>

#include "support/arena.h"
#include "testsuite/random/maker.h"

static struct random_program *launch_alone(struct random_program *program) {
    struct kernel *kernel = &program->kernels[0];
    struct launch_of *launch = &program->launches[0];
    memcpy(program->sizes, kernel->sizes, sizeof program->sizes);
    memcpy(program->tensors, kernel->tensors, sizeof program->tensors);
    program->size_count = kernel->size_count;
    program->tensor_count = kernel->tensor_count;
    program->launch_count = 1;
    launch->mode = 1;
    for (int i = 0; i < TENSORS_MAX; i++) {
        launch->tensors[i] = i;
    }
    for (int i = 0; i < SIZES_MAX; i++) {
        launch->sizes[i] = i;
    }
    return program;
}

/* ---- launches of a program ---- */

/* The size of the program that is this one of a kernel, where nothing else settles it. */
static int program_size(struct random_program *program, const struct size *size) {
    for (size_t i = 0; i < program->size_count; i++) {
        const struct size *known = &program->sizes[i];
        if (size->name ? known->name && strcmp(known->name, size->name) == 0
                       : !known->name && known->value == size->value) {
            return (int)i;
        }
    }
    program->sizes[program->size_count] = *size;
    program->sizes[program->size_count].base = -1;
    return (int)program->size_count++;
}

/* Can a tensor of the program be this parameter, with the sizes settled so far (-1: open)? Settles its sizes.
 */
static bool suits(const struct random_program *program, const struct kernel *kernel,
                  const struct tensor *parameter, const struct tensor *given, int *sizes) {
    int trial[SIZES_MAX];
    memcpy(trial, sizes, sizeof trial);
    if (given->rank != parameter->rank || given->bf16 != parameter->bf16) {
        return false;
    }
    for (size_t i = 0; i < given->rank; i++) {
        int own = parameter->sizes[i], its = given->sizes[i];
        own = kernel->sizes[own].base >= 0 ? kernel->sizes[own].base : own;
        if (!kernel->sizes[own].name) {
            if (program->sizes[its].name || program->sizes[its].value != kernel->sizes[own].value) {
                return false;
            }
        } else if (trial[own] >= 0 && trial[own] != its) {
            return false;
        }
        trial[own] = its;
    }
    memcpy(sizes, trial, sizeof trial);
    return true;
}

static int add_tensor(struct maker *m, const struct tensor *like, const int *sizes, const char *name) {
    struct random_program *program = m->program;
    struct tensor *tensor = &program->tensors[program->tensor_count];
    *tensor = *like;
    tensor->name = name;
    for (size_t i = 0; i < like->rank; i++) {
        tensor->sizes[i] = sizes[like->sizes[i]];
    }
    return (int)program->tensor_count++;
}

/* Every size of the kernel, also those that conditions make equal. */
static void settle_sizes(struct random_program *program, const struct kernel *kernel, int *sizes) {
    for (size_t i = 0; i < kernel->size_count; i++) {
        if (sizes[i] < 0 && kernel->sizes[i].base < 0) {
            sizes[i] = program_size(program, &kernel->sizes[i]);
        }
    }
    for (size_t i = 0; i < kernel->size_count; i++) {
        sizes[i] = kernel->sizes[i].base >= 0 ? sizes[kernel->sizes[i].base] : sizes[i];
    }
}

static void choose_arguments(struct maker *m, const struct kernel *kernel, struct launch_of *launch) {
    struct random_program *program = m->program;
    for (size_t i = 0; i < kernel->tensor_count; i++) {
        const struct tensor *parameter = &kernel->tensors[i];
        bool reuse = !parameter->result && !once_in(m, 3);
        for (size_t j = program->tensor_count; reuse && launch->tensors[i] < 0 && j-- > 0;) {
            const struct tensor *given = &program->tensors[j];
            bool other = true; /* what is changed in place is given once */
            for (size_t k = 0; k < i; k++) {
                other &= launch->tensors[k] != (int)j || (!parameter->in_place && !given->in_place);
            }
            if (other && given->in_place == parameter->in_place && (!given->result || program->made[j]) &&
                suits(program, kernel, parameter, given, launch->sizes)) {
                launch->tensors[i] = (int)j;
            }
        }
    }
}

static bool add_launch(struct maker *m, int number, bool last) {
    static const char *const inputs[] = {"X1", "X2", "X3", "X4", "X5", "X6", "X7",
                                         "X8", "X9", "XA", "XB", "XC", "XD", "XE"};
    static const char *const lets[] = {"T1", "T2", "T3", "T4", "T5", "T6", "T7",
                                       "T8", "T9", "TA", "TB", "TC", "TD", "TE"};
    static const char *const results[] = {"Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7",
                                          "Y8", "Y9", "YA", "YB", "YC", "YD", "YE"};
    struct random_program *program = m->program;
    const struct kernel *kernel = &program->kernels[number];
    if (program->tensor_count + kernel->tensor_count > TENSORS_MAX ||
        program->size_count + kernel->size_count > SIZES_MAX) {
        return false;
    }
    struct launch_of *launch = &program->launches[program->launch_count++];
    launch->kernel = number;
    launch->mode = kernel->has_variant ? 1 + (int)choose(m->choices, 2) : 1;
    memset(launch->tensors, -1, sizeof launch->tensors);
    memset(launch->sizes, -1, sizeof launch->sizes);
    choose_arguments(m, kernel, launch);
    settle_sizes(program, kernel, launch->sizes);
    bool let = !last && !once_in(m, 3);
    for (size_t i = 0; i < kernel->tensor_count; i++) {
        const struct tensor *parameter = &kernel->tensors[i];
        if (launch->tensors[i] < 0) {
            size_t at = program->tensor_count;
            const char *name = !parameter->result ? inputs[at] : let ? lets[at] : results[at];
            launch->tensors[i] = add_tensor(m, parameter, launch->sizes, name);
            program->made[at] = launch->makes[i] = parameter->result && let;
        }
    }
    return true;
}

static void make_launches(struct maker *m) {
    struct random_program *program = m->program;
    uint32_t count = (uint32_t)program->kernel_count + choose(m->choices, 3);
    for (uint32_t i = 0; i < count; i++) {
        bool given = i < program->kernel_count;
        int number = given ? (int)i : (int)choose(m->choices, (uint32_t)program->kernel_count);
        if (!add_launch(m, number, i + 1 == count)) {
            break;
        }
    }
}

/* Sizes of kernels that a program launches are the program's: `where` would have to hold there. */
struct random_program *program_make(struct arena *arena, struct choices *choices) {
    static const char *const names[] = {"f", "g"};
    static const uint8_t grids[][2] = {{8, 8}, {1, 1}, {2, 1}, {3, 2}, {1, 4}};
    struct random_program *program = arena_allocate(arena, sizeof *program);
    struct maker m = {.arena = arena, .choices = choices, .program = program};
    const uint8_t *grid = PICK(&m, grids);
    program->grid_x = grid[0];
    program->grid_y = grid[1];
    program->architecture = once_in(&m, 4) ? "blackhole" : "wormhole_b0";
    program->whole = once_in(&m, 3);
    program->schedule = choose(choices, 16);
    program->inputs = 1 + choose(choices, 250);
    program->program = once_in(&m, 5);
    program->fixed = once_in(&m, 6) && !program->program; /* -D means the sizes of every kernel */
    program->kernel_count = program->program && once_in(&m, 3) ? 2 : 1;
    for (size_t i = 0; i < program->kernel_count; i++) {
        struct maker one = {
            .arena = arena, .choices = choices, .program = program, .kernel = &program->kernels[i]};
        make_kernel(&one, names[i], !program->program);
    }
    if (!program->program) {
        return launch_alone(program);
    }
    make_launches(&m);
    return program;
}
