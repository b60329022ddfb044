/* Where the choices of a random program come from, and their record: equal choices give equal programs, so
 * that a record is a program, and a smaller record a smaller one. */
#ifndef TILEC_TESTSUITE_CHOICES_H
#define TILEC_TESTSUITE_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHOICES_MAX = 4096, SPANS_MAX = 1024 };

/* The choices of one part of a program: [begin, end) of the record. Parts nest. */
struct choice_span {
    size_t begin, end;
};

/* From bytes, each one choice, then zeros; or without bytes from a generator of numbers. */
struct choices {
    const uint8_t *bytes;
    size_t count;
    uint64_t state;
    /* the record; what is beyond its room is chosen as 0 */
    uint8_t made[CHOICES_MAX];
    size_t made_count;
    struct choice_span spans[SPANS_MAX];
    size_t span_count;
};

/* A number below limit, which is at most 256. 0 is the simplest choice everywhere. */
uint32_t choose(struct choices *choices, uint32_t limit);

/* The choices between the two are a part; the number says which. */
size_t span_open(struct choices *choices);
void span_close(struct choices *choices, size_t span);

#endif
