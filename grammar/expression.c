/* Expressions: names, accesses, operators and conditions resolved, each with its type and the axes it
 * varies along. */
#include <string.h>

#include "grammar/parse.h"
#include "grammar/resolve.h"

struct value poison(struct span span) {
    return (struct value){.span = span};
}

struct value value_of(struct node *node, enum dtype dtype, uint64_t axes, struct span span) {
    return (struct value){.node = node, .dtype = dtype, .axes = axes, .span = span};
}

uint64_t axis_bit(const struct entity *axis) {
    return (uint64_t)1 << axis->block_index;
}

const char *axes_text(struct resolver *r, uint64_t axes) {
    const char *text = "";
    for (unsigned i = 0; i < r->open_count; i++)
        if (axes >> i & 1)
            text = arena_printf(r->arena, "%s%s%s", text, *text ? ", " : "", r->open[i]->source);
    return text;
}

bool enter(struct resolver *r, struct span span) {
    r->depth++;
    if (r->depth <= DEEPEST_NESTING)
        return true;
    report_error(r->diagnostics, span, "this is nested too deeply");
    return false;
}

void leave(struct resolver *r) {
    r->depth--;
}

void check_written(struct resolver *r, struct entity *entity, struct span span) {
    if (entity->written)
        return;
    report_error(r->diagnostics, span, "%s is read before it is written", entity->source);
    report_note(r->diagnostics, entity->span, "%s is declared here, without a value", entity->source);
    if (entity->kind == ENTITY_TENSOR)
        report_help(r->diagnostics, (struct span){0}, "assign it with = first, or declare it inout");
    entity->written = true; /* one report is enough */
}

/* ---- names ---- */

struct value access_whole(struct resolver *r, struct entity *entity, struct span span) {
    struct list_builder subscripts = {0};
    uint64_t axes = 0;
    for (size_t i = 0; i < entity->rank; i++) {
        struct entity *axis = entity->axes[i];
        if (!axis) {
            report_error(r->diagnostics, span, "%s needs a subscript for each of its axes", entity->source);
            report_note(r->diagnostics, entity->span, "%s is declared here", entity->source);
            return poison(span);
        }
        struct node *index = make_reference(r->arena, axis->name);
        builder_add(r->arena, &subscripts, node_with_span(r->arena, index, span));
        axes |= axis_bit(axis);
    }
    struct node *access = node_new(r->arena, access, ACCESS, span, .name = entity->name,
                                   .subscripts = builder_list(&subscripts));
    struct value value = value_of(access, entity->dtype, axes, span);
    value.varies = true;
    return value;
}

struct value value_held(struct resolver *r, const struct entity *entity, struct value value) {
    if (!value.node || entity->kind != ENTITY_VAR)
        return value;
    if (entity->rounds)
        value.node = node_with_span(
            r->arena,
            make_call(r->arena, word_text(WORDS_dtype, (int)entity->dtype), LIST(r->arena, value.node)),
            value.span);
    if (entity->integer_literal) {
        value.dtype = DTYPE_INDEX;
        value.literal = true;
    }
    return value;
}

static struct value reference_to(struct resolver *r, struct entity *entity, struct span span) {
    struct node *node = node_new(r->arena, reference, REFERENCE, span, .name = entity->name);
    struct value value = value_of(node, entity->dtype, 0, span);
    if (entity->kind == ENTITY_AXIS) {
        value.varies = true;
        value.axes = entity->block ? axis_bit(entity) : 0;
    }
    if (entity->kind == ENTITY_SCALAR && entity->dtype == DTYPE_INDEX)
        value.parameter = entity->source;
    return value;
}

