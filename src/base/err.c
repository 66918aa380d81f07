#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

const char *err_text(enum err err)
{
    static const char *const texts[] = {
#define X(name, text) text,
        ERR_LIST(X)
#undef X
    };
    return (unsigned)err < ERR_COUNT ? texts[err] : "unknown error";
}

enum err why_set(struct why *why, enum err err, const char *format, ...)
{
    if (why) {
        va_list args;
        va_start(args, format);
        why->err = err;
        why->line = why->column = 0;
        vsnprintf(why->text, sizeof why->text, format, args);
        va_end(args);
    }
    return err;
}

enum err why_set_at(struct why *why, enum err err, uint32_t line, uint32_t column, const char *format, ...)
{
    if (why) {
        va_list args;
        va_start(args, format);
        why->err = err;
        why->line = line;
        why->column = column;
        vsnprintf(why->text, sizeof why->text, format, args);
        va_end(args);
    }
    return err;
}

enum err why_wrap(struct why *why, enum err err, const char *format, ...)
{
    if (why) {
        char before[sizeof why->text];
        char whole[2 * sizeof why->text + 4];
        va_list args;
        va_start(args, format);
        vsnprintf(before, sizeof before, format, args);
        va_end(args);
        snprintf(whole, sizeof whole, "%s: %s", before, why->text);
        snprintf(why->text, sizeof why->text, "%.*s", (int)sizeof why->text - 1, whole);
        why->err = err;
    }
    return err;
}
