/* Prototypes of the calls that kernels make (calls.def), and the words among their arguments. */
#ifndef TILEC_SIM_CALLS_H
#define TILEC_SIM_CALLS_H

#include <stdint.h>

#define PARAMETERS_0
#define PARAMETERS_1 , uint32_t
#define PARAMETERS_2 PARAMETERS_1, uint32_t
#define PARAMETERS_3 PARAMETERS_2, uint32_t
#define PARAMETERS_4 PARAMETERS_3, uint32_t
#define PARAMETERS_5 PARAMETERS_4, uint32_t
#define PARAMETERS_6 PARAMETERS_5, uint32_t
#define PARAMETERS_7 PARAMETERS_6, uint32_t
#define PARAMETERS_8 PARAMETERS_7, uint32_t
#define PARAMETERS_9 PARAMETERS_8, uint32_t

#define DEVICE_CALL(result, name, count, parameters) result device_##name(uint32_t line PARAMETERS_##count);
#define DEVICE_TYPED_CALL(name, ...) void device_##name(uint32_t line, __VA_ARGS__);
#include "sim/calls.def"

/* Calls whose spelling in the header is not regular. */
uint32_t device_get_arg_val(uint32_t line, uint32_t index);
void device_tensor_accessor(uint32_t line, uint32_t ordinal, uint32_t address);
void device_noc_async_read_page(uint32_t line, uint32_t page, uint32_t ordinal, uint32_t address);
void device_noc_async_write_page(uint32_t line, uint32_t page, uint32_t ordinal, uint32_t address);

enum device_word {
#define DEVICE_WORD(word, value) WORD_##word = value,
#include "sim/calls.def"
};

#endif
