/* How the device stores a type: the one table of element types and data formats; sizes of formats are in
 * support/scalar.h. */
#ifndef TILEC_IR_FORMAT_H
#define TILEC_IR_FORMAT_H

#include "ir/ir.h"
#include "support/scalar.h"

/* False, and *format as it was, for a type that has no tiles (bool, index). */
bool dtype_data_format(enum dtype dtype, enum data_format *format);
/* The name of the device's data format for a type and the bytes of one of its tiles; NULL, and *tile_bytes as
 * it was, for a type that no circular buffer holds. */
const char *device_format(enum dtype dtype, uint32_t *tile_bytes);

#endif
