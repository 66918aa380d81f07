/* number.h: decimal numbers at the front of a text, correctly rounded. Pure; any length. */
#ifndef WIRE_NUMBER_H
#define WIRE_NUMBER_H

#include "base/str.h"

/* [+-] digits [. digits] [e [+-] digits], with a digit before or behind the point. Bytes used, 0 when there
 * is no number. *out may be infinite: the number is then beyond a double. */
size_t number_read(struct str s, double *out);

/* "nan", "inf" or "infinity", with a sign or without, in any case: a number, but none that can be stored. */
bool number_is_word(struct str s);

#endif
