/* Names to numbers, by open addressing. */
#include "support/name_table.h"

#include <stdint.h>

#include "support/arena.h"

struct name_place {
    const char *name; /* NULL: free */
    size_t number;
};

enum { FIRST_CAPACITY = 16 };

/* The place of a name, or the free one where it belongs; at most half of them are taken. */
static struct name_place *place_of(const struct name_table *table, const char *name) {
    uint32_t hash = 2166136261u;
    for (const char *at = name; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    size_t place = hash & (table->capacity - 1);
    while (table->places[place].name && !name_equal(table->places[place].name, name))
        place = (place + 1) & (table->capacity - 1);
    return &table->places[place];
}

static void make_room(struct name_table *table) {
    struct name_table larger = {.arena = table->arena,
                                .capacity = table->capacity ? 2 * table->capacity : FIRST_CAPACITY,
                                .count = table->count};
    larger.places = arena_allocate(larger.arena, larger.capacity * sizeof *larger.places);
    for (size_t i = 0; i < table->capacity; i++)
        if (table->places[i].name)
            *place_of(&larger, table->places[i].name) = table->places[i];
    *table = larger;
}

size_t *name_table_find(const struct name_table *table, const char *name) {
    struct name_place *place = table->capacity ? place_of(table, name) : NULL;
    return place && place->name ? &place->number : NULL;
}

size_t *name_table_add(struct name_table *table, const char *name) {
    if (2 * table->count >= table->capacity)
        make_room(table);
    struct name_place *place = place_of(table, name);
    if (!place->name) {
        place->name = name;
        table->count++;
    }
    return &place->number;
}
