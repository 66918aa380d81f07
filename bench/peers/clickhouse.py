"""ClickHouse 18.16, Debian's package: a server of its own on loopback, with Debian's limits and zstd as its codec.

The table is ordered for these questions: metric, account, campaign, session, time. This version has no codecs of
columns, no DateTime64 and no skip indexes; LowCardinality is an experiment that works. Inserts of half a million rows as
RowBinary (Native cannot fill LowCardinality here), over two connections.
"""
import json
import os
import shutil
import time
import urllib.parse

import questions
import workload
from child import Child, Http, free_port, post_all, repeat, wait_http

CONFIG = '''<yandex>
  <logger><level>error</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host><http_port>{http}</http_port><tcp_port>{tcp}</tcp_port>
  <path>{home}/ch/</path><tmp_path>{home}/ch/tmp/</tmp_path><user_files_path>{home}/ch/files/</user_files_path>
  <format_schema_path>{home}/ch/schemas/</format_schema_path>
  <users_config>{home}/ch-users.xml</users_config><default_profile>default</default_profile>
  <default_database>default</default_database><mark_cache_size>1073741824</mark_cache_size>
  <keep_alive_timeout>60</keep_alive_timeout>
  <compression><case><min_part_size>0</min_part_size><min_part_size_ratio>0</min_part_size_ratio>
    <method>zstd</method></case></compression>
</yandex>
'''
USERS = '''<yandex>
  <profiles><default><max_memory_usage>10000000000</max_memory_usage>
    <allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type></default></profiles>
  <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
    <quota>default</quota></default></users>
  <quotas><default></default></quotas>
</yandex>
'''
TABLE = '''CREATE TABLE samples (day Date, hour UInt8, ms UInt32, metric LowCardinality(String),
  host LowCardinality(String), account_id UInt32, campaign_id UInt32, caller_session_id UInt64,
  campaign_type LowCardinality(String), caller_session_type LowCardinality(String),
  caller_phone_type LowCardinality(String), process LowCardinality(String), v Float64)
ENGINE = MergeTree PARTITION BY day ORDER BY (metric, account_id, campaign_id, caller_session_id, day, hour, ms)'''
COLUMNS = ('(day, hour, ms, metric, host, account_id, campaign_id, caller_session_id, campaign_type, '
           'caller_session_type, caller_phone_type, process, v)')

RANKS = 'arraySort(groupArray(v)) AS s, length(s) AS n'


def statement(kind, truth, minute):
    """SQL of a question; `minute` is the expression of minutes since the epoch. Also used for newer versions."""
    answered = f"metric = '{questions.ANSWERED}'"
    return {
        'Q1': f'SELECT {minute} AS m, count(), avg(v) FROM samples WHERE {answered} GROUP BY m ORDER BY m',
        'Q2': f'SELECT {minute} AS m, count(), avg(v) FROM samples WHERE {answered} AND account_id = {truth.account} '
              'GROUP BY m ORDER BY m',
        'Q3': f'SELECT {minute} AS m, count(), avg(v) FROM samples WHERE {answered} AND '
              f'caller_session_id = {truth.session} GROUP BY m ORDER BY m',
        'Q4': f'SELECT {minute} AS m, quantilesExact(0.95, 0.99)(v) FROM samples WHERE {answered} GROUP BY m ORDER BY m',
        'Q4 ranks': f'SELECT m, [s[intDiv(95 * n + 99, 100)], s[intDiv(99 * n + 99, 100)]] FROM '
                    f'(SELECT {minute} AS m, {RANKS} FROM samples WHERE {answered} GROUP BY m) ORDER BY m',
        'Q5': f'SELECT account_id, quantileExact(0.95)(v) AS p FROM samples WHERE {answered} GROUP BY account_id '
              'ORDER BY p DESC, account_id LIMIT 10',
        'Q5 ranks': f'SELECT account_id, s[intDiv(95 * n + 99, 100)] AS p FROM (SELECT account_id, {RANKS} FROM samples '
                    f'WHERE {answered} GROUP BY account_id) ORDER BY p DESC, account_id LIMIT 10',
        'Q6': f"SELECT {minute} AS m, sumIf(v, metric = '{questions.ERROR}') / sumIf(v, metric = '{questions.TOTAL}') AS r "
              f"FROM samples WHERE metric IN ('{questions.ERROR}', '{questions.TOTAL}') GROUP BY m "
              f"HAVING sumIf(v, metric = '{questions.TOTAL}') > 0 ORDER BY m",
        'Q7a': 'SELECT account_id, count() FROM samples WHERE account_id != 0 GROUP BY account_id',
        'Q7b': 'SELECT campaign_id, count() FROM samples WHERE campaign_id != 0 GROUP BY campaign_id',
    }[kind]