static struct value resolve_reference(struct resolver *r, struct node_reference *tree) {
    struct span span = tree->base.span;
    bool is_true = strcmp(tree->name, "true") == 0;
    if (is_true || strcmp(tree->name, "false") == 0) {
        struct value value =
            value_of(node_new(r->arena, integer, INTEGER, span, .value = is_true), DTYPE_BOOL, 0, span);
        value.literal = true;
        return value;
    }
    struct entity *entity = lookup(r, tree->name, span);
    if (!entity)
        return poison(span);
    struct value value = entity->value;
    switch (entity->kind) {
    case ENTITY_CONSTANT:
    case ENTITY_ARGUMENT:
        value.span = span;
        return value;
    case ENTITY_TENSOR:
        report_error(r->diagnostics, span, "%s is a tensor: an element of it needs %zu subscript%s",
                     entity->source, entity->rank, entity->rank == 1 ? "" : "s");
        report_note(r->diagnostics, entity->span, "%s is declared here", entity->source);
        if (entity->rank == 2)
            report_help(
                r->diagnostics, (struct span){0},
                "write the subscripts: %s[i, j]; a product of matrices is sum(k in K: A[i, k] * B[k, j])",
                entity->source);
        return poison(span);
    case ENTITY_VAR:
    case ENTITY_BUFFER:
    case ENTITY_LET:
        check_written(r, entity, span);
        if (entity->rank)
            return value_held(r, entity, access_whole(r, entity, span));
        if (entity->kind == ENTITY_LET && entity->value.literal) {
            value.span = span;
            return value;
        }
        break;
    default:
        break;
    }
    return value_held(r, entity, reference_to(r, entity, span));
}

/* ---- subscripts ---- */

/* `i`, `i + c`, `c + i`, `i - c` of a block axis, or an element that a buffer or tensor holds. */
static bool plain_block_subscript(struct resolver *r, const struct node *node) {
    struct node_binary *binary = node->kind == NODE_BINARY ? (struct node_binary *)node : NULL;
    if (node->kind == NODE_REFERENCE || node->kind == NODE_ACCESS)
        return true;
    if (!binary || (binary->op != BINARY_ADD && binary->op != BINARY_SUBTRACT))
        return false;
    bool left = false, right = false;
    for (unsigned i = 0; i < r->open_count; i++) {
        left |= mentions(binary->left, r->open[i]->name);
        right |= mentions(binary->right, r->open[i]->name);
    }
    if (left && right)
        return false;
    return right ? binary->op == BINARY_ADD && plain_block_subscript(r, binary->right)
                 : plain_block_subscript(r, binary->left);
}

/* A scalar parameter that multiplies an axis in a subscript is fixed at compile time: by its default here. */
static bool fix_parameter(struct resolver *r, const char *name, struct span span) {
    struct entity *entity = lookup_quietly(r, name);
    int64_t value;
    if (!entity || binding_find(r->needed, name))
        return true;
    if (!entity->value.node || !integer_value(entity->value.node, &value)) {
        report_error(r->diagnostics, span,
                     "%s multiplies a subscript variable here, so its value must be known", name);
        report_note(r->diagnostics, entity->span, "%s is declared here, without a default", name);
        report_help(r->diagnostics, (struct span){0}, "give it with -D %s=VALUE, or declare a default", name);
        return false;
    }
    struct binding *binding = arena_allocate(r->arena, sizeof *binding);
    *binding = (struct binding){name, value, r->needed};
    r->needed = binding;
    return true;
}

/* The device counts in 32 bits; false after a diagnostic. */
static bool check_width(struct resolver *r, struct value value, const char *what) {
    for_each_node (node, value.node) {
        int64_t number;
        if (integer_value(node, &number) && (number < INT32_MIN || number > INT32_MAX)) {
            report_error(r->diagnostics, value.span, "%s must fit in 32 bits", what);
            return false;
        }
    }
    return true;
}

static struct value resolve_subscript(struct resolver *r, struct node *tree) {
    r->number_depth++;
    struct value value = resolve_expression(r, tree);
    r->number_depth--;
    if (!value.node)
        return value;
    if (!dtype_is_integer(value.dtype)) {
        report_error(r->diagnostics, value.span, "a subscript is a whole number, and this is %s",
                     word_text(WORDS_dtype, value.dtype));
        return poison(value.span);
    }
    if (value.axes && !plain_block_subscript(r, value.node)) {
        report_error(r->diagnostics, value.span,
                     "not supported yet: a subscript of block axis %s other than %s or %s + shift",
                     axes_text(r, value.axes), axes_text(r, value.axes), axes_text(r, value.axes));
        report_help(r->diagnostics, (struct span){0}, "visit its elements: for x in %s { ... }",
                    axes_text(r, value.axes));
        return poison(value.span);
    }
    if (!check_width(r, value, "a subscript") ||
        (value.product && !fix_parameter(r, value.product, value.span)))
        return poison(value.span);
    return value;
}

