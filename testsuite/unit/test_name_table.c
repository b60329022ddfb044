/* Name tables: a thousand names keep their numbers. */
#include "support/name_table.h"

#include "ir/names.h"
#include "support/arena.h"
#include "testsuite/unit/unit.h"

enum { NAMES = 1000 };

START_TEST(every_name_keeps_its_number) {
    struct arena *arena = arena_create();
    struct name_table table = {.arena = arena};
    ck_assert_ptr_null(name_table_find(&table, "n1"));
    for (size_t i = 0; i < NAMES; i++) {
        size_t *number = name_table_add(&table, arena_printf(arena, "n%zu", i));
        ck_assert_uint_eq(*number, 0);
        *number = i + 1;
        ck_assert_uint_eq(table.count, i + 1);
    }
    for (size_t i = 0; i < NAMES; i++) {
        ck_assert_uint_eq(*name_table_find(&table, arena_printf(arena, "n%zu", i)), i + 1);
        ck_assert_uint_eq(*name_table_add(&table, arena_printf(arena, "n%zu", i)), i + 1);
    }
    ck_assert_uint_eq(table.count, NAMES);
    ck_assert_ptr_null(name_table_find(&table, "n"));
    ck_assert_ptr_null(name_table_find(&table, ""));
    arena_free(arena);
}
END_TEST

START_TEST(names_are_equal_by_text) {
    char first[] = "name", second[] = "name";
    ck_assert(name_equal(first, second) && name_equal(first, first) && name_equal("", ""));
    ck_assert(!name_equal("name", "names") && !name_equal("a", "b") && !name_equal("", "a"));
}
END_TEST

START_TEST(fresh_names_are_the_first_free_ones) {
    struct arena *arena = arena_create();
    struct name_table names = {.arena = arena};
    ck_assert_str_eq(name_fresh(&names, "x"), "x");
    ck_assert_str_eq(name_fresh(&names, "x"), "x_2");
    ck_assert_str_eq(name_fresh(&names, "x"), "x_3");
    ck_assert_str_eq(name_fresh(&names, "x_2"), "x_2_2");
    name_release(&names, "x_2");
    ck_assert_str_eq(name_fresh(&names, "x"), "x_2");
    ck_assert_str_eq(name_fresh(&names, "x"), "x_4");
    arena_free(arena);
}
END_TEST

UNIT_MAIN("name table", every_name_keeps_its_number, names_are_equal_by_text,
          fresh_names_are_the_first_free_ones)
