/* The table of call effects, indexed by the name of a call. */
#include "proofs/call_effect.h"

#include <stdint.h>
#include <string.h>

#include "support/arena.h"

static const struct call_effect rows[] = {
#define EFFECT(call_name, call_kind, ...) {.name = #call_name, .kind = EFFECT_##call_kind, __VA_ARGS__},
#include "proofs/call_effects.def"
};
enum { ROW_COUNT = sizeof rows / sizeof *rows, SLOT_COUNT = 512 };
_Static_assert(ROW_COUNT * 2 <= SLOT_COUNT, "the table is at most half full");

/* Interned names by their address. */
struct call_effects {
    const char *names[SLOT_COUNT];
    const struct call_effect *effects[SLOT_COUNT];
};

static size_t slot_of(const struct call_effects *effects, const char *name) {
    size_t slot = ((uintptr_t)name >> 3) * 2654435761u % SLOT_COUNT;
    while (effects->names[slot] && effects->names[slot] != name)
        slot = (slot + 1) % SLOT_COUNT;
    return slot;
}

struct call_effects *call_effects_create(struct arena *arena) {
    struct call_effects *effects = arena_allocate(arena, sizeof *effects);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *name = arena_intern(arena, rows[i].name);
        size_t slot = slot_of(effects, name);
        effects->names[slot] = name;
        effects->effects[slot] = &rows[i];
    }
    return effects;
}

const struct call_effect *call_effect_find(const struct call_effects *effects, const char *name) {
    return effects->effects[slot_of(effects, name)];
}
