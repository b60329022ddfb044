/* A kernel of a random program: one of the nests, its sizes bound, with conditions and layouts. */
#include <string.h>

#include "support/arena.h"
#include "testsuite/random/maker.h"

/* ---- conditions, layouts ---- */

/* A size of another name where the values are equal, as tensors from different places have. */
static void alias_size(struct maker *m) {
    struct kernel *kernel = m->kernel;
    if (kernel->size_count + 1 >= SIZES_MAX) {
        return;
    }
    for (size_t i = 1; i < kernel->tensor_count; i++) {
        struct tensor *tensor = &kernel->tensors[i];
        int base = tensor->sizes[0];
        if (!tensor->result && !tensor->in_place && kernel->sizes[base].name &&
            kernel->sizes[base].base < 0 && tensor->rank > 1) {
            bool bound = false; /* by another input as well */
            for (size_t j = 0; j < kernel->tensor_count; j++) {
                for (size_t k = 0; k < kernel->tensors[j].rank; k++) {
                    bound |= !kernel->tensors[j].result && (j != i || k > 0) &&
                             kernel->tensors[j].sizes[k] == base;
                }
            }
            if (bound) {
                kernel->sizes[kernel->size_count] = (struct size){
                    .name = "P", .value = kernel->sizes[base].value, .base = base, .divisor = 1};
                tensor->sizes[0] = (int)kernel->size_count++;
                return;
            }
        }
    }
}

/* A condition that holds of these sizes, as authors state them. */
static void add_condition(struct maker *m) {
    static const int64_t divisors[] = {32, 2, 16, 8};
    struct kernel *kernel = m->kernel;
    const struct size *named[SIZES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < kernel->size_count; i++) {
        if (kernel->sizes[i].name && kernel->sizes[i].base < 0) {
            named[count++] = &kernel->sizes[i];
        }
    }
    if (count == 0) {
        return;
    }
    const struct size *a = named[choose(m->choices, (uint32_t)count)],
                      *b = named[choose(m->choices, (uint32_t)count)];
    int64_t divisor = PICK(m, divisors), rest, difference = a->value - b->value;
    const char *text = "";
    switch (choose(m->choices, 6)) {
    case 0:
        rest = a->value % divisor;
        text = arena_printf(m->arena, "(%s - %lld) %% %lld == 0", a->name, (long long)(rest + divisor),
                            (long long)divisor);
        break;
    case 1:
        text = arena_printf(m->arena, "%s - %s %s %lld", a->name, b->name, difference < 0 ? "<=" : ">=",
                            (long long)(difference < 0 ? difference + 1 : difference));
        break;
    case 2:
        text = arena_printf(m->arena, "%s %% %lld == %lld", a->name, (long long)divisor,
                            (long long)(a->value % divisor));
        break;
    case 3:
        rest = ((difference % 2) + 2) % 2;
        text = arena_printf(m->arena, "(%s - %s) %% 2 == %lld", a->name, b->name, (long long)rest);
        break;
    case 4:
        text = arena_printf(m->arena, "%s + %lld > %s - %lld", a->name,
                            (long long)(difference < 0 ? -difference : 0), b->name, 3LL);
        break;
    default:
        text = arena_printf(m->arena, "%s <= %lld", a->name, (long long)a->value + 40);
        break;
    }
    kernel->conditions[kernel->condition_count++].text = text;
}

static void add_layouts(struct maker *m) {
    static const char *const layouts[] = {" @layout(memory = l1)", " @layout(height = 2)",
                                          " @layout(width = 2)", " @layout(block = [2, 2])",
                                          " @layout(height = 8)", " @layout(format = row_major)"};
    for (size_t i = 0; i < m->kernel->tensor_count; i++) {
        struct tensor *tensor = &m->kernel->tensors[i];
        if (tensor->rank > 1 && once_in(m, 2)) {
            tensor->layout = PICK(m, layouts);
            if (tensor->in_place && strstr(tensor->layout, "row_major")) {
                tensor->layout = ""; /* what is changed in place has tiles */
            }
        }
    }
}

/* ---- the whole ---- */

/* The sizes of loops and results are those of inputs: what no other mentions gets one that is not read. */
static void bind_sizes(struct maker *m) {
    static const char *const names[] = {"T1", "T2", "T3", "T4", "T5"};
    struct kernel *kernel = m->kernel;
    size_t unread = 0;
    for (size_t i = 0; i < kernel->size_count; i++) {
        bool bound = !kernel->sizes[i].name;
        for (size_t j = 0; j < kernel->tensor_count; j++) {
            for (size_t k = 0; k < kernel->tensors[j].rank; k++) {
                bound |= !kernel->tensors[j].result && kernel->tensors[j].sizes[k] == (int)i;
            }
        }
        if (!bound) {
            int size = (int)i;
            new_tensor(m, names[unread++], 1, &size);
        }
    }
}

void make_kernel(struct maker *m, const char *name, bool alone) {
    static void (*const makers[])(struct maker * m) = {make_plain,  make_plain, make_rows,  make_plain,
                                                       make_tiled,  make_rows,  make_plain, make_in_place,
                                                       make_gather, make_norm};
    m->kernel->name = name;
    m->in_place = -1;
    uint32_t kind = choose(m->choices, sizeof makers / sizeof *makers);
    (alone && once_in(m, 40) ? make_strange : makers[kind])(m);
    bind_sizes(m);
    if (once_in(m, 8)) {
        alias_size(m);
    }
    for (uint32_t count = alone && once_in(m, 5) ? 1 + choose(m->choices, 2) : 0; count > 0; count--) {
        add_condition(m);
    }
    if (alone && once_in(m, 10)) {
        add_layouts(m);
    }
    if (alone && m->kernel->has_variant && !once_in(m, 2) && m->kernel->condition_count < CONDITIONS_MAX) {
        m->kernel->conditions[m->kernel->condition_count++].text = "mode >= 0";
    }
}
