/* What follows directly from nodes.def, words.def and attributes.def. */
#include "ir/ir.h"

#include <string.h>

#include "ir/attributes.h"

#define ATTRIBUTE(NAME, key, owner, shape, sentence) const char KEY_##NAME[] = key;
#include "ir/attributes.def"

#define WORDS(type) static const char *const texts_##type[] = {
#define WORD(type, NAME, text) text,
#define WORDS_END(type)                                                                                      \
    }                                                                                                        \
    ;
#include "ir/words.def"

static const struct {
    const char *const *texts;
    int count;
} word_tables[WORD_TYPE_COUNT] = {
#define WORDS(type) {texts_##type, (int)(sizeof texts_##type / sizeof *texts_##type)},
#include "ir/words.def"
};

const char *word_text(enum word_type type, int value) {
    return word_tables[type].texts[value];
}

int word_value(enum word_type type, const char *text) {
    for (int i = 0; i < word_tables[type].count; i++)
        if (word_tables[type].texts[i][0] && strcmp(word_tables[type].texts[i], text) == 0)
            return i;
    return -1;
}

int word_count(enum word_type type) {
    return word_tables[type].count;
}

/* The field type and, for word types, the word table that a type name of nodes.def stands for. */
enum {
    TYPE_name = FIELD_NAME,
    TYPE_text = FIELD_TEXT,
    TYPE_integer = FIELD_INTEGER,
    TYPE_real = FIELD_REAL,
    TYPE_node = FIELD_NODE,
    TYPE_list = FIELD_LIST,
#define WORDS(type) TYPE_##type = FIELD_WORD,
#include "ir/words.def"
};
enum {
    OF_name = 0,
    OF_text = 0,
    OF_integer = 0,
    OF_real = 0,
    OF_node = 0,
    OF_list = 0,
#define WORDS(type) OF_##type = WORDS_##type,
#include "ir/words.def"
};

#define NODE(name, NAME, class, text) static const struct field_info fields_##name[] = {
#define FIELD(node, type, field)                                                                             \
    {#field, (enum field_type)TYPE_##type, (enum word_type)OF_##type, offsetof(struct node_##node, field)},
#define END(node)                                                                                            \
    }                                                                                                        \
    ;
#include "ir/nodes.def"

#define NODE(name, NAME, class, text) enum { CHILD_FIELDS_##name = 0
#define FIELD(node, type, field) +((int)TYPE_##type == FIELD_NODE || (int)TYPE_##type == FIELD_LIST)
#define END(node)                                                                                            \
    }                                                                                                        \
    ;
#include "ir/nodes.def"

static const struct node_info infos[NODE_KIND_COUNT] = {
#define NODE(name, NAME, class, text)                                                                        \
    {#name,                                                                                                  \
     CLASS_##class,                                                                                          \
     text,                                                                                                   \
     sizeof(struct node_##name),                                                                             \
     sizeof fields_##name / sizeof *fields_##name,                                                           \
     fields_##name,                                                                                          \
     CHILD_FIELDS_##name},
#include "ir/nodes.def"
};

const struct node_info *node_info(enum node_kind kind) {
    return &infos[kind];
}

#define NODE(name, NAME, class, text)                                                                        \
    struct node_##name *node_as_##name(struct node *node) {                                                  \
        return node && node->kind == NODE_##NAME ? (struct node_##name *)node : NULL;                        \
    }
#include "ir/nodes.def"
