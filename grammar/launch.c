/* Launches: sizes of a callee are bound by the shapes of its arguments, and what its results are follows. */
#include "grammar/parse.h"
#include "grammar/resolve.h"

/* ---- shapes ---- */

/* Sizes of the callee in terms of the program. */
struct shape_binding {
    const char *name;
    struct node *value;
    const char *from; /* the parameter that bound it */
    struct shape_binding *next;
};

struct instantiation {
    struct resolver *resolver;
    struct shape_binding *bindings;
    bool complete;
};

static struct shape_binding *shape_find(struct shape_binding *bindings, const char *name) {
    while (bindings && bindings->name != name)
        bindings = bindings->next;
    return bindings;
}

static struct node *instantiate_in(struct node *node, void *context) {
    struct instantiation *in = context;
    struct node_reference *reference = node_as(node, reference);
    if (!reference)
        return node_map_children(in->resolver->arena, node, instantiate_in, context);
    struct shape_binding *binding = shape_find(in->bindings, reference->name);
    in->complete &= binding != NULL;
    return binding ? binding->value : node;
}

/* An expression over sizes of the callee in sizes of the program; NULL while one of them is open. */
static struct node *instantiate(struct resolver *r, struct shape_binding *bindings, struct node *node) {
    struct instantiation in = {r, bindings, true};
    struct node *result = simplify(r->arena, size_normal_form(r, instantiate_in(node, &in)));
    return in.complete ? result : NULL;
}

static void bind_shape(struct resolver *r, struct shape_binding **bindings, const char *name,
                       struct node *value, const char *from) {
    struct shape_binding *binding = arena_allocate(r->arena, sizeof *binding);
    *binding = (struct shape_binding){name, value, from, *bindings};
    *bindings = binding;
}

/* Two sizes of the program: equal by form, or by a condition of the program. */
static bool sizes_equal(struct node_list conditions, const struct node *a, const struct node *b) {
    if (node_equal(a, b))
        return true;
    for (size_t i = 0; i < conditions.count; i++) {
        struct node_binary *binary = node_as(conditions.items[i], binary);
        if (binary && binary->op == BINARY_EQUAL &&
            ((node_equal(binary->left, a) && node_equal(binary->right, b)) ||
             (node_equal(binary->left, b) && node_equal(binary->right, a))))
            return true;
    }
    return false;
}

/* Sizes that only results mention follow from the callee's conditions: P == out(...). */
static void bind_by_conditions(struct resolver *r, struct node_list conditions,
                               struct shape_binding **bindings) {
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < conditions.count; i++) {
            struct node_binary *binary = node_as(conditions.items[i], binary);
            for (int side = 0; binary && binary->op == BINARY_EQUAL && side < 2; side++) {
                struct node_reference *size = node_as(side ? binary->right : binary->left, reference);
                struct node *value = size && !shape_find(*bindings, size->name)
                                         ? instantiate(r, *bindings, side ? binary->left : binary->right)
                                         : NULL;
                if (value) {
                    bind_shape(r, bindings, size->name, value, NULL);
                    more = true;
                }
            }
        }
    }
}

/* ---- launches ---- */

struct launch {
    struct resolver *r;
    struct node_list conditions; /* of the program */
    struct node_kernel *tree;    /* the callee as written */
    struct node_kernel *callee;  /* resolved */
    struct node **given;         /* argument trees by parameter of tree */
    struct shape_binding *sizes;
    struct span span;
};

static size_t parameter_index(const struct node_kernel *kernel, const char *name) {
    size_t i = 0;
    while (i < kernel->parameters.count && node_as(kernel->parameters.items[i], parameter)->name != name)
        i++;
    return i;
}

static bool is_result(const struct node *parameter) {
    return ((const struct node_parameter *)parameter)->direction == DIRECTION_OUT;
}