static bool check_rank(struct resolver *r, const struct entity *entity, const struct node_access *tree) {
    size_t given = tree->subscripts.count;
    if (given == entity->rank)
        return true;
    report_error(r->diagnostics, tree->base.span, "%s has %zu dimension%s, and %zu subscript%s given",
                 entity->source, entity->rank, entity->rank == 1 ? "" : "s", given,
                 given == 1 ? " is" : "s are");
    report_note(r->diagnostics, entity->span, "%s is declared here", entity->source);
    return false;
}

static bool takes_subscripts(struct resolver *r, const struct entity *entity, struct span span) {
    bool takes = entity->rank > 0 && entity->kind >= ENTITY_TENSOR && entity->kind != ENTITY_AXIS;
    if (takes)
        return true;
    report_error(r->diagnostics, span, "%s is %s and takes no subscripts", entity->source,
                 entity_kind_text(entity));
    report_note(r->diagnostics, entity->span, "%s is declared here", entity->source);
    return false;
}

/* The value of `else`, stored as the element type. */
static struct value resolve_otherwise(struct resolver *r, const struct entity *entity, struct node *tree) {
    struct value value = resolve_expression(r, tree);
    if (value.node && !check_storable(r, &value, entity->dtype, entity->source, entity->span))
        return poison(value.span);
    return value;
}

struct value resolve_access(struct resolver *r, struct node *tree, bool reading, struct entity **found) {
    struct node_access *access = node_as(tree, access);
    struct entity *entity = *found = lookup(r, access->name, tree->span);
    if (!entity || !takes_subscripts(r, entity, tree->span) || !check_rank(r, entity, access))
        return poison(tree->span);
    if (reading)
        check_written(r, entity, tree->span);
    struct list_builder subscripts = {0};
    struct value result = value_of(NULL, entity->dtype, 0, tree->span);
    bool sound = true;
    for (size_t i = 0; i < access->subscripts.count; i++) {
        struct value value = resolve_subscript(r, access->subscripts.items[i]);
        sound &= value.node != NULL;
        result.axes |= value.axes;
        builder_add(r->arena, &subscripts, value.node);
    }
    struct value otherwise = {0};
    if (access->otherwise) {
        otherwise = resolve_otherwise(r, entity, access->otherwise);
        sound &= otherwise.node != NULL;
        result.axes |= otherwise.axes;
    }
    if (!sound)
        return poison(tree->span);
    result.varies = true;
    result.node = node_new(r->arena, access, ACCESS, tree->span, .name = entity->name,
                           .subscripts = builder_list(&subscripts), .otherwise = otherwise.node);
    return reading ? value_held(r, entity, result) : result;
}

/* ---- operators ---- */

static struct node *integer_at(struct resolver *r, int64_t value, struct span span) {
    return node_new(r->arena, integer, INTEGER, span, .value = value);
}

static struct node *integer_node(struct resolver *r, enum binary_operator op, struct node *left,
                                 struct node *right, struct span span) {
    int64_t a, b, value;
    switch (op) {
    case BINARY_ADD:
        return make_add(r->arena, left, right);
    case BINARY_SUBTRACT:
        return make_sub(r->arena, left, right);
    case BINARY_MULTIPLY:
        return make_mul(r->arena, left, right);
    case BINARY_DIVIDE:
        return make_div(r->arena, left, right);
    case BINARY_REMAINDER:
        return make_mod(r->arena, left, right);
    default:
        if (integer_value(left, &a) && integer_value(right, &b) && integer_operate(op, a, b, &value))
            return integer_at(r, value, span);
        return node_new(r->arena, binary, BINARY, span, .op = op, .left = left, .right = right);
    }
}

