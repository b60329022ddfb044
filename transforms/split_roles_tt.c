/* split_roles_tt: the sequential program of a core, projected onto reader, compute and writer.
 *
 * Each function keeps the loops, conditions and names around what its role does, and begins with what it
 * uses: circular buffers and semaphores as constants, other constants, launch arguments, accessors of
 * tensors. The sequential program is one possible order of the three. */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/names.h"
#include "transforms/blocks.h"
#include "transforms/pass.h"
#include "ir/query.h"

struct projection {
    struct compilation *compilation;
    struct arena *arena;
    enum role role;
};

/* ---- what the role does ---- */

static struct node *project(struct node *node, void *context);

static struct node_list project_list(struct projection *p, struct node_list list) {
    struct list_builder out = {0};
    for (size_t i = 0; i < list.count; i++) {
        struct node *node = project(list.items[i], p);
        struct node_block *block = node_as(node, block);
        if (block)
            builder_add_all(p->arena, &out, block->statements);
        else
            builder_add(p->arena, &out, node);
    }
    return builder_list(&out);
}

static bool does_something(struct node_list list) {
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i]->kind != NODE_LET && list.items[i]->kind != NODE_DELINEARIZE)
            return true;
    return false;
}

/* The statement as far as it concerns the role; NULL when it does not. */
static struct node *project(struct node *node, void *context) {
    struct projection *p = context;
    struct node_role *role = node_as(node, role);
    struct node_for *loop = node_as(node, for);
    struct node_if *branch = node_as(node, if);
    if (role)
        return role->role == p->role ? role->body : NULL;
    if (is_declaration(node) || node->kind == NODE_FUNCTION)
        return NULL;
    if (loop) {
        struct node_for projected = *loop;
        struct node_list body = project_list(p, node_as(loop->body, block)->statements);
        projected.body = make_block(p->arena, loop->body->span, body);
        return does_something(body) ? arena_copy(p->arena, &projected, sizeof projected) : NULL;
    }
    if (branch) {
        struct node_if projected = *branch;
        struct node_list then = project_list(p, node_as(branch->then, block)->statements);
        projected.then = make_block(p->arena, branch->then->span, then);
        return does_something(then) ? arena_copy(p->arena, &projected, sizeof projected) : NULL;
    }
    return node;
}

/* ---- names that nothing uses ---- */

static bool is_mentioned(struct node_list list, size_t from, const char *name) {
    for (size_t i = from; i < list.count; i++)
        if (mentions(list.items[i], name))
            return true;
    return false;
}

static bool is_used(struct node_list list, size_t index) {
    struct node_let *let = node_as(list.items[index], let);
    struct node_delinearize *split = node_as(list.items[index], delinearize);
    if (let)
        return is_mentioned(list, index + 1, let->name);
    for (size_t i = 0; split && i < split->names.count; i++)
        if (is_mentioned(list, index + 1, node_as(split->names.items[i], reference)->name))
            return true;
    return !split;
}

static struct node *prune(struct node *node, void *context) {
    struct projection *p = context;
    struct node *mapped = node_map_children(p->arena, node, prune, p);
    struct node_block *block = node_as(mapped, block);
    if (!block)
        return mapped;
    struct node_list list = block->statements;
    for (size_t i = list.count; i-- > 0;) {
        if (is_used(list, i))
            continue;
        struct list_builder kept = {0};
        for (size_t k = 0; k < list.count; k++)
            builder_add(p->arena, &kept, k == i ? NULL : list.items[k]);
        list = builder_list(&kept);
    }
    return list.count == block->statements.count ? mapped : make_block(p->arena, node->span, list);
}

/* ---- what the function begins with ---- */

static void add_constants(struct projection *p, struct list_builder *out, struct node_list kernel,
                          const struct name_table *mentioned) {
    for (size_t i = 0; i < kernel.count; i++) {
        struct node_circular_buffer *cb = node_as(kernel.items[i], circular_buffer);
        struct node_semaphore *semaphore = node_as(kernel.items[i], semaphore);
        struct node_constant *constant = node_as(kernel.items[i], constant);
        const char *name = cb ? cb->name : semaphore ? semaphore->name : constant ? constant->name : NULL;
        if (!name || !name_table_find(mentioned, name))
            continue;
        struct node *value = constant ? constant->value : make_integer(p->arena, cb ? cb->id : semaphore->id);
        builder_add(p->arena, out,
                    node_new(p->arena, constant, CONSTANT, ((struct span){0}), .name = name, .value = value));
    }
}

/* The tensor's extents in tiles, leading dimensions as they are. */
static struct node_list tile_dimensions(struct projection *p, struct node_parameter *parameter) {
    struct list_builder dimensions = {0};
    for (size_t i = 0; i < parameter->dimensions.count; i++) {
        struct node *extent = parameter->dimensions.items[i];
        struct node *size = i + 2 < parameter->dimensions.count ? extent : tiles_of(p->arena, extent);
        builder_add(p->arena, &dimensions, in_launch_arguments(p->arena, p->compilation->kernel, size));
    }
    return builder_list(&dimensions);
}

