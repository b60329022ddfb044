/* Diagnostics: collected, sorted by place, deduplicated, printed with the source line and a caret.
 *
 *     matmul.tl:4:22: error: index k of B runs to 511, but B has 256 rows
 *        4 |   acc += A[i, k] * B[k, j];
 *          |                      ^
 *     matmul.tl:1:29: note: B is declared here
 *
 * Nothing here prints or exits: the driver asks for the text. At most DIAGNOSTIC_CAP errors are kept.
 */
#ifndef TILEC_SUPPORT_DIAGNOSTIC_H
#define TILEC_SUPPORT_DIAGNOSTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct text_buffer;

#define DIAGNOSTIC_CAP 20

/* A range of a source file; lines and columns count from 1 (columns in bytes); the end is exclusive. line 0:
 * no place. */
struct span {
    uint32_t file; /* index of the source in struct diagnostics */
    uint32_t line, column, end_line, end_column;
};

struct span span_join(struct span first, struct span last);
/* Do both begin at one place of one source? */
bool span_begins_at(const struct span *span, const struct span *place);
/* Where a part of something comes from: the part's own place when that is on other lines of the same file, as
 * of what a pass has moved, else the place of the whole. */
struct span span_of_part(struct span whole, struct span part);

struct source {
    const char *path; /* as messages name it */
    const char *text; /* terminated; NULL where the text is not at hand */
    size_t length;
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_REMARK, SEVERITY_NOTE, SEVERITY_HELP };

struct diagnostic {
    enum severity severity;
    struct span span;
    const char *message;
    struct diagnostic *notes; /* notes and helps that belong to it, in order */
    struct diagnostic *next;
};

/* A name that was made unique, and how messages tell it: as its author wrote it. */
struct told_name {
    const char *name, *told;
    const struct told_name *next;
};

/* The names of one kernel. */
struct told_names {
    const char *kernel;
    const struct told_name *first;
    struct told_names *next;
};

struct diagnostics {
    struct arena *arena;
    struct told_names *names;   /* of all kernels that have some */
    struct told_names *telling; /* of the kernel that messages are about; NULL: none */
    struct source *sources;
    uint32_t source_count;
    struct diagnostic *first;  /* in order of report */
    struct diagnostic *latest; /* where notes go */
    /* What was reported, also what is not kept: repetitions, and what lies beyond the cap. A count that grew
     * says that something was wrong, whoever said it first. */
    unsigned error_count, warning_count;
    unsigned unshown; /* errors beyond the cap */
};

struct diagnostics *diagnostics_create(struct arena *arena);
/* Of the same sources, as yet without a diagnostic. The older ones must live as long. */
struct diagnostics *diagnostics_continue(struct arena *arena, const struct diagnostics *before);

/* Registers a source; the text is not copied and must outlive the diagnostics. Returns its index. */
uint32_t diagnostics_add_source(struct diagnostics *diagnostics, const char *path, const char *text,
                                size_t length);

void report_error(struct diagnostics *d, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning(struct diagnostics *d, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_remark(struct diagnostics *d, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* To the diagnostic reported last: another place that matters; what to do. A span of line 0 prints no place.
 */
void report_note(struct diagnostics *d, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_help(struct diagnostics *d, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A name of the kernel told of is told as another one is, from here on: `fresh` stands for `base` in some
 * place. */
void diagnostics_rename(struct diagnostics *d, const char *fresh, const char *base);
/* Names of a kernel that messages tell otherwise, from diagnostics_tell(kernel) on, where they stand as whole
 * words. */
void diagnostics_names(struct diagnostics *d, const char *kernel, const struct told_name *first);
/* What follows is about this kernel; NULL: about none. */
void diagnostics_tell(struct diagnostics *d, const char *kernel);
/* A text as a message would tell it. */
const char *diagnostics_told(const struct diagnostics *d, const char *text);

/* Adds a diagnostic of others that continue these, as if it had been reported here. */
void diagnostics_adopt(struct diagnostics *d, const struct diagnostic *one);
/* The diagnostic that was kept last; NULL: none. */
const struct diagnostic *diagnostics_last(const struct diagnostics *d);

/* Warnings become errors, marked [--strict]. */
void diagnostics_promote_warnings(struct diagnostics *d);

/* All diagnostics of at least this severity (SEVERITY_REMARK: all; SEVERITY_ERROR: errors) as text, sorted by
 * place. */
void diagnostics_print(const struct diagnostics *d, enum severity least, bool colour,
                       struct text_buffer *out);

/* The candidate nearest to word by edit distance, NULL when none is near enough to suggest. */
const char *suggest_nearest(const char *word, const char *const *candidates, size_t count);

#endif
