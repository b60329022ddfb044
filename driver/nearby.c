/* A search for a size near the given one at which a launch would do: step by step, further off by doubling.
 */
#include "driver/nearby.h"

#include <inttypes.h>

#include "ir/query.h"
#include "support/arena.h"

/* Every size as near as this is tried; further off the distance is doubled and then halved. */
enum { NEAR = 64, SUGGESTIONS = 3 };

struct search {
    const struct environment *given;
    const struct node *kernel;
    sizes_judge *accepts;
    void *context;
    const char *name;    /* of the size that changes */
    int64_t from, least; /* its value as given; sizes are 1 at least, numbers anything */
};

/* Would another value of the size do? */
static bool accepts_value(const struct search *search, int64_t value) {
    struct arena *scratch = arena_create();
    struct environment sizes = {.arena = scratch};
    if (value < search->least || value > INT32_MAX) {
        arena_free(scratch);
        return false;
    }
    for (size_t i = 0; i < search->given->count; i++) {
        const struct size_value *size = &search->given->items[i];
        if (size->name == search->name || !size_is_settled(search->kernel, size->name)) {
            environment_set(&sizes, size->name, size->name == search->name ? value : size->value);
        }
    }
    sizes_settle(&sizes, search->kernel);
    bool fine = search->accepts(&sizes, search->context);
    arena_free(scratch);
    return fine;
}

/* The least distance in a direction at which the size would do; 0: none was found. */
static int64_t distance_of(const struct search *search, int direction) {
    int64_t far = 1, near;
    while (far <= NEAR && !accepts_value(search, search->from + direction * far)) {
        far++;
    }
    if (far <= NEAR) {
        return far;
    }
    for (far = 2 * NEAR; !accepts_value(search, search->from + direction * far); far *= 2) {
        if (far > INT32_MAX) {
            return 0;
        }
        if (direction < 0 && far >= search->from - search->least) {
            far = search->from - search->least;
            if (far < 1 || !accepts_value(search, search->least)) {
                return 0;
            }
            break;
        }
    }
    for (near = far / 2; near + 1 < far;) {
        int64_t middle = near + (far - near) / 2;
        *(accepts_value(search, search->from + direction * middle) ? &far : &near) = middle;
    }
    return far;
}

const char *sizes_nearby(struct arena *arena, const struct environment *given, const struct node *kernel,
                         sizes_judge *accepts, void *context) {
    const char *text = "";
    size_t found = 0;
    for (size_t i = 0; i < given->count && found < SUGGESTIONS; i++) {
        const struct size_value *size = &given->items[i];
        struct search search = {given, kernel, accepts, context, size->name, size->value, 1};
        search.least = launch_parameter(kernel, size->name) ? INT32_MIN : 1;
        if (size_is_settled(kernel, search.name)) {
            continue;
        }
        int64_t below = distance_of(&search, -1), above = distance_of(&search, 1);
        if (!below && !above) {
            continue;
        }
        int64_t value = search.from + (below && (!above || below <= above) ? -below : above);
        text = arena_printf(arena, "%s%s%s = %" PRId64, text, found ? ", or with " : "", search.name, value);
        found++;
    }
    return text;
}

/* ---- conditions and checks ---- */

static bool hold_quietly(const struct environment *sizes, void *context) {
    const struct node *kernel = context;
    struct diagnostics *scratch = diagnostics_create(sizes->arena);
    return conditions_check(scratch, sizes, kernel) && checks_hold(scratch, sizes, kernel);
}

bool sizes_hold(struct diagnostics *diagnostics, const struct environment *sizes, const struct node *kernel) {
    if (conditions_check(diagnostics, sizes, kernel) && checks_hold(diagnostics, sizes, kernel)) {
        return true;
    }
    const char *others =
        sizes_nearby(diagnostics->arena, sizes, kernel, hold_quietly, (void *)(uintptr_t)kernel);
    if (*others) {
        report_help(diagnostics, (struct span){0}, "it would hold with %s", others);
    }
    return false;
}
