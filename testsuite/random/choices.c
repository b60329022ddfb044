/* Choices from bytes or from a generator of numbers, and their record. */
#include "testsuite/random/choices.h"

/* splitmix64 */
static uint64_t next_number(uint64_t *state) {
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t choose(struct choices *choices, uint32_t limit) {
    if (choices->made_count == CHOICES_MAX) {
        return 0;
    }
    uint32_t value;
    if (choices->bytes) {
        value = choices->made_count < choices->count ? choices->bytes[choices->made_count] % limit : 0;
    } else {
        value = (uint32_t)(next_number(&choices->state) % limit);
    }
    choices->made[choices->made_count++] = (uint8_t)value;
    return value;
}

size_t span_open(struct choices *choices) {
    size_t span = choices->span_count;
    if (span < SPANS_MAX) {
        choices->spans[choices->span_count++] =
            (struct choice_span){choices->made_count, choices->made_count};
    }
    return span;
}

void span_close(struct choices *choices, size_t span) {
    if (span < SPANS_MAX) {
        choices->spans[span].end = choices->made_count;
    }
}