/* Places arguments by position and by name. */
static bool place_arguments(struct launch *launch, struct node_list arguments) {
    struct resolver *r = launch->r;
    size_t count = launch->tree->parameters.count, next = 0;
    bool sound = true;
    launch->given = arena_allocate(r->arena, (count + 1) * sizeof *launch->given);
    for (size_t i = 0; i < arguments.count; i++) {
        struct node *argument = arguments.items[i];
        struct node_attribute *named = node_as(argument, attribute);
        size_t at = named ? parameter_index(launch->tree, named->key) : next++;
        if (at >= count || is_result(launch->tree->parameters.items[at])) {
            report_error(r->diagnostics, named ? span_of_name(argument->span, named->key) : argument->span,
                         named ? "%s has no parameter %s" : "%s takes fewer arguments", launch->tree->name,
                         named ? named->key : "");
            report_note(r->diagnostics, launch->tree->base.span, "%s is declared here", launch->tree->name);
            sound = false;
        } else if (launch->given[at] || argument->kind == NODE_AXIS) {
            report_error(r->diagnostics, argument->span,
                         argument->kind == NODE_AXIS ? "an axis is no argument of a kernel"
                                                     : "this argument is given twice");
            sound = false;
        } else {
            launch->given[at] = named ? named->value : argument;
        }
    }
    return sound;
}

/* The compile-time arguments: literals for parameters of type index, or their defaults. */
static bool compile_time_arguments(struct launch *launch, struct binding **bindings) {
    struct resolver *r = launch->r;
    struct binding **end = bindings;
    for (size_t i = 0; i < launch->tree->parameters.count; i++) {
        struct node_parameter *parameter = node_as(launch->tree->parameters.items[i], parameter);
        bool scalar = !parameter->dimensions.count;
        int64_t value;
        if (parameter->direction == DIRECTION_OUT)
            continue;
        if (!launch->given[i] && !parameter->value) {
            report_error(r->diagnostics, launch->span, "%s needs an argument for %s", launch->tree->name,
                         parameter->name);
            report_note(r->diagnostics, parameter->base.span, "%s is declared here", parameter->name);
            return false;
        }
        if (!scalar || parameter->dtype != DTYPE_INDEX)
            continue;
        struct node *number =
            resolve_number(r, launch->given[i] ? launch->given[i] : parameter->value, "this argument");
        if (!number)
            return false;
        if (!integer_value(number, &value))
            continue;
        struct binding *binding = arena_allocate(r->arena, sizeof *binding);
        *binding = (struct binding){parameter->name, value, NULL};
        *end = binding;
        end = &binding->next;
    }
    return true;
}

/* Is the dimension a size of the kernel that -D fixes? Then that is what the argument does not agree with. */
static bool report_fixed(struct launch *launch, const struct node_parameter *parameter, struct node *expected,
                         struct node *actual, struct span span) {
    struct resolver *r = launch->r;
    for (size_t i = 0; i < launch->tree->parameters.count && expected->kind == NODE_INTEGER; i++) {
        struct node_parameter *written = node_as(launch->tree->parameters.items[i], parameter);
        for (size_t j = 0; j < written->dimensions.count; j++) {
            struct node_reference *size = node_as(written->dimensions.items[j], reference);
            const struct define *define =
                size && written->dimensions.items[j]->span.column == expected->span.column &&
                        written->dimensions.items[j]->span.line == expected->span.line
                    ? defines_find(r->front, size->name)
                    : NULL;
            if (define) {
                report_error(r->diagnostics, span, "size %s of %s is %lld by -D, and %s here", size->name,
                             launch->tree->name, (long long)define->value, node_text(r->arena, actual));
                report_note(r->diagnostics, parameter->base.span, "%s is declared here", parameter->name);
                return true;
            }
        }
    }
    return false;
}

/* One dimension of an argument binds a size of the callee or must agree with it. */
static bool agree(struct launch *launch, const struct node_parameter *parameter, struct node *expected,
                  struct node *actual, struct span span) {
    struct resolver *r = launch->r;
    struct node_reference *size = node_as(expected, reference);
    struct shape_binding *known = size ? shape_find(launch->sizes, size->name) : NULL;
    if (size && !known) {
        bind_shape(r, &launch->sizes, size->name, actual, parameter->name);
        return true;
    }
    struct node *value = instantiate(r, launch->sizes, expected);
    if (!value || sizes_equal(launch->conditions, value, actual))
        return true;
    if (report_fixed(launch, parameter, expected, actual, span))
        return false;
    report_error(r->diagnostics, span, "size %s of %s is %s for %s, and %s here",
                 node_text(r->arena, expected), launch->tree->name, node_text(r->arena, value),
                 known && known->from ? known->from : "its other arguments", node_text(r->arena, actual));
    report_note(r->diagnostics, parameter->base.span, "%s is declared here", parameter->name);
    int64_t a, b;
    if (!integer_value(value, &a) || !integer_value(actual, &b))
        report_help(r->diagnostics, (struct span){0}, "if they are equal, say so: where %s == %s",
                    node_text(r->arena, value), node_text(r->arena, actual));
    return false;
}

