/* Messages: collected, told once, sorted by place, and printed with the lines they are about. */
#include "support/diagnostic.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "support/arena.h"
#include "support/text_buffer.h"

enum { TAB_WIDTH = 4, SHOWN_BEFORE = 80, SHOWN_BYTES = 160, MOST_OTHERS = 1000 };

bool span_begins_at(const struct span *span, const struct span *place) {
    return span->line && span->file == place->file && span->line == place->line &&
           span->column == place->column;
}

struct span span_join(struct span first, struct span last) {
    if (!first.line)
        return last;
    if (!last.line || last.file != first.file)
        return first;
    bool backwards = last.line < first.line || (last.line == first.line && last.column < first.column);
    struct span start = backwards ? last : first;
    bool first_ends_later = first.end_line > last.end_line ||
                            (first.end_line == last.end_line && first.end_column > last.end_column);
    struct span end = first_ends_later ? first : last;
    return (struct span){start.file, start.line, start.column, end.end_line, end.end_column};
}

struct span span_of_part(struct span whole, struct span part) {
    bool inside = part.line >= whole.line && part.end_line <= whole.end_line;
    return part.line && whole.line && part.file == whole.file && !inside ? part : whole;
}

struct diagnostics *diagnostics_create(struct arena *arena) {
    struct diagnostics *d = arena_allocate(arena, sizeof *d);
    d->arena = arena;
    return d;
}

struct diagnostics *diagnostics_continue(struct arena *arena, const struct diagnostics *before) {
    struct diagnostics *d = diagnostics_create(arena);
    d->names = before->names;
    d->sources = before->sources;
    d->source_count = before->source_count;
    /* Names that are added from here on are of the new ones alone. */
    d->telling = before->telling ? arena_copy(arena, before->telling, sizeof *before->telling) : NULL;
    return d;
}

uint32_t diagnostics_add_source(struct diagnostics *d, const char *path, const char *text, size_t length) {
    struct source *sources = arena_allocate(d->arena, (d->source_count + 1) * sizeof *sources);
    if (d->source_count)
        memcpy(sources, d->sources, d->source_count * sizeof *sources);
    sources[d->source_count] = (struct source){arena_string(d->arena, path), text, length};
    d->sources = sources;
    return d->source_count++;
}

static bool same_diagnostic(const struct diagnostic *a, const struct diagnostic *b) {
    return a->severity == b->severity && a->span.file == b->span.file && a->span.line == b->span.line &&
           a->span.column == b->span.column && strcmp(a->message, b->message) == 0;
}

void diagnostics_names(struct diagnostics *d, const char *kernel, const struct told_name *first) {
    struct told_names *names = arena_allocate(d->arena, sizeof *names);
    *names = (struct told_names){kernel, first, d->names};
    d->names = names;
}

void diagnostics_tell(struct diagnostics *d, const char *kernel) {
    d->telling = kernel ? d->names : NULL;
    while (d->telling && strcmp(d->telling->kernel, kernel) != 0)
        d->telling = d->telling->next;
    if (kernel && !d->telling) {
        diagnostics_names(d, kernel, NULL);
        d->telling = d->names;
    }
}

static const struct told_name *find_told(const struct diagnostics *d, const char *name, size_t length) {
    const struct told_name *told = d->telling ? d->telling->first : NULL;
    while (told && (strlen(told->name) != length || memcmp(told->name, name, length) != 0))
        told = told->next;
    return told;
}

void diagnostics_rename(struct diagnostics *d, const char *fresh, const char *base) {
    const struct told_name *told = find_told(d, base, strlen(base));
    struct told_name *name = arena_allocate(d->arena, sizeof *name);
    if (!d->telling || strcmp(fresh, base) == 0)
        return;
    *name = (struct told_name){arena_string(d->arena, fresh),
                               told ? told->told : arena_string(d->arena, base), d->telling->first};
    d->telling->first = name;
}

static bool in_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

const char *diagnostics_told(const struct diagnostics *d, const char *message) {
    struct text_buffer text = {0};
    for (const char *at = message; d->telling && d->telling->first && *at;) {
        size_t length = 0;
        while (in_word(at[length]))
            length++;
        const struct told_name *name = length ? find_told(d, at, length) : NULL;
        length = length ? length : 1;
        text_append_range(&text, name ? name->told : at, name ? strlen(name->told) : length);
        at += length;
    }
    const char *told = text.length ? arena_string(d->arena, text_string(&text)) : message;
    text_free(&text);
    return told;
}

/* A repeated diagnostic, or an error beyond the cap, is not kept, and neither are its notes. */
static void add(struct diagnostics *d, struct diagnostic *new) {
    struct diagnostic **end = &d->first;
    d->latest = new;
    unsigned errors = 0, others = 0;
    d->error_count += new->severity == SEVERITY_ERROR;
    d->warning_count += new->severity == SEVERITY_WARNING;
    for (; *end; end = &(*end)->next) {
        if (same_diagnostic(*end, new))
            return;
        *((*end)->severity == SEVERITY_ERROR ? &errors : &others) += 1;
    }
    if (new->severity == SEVERITY_ERROR ? errors < DIAGNOSTIC_CAP : others < MOST_OTHERS)
        *end = new;
    else
        d->unshown += new->severity == SEVERITY_ERROR;
}

