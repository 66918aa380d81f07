"""dialtone delete and its route: what is deleted is out of every answer at once and for good; what comes later stays."""
import glob
import json
import os
import subprocess
import threading
import time
import urllib.parse

from harness import *

NOW = int(time.time()) // 60 * 60 - 1200  # whole minutes, so that per-minute sums can answer
ACCOUNTS, ROWS = 20, 2000


def lines(at=NOW, rows=ROWS):
    """Row i: account i % 20, session i, value i % 7; a count and a measure."""
    return ''.join(f'ts={at + i % 300} source=web{i % 4}.{i % ACCOUNTS}.{i % 10}.{i} count#del.calls=1 '
                   f'sample#del.time={i % 7} count#del.other.calls=1\n' for i in range(rows))


def scheme(path):
    os.makedirs(path + '/pack')
    with open(path + '/pack/scheme.yaml', 'w') as out:
        out.write('''scheme: delete
fields:
  host: {type: word}
  account_id: {type: id}
  campaign_id: {type: id, under: account_id}
  session_id: {type: id, under: campaign_id}
templates:
  call: host.account_id.campaign_id.session_id
metrics:
  del.calls: {kind: count, template: call}
  del.time: {kind: value, template: call}
  "del.{job}.calls": {kind: count, template: call}
''')
    return path + '/pack'


class Case(Server):
    def __init__(self, path, *flags):
        super().__init__(path + '/data', '--pack', scheme(path), *flags)

    def sum(self, query, start=NOW - 3600, end=NOW + 1200):
        answer = self.query(query, start, end, '1m')
        return sum(v or 0 for series in answer['series'] for v in series['values'])

    def delete(self, q, **words):
        words['q'] = q
        status, _, body = self.request('POST', '/api/admin/delete?' + urllib.parse.urlencode(words))
        return status, json.loads(body)

    def seal(self):
        assert self.request('POST', '/api/admin/seal')[0] == 200

    def accounts(self):
        status, answer = self.get(f'/api/fields/account_id/values?limit=1000&from={NOW - 3600}&to={NOW + 1200}')
        assert status == 200, answer
        return {value['value']: value['rows'] for value in answer['values']}

    def rows(self):
        status, answer = self.get('/api/status')
        return answer['store']['rows']


def stored(path):
    return sum(os.path.getsize(name) for name in glob.glob(path + '/data/seg/*/*.seg'))


@case
def one_account_is_forgotten_at_once():
    with folder() as path, Case(path) as server:
        for part in range(2):  # one in a file, one in memory
            server.post_lines(lines())
            if part == 0:
                server.seal()
        each = ROWS // ACCOUNTS * 2
        assert server.accounts()['7'] == each * 3, server.accounts()
        status, report = server.delete('del.** @account_id:7', dry_run=1)
        assert status == 200 and report['dry_run'] and report['rows'] == each * 3 and report['files'] == 1, report
        assert {m['metric']: m['rows'] for m in report['metrics']} == {
            'del.calls': each, 'del.time': each, 'del.other.calls': each}, report
        assert server.sum('del.calls sum @account_id:7') == each
        status, report = server.delete('del.** @account_id:7', by='the test')
        assert status == 200 and report['rows'] == each * 3 and report['id'] == 1 and not report['bytes_gone'], report
        assert server.sum('del.calls sum @account_id:7') == 0
        assert server.sum('del.calls sum') == 2 * ROWS - each
        assert server.sum('del.time count') == 2 * ROWS - each
        assert '7' not in server.accounts() and len(server.accounts()) == ACCOUNTS - 1
        answer = server.query('del.calls sum by account_id', NOW - 3600, NOW + 1200)
        assert len(answer['series']) == ACCOUNTS - 1
        assert server.rows() == 3 * (2 * ROWS - each)
        status, answer = server.get('/api/metrics')
        shown = {metric['name']: metric.get('rows') for metric in answer['metrics']}
        assert shown['del.calls'] == 2 * ROWS - each, shown
        # Deleting again finds nothing.
        status, report = server.delete('del.** @account_id:7')
        assert status == 200 and report['rows'] == 0 and 'id' not in report, report


