/* Kernels: parameters, sizes, defaults and conditions, once for each combination of compile-time arguments.
 */
#include <string.h>

#include "ir/attributes.h"
#include "grammar/parse.h"
#include "grammar/resolve.h"

enum { MOST_ROUNDS = 16 };

void resolver_start(struct resolver *r, struct front *front, struct diagnostics *diagnostics) {
    *r = (struct resolver){.front = front, .arena = front->arena, .diagnostics = diagnostics};
}

const struct binding *binding_find(const struct binding *bindings, const char *name) {
    for (; bindings; bindings = bindings->next)
        if (bindings->name == name)
            return bindings;
    return NULL;
}

static void fix(struct resolver *r, struct entity *entity, int64_t value) {
    entity->kind = ENTITY_CONSTANT;
    entity->value = value_of(node_new(r->arena, integer, INTEGER, entity->span, .value = value), DTYPE_INDEX,
                             0, entity->span);
}

/* ---- sizes ---- */

/* Every name in a dimension that is not declared yet is a size. */
static void declare_sizes(struct resolver *r, struct node *tree) {
    for_each (reference, reference, tree) {
        struct span span = reference->base.span;
        if (lookup_quietly(r, reference->name))
            continue;
        struct entity *size = declare(r, ENTITY_SIZE, reference->name, span);
        const struct define *define = defines_find(r->front, reference->name);
        size->dtype = DTYPE_INDEX;
        size->written = true;
        if (define && define->value < 0)
            report_error(r->diagnostics, span, "-D %s is %lld, and a dimension is not negative", define->name,
                         (long long)define->value);
        if (define)
            fix(r, size, define->value < 0 ? 1 : define->value);
    }
}

static struct node *resolve_dimension(struct resolver *r, struct node *tree) {
    declare_sizes(r, tree);
    struct node *dimension = resolve_number(r, tree, "a dimension");
    int64_t value;
    if (!dimension || !check_known_to_launch(r, dimension, "a dimension", tree->span))
        return NULL;
    if (integer_value(dimension, &value) && value < 0) {
        report_error(r->diagnostics, tree->span, "a dimension is not negative, and this is %lld",
                     (long long)value);
        return NULL;
    }
    struct node *positive, *negative;
    if (size_parts(r, dimension, &positive, &negative) && integer_value(positive, &value) && value == 0 &&
        !integer_value(negative, &value)) {
        report_error(r->diagnostics, tree->span,
                     "a dimension is not negative, and %s is, for every size but 0",
                     node_text(r->arena, dimension));
        return NULL;
    }
    return dimension;
}

/* ---- parameters ---- */

static void declare_parameter(struct resolver *r, struct node_parameter *tree) {
    bool tensor = tree->dimensions.count > 0;
    struct entity *entity = declare(r, tensor ? ENTITY_TENSOR : ENTITY_SCALAR, tree->name, tree->base.span);
    entity->declared = &tree->base;
    entity->dtype = tree->dtype;
    entity->direction = tree->direction;
    entity->rank = tree->dimensions.count;
    entity->written = tree->direction != DIRECTION_OUT;
    const char *type = word_text(WORDS_dtype, tree->dtype);
    if (tree->dimensions.count > TENSOR_RANK_LIMIT)
        report_error(r->diagnostics, tree->base.span, "%s has %zu dimensions, and a tensor has at most %d",
                     tree->name, tree->dimensions.count, TENSOR_RANK_LIMIT);
    if (tensor && tree->dtype == DTYPE_INDEX) {
        report_error(r->diagnostics, tree->base.span, "a tensor has no elements of type %s", type);
        report_help(r->diagnostics, (struct span){0}, "whole numbers of tensors are u32, i32 or u16");
    }
    if (!tensor && tree->direction != DIRECTION_IN) {
        report_error(r->diagnostics, tree->base.span,
                     "%s is one number, and what a kernel writes are tensors", tree->name);
        report_help(r->diagnostics, (struct span){0}, "a tensor of one element: %s: %s[1]", tree->name, type);
    }
    if (!tensor && (tree->dtype == DTYPE_BFP8 || tree->dtype == DTYPE_BFP4))
        report_error(r->diagnostics, tree->base.span, "there are no single values of type %s", type);
}

