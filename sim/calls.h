/* Prototypes of the calls that kernels make (device_calls.def), and the words among their arguments. */
#ifndef TILEC_SIM_CALLS_H
#define TILEC_SIM_CALLS_H

#include <stdint.h>

#include "sim/device_calls.h" /* made by header.c */

enum device_word {
#define WORD(kind, word, value, metalium) WORD_##word = value,
#include "support/device_calls.def"
};

#endif
