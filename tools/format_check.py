#!/usr/bin/env python3
"""Is every C file as .clang-format says? A case per file."""
import subprocess
import sys

passed = failed = 0
for path in sys.argv[1:]:
    done = subprocess.run(['clang-format', '--dry-run', '-Werror', path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        failed += 1
        print('\n'.join(done.stdout.splitlines()[:3]))
    else:
        passed += 1
print(f'{passed} passed, {failed} failed')
sys.exit(1 if failed else 0)
