#!/usr/bin/env python3
"""What must not be committed: absolute paths of a machine, registry addresses in lock files, very large files,
tabs or trailing blanks in C. A case per rule."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BYTES_MAX = 2 * 1024 * 1024


def main():
    files = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, stdout=subprocess.PIPE,
                           text=True).stdout.splitlines()
    files = [f for f in files if os.path.isfile(os.path.join(ROOT, f))]
    wrong = {'paths': [], 'registry': [], 'size': [], 'blanks': []}
    home = re.compile(r'(?<![\w.])/(?:home|root|work|Users)/\w')
    for name in files:
        path = os.path.join(ROOT, name)
        if os.path.getsize(path) > BYTES_MAX:
            wrong['size'].append(name)
        try:
            text = open(path, encoding='utf-8').read()
        except UnicodeDecodeError:
            continue
        if name != 'tools/repo_check.py' and home.search(text):
            wrong['paths'].append(f'{name}: {home.search(text).group()}')
        if name.endswith('package-lock.json') and '"resolved": "http' in text:
            wrong['registry'].append(name)
        if name.endswith(('.c', '.h')) and re.search(r'\t|[ ]+$', text, re.M):
            wrong['blanks'].append(name)
    for rule, names in wrong.items():
        for name in names:
            print(f'{rule}: {name}')
    failed = sum(1 for names in wrong.values() if names)
    print(f'{len(wrong) - failed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
