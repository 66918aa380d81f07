#!/usr/bin/env python3
"""Checks the house: a file includes its own room or a room on a lower floor, never a higher one, and no two rooms
include each other. Also: one base name, one file; library headers only in their wrapper rooms.
Prints what is wrong, then `N passed, N failed`."""
import os
import re
import sys

FLOORS = {'base': 0, 'net': 1, 'wire': 1, 'scheme': 2, 'keep': 2, 'store': 3, 'carry': 4, 'query': 5, 'alert': 6,
          'server': 7, 'cli': 8}
LIBRARIES = {'event2/': ('net',), 'sqlite3.h': ('store', 'keep'), 'yaml.h': ('scheme', 'alert', 'cli'),
             'xxhash.h': ('base',), 'openssl/': ('net',), 'lz4': ('store',), 'zstd': ('store',),
             'zlib.h': ('net',), 'curl/': ('net',), 'jansson.h': ('server', 'cli', 'net'), 'hiredis': ('net', 'carry')}


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'src')
    wrong, checked, arrows, places = [], 0, {}, {}
    for folder, _, files in sorted(os.walk(root)):
        for name in sorted(files):
            if not name.endswith(('.c', '.h')):
                continue
            path = os.path.relpath(os.path.join(folder, name), root)
            places.setdefault(name, []).append(path)
            room = path.split(os.sep)[0] if os.sep in path else 'main'
            floor = FLOORS.get(room, 9 if room == 'main' else None)
            checked += 1
            if floor is None:
                wrong.append(f'src/{path}: the room {room} is on no floor')
                continue
            for number, line in enumerate(open(os.path.join(folder, name), encoding='utf-8'), 1):
                found = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
                if not found:
                    continue
                target = found.group(2)
                if found.group(1) == '<':
                    for library, rooms in LIBRARIES.items():
                        if target.startswith(library) and room not in rooms:
                            wrong.append(f'src/{path}:{number}: {target} belongs behind a header of {"/".join(rooms)}')
                    continue
                other = target.split('/')[0]
                if other not in FLOORS:
                    wrong.append(f'src/{path}:{number}: "{target}" is not spelled ROOM/FILE.h')
                elif other != room and FLOORS[other] >= floor:
                    wrong.append(f'src/{path}:{number}: {room} (floor {floor}) looks up to {target}')
                elif other != room:
                    arrows.setdefault(room, set()).add(other)
    for room, others in arrows.items():
        for other in others:
            if room in arrows.get(other, ()):
                wrong.append(f'{room} and {other} include each other')
    for name, paths in places.items():
        if len(paths) > 1:
            wrong.append(f'{name} stands in several rooms: {", ".join(paths)}')
    for text in wrong:
        print(text)
    print(f'{checked - len(wrong) if len(wrong) < checked else 0} passed, {len(wrong)} failed')
    return 1 if wrong else 0


sys.exit(main())
