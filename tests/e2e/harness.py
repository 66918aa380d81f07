"""What the end-to-end tests share: a server on free ports in a folder of its own, clients, and counted cases.

A test file makes cases with @case and ends with run(). Every case prints a line; the last line is `N passed, N failed`.
"""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIALTONE = os.environ.get('DIALTONE') or os.path.join(ROOT, 'build', 'dialtone')
FAST = os.environ.get('DIALTONE_FAST') or DIALTONE
if not os.path.exists(FAST):
    FAST = DIALTONE
QUICK = bool(os.environ.get('DIALTONE_TEST_QUICK'))

cases = []


class Skip(Exception):
    pass


def case(function):
    cases.append(function)
    return function


def run():
    passed = failed = skipped = 0
    only = sys.argv[1:]
    for function in cases:
        if only and function.__name__ not in only:
            continue
        try:
            function()
            passed += 1
            print(f'ok    {function.__name__}', flush=True)
        except Skip as why:
            skipped += 1
            print(f'skip  {function.__name__}: {why}', flush=True)
        except Exception:
            failed += 1
            print(f'FAIL  {function.__name__}', flush=True)
            traceback.print_exc(file=sys.stdout)
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    sys.exit(1 if failed else 0)


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix='dialtone-test-')
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def dialtone(*words, binary=None, stdin=None, env=None, timeout=120):
    return subprocess.run([binary or DIALTONE, *words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, **(env or {})}, timeout=timeout)


class Server:
    """A server of its own on free ports. Use with `with`; kill() is kill -9; stop() asks nicely."""

    def __init__(self, data, *flags, binary=None):
        self.data, self.flags, self.binary = data, flags, binary or DIALTONE
        self.process = None
        self.start()

    def start(self):
        self.log = open(os.path.join(os.path.dirname(self.data.rstrip('/')) or '.',
                                     os.path.basename(self.data) + '.log'), 'ab+')
        begin = self.log.seek(0, 2)
        self.process = subprocess.Popen(
            [self.binary, 'serve', '--data', self.data, '--http', '127.0.0.1:0', '--line', '127.0.0.1:0', *self.flags],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.log.seek(begin)
            text = self.log.read().decode(errors='replace')
            found = re.search(r'http://127\.0\.0\.1:(\d+)', text), re.search(r'lines on 127\.0\.0\.1:(\d+)', text)
            if found[0] and found[1]:
                self.port, self.line_port = int(found[0].group(1)), int(found[1].group(1))
                return
            if self.process.poll() is not None:
                raise RuntimeError(f'the server ended with {self.process.returncode}:\n{text}')
            time.sleep(0.01)
        raise RuntimeError('the server did not get ready:\n' + text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors='replace')

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        if code != 0:
            raise RuntimeError(f'the server ended with {code}:\n' + self.output()[-6000:])

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}'

    def request(self, method, path, body=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def get(self, path):
        status, _, body = self.request('GET', path)
        return status, json.loads(body)

    def post_lines(self, text, **headers):
        body = text.encode() if isinstance(text, str) else text
        status, _, reply = self.request('POST', '/lines', body, {k.replace('_', '-'): v for k, v in headers.items()})
        return status, json.loads(reply)

    def query(self, q, start='-1h', end='now', every=None):
        words = {'q': q, 'from': start, 'to': end}
        if every:
            words['every'] = every
        status, answer = self.get('/api/query?' + urllib.parse.urlencode(words))
        assert status == 200, (status, answer)
        return answer

    def total(self, q, **span):
        """Sum of the known values of all series of a query."""
        return sum(v for s in self.query(q, **span)['series'] for v in s['values'] if v is not None)

    def wait_total(self, q, wanted, seconds=20, **span):
        """Ports without an answer are read soon after, not at once: waits until the total is there."""
        deadline = time.monotonic() + seconds
        got = None
        while time.monotonic() < deadline:
            try:
                got = self.total(q, **span)
            except AssertionError as unknown:  # the name has not come yet
                got = unknown
            if got == wanted:
                return
            time.sleep(0.05)
        raise AssertionError(f'{q}: {got}, wanted {wanted}')

    def status(self):
        return self.get('/api/status')[1]

    def connect(self, port=None):
        connection = socket.create_connection(('127.0.0.1', port or self.port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def account_adds_up(status):
    lines, found = status['lines'], status['measurements']
    assert lines['received'] == lines['with'] + lines['without'] + lines['refused'], lines
    assert found['found'] == found['accepted'] + found['refused'] + found['parked'], found
    by_reason = sum(r['count'] for r in status['reasons'] if r['class'] == 'sample')
    assert by_reason == found['refused'], (by_reason, found)
    assert sum(r['count'] for r in status['reasons'] if r['class'] == 'line') == lines['refused'], status['reasons']
