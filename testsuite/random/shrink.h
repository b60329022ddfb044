/* A smaller program that fails alike: the record of its choices made smaller. */
#ifndef TILEC_TESTSUITE_SHRINK_H
#define TILEC_TESTSUITE_SHRINK_H

#include "testsuite/random/choices.h"

/* Does the program of these choices fail as the one that is shrunk does? Records what it chose. */
typedef bool shrink_fails(struct choices *choices, void *context);

/* Tries at most so many programs. choices: the record of one that fails, afterwards of the smallest found. */
void shrink(struct choices *choices, unsigned tries, shrink_fails *fails, void *context);

#endif
