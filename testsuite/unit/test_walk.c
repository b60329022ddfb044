/* Walks over trees: every node once, in program order, at any depth; what lies below a node may be passed
 * by. */
#include "ir/build.h"
#include "ir/ir.h"
#include "testsuite/unit/unit.h"

enum { MOST_NODES = 4000 };

struct order {
    struct node *nodes[MOST_NODES];
    size_t count;
    const struct node *closed; /* what lies below it is left out */
};

static bool collect(struct node *node, void *context) {
    struct order *order = context;
    ck_assert_uint_lt(order->count, MOST_NODES);
    order->nodes[order->count++] = node;
    return node == order->closed || node_each_child(node, collect, context);
}

/* A sum of `depth` levels, each on the side that `left` says, with an access of two subscripts at every
 * level. */
static struct node *sum(struct arena *arena, size_t depth, bool left) {
    struct node *tree = make_integer(arena, -1);
    for (size_t i = 0; i < depth; i++) {
        struct node *access =
            make_access(arena, "a", LIST(arena, make_integer(arena, (int64_t)i), make_reference(arena, "i")));
        tree = make_binary(arena, BINARY_ADD, left ? tree : access, left ? access : tree);
    }
    return tree;
}

static void check_walk(struct node *tree, const struct node *closed) {
    struct order expected = {.closed = closed};
    size_t count = 0;
    collect(tree, &expected);
    for_each_node (node, tree) {
        ck_assert_uint_lt(count, expected.count);
        ck_assert_ptr_eq(node, expected.nodes[count]);
        if (node == closed)
            skip_below(node);
        count++;
    }
    ck_assert_uint_eq(count, expected.count);
}

START_TEST(walks_keep_program_order_at_any_depth) {
    struct arena *arena = arena_create();
    static const size_t depths[] = {
        0, 1, 2, 100, WALK_LEVELS - 2, WALK_LEVELS - 1, WALK_LEVELS, WALK_LEVELS + 1, 600};
    for (size_t i = 0; i < 2 * sizeof depths / sizeof *depths; i++)
        check_walk(sum(arena, depths[i / 2], i % 2), NULL);
    arena_free(arena);
}
END_TEST

START_TEST(any_node_can_be_closed) {
    struct arena *arena = arena_create();
    for (int left = 0; left < 2; left++) {
        struct node *tree = sum(arena, WALK_LEVELS + 20, left);
        struct order all = {0};
        collect(tree, &all);
        for (size_t i = 0; i < all.count; i += 7)
            check_walk(tree, all.nodes[i]);
    }
    arena_free(arena);
}
END_TEST

START_TEST(one_kind_is_found_below_all_others) {
    struct arena *arena = arena_create();
    struct node *tree = sum(arena, WALK_LEVELS + 5, true);
    size_t accesses = 0, references = 0, nothing = 0;
    for_each (access, access, tree) {
        ck_assert_int_eq(access->base.kind, NODE_ACCESS);
        accesses++;
        for_each (reference, reference, &access->base)
            references++;
        if (accesses == 3)
            break;
    }
    for_each (reduction, reduction, tree)
        nothing++;
    for_each_node (node, NULL)
        nothing++;
    ck_assert_uint_eq(accesses, 3);
    ck_assert_uint_eq(references, 3);
    ck_assert_uint_eq(nothing, 0);
    ck_assert_ptr_eq(find_kind(tree, NODE_BINARY), tree);
    ck_assert_ptr_null(find_kind(tree, NODE_FOR));
    arena_free(arena);
}
END_TEST

UNIT_MAIN("walk", walks_keep_program_order_at_any_depth, any_node_can_be_closed,
          one_kind_is_found_below_all_others)
