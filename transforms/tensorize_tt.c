/* tensorize_tt: every statement of a tile program becomes one tile operation on named buffers.
 *
 *     C[i, j] = max(acc[i, j] + bias[j], 0)         shared bias_in[j]: bf16 @{tt.orientation = row}
 *                                             =>    tile load bias_in[j] = bias[j]
 *                                                   shared C_out[i, j]: bf16
 *                                                   tile map C_out[i, j] = max(acc[i, j] + bias_in[j], 0)
 *                                                   tile store C[i, j] = C_out[i, j]
 *
 * Named axes are the access relation here: what an operation is follows from which axes its operands have,
 * never from spelling. What matches nothing is an error with the reason.
 */
#include "transforms/tensorize.h"

#include <stdarg.h>
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/query.h"

void tensorize_fail(struct tensorizer *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report_error(t->compilation->diagnostics, t->span, "%s", arena_vprintf(t->arena, format, arguments));
    va_end(arguments);
    t->failed = true;
}

void tensorize_help(struct tensorizer *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report_help(t->compilation->diagnostics, (struct span){0}, "%s",
                arena_vprintf(t->arena, format, arguments));
    va_end(arguments);
}

struct storage *storage_find(struct tensorizer *t, const char *name) {
    for (size_t i = t->storage_count; i-- > 0;)
        if (strcmp(t->storages[i].name, name) == 0)
            return &t->storages[i];
    return NULL;
}

struct storage *storage_add(struct tensorizer *t, struct storage storage) {
    if (t->storage_count == t->storage_capacity) {
        t->storage_capacity = t->storage_capacity ? 2 * t->storage_capacity : 32;
        struct storage *storages = arena_allocate(t->arena, t->storage_capacity * sizeof *storages);
        if (t->storage_count)
            memcpy(storages, t->storages, t->storage_count * sizeof *storages);
        t->storages = storages;
    }
    t->storages[t->storage_count] = storage;
    return &t->storages[t->storage_count++];
}

struct node_axis *axis_find(struct tensorizer *t, const char *name) {
    for (size_t i = t->axis_count; i-- > 0;)
        if (strcmp(t->axes[i]->name, name) == 0)
            return t->axes[i];
    return NULL;
}

static void axis_push(struct tensorizer *t, struct node_axis *axis) {
    if (t->axis_count == t->axis_capacity) {
        t->axis_capacity = t->axis_capacity ? 2 * t->axis_capacity : 8;
        struct node_axis **axes = arena_allocate(t->arena, t->axis_capacity * sizeof *axes);
        if (t->axis_count)
            memcpy(axes, t->axes, t->axis_count * sizeof *axes);
        t->axes = axes;
    }
    t->axes[t->axis_count++] = axis;
}

struct node *buffer_access(struct tensorizer *t, const char *name) {
    struct storage *storage = storage_find(t, name);
    struct list_builder subscripts = {0};
    for (size_t i = 0; i < storage->rank; i++)
        builder_add(t->arena, &subscripts, make_reference(t->arena, storage->axes[i]));
    return make_access(t->arena, name, builder_list(&subscripts));
}

const char *buffer_declare(struct tensorizer *t, enum memory memory, const char *base, size_t count,
                           const char *const *axes, enum dtype dtype, enum orientation orientation) {
    const char *name = name_fresh(&t->names, base);
    struct storage storage = {.name = name,
                              .memory = memory,
                              .dtype = dtype,
                              .rank = count,
                              .orientation = orientation,
                              .depth = t->axis_count};
    struct list_builder parts = {0};
    for (size_t i = 0; i < count; i++) {
        storage.axes[i] = axes[i];
        builder_add(t->arena, &parts, make_axis(t->arena, axes[i], NULL, NULL, NULL));
    }
    storage.declaration = node_new(t->arena, buffer, BUFFER, t->span, .memory = memory, .name = name,
                                   .axes = builder_list(&parts), .dtype = dtype);
    storage_add(t, storage);
    builder_add(t->arena, t->out, storage.declaration);
    return name;
}

void tile_emit(struct tensorizer *t, enum tile_operation operation, struct node *target,
               enum assign_operator op, struct node *value) {
    struct node *node = node_new(t->arena, tile, TILE, t->span, .operation = operation, .target = target,
                                 .op = op, .value = value);
    builder_add(t->arena, t->out, node);
}

