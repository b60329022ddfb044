/* How a device call is written, for messages. */
#ifndef TILEC_IR_CALL_USAGE_H
#define TILEC_IR_CALL_USAGE_H

#include "support/arena.h"
#include "support/device_call.h"

/* The words of that kind: "SUM or MAX". */
const char *call_words_text(struct arena *arena, enum parameter_kind kind);
/* The call with what may stand for its parameters: "erf_tile(ACCURATE, slot)". */
const char *device_call_usage(struct arena *arena, const struct device_call *call);

#endif
