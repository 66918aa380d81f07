#!/usr/bin/env python3
"""Runs every suite, shows a line per suite, and ends with the sum: `N passed, N failed[, N skipped]`.

Usage: tests/run.py [quick] [SUITE...]     suites: see `tests/run.py list`
A suite is a command; its cases are counted from what it prints: cmocka's PASSED/FAILED lines, or a closing line
`N passed, N failed[, N skipped]`. A suite that exits badly without a failed case counts as one failed case.
"""
import glob
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, 'build-test', 'log')
COUNT = re.compile(r'^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$', re.M)


def shell(*argv, cwd=ROOT, **options):
    return subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors='replace', **options)


def count_cases(text, code):
    passed = failed = skipped = 0
    closing = COUNT.findall(text)
    if closing:
        passed, failed, skipped = (int(n or 0) for n in closing[-1])
    else:
        passed = sum(int(n) for n in re.findall(r'\[  PASSED  \] (\d+) test', text))
        failed = sum(int(n) for n in re.findall(r'\[  FAILED  \][^\n]*?: (\d+) test', text))
        skipped = sum(int(n) for n in re.findall(r'\[  SKIPPED \][^\n]*?: (\d+) test', text))
    if code != 0 and failed == 0:
        failed = 1
    if code == 0 and passed + skipped == 0:
        failed = 1
        text += '\nno case was counted\n'
    return passed, failed, skipped, text


class Run:
    def __init__(self, quick, only):
        self.quick, self.only = quick, only
        self.passed = self.failed = self.skipped = 0
        self.bad = []
        os.makedirs(OUT, exist_ok=True)

    def wanted(self, name):
        return not self.only or name in self.only or name.split('/')[0] in self.only

    def suite(self, name, argv, **options):
        if not self.wanted(name):
            return
        start = time.monotonic()
        try:
            done = shell(*argv, timeout=options.pop('timeout', 900), **options)
            text, code = done.stdout, done.returncode
        except subprocess.TimeoutExpired as late:
            out = late.stdout or b''
            text, code = (out.decode(errors='replace') if isinstance(out, bytes) else out) + '\ntook too long\n', 1
        except FileNotFoundError as lost:
            text, code = f'{lost}\n', 1
        passed, failed, skipped, text = count_cases(text, code)
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        with open(os.path.join(OUT, name.replace('/', '_') + '.log'), 'w', encoding='utf-8') as log:
            log.write(text)
        note = f', {skipped} skipped' if skipped else ''
        print(f'{"FAIL" if failed else "ok  "} {name:<34} {passed} passed, {failed} failed{note}'
              f'   ({time.monotonic() - start:.1f} s)', flush=True)
        if failed:
            self.bad.append(name)
            tail = text.strip().splitlines()[-40:]
            print('\n'.join('     | ' + line for line in tail), flush=True)
        return failed == 0

    def build(self, folder, env, *options):
        """Configures and builds one tree; a failure is one failed case and ends the run."""
        path = os.path.join(ROOT, folder)
        start = time.monotonic()
        if not os.path.exists(os.path.join(path, 'build.ninja')):
            done = shell('meson', 'setup', folder, *options, env={**os.environ, **env})
            if done.returncode:
                print(done.stdout[-4000:])
                self.failed += 1
                return False
        done = shell('ninja', '-C', folder)
        if done.returncode:
            lines = [line for line in done.stdout.splitlines() if re.search(r'error|warning|FAILED|undefined', line)]
            print('\n'.join(lines[:40]) or done.stdout[-4000:])
            print(f'FAIL build {folder}')
            self.failed += 1
            return False
        print(f'ok   build {folder}   ({time.monotonic() - start:.1f} s)', flush=True)
        return True


def tests_of(folder):
    """The unit tests that the build knows, by room: [(name, executable, args)]."""
    done = shell('meson', 'introspect', folder, '--tests')
    return [(t['suite'][0].split(':')[-1] if t['suite'] else '', t['name'], t['cmd']) for t in json.loads(done.stdout)]


def sources():
    listed = shell('git', 'ls-files', '-co', '--exclude-standard', '*.c', '*.h').stdout.split()
    return [f for f in listed if os.path.exists(os.path.join(ROOT, f))]


