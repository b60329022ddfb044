/* Messages as printed: order, carets, tabs, wide characters, colours, caps. */
#include "support/diagnostic.h"

#include <string.h>

#include "support/arena.h"
#include "support/text_buffer.h"
#include "testsuite/unit/unit.h"

static struct span at(uint32_t line, uint32_t column, uint32_t end_column) {
    return (struct span){0, line, column, line, end_column};
}

static void expect(struct diagnostics *d, enum severity least, bool colour, const char *text) {
    struct text_buffer out = {0};
    diagnostics_print(d, least, colour, &out);
    ck_assert_str_eq(text_string(&out), text);
    text_free(&out);
}

static struct diagnostics *open_source(struct arena *arena, const char *text) {
    struct diagnostics *d = diagnostics_create(arena);
    diagnostics_add_source(d, "a.tl", text, strlen(text));
    return d;
}

START_TEST(sorted_by_place_with_notes_behind_their_error) {
    struct arena *arena = arena_create();
    struct diagnostics *d = open_source(arena, "one\ntwo three\n");
    report_error(d, at(2, 5, 10), "%s", "second");
    report_note(d, at(1, 1, 4), "from here");
    report_help(d, (struct span){0}, "do this");
    report_error(d, at(1, 1, 4), "first");
    expect(d, SEVERITY_ERROR, false,
           "a.tl:1:1: error: first\n   1 | one\n     | ^~~\n"
           "a.tl:2:5: error: second\n   2 | two three\n     |     ^~~~~\n"
           "a.tl:1:1: note: from here\nhelp: do this\n");
    arena_free(arena);
}
END_TEST

START_TEST(only_the_asked_severities) {
    struct arena *arena = arena_create();
    struct diagnostics *d = open_source(arena, "x");
    report_remark(d, at(1, 1, 2), "remark");
    report_warning(d, at(1, 1, 2), "warning");
    report_error(d, at(1, 1, 2), "error");
    ck_assert_uint_eq(d->error_count, 1);
    expect(d, SEVERITY_ERROR, false, "a.tl:1:1: error: error\n   1 | x\n     | ^\n");
    expect(d, SEVERITY_WARNING, false,
           "a.tl:1:1: warning: warning\n   1 | x\n     | ^\na.tl:1:1: error: error\n   1 | x\n     | ^\n");
    arena_free(arena);
}
END_TEST

START_TEST(a_repeated_error_is_shown_once_and_its_notes_vanish) {
    struct arena *arena = arena_create();
    struct diagnostics *d = open_source(arena, "x");
    for (int i = 0; i < 2; i++) {
        report_error(d, at(1, 1, 2), "same");
        report_note(d, at(1, 1, 2), "note %d", i);
        report_warning(d, at(1, 1, 2), "as well");
    }
    ck_assert_uint_eq(d->error_count, 2); /* whoever repeats it learns that something was wrong */
    ck_assert_uint_eq(d->warning_count, 2);
    expect(d, SEVERITY_ERROR, false, "a.tl:1:1: error: same\n   1 | x\n     | ^\na.tl:1:1: note: note 0\n");
    arena_free(arena);
}
END_TEST

START_TEST(errors_beyond_the_cap_are_counted) {
    struct arena *arena = arena_create();
    struct diagnostics *d = diagnostics_create(arena);
    struct text_buffer out = {0};
    for (int i = 0; i < DIAGNOSTIC_CAP + 3; i++) {
        report_error(d, (struct span){0}, "number %d", i);
    }
    ck_assert_uint_eq(d->error_count, DIAGNOSTIC_CAP + 3);
    diagnostics_print(d, SEVERITY_ERROR, false, &out);
    ck_assert_ptr_nonnull(strstr(text_string(&out), "error: number 19\n3 more errors not shown\n"));
    text_free(&out);
    arena_free(arena);
}
END_TEST