static struct node_list tensorize_list(struct tensorizer *t, struct node_list statements);

/* The accumulation of a fragment in a statement that follows its declaration; NULL when there is none. */
static struct node_reduction *find_accumulation(struct node *statement, const char *fragment) {
    for_each (assign, assign, statement) {
        struct node_access *target = node_as(assign->target, access);
        if (target && target->name == fragment && assign->value->kind == NODE_REDUCTION)
            return node_as(assign->value, reduction);
    }
    return NULL;
}

static enum orientation fragment_orientation(struct node_buffer *buffer, struct node_list rest) {
    if (buffer->axes.count != 1)
        return ORIENTATION_NONE;
    struct node_reduction *fold = NULL;
    for (size_t i = 0; i < rest.count && !fold; i++)
        fold = find_accumulation(rest.items[i], buffer->name);
    return fold ? reduction_orientation(fold, node_as(buffer->axes.items[0], axis)->name) : ORIENTATION_NONE;
}

static void tensorize_buffer(struct tensorizer *t, struct node_buffer *buffer, struct node_list rest) {
    struct storage storage = {.name = buffer->name,
                              .memory = buffer->memory,
                              .dtype = buffer->dtype,
                              .rank = buffer->axes.count,
                              .depth = t->axis_count};
    if (buffer->axes.count > 2) {
        tensorize_fail(t, "%s has %zu axes: what a core keeps is a matrix of tiles, a vector or a number", buffer->name,
                       buffer->axes.count);
        tensorize_help(
            t,
            "open the axes that only count matrices without `by`, as in `grid p in P, i in M by 64`: they are no axes of %s then",
            buffer->name);
        return;
    }
    if (buffer->memory == MEMORY_FRAGMENT && is_block_type(buffer->dtype)) {
        tensorize_fail(t, "%s is %s, and what changes is worked out as f32", buffer->name,
                       word_text(WORDS_dtype, buffer->dtype));
        tensorize_help(t, "declare it as f32");
        return;
    }
    for (size_t i = 0; i < buffer->axes.count; i++) {
        storage.axes[i] = node_as(buffer->axes.items[i], axis)->name;
        struct node_axis *axis = axis_find(t, storage.axes[i]);
        if (!axis || !axis->step) {
            tensorize_fail(t, "axis %s of %s is no block axis", storage.axes[i], buffer->name);
            tensorize_help(t, "write its loop over blocks, `%s in ... by ...`", storage.axes[i]);
            return;
        }
    }
    const char *known = attribute_word(attribute_get(&buffer->base, KEY_TT_ORIENTATION), "");
    storage.orientation = strcmp(known, "column") == 0 ? ORIENTATION_COLUMN
                          : strcmp(known, "row") == 0  ? ORIENTATION_ROW
                                                       : fragment_orientation(buffer, rest);
    struct node *value = buffer->value;
    struct node_buffer bare = *buffer;
    bare.value = NULL;
    storage.declaration = arena_copy(t->arena, &bare, sizeof bare);
    storage_add(t, storage);
    builder_add(t->arena, t->out, storage.declaration);
    if (value)
        tensorize_statement_assign(t, buffer_access(t, buffer->name), ASSIGN_SET, value);
}

/* let e[i, j] = value over blocks in scope is a shared buffer of its type. */
static struct node_list tensorize_function(struct tensorizer *t, struct node_let *let,
                                           struct node_list rest) {
    enum dtype dtype = let->dtype ? let->dtype : value_dtype(t, let->value);
    struct node *buffer = node_new(t->arena, buffer, BUFFER, let->base.span, .memory = MEMORY_SHARED,
                                   .name = let->name, .axes = let->axes, .dtype = dtype, .value = let->value);
    for (size_t i = 0; i < let->axes.count; i++)
        if (node_as(let->axes.items[i], axis)->lower) {
            const char *axis = node_as(let->axes.items[i], axis)->name;
            tensorize_fail(t, "%s opens axis %s itself, over elements", let->name, axis);
            tensorize_help(t, "open it as blocks around: `for %s in ... by ...`", axis);
            return rest;
        }
    tensorize_buffer(t, node_as(buffer, buffer), rest);
    return rest;
}