/* ~x: x with all bits of its type exchanged. */
static struct value complement(struct resolver *r, struct value value) {
    if (!dtype_is_integer(value.dtype)) {
        report_error(r->diagnostics, value.span, "~ is of whole numbers, and this is %s",
                     word_text(WORDS_dtype, value.dtype));
        return poison(value.span);
    }
    int64_t ones = -1;
    if (value.dtype == DTYPE_U32 || value.dtype == DTYPE_U16)
        ones = value.dtype == DTYPE_U32 ? UINT32_MAX : UINT16_MAX;
    struct node *all = node_new(r->arena, integer, INTEGER, value.span, .value = ones);
    value.node = integer_node(r, BINARY_BIT_XOR, value.node, all, value.span);
    return value;
}

static struct value resolve_unary(struct resolver *r, struct node_unary *tree) {
    struct span span = tree->base.span;
    struct value value = resolve_expression(r, tree->operand);
    if (!value.node)
        return value;
    value.span = span;
    bool negate = tree->op == UNARY_NEGATE;
    if (tree->op == UNARY_COMPLEMENT)
        return complement(r, value);
    if (negate == (value.dtype == DTYPE_BOOL)) {
        report_error(r->diagnostics, span,
                     negate ? "a truth value has no sign" : "! needs a condition, and this is %s",
                     word_text(WORDS_dtype, value.dtype));
        return poison(span);
    }
    struct node_integer *integer = node_as(value.node, integer);
    struct node_real *real = node_as(value.node, real);
    if (integer)
        value.node = node_new(r->arena, integer, INTEGER, span,
                              .value = negate ? (int64_t)(0 - (uint64_t)integer->value) : !integer->value);
    else if (real)
        value.node = node_new(r->arena, real, REAL, span, .value = -real->value);
    else
        value.node = node_new(r->arena, unary, UNARY, span, .op = tree->op, .operand = value.node);
    return value;
}

static bool is_comparison(enum binary_operator op) {
    return op >= BINARY_EQUAL && op <= BINARY_GREATER_EQUAL;
}

/* && and || of conditions; a known side decides or vanishes. */
static struct node *logical_node(struct resolver *r, enum binary_operator op, struct node *left,
                                 struct node *right, struct span span) {
    int64_t known;
    bool conjunction = op == BINARY_AND;
    if (integer_value(left, &known))
        return (known != 0) == conjunction ? right : integer_at(r, known, span);
    if (integer_value(right, &known))
        return (known != 0) == conjunction ? left : integer_at(r, known, span);
    return node_with_span(r->arena, make_binary(r->arena, op, left, right), span);
}

/* Warns, where asked to, if a quotient of whole numbers drops a fraction that the author may have wanted. */
static bool check_division(struct resolver *r, const struct node *left, const struct node *right, bool warns,
                           struct span span) {
    int64_t a, b;
    bool has_a = integer_value(left, &a), has_b = integer_value(right, &b);
    if (has_b && b == 0) {
        report_error(r->diagnostics, span, "division by zero");
        return false;
    }
    if (warns && !r->number_depth && has_a && ((has_b && b != -1 && a % b != 0) || (!has_b && a != 0))) {
        report_warning(r->diagnostics, span, "this divides whole numbers and drops the fraction");
        report_help(r->diagnostics, (struct span){0}, "for a fraction write %lld.0", (long long)a);
    }
    return true;
}

static struct value resolve_condition_pair(struct resolver *r, const struct node_binary *tree, struct value a,
                                           struct value b) {
    struct span span = tree->base.span;
    const struct value *wrong = a.dtype != DTYPE_BOOL ? &a : b.dtype != DTYPE_BOOL ? &b : NULL;
    if (wrong) {
        report_error(r->diagnostics, wrong->span, "%s needs conditions, and this is %s",
                     word_text(WORDS_binary_operator, tree->op), word_text(WORDS_dtype, wrong->dtype));
        report_help(r->diagnostics, (struct span){0}, "compare it: ... != 0");
        return poison(span);
    }
    return value_of(logical_node(r, tree->op, a.node, b.node, span), DTYPE_BOOL, a.axes | b.axes, span);
}

