/* Helper functions of the reader: tiles filled with a value, whole or beyond a column or row, or with
 * indices. */
#include "ir/build.h"
#include "ir/format.h"
#include "transforms/protocol.h"

struct node *format_bits(struct protocol *p, enum dtype dtype, double value, bool word) {
    enum bit_pattern pattern = dtype != DTYPE_BF16 ? PATTERN_F32 : word ? PATTERN_BF16_TWICE : PATTERN_BF16;
    if (bit_pattern_of(pattern, value) == 0)
        return make_integer(p->arena, 0);
    return make_call(p->arena, bit_pattern_name(pattern), LIST(p->arena, make_real(p->arena, value)));
}

static struct node *ref(struct protocol *p, const char *name) {
    return make_reference(p->arena, name);
}

static struct node *number(struct protocol *p, int64_t value) {
    return make_integer(p->arena, value);
}

struct node *element_index(struct protocol *p, struct node *row, struct node *column) {
    struct arena *a = p->arena;
    struct node *edge = number(p, FACE_EDGE), *faces = number(p, TILE_EDGE / FACE_EDGE);
    struct node *face = make_add(a, make_mul(a, make_div(a, row, edge), faces), make_div(a, column, edge));
    struct node *within = make_add(a, make_mul(a, make_mod(a, row, edge), edge), make_mod(a, column, edge));
    return make_add(a, make_mul(a, face, number(p, FACE_EDGE * FACE_EDGE)), within);
}

static struct node *loop(struct protocol *p, const char *name, struct node *from, int64_t to,
                         struct node *body) {
    return make_for(p->arena, (struct span){0}, name, from, number(p, to), NULL,
                    make_block(p->arena, (struct span){0}, LIST(p->arena, body)));
}

static struct node *store(struct protocol *p, bool narrow, struct node *base, struct node *index,
                          struct node *value) {
    struct node *address = make_add(p->arena, base, make_mul(p->arena, index, number(p, narrow ? 2 : 4)));
    struct node *arguments[] = {address, value};
    return call_statement(p, (struct span){0}, narrow ? "l1_store_u16" : "l1_store_u32", 2, arguments);
}

static struct node *parameter(struct protocol *p, const char *name) {
    return node_new(p->arena, parameter, PARAMETER, ((struct span){0}), .direction = DIRECTION_IN,
                    .name = arena_intern(p->arena, name), .dtype = DTYPE_U32);
}

/* Every element's column or row: a bf16 is the upper half of an f32. */
static struct node *index_body(struct protocol *p, bool columns) {
    struct arena *a = p->arena;
    struct node *row = ref(p, "r"), *column = ref(p, "c"), *value = ref(p, "value"), *zero = number(p, 0);
    struct node *index = make_call(a, "i32", LIST(a, columns ? column : row));
    struct node *half =
        make_binary(a, BINARY_SHIFT_RIGHT, make_call(a, "bits", LIST(a, index)), number(p, 16));
    struct node *let = node_new(a, let, LET, ((struct span){0}), .name = arena_intern(a, "value"),
                                .dtype = DTYPE_U32, .value = half);
    struct node *inner = loop(p, columns ? "r" : "c", zero, TILE_EDGE,
                              store(p, true, ref(p, "tile"), element_index(p, row, column), value));
    return make_for(a, (struct span){0}, columns ? "c" : "r", zero, number(p, TILE_EDGE), NULL,
                    make_block(a, (struct span){0}, LIST(a, let, inner)));
}

int64_t element_bytes(enum dtype dtype) {
    uint32_t tile_bytes;
    device_format(dtype, &tile_bytes);
    return tile_bytes / TILE_ELEMENTS;
}

static struct node *helper_body(struct protocol *p, enum fill_helper helper, enum dtype dtype, bool narrow) {
    struct node *row = ref(p, "r"), *column = ref(p, "c"), *tile = ref(p, "tile"), *value = ref(p, "value");
    struct node *zero = number(p, 0), *first = ref(p, "first");
    int64_t in_word = narrow ? 2 : 1; /* elements of a word of 32 bits */
    switch (helper) {
    case FILL_COLUMNS:
        return loop(
            p, "r", zero, TILE_EDGE,
            loop(p, "c", first, TILE_EDGE, store(p, narrow, tile, element_index(p, row, column), value)));
    case FILL_ROWS:
        return loop(
            p, "r", first, TILE_EDGE,
            loop(p, "c", zero, TILE_EDGE, store(p, narrow, tile, element_index(p, row, column), value)));
    case FILL_TILE:
        return loop(p, "word", zero, TILE_ELEMENTS * element_bytes(dtype) / 4, store(p, false, tile, ref(p, "word"), value));
    case FILL_INDEX_COLUMNS:
    case FILL_INDEX_ROWS:
        return index_body(p, helper == FILL_INDEX_COLUMNS);
    case FILL_SCALER:
        break;
    }
    int64_t face_words = FACE_EDGE * FACE_EDGE / in_word;
    struct node *index =
        make_add(p->arena, make_mul(p->arena, ref(p, "face"), number(p, face_words)), ref(p, "word"));
    return loop(p, "face", zero, 4,
                loop(p, "word", zero, FACE_EDGE / in_word, store(p, false, tile, index, value)));
}

static bool has_helper(const struct protocol *p, const char *name) {
    for (size_t i = 0; i < p->helpers.count; i++)
        if (node_as(p->helpers.items[i], function)->name == name)
            return true;
    return false;
}