static bool shapes_agree(struct launch *launch, const struct node_parameter *parameter,
                         const struct entity *tensor, struct span span) {
    struct resolver *r = launch->r;
    if (tensor->dtype != parameter->dtype) {
        report_error(r->diagnostics, span, "%s of %s is %s, and %s is %s", parameter->name,
                     launch->tree->name, word_text(WORDS_dtype, parameter->dtype), tensor->source,
                     word_text(WORDS_dtype, tensor->dtype));
        report_note(r->diagnostics, parameter->base.span, "%s is declared here", parameter->name);
        return false;
    }
    if (tensor->rank != parameter->dimensions.count) {
        report_error(r->diagnostics, span, "%s of %s has %zu dimension%s, and %s has %zu", parameter->name,
                     launch->tree->name, parameter->dimensions.count,
                     parameter->dimensions.count == 1 ? "" : "s", tensor->source, tensor->rank);
        report_note(r->diagnostics, parameter->base.span, "%s is declared here", parameter->name);
        return false;
    }
    for (size_t i = 0; i < tensor->dimensions.count && i < parameter->dimensions.count; i++)
        if (!agree(launch, parameter, parameter->dimensions.items[i], tensor->dimensions.items[i], span))
            return false;
    return true;
}

static struct entity *tensor_named(struct resolver *r, struct node *tree) {
    struct node_reference *reference = node_as(tree, reference);
    struct entity *entity = reference ? lookup(r, reference->name, tree->span) : NULL;
    if (entity && entity->kind == ENTITY_TENSOR)
        return entity;
    if (!reference || entity)
        report_error(r->diagnostics, tree->span, "a tensor of the program is expected here, by its name");
    if (entity)
        report_note(r->diagnostics, entity->span, "%s is %s declared here", entity->source,
                    entity_kind_text(entity));
    return NULL;
}

static struct node *tensor_argument(struct launch *launch, const struct node_parameter *parameter,
                                    struct node *tree) {
    struct resolver *r = launch->r;
    struct entity *tensor = tensor_named(r, tree);
    if (!tensor)
        return NULL;
    check_written(r, tensor, tree->span);
    if (parameter->direction == DIRECTION_INOUT && tensor->direction == DIRECTION_IN) {
        report_error(r->diagnostics, tree->span, "%s changes %s in place, and %s is an input",
                     launch->tree->name, parameter->name, tensor->source);
        report_note(r->diagnostics, tensor->span, "%s is declared here", tensor->source);
        return NULL;
    }
    return shapes_agree(launch, parameter, tensor, tree->span) ? make_reference(r->arena, tensor->name)
                                                               : NULL;
}

static struct node *scalar_argument(struct launch *launch, const struct node_parameter *parameter,
                                    struct node *tree) {
    struct value value = resolve_expression(launch->r, tree);
    return check_storable(launch->r, &value, parameter->dtype, parameter->name, parameter->base.span)
               ? value.node
               : NULL;
}

/* The arguments of the resolved callee, in the order of its parameters. */
static bool resolve_arguments(struct launch *launch, struct list_builder *arguments) {
    struct resolver *r = launch->r;
    bool sound = true;
    for (size_t i = 0; i < launch->tree->parameters.count; i++) {
        struct node_parameter *tree = node_as(launch->tree->parameters.items[i], parameter);
        size_t at = parameter_index(launch->callee, tree->name);
        int64_t value;
        if (tree->direction == DIRECTION_OUT)
            continue;
        if (at == launch->callee->parameters.count) {
            if (launch->given[i] &&
                !integer_value(resolve_number(r, launch->given[i], "this argument"), &value)) {
                report_error(r->diagnostics, launch->given[i]->span,
                             "%s of %s must be a number known at compile time", tree->name,
                             launch->tree->name);
                report_note(r->diagnostics, tree->base.span, "%s multiplies a subscript variable",
                            tree->name);
                sound = false;
            }
            continue;
        }
        struct node_parameter *parameter = node_as(launch->callee->parameters.items[at], parameter);
        struct node *given = launch->given[i] ? launch->given[i] : tree->value;
        struct node *argument = parameter->dimensions.count ? tensor_argument(launch, parameter, given)
                                                            : scalar_argument(launch, parameter, given);
        sound &= argument != NULL;
        builder_add(r->arena, arguments, argument);
    }
    return sound;
}

