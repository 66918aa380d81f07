#!/usr/bin/env python3
"""Runs one fuzzer for some seconds on a copy of its corpus: run_one.py EXECUTABLE SECONDS. With 0 seconds it only runs what
is in the corpus. One case."""
import os
import shutil
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
program, seconds = sys.argv[1], sys.argv[2]
name = os.path.basename(program)[5:]
with tempfile.TemporaryDirectory() as folder:
    corpus = os.path.join(folder, 'corpus')
    seeds = os.path.join(here, 'corpus', name)
    if os.path.isdir(seeds):
        shutil.copytree(seeds, corpus)
    else:
        os.mkdir(corpus)
    done = subprocess.run([program, '-runs=0' if seconds == '0' else f'-max_total_time={seconds}', '-timeout=20', '-rss_limit_mb=3000', '-verbosity=0',
                           f'-artifact_prefix={folder}/', corpus],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
    print(done.stdout[-4000:])
    if done.returncode:
        for found in sorted(os.listdir(folder)):
            if found != 'corpus':
                data = open(os.path.join(folder, found), 'rb').read()
                print(f'{found}: {len(data)} bytes, hex {data[:2000].hex()}')
    print('1 passed, 0 failed' if done.returncode == 0 else '0 passed, 1 failed')
    sys.exit(1 if done.returncode else 0)