static struct value resolve_comparison(struct resolver *r, const struct node_binary *tree, struct value a,
                                       struct value b) {
    struct span span = tree->base.span;
    int64_t x, y, holds;
    enum dtype joined = join_types(r, span, &a, &b);
    if (joined == DTYPE_NONE)
        return poison(span);
    a = operand_as(r, a, joined);
    b = operand_as(r, b, joined);
    struct node *node =
        integer_value(a.node, &x) && integer_value(b.node, &y) && integer_operate(tree->op, x, y, &holds)
            ? integer_at(r, holds, span)
            : node_new(r->arena, binary, BINARY, span, .op = tree->op, .left = a.node, .right = b.node);
    return value_of(node, DTYPE_BOOL, a.axes | b.axes, span);
}

static bool check_bits(struct resolver *r, const struct node_binary *tree, const struct value *operand) {
    if (dtype_is_integer(operand->dtype))
        return true;
    const char *op = word_text(WORDS_binary_operator, tree->op);
    report_error(r->diagnostics, operand->span, "%s is of whole numbers, and this is %s", op,
                 word_text(WORDS_dtype, operand->dtype));
    if (operand->dtype == DTYPE_BOOL)
        report_help(r->diagnostics, (struct span){0}, "conditions are joined by && and ||");
    return false;
}

/* Of sizes and indices: by a literal it is a product or a quotient, as which bounds and subscripts are proved. */
static struct node *shifted_number(struct resolver *r, enum binary_operator op, struct node *left,
                                   struct node *right, struct span span) {
    int64_t count;
    if (!integer_value(right, &count))
        return integer_node(r, op, left, right, span);
    struct node *power = integer_at(r, (int64_t)1 << (count & 31), right->span);
    return integer_node(r, op == BINARY_SHIFT_LEFT ? BINARY_MULTIPLY : BINARY_DIVIDE, left, power, span);
}

/* a << b, a >> b: of the type of a, by a count modulo its width. */
static struct value resolve_shift(struct resolver *r, const struct node_binary *tree, struct value a,
                                  struct value b) {
    struct span span = tree->base.span;
    enum dtype dtype = a.literal ? arithmetic_type(r, span, &a, &b) : a.dtype;
    if (dtype == DTYPE_NONE)
        return poison(span);
    a = tree->op == BINARY_SHIFT_RIGHT ? wrapped(r, a) : a;
    b = wrapped(r, b);
    if (dtype == DTYPE_U16)
        b.node = integer_node(r, BINARY_BIT_AND, b.node, integer_at(r, 15, b.span), b.span);
    struct node *node = dtype == DTYPE_INDEX ? shifted_number(r, tree->op, a.node, b.node, span)
                                             : integer_node(r, tree->op, a.node, b.node, span);
    struct value value = value_of(node_with_span(r->arena, node, span), dtype, a.axes | b.axes, span);
    value.literal = a.literal && b.literal;
    value.narrow = a.narrow;
    return value;
}

static struct value resolve_arithmetic(struct resolver *r, const struct node_binary *tree, struct value a,
                                       struct value b) {
    struct span span = tree->base.span;
    bool bits = is_operator_on_bits(tree->op);
    if (bits && (!check_bits(r, tree, &a) || !check_bits(r, tree, &b)))
        return poison(span);
    if (tree->op == BINARY_SHIFT_LEFT || tree->op == BINARY_SHIFT_RIGHT)
        return resolve_shift(r, tree, a, b);
    enum dtype dtype = arithmetic_type(r, span, &a, &b);
    bool divides = tree->op == BINARY_DIVIDE || tree->op == BINARY_REMAINDER;
    if (dtype == DTYPE_NONE)
        return poison(span);
    if (divides || dtype != DTYPE_U16) {
        a = operand_as(r, a, dtype);
        b = operand_as(r, b, dtype);
    }
    if (tree->op == BINARY_REMAINDER && dtype_is_float(dtype))
        return library_remainder(r, a, b, span);
    if (divides && !dtype_is_float(dtype) &&
        !check_division(r, a.node, b.node, dtype == DTYPE_INDEX && tree->op == BINARY_DIVIDE, span))
        return poison(span);
    struct node *node = dtype_is_float(dtype) ? make_binary(r->arena, tree->op, a.node, b.node)
                                              : integer_node(r, tree->op, a.node, b.node, span);
    struct value value = value_of(node_with_span(r->arena, node, span), dtype, a.axes | b.axes, span);
    value.literal = a.literal && b.literal;
    value.narrow = both_narrow(&a, &b);
    if (tree->op == BINARY_MULTIPLY && ((a.parameter && b.varies) || (b.parameter && a.varies)))
        value.product = a.parameter && b.varies ? a.parameter : b.parameter;
    return value;
}