static bool conditions_hold(struct launch *launch) {
    struct resolver *r = launch->r;
    for (size_t i = 0; i < launch->callee->conditions.count; i++) {
        struct node *condition = instantiate(r, launch->sizes, launch->callee->conditions.items[i]);
        int64_t known;
        if (integer_value(condition, &known) && !known) {
            report_error(r->diagnostics, launch->span, "%s needs %s, which does not hold here",
                         launch->tree->name, node_text(r->arena, launch->callee->conditions.items[i]));
            report_note(r->diagnostics, launch->callee->conditions.items[i]->span,
                        "the condition stands here");
            return false;
        }
    }
    return true;
}

/* The shape of a result; false after a report. */
static bool result_shape(struct launch *launch, const struct node_parameter *result,
                         struct node_list *shape) {
    struct resolver *r = launch->r;
    struct list_builder dimensions = {0};
    for (size_t i = 0; i < result->dimensions.count; i++) {
        struct node *dimension = instantiate(r, launch->sizes, result->dimensions.items[i]);
        if (!dimension) {
            report_error(r->diagnostics, launch->span, "size %s of result %s follows from no argument",
                         node_text(r->arena, result->dimensions.items[i]), result->name);
            report_note(r->diagnostics, result->base.span, "%s is declared here", result->name);
            report_help(r->diagnostics, (struct span){0}, "say what it is: where %s == ...",
                        node_text(r->arena, result->dimensions.items[i]));
            return false;
        }
        builder_add(r->arena, &dimensions, dimension);
    }
    *shape = builder_list(&dimensions);
    return true;
}

/* ---- results ---- */

/* An intermediate: `var H[H_0 in 0..B, H_1 in 0..D]: bf16`. */
static struct node *declare_intermediate(struct resolver *r, struct node *tree, const char *name,
                                         enum dtype dtype, struct node_list shape, struct entity **made) {
    struct entity *entity = declare(r, ENTITY_TENSOR, name, tree->span);
    entity->dtype = dtype;
    entity->direction = DIRECTION_INOUT;
    entity->rank = shape.count;
    entity->dimensions = shape;
    entity->written = true;
    struct list_builder axes = {0};
    for (size_t i = 0; i < shape.count; i++) {
        const char *axis = unique_name(r, arena_printf(r->arena, "%s_%zu", entity->name, i));
        builder_add(r->arena, &axes,
                    make_axis(r->arena, axis, make_integer(r->arena, 0), shape.items[i], NULL));
    }
    *made = entity;
    return node_new(r->arena, var, VAR, tree->span, .name = entity->name, .axes = builder_list(&axes),
                    .dtype = dtype);
}

static bool assign_result(struct launch *launch, const struct node_parameter *result, struct node_list shape,
                          struct node *tree, struct entity **made) {
    struct resolver *r = launch->r;
    struct entity *tensor = *made = tensor_named(r, tree);
    if (!tensor)
        return false;
    if (tensor->direction == DIRECTION_IN) {
        report_error(r->diagnostics, tree->span, "%s is an input and cannot be assigned", tensor->source);
        report_note(r->diagnostics, tensor->span, "%s is declared here", tensor->source);
        return false;
    }
    tensor->written = true;
    bool same = tensor->dtype == result->dtype && tensor->rank == shape.count;
    for (size_t i = 0; same && i < shape.count && i < tensor->dimensions.count; i++)
        same = sizes_equal(launch->conditions, shape.items[i], tensor->dimensions.items[i]);
    if (same)
        return true;
    const char *text = "";
    for (size_t i = 0; i < shape.count; i++)
        text = arena_printf(r->arena, "%s%s%s", text, i ? ", " : "", node_text(r->arena, shape.items[i]));
    report_error(r->diagnostics, tree->span, "result %s of %s is %s[%s] here, which %s is not", result->name,
                 launch->tree->name, word_text(WORDS_dtype, result->dtype), text, tensor->source);
    report_note(r->diagnostics, tensor->span, "%s is declared here", tensor->source);
    return false;
}