@case
def what_comes_later_stays():
    with folder() as path, Case(path) as server:
        server.post_lines(lines())
        assert server.delete('del.calls')[1]['rows'] == ROWS
        assert server.sum('del.calls sum') == 0 and server.sum('del.other.calls sum') == ROWS
        server.post_lines(lines(rows=100))  # of the same seconds
        assert server.sum('del.calls sum') == 100
        server.seal()
        status, _, _ = server.request('POST', '/api/admin/merge')
        assert status == 200 and server.sum('del.calls sum') == 100
        status, answer = server.get('/api/admin/delete')
        assert status == 200 and len(answer['deletes']) == 1
        assert answer['deletes'][0]['rows'] == ROWS and answer['deletes'][0]['bytes_gone_at'], answer


@case
def a_time_and_a_placeholder_are_scopes_too():
    with folder() as path, Case(path) as server:
        server.post_lines(lines())
        server.seal()
        status, report = server.delete('del.** @job:other', **{'from': NOW, 'to': NOW + 60})
        assert status == 200 and [m['metric'] for m in report['metrics']] == ['del.other.calls'], report
        in_minute = sum(i % 300 < 60 for i in range(ROWS))
        assert report['rows'] == in_minute
        assert server.sum('del.other.calls sum') == ROWS - in_minute
        assert server.sum('del.other.calls sum', NOW, NOW + 60) == 0
        assert server.sum('del.calls sum') == ROWS
        # A count is 0 where the server was there, not a gap: presence is untouched.
        answer = server.query('del.other.calls sum', NOW, NOW + 60, '1m')
        assert answer['series'][0]['marks'] == 'z', answer


@case
def it_survives_kills_restarts_and_a_lost_catalog():
    with folder() as path:
        server = Case(path)
        server.post_lines(lines())
        server.seal()
        server.post_lines(lines())
        status, report = server.delete('del.time @campaign_id:3')
        gone = ROWS // 10 * 2
        assert status == 200 and report['rows'] == gone
        server.kill()
        server.start()
        assert server.sum('del.time count') == 2 * ROWS - gone
        assert server.sum('del.calls sum') == 2 * ROWS
        server.stop()
        seen = dialtone('inspect', '--verify', '--data', path + '/data')
        assert seen.returncode == 0, seen
        tombs = [line for line in seen.stdout.decode().splitlines() if line.startswith('tomb/')]
        assert len(tombs) == 1 and 'del.time @campaign_id:3' in tombs[0] and f'{gone} rows' in tombs[0], seen
        for name in glob.glob(path + '/data/catalog.db*'):
            os.remove(name)
        # Straight from the files, too.
        done = dialtone('query', '--data', path + '/data', '--pack', path + '/pack', '--format', 'json', '--from',
                        str(NOW - 3600), '--to', str(NOW + 1200), '--every', '1h', 'del.time count')
        answer = json.loads(done.stdout)
        assert sum(v or 0 for v in answer['series'][0]['values']) == 2 * ROWS - gone, answer
        server.start()
        assert server.sum('del.time count') == 2 * ROWS - gone
        server.stop()


@case
def bytes_go_with_now():
    with folder() as path, Case(path) as server:
        server.post_lines(lines(rows=8000))
        server.seal()
        before = stored(path)
        status, report = server.delete('del.time', now=1)
        assert status == 200 and report['bytes_gone'] and report['rows'] == 8000, report
        assert report['stored_bytes_before'] == before and report['stored_bytes'] == stored(path), report
        assert stored(path) < before and report['bytes'] > 0
        assert server.sum('del.time count') == 0 and server.sum('del.calls sum') == 8000
        # Everything: a file of no rows keeps the minutes in which the server was there.
        status, report = server.delete('**', now=1)
        assert status == 200 and report['bytes_gone'] and report['rows'] == 16000
        assert server.rows() == 0 and stored(path) < 4000
        assert server.query('del.calls sum', NOW, NOW + 60, '1m')['series'][0]['marks'] == 'z'
        server.stop()
        server.start()
        assert server.rows() == 0


