/* The attribute keys of attributes.def as constants: KEY_TT_CB is "tt.cb". */
#ifndef TILEC_IR_ATTRIBUTES_H
#define TILEC_IR_ATTRIBUTES_H
#define ATTRIBUTE(NAME, key, owner, shape, sentence) extern const char KEY_##NAME[];
#include "ir/attributes.def"
#endif