def answer_of(kind, reply):
    """Rows of FORMAT JSONCompact in the shape of questions.py. 64-bit integers come as text."""
    rows, kind = reply['data'], kind.split()[0]
    if kind in ('Q1', 'Q2', 'Q3'):
        return {int(m) * questions.MINUTE: (int(n), mean) for m, n, mean in rows}
    if kind == 'Q4':
        return {int(m) * questions.MINUTE: tuple(pair) for m, pair in rows}
    if kind == 'Q5':
        return [(int(a), p) for a, p in rows]
    if kind == 'Q6':
        return {int(m) * questions.MINUTE: r for m, r in rows}
    return {int(v): int(n) for v, n in rows}


def checks_of(kind):
    """quantileExact takes index floor(q * n), so it is judged by that; a second, untimed query takes the nearest rank."""
    if kind in ('Q4', 'Q5'):
        return [('the timed answer, by its own rank floor(q n)', None, kind + ' floor'),
                ('the nearest rank from sorted values', kind + ' ranks', kind)]
    return [('the timed answer', None, kind)]


class ClickHouse:
    name, title, http = 'clickhouse', 'ClickHouse 18.16', True
    minute = '(toUInt32(day) * 24 + hour) * 60 + intDiv(ms, 60000)'

    def __init__(self, options):
        self.binary = shutil.which('clickhouse-server', path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
        self.child = None

    def missing(self):
        return None if self.binary else 'not installed: apt-get install clickhouse-server (and stop its service)'

    def version(self):
        return self.line.ask('GET', '/?query=SELECT%20version()').decode().strip()

    def prepare(self, load, lines, home):
        self.samples = load.samples
        self.file, self.bodies = workload.write_row_binary(load, f'{home}/row_binary')
        os.makedirs(f'{home}/ch/tmp')
        self.port = free_port()
        with open(f'{home}/ch-config.xml', 'w', encoding='utf-8') as out:
            out.write(CONFIG.format(http=self.port, tcp=free_port(), home=home))
        with open(f'{home}/ch-users.xml', 'w', encoding='utf-8') as out:
            out.write(USERS)
        self.child = Child([self.binary, f'--config-file={home}/ch-config.xml'], f'{home}/ch.log', cwd=f'{home}/ch')
        wait_http(self.port, '/ping', self.child)
        self.line = Http(self.port)

    def sql(self, text):
        return self.line.ask('POST', '/', text.encode())

    def load(self):
        self.sql(TABLE)
        begin, cpu = time.monotonic(), self.child.cpu_s()
        insert = urllib.parse.urlencode({'query': f'INSERT INTO samples {COLUMNS} FORMAT RowBinary'})
        post_all(self.port, '/?' + insert, self.file, self.bodies, 2, again=())
        wall = time.monotonic() - begin
        rows = int(self.sql('SELECT count() FROM samples'))
        if rows != self.samples:
            raise RuntimeError(f'ClickHouse stored {rows} of {self.samples} samples')
        self.sql('OPTIMIZE TABLE samples FINAL')
        self.child.settle()
        size = int(self.sql("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'samples'"))
        return [{'how': 'RowBinary by half a million rows, 2 clients, then OPTIMIZE FINAL', 'wall_s': wall,
                 'cpu_s': self.child.cpu_s() - cpu, 'bytes': size, 'merged': True}]

    def peak_rss_mb(self):
        return self.child.peak_rss_mb()

    def floor(self, rounds):
        def once():
            self.line.ask('GET', '/ping')
            return self.line.seconds
        return repeat(once, rounds)

    def ask(self, kind, truth):
        raw = self.line.ask('POST', '/', (statement(kind, truth, self.minute) + ' FORMAT JSONCompact').encode())
        return self.line.seconds, raw

    def server_ms(self, kind, raw):
        return json.loads(raw)['statistics']['elapsed'] * 1e3

    def answer(self, kind, raw):
        return answer_of(kind, json.loads(raw))

    def checks(self, kind, truth):
        return checks_of(kind)

    def stop(self):
        if self.child:
            self.child.stop()
