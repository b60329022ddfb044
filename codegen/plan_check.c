/* The rules of a plan, key by key: grid, ranges, map, layouts, arguments, buffers, semaphores. */
#include "codegen/plan_check_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ir/attributes.h"
#include "support/architecture.h"
#include "support/arena.h"

/* Cores of a grid are told apart one by one; lists that are compared item by item are as short as those of
 * any kernel. */
enum { CORE_LIMIT = 1 << 16, LIST_LIMIT = 1 << 12 };

static const struct span no_place;

/* ---- messages ---- */

void check_error(struct check *c, const struct plan_item *item, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report_error(c->diagnostics, no_place, "%s: %s: %s", c->file, item_path(c->arena, item),
                 arena_vprintf(c->arena, format, arguments));
    va_end(arguments);
}

void check_help(struct check *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    report_help(c->diagnostics, no_place, "%s", arena_vprintf(c->arena, format, arguments));
    va_end(arguments);
}

void check_note(struct check *c, const char *what, const struct plan_item *item) {
    report_note(c->diagnostics, no_place, "%s %s", what, item_path(c->arena, item));
}

/* ---- values ---- */

struct plan_item check_required(struct check *c, const char *key, json_type type, const char *what) {
    struct plan_item item = item_entry(&c->plan, key);
    if (!item.value) {
        check_error(c, &c->plan, "it lacks %s: %s", key, what);
    } else if (json_typeof(item.value) != type) {
        check_error(c, &item, "it takes %s", what);
        item.value = NULL;
    }
    return item;
}

bool check_pair(struct check *c, const struct plan_item *item, int64_t least, int64_t pair[2]) {
    bool fits = json_is_array(item->value) && item_count(item) == 2;
    for (size_t i = 0; fits && i < 2; i++) {
        struct plan_item number = item_element(item, i);
        fits = item_is_integer(&number, least, COORDINATE_LIMIT);
        pair[i] = json_integer_value(number.value);
    }
    if (!fits)
        check_error(c, item, "it takes two whole numbers, at least %" PRId64, least);
    return fits;
}

/* The entries of a list, reported where there are too many. */
static size_t list_length(struct check *c, const struct plan_item *list) {
    size_t count = item_count(list);
    if (count <= LIST_LIMIT)
        return count;
    check_error(c, list, "it has more than %d entries", LIST_LIMIT);
    return 0;
}

/* ---- version and cores ---- */

static void check_version(struct check *c) {
    const char *what = "a whole number, at least 1";
    struct plan_item version = check_required(c, "schema_version", JSON_INTEGER, what);
    struct plan_item backend = item_entry(&c->plan, "backend_version");
    int64_t number = c->facts->schema_version = json_integer_value(version.value);
    if (version.value && number < 1)
        check_error(c, &version, "it takes %s", what);
    else if (number > PLAN_SCHEMA_VERSION)
        check_error(c, &version, "%" PRId64 " is newer than this tilec, which knows %d", number,
                    PLAN_SCHEMA_VERSION);
    if (backend.value && !item_text(&backend))
        check_error(c, &backend, "it takes a string");
}

static void check_grid(struct check *c) {
    struct plan_item grid = check_required(c, "core_grid", JSON_ARRAY, "[x, y], the cores that take part");
    int64_t pair[2];
    if (!grid.value || !check_pair(c, &grid, 1, pair))
        return;
    if (pair[0] * pair[1] > CORE_LIMIT) {
        check_error(c, &grid, "it has more than %d cores", CORE_LIMIT);
        return;
    }
    c->columns = pair[0];
    c->rows = pair[1];
    c->order = arena_allocate(c->arena, (size_t)(c->columns * c->rows) * sizeof *c->order);
}

static void add_range(struct check *c, const struct plan_item *range, const int64_t start[2],
                      const int64_t extent[2]) {
    if (start[0] + extent[0] > c->columns || start[1] + extent[1] > c->rows) {
        check_error(c, range,
                    "cores from [%" PRId64 ", %" PRId64 "], %" PRId64 "x%" PRId64
                    " of them, are not within the core_grid of %" PRId64 "x%" PRId64,
                    start[0], start[1], extent[0], extent[1], c->columns, c->rows);
        return;
    }
    for (int64_t y = start[1]; y < start[1] + extent[1]; y++)
        for (int64_t x = start[0]; x < start[0] + extent[0]; x++) {
            if (c->order[y * c->columns + x]) {
                check_error(c, range, "core (%" PRId64 ",%" PRId64 ") is in two ranges", x, y);
                return;
            }
            c->order[y * c->columns + x] = ++c->facts->cores;
        }
}