/* `W = step(W, G)` of a kernel without results: do the names stand for the tensors that it changes, in their order? */
static bool names_what_changes(struct launch *launch, struct node_list targets, struct node_list arguments) {
    size_t argument = 0, named = 0;
    for (size_t i = 0; i < launch->callee->parameters.count; i++) {
        struct node_parameter *parameter = node_as(launch->callee->parameters.items[i], parameter);
        if (parameter->direction == DIRECTION_OUT || argument == arguments.count)
            continue;
        struct node_reference *given = node_as(arguments.items[argument++], reference);
        if (parameter->direction != DIRECTION_INOUT)
            continue;
        struct entity *target = named < targets.count ? tensor_named(launch->r, targets.items[named]) : NULL;
        if (!target || !given || strcmp(target->name, given->name) != 0)
            return false;
        named++;
    }
    return named == targets.count;
}

void resolve_launch(struct resolver *r, struct node_list conditions, struct node *tree,
                    struct node_list targets, bool declares, const char *name, struct node_list arguments,
                    struct list_builder *out) {
    struct item *item = item_find(r->front, NODE_KERNEL, name);
    struct launch launch = {.r = r, .conditions = conditions, .span = tree->span};
    struct binding *bindings = NULL;
    item->launched = true;
    if (item->broken)
        return;
    launch.tree = node_as(item->tree, kernel);
    if (!place_arguments(&launch, arguments) || !compile_time_arguments(&launch, &bindings))
        return;
    struct specialisation *specialisation = specialise(r->front, item, bindings);
    if (!specialisation->kernel)
        return;
    launch.callee = node_as(specialisation->kernel, kernel);
    struct list_builder resolved = {0}, results = {0};
    if (!resolve_arguments(&launch, &resolved))
        return;
    bind_by_conditions(r, launch.callee->conditions, &launch.sizes);
    if (!conditions_hold(&launch))
        return;
    for (size_t i = 0; i < launch.callee->parameters.count; i++) {
        struct node_parameter *result = node_as(launch.callee->parameters.items[i], parameter);
        struct node_list shape;
        struct entity *entity = NULL;
        if (result->direction != DIRECTION_OUT)
            continue;
        if (results.count == targets.count || !result_shape(&launch, result, &shape))
            break;
        struct node *target = targets.items[results.count];
        if (target->kind == NODE_LET)
            builder_add(
                r->arena, out,
                declare_intermediate(r, target, node_as(target, let)->name, result->dtype, shape, &entity));
        else if (!assign_result(&launch, result, shape, target, &entity))
            return;
        builder_add(r->arena, &results, make_reference(r->arena, entity->name));
    }
    size_t expected = 0;
    for (size_t i = 0; i < launch.callee->parameters.count; i++)
        expected += is_result(launch.callee->parameters.items[i]);
    if (expected && !targets.count) {
        report_error(r->diagnostics, tree->span, "%s has %zu result%s, which no name takes", name, expected,
                     expected == 1 ? "" : "s");
        report_note(r->diagnostics, item->tree->span, "%s is declared here", name);
        report_help(r->diagnostics, (struct span){0}, "give %s: let %s = %s(...)",
                    expected == 1 ? "it one" : "them some", expected == 1 ? "H" : "G, H", name);
        return;
    }
    if (!expected && targets.count) {
        if (declares || !names_what_changes(&launch, targets, builder_list(&resolved))) {
            report_error(r->diagnostics, tree->span, "%s has no result: it changes its arguments in place",
                         name);
            report_note(r->diagnostics, item->tree->span, "%s is declared here", name);
            report_help(r->diagnostics, (struct span){0}, "launch it without a name: %s(...);", name);
            return;
        }
    } else if (expected != targets.count) {
        report_error(r->diagnostics, tree->span, "%s has %zu result%s, and %zu name%s", name, expected,
                     expected == 1 ? "" : "s", targets.count,
                     targets.count == 1 ? " stands here" : "s stand here");
        report_note(r->diagnostics, item->tree->span, "%s is declared here", name);
        return;
    }
    builder_add(r->arena, out,
                node_new(r->arena, launch, LAUNCH, tree->span, .results = builder_list(&results),
                         .kernel = launch.callee->name, .arguments = builder_list(&resolved)));
}
