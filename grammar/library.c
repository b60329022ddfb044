/* Functions that the language makes of others: the rows of library.def, and powers with a known exponent. */
#include <math.h>
#include <string.h>

#include "grammar/parse.h"
#include "grammar/resolve.h"
#include "ir/build.h"

struct library_function {
    const char *name, *parameters, *body;
};

/* Parameters are separated by commas, none of which stands elsewhere. */
static const struct library_function library[] = {
#define LIBRARY_FUNCTION(name, parameters, body) {#name, parameters, body},
#include "grammar/library.def"
};
enum { LIBRARY_COUNT = sizeof library / sizeof *library, LARGEST_POWER = 64 };

static size_t count_parameters(const char *parameters) {
    size_t count = 1;
    for (; *parameters; parameters++)
        count += *parameters == ',';
    return count;
}

/* Bodies alone name functions that begin with _. */
static bool is_visible(const struct resolver *r, const char *name) {
    return name[0] != '_' || r->in_library;
}

static const struct library_function *find(const struct resolver *r, const char *name, size_t arguments) {
    for (size_t i = 0; i < LIBRARY_COUNT; i++)
        if (strcmp(library[i].name, name) == 0 && is_visible(r, name) &&
            count_parameters(library[i].parameters) == arguments)
            return &library[i];
    return NULL;
}

bool library_has(const struct resolver *r, const char *name, size_t arguments) {
    return find(r, name, arguments) != NULL;
}

const char *library_counts(struct resolver *r, const char *name) {
    const char *counts = NULL;
    for (size_t i = 0; i < LIBRARY_COUNT; i++)
        if (strcmp(library[i].name, name) == 0 && is_visible(r, name))
            counts = arena_printf(r->arena, "%s%s%zu", counts ? counts : "", counts ? " or " : "",
                                  count_parameters(library[i].parameters));
    return counts;
}

size_t library_names(const char **names) {
    size_t count = 0;
    for (size_t i = 0; i < LIBRARY_COUNT; i++)
        if (library[i].name[0] != '_' && (i == 0 || strcmp(library[i].name, library[i - 1].name) != 0)) {
            if (names)
                names[count] = library[i].name;
            count++;
        }
    return count;
}

static bool set_span(struct node *node, void *context) {
    node->span = *(const struct span *)context;
    return node_each_child(node, set_span, context);
}

/* `def name(parameters) = body;`, with the place of the call everywhere: messages are about what the author wrote. */
static struct value expand_text(struct resolver *r, const char *name, const char *parameters,
                                const char *body, struct value *arguments, struct span span) {
    struct diagnostics *diagnostics = diagnostics_create(r->arena);
    const char *text = arena_printf(r->arena, "def f(%s) = %s;", parameters, body);
    uint32_t file = diagnostics_add_source(diagnostics, name, text, strlen(text));
    struct parsed parsed = parse_source(r->arena, diagnostics, file);
    struct item *item = arena_allocate(r->arena, sizeof *item);
    *item = (struct item){.tree = parsed.items.items[0], .name = name};
    set_span(item->tree, &span);
    bool before = r->in_library;
    r->in_library = true;
    struct value value = expand_definition(r, item, arguments, span);
    r->in_library = before;
    return value;
}

/* x to the power of a whole number from 1 on: squares, and products with x where the power is odd. */
static const char *power_text(struct arena *arena, int64_t power) {
    if (power == 1)
        return "x";
    const char *half = power_text(arena, power / 2);
    return arena_printf(arena, power % 2 ? "(square(%s) * x)" : "square(%s)", half);
}

static const char *whole_power_text(struct arena *arena, int64_t power) {
    const char *text = "x";
    for (int64_t i = 1; i < power; i++)
        text = arena_printf(arena, "%s * x", text);
    return text;
}

/* The power with a literal for an exponent as a body in x; NULL: as for any exponent. */
static const char *known_power(struct resolver *r, const struct value *base, const struct value *exponent) {
    double power;
    if (!literal_value(exponent->node, &power))
        return NULL;
    bool whole = power == floor(power) && fabs(power) <= LARGEST_POWER;
    if (whole && dtype_is_integer(base->dtype) && power >= 1)
        return whole_power_text(r->arena, (int64_t)power);
    if (power == 0)
        return "1.0";
    if (whole)
        return power > 0 ? power_text(r->arena, (int64_t)power)
                         : arena_printf(r->arena, "recip(%s)", power_text(r->arena, (int64_t)-power));
    return power == 0.5            ? "sqrt(x)"
           : power == -0.5         ? "rsqrt(x)"
           : power != floor(power) ? arena_printf(r->arena, "exp(%.17g * log(x))", power)
                                   : NULL;
}

static struct value expand_row(struct resolver *r, const char *name, struct value *arguments, size_t count,
                               struct span span) {
    const struct library_function *function = find(r, name, count);
    const char *power = strcmp(name, "pow") == 0 ? known_power(r, &arguments[0], &arguments[1]) : NULL;
    if (power)
        return expand_text(r, name, "x", power, arguments, span);
    return expand_text(r, name, function->parameters, function->body, arguments, span);
}

struct value library_call(struct resolver *r, struct node_call *call) {
    size_t count = call->arguments.count;
    struct value *arguments = arena_allocate(r->arena, (count + 1) * sizeof *arguments);
    for (size_t i = 0; i < count; i++) {
        arguments[i] = resolve_expression(r, call->arguments.items[i]);
        if (!arguments[i].node)
            return poison(call->base.span);
    }
    return expand_row(r, call->function, arguments, count, call->base.span);
}

/* Where the divisor is a power of two, the quotient is exact. */
struct value library_remainder(struct resolver *r, struct value a, struct value b, struct span span) {
    struct value operands[] = {a, b};
    double divisor;
    int exponent;
    bool exact = literal_value(b.node, &divisor) && fabs(frexp(divisor, &exponent)) == 0.5;
    return expand_text(r, "%", "x, y", exact ? "x - floor(x / y) * y" : "_remainder(x, y)", operands, span);
}