/* A value named in a tile program: over blocks it is a buffer; a number stands for itself where it is used.
 */
static struct node_list tensorize_let(struct tensorizer *t, struct node_let *let, struct node_list rest) {
    struct list_builder rewritten = {0};
    if (let->axes.count)
        return tensorize_function(t, let, rest);
    for (size_t i = 0; i < rest.count; i++)
        builder_add(t->arena, &rewritten, substitute(t->arena, rest.items[i], let->name, let->value));
    return builder_list(&rewritten);
}

static struct node *tensorize_nest(struct tensorizer *t, struct node *node, struct node_list axes,
                                   struct node *body) {
    size_t mark = t->axis_count;
    for (size_t i = 0; i < axes.count; i++)
        axis_push(t, node_as(axes.items[i], axis));
    struct node_block *block = node_as(body, block);
    struct node *lowered =
        make_block(t->arena, body->span, tensorize_list(t, block ? block->statements : LIST(t->arena, body)));
    t->axis_count = mark;
    struct node *nest = node->kind == NODE_GRID ? node_new(t->arena, grid, GRID, node->span, .axes = axes, .body = lowered)
                                                : node_new(t->arena, for, FOR, node->span, .axes = axes, .body = lowered);
    return node_with_attributes(t->arena, nest, node->attributes);
}

void tensorize_loop(struct tensorizer *t, struct node *loop) {
    struct node_for *node = node_as(loop, for);
    struct span whole = t->span;
    builder_add(t->arena, t->out, tensorize_nest(t, loop, node->axes, node->body));
    t->span = whole;
}

static bool stores(struct tensorizer *t, struct node *body) {
    for_each (assign, assign, body) {
        struct node_access *target = node_as(assign->target, access);
        struct storage *storage = target ? storage_find(t, target->name) : NULL;
        if (storage && storage->tensor)
            return true;
    }
    return false;
}

/* Is the loop over nothing, whatever the sizes at launch? One that stores stays: its tensor is empty, and a
 * kernel has an output. */
static bool is_empty_loop(struct tensorizer *t, struct node_for *loop) {
    if (stores(t, loop->body))
        return false;
    for (size_t i = 0; i < loop->axes.count; i++) {
        struct node_axis *axis = node_as(loop->axes.items[i], axis);
        int64_t extent;
        if (axis->lower && axis->upper && !covers_whole_axis(axis) &&
            integer_value(axis_extent(t->arena, axis), &extent) && extent <= 0)
            return true;
    }
    return false;
}

static struct node_list tensorize_statement(struct tensorizer *t, struct node *node, struct node_list rest) {
    t->span = node->span;
    switch (node->kind) {
    case NODE_GRID:
        builder_add(t->arena, t->out,
                    tensorize_nest(t, node, node_as(node, grid)->axes, node_as(node, grid)->body));
        break;
    case NODE_FOR:
        if (is_empty_loop(t, node_as(node, for)))
            break;
        builder_add(t->arena, t->out, tensorize_nest(t, node, node_as(node, for)->axes, node_as(node, for)->body));
        break;
    case NODE_BLOCK:
        return list_concat(t->arena, node_as(node, block)->statements, rest);
    case NODE_BUFFER:
        tensorize_buffer(t, node_as(node, buffer), rest);
        break;
    case NODE_LET:
        return tensorize_let(t, node_as(node, let), rest);
    case NODE_ASSIGN:
        tensorize_statement_assign(t, node_as(node, assign)->target, node_as(node, assign)->op,
                                   node_as(node, assign)->value);
        break;
    case NODE_TILE:
        builder_add(t->arena, t->out, node);
        break;
    default:
        tensorize_fail(t, "`%s` has no way to tiles yet", node_info(node->kind)->name);
        tensorize_help(t, "`let` names a value, and a fragment keeps one that changes");
    }
    return rest;
}

static struct node_list tensorize_list(struct tensorizer *t, struct node_list statements) {
    struct list_builder *outer = t->out, mine = {0};
    size_t staged = t->staged_count;
    t->out = &mine;
    for (struct node_list rest = statements; rest.count && !t->failed;) {
        struct node *first = rest.items[0];
        rest = (struct node_list){rest.count - 1, rest.items + 1};
        rest = tensorize_statement(t, first, rest);
    }
    t->staged_count = staged;
    t->out = outer;
    return builder_list(&mine);
}

