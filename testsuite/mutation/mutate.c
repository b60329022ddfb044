/* Mutations of statements, declarations and the launch. */
#include "testsuite/mutation/mutate_internal.h"

#include <string.h>

#include "ir/attributes.h"
#include "ir/names.h"
#include "ir/build.h"
#include "support/arena.h"
#include "support/text_buffer.h"

/* ---- places ---- */

bool take(struct mutator *m, const char *what) {
    if (m->at++ != m->target)
        return false;
    m->mutation->what = what;
    m->mutation->place = m->place;
    return true;
}

static bool done(const struct mutator *m) {
    return m->at > m->target;
}

/* The first line of a statement. */
static const char *head_text(struct mutator *m, const struct node *node) {
    struct text_buffer text = {0};
    node_print(node, PRINT_PLAIN, &text);
    const char *whole = text_string(&text), *head = whole + strspn(whole, " \n");
    const char *line = arena_string_range(m->arena, head, strcspn(head, "\n"));
    text_free(&text);
    return line;
}

void note_statement(struct mutator *m, const struct node *before, const struct node *after) {
    if (m->mutation->before)
        return;
    m->mutation->before = head_text(m, before);
    m->mutation->after = after && after != before ? head_text(m, after) : NULL;
}

/* ---- names ---- */

void add_name(struct mutator *m, const char *name, enum name_kind kind) {
    if (m->name_count < NAMES_MAX) {
        m->names[m->name_count].name = name;
        m->names[m->name_count++].kind = kind;
    }
}

static size_t find_name(const struct mutator *m, const char *name) {
    for (size_t i = m->name_count; i-- > 0;)
        if (strcmp(m->names[i].name, name) == 0)
            return i;
    return m->name_count;
}

const char *other_name(const struct mutator *m, const char *name) {
    size_t at = find_name(m, name);
    for (size_t i = 1; at < m->name_count && i < m->name_count; i++) {
        size_t other = (at + m->name_count - i) % m->name_count;
        if (m->names[other].kind == m->names[at].kind && strcmp(m->names[other].name, name) != 0)
            return m->names[other].name;
    }
    return NULL;
}

bool is_name(const struct mutator *m, const struct node *node, enum name_kind kind) {
    size_t at = node->kind == NODE_REFERENCE ? find_name(m, ((const struct node_reference *)node)->name)
                                             : m->name_count;
    return at < m->name_count && m->names[at].kind == kind;
}

static const char *called(const struct node *value) {
    return value && value->kind == NODE_CALL ? ((const struct node_call *)value)->function : "";
}

static void add_let(struct mutator *m, const struct node_let *let) {
    const char *function = called(let->value);
    bool pointer = strcmp(function, "get_write_ptr") == 0 || strcmp(function, "get_read_ptr") == 0;
    add_name(m, let->name,
             pointer                                ? NAME_POINTER
             : strcmp(function, "get_arg_val") == 0 ? NAME_ARGUMENT
                                                    : NAME_NUMBER);
}

/* ---- statements ---- */

static struct node *mutate_statement(struct mutator *m, struct node *statement);

/* What does something when it runs, and may stand elsewhere. */
static bool is_operation(const struct node *statement) {
    const char *value =
        statement->kind == NODE_LET ? called(((const struct node_let *)statement)->value) : "";
    return statement->kind == NODE_STATEMENT || statement->kind == NODE_FOR || statement->kind == NODE_IF ||
           strcmp(value, "get_write_ptr") == 0 || strcmp(value, "get_read_ptr") == 0;
}

/* The body of a loop or `if`; NULL of others. */
static struct node *body_of(struct node *statement) {
    struct node_for *loop = node_as(statement, for);
    struct node_if *choice = node_as(statement, if);
    return loop ? loop->body : choice ? choice->then : NULL;
}