static struct value resolve_binary(struct resolver *r, struct node_binary *tree) {
    struct value a = resolve_expression(r, tree->left), b = resolve_expression(r, tree->right), result;
    if (!a.node || !b.node)
        return poison(tree->base.span);
    if (tree->op == BINARY_AND || tree->op == BINARY_OR)
        result = resolve_condition_pair(r, tree, a, b);
    else if (is_comparison(tree->op))
        result = resolve_comparison(r, tree, a, b);
    else
        result = resolve_arithmetic(r, tree, a, b);
    result.varies = a.varies || b.varies;
    result.parameter = a.parameter ? a.parameter : b.parameter;
    if (!result.product)
        result.product = a.product ? a.product : b.product;
    return result;
}

static struct value resolve_inside(struct resolver *r, struct node *tree) {
    struct value value = value_of(tree, DTYPE_INDEX, 0, tree->span);
    struct entity *entity;
    switch (tree->kind) {
    case NODE_INTEGER:
        value.literal = true;
        return value;
    case NODE_REAL:
        value.literal = true;
        value.dtype = DTYPE_F32;
        return check_real(r, &value) ? value : (struct value){.span = tree->span};
    case NODE_REFERENCE:
        return resolve_reference(r, node_as(tree, reference));
    case NODE_ACCESS:
        return resolve_access(r, tree, true, &entity);
    case NODE_UNARY:
        return resolve_unary(r, node_as(tree, unary));
    case NODE_BINARY:
        return resolve_binary(r, node_as(tree, binary));
    case NODE_CALL:
        return resolve_call(r, tree);
    case NODE_REDUCTION:
        return resolve_reduction(r, tree);
    case NODE_SCAN:
        return resolve_scan(r, tree);
    default:
        report_error(r->diagnostics, tree->span, "a value is expected here");
        return poison(tree->span);
    }
}

struct value resolve_expression(struct resolver *r, struct node *tree) {
    struct value value = enter(r, tree->span) ? resolve_inside(r, tree) : poison(tree->span);
    leave(r);
    return value;
}

static struct node *resolve_whole_number(struct resolver *r, struct node *tree, const char *what,
                                         bool elements) {
    r->number_depth++;
    struct value value = resolve_expression(r, tree);
    r->number_depth--;
    if (!value.node)
        return NULL;
    if (value.axes && !elements) {
        const char *axes = axes_text(r, value.axes);
        report_error(r->diagnostics, value.span,
                     "%s is one number, and block axis %s stands for a whole range", what, axes);
        report_help(r->diagnostics, (struct span){0}, "the range of a block i is lo(i) .. lo(i) + len(i)");
        return NULL;
    }
    if (!dtype_is_integer(value.dtype)) {
        report_error(r->diagnostics, value.span, "%s is a whole number, and this is %s", what,
                     word_text(WORDS_dtype, value.dtype));
        return NULL;
    }
    return check_width(r, value, what) ? value.node : NULL;
}

struct node *resolve_number(struct resolver *r, struct node *tree, const char *what) {
    return resolve_whole_number(r, tree, what, false);
}

struct node *resolve_element_number(struct resolver *r, struct node *tree, const char *what) {
    return resolve_whole_number(r, tree, what, true);
}

struct node *resolve_condition(struct resolver *r, struct node *tree) {
    struct value value = resolve_expression(r, tree);
    if (!value.node)
        return NULL;
    if (value.dtype != DTYPE_BOOL) {
        report_error(r->diagnostics, value.span, "a condition is true or false, and this is %s",
                     word_text(WORDS_dtype, value.dtype));
        report_help(r->diagnostics, (struct span){0}, "compare it: ... != 0");
        return NULL;
    }
    if (value.axes) {
        report_error(r->diagnostics, value.span, "this condition differs along block axis %s",
                     axes_text(r, value.axes));
        report_help(r->diagnostics, (struct span){0}, "choose element by element: select(condition, a, b)");
        return NULL;
    }
    return value.node;
}
