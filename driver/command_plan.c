/* `check` of a plan.json. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codegen/plan_check.h"
#include "driver/session.h"

bool session_has_plan(const struct session *session) {
    const char *text = session->text;
    size_t at = 0, length = strlen(session->path);
    while (at < session->length && isspace((unsigned char)text[at])) {
        at++;
    }
    return (at < session->length && text[at] == '{') ||
           (length >= 5 && strcmp(session->path + length - 5, ".json") == 0);
}

static void print_plan(const struct plan_facts *facts) {
    printf("plan%s%s holds, schema_version %" PRId64 "\n", *facts->kernel ? " of kernel " : "", facts->kernel,
           facts->schema_version);
    printf("  %" PRId64 " cores, no one twice\n", facts->cores);
    if (facts->blocks >= 0) {
        printf("  %" PRId64 " blocks, each computed once\n", facts->blocks);
    } else {
        printf("  blocks of open sizes, each computed once by the rule of the partition\n");
    }
    printf("  %zu tensors, %zu circular buffers\n", facts->tensors, facts->buffers);
}

enum exit_code check_plan(struct session *session) {
    struct diagnostics *diagnostics = session->unit.diagnostics;
    struct plan_facts facts;
    const struct settings *settings = session->settings;
    const char *option = settings->defines.count ? "-D"
                         : settings->kernel      ? "--kernel"
                         : settings->from        ? "--from"
                                                 : NULL;
    if (option) {
        report_error(diagnostics, (struct span){0}, "%s goes with a .tl source or IR text; '%s' is a plan",
                     option, session->path);
        return session_finish(session, SEVERITY_WARNING, false);
    }
    uint32_t source = diagnostics_add_source(diagnostics, session->path, session->text, session->length);
    if (plan_check(session->arena, diagnostics, source, &facts)) {
        print_plan(&facts);
    }
    return session_finish(session, SEVERITY_WARNING, false);
}