/* The launch argument that holds the address of a tensor. */
static const char *address_argument(struct node_list arguments, const char *tensor) {
    for (size_t i = 0; i < arguments.count; i++) {
        struct node_attribute *entry = node_as(arguments.items[i], attribute);
        struct node_call *address = node_as(entry->value, call);
        if (address && strcmp(address->function, "address") == 0 && mentions(entry->value, tensor))
            return entry->key;
    }
    return tensor;
}

static void add_accessors(struct projection *p, struct list_builder *out, struct node_list arguments,
                          const struct name_table *mentioned) {
    struct node_list parameters = node_as(p->compilation->kernel, kernel)->parameters;
    for (size_t i = 0; i < parameters.count; i++) {
        struct node_parameter *parameter = node_as(parameters.items[i], parameter);
        if (parameter->dimensions.count && name_table_find(mentioned, parameter->name))
            builder_add(
                p->arena, out,
                node_new(p->arena, accessor, ACCESSOR, parameter->base.span, .name = parameter->name,
                         .address = make_reference(p->arena, address_argument(arguments, parameter->name)),
                         .dimensions = tile_dimensions(p, parameter)));
    }
}

static void add_arguments(struct projection *p, struct list_builder *out, struct node_list arguments,
                          const struct name_table *mentioned) {
    for (size_t i = 0; i < arguments.count; i++) {
        const char *name = node_as(arguments.items[i], attribute)->key;
        struct node *value = make_call(
            p->arena, "get_arg_val",
            LIST(p->arena, make_reference(p->arena, "uint32_t"), make_integer(p->arena, (int64_t)i)));
        if (name_table_find(mentioned, name))
            builder_add(p->arena, out,
                        node_new(p->arena, let, LET, ((struct span){0}), .name = arena_intern(p->arena, name),
                                 .dtype = DTYPE_U32, .value = value));
    }
}

static struct node *function_of(struct compilation *compilation, enum role role) {
    struct projection p = {compilation, compilation->arena, role};
    struct node_list kernel = node_as(node_as(compilation->kernel, kernel)->body, block)->statements;
    struct node_dictionary *dictionary =
        node_as(attribute_get(compilation->kernel, KEY_TT_RUNTIME_ARGS), dictionary);
    struct node_list arguments = dictionary ? dictionary->entries : (struct node_list){0};
    struct node_list list = project_list(&p, kernel);
    if (!does_something(list))
        return NULL;
    struct node *body = prune(make_block(p.arena, compilation->kernel->span, list), &p);
    struct list_builder constants = {0}, accessors = {0}, lets = {0}, all = {0};
    struct name_table mentioned = {.arena = p.arena};
    names_add_mentioned(&mentioned, body);
    add_constants(&p, &constants, kernel, &mentioned);
    add_accessors(&p, &accessors, arguments, &mentioned);
    for (size_t i = 0; i < accessors.count; i++)
        names_add_mentioned(&mentioned, accessors.items[i]);
    add_arguments(&p, &lets, arguments, &mentioned);
    builder_add_all(p.arena, &all, builder_list(&constants));
    builder_add_all(p.arena, &all, builder_list(&lets));
    builder_add_all(p.arena, &all, builder_list(&accessors));
    builder_add_all(p.arena, &all, node_as(body, block)->statements);
    const char *name = arena_intern(p.arena, word_text(WORDS_role, role));
    return node_new(p.arena, function, FUNCTION, compilation->kernel->span, .role = role, .name = name,
                    .body = make_block(p.arena, compilation->kernel->span, builder_list(&all)));
}

bool split_roles_tt(struct compilation *compilation) {
    struct arena *arena = compilation->arena;
    struct node_kernel kernel = *node_as(compilation->kernel, kernel);
    if (!find_kind(kernel.body, NODE_ROLE))
        return true;
    struct node_list list = node_as(kernel.body, block)->statements;
    struct list_builder body = {0};
    for (size_t i = 0; i < list.count; i++)
        if ((is_declaration(list.items[i]) && list.items[i]->kind != NODE_CONSTANT) ||
            list.items[i]->kind == NODE_FUNCTION)
            builder_add(arena, &body, list.items[i]);
    builder_add(arena, &body, function_of(compilation, ROLE_READER));
    builder_add(arena, &body, function_of(compilation, ROLE_COMPUTE));
    builder_add(arena, &body, function_of(compilation, ROLE_WRITER));
    kernel.body = make_block(arena, kernel.body->span, builder_list(&body));
    compilation->kernel = arena_copy(arena, &kernel, sizeof kernel);
    return true;
}