static struct node *with_body(struct mutator *m, struct node *statement, struct node_list statements) {
    struct node *body = make_block(m->arena, body_of(statement)->span, statements);
    struct node_for *loop = node_as(statement, for);
    struct node_if *choice = node_as(statement, if);
    if (loop) {
        struct node_for *copy = arena_copy(m->arena, loop, sizeof *loop);
        copy->body = body;
        return &copy->base;
    }
    struct node_if *copy = arena_copy(m->arena, choice, sizeof *choice);
    copy->then = body;
    return &copy->base;
}

static struct node_list list_part(struct mutator *m, struct node_list list, size_t from, size_t to) {
    struct list_builder part = {0};
    for (size_t i = from; i < to && i < list.count; i++)
        builder_add(m->arena, &part, list.items[i]);
    return builder_list(&part);
}

static struct node_list body_list(struct node *statement) {
    struct node_block *block = node_as(body_of(statement), block);
    return block ? block->statements : (struct node_list){0};
}

/* The statement at `index` with its neighbour, when the mutation is one of the two; how many it replaces, 0
 * when it is not. */
static size_t mutate_neighbours(struct mutator *m, struct node_list list, size_t index,
                                struct list_builder *out) {
    struct node *one = list.items[index], *two = index + 1 < list.count ? list.items[index + 1] : NULL;
    struct arena *arena = m->arena;
    if (!two || !is_operation(one) || !is_operation(two))
        return 0;
    if (take(m, "swap with the next")) {
        note_statement(m, one, NULL);
        builder_add(arena, out, two);
        builder_add(arena, out, one);
        return 2;
    }
    if (body_of(two) && take(m, "into the loop or if behind it")) {
        note_statement(m, one, NULL);
        builder_add(arena, out, with_body(m, two, list_concat(arena, LIST(arena, one), body_list(two))));
        return 2;
    }
    if (body_of(one) && take(m, "into the loop or if before it")) {
        note_statement(m, two, NULL);
        builder_add(arena, out, with_body(m, one, list_append(arena, body_list(one), two)));
        return 2;
    }
    return 0;
}

static bool mutate_place(struct mutator *m, struct node *one, struct list_builder *out) {
    struct arena *arena = m->arena;
    struct node_list body = body_of(one) ? body_list(one) : (struct node_list){0};
    if (take(m, "drop")) {
        note_statement(m, one, NULL);
        return true;
    }
    if (take(m, "double")) {
        note_statement(m, one, NULL);
        builder_add(arena, out, one);
        builder_add(arena, out, one);
        return true;
    }
    if (body.count && is_operation(body.items[0]) && take(m, "out to the front")) {
        note_statement(m, body.items[0], NULL);
        builder_add(arena, out, body.items[0]);
        builder_add(arena, out, with_body(m, one, list_part(m, body, 1, body.count)));
        return true;
    }
    if (body.count && is_operation(body.items[body.count - 1]) && take(m, "out to the end")) {
        note_statement(m, body.items[body.count - 1], NULL);
        builder_add(arena, out, with_body(m, one, list_part(m, body, 0, body.count - 1)));
        builder_add(arena, out, body.items[body.count - 1]);
        return true;
    }
    return false;
}

static struct node_list mutate_list(struct mutator *m, struct node_list list) {
    struct list_builder out = {0};
    size_t names = m->name_count;
    for (size_t i = 0; i < list.count; i++) {
        struct node *one = list.items[i];
        if (done(m)) {
            builder_add(m->arena, &out, one);
            continue;
        }
        if (is_operation(one) && mutate_place(m, one, &out))
            continue;
        size_t taken = mutate_neighbours(m, list, i, &out);
        if (taken) {
            i += taken - 1;
            continue;
        }
        builder_add(m->arena, &out, mutate_statement(m, one));
    }
    m->name_count = names;
    return builder_list(&out);
}

