/* Random programs under fixed seeds, judged by check_program.
 *
 *     random_programs [--verbose] [FIRST [COUNT [FAMILY]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/arena.h"
#include "testsuite/run/check_program.h"

enum { PROGRAMS = 240 };

struct tally {
    unsigned good, refused, broken;
};

static void show(const struct generated *program, uint64_t seed, const char *what, const char *reason) {
    printf("seed %llu, %s: %s: %s\n%s", (unsigned long long)seed, family_name(program->family), what, reason,
           program->text);
    for (size_t i = 0; i < program->size_count; i++) {
        printf(" %s=%lld", program->sizes[i].name, (long long)program->sizes[i].value);
    }
    printf(" grid %ux%u\n\n", program->grid_x, program->grid_y);
}

static void judge(uint64_t seed, enum family family, bool verbose, struct tally *tallies) {
    struct arena *arena = arena_create();
    struct choices choices = {.state = seed * 1000003};
    struct generated program = program_generate(arena, &choices, family);
    struct judgement judgement = program_check(arena, &program);
    struct tally *tally = &tallies[program.family];
    if (judgement.verdict == VERDICT_GOOD) {
        tally->good++;
    } else if (judgement.verdict == VERDICT_REFUSED && !program.owed) {
        tally->refused++;
    } else {
        tally->broken++;
    }
    if (judgement.verdict == VERDICT_BROKEN ||
        (judgement.verdict == VERDICT_REFUSED && (program.owed || verbose))) {
        show(&program, seed,
             judgement.verdict == VERDICT_BROKEN ? "BROKEN"
             : program.owed                      ? "refused, but owed"
                                                 : "refused",
             judgement.reason);
        fflush(stdout);
    }
    arena_free(arena);
}

int main(int count, char **words) {
    struct tally tallies[FAMILY_COUNT] = {0}, all = {0};
    bool verbose = count > 1 && strcmp(words[1], "--verbose") == 0;
    words += verbose;
    count -= verbose;
    uint64_t first = count > 1 ? strtoull(words[1], NULL, 10) : 1,
             programs = count > 2 ? strtoull(words[2], NULL, 10) : PROGRAMS;
    for (uint64_t seed = first; seed < first + programs; seed++) {
        enum family family = count > 3 ? (enum family)atoi(words[3]) : (enum family)(seed % FAMILY_COUNT);
        judge(seed, family, verbose, tallies);
    }
    for (int family = 0; family < FAMILY_COUNT; family++) {
        struct tally *tally = &tallies[family];
        printf("%-14s %3u good, %3u refused, %3u broken\n", family_name((enum family)family), tally->good,
               tally->refused, tally->broken);
        all.good += tally->good;
        all.refused += tally->refused;
        all.broken += tally->broken;
    }
    printf("random programs: %u passed, %u failed\n", all.good + all.refused, all.broken);
    return all.broken > 0;
}