/* A compile-time argument or -D makes the parameter a constant. */
static void fix_scalar(struct resolver *r, struct node_parameter *tree) {
    struct entity *entity = lookup_quietly(r, tree->name);
    const struct binding *binding = binding_find(r->bindings, tree->name);
    if (!entity || entity->kind != ENTITY_SCALAR)
        return;
    const struct define *define =
        !binding && tree->dtype == DTYPE_INDEX ? defines_find(r->front, tree->name) : NULL;
    if (binding || define)
        fix(r, entity, binding ? binding->value : define->value);
}

static struct node *resolve_default(struct resolver *r, struct node_parameter *tree, struct entity *entity) {
    if (!tree->value)
        return NULL;
    struct value value = resolve_expression(r, tree->value);
    if (value.node && (tree->dimensions.count || !value.literal ||
                       (value.node->kind != NODE_INTEGER && value.node->kind != NODE_REAL))) {
        report_error(r->diagnostics, tree->value->span,
                     tree->dimensions.count ? "a tensor has no default" : "a default is a number");
        return NULL;
    }
    if (!check_storable(r, &value, tree->dtype, tree->name, tree->base.span))
        return NULL;
    if (entity && entity->kind == ENTITY_SCALAR)
        entity->value = value;
    return value.node;
}

static struct node *resolve_parameter(struct resolver *r, struct node_parameter *tree) {
    struct entity *entity = lookup_quietly(r, tree->name);
    struct list_builder dimensions = {0};
    for (size_t i = 0; i < tree->dimensions.count; i++)
        builder_add(r->arena, &dimensions, resolve_dimension(r, tree->dimensions.items[i]));
    struct node *value = resolve_default(r, tree, entity);
    if (!entity || entity->kind == ENTITY_CONSTANT)
        return NULL;
    if (entity->kind == ENTITY_TENSOR)
        entity->dimensions = builder_list(&dimensions);
    return node_new(r->arena, parameter, PARAMETER, tree->base.span, .direction = tree->direction,
                    .name = entity->name, .dtype = tree->dtype, .dimensions = builder_list(&dimensions),
                    .value = value);
}

/* A tensor of a program lies where the kernels that use it say. */
static void refuse_layout(struct resolver *r, const struct node *made, const struct node *tree) {
    for (size_t i = 0; i < tree->attributes.count; i++) {
        struct node_attribute *attribute = node_as(tree->attributes.items[i], attribute);
        if (strcmp(attribute->key, KEY_LAYOUT) != 0 || !attribute_get(made, KEY_LAYOUT))
            continue;
        report_error(r->diagnostics, attribute->base.span,
                     "@layout does not belong to a tensor of a program");
        report_help(r->diagnostics, (struct span){0},
                    "it lies where its kernels want it: give @layout to their parameters");
    }
}

struct node_list resolve_parameters(struct resolver *r, struct node_list trees) {
    struct list_builder parameters = {0};
    for (size_t i = 0; i < trees.count; i++)
        declare_parameter(r, node_as(trees.items[i], parameter));
    for (size_t i = 0; i < trees.count; i++)
        fix_scalar(r, node_as(trees.items[i], parameter));
    for (size_t i = 0; i < trees.count; i++)
        builder_add(r->arena, &parameters, resolve_parameter(r, node_as(trees.items[i], parameter)));
    for (size_t i = 0, j = 0; i < trees.count; i++)
        if (j < parameters.count &&
            node_as(parameters.items[j], parameter)->base.span.line == trees.items[i]->span.line &&
            parameters.items[j]->span.column == trees.items[i]->span.column) {
            bool tensor = node_as(parameters.items[j], parameter)->dimensions.count > 0;
            parameters.items[j] = resolve_attributes(r, parameters.items[j], trees.items[i],
                                                     tensor ? PLACE_TENSOR : PLACE_SCALAR);
            if (r->inside_program)
                refuse_layout(r, parameters.items[j], trees.items[i]);
            j++;
        }
    return builder_list(&parameters);
}