static struct node *mutate_block(struct mutator *m, struct node *body) {
    struct node_block *block = node_as(body, block);
    if (!block)
        return body;
    struct node_list statements = mutate_list(m, block->statements);
    return list_equal(statements, block->statements) ? body : make_block(m->arena, body->span, statements);
}

static struct node *mutate_axis(struct mutator *m, struct node *part) {
    struct node_axis *axis = node_as(part, axis);
    struct node *lower = mutate_number(m, axis->lower), *upper = mutate_number(m, axis->upper),
                *step = mutate_number(m, axis->step);
    return node_new(m->arena, axis, AXIS, part->span, .name = axis->name, .lower = lower, .upper = upper,
                    .step = step);
}

static struct node *mutate_for(struct mutator *m, struct node *statement) {
    struct node_for *loop = node_as(statement, for);
    struct list_builder axes = {0};
    size_t names = m->name_count;
    for (size_t i = 0; i < loop->axes.count; i++) {
        builder_add(m->arena, &axes, mutate_axis(m, loop->axes.items[i]));
        add_name(m, node_as(loop->axes.items[i], axis)->name, NAME_NUMBER);
    }
    struct node_for *copy = arena_copy(m->arena, loop, sizeof *loop);
    copy->axes = builder_list(&axes);
    if (done(m))
        note_statement(m, statement, &copy->base);
    else
        copy->body = mutate_block(m, loop->body);
    m->name_count = names;
    return &copy->base;
}

static struct node *mutate_if(struct mutator *m, struct node *statement) {
    struct node_if *choice = node_as(statement, if);
    struct node_if *copy = arena_copy(m->arena, choice, sizeof *choice);
    copy->condition = mutate_condition(m, choice->condition);
    if (!done(m) && take(m, "the condition is left out")) {
        note_statement(m, statement, NULL);
        return choice->then;
    }
    if (done(m)) {
        note_statement(m, statement, &copy->base);
        return &copy->base;
    }
    copy->then = mutate_block(m, choice->then);
    if (choice->otherwise)
        copy->otherwise = mutate_statement(m, choice->otherwise);
    return &copy->base;
}

static struct node *mutate_delinearize(struct mutator *m, struct node *statement) {
    struct node_delinearize *d = node_as(statement, delinearize);
    struct node_delinearize *copy = arena_copy(m->arena, d, sizeof *d);
    for (size_t i = 0; i + 1 < d->names.count; i++)
        if (take(m, "coordinates exchanged"))
            copy->names = list_exchanged(m->arena, d->names, i);
    copy->value = mutate_number(m, d->value);
    copy->extents = mutate_numbers(m, d->extents);
    for (size_t i = 0; i < d->names.count; i++)
        if (strcmp(node_as(d->names.items[i], reference)->name, NAME_UNUSED) != 0)
            add_name(m, node_as(d->names.items[i], reference)->name, NAME_NUMBER);
    return &copy->base;
}

static struct node *mutate_accessor(struct mutator *m, struct node *statement) {
    struct node_accessor *accessor = node_as(statement, accessor);
    struct node_accessor *copy = arena_copy(m->arena, accessor, sizeof *accessor);
    copy->address = mutate_number(m, accessor->address);
    copy->dimensions = mutate_numbers(m, accessor->dimensions);
    for (size_t i = 0; i + 1 < accessor->dimensions.count; i++)
        if (take(m, "dimensions exchanged"))
            copy->dimensions = list_exchanged(m->arena, accessor->dimensions, i);
    if (accessor->dimensions.count > 1 && take(m, "one dimension less"))
        copy->dimensions = list_part(m, accessor->dimensions, 1, accessor->dimensions.count);
    add_name(m, accessor->name, NAME_ACCESSOR);
    return &copy->base;
}