def static(run):
    run.suite('static/format', ['python3', 'tools/format_check.py'] + sources())
    run.suite('static/floors', ['python3', 'tools/floors.py'])
    run.suite('static/repo', ['python3', 'tools/repo_check.py'])
    if not run.quick:
        run.suite('static/lint', ['python3', 'tools/lint.py'], timeout=600)


def unit(run, folder, label, env, only=None, timeout=600):
    for _, name, command in tests_of(folder):
        if only and name not in only:
            continue
        run.suite(f'{label}/{name}', command, env={**os.environ, **env}, timeout=timeout, cwd=os.path.join(ROOT, folder))


def fuzz(run, seconds):
    for path in sorted(glob.glob(os.path.join(ROOT, 'build-test', 'tests', 'fuzz', '**', 'fuzz_*'), recursive=True)):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            run.suite('fuzz/' + os.path.basename(path)[5:], ['python3', 'tests/fuzz/run_one.py', path, str(seconds)])


# What several threads touch; the rest has no business under the thread sanitizer.
THREADED = {'scheme_names', 'work_pool', 'store_threads', 'loop', 'http_server', 'intern', 'ports', 'client', 'crew',
            'query_workers'}

# End-to-end suites that `quick` leaves out.
SLOW = {'demo', 'fleet', 'full_disk', 'limits', 'send', 'send_trouble', 'stop'}

ASAN = {'ASAN_OPTIONS': 'detect_leaks=1:abort_on_error=0:allocator_may_return_null=1',
        'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1'}
TSAN = {'TSAN_OPTIONS': 'halt_on_error=0:second_deadlock_stack=1:exitcode=66'}


def main():
    words = sys.argv[1:]
    quick = 'quick' in words
    run = Run(quick, [w for w in words if w != 'quick'])
    start = time.monotonic()
    static(run)
    good = run.build('build-test', {'CC': 'clang', 'CC_LD': 'bfd'}, '--buildtype=debugoptimized', '-Dtests=true',
                     '-Dfuzz=true', '-Db_sanitize=address,undefined', '-Db_lundef=false')
    if good:
        unit(run, 'build-test', 'unit', {**ASAN, 'DIALTONE_TEST_QUICK': '1' if quick else ''})
        fuzz(run, 0 if quick else 4)
    # The release binary is what the heavy cases ask for; without one they take the slow one.
    if good and (not quick or os.path.exists(os.path.join(ROOT, 'build', 'build.ninja'))):
        # As ./run builds it.
        lto = 'false' if 'clang' in os.environ.get('CC', '') else 'true'
        run.build('build', {}, '--buildtype=release', f'-Db_lto={lto}')
    if good and not quick:
        if run.build('build-tsan', {'CC': 'clang'}, '--buildtype=debugoptimized', '-Dtests=true', '-Dpage=false',
                     '-Db_sanitize=thread', '-Db_lundef=false'):
            unit(run, 'build-tsan', 'tsan', TSAN, THREADED)
    if good:
        env = {**os.environ, **ASAN, 'DIALTONE': os.path.join(ROOT, 'build-test', 'dialtone'),
               'DIALTONE_FAST': os.path.join(ROOT, 'build', 'dialtone'), 'DIALTONE_TEST_QUICK': '1' if quick else ''}
        for path in sorted(glob.glob(os.path.join(ROOT, 'tests', 'e2e', 'test_*.py'))):
            if quick and os.path.basename(path)[5:-3] in SLOW:
                continue
            run.suite('e2e/' + os.path.basename(path)[5:-3], ['python3', path], env=env, timeout=900)
        if not quick:
            for path in sorted(glob.glob(os.path.join(ROOT, 'tests', 'e2e', 'test_*.mjs'))):
                run.suite('e2e/' + os.path.basename(path)[5:-4], ['node', path], env=env, timeout=600)
    print(f'took {time.monotonic() - start:.0f} s; logs in build-test/log/')
    if run.bad:
        print('failed: ' + ' '.join(run.bad))
    print(f'{run.passed} passed, {run.failed} failed' + (f', {run.skipped} skipped' if run.skipped else ''))
    return 1 if run.failed or not run.passed else 0


sys.exit(main())
