/* What authors write by habit of other languages, and what says the same here. */
#ifndef TILEC_GRAMMAR_HABITS_H
#define TILEC_GRAMMAR_HABITS_H

#include <stddef.h>

/* The help for a name where a type stands, for a function that there is not, for a word that no statement
 * begins with, for a character that means nothing, for a token that the grammar does not take behind another one; NULL: nothing is known of it. */
const char *habit_of_type(const char *name);
const char *habit_of_function(const char *name);
const char *habit_of_word(const char *word);
/* expected: the list of what the grammar takes there. */
const char *habit_of_expectation(const char *token, const char *expected);
const char *habit_of_character(char character);
const char *habit_of_token(const char *previous, const char *token);

#endif