static struct node *mutate_simple(struct mutator *m, struct node *statement) {
    switch (statement->kind) {
    case NODE_STATEMENT: {
        struct node *call = node_as(statement, statement)->call, *other = mutate_call(m, call);
        return other == call ? statement
                             : node_new(m->arena, statement, STATEMENT, statement->span, .call = other);
    }
    case NODE_LET: {
        struct node_let *copy = arena_copy(m->arena, statement, sizeof *copy);
        copy->value = mutate_number(m, copy->value);
        add_let(m, node_as(statement, let));
        return &copy->base;
    }
    case NODE_CONSTANT: {
        struct node_constant *copy = arena_copy(m->arena, statement, sizeof *copy);
        copy->value = mutate_number(m, copy->value);
        add_name(m, copy->name, NAME_BUFFER);
        return &copy->base;
    }
    case NODE_DELINEARIZE:
        return mutate_delinearize(m, statement);
    case NODE_ACCESSOR:
        return mutate_accessor(m, statement);
    default:
        return statement;
    }
}

static struct node *mutate_statement(struct mutator *m, struct node *statement) {
    if (statement->kind == NODE_FOR)
        return mutate_for(m, statement);
    if (statement->kind == NODE_IF)
        return mutate_if(m, statement);
    if (statement->kind == NODE_BLOCK)
        return mutate_block(m, statement);
    struct node *other = mutate_simple(m, statement);
    if (done(m))
        note_statement(m, statement, other);
    return other;
}

/* ---- declarations ---- */

static struct node *with_entry(struct mutator *m, struct node *node, const char *key, const char *entry,
                               struct node *value) {
    struct node *dictionary = dictionary_set(m->arena, attribute_get(node, key), entry, value);
    return attribute_set(m->arena, node, key, dictionary);
}

/* Entries of tt.cb that say how its pages are read and written. */
static struct node *mutate_cb(struct mutator *m, struct node *buffer) {
    struct node *cb = attribute_get(buffer, KEY_TT_CB);
    int64_t bytes = attribute_integer(dictionary_get(cb, KEY_PAGE_SIZE), 0),
            full = attribute_integer(dictionary_get(cb, KEY_UNPACK_TO_DEST), 0);
    if (!cb)
        return buffer;
    if (take(m, "pages of twice the size"))
        return with_entry(m, buffer, KEY_TT_CB, KEY_PAGE_SIZE, make_integer(m->arena, 2 * bytes));
    if (take(m, "pages of half the size"))
        return with_entry(m, buffer, KEY_TT_CB, KEY_PAGE_SIZE, make_integer(m->arena, bytes / 2));
    if (take(m, "another unpack mode"))
        return with_entry(m, buffer, KEY_TT_CB, KEY_UNPACK_TO_DEST, make_integer(m->arena, !full));
    return buffer;
}

static struct node *mutate_buffer(struct mutator *m, struct node *statement) {
    struct node_circular_buffer *copy = arena_copy(m->arena, statement, sizeof *copy);
    struct node *pages = copy->pages;
    copy->pages = mutate_number(m, pages);
    if (take(m, "twice the pages"))
        copy->pages = make_mul(m->arena, pages, make_integer(m->arena, 2));
    if (take(m, "half the pages"))
        copy->pages = make_div(m->arena, pages, make_integer(m->arena, 2));
    if (take(m, "another number"))
        copy->id++;
    if (take(m, "another type"))
        copy->dtype = copy->dtype == DTYPE_BF16 ? DTYPE_F32 : DTYPE_BF16;
    struct node *result = done(m) ? &copy->base : mutate_cb(m, statement);
    if (done(m))
        note_statement(m, statement, result);
    return done(m) ? result : statement;
}

static struct node *mutate_function(struct mutator *m, struct node *statement) {
    struct node_function *copy = arena_copy(m->arena, statement, sizeof *copy);
    m->place = copy->name;
    m->name_count = 0;
    for (size_t i = 0; i < copy->parameters.count; i++)
        add_name(m, node_as(copy->parameters.items[i], parameter)->name, NAME_NUMBER);
    copy->body = mutate_block(m, copy->body);
    return &copy->base;
}

