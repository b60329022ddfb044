/* What the actions of parser.y build the tree of parse.h with. */
#ifndef TILEC_GRAMMAR_TREE_H
#define TILEC_GRAMMAR_TREE_H

#include "grammar/parse.h"

#define LIST_OF(builder) builder_list(builder)
#define NODE_AT(name, NAME, where, ...) node_new(parse->arena, name, NAME, (where), __VA_ARGS__)

/* Lists under construction; NULL items are ignored. */
struct list_builder *list_empty(struct parse *parse);
struct list_builder *list_start(struct parse *parse, struct node *item);
struct list_builder *list_more(struct parse *parse, struct list_builder *list, struct node *item);
struct list_builder *list_join(struct parse *parse, struct list_builder *list, struct list_builder *more);

/* The same node, with attributes. */
struct node *attributed(struct node *node, struct list_builder *attributes);
/* Ends an item of the source; NULL: it could not be named. */
void tree_item(struct parse *parse, struct node *item);

struct node *tree_binary(struct parse *parse, struct span span, int op, struct node *left,
                         struct node *right);
struct node *tree_call(struct parse *parse, struct span span, const char *function,
                       struct list_builder *arguments);
/* Folds that the resolver makes of others: they stand in trees alone, behind enum reduction_operator. */
enum { FOLD_ANY = REDUCTION_ARGMIN + 1, FOLD_ALL };
/* A reduction_operator or one of these; -1: there is none of that name. */
int fold_named(const char *name);
#define FOLD_NAMES "sum, product, max, min, argmax, argmin, any"
/* name(items: body), where every item must be `j` or `j in range`, and the name a reduction; or scan(fold, axis: body), or
 * scan(fold, axis: body, start). start: NULL where there is none. */
struct node *tree_fold(struct parse *parse, struct span span, const char *name, struct list_builder *items,
                       struct node *body, struct node *start);
/* One target: an assignment; several: a launch. NULL after a report. */
struct node *tree_assignment(struct parse *parse, struct span span, struct list_builder *targets, int op,
                             struct node *value, struct list_builder *attributes);
/* Declarators, parsed as var, as what they declare. */
struct list_builder *tree_buffers(struct parse *parse, struct list_builder *declarators, enum memory memory);
struct list_builder *tree_lets(struct parse *parse, struct list_builder *declarators);

#endif
