/* What the parts of the mutator share. */
#ifndef TILEC_TESTSUITE_MUTATE_INTERNAL_H
#define TILEC_TESTSUITE_MUTATE_INTERNAL_H

#include "testsuite/mutation/mutate.h"

enum name_kind { NAME_NUMBER, NAME_ARGUMENT, NAME_POINTER, NAME_BUFFER, NAME_ACCESSOR };

enum { NAMES_MAX = 128 };

struct mutator {
    struct arena *arena;
    size_t target, at; /* the place wanted, and the next one */
    struct mutation *mutation;
    const char *place;
    struct {
        const char *name;
        enum name_kind kind;
    } names[NAMES_MAX]; /* in scope */
    size_t name_count;
};

/* Counts a place; true when it is the one wanted. */
bool take(struct mutator *mutator, const char *what);
void note_statement(struct mutator *mutator, const struct node *before, const struct node *after);

void add_name(struct mutator *mutator, const char *name, enum name_kind kind);
/* Another name of its kind; NULL when there is none, or the name is no one's. */
const char *other_name(const struct mutator *mutator, const char *name);
/* Is it a name of this kind? */
bool is_name(const struct mutator *mutator, const struct node *node, enum name_kind kind);

/* A number as a whole: one more, one less, and everything inside it. */
struct node *mutate_number(struct mutator *mutator, struct node *number);
struct node *mutate_condition(struct mutator *mutator, struct node *condition);
struct node_list mutate_numbers(struct mutator *mutator, struct node_list numbers);
/* A device call as a statement, or a call of a helper. */
struct node *mutate_call(struct mutator *mutator, struct node *call);

/* The two at index and index + 1 exchanged. */
struct node_list list_exchanged(struct arena *arena, struct node_list list, size_t index);
struct node_list list_replaced(struct arena *arena, struct node_list list, size_t index, struct node *item);

#endif