/* ---- the launch ---- */

static struct node *mutate_arguments(struct mutator *m, struct node *kernel) {
    struct node_dictionary *list = node_as(attribute_get(kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    for (size_t i = 0; list && i < list->entries.count; i++) {
        struct node_attribute *entry = node_as(list->entries.items[i], attribute);
        struct node_list entries = list->entries;
        struct node *value = mutate_number(m, entry->value);
        if (i + 1 < entries.count && take(m, "launch arguments exchanged"))
            entries = list_exchanged(m->arena, entries, i);
        if (!done(m))
            continue;
        struct node *other =
            node_new(m->arena, attribute, ATTRIBUTE, entry->base.span, .key = entry->key, .value = value);
        if (value != entry->value)
            entries = list_replaced(m->arena, entries, i, other);
        m->mutation->before =
            arena_printf(m->arena, "%s = %s", entry->key, node_text(m->arena, entry->value));
        m->mutation->after = value != entry->value ? node_text(m->arena, value) : NULL;
        return attribute_set(m->arena, kernel, KEY_TT_RUNTIME_ARGS,
                             node_new(m->arena, dictionary, DICTIONARY, list->base.span, .entries = entries));
    }
    return kernel;
}

static struct node *mutate_launch(struct mutator *m, struct node *kernel) {
    struct node *other = mutate_arguments(m, kernel);
    struct node_sequence *blocks = node_as(attribute_get(kernel, KEY_TT_GRID_BLOCKS), sequence);
    struct node *compute = attribute_get(kernel, KEY_TT_COMPUTE);
    if (!done(m) && blocks) {
        struct node_list items = mutate_numbers(m, blocks->items);
        if (done(m))
            other = attribute_set(m->arena, kernel, KEY_TT_GRID_BLOCKS,
                                  node_new(m->arena, sequence, SEQUENCE, blocks->base.span, .items = items));
    }
    int64_t full = attribute_integer(dictionary_get(compute, KEY_FP32_DEST_ACC_EN), 0);
    if (!done(m) && compute && take(m, "another width of DST"))
        other = with_entry(m, kernel, KEY_TT_COMPUTE, KEY_FP32_DEST_ACC_EN, make_integer(m->arena, !full));
    if (done(m) && !m->mutation->before)
        m->mutation->before = "the attributes of the kernel";
    return other;
}

static struct node *mutate_kernel(struct mutator *m, struct node *kernel) {
    struct node_block *body = node_as(node_as(kernel, kernel)->body, block);
    struct list_builder statements = {0};
    m->place = "kernel";
    struct node *other = mutate_launch(m, kernel);
    for (size_t i = 0; i < body->statements.count; i++) {
        struct node *one = body->statements.items[i];
        bool buffer = one->kind == NODE_CIRCULAR_BUFFER, function = one->kind == NODE_FUNCTION;
        builder_add(m->arena, &statements,
                    done(m)    ? one
                    : buffer   ? mutate_buffer(m, one)
                    : function ? mutate_function(m, one)
                               : one);
    }
    struct node_kernel *copy = arena_copy(m->arena, other, sizeof *copy);
    copy->body = make_block(m->arena, body->base.span, builder_list(&statements));
    return &copy->base;
}

struct node *mutant(struct arena *arena, struct node *kernel, size_t number, struct mutation *mutation) {
    struct mutator m = {.arena = arena, .target = number, .mutation = mutation};
    *mutation = (struct mutation){0};
    struct node *result = mutate_kernel(&m, kernel);
    return done(&m) ? result : NULL;
}

size_t mutant_count(struct arena *arena, struct node *kernel) {
    struct mutation none;
    struct mutator m = {.arena = arena, .target = SIZE_MAX, .mutation = &none};
    mutate_kernel(&m, kernel);
    return m.at;
}
