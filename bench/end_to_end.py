#!/usr/bin/env python3
"""Figures of the whole product on the demo's workload: import, ingest over HTTP, queries, start. Prints them; asserts
nothing.

    bench/end_to_end.py [--samples 10000000] [--span 8h] [--rounds 5] [--binary build/dialtone]

Build with `meson setup build --buildtype=release -Db_lto=true` first (./run does). Loopback only; everything lies in a temporary
folder. Wall times are medians of the rounds with the smallest and largest in brackets; CPU is of the process alone.
"""
import argparse
import http.client
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START = '2026-01-05T08:00:00Z'

QUERIES = [
    ('floor: GET /health', None, None),
    ('Q1 one metric, whole system, per minute, count and mean', 'dialer.contact.answered count avg every 1m', None),
    ('Q2 the same, one account', 'dialer.contact.answered count avg @account_id:{account} every 1m', None),
    ('Q3 the same, one call session', 'dialer.contact.answered count avg @caller_session_id:{session} every 1m', None),
    ('Q4 p95 and p99 per minute, exact', 'dialer.contact.answered p95 p99 every 1m', None),
    ('Q5 top 10 accounts by p95', 'dialer.contact.answered p95 by account_id every 1d top 10', None),
    ('Q6 ratio of two counts per minute', '(dialer.requests.total / dialer.responses.completed) every 1m', None),
    ('Q7 field values: accounts', None, '/api/fields/account_id/values?limit=1000'),
    ('Q7 field values: campaigns', None, '/api/fields/campaign_id/values?limit=1000'),
]


def say(what, value):
    print(f'{what:<62} {value}', flush=True)


def spread(values, unit, scale=1.0):
    values = sorted(v * scale for v in values)
    return f'{statistics.median(values):10.2f} {unit}  [{values[0]:.2f} .. {values[-1]:.2f}]'


def tree_bytes(folder, pattern):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names
               if re.search(pattern, os.path.join(at, name)))


