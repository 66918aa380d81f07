"""dialtone merge and its route: few files, the same answers, sizes that add up."""
import json
import threading
import time

from harness import *


def fill(server, batches=6, rows=200):
    now = int(time.time()) - 600
    for batch in range(batches):
        text = ''.join(f'ts={now + batch} source=web{row % 4}.{row % 50} measure#merge.time={row}.5ms '
                       f'count#merge.count=1\n' for row in range(rows))
        status, answer = server.post_lines(text)
        assert status == 200 and answer['accepted'] == 2 * rows, answer
        status, _, _ = server.request('POST', '/api/admin/seal')
        assert status == 200
    return batches * rows * 2


def check_report(report, rows):
    assert report['merged'] and report['rows'] == rows, report
    assert sum(report['sections'].values()) == report['bytes'], report
    assert abs(report['bytes_per_row'] - report['bytes'] / rows) < 1e-6
    assert sum(day['rows'] for day in report['days']) == rows
    assert report['files'] == len(report['days']) <= 2, report  # a test at midnight has two days
    assert set(report['sections']) >= {'values', 'keys', 'sources', 'presence', 'footer'}


@case
def a_server_merges_everything():
    with folder() as path, Server(path + '/data') as server:
        rows = fill(server)
        server.post_lines('count#merge.late=1\n')  # still in memory
        before = server.query('merge.count sum')
        status, _, body = server.request('POST', '/api/admin/merge')
        report = json.loads(body)
        assert status == 200 and report['files_before'] >= 6, report
        check_report(report, rows + 1)
        assert server.query('merge.count sum')['series'] == before['series']
        done = dialtone('merge', '--url', server.url)
        assert done.returncode == 0, done
        lines = done.stdout.decode().splitlines()
        assert lines[0].split()[:4] == ['day', 'files', 'rows', 'bytes'] and lines[-1].split()[0] == 'all', lines
        assert int(lines[-1].split()[2]) == rows + 1
        status, _, _ = server.request('GET', '/api/admin/merge')
        assert status == 405


@case
def a_second_merge_is_told_so():
    with folder() as path, Server(path + '/data') as server:
        fill(server, 12, 3000)
        got = []

        def ask():
            got.append(server.request('POST', '/api/admin/merge')[0])

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 200 in got and set(got) <= {200, 409}, got


@case
def rows_and_queries_go_on_while_it_merges():
    with folder() as path, Server(path + '/data') as server:
        rows = fill(server, 12, 3000)
        done = []
        thread = threading.Thread(target=lambda: done.append(server.request('POST', '/api/admin/merge')[0]))
        thread.start()
        sent = 0
        while thread.is_alive():
            status, answer = server.post_lines('count#merge.count=1\n')
            assert status == 200, answer
            sent += 1
            assert server.query('merge.count sum every 1h')['series']
        thread.join()
        assert done == [200] and sent > 0
        total = sum(v or 0 for v in server.query('merge.count sum every 1h')['series'][0]['values'])
        assert total == rows // 2 + sent, (total, rows, sent)


@case
def a_folder_is_merged_without_a_server():
    with folder() as path:
        with Server(path + '/data') as server:
            rows = fill(server)
            refused = dialtone('merge', '--data', path + '/data')
            assert refused.returncode == 1 and b'belongs to another running dialtone' in refused.stderr, refused
        done = dialtone('merge', '--data', path + '/data')
        assert done.returncode == 0, done
        assert int(done.stdout.decode().splitlines()[-1].split()[2]) == rows
        assert int(done.stdout.decode().splitlines()[-1].split()[1]) <= 2
        with Server(path + '/data') as server:
            total = sum(v or 0 for v in server.query('merge.count sum every 1h')['series'][0]['values'])
            assert total == rows // 2, total


@case
def its_words_are_checked():
    assert dialtone('merge', 'everything').returncode == 2
    assert dialtone('merge', '--url', 'http://127.0.0.1:1').returncode == 3


run()