static void check_ranges(struct check *c) {
    unsigned errors = c->diagnostics->error_count;
    struct plan_item ranges =
        check_required(c, "core_ranges", JSON_ARRAY, "a list of {start: [x, y], extent: [w, h]}");
    if (ranges.value && !item_count(&ranges))
        check_error(c, &ranges, "it names no cores");
    for (size_t i = 0; i < item_count(&ranges); i++) {
        struct plan_item range = item_element(&ranges, i);
        struct plan_item start = item_entry(&range, "start"), extent = item_entry(&range, "extent");
        int64_t from[2], size[2];
        if (!start.value || !extent.value)
            check_error(c, &range, "a range is {start: [x, y], extent: [w, h]}");
        else if (check_pair(c, &start, 0, from) && check_pair(c, &extent, 1, size) && c->order)
            add_range(c, &range, from, size);
    }
    if (c->diagnostics->error_count != errors)
        c->order = NULL;
}

/* ---- core_map, core_plane ---- */

struct map_row {
    int64_t x, y, noc_x, noc_y;
};

static bool read_row(const struct plan_item *item, struct map_row *row) {
    int64_t *const numbers[] = {&row->x, &row->y, &row->noc_x, &row->noc_y};
    bool fits = json_is_array(item->value) && item_count(item) == 4;
    for (size_t i = 0; fits && i < 4; i++) {
        struct plan_item number = item_element(item, i);
        fits = item_is_integer(&number, 0, COORDINATE_LIMIT);
        *numbers[i] = json_integer_value(number.value);
    }
    return fits;
}

/* Neither a core nor its place on the NoC stands in one of the rows before. */
static void check_row(struct check *c, const struct plan_item *map, const struct map_row *rows,
                      size_t index) {
    struct plan_item item = item_element(map, index);
    const struct map_row *row = &rows[index];
    for (size_t i = 0; i < index; i++) {
        bool same_core = rows[i].x == row->x && rows[i].y == row->y;
        if (!same_core && (rows[i].noc_x != row->noc_x || rows[i].noc_y != row->noc_y))
            continue;
        struct plan_item before = item_element(map, i);
        check_error(c, &item, "%s stands in the map twice: [%" PRId64 ", %" PRId64 "]",
                    same_core ? "a core" : "a place on the NoC", same_core ? row->x : row->noc_x,
                    same_core ? row->y : row->noc_y);
        check_note(c, "the first time is", &before);
        check_help(c, "every core stands in core_map once, at coordinates of its own");
        return;
    }
}

static void check_map(struct check *c) {
    struct plan_item map = item_entry(&c->plan, "core_map");
    size_t count = list_length(c, &map);
    if (map.value && !json_is_array(map.value))
        check_error(c, &map, "it takes a list of [x, y, noc_x, noc_y]");
    struct map_row *rows = arena_allocate(c->arena, (count + 1) * sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        struct plan_item item = item_element(&map, i);
        if (!read_row(&item, &rows[i])) {
            check_error(c, &item, "a row is [x, y, noc_x, noc_y], whole numbers from 0");
            return;
        }
        if (c->columns && (rows[i].x >= c->columns || rows[i].y >= c->rows)) {
            check_error(c, &item, "core (%" PRId64 ",%" PRId64 ") is not within core_grid", rows[i].x,
                        rows[i].y);
            check_help(c, "core_grid has %" PRId64 " columns and %" PRId64 " rows", c->columns, c->rows);
        } else {
            check_row(c, &map, rows, i);
        }
    }
}

/* Rows and columns of a plane, where they are numbers, are within the grid. */
static void check_plane(struct check *c) {
    struct plan_item plane = item_entry(&c->plan, "core_plane");
    const int64_t limits[2] = {c->rows, c->columns};
    if (plane.value && (!json_is_array(plane.value) || item_count(&plane) != 2)) {
        check_error(c, &plane, "it takes [Gy, Gx], rows and columns of cores");
        return;
    }
    for (size_t i = 0; plane.value && c->columns && i < 2; i++) {
        struct plan_item side = item_element(&plane, i);
        if (!item_text(&side) && !item_is_integer(&side, 0, limits[i])) {
            check_error(c, &side, "the plane has more %s than core_grid, which has %" PRId64,
                        i ? "columns" : "rows", limits[i]);
            check_help(c, "core_plane is [Gy, Gx], core_grid [x, y]");
        }
    }
}

/* ---- tensors ---- */

static void check_word(struct check *c, const struct plan_item *layout, const char *key, const char *first,
                       const char *second) {
    struct plan_item word = item_entry(layout, key);
    if (!word.value)
        check_error(c, layout, "it lacks %s", key);
    else if (!item_is_word(&word, first) && !item_is_word(&word, second))
        check_error(c, &word, "it takes %s or %s", first, second);
}

