/* Who refuses programs that `tilec check` refuses: the symbolic proofs (with all that stands before them), or a small
 * launch behind them.
 *
 *     refused_by < LINES
 *
 * A line holds the words of one command line of `check` behind `tilec`, separated by tabs. Each gets one of
 * "proof", "launch" and "nobody", in their order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/rehearse.h"
#include "driver/session.h"
#include "support/arena.h"

enum { WORDS_MAX = 32 };

static bool is_launched(struct session *session) {
    struct node_list items = node_as(session->unit.module, module)->items;
    bool fine = true;
    for (size_t i = 0; i < items.count && fine; i++)
        fine = items.items[i]->kind != NODE_KERNEL || rehearse_kernel(&session->unit, items.items[i]);
    return fine;
}

static const char *refusal(struct arena *arena, int count, char **words) {
    struct settings settings;
    struct session session;
    bool done = false;
    if (settings_parse(arena, count, words, &settings, &done) != EXIT_OK ||
        !session_open(&session, arena, &settings))
        return "?";
    session.rehearse = REHEARSE_NOTHING;
    return !session_passes(&session, NULL) ? "proof" : !is_launched(&session) ? "launch" : "nobody";
}

int main(void) {
    char *text = NULL;
    size_t size = 0;
    while (getline(&text, &size, stdin) > 0) {
        struct arena *arena = arena_create();
        char *words[WORDS_MAX] = {(char[]){"tilec"}};
        int count = 1;
        for (char *word = strtok(text, "\t\n"); word && count < WORDS_MAX - 1; word = strtok(NULL, "\t\n"))
            words[count++] = word;
        puts(refusal(arena, count, words));
        arena_free(arena);
    }
    free(text);
    return 0;
}
