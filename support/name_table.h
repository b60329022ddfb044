/* Names: compared, and with a number each in a table that is searched by hash.
 */
#ifndef TILEC_SUPPORT_NAME_TABLE_H
#define TILEC_SUPPORT_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct arena;

/* Most names are the same text in memory, or differ in their first letter. */
static inline bool name_equal(const char *a, const char *b) {
    return a == b || (*a == *b && strcmp(a, b) == 0);
}

struct name_table {
    struct arena *arena;
    struct name_place *places;
    size_t capacity, count; /* capacity: 0 or a power of 2 */
};

/* The number of a name; NULL when the table has not got it. */
size_t *name_table_find(const struct name_table *table, const char *name);

/* The same, but a name that is missing is added with the number 0. The table keeps the pointer. */
size_t *name_table_add(struct name_table *table, const char *name);

#endif
