#!/usr/bin/env python3
"""Is every C file as .clang-format says? A case per file."""
import subprocess
import sys

AT_ONCE = 40


def wrong_among(paths):
    """Names of the files that clang-format would change."""
    done = subprocess.run(['clang-format', '--dry-run', '-Werror', *paths], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode == 0:
        return set()
    print('\n'.join(done.stdout.splitlines()[:12]))
    named = {path for path in paths if f'{path}:' in done.stdout}
    return named or set(paths)


def main():
    paths = sys.argv[1:]
    wrong = set()
    for at in range(0, len(paths), AT_ONCE):
        wrong |= wrong_among(paths[at:at + AT_ONCE])
    print(f'{len(paths) - len(wrong)} passed, {len(wrong)} failed')
    return 1 if wrong else 0


sys.exit(main())
