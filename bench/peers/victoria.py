"""VictoriaMetrics 1.79.5, Debian's package. Every field is a label, so every call session is some new series.

In as InfluxDB lines, the form nearest to ours: several measurements share a time and tags. Questions in MetricsQL.
`offset 1ms` turns its windows (t - 1m, t] into our [t - 1m, t). It has no percentile over samples of many series: Q4 and
Q5 are asked of its histograms (18 buckets a decade, so up to 14 % off), which is another, easier question; the exact
ones are not compared.
"""
import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse

import questions
import workload
from child import Child, Http, free_port, post_all, repeat, tree_bytes, wait_http

BUCKET = 10 ** (1 / 18) * 1.001   # width of a bucket, and a little for interpolation at its edge


class Victoria:
    name, title, http = 'victoria', 'VictoriaMetrics 1.79.5', True

    def __init__(self, options):
        self.binary, self.child = shutil.which('victoria-metrics'), None

    def missing(self):
        return None if self.binary else 'not installed: apt-get install victoria-metrics (and stop its service)'

    def version(self):
        done = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', 'victoria-metrics'], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
        return done.stdout or 'unknown'

    def prepare(self, load, lines, home):
        self.samples = load.samples
        self.data = f'{home}/vm'
        self.file, self.bodies = workload.write_influx(load, f'{home}/influx')
        self.port = free_port()
        self.child = Child([self.binary, f'-storageDataPath={self.data}', f'-httpListenAddr=127.0.0.1:{self.port}',
                            '-retentionPeriod=100y', '-influxSkipMeasurement', '-loggerLevel=ERROR',
                            '-search.maxUniqueTimeseries=100000000', '-search.maxSamplesPerQuery=10000000000',
                            '-search.maxQueryDuration=10m', '-search.latencyOffset=0s',
                            '-search.maxTagValues=10000000'], f'{home}/vm.log')
        wait_http(self.port, '/health', self.child)
        self.line = Http(self.port)

    def own(self, pattern):
        text = self.line.ask('GET', '/metrics').decode()
        return sum(float(v) for v in re.findall(rf'(?m)^{pattern} (\S+)$', text))

    def load(self):
        begin, cpu = time.monotonic(), self.child.cpu_s()
        post_all(self.port, '/write?precision=ms', self.file, self.bodies, 3, again=(503,))
        self.line.ask('GET', '/internal/force_flush')
        while self.own(r'vm_rows\{type="storage/\w+"\}') < self.samples:
            if time.monotonic() - begin > 3600:
                raise RuntimeError('VictoriaMetrics never showed all samples')
            time.sleep(0.05)
        wall = time.monotonic() - begin
        self.line.ask('GET', '/internal/force_merge')
        time.sleep(1)
        while self.own(r'vm_active_(?:force_)?merges(?:\{[^}]*\})?'):
            time.sleep(0.1)
        self.child.settle(3.0)
        rows = int(self.own(r'vm_rows\{type="storage/\w+"\}'))
        if rows != self.samples:
            raise RuntimeError(f'VictoriaMetrics stored {rows} of {self.samples} samples')
        parts = {part: tree_bytes(os.path.join(self.data, part)) for part in ('data', 'indexdb')}
        return [{'how': 'InfluxDB lines, 3 clients, then force_merge', 'wall_s': wall,
                 'cpu_s': self.child.cpu_s() - cpu, 'bytes': sum(parts.values()), 'bytes_of': parts, 'merged': True}]

    def peak_rss_mb(self):
        return self.child.peak_rss_mb()

    def floor(self, rounds):
        def once():
            self.line.ask('GET', '/health')
            return self.line.seconds
        return repeat(once, rounds)

    def expression(self, kind, truth):
        def over(function, metric, labels='', window='1m'):
            return f'{function}({{__name__="{metric}"{labels}}}[{window}] offset 1ms)'

        def count_and_mean(labels):
            n = f"sum({over('count_over_time', questions.ANSWERED, labels)})"
            total = f"sum({over('sum_over_time', questions.ANSWERED, labels)})"
            return f'(alias({n}, "count"), alias({total} / {n}, "mean"))'

        if kind == 'Q4':
            buckets = f"sum({over('histogram_over_time', questions.ANSWERED)}) by (vmrange)"
            return f'(alias(histogram_quantile(0.95, {buckets}), "p95"), alias(histogram_quantile(0.99, {buckets}), "p99"))'
        if kind == 'Q5':
            window = f'{(truth.end - truth.begin) // questions.MINUTE + 2}m'
            buckets = f"sum({over('histogram_over_time', questions.ANSWERED, '', window)}) by (account_id, vmrange)"
            return f'topk(10, histogram_quantile(0.95, {buckets}))'
        if kind == 'Q6':
            error, total = (f"sum({over('sum_over_time', m)})" for m in (questions.ERROR, questions.TOTAL))
            return f'({error} default 0) / {total}'
        return count_and_mean({'Q1': '', 'Q2': f',account_id="{truth.account}"',
                               'Q3': f',caller_session_id="{truth.session}"'}[kind])

    def path(self, kind, truth):
        minute = questions.MINUTE
        first, last = truth.begin // minute * 60, truth.end // minute * 60 + 60
        if kind in ('Q7a', 'Q7b'):
            field = 'account_id' if kind == 'Q7a' else 'campaign_id'
            return f'/api/v1/label/{field}/values?' + urllib.parse.urlencode({'start': first, 'end': last})
        words = {'query': self.expression(kind, truth)}
        if kind == 'Q5':
            return '/api/v1/query?' + urllib.parse.urlencode({**words, 'time': last})
        return '/api/v1/query_range?' + urllib.parse.urlencode({**words, 'start': first + 60, 'end': last, 'step': '60s'})

    def ask(self, kind, truth):
        raw = self.line.ask('GET', self.path(kind, truth))
        return self.line.seconds, raw

    def server_ms(self, kind, raw):
        return None

    def answer(self, kind, raw):
        data = json.loads(raw)['data']
        if kind in ('Q7a', 'Q7b'):
            return {int(v): None for v in data}
        if kind == 'Q5':
            pairs = [(int(r['metric']['account_id']), float(r['value'][1])) for r in data['result']]
            return sorted(pairs, key=lambda p: (-p[1], p[0]))
        columns = {r['metric'].get('__name__', ''): {round(t * 1000) - questions.MINUTE: float(v) for t, v in r['values']}
                   for r in data['result']}
        if kind == 'Q6':
            return columns.get('', {})
        one, two = ('p95', 'p99') if kind == 'Q4' else ('count', 'mean')
        return {m: (v, columns[two][m]) for m, v in columns.get(one, {}).items()}

    def checks(self, kind, truth):
        if kind in ('Q4', 'Q5'):
            return [('an estimate by histogram, within a bucket', 'estimate', kind)]
        return [('the timed answer' + (', names only' if kind in ('Q7a', 'Q7b') else ''), None, kind)]

    def stop(self):
        if self.child:
            self.child.stop()