static void add_helper(struct protocol *p, const char *name, struct node_list parameters, struct node *body) {
    builder_add(p->arena, &p->helpers,
                node_new(p->arena, function, FUNCTION, ((struct span){0}), .role = ROLE_HELPER, .name = name,
                         .parameters = parameters,
                         .body = make_block(p->arena, (struct span){0}, LIST(p->arena, body))));
}

/* An element of a tile copied to another place of it. */
static struct node *copy_element(struct protocol *p, int64_t bytes, struct node *to, struct node *from) {
    struct arena *a = p->arena;
    struct node *tile = ref(p, "tile"), *size = number(p, bytes);
    struct node *addresses[] = {make_add(a, tile, make_mul(a, to, size)), make_add(a, tile, make_mul(a, from, size))};
    const char *call = arena_intern(a, arena_printf(a, "l1_copy_u%d", (int)bytes * 8));
    return call_statement(p, (struct span){0}, call, 2, addresses);
}

/* In ascending order no element is overwritten before it is read: the line and where it goes meet in one element at most,
 * which is read first. */
const char *line_helper(struct protocol *p, bool columns, bool turned, enum dtype dtype) {
    int64_t bytes = element_bytes(dtype);
    bool to_column = columns != turned;
    const char *name = arena_intern(
        p->arena, arena_printf(p->arena, "%s_to_first_%s_u%d", columns ? "column" : "row",
                               to_column ? "column" : "row", (int)bytes * 8));
    if (has_helper(p, name))
        return name;
    struct arena *a = p->arena;
    struct node *zero = number(p, 0), *k = ref(p, "k"), *place = ref(p, "place");
    struct node *from = columns ? element_index(p, k, place) : element_index(p, place, k),
                *to = to_column ? element_index(p, k, zero) : element_index(p, zero, k);
    add_helper(p, name, LIST(a, parameter(p, "tile"), parameter(p, "place")),
               loop(p, "k", zero, TILE_EDGE, copy_element(p, bytes, to, from)));
    return name;
}

const char *halves_helper(struct protocol *p, enum dtype dtype) {
    int64_t bytes = element_bytes(dtype);
    struct arena *a = p->arena;
    const char *name = arena_intern(a, arena_printf(a, "exchange_halves_u%d", (int)bytes * 8));
    if (has_helper(p, name))
        return name;
    struct span none = {0};
    struct node *two = number(p, 2), *row = make_mul(a, ref(p, "pair"), two), *size = number(p, bytes),
                *word = make_mul(a, ref(p, "word"), number(p, 4)), *one = number(p, 1);
    struct node *left = make_mul(a, element_index(p, make_add(a, row, one), number(p, 0)), size),
                *right = make_mul(a, element_index(p, row, number(p, FACE_EDGE)), size);
    struct node *to = make_add(a, make_add(a, ref(p, "tile"), left), word),
                *from = make_add(a, make_add(a, ref(p, "tile"), right), word), *copied[] = {to, from},
                *stored[] = {from, ref(p, "kept")};
    struct node *kept = node_new(a, let, LET, none, .name = arena_intern(a, "kept"), .dtype = DTYPE_U32,
                                 .value = make_call(a, "l1_load_u32", LIST(a, to)));
    struct node *body = make_block(a, none,
                                   LIST(a, kept, call_statement(p, none, "l1_copy_u32", 2, copied),
                                        call_statement(p, none, "l1_store_u32", 2, stored)));
    body = make_for(a, none, "word", number(p, 0), number(p, FACE_EDGE * bytes / 4), NULL, body);
    add_helper(p, name, LIST(a, parameter(p, "tile")), loop(p, "pair", number(p, 0), TILE_EDGE / 2, body));
    return name;
}

const char *element_helper(struct protocol *p, enum dtype dtype) {
    int64_t bytes = element_bytes(dtype);
    const char *name =
        arena_intern(p->arena, arena_printf(p->arena, "element_to_first_u%d", (int)bytes * 8));
    if (has_helper(p, name))
        return name;
    struct node *from = element_index(p, ref(p, "row"), ref(p, "column"));
    add_helper(p, name, LIST(p->arena, parameter(p, "tile"), parameter(p, "row"), parameter(p, "column")),
               copy_element(p, bytes, number(p, 0), from));
    return name;
}

const char *fill_helper(struct protocol *p, enum fill_helper helper, enum dtype dtype) {
    static const char *const bases[] = {[FILL_COLUMNS] = "fill_columns",
                                        [FILL_ROWS] = "fill_rows",
                                        [FILL_TILE] = "fill_tile_words",
                                        [FILL_SCALER] = "fill_scaler",
                                        [FILL_INDEX_COLUMNS] = "fill_index_columns",
                                        [FILL_INDEX_ROWS] = "fill_index_rows"};
    bool takes_first = helper == FILL_COLUMNS || helper == FILL_ROWS;
    bool takes_value = helper != FILL_INDEX_COLUMNS && helper != FILL_INDEX_ROWS;
    bool narrow = dtype == DTYPE_BF16;
    const char *name =
        arena_intern(p->arena, helper == FILL_TILE
                                   ? arena_printf(p->arena, "%s_u%d", bases[helper], (int)element_bytes(dtype) * 8)
                                   : arena_printf(p->arena, "%s_%s", bases[helper], narrow ? "u16" : "u32"));
    if (has_helper(p, name))
        return name;
    struct list_builder parameters = {0};
    builder_add(p->arena, &parameters, parameter(p, "tile"));
    if (takes_first)
        builder_add(p->arena, &parameters, parameter(p, "first"));
    if (takes_value)
        builder_add(p->arena, &parameters, parameter(p, "value"));
    add_helper(p, name, builder_list(&parameters), helper_body(p, helper, dtype, narrow));
    return name;
}