static void report(struct diagnostics *d, enum severity severity, struct span span, const char *format,
                   va_list arguments) {
    struct diagnostic *new = arena_allocate(d->arena, sizeof *new);
    *new = (struct diagnostic){severity, span,
                               diagnostics_told(d, arena_vprintf(d->arena, format, arguments)), NULL, NULL};
    add(d, new);
}

static struct diagnostic *copy_diagnostic(struct arena *arena, const struct diagnostic *one) {
    struct diagnostic *copy = arena_copy(arena, one, sizeof *one), **end = &copy->notes;
    copy->message = arena_string(arena, one->message);
    copy->next = NULL;
    for (const struct diagnostic *note = one->notes; note; note = note->next) {
        *end = copy_diagnostic(arena, note);
        end = &(*end)->next;
    }
    return copy;
}

void diagnostics_adopt(struct diagnostics *d, const struct diagnostic *one) {
    add(d, copy_diagnostic(d->arena, one));
}

const struct diagnostic *diagnostics_last(const struct diagnostics *d) {
    const struct diagnostic *last = d->first;
    while (last && last->next)
        last = last->next;
    return last;
}

void report_error(struct diagnostics *d, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report(d, SEVERITY_ERROR, span, format, arguments);
    va_end(arguments);
}

void report_warning(struct diagnostics *d, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report(d, SEVERITY_WARNING, span, format, arguments);
    va_end(arguments);
}

void report_remark(struct diagnostics *d, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report(d, SEVERITY_REMARK, span, format, arguments);
    va_end(arguments);
}

static void attach(struct diagnostics *d, enum severity severity, struct span span, const char *format,
                   va_list arguments) {
    if (!d->latest)
        return;
    struct diagnostic *note = arena_allocate(d->arena, sizeof *note);
    *note = (struct diagnostic){severity, span,
                                diagnostics_told(d, arena_vprintf(d->arena, format, arguments)), NULL, NULL};
    struct diagnostic **end = &d->latest->notes;
    while (*end)
        end = &(*end)->next;
    *end = note;
}

void report_note(struct diagnostics *d, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    attach(d, SEVERITY_NOTE, span, format, arguments);
    va_end(arguments);
}

void report_help(struct diagnostics *d, struct span span, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    attach(d, SEVERITY_HELP, span, format, arguments);
    va_end(arguments);
}

void diagnostics_promote_warnings(struct diagnostics *d) {
    for (struct diagnostic *diagnostic = d->first; diagnostic; diagnostic = diagnostic->next)
        if (diagnostic->severity == SEVERITY_WARNING) {
            diagnostic->severity = SEVERITY_ERROR;
            diagnostic->message = arena_printf(d->arena, "%s [--strict]", diagnostic->message);
            d->error_count++;
        }
}

/* ---- text ---- */

static const struct {
    const char *word, *colour;
} severities[] = {
    [SEVERITY_ERROR] = {"error", "\033[1;31m"},   [SEVERITY_WARNING] = {"warning", "\033[1;35m"},
    [SEVERITY_REMARK] = {"remark", "\033[1;34m"}, [SEVERITY_NOTE] = {"note", "\033[1;36m"},
    [SEVERITY_HELP] = {"help", "\033[1;32m"},
};

