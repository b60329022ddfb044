/* Untyped access to the fields of a node by the table: for the generic parts of ir/ only. */
#ifndef TILEC_IR_FIELD_H
#define TILEC_IR_FIELD_H

#include "ir/ir.h"

#define FIELD_AT(type, node, field) (*(type *)(void *)((char *)(node) + (field)->offset))
#define FIELD_OF(type, node, field) (*(type const *)(const void *)((const char *)(node) + (field)->offset))

#endif