static void check_layouts(struct check *c) {
    struct plan_item layouts = check_required(c, "layouts", JSON_OBJECT, "where every tensor lies");
    c->facts->tensors = item_count(&layouts);
    for (void *at = item_first(&layouts); at; at = item_next(&layouts, at)) {
        struct plan_item layout = item_at(&layouts, at);
        struct plan_item kind = item_entry(&layout, KEY_LAYOUT_KIND),
                         shard = item_entry(&layout, KEY_ND_SHARD);
        bool sharded = item_is_word(&kind, "sharded");
        if (!json_is_object(layout.value)) {
            check_error(c, &layout, "a layout takes entries");
            continue;
        }
        check_word(c, &layout, KEY_MEMORY, "dram", "l1");
        check_word(c, &layout, KEY_LAYOUT_KIND, "interleaved", "sharded");
        if (item_entry(&layout, KEY_FORMAT).value)
            check_word(c, &layout, KEY_FORMAT, "tile", "row_major");
        if (sharded != (shard.value != NULL))
            check_error(c, &layout,
                        sharded ? "it is sharded, but has no nd_shard"
                                : "it is interleaved, but has an nd_shard");
        if (item_entry(&layout, KEY_HALO).value || item_entry(&shard, KEY_HALO).value)
            check_error(c, &layout, "halo unsupported: a shard holds its own elements only");
    }
}

/* The tensor of an address in runtime_args, NULL: it is another argument. */
static const char *address_of(struct check *c, const struct plan_item *argument) {
    struct plan_item value = item_entry(argument, "value");
    const char *text = item_text(&value);
    size_t length = text ? strlen(text) : 0;
    if (length < 10 || strncmp(text, "address(", 8) != 0 || text[length - 1] != ')')
        return NULL;
    return arena_string_range(c->arena, text + 8, length - 9);
}

static bool is_tensor(const struct check *c, const char *name) {
    return name && json_object_get(json_object_get(c->plan.value, "layouts"), name);
}

/* given: by the names of the tensors whose address is an argument. */
static void check_argument(struct check *c, const struct plan_item *argument, int64_t offset, json_t *given) {
    struct plan_item name = item_entry(argument, "name"), type = item_entry(argument, "type"),
                     place = item_entry(argument, "offset");
    const char *tensor = address_of(c, argument);
    if (!item_text(&name) || !item_is_word(&type, "uint32") || !item_is_integer(&place, offset, offset))
        check_error(c, argument, "it takes a name, type \"uint32\" and offset %" PRId64, offset);
    if (!tensor)
        return;
    if (!is_tensor(c, tensor))
        check_error(c, argument, "it is the address of %s, but layouts has no such tensor", tensor);
    else if (json_object_get(given, tensor))
        check_error(c, argument, "the address of %s is an argument twice", tensor);
    json_object_set_new(given, tensor, json_true());
}

static void check_arguments(struct check *c) {
    struct plan_item arguments = item_entry(&c->plan, "runtime_args"),
                     layouts = item_entry(&c->plan, "layouts");
    json_t *given = json_object(), *names = json_object();
    for (size_t i = 0; i < item_count(&arguments); i++) {
        struct plan_item argument = item_element(&arguments, i), name = item_entry(&argument, "name");
        check_argument(c, &argument, 4 * (int64_t)i, given);
        if (item_text(&name) && json_object_get(names, item_text(&name)))
            check_error(c, &argument, "two arguments are named %s", item_text(&name));
        if (item_text(&name))
            json_object_set_new(names, item_text(&name), json_true());
    }
    for (void *at = arguments.value ? item_first(&layouts) : NULL; at; at = item_next(&layouts, at)) {
        struct plan_item layout = item_at(&layouts, at);
        if (!json_object_get(given, layout.key))
            check_error(c, &arguments, "no argument gives the address of %s", layout.key);
    }
    json_decref(given);
    json_decref(names);
}

static void help_of_accessors(struct check *c) {
    check_help(
        c, "TensorAccessorArgs must be created via TensorAccessorArgs(tensor) from the tensor that is bound");
}

static void check_accessors(struct check *c) {
    struct plan_item accessors = item_entry(&c->plan, "accessors");
    for (void *at = item_first(&accessors); at; at = item_next(&accessors, at)) {
        struct plan_item role = item_at(&accessors, at);
        for (size_t i = 0; i < item_count(&role); i++) {
            struct plan_item tensor = item_element(&role, i);
            if (!is_tensor(c, item_text(&tensor))) {
                check_error(c, &tensor, "an accessor of the %s is of no tensor of layouts", role.key);
                help_of_accessors(c);
            }
        }
    }
}

