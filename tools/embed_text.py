#!/usr/bin/env python3
"""embed_text.py IN OUT FUNCTION HEADER: a C file with FUNCTION() that returns the bytes of IN as a struct str."""
import sys

source, target, function, header = sys.argv[1:]
data = open(source, 'rb').read()
with open(target, 'w', encoding='ascii') as out:
    out.write(f'#include "{header}"\n\nstatic const unsigned char text[] = {{\n')
    for at in range(0, len(data), 24):
        out.write('    ' + ' '.join(f'{byte},' for byte in data[at:at + 24]) + '\n')
    out.write('};\n\n')
    out.write(f'struct str {function}(void)\n{{\n    return str_make((const char *)text, sizeof text);\n}}\n')
