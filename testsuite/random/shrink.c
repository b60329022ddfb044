/* Shrinking by the record of choices: parts left out or put in place of the part around them, numbers made
 * smaller. A smaller record is a shorter one, or one of equal length whose first difference is a smaller
 * number. */
#include "testsuite/random/shrink.h"

#include <stdlib.h>
#include <string.h>

struct shrinking {
    struct choices *best, *trial;
    uint8_t bytes[CHOICES_MAX];
    unsigned tries;
    shrink_fails *fails;
    void *context;
};

static bool is_smaller(const struct choices *a, const struct choices *b) {
    if (a->made_count != b->made_count) {
        return a->made_count < b->made_count;
    }
    return memcmp(a->made, b->made, a->made_count) < 0;
}

/* Tries the first `count` of s->bytes. True when they are the best from now on. */
static bool try_bytes(struct shrinking *s, size_t count) {
    if (s->tries == 0) {
        return false;
    }
    s->tries--;
    memset(s->trial, 0, sizeof *s->trial);
    s->trial->bytes = s->bytes;
    s->trial->count = count;
    if (!s->fails(s->trial, s->context) || !is_smaller(s->trial, s->best)) {
        return false;
    }
    struct choices *smaller = s->trial;
    s->trial = s->best;
    s->best = smaller;
    return true;
}

/* The best record with [begin, end) replaced by [from, to) of it. */
static bool try_replacing(struct shrinking *s, size_t begin, size_t end, size_t from, size_t to) {
    const uint8_t *made = s->best->made;
    size_t tail = s->best->made_count - end, middle = to - from;
    memcpy(s->bytes, made, begin);
    memcpy(s->bytes + begin, made + from, middle);
    memcpy(s->bytes + begin + middle, made + end, tail);
    return try_bytes(s, begin + middle + tail);
}

static bool try_number(struct shrinking *s, size_t at, uint8_t value) {
    memcpy(s->bytes, s->best->made, s->best->made_count);
    s->bytes[at] = value;
    return try_bytes(s, s->best->made_count);
}

/* A part becomes simplest, becomes a part of itself, or goes. */
static bool shrink_spans(struct shrinking *s) {
    bool any = false;
    for (size_t i = 0; i < s->best->span_count; i++) {
        struct choice_span span = s->best->spans[i];
        if (span.end <= span.begin) {
            continue;
        }
        memcpy(s->bytes, s->best->made, s->best->made_count);
        memset(s->bytes + span.begin, 0, span.end - span.begin);
        bool done = try_bytes(s, s->best->made_count) ||
                    try_replacing(s, span.begin, span.end, span.begin, span.begin);
        for (size_t j = i + 1; !done && j < s->best->span_count && s->best->spans[j].begin < span.end; j++) {
            struct choice_span inner = s->best->spans[j];
            done = inner.end > inner.begin && inner.end <= span.end &&
                   try_replacing(s, span.begin, span.end, inner.begin, inner.end);
        }
        any |= done;
    }
    return any;
}

static bool shrink_runs(struct shrinking *s, size_t length) {
    bool any = false;
    for (size_t at = s->best->made_count; at-- > 0;) {
        if (at + length <= s->best->made_count) {
            any |= try_replacing(s, at, at + length, at, at);
        }
    }
    return any;
}

static bool shrink_numbers(struct shrinking *s) {
    bool any = false;
    for (size_t at = 0; at < s->best->made_count; at++) {
        uint8_t value = s->best->made[at];
        bool done = value > 0 && try_number(s, at, 0);
        for (uint8_t step = value / 2; !done && step > 0; step /= 2) {
            done = at < s->best->made_count && try_number(s, at, (uint8_t)(value - step));
        }
        any |= done;
    }
    return any;
}

void shrink(struct choices *choices, unsigned tries, shrink_fails *fails, void *context) {
    struct choices *pair = calloc(2, sizeof *pair);
    struct shrinking *s = calloc(1, sizeof *s);
    if (!pair || !s) {
        free(pair);
        free(s);
        return;
    }
    pair[0] = *choices;
    *s = (struct shrinking){
        .best = &pair[0], .trial = &pair[1], .tries = tries, .fails = fails, .context = context};
    bool any = true;
    while (any && s->tries > 0) {
        any = shrink_spans(s);
        any |= shrink_runs(s, 4);
        any |= shrink_runs(s, 2);
        any |= shrink_runs(s, 1);
        any |= shrink_numbers(s);
    }
    *choices = *s->best;
    free(pair);
    free(s);
}
