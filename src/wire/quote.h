/* quote.h: quoted values of logfmt, with backslash escapes. Pure. */
#ifndef WIRE_QUOTE_H
#define WIRE_QUOTE_H

#include "base/arena.h"

/* A value at the start of s, which starts with its opening quote. *used counts both quotes. *text is a view
 * of s when there is nothing to unescape, else of the arena. false: there is no closing quote. Escapes: \n \t
 * \r \b \f, \uXXXX (a lone surrogate becomes U+FFFD), and any other byte stands for itself. */
bool quote_read(struct str s, struct arena *arena, struct str *text, size_t *used);

#endif