/* ---- after the lowering: orientations on declarations, buffers that nothing reads ---- */

struct cleanup {
    struct tensorizer *t;
    struct node *body;
    bool changed;
};

static bool is_read(struct node *body, const char *name) {
    for_each (tile, tile, body)
        if (mentions(tile->value, name))
            return true;
    return false;
}

static struct node *finish(struct node *node, void *context) {
    struct cleanup *c = context;
    struct node_buffer *buffer = node_as(node, buffer);
    struct node_tile *tile = node_as(node, tile);
    struct node_access *target = tile ? node_as(tile->target, access) : NULL;
    const char *written = buffer ? buffer->name : target ? target->name : NULL;
    struct storage *storage = written ? storage_find(c->t, written) : NULL;
    if (storage && !storage->tensor && !is_read(c->body, written)) {
        c->changed = true;
        return NULL;
    }
    if (buffer && storage->rank == 1) {
        const char *word = storage->orientation == ORIENTATION_COLUMN ? "column" : "row";
        return attribute_set(c->t->arena, node, KEY_TT_ORIENTATION, make_reference(c->t->arena, word));
    }
    return node_map_children(c->t->arena, node, finish, c);
}

static void add_parameters(struct tensorizer *t, struct node_kernel *kernel) {
    for (size_t i = 0; i < kernel->parameters.count; i++) {
        struct node_parameter *parameter = node_as(kernel->parameters.items[i], parameter);
        if (parameter->dimensions.count)
            storage_add(t, (struct storage){.name = parameter->name,
                                            .declaration = &parameter->base,
                                            .tensor = true,
                                            .written = parameter->direction != DIRECTION_IN,
                                            .dtype = parameter->dtype,
                                            .rank = parameter->dimensions.count});
    }
}

/* Blocks of one row that different cores read and write are of one page: nothing says who comes first. */
static bool check_rows_in_place(struct compilation *c, struct node *body) {
    for_each (tile, tile, body) {
        const struct node_access *source = tile->operation == TILE_LOAD ? node_as(tile->value, access) : NULL;
        const struct node_parameter *tensor = source ? find_parameter(c->kernel, source->name) : NULL;
        if (!tensor || tensor->direction != DIRECTION_INOUT || !is_row_major(tensor))
            continue;
        report_error(c->diagnostics, tile->base.span, "%s is row_major and inout, and what stands in it is read here",
                     tensor->name);
        report_note(c->diagnostics, tensor->base.span, "%s is declared here", tensor->name);
        report_help(c->diagnostics, (struct span){0}, "leave format out at %s: its pages are tiles then", tensor->name);
        return false;
    }
    return true;
}

bool tensorize_tt(struct compilation *compilation) {
    struct node_kernel *kernel = node_as(compilation->kernel, kernel);
    struct tensorizer t = {.compilation = compilation,
                           .arena = compilation->arena,
                           .names = names_of(compilation->arena, compilation->kernel),
                           .exact = asks_exactness(compilation->kernel)};
    add_parameters(&t, kernel);
    struct node_block *block = node_as(fragments_widened(t.arena, single_blocks_tiled(t.arena, kernel->body)), block);
    struct node *body = make_block(t.arena, kernel->body->span, tensorize_list(&t, block->statements));
    if (!t.failed)
        body = fragments_settle(&t, maps_split(&t, lanes_open(&t, body)));
    struct cleanup cleanup = {.t = &t, .body = body};
    do {
        cleanup.changed = false;
        cleanup.body = t.failed ? body : finish(cleanup.body, &cleanup);
    } while (cleanup.changed);
    if (t.failed || !check_rows_in_place(compilation, cleanup.body))
        return false;
    if (!node_equal(cleanup.body, kernel->body)) {
        struct node_kernel lowered = *kernel;
        lowered.body = cleanup.body;
        lowered.conditions = list_concat(t.arena, kernel->conditions, builder_list(&t.conditions));
        compilation->kernel = arena_copy(t.arena, &lowered, sizeof lowered);
    }
    return true;
}
