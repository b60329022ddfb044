/* split_roles_tt: the sequential program of a core, projected onto reader, compute and writer.
 *
 * Each function keeps the loops, conditions and names around what its role does, and begins with what it
 * uses: circular buffers and semaphores as constants, other constants, launch arguments, accessors of
 * tensors. What nothing uses does not stand there. The sequential program is one possible order of the
 * three. */
#include <string.h>

#include "ir/attributes.h"
#include "ir/build.h"
#include "ir/launch.h"
#include "ir/names.h"
#include "transforms/blocks.h"
#include "transforms/pass.h"
#include "ir/query.h"

struct projection {
    struct compilation *compilation;
    struct arena *arena;
    enum role role;
    struct node_list arguments; /* of the launch */
    struct name_table computed; /* names that the function computes with */
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

/* What of the statement is used behind it: NULL for a let or a delinearize that nothing mentions; numbers
 * of blocks that nothing mentions lose their names. */
static struct node *used_part(struct projection *p, struct node_list list, size_t index) {
    struct node_let *let = node_as(list.items[index], let);
    struct node_delinearize *split = node_as(list.items[index], delinearize);
    if (let)
        return is_mentioned(list, index + 1, let->name) ? &let->base : NULL;
    if (!split)
        return list.items[index];
    struct node_delinearize used = *split;
    struct list_builder names = {0};
    bool any = false, all = true;
    for (size_t i = 0; i < split->names.count; i++) {
        bool mentioned = is_mentioned(list, index + 1, node_as(split->names.items[i], reference)->name);
        builder_add(p->arena, &names,
                    mentioned ? split->names.items[i] : make_reference(p->arena, NAME_UNUSED));
        any |= mentioned;
        all &= mentioned;
    }
    used.names = builder_list(&names);
    return all ? &split->base : any ? arena_copy(p->arena, &used, sizeof used) : NULL;
}

static struct node *prune(struct node *node, void *context) {
    struct projection *p = context;
    struct node *mapped = node_map_children(p->arena, node, prune, p);
    struct node_block *block = node_as(mapped, block);
    if (!block)
        return mapped;
    struct node_list list = block->statements;
    for (size_t i = list.count; i-- > 0;) {
        struct node *used = used_part(p, list, i);
        struct list_builder kept = {0};
        for (size_t k = 0; used != list.items[i] && k < list.count; k++)
            builder_add(p->arena, &kept, k == i ? used : list.items[k]);
        list = used != list.items[i] ? builder_list(&kept) : list;
    }
    return list.items == block->statements.items ? mapped : make_block(p->arena, node->span, list);
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

/* The tensor's extents in pages: leading dimensions as they are, the last two in tiles; of rows the last has one page. */
static struct node_list tile_dimensions(struct projection *p, struct node_parameter *parameter) {
    struct list_builder dimensions = {0};
    for (size_t i = 0; i < parameter->dimensions.count; i++) {
        struct node *extent = parameter->dimensions.items[i];
        size_t from_last = parameter->dimensions.count - 1 - i;
        struct node *size = is_row_major(parameter) ? (from_last ? extent : make_integer(p->arena, 1))
                            : from_last > 1         ? extent
                                                    : tiles_of(p->arena, extent);
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

static struct node *argument_value(struct projection *p, size_t index) {
    return make_call(
        p->arena, "get_arg_val",
        LIST(p->arena, make_reference(p->arena, "uint32_t"), make_integer(p->arena, (int64_t)index)));
}

static void add_arguments(struct projection *p, struct list_builder *out, struct node_list arguments) {
    for (size_t i = 0; i < arguments.count; i++) {
        const char *name = node_as(arguments.items[i], attribute)->key;
        if (name_table_find(&p->computed, name))
            builder_add(p->arena, out,
                        node_new(p->arena, let, LET, ((struct span){0}), .name = arena_intern(p->arena, name),
                                 .dtype = DTYPE_U32, .value = argument_value(p, i)));
    }
}

/* ---- outermost extents, which bound a number and with which none is computed ---- */

static struct node *outermost_extent(struct node *node) {
    struct node_delinearize *split = node_as(node, delinearize);
    struct node_accessor *accessor = node_as(node, accessor);
    return split ? split->extents.items[0] : accessor ? accessor->dimensions.items[0] : NULL;
}

/* The names that the function computes with. */
static void add_computed(struct projection *p, struct node *tree) {
    const struct node *outermost = NULL;
    for_each_node (node, tree) {
        if (node == outermost) {
            skip_below(node);
            outermost = NULL;
        } else {
            outermost = outermost_extent(node) ? outermost_extent(node) : outermost;
            if (mentioned_name(node))
                *name_table_add(&p->computed, mentioned_name(node)) = 1;
        }
    }
}

/* The launch arguments that nothing is computed with stand where they bound something, and nowhere else. */
static struct node *place_arguments(struct node *node, void *context) {
    struct projection *p = context;
    struct node_delinearize *split = node_as(node, delinearize);
    struct node_accessor *accessor = node_as(node, accessor);
    struct node_list list = split ? split->extents : accessor ? accessor->dimensions : (struct node_list){0};
    if (!list.count)
        return node_map_children(p->arena, node, place_arguments, p);
    struct node *first = list.items[0];
    for (size_t i = 0; i < p->arguments.count; i++) {
        const char *name = node_as(p->arguments.items[i], attribute)->key;
        if (!name_table_find(&p->computed, name))
            first = substitute(p->arena, first, name, argument_value(p, i));
    }
    if (first == list.items[0])
        return node;
    struct list_builder extents = {0};
    for (size_t i = 0; i < list.count; i++)
        builder_add(p->arena, &extents, i ? list.items[i] : first);
    if (accessor) {
        struct node_accessor copy = *accessor;
        copy.dimensions = builder_list(&extents);
        return arena_copy(p->arena, &copy, sizeof copy);
    }
    struct node_delinearize copy = *split;
    copy.extents = builder_list(&extents);
    return arena_copy(p->arena, &copy, sizeof copy);
}

static struct node *function_of(struct compilation *compilation, enum role role) {
    const struct node_dictionary *arguments = launch_argument_list(compilation->kernel);
    struct projection p = {.compilation = compilation,
                           .arena = compilation->arena,
                           .role = role,
                           .arguments = arguments ? arguments->entries : (struct node_list){0},
                           .computed.arena = compilation->arena};
    struct node_list kernel = node_as(node_as(compilation->kernel, kernel)->body, block)->statements;
    struct node_list list = project_list(&p, kernel);
    if (!does_something(list))
        return NULL;
    struct node *body = prune(make_block(p.arena, compilation->kernel->span, list), &p);
    struct list_builder constants = {0}, accessors = {0}, all = {0};
    struct name_table mentioned = {.arena = p.arena};
    names_add_mentioned(&mentioned, body);
    add_constants(&p, &constants, kernel, &mentioned);
    add_accessors(&p, &accessors, p.arguments, &mentioned);
    add_computed(&p, body);
    for (size_t i = 0; i < accessors.count; i++)
        add_computed(&p, accessors.items[i]);
    builder_add_all(p.arena, &all, builder_list(&constants));
    add_arguments(&p, &all, p.arguments);
    for (size_t i = 0; i < accessors.count; i++)
        builder_add(p.arena, &all, place_arguments(accessors.items[i], &p));
    builder_add_all(p.arena, &all, node_as(place_arguments(body, &p), block)->statements);
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