class Server:
    def __init__(self, binary, data):
        begin = time.monotonic()
        self.process = subprocess.Popen([binary, 'serve', '--data', data, '--http', '127.0.0.1:0', '--line', '127.0.0.1:0'],
                                        stderr=subprocess.PIPE, text=True)
        while True:
            line = self.process.stderr.readline()
            found = re.search(r'http://127\.0\.0\.1:(\d+)', line)
            if found:
                break
            if not line:
                raise SystemExit('the server did not start')
        self.started_s = time.monotonic() - begin
        self.port = int(found.group(1))
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def cpu_s(self):
        fields = open(f'/proc/{self.process.pid}/stat').read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def peak_rss_mb(self):
        return int(re.search(r'VmHWM:\s+(\d+)', open(f'/proc/{self.process.pid}/status').read()).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def import_rounds(binary, lines, samples, rounds, home):
    walls, cpus, rss = [], [], 0
    for n in range(rounds):
        data = f'{home}/import{n}'
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([binary, 'import', '--data', data, lines], check=True, stdout=subprocess.DEVNULL)
        walls.append(time.monotonic() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        rss = after.ru_maxrss / 1024
        if n:
            shutil.rmtree(data)
    say('import, M samples per wall second', spread([samples / w / 1e6 for w in walls], 'M/s'))
    say('import, M samples per CPU-second', spread([samples / c / 1e6 for c in cpus], 'M/s'))
    say('import, peak memory', f'{rss:10.1f} MB')
    size = tree_bytes(f'{home}/import0', r'\.seg$|catalog')
    say('files and catalog, bytes per sample', f'{size / samples:10.2f} B')


def bodies_of(lines, size=1 << 20):
    text = open(lines, 'rb').read()
    at, bodies = 0, []
    while at < len(text):
        end = text.rfind(b'\n', at, at + size) + 1 or len(text)
        bodies.append(text[at:end])
        at = end
    return bodies


def post_all(port, bodies, at, lock, failures):
    connection = http.client.HTTPConnection('127.0.0.1', port)
    while True:
        with lock:
            if at[0] >= len(bodies):
                return
            body = bodies[at[0]]
            at[0] += 1
        while True:
            connection.request('POST', '/lines', body)
            reply = connection.getresponse()
            reply.read()
            if reply.status == 200:
                break
            failures.append(reply.status)
            time.sleep(0.05)


def http_round(binary, lines, samples, home, clients=3):
    bodies = bodies_of(lines)
    server = Server(binary, f'{home}/http')
    at, lock, failures = [0], threading.Lock(), []
    begin, cpu = time.monotonic(), server.cpu_s()
    threads = [threading.Thread(target=post_all, args=(server.port, bodies, at, lock, failures)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, cpu = time.monotonic() - begin, server.cpu_s() - cpu
    say('POST /lines of 1 MiB, M samples per wall second (client shares the cores)', f'{samples / wall / 1e6:10.2f} M/s')
    say('POST /lines of 1 MiB, M samples per server CPU-second', f'{samples / cpu / 1e6:10.2f} M/s')
    say('server, peak memory', f'{server.peak_rss_mb():10.1f} MB')
    if failures:
        say('answers that asked to come back later', len(failures))
    return server


def ask(port, path):
    connection = http.client.HTTPConnection('127.0.0.1', port)
    connection.connect()
    times = []

    def once():
        begin = time.perf_counter()
        connection.request('GET', path)
        reply = connection.getresponse()
        body = reply.read()
        times.append(time.perf_counter() - begin)
        if reply.status != 200:
            raise SystemExit((path, reply.status, body[:300]))
        return body
    return once, times


def query_rounds(server, rounds, span_end):
    values = json.loads(ask(server.port, '/api/fields/account_id/values?limit=20&from=' + START)[0]())['values']
    account = values[min(10, len(values) - 1)]['value']
    sessions = json.loads(ask(server.port, '/api/fields/caller_session_id/values?limit=5&from=' + START)[0]())['values']
    for name, query, path in QUERIES:
        if query:
            query = query.format(account=account, session=sessions[0]['value'])
            path = '/api/query?' + urllib.parse.urlencode({'q': query, 'from': START, 'to': span_end})
        elif path:
            path += '&from=' + START + '&to=' + span_end
        else:
            path = '/health'
        once, times = ask(server.port, path)
        for _ in range(max(rounds, 5)):
            once()
        say(name, spread(times, 'ms', 1e3))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--samples', type=int, default=10_000_000)
    parser.add_argument('--span', default='8h')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--binary', default=os.path.join(ROOT, 'build', 'dialtone'))
    words = parser.parse_args()
    home = tempfile.mkdtemp(prefix='dialtone-bench-')
    try:
        lines = home + '/lines'
        with open(lines, 'wb') as out:
            subprocess.run([words.binary, 'demo', '--emit', str(words.samples), '--seed', '1', '--span', words.span,
                            '--start', START], stdout=out, check=True)
        say('workload', f'{words.samples / 1e6:g} M samples over {words.span}, {os.path.getsize(lines) / 1e6:.0f} MB of lines; '
            f'load of the machine {os.getloadavg()[0]:.1f}')
        import_rounds(words.binary, lines, words.samples, words.rounds, home)
        server = http_round(words.binary, lines, words.samples, home)
        end = '2026-01-06T08:00:00Z'
        query_rounds(server, words.rounds, end)
        server.stop()
        again = Server(words.binary, f'{home}/http')
        say('start after a clean stop', f'{again.started_s * 1e3:10.1f} ms')
        again.process.kill()
        again.process.wait()
        again = Server(words.binary, f'{home}/http')
        say('start after kill -9', f'{again.started_s * 1e3:10.1f} ms')
        again.stop()
    finally:
        shutil.rmtree(home)


main()
