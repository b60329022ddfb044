/* Sizes of sample launches: small ones from a list, moved to where the kernel's `where` wants them. */
#include <string.h>

#include "ir/build.h"
#include "proofs/internal.h"

enum { DEPTH_OF_SIZES = 4 };

/* Small sizes come first; every size of a launch takes another column. */
static const int64_t size_samples[][4] = {
    {256, 256, 256, 256}, {33, 97, 40, 65},  {1, 1, 1, 1},       {97, 33, 200, 1},       {32, 512, 64, 128},
    {1000, 40, 333, 97},  {512, 32, 96, 31}, {96, 96, 352, 160}, {1200, 700, 1200, 700},
};
_Static_assert(sizeof size_samples / sizeof *size_samples == SAMPLE_COUNT, "as many as internal.h says");

struct sampling {
    struct walk *walk;
    int sample, depth;
};

static int64_t size_at(struct sampling *s, size_t atom);
static atom_number atom_of_sizes;

/* A number of sizes; false when it is more than that. */
static bool number_at(struct sampling *s, const struct polynomial *p, int64_t *value) {
    return polynomial_number(p, atom_of_sizes, s, value);
}

static bool atom_of_sizes(void *context, size_t index, int64_t *value) {
    struct sampling *s = context;
    const struct atom *atom = &s->walk->values.atoms[index];
    int64_t a, b;
    if (atom->kind == ATOM_SIZE) {
        *value = size_at(s, index);
        return true;
    }
    return atom->kind >= ATOM_MINIMUM && atom->kind <= ATOM_REMAINDER && number_at(s, atom->a, &a) &&
           number_at(s, atom->b, &b) && atom_operate(atom->kind, a, b, value);
}

static bool is_size(const struct node *node, const char *name) {
    return node->kind == NODE_REFERENCE && strcmp(((const struct node_reference *)node)->name, name) == 0;
}

/* The nearest size from `value` on that fulfils the condition, where that says something of this size alone.
 */
static int64_t moved(struct sampling *s, struct node *condition, const char *name, int64_t value) {
    struct node_binary *binary = node_as(condition, binary),
                       *rest = binary ? node_as(binary->left, binary) : NULL;
    int64_t other, step;
    if (!binary)
        return value;
    if (binary->op == BINARY_AND)
        return moved(s, binary->right, name, moved(s, binary->left, name, value));
    if (rest && rest->op == BINARY_REMAINDER && is_size(rest->left, name) && binary->op == BINARY_EQUAL &&
        number_at(s, evaluate_number(s->walk, binary->right), &other) &&
        number_at(s, evaluate_number(s->walk, rest->right), &step) && step > 0)
        return (value + step - 1) / step * step + other;
    bool left = is_size(binary->left, name), right = is_size(binary->right, name);
    if (left == right || !number_at(s, evaluate_number(s->walk, left ? binary->right : binary->left), &other))
        return value;
    switch (binary->op) {
    case BINARY_EQUAL:
        return other;
    case BINARY_LESS:
    case BINARY_LESS_EQUAL:
    case BINARY_GREATER:
    case BINARY_GREATER_EQUAL: {
        bool least = (binary->op == BINARY_GREATER || binary->op == BINARY_GREATER_EQUAL) == left;
        bool strict = binary->op == BINARY_LESS || binary->op == BINARY_GREATER;
        int64_t bound = least ? other + strict : other - strict;
        return least == (value < bound) ? bound : value;
    }
    default:
        return value;
    }
}

static int64_t size_at(struct sampling *s, size_t atom) {
    struct walk *w = s->walk;
    struct node_list wanted = node_as(w->compilation->kernel, kernel)->conditions;
    int64_t value = size_samples[s->sample][atom % 4];
    if (!wanted.count || ++s->depth > DEPTH_OF_SIZES)
        return value;
    struct launch_place place = walk_enter_launch(w);
    for (size_t i = 0; i < wanted.count; i++)
        value = moved(s, wanted.items[i], w->values.atoms[atom].name, value);
    walk_leave_launch(w, place);
    s->depth--;
    return value;
}

int64_t size_of_sample(struct walk *w, int sample, size_t atom) {
    struct sampling sampling = {.walk = w, .sample = sample};
    return size_at(&sampling, atom);
}