/* The caret stands under its character, whatever stands before it. */
START_TEST(carets_follow_tabs_and_wide_characters) {
    static const struct {
        const char *line;
        uint32_t column, end_column;
        const char *shown, *caret;
    } rows[] = {
        {"\tab", 2, 4, "    ab", "    ^~"},
        {"a\tb", 3, 4, "a    b", "     ^"},
        {"\xc3\xa4 b", 4, 5, "\xc3\xa4 b", "  ^"},        /* two bytes, one column */
        {"\xe4\xb8\xad b", 1, 4, "\xe4\xb8\xad b", "^~"}, /* three bytes, two columns */
        {"e\xcc\x81x", 4, 5, "e\xcc\x81x", " ^"},         /* a combining accent takes none */
        {"\xff\x01x", 3, 4, "??x", "  ^"},                /* bytes that are no text */
        {"abc\r", 1, 4, "abc", "^~~"},                    /* the end of a DOS line */
        {"abc", 4, 4, "abc", "   ^"},                     /* behind the line */
        {"abc", 40, 50, "abc", "   ^"},                   /* beyond the line */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *arena = arena_create();
        struct diagnostics *d = open_source(arena, rows[i].line);
        report_error(d, at(1, rows[i].column, rows[i].end_column), "e");
        expect(d, SEVERITY_ERROR, false,
               arena_printf(arena, "a.tl:1:%u: error: e\n   1 | %s\n     | %s\n", rows[i].column,
                            rows[i].shown, rows[i].caret));
        arena_free(arena);
    }
}
END_TEST

START_TEST(a_long_line_is_shown_around_the_place) {
    struct arena *arena = arena_create();
    char line[1001];
    struct text_buffer out = {0};
    memset(line, 'x', 1000);
    line[1000] = '\0';
    line[499] = 'y';
    struct diagnostics *d = open_source(arena, line);
    report_error(d, at(1, 500, 501), "e");
    diagnostics_print(d, SEVERITY_ERROR, false, &out);
    const char *shown = strstr(text_string(&out), "| ..."), *caret = strrchr(text_string(&out), '^');
    ck_assert_ptr_nonnull(shown);
    ck_assert_uint_lt(out.length, 500);
    const char *second = strstr(shown, "\n     | ");
    ck_assert_ptr_nonnull(second);
    ck_assert_int_eq(shown[caret - second - 6], 'y');
    text_free(&out);
    arena_free(arena);
}
END_TEST

START_TEST(a_range_over_lines_ends_with_its_first_line) {
    struct arena *arena = arena_create();
    struct diagnostics *d = open_source(arena, "for {\n  x\n}\n");
    report_error(d, (struct span){0, 1, 5, 3, 2}, "e");
    expect(d, SEVERITY_ERROR, false, "a.tl:1:5: error: e\n   1 | for {\n     |     ^\n");
    arena_free(arena);
}
END_TEST

START_TEST(colour_marks_severity_and_caret) {
    struct arena *arena = arena_create();
    struct diagnostics *d = open_source(arena, "x");
    report_error(d, at(1, 1, 2), "e");
    expect(d, SEVERITY_ERROR, true,
           "a.tl:1:1: \033[1;31merror:\033[0m e\n   1 | x\n     | \033[1;31m^\033[0m\n");
    arena_free(arena);
}
END_TEST

START_TEST(nearest_names) {
    static const char *const names[] = {"input", "output", "bias", "K", "row_sum", NULL};
    static const struct {
        const char *word, *nearest;
    } rows[] = {{"inptu", "input"},    {"outputs", "output"}, {"Bias", "bias"},     {"k", "K"},
                {"rowsum", "row_sum"}, {"M", NULL},           {"temperature", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *nearest = suggest_nearest(rows[i].word, names, sizeof names / sizeof *names);
        ck_assert_msg((!nearest && !rows[i].nearest) ||
                          (nearest && rows[i].nearest && strcmp(nearest, rows[i].nearest) == 0),
                      "%s: %s", rows[i].word, nearest ? nearest : "none");
    }
}
END_TEST

START_TEST(joined_spans_cover_both) {
    struct span a = at(2, 5, 9), b = {0, 1, 7, 4, 2}, joined = span_join(a, b);
    ck_assert_uint_eq(joined.line, 1);
    ck_assert_uint_eq(joined.column, 7);
    ck_assert_uint_eq(joined.end_line, 4);
    ck_assert_uint_eq(joined.end_column, 2);
    ck_assert_uint_eq(span_join((struct span){0}, a).column, 5);
    ck_assert_uint_eq(span_join(a, (struct span){0}).column, 5);
}
END_TEST

UNIT_MAIN("diagnostic", sorted_by_place_with_notes_behind_their_error, only_the_asked_severities,
          a_repeated_error_is_shown_once_and_its_notes_vanish, errors_beyond_the_cap_are_counted,
          carets_follow_tabs_and_wide_characters, a_long_line_is_shown_around_the_place,
          a_range_over_lines_ends_with_its_first_line, colour_marks_severity_and_caret, nearest_names,
          joined_spans_cover_both)