/* Bytes of the well-formed UTF-8 sequence at text, 0 when it is none; its code point. */
static size_t decode(const char *text, size_t available, uint32_t *code) {
    unsigned char first = (unsigned char)text[0];
    size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (!length || length > available)
        return 0;
    *code = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | ((unsigned char)text[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    return *code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000) ? 0 : length;
}

/* Columns of a terminal that a code point takes: combining marks none, East Asian wide characters and emoji
 * two. */
static unsigned code_width(uint32_t code) {
    if ((code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200f) ||
        (code >= 0xfe00 && code <= 0xfe0f))
        return 0;
    bool wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                (code >= 0x1f300 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd);
    return wide ? 2 : 1;
}

/* One character of a source line as it is shown: tabs as spaces, controls and invalid bytes as '?'. Returns
 * its bytes. */
static size_t show_character(struct text_buffer *out, const char *text, size_t available, unsigned *width) {
    uint32_t code = 0;
    size_t length = decode(text, available, &code);
    if (text[0] == '\t') {
        *width = TAB_WIDTH;
        text_append(out, "    ");
        return 1;
    }
    if (!length || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
        *width = 1;
        text_append(out, "?");
        return length ? length : 1;
    }
    *width = code_width(code);
    text_append_range(out, text, length);
    return length;
}

static const char *line_start(const struct source *source, uint32_t line) {
    const char *at = source->text, *end = at + source->length;
    for (uint32_t i = 1; i < line && at; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    return at;
}

static void print_range(struct text_buffer *out, unsigned before, unsigned width, const char *colour) {
    text_printf(out, "     | %*s%s^", (int)before, "", colour);
    for (unsigned i = 1; i < width; i++)
        text_append(out, "~");
    text_append(out, *colour ? "\033[0m\n" : "\n");
}

/* The source line of a span, and a caret with the range under it. A long line is shown around the place. */
static void print_source(struct text_buffer *out, const struct source *source, struct span span,
                         const char *colour) {
    const char *start = source->text ? line_start(source, span.line) : NULL;
    if (!start)
        return;
    const char *end = source->text + source->length, *newline = memchr(start, '\n', (size_t)(end - start));
    size_t length = (size_t)((newline ? newline : end) - start);
    if (length && start[length - 1] == '\r')
        length--;
    size_t first = span.column ? span.column - 1 : 0;
    size_t last = span.end_line == span.line && span.end_column ? span.end_column - 1 : length;
    size_t from = length > SHOWN_BYTES && first > SHOWN_BEFORE ? first - SHOWN_BEFORE : 0;
    while (from && from < length && ((unsigned char)start[from] & 0xc0) == 0x80)
        from++;
    size_t to = length - from > SHOWN_BYTES && from < length ? from + SHOWN_BYTES : length;
    text_printf(out, "%4u | %s", span.line, from ? "..." : "");
    unsigned before = from ? 3 : 0, range = 0, width;
    for (size_t i = from; i < to;) {
        size_t at = i;
        i += show_character(out, start + i, length - i, &width);
        before += at < first ? width : 0;
        range += at >= first && at < last ? width : 0;
    }
    text_append(out, to < length ? "...\n" : "\n");
    print_range(out, before, range, colour);
}

static void print_one(const struct diagnostics *d, const struct diagnostic *one, bool colour,
                      struct text_buffer *out) {
    const char *tint = colour ? severities[one->severity].colour : "", *plain = colour ? "\033[0m" : "";
    const struct source *source =
        one->span.line && one->span.file < d->source_count ? &d->sources[one->span.file] : NULL;
    if (source)
        text_printf(out, "%s:%u:%u: ", source->path, one->span.line, one->span.column);
    text_printf(out, "%s%s:%s %s\n", tint, severities[one->severity].word, plain, one->message);
    if (source && one->severity <= SEVERITY_REMARK)
        print_source(out, source, one->span, tint);
    for (const struct diagnostic *note = one->notes; note; note = note->next)
        print_one(d, note, colour, out);
}

struct placed {
    const struct diagnostic *diagnostic;
    size_t order;
};

static int compare_places(const void *left, const void *right) {
    const struct placed *a = left, *b = right;
    const struct span *x = &a->diagnostic->span, *y = &b->diagnostic->span;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void diagnostics_print(const struct diagnostics *d, enum severity least, bool colour,
                       struct text_buffer *out) {
    size_t count = 0;
    for (const struct diagnostic *one = d->first; one; one = one->next)
        count++;
    struct placed *sorted = arena_allocate(d->arena, (count + 1) * sizeof *sorted);
    count = 0;
    for (const struct diagnostic *one = d->first; one; one = one->next) {
        if (one->severity <= least) {
            sorted[count] = (struct placed){one, count};
            count++;
        }
    }
    qsort(sorted, count, sizeof *sorted, compare_places);
    for (size_t i = 0; i < count; i++)
        print_one(d, sorted[i].diagnostic, colour, out);
    if (d->unshown)
        text_printf(out, "%u more error%s not shown\n", d->unshown, d->unshown == 1 ? "" : "s");
}

/* ---- suggestions ---- */

enum { LONGEST_SUGGESTION = 63 };

static char lower_case(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Edit distance: 2 for a character more, less, other or swapped with its neighbour, 1 for another case. */
static unsigned distance(const char *a, const char *b) {
    unsigned rows[3][LONGEST_SUGGESTION + 1];
    size_t n = strlen(a), m = strlen(b);
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)(2 * j);
    for (size_t i = 1; i <= n; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = (unsigned)(2 * i);
        for (size_t j = 1; j <= m; j++) {
            unsigned change = a[i - 1] == b[j - 1] ? 0 : lower_case(a[i - 1]) == lower_case(b[j - 1]) ? 1 : 2;
            unsigned best = above[j - 1] + change;
            best = above[j] + 2 < best ? above[j] + 2 : best;
            best = row[j - 1] + 2 < best ? row[j - 1] + 2 : best;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            row[j] = swapped && before[j - 2] + 2 < best ? before[j - 2] + 2 : best;
        }
    }
    return rows[n % 3][m];
}

const char *suggest_nearest(const char *word, const char *const *candidates, size_t count) {
    size_t length = strlen(word);
    if (length > LONGEST_SUGGESTION)
        return NULL;
    unsigned limit = length < 2 ? 1 : (unsigned)(2 * ((length + 1) / 3)), best = limit + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!candidates[i] || strlen(candidates[i]) > LONGEST_SUGGESTION)
            continue;
        unsigned d = distance(word, candidates[i]);
        if (d < best && d > 0) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}