@case
def the_command_asks_counts_deletes_and_lists():
    with folder() as path, Case(path) as server:
        server.post_lines(lines())
        words = ['del.**', '@account_id:3', '@host:web3']
        count = 3 * sum(i % ACCOUNTS == 3 and i % 4 == 3 for i in range(ROWS))
        done = dialtone('delete', *words, '--url', server.url, '--dry-run')
        assert done.returncode == 0 and f'This would delete {count} rows' in done.stdout.decode(), done
        done = dialtone('delete', *words, '--url', server.url, stdin=b'')
        assert done.returncode == 2 and b'--yes' in done.stderr, done
        assert server.rows() == 3 * ROWS
        done = dialtone('delete', *words, '--url', server.url, '--yes', '--now', env={'USER': 'grace'})
        assert done.returncode == 0 and f'Deleted {count} rows' in done.stdout.decode(), done
        assert 'Their bytes are gone' in done.stdout.decode()
        assert server.rows() == 3 * ROWS - count
        done = dialtone('delete', '--list', '--url', server.url)
        assert done.returncode == 0, done
        assert 'by grace: del.** @account_id:3 @host:web3' in done.stdout.decode(), done
        done = dialtone('delete', *words, '--url', server.url, '--yes')
        assert done.returncode == 0 and 'There are no such rows' in done.stdout.decode(), done


@case
def a_folder_is_deleted_from_without_a_server():
    with folder() as path:
        with Case(path) as server:
            server.post_lines(lines())
        data = ['--data', path + '/data', '--pack', path + '/pack']
        done = dialtone('delete', 'del.calls', *data, '--to', str(NOW + 150), '--yes', '--now')
        gone = sum(i % 300 < 150 for i in range(ROWS))
        assert done.returncode == 0 and f'Deleted {gone} rows' in done.stdout.decode(), done
        done = dialtone('delete', '--list', *data)
        assert done.returncode == 0 and 'del.calls' in done.stdout.decode(), done
        server = Server(path + '/data', '--pack', path + '/pack')
        assert sum(v or 0 for v in server.query('del.calls sum', NOW - 3600, NOW + 1200, '1m')['series'][0]['values']) \
            == ROWS - gone
        server.stop()


@case
def what_is_not_understood_is_refused():
    with folder() as path, Case(path) as server:
        server.post_lines(lines(rows=10))
        for q, word in [('del.calls @acount_id:7', 'acount_id'), ('del.call', 'del.call'), ('del.calls sum', 'scope'),
                        ('del.calls / del.time', 'arithmetic'), ('(del.calls', 'parenthesis'), ('del.calls by host', 'scope')]:
            status, answer = server.delete(q)
            assert status == 400 and word in answer['error']['text'], (q, status, answer)
        assert server.delete('del.calls', **{'from': 'soon'})[0] == 400
        assert server.delete('del.calls', **{'from': NOW, 'to': NOW - 1})[0] == 400
        assert server.request('POST', '/api/admin/delete')[0] == 400
        assert server.rows() == 30
        assert dialtone('delete').returncode == 2
        assert dialtone('delete', 'a', 'b', '--yes').returncode == 2
        done = dialtone('delete', 'del.call', '--url', server.url, '--yes')
        assert done.returncode == 1 and b'del.calls' in done.stderr, done


@case
def rows_come_in_while_others_are_deleted():
    with folder() as path, Case(path) as server:
        stop, sent = threading.Event(), []

        def send():
            at = 0
            while not stop.is_set():
                status, _ = server.post_lines(f'ts={NOW + at % 600} source=web1.{100 + at} count#del.calls=1\n')
                assert status == 200
                sent.append(at)
                at += 1

        threads = [threading.Thread(target=send)]
        for thread in threads:
            thread.start()
        gone = 0
        for _ in range(12):
            time.sleep(0.05)
            status, report = server.delete('del.calls', now=1)
            assert status == 200, report
            gone += report['rows']
        stop.set()
        for thread in threads:
            thread.join()
        assert gone > 0
        assert server.sum('del.calls sum') == len(sent) - gone, (len(sent), gone)
        server.stop()
        server.start()
        assert server.sum('del.calls sum') == len(sent) - gone


run()
