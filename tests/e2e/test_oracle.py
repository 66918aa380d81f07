#!/usr/bin/env python3
"""Many generated lines in; counts, sums and percentiles per account must equal those of a naive reading of the file."""
import collections
import concurrent.futures
import json
import math
import subprocess

from harness import DIALTONE, FAST, QUICK, Server, case, dialtone, folder, run

SAMPLES = 60_000 if QUICK else 1_800_000
START, SPAN_H = '2026-01-05T00:00:00Z', 3
TIMES = {'start': START, 'end': '2026-01-05T03:00:00Z'}


def naive(path):
    """(metric, account) -> values, by splitting text; nothing of the product is used."""
    values = collections.defaultdict(list)
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            source, found = None, []
            for token in line.split():
                key, _, value = token.partition('=')
                if key == 'source':
                    source = value
                verb, sharp, name = key.partition('#')
                if sharp:
                    found.append((name, float(value.rstrip('msMBuK%h')) if value else 1.0))
            account = None
            for n, segment in enumerate((source or '').split('.')):
                if segment.startswith('ac-'):
                    account = segment[3:]
                elif n == 1 and segment.isdigit() and 'ac-' not in source:
                    account = segment
            for name, value in found:
                values[name, account].append(value)
    return values


def check(ask, values):
    """ask(query) -> {account: number}; compares three statistics of three metrics."""
    compared = 0
    for metric in ('dialer.contact.answered', 'dialer.contact.busy', 'dialer.requests.total'):
        mine = {a: sorted(v) for (m, a), v in values.items() if m == metric}
        assert mine, metric
        for stat, want in (('count', lambda v: len(v)), ('sum', math.fsum), ('p50', lambda v: v[math.ceil(.5 * len(v)) - 1]),
                           ('p99', lambda v: v[math.ceil(.99 * len(v)) - 1]), ('max', lambda v: v[-1])):
            got = ask(f'{metric} {stat} by account_id every 1d')
            assert set(got) == set(mine), (metric, stat, set(got) ^ set(mine))
            for account, v in mine.items():
                expected = want(v)
                good = math.isclose(got[account], expected, rel_tol=1e-12) if stat == 'sum' else got[account] == expected
                assert good, (metric, stat, account, got[account], expected)
                compared += 1
    print(f'{compared} figures compared')


@case
def imported_lines_answer_as_a_naive_reading():
    with folder() as home:
        path = home + '/lines'
        with open(path, 'wb') as out:
            subprocess.run([FAST, 'demo', '--emit', str(SAMPLES), '--seed', '7', '--span', f'{SPAN_H}h', '--start', START],
                           stdout=out, check=True)
        values = naive(path)
        done = dialtone('import', '--data', home + '/data', path, binary=FAST, timeout=600)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        assert sum(len(v) for v in values.values()) >= SAMPLES

        def ask(q):
            answer = dialtone('query', q, '--data', home + '/data', '--format', 'json', '--from', TIMES['start'], '--to',
                              TIMES['end'], binary=FAST)
            assert answer.returncode == 0, answer.stderr.decode()
            return by_account(json.loads(answer.stdout))
        check(ask, values)


def by_account(answer):
    assert answer['exact'], 'percentiles over this little must be exact'
    return {s['fields'].get('account_id'): s['values'][0] for s in answer['series'] if s['values'][0] is not None}


@case
def posted_lines_answer_as_a_naive_reading():
    """Through the server under the sanitizers, sealed in between, and asked again after a restart."""
    with folder() as home, Server(home + '/data', '--head-age', '2s') as server:
        path = home + '/lines'
        with open(path, 'wb') as out:
            subprocess.run([FAST, 'demo', '--emit', '50000', '--seed', '8', '--span', f'{SPAN_H}h', '--start', START],
                           stdout=out, check=True)
        values = naive(path)
        lines = open(path, 'rb').read().splitlines(keepends=True)
        for at in range(0, len(lines), 2000):
            status, reply = server.post_lines(b''.join(lines[at:at + 2000]))
            assert status == 200 and not reply['refused'], reply

        def ask(q):
            return by_account(server.query(q, **TIMES))
        check(ask, values)
        server.stop()
        server.start()
        check(ask, values)


@case
def answers_do_not_depend_on_the_number_of_threads():
    """The same to the last digit, alone and with four askers at once; `rows_read` says that there was enough to share."""
    asked = ['dialer.contact.answered count avg stddev p50 p95 p99 every 10m', 'dialer.contact.* count by metric every 1h',
             'dialer.contact.answered p95 by account_id every 1h top 5', 'dialer.contact.busy last max by host every 7m',
             'dialer.requests.total uniq campaign_id by account_id top 20 other',
             '(dialer.requests.error / dialer.requests.total) by host every 10m bottom 3']
    with folder() as home:
        path = home + '/lines'
        with open(path, 'wb') as out:
            subprocess.run([FAST, 'demo', '--emit', '700000', '--seed', '9', '--span', f'{SPAN_H}h', '--start', START],
                           stdout=out, check=True)
        done = dialtone('import', '--data', home + '/data', path, binary=FAST, timeout=600)
        assert done.returncode == 0, done.stderr.decode()

        def answers(server):
            return [{**server.query(q, **TIMES), 'took_ms': 0} for q in asked]
        with Server(home + '/data', '--query-threads', '1') as server:
            alone = answers(server)
        with Server(home + '/data', '--query-threads', '4') as server:
            with concurrent.futures.ThreadPoolExecutor(4) as askers:
                for shared in askers.map(answers, [server] * 4):
                    assert shared == alone, [(a, s) for a, s in zip(alone, shared) if a != s][0]
        assert alone[0]['rows_read'] > 65536 and all(a['series'] for a in alone), alone[0]['rows_read']


run()
