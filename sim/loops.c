/* Loops of a kernel report to the device: the text is compiled with a call behind every condition of a `for` and
 * a `while` that counts the iteration and notes the loop's variable, so that a kernel without an end is stopped,
 * and a fault tells where in its loops the thread was. Lines keep their numbers, and a condition that always
 * holds is still seen to.
 *
 * Loops that a macro hides, and those of goto, are not seen.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/calls.h"
#include "sim/core.h"

/* ---- text ---- */

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Behind a quoted text that begins here. */
static const char *skip_quoted(const char *at) {
    char quote = *at++;
    for (; *at && *at != quote; ++at)
        at += *at == '\\' && at[1];
    return *at ? at + 1 : at;
}

/* Behind the comment, quoted text or word that begins here, or else behind one character. */
static const char *skip_token(const char *at) {
    if (at[0] == '/' && at[1] == '/')
        return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    if (*at == '"' || *at == '\'')
        return skip_quoted(at);
    const char *end = at;
    while (is_word(*end))
        ++end;
    return end > at ? end : at + 1;
}

/* Behind white space and comments. */
static const char *skip_blank(const char *at) {
    for (;;) {
        at += strspn(at, " \t\n");
        if (at[0] != '/' || (at[1] != '/' && at[1] != '*'))
            return at;
        at = skip_token(at);
    }
}

/* The next of these characters outside of parentheses that open from here on; NULL: there is none. */
static const char *find_outside(const char *at, const char *wanted) {
    int depth = 0;
    for (; *at; at = skip_token(at)) {
        if (depth == 0 && strchr(wanted, *at))
            return at;
        depth += (*at == '(') - (*at == ')');
    }
    return NULL;
}

/* A directive from its # on, with the lines that continue it. */
static const char *skip_directive(const char *at) {
    while (*at && *at != '\n')
        at += at[0] == '\\' && at[1] == '\n' ? 2 : 1;
    return at;
}

/* ---- loops ---- */

/* The variable that the first clause of a `for` declares, where it counts in a type of whole numbers. */
static void find_name(const char *clause, const char *end, char *name, size_t size) {
    static const char *const types[] = {"uint32_t", "int32_t", "uint16_t", "uint8_t", "int", "unsigned"};
    clause = skip_blank(clause);
    size_t type = 0, length = 0;
    while (type < sizeof types / sizeof *types &&
           (strncmp(clause, types[type], strlen(types[type])) != 0 || is_word(clause[strlen(types[type])])))
        ++type;
    if (type == sizeof types / sizeof *types)
        return;
    clause += strlen(types[type]);
    clause = skip_blank(clause);
    while (is_word(clause[length]))
        ++length;
    const char *behind = skip_blank(clause + length);
    if (length > 0 && length < size && behind < end && *behind == '=')
        snprintf(name, size, "%.*s", (int)length, clause);
}

/* What is wrapped: a condition, which may be empty, and the name of the loop's variable or "". */
struct found_loop {
    const char *condition, *end;
    char name[sizeof((struct kernel_loop *)0)->name];
};

/* The loop whose word stands here; false: none, or none that ends. */
static bool find_loop(const char *at, struct found_loop *loop) {
    bool counted = strncmp(at, "for", 3) == 0 && !is_word(at[3]);
    if (!counted && (strncmp(at, "while", 5) != 0 || is_word(at[5])))
        return false;
    const char *open = skip_blank(at + (counted ? 3 : 5));
    const char *first = *open == '(' ? find_outside(open + 1, counted ? ";)" : ")") : NULL;
    if (!first || (counted && *first != ';'))
        return false;
    loop->name[0] = '\0';
    loop->condition = open + 1;
    loop->end = first;
    if (counted) {
        find_name(open + 1, first, loop->name, sizeof loop->name);
        loop->condition = first + 1;
        loop->end = find_outside(first + 1, ";)");
    }
    return loop->end && *loop->end == (counted ? ';' : ')');
}