struct node_list resolve_conditions(struct resolver *r, struct node_list trees) {
    struct list_builder conditions = {0};
    for (size_t i = 0; i < trees.count; i++) {
        r->number_depth++;
        struct node *condition = resolve_condition(r, trees.items[i]);
        r->number_depth--;
        int64_t known;
        if (!condition ||
            !check_known_to_launch(r, condition, "a condition of `where`", trees.items[i]->span))
            continue;
        if (!integer_value(condition, &known)) {
            builder_add(r->arena, &conditions, size_normal_form(r, condition));
        } else if (!known) {
            report_error(r->diagnostics, trees.items[i]->span, "this condition does not hold");
            for (size_t j = 0; j < r->front->define_count; j++) {
                const char *name = arena_intern(r->arena, r->front->defines[j].name);
                if (mentions(trees.items[i], name))
                    report_note(r->diagnostics, (struct span){0}, "%s is %lld by -D", name,
                                (long long)r->front->defines[j].value);
            }
        }
    }
    return builder_list(&conditions);
}

void check_results_written(struct resolver *r) {
    for (struct entity *entity = r->newest; entity; entity = entity->older)
        if (entity->kind == ENTITY_TENSOR && entity->direction == DIRECTION_OUT && !entity->written)
            report_error(r->diagnostics, entity->span, "result %s is never written", entity->source);
}

/* ---- kernels ---- */

/* Each once. */
static struct node_list conditions_with(struct resolver *r, struct node_list conditions, struct node_list more) {
    struct list_builder all = {0};
    builder_add_all(r->arena, &all, conditions);
    for (size_t i = 0; i < more.count; i++) {
        bool known = false;
        for (size_t k = 0; k < all.count; k++)
            known |= node_equal(all.items[k], more.items[i]);
        if (!known)
            builder_add(r->arena, &all, more.items[i]);
    }
    return builder_list(&all);
}

static struct node *resolve_once(struct resolver *r, struct item *item) {
    struct node_kernel *kernel = node_as(item->tree, kernel);
    struct node_list parameters = resolve_parameters(r, kernel->parameters);
    struct node_list conditions = resolve_conditions(r, kernel->conditions);
    bool writes = false;
    for (size_t i = 0; i < kernel->parameters.count; i++)
        writes |= node_as(kernel->parameters.items[i], parameter)->direction != DIRECTION_IN;
    if (!writes) {
        report_error(r->diagnostics, item->tree->span, "kernel %s has no result", item->name);
        report_help(r->diagnostics, (struct span){0},
                    "kernel %s(...) -> Y: bf16[M, N] { ... }, or a parameter inout", item->name);
    }
    struct node *body = resolve_block(r, kernel->body);
    check_results_written(r);
    conditions = conditions_with(r, conditions, builder_list(&r->demands));
    struct node *made = node_new(r->arena, kernel, KERNEL, item->tree->span, .name = item->name,
                                 .parameters = parameters, .conditions = conditions, .body = body);
    return resolve_attributes(r, made, item->tree, PLACE_KERNEL);
}

/* Rounds without reports settle the types of untyped variables and find the parameters that must be known;
 * the last one reports. */
struct node *resolve_kernel(struct front *front, struct item *item, const char *name,
                            struct binding *bindings) {
    struct decisions *decisions = arena_allocate(front->arena, sizeof *decisions);
    struct resolver r;
    front->expansions = 0;
    for (int round = 0;; round++) {
        struct diagnostics silent = *front->diagnostics;
        silent.first = silent.latest = NULL;
        silent.error_count = 0;
        resolver_start(&r, front, &silent);
        r.bindings = bindings;
        r.decisions = decisions;
        struct node *kernel = resolve_once(&r, item);
        bool settled = !r.decisions_changed && !r.needed;
        if (settled && !silent.first) {
            diagnostics_names(front->diagnostics, name, r.told);
            return kernel;
        }
        if (settled || round == MOST_ROUNDS)
            break;
        while (r.needed) {
            struct binding *needed = r.needed;
            r.needed = needed->next;
            needed->next = bindings;
            bindings = needed;
        }
    }
    unsigned errors = front->diagnostics->error_count;
    front->expansions = 0;
    resolver_start(&r, front, front->diagnostics);
    r.bindings = bindings;
    r.decisions = decisions;
    struct node *kernel = resolve_once(&r, item);
    diagnostics_names(front->diagnostics, name, r.told);
    return front->diagnostics->error_count == errors ? kernel : NULL;
}