/* A binding is of a tensor, and its argument is that tensor's address. */
static void check_bindings(struct check *c) {
    struct plan_item bindings = item_entry(&c->plan, "bindings"),
                     arguments = item_entry(&c->plan, "runtime_args");
    for (void *at = item_first(&bindings); at; at = item_next(&bindings, at)) {
        struct plan_item binding = item_at(&bindings, at), bound = item_entry(&binding, "runtime_binding");
        struct plan_item index = item_entry(&bound, "runtime_arg_idx");
        bool numbered = item_is_integer(&index, 0, INT32_MAX);
        struct plan_item argument = item_element(&arguments, (size_t)json_integer_value(index.value));
        const char *tensor = numbered ? address_of(c, &argument) : NULL;
        if (!is_tensor(c, binding.key)) {
            check_error(c, &binding, "a binding is of a tensor of layouts");
        } else if (bound.value && (!tensor || strcmp(tensor, binding.key) != 0)) {
            check_error(c, &bound, "the accessor of %s is bound to an argument that is not its address",
                        binding.key);
            help_of_accessors(c);
        }
    }
}

/* ---- circular buffers, semaphores ---- */

/* Entries of a list with numbers below `limit`, each once. The other key takes `least` to `most`. */
static void check_numbered(struct check *c, const char *key, int64_t limit, const char *other, int64_t least,
                           int64_t most) {
    struct plan_item list = item_entry(&c->plan, key);
    bool *taken = arena_allocate(c->arena, (size_t)limit * sizeof *taken);
    for (size_t i = 0; i < item_count(&list); i++) {
        struct plan_item entry = item_element(&list, i), id = item_entry(&entry, "id"),
                         value = item_entry(&entry, other);
        int64_t number = json_integer_value(id.value);
        if (!item_is_integer(&id, 0, limit - 1) || !item_is_integer(&value, least, most)) {
            check_error(c, &entry,
                        "it takes an id from 0 to %" PRId64 ", and as %s a number from %" PRId64
                        " to %" PRId64,
                        limit - 1, other, least, most);
            continue;
        }
        if (taken[number])
            check_error(c, &entry, "two have the number %" PRId64, number);
        taken[number] = true;
    }
}

/* ---- the whole ---- */

static json_t *read_plan(struct diagnostics *diagnostics, uint32_t source) {
    const struct source *text = &diagnostics->sources[source];
    json_error_t error;
    json_t *plan = json_loadb(text->text, text->length, JSON_REJECT_DUPLICATES, &error);
    if (plan)
        return plan;
    /* The place is where reading stopped: behind what is wrong. */
    size_t at = error.position > 0 ? (size_t)error.position - 1 : 0;
    uint32_t column = 1;
    for (; column <= at && text->text[at - column] != '\n'; column++)
        ;
    uint32_t line = error.line > 0 ? (uint32_t)error.line : 1;
    report_error(diagnostics, (struct span){source, line, column, line, column + 1}, "this is no JSON: %s",
                 error.text);
    return NULL;
}

bool plan_check(struct arena *arena, struct diagnostics *diagnostics, uint32_t source,
                struct plan_facts *facts) {
    unsigned errors = diagnostics->error_count;
    json_t *plan = read_plan(diagnostics, source);
    const char *kernel = json_string_value(json_object_get(plan, "kernel"));
    *facts = (struct plan_facts){.kernel = kernel ? arena_string(arena, kernel) : "", .blocks = -1};
    struct check check = {.arena = arena,
                          .diagnostics = diagnostics,
                          .file = diagnostics->sources[source].path,
                          .plan = {.value = plan},
                          .facts = facts};
    if (json_is_object(plan)) {
        check_version(&check);
        check_grid(&check);
        check_ranges(&check);
        check_map(&check);
        check_plane(&check);
        check_work(&check);
        check_layouts(&check);
        check_arguments(&check);
        check_accessors(&check);
        check_bindings(&check);
        check_numbered(&check, "circular_buffers", CIRCULAR_BUFFER_LIMIT, KEY_PAGE_SIZE, 1, INT32_MAX);
        check_numbered(&check, "semaphores", SEMAPHORE_LIMIT, "initial", 0, UINT32_MAX);
        facts->buffers = json_array_size(json_object_get(plan, "circular_buffers"));
    } else if (plan) {
        check_error(&check, &check.plan, "a plan is an object, {\"schema_version\": 1, ...}");
    }
    json_decref(plan);
    return diagnostics->error_count == errors;
}