static bool add_loop(struct kernel_code *code, const struct found_loop *loop, uint32_t line) {
    struct kernel_loop *loops = realloc(code->loops, (code->loop_count + 1) * sizeof *loops);
    if (!loops)
        return false;
    code->loops = loops;
    loops[code->loop_count] = (struct kernel_loop){.line = line};
    memcpy(loops[code->loop_count++].name, loop->name, sizeof loop->name);
    return true;
}

char *loops_wrap(const char *text, struct kernel_code *code) {
    enum { ADDED = 192 }; /* by a loop, with its name */
    size_t loops = 0, used = 0;
    for (const char *at = text; (at = strpbrk(at, "fw")) != NULL; ++at)
        loops += strncmp(at, "for", 3) == 0 || strncmp(at, "while", 5) == 0;
    char *out = malloc(strlen(text) + loops * ADDED + 1);
    struct found_loop loop;
    bool line_begins = true;
    uint32_t line = 1;
    for (const char *at = text, *next; out && *at; at = next) {
        next = *at == '#' && line_begins ? skip_directive(at) : skip_token(at);
        if (find_loop(at, &loop)) {
            if (!add_loop(code, &loop, line)) {
                free(out);
                return NULL;
            }
            bool empty = skip_blank(loop.condition) >= loop.end;
            const char *name = loop.name[0] ? loop.name : "0u";
            used += (size_t)sprintf(
                out + used, "%.*s (%.*s%s) ? (device_loop(%zuu, %s, 1u), 1) : (device_loop(%zuu, %s, 0u), 0)",
                (int)(loop.condition - at), at, (int)(loop.end - loop.condition), loop.condition,
                empty ? "1" : "", code->loop_count, name, code->loop_count, name);
            next = loop.end;
        } else {
            memcpy(out + used, at, (size_t)(next - at));
            used += (size_t)(next - at);
        }
        for (const char *c = at; c < next; ++c) {
            line += *c == '\n';
            line_begins = *c == '\n' || (line_begins && (*c == ' ' || *c == '\t'));
        }
    }
    if (out)
        out[used] = '\0';
    return out;
}

/* ---- running ---- */

/* The loop is not the one that the thread came to last: it begins, or loops within it were left early. */
static void loop_begin(struct thread *t, uint32_t loop) {
    uint32_t depth = t->loop_depth;
    while (depth > 0 && t->loops[depth].loop != loop)
        --depth;
    if (depth > 0)
        t->loop_depth = depth;
    else if (t->loop_depth + 1 < LOOP_DEPTH)
        t->loops[++t->loop_depth].loop = loop;
}

void device_loop(uint32_t loop, uint32_t value, uint32_t holds) {
    struct thread *t = device_current;
    if (t->loops[t->loop_depth].loop != loop)
        loop_begin(t, loop);
    if (t->loops[t->loop_depth].loop == loop) {
        t->loops[t->loop_depth].value = value;
        t->loop_depth -= !holds;
    }
    count_step(t);
}

size_t loops_list(const struct thread *t, struct device_loop *loops, size_t limit) {
    const struct kernel_code *code = t->core->run->kernels[t->role];
    size_t count = 0;
    for (uint32_t i = 1; i <= t->loop_depth && count < limit; ++i) {
        const struct kernel_loop *loop = &code->loops[t->loops[i].loop - 1];
        if (!loop->name[0])
            continue;
        loops[count] = (struct device_loop){.line = loop->line, .value = t->loops[i].value};
        memcpy(loops[count++].name, loop->name, sizeof loop->name);
    }
    return count;
}

void loops_print(const struct device_loop *loops, size_t count, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < size; ++i) {
        int added = snprintf(text + used, size - used, "%s%s = %u", i ? ", " : " at ", loops[i].name,
                             (unsigned)loops[i].value);
        used += added > 0 ? (size_t)added : 0;
    }
}
