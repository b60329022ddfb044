/* The arena: alignment, strings of every length, one copy of equal strings. */
#include "support/arena.h"

#include <string.h>

#include "support/text_buffer.h"
#include "testsuite/unit/unit.h"

enum { LENGTH_LIMIT = 3000 };

static const char *stars(void) {
    static char text[LENGTH_LIMIT + 1];
    memset(text, '*', LENGTH_LIMIT);
    return text;
}

/* Of all lengths, so that some end at the end of a chunk and some do not fit the rest of it. */
START_TEST(printed_strings_are_whole_wherever_a_chunk_ends) {
    struct arena *arena = arena_create();
    const char *texts[LENGTH_LIMIT];
    for (int i = 0; i < LENGTH_LIMIT; i++) {
        texts[i] = arena_printf(arena, "%.*s", i, stars());
    }
    for (size_t i = 0; i < LENGTH_LIMIT; i++) {
        ck_assert_uint_eq(strspn(texts[i], "*"), i);
        ck_assert_uint_eq(strlen(texts[i]), i);
    }
    arena_free(arena);
}
END_TEST

START_TEST(memory_is_zero_behind_strings_that_did_not_fit) {
    struct arena *arena = arena_create();
    for (int i = 0; i < LENGTH_LIMIT; i++) {
        arena_printf(arena, "%.*s", i, stars());
        const char *memory = arena_allocate(arena, 64);
        for (size_t j = 0; j < 64; j++) {
            ck_assert_int_eq(memory[j], 0);
        }
    }
    arena_free(arena);
}
END_TEST

START_TEST(text_grows_by_printing) {
    struct text_buffer text = {0};
    size_t length = 0;
    for (int i = 0; i < LENGTH_LIMIT; i += 7) {
        text_printf(&text, "%.*s|", i, stars());
        length += (size_t)i + 1;
        ck_assert_uint_eq(text.length, length);
        ck_assert_uint_eq(strlen(text_string(&text)), length);
        ck_assert_int_eq(text_string(&text)[length - 1], '|');
    }
    text_free(&text);
}
END_TEST

UNIT_MAIN("arena", printed_strings_are_whole_wherever_a_chunk_ends,
          memory_is_zero_behind_strings_that_did_not_fit, text_grows_by_printing)
