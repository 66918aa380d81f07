"""ClickHouse 26 in process: npm's chdb with its platform package, in a node of its own (chdb.mjs).

There is no HTTP here: times are those of the call, which flatters it beside servers. The table is the one of
clickhouse.py with this version's means: DateTime64, codecs of columns, a bloom filter on sessions. The codecs are the
smallest of those tried on this data that are no experiment: T64 for times, plain ZSTD for ids, which beats Delta here. At the
end the rows are copied once more with all that makes them small, ZSTD(9) and the experimental ALP, for the size alone.
"""
import json
import os
import shutil
import subprocess
import time

import workload
from child import Child, repeat
from clickhouse import answer_of, checks_of, statement

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = '''CREATE TABLE samples (ts DateTime64(3, 'UTC') CODEC(T64('bit'), ZSTD(3)), metric LowCardinality(String) CODEC(ZSTD(3)),
  host LowCardinality(String) CODEC(ZSTD(3)), account_id UInt32 CODEC(ZSTD(3)),
  campaign_id UInt32 CODEC(ZSTD(3)), caller_session_id UInt64 CODEC(ZSTD(3)),
  campaign_type LowCardinality(String) CODEC(ZSTD(3)), caller_session_type LowCardinality(String) CODEC(ZSTD(3)),
  caller_phone_type LowCardinality(String) CODEC(ZSTD(3)), process LowCardinality(String) CODEC(ZSTD(3)),
  v Float64 CODEC(ZSTD(3)),
  INDEX session caller_session_id TYPE bloom_filter(0.01) GRANULARITY 1)
ENGINE = MergeTree PARTITION BY toDate(ts) ORDER BY (metric, account_id, campaign_id, caller_session_id, ts)'''


class Chdb:
    name, title, http = 'chdb', 'ClickHouse 26 (in process)', False
    minute = 'intDiv(toUnixTimestamp64Milli(ts), 60000)'

    def __init__(self, options):
        self.folder, self.child = options.chdb, None

    def missing(self):
        if not shutil.which('node'):
            return 'node is not installed'
        if not self.folder or not os.path.isdir(os.path.join(self.folder, 'node_modules', 'chdb')):
            return 'not installed: npm install --prefix DIR chdb (600 MB), then --chdb DIR'
        return None

    def version(self):
        return self.sql('SELECT version()')[1].strip()

    def prepare(self, load, lines, home):
        self.samples = load.samples
        self.file, self.bodies = workload.write_native(load, f'{home}/native')
        self.child = Child(['node', os.path.join(HERE, 'chdb.mjs'), self.folder], f'{home}/chdb.log', cwd=home,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.call({'path': f'{home}/chdb'})

    def call(self, request):
        self.child.process.stdin.write(json.dumps(request) + '\n')
        self.child.process.stdin.flush()
        line = self.child.process.stdout.readline()
        if not line:
            raise RuntimeError('chdb ended')
        reply = json.loads(line)
        if 'error' in reply:
            raise RuntimeError(reply['error'][:2000])
        return reply

    def sql(self, text, form='TabSeparated'):
        reply = self.call({'sql': text, 'format': form})
        return reply['seconds'], reply['text']

    def load(self):
        self.sql('CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic')
        self.sql('USE bench')
        self.sql(TABLE)
        begin, cpu = time.monotonic(), self.child.cpu_s()
        self.sql(f"INSERT INTO samples FROM INFILE '{self.file}' FORMAT Native")
        wall = time.monotonic() - begin
        rows = int(self.sql('SELECT count() FROM samples')[1])
        if rows != self.samples:
            raise RuntimeError(f'chdb stored {rows} of {self.samples} samples')
        self.sql('OPTIMIZE TABLE samples FINAL')
        self.child.settle()
        active = "FROM system.parts WHERE active AND table = 'samples'"
        return [{'how': 'INSERT FROM INFILE, Native, then OPTIMIZE FINAL', 'wall_s': wall,
                 'cpu_s': self.child.cpu_s() - cpu, 'merged': True,
                 'bytes': int(self.sql(f'SELECT sum(bytes_on_disk) {active}')[1]),
                 'bytes_of_session_index': int(self.sql(f'SELECT sum(secondary_indices_compressed_bytes) {active}')[1])}]

    def afterwards(self):
        small = TABLE.replace('v Float64 CODEC(ZSTD(3))', 'v Float64 CODEC(ALP, ZSTD(3))')
        small = small.replace('ZSTD(3)', 'ZSTD(9)').replace('TABLE samples', 'TABLE small')
        self.sql('SET allow_experimental_codecs = 1')
        self.sql(small)
        self.sql('INSERT INTO small SELECT * FROM samples')
        self.sql('OPTIMIZE TABLE small FINAL')
        return {'bytes_smallest': int(self.sql("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND "
                                               "table = 'small'")[1])}

    def peak_rss_mb(self):
        return self.child.peak_rss_mb()

    def floor(self, rounds):
        return repeat(lambda: self.sql('SELECT 1')[0], rounds)

    def ask(self, kind, truth):
        return self.sql(statement(kind, truth, self.minute), 'JSONCompact')

    def server_ms(self, kind, raw):
        return json.loads(raw)['statistics']['elapsed'] * 1e3

    def answer(self, kind, raw):
        return answer_of(kind, json.loads(raw))

    def checks(self, kind, truth):
        return checks_of(kind)

    def stop(self):
        if self.child:
            self.child.process.stdin.close()
            self.child.stop()
