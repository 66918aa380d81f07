"""dialtone itself: `import` into one folder, `POST /lines` into another, and the questions over HTTP."""
import json
import os
import subprocess
import time
import re
import urllib.parse

import questions
import workload
from child import Child, Http, post_all, repeat, tree_bytes

NOT_SEGMENT = r'(?<!\.seg)$'
NOT_DATA = r'^(ballast|lock)$|^log/'   # the log is recycled space of a fixed size; it is reported apart


class Dialtone:
    name, title, http = 'dialtone', 'dialtone', True

    def __init__(self, options):
        self.binary = options.binary
        self.child = None

    def missing(self):
        if not os.access(self.binary, os.X_OK):
            return f'{self.binary} is not built: meson setup build --buildtype=release -Db_lto=true && ninja -C build'
        return None

    def version(self):
        done = subprocess.run([self.binary, 'version'], stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.split('\n')[0].strip()

    def prepare(self, load, lines, home):
        self.samples, self.lines, self.home = load.samples, lines, home
        self.bodies = workload.write_lines(lines)[1]

    def run(self, words):
        """Runs a command to its end: seconds, CPU-seconds, MB, exit code. Memory is read while it runs: what wait4 says
        would count this script's own, before exec."""
        begin, peak = time.monotonic(), 0
        child = Child([self.binary, *words], f'{self.home}/dialtone.log')
        while not os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            try:
                peak = max(peak, child.peak_rss_mb())
            except AttributeError:  # it has just ended: no memory any more
                pass
            time.sleep(0.01)
        wall = time.monotonic() - begin
        _, status, used = os.wait4(child.pid, 0)
        child.process.returncode = os.waitstatus_to_exitcode(status)
        child.log.close()
        return wall, used.ru_utime + used.ru_stime, peak, child.process.returncode

    def load_offline(self):
        """`dialtone import`, then `dialtone merge` where there is one."""
        data = f'{self.home}/import'
        wall, cpu, rss, code = self.run(['import', '--data', data, self.lines])
        if code:
            raise RuntimeError(f'dialtone import ended with {code}')
        size = tree_bytes(data, NOT_DATA)
        _, merge_cpu, merge_rss, code = self.run(['merge', '--data', data])
        if code not in (0, 2):
            raise RuntimeError(f'dialtone merge ended with {code}')
        merged = code == 0
        return {'how': 'import' + (' and merge' if merged else ''), 'wall_s': wall, 'peak_rss_mb': max(rss, merge_rss),
                'cpu_s': cpu + (merge_cpu if merged else 0), 'bytes': tree_bytes(data, NOT_DATA) if merged else size,
                'bytes_before_merge': size, 'bytes_of_segments': tree_bytes(data, NOT_SEGMENT), 'merged': merged}

    def serve(self, data):
        self.log_path = f'{self.home}/serve.log'
        self.child = Child([self.binary, 'serve', '--data', data, '--http', '127.0.0.1:0', '--line', '127.0.0.1:0'],
                           self.log_path)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.child.process.poll() is None:
            with open(self.log_path, encoding='utf-8', errors='replace') as log:
                found = re.search(r'http://127\.0\.0\.1:(\d+)', log.read())
            if found:
                self.port = int(found.group(1))
                self.line = Http(self.port)
                return
            time.sleep(0.01)
        raise RuntimeError('dialtone serve did not start')

    def rows_stored(self):
        return sum(m['rows'] for m in json.loads(self.line.ask('GET', '/api/metrics'))['metrics'])

    def load_online(self):
        data = f'{self.home}/served'
        self.serve(data)
        begin, cpu = time.monotonic(), self.child.cpu_s()
        later = post_all(self.port, '/lines', self.lines, self.bodies, 3)
        wall = time.monotonic() - begin  # a POST is answered when its rows are synced and can be asked for
        rows = self.rows_stored()
        if rows != self.samples:
            raise RuntimeError(f'dialtone stored {rows} of {self.samples} samples')
        while True:
            self.line.ask('POST', '/api/admin/merge', fine=(200, 404, 409))
            if self.line.status != 409:   # the server's own merge is under way
                break
            time.sleep(0.1)
        merged = self.line.status < 300
        if not merged:   # this version has no merge
            self.line.ask('POST', '/api/admin/seal')
        self.child.settle()
        return {'how': 'POST of 1 MiB, 3 clients' + (', then merge' if merged else ', then seal'), 'wall_s': wall,
                'cpu_s': self.child.cpu_s() - cpu, 'bytes': tree_bytes(data, NOT_DATA), 'merged': merged,
                'bytes_of_segments': tree_bytes(data, NOT_SEGMENT),
                'bytes_beside': tree_bytes(data) - tree_bytes(data, NOT_DATA), 'asked_to_wait': later}

    def load(self):
        offline = self.load_offline()
        online = self.load_online()
        return [offline, online]

    def peak_rss_mb(self):
        return self.child.peak_rss_mb()

    def floor(self, rounds):
        def once():
            self.line.ask('GET', '/health')
            return self.line.seconds
        return repeat(once, rounds)

    def path(self, kind, truth):
        span = {'from': truth.begin - truth.begin % questions.MINUTE,
                'to': truth.end - truth.end % questions.MINUTE + questions.MINUTE}
        if kind in ('Q7a', 'Q7b'):
            field = 'account_id' if kind == 'Q7a' else 'campaign_id'
            return f'/api/fields/{field}/values?' + urllib.parse.urlencode({'limit': 10000, **span})
        query = {
            'Q1': f'{questions.ANSWERED} count avg every 1m',
            'Q2': f'{questions.ANSWERED} count avg @account_id:{truth.account} every 1m',
            'Q3': f'{questions.ANSWERED} count avg @caller_session_id:{truth.session} every 1m',
            'Q4': f'{questions.ANSWERED} p95 p99 every 1m',
            'Q5': f'{questions.ANSWERED} p95 by account_id every 52w top 10',
            'Q6': f'({questions.ERROR} / {questions.TOTAL}) every 1m',
        }[kind]
        return '/api/query?' + urllib.parse.urlencode({'q': query, **span})

    def ask(self, kind, truth):
        raw = self.line.ask('GET', self.path(kind, truth))
        return self.line.seconds, raw

    def server_ms(self, kind, raw):
        return json.loads(raw).get('took_ms')

    def answer(self, kind, raw):
        answer = json.loads(raw)
        if kind in ('Q7a', 'Q7b'):
            if len(answer['values']) < answer['distinct']:
                raise RuntimeError(f"{kind}: {len(answer['values'])} of {answer['distinct']} values came")
            return {int(v['value']): v['rows'] for v in answer['values']}
        series = {(s['stat'], s['fields'].get('account_id')): s['values'] for s in answer['series']}
        if kind == 'Q5':
            return sorted(((int(a), v[0]) for (_, a), v in series.items()), key=lambda p: (-p[1], p[0]))
        if kind == 'Q6':
            values = next(iter(series.values()))
            return {t: v for t, v in zip(answer['times'], values) if v is not None}
        if kind == 'Q4':
            if not answer['exact']:
                raise RuntimeError('the percentiles are estimates')
            one, two = series['p95', None], series['p99', None]
            return {t: (a, b) for t, a, b in zip(answer['times'], one, two) if a is not None}
        counts, means = series['count', None], series['avg', None]
        return {t: (int(n), m) for t, n, m in zip(answer['times'], counts, means) if n}

    def checks(self, kind, truth):
        """What the timed answer is compared with; other peers add questions of their own here."""
        return [('the timed answer', None, kind)]

    def stop(self):
        if self.child:
            self.child.stop()
