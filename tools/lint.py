#!/usr/bin/env python3
"""Lint of src/: warnings of cppcheck, and what this house asks of its functions: at most 90 lines each. A case per file."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FUNCTION_LINES_MAX = 90


def long_functions(path):
    """A function body starts with `{` alone in column one and ends with `}` alone in column one."""
    start, name, found = None, '', []
    lines = open(path, encoding='utf-8').read().splitlines()
    for number, line in enumerate(lines, 1):
        if line == '{':
            start, name = number, lines[number - 2]
        elif line == '}' and start:
            if number - start > FUNCTION_LINES_MAX:
                found.append(f'{path}:{start}: {number - start} lines: {name}')
            start = None
    return found


def main():
    files = sorted(os.path.join(folder, f) for folder, _, names in os.walk(os.path.join(ROOT, 'src')) for f in names
                   if f.endswith('.c'))
    wrong = [text for path in files for text in long_functions(path)]
    done = subprocess.run(['cppcheck', '-q', '-j2', '--enable=warning,performance', '--inline-suppr',
                           '--suppress=missingIncludeSystem', '--suppress=unknownMacro', '--suppress=uninitvar',
                           '--suppress=nullPointerRedundantCheck', '--template={file}:{line}: {severity}: {message} [{id}]',
                           '-DNULL=0', '-I', 'src', 'src'], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wrong += [line for line in done.stdout.splitlines() if re.match(r'src/\S+:\d+: (error|warning|performance)', line)]
    print('\n'.join(wrong))
    bad = {text.split(':')[0] for text in wrong}
    print(f'{len(files) - min(len(bad), len(files))} passed, {len(bad)} failed')
    return 1 if wrong else 0


sys.exit(main())
