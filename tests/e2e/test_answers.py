"""Answers about times that are over are kept, and no row that changes them is missed."""
import json
import re
import urllib.parse

from harness import *

Q = 'web.sync.run_ms count avg by host every 1m'
FROM, TO = '2026-01-05T08:00:00Z', '2026-01-05T09:00:00Z'


def line(minute, value, host='web1'):
    return f'ts=2026-01-05T08:{minute:02}:01Z source={host} measure#web.sync.run_ms={value}\n'


def ask(server, q=Q, to=TO):
    answer = server.query(q, start=FROM, end=to)
    return sum(v or 0 for s in answer['series'] if s['stat'] == 'count' for v in s['values'])


def counter(server, name):
    status, _, body = server.request('GET', '/metrics')
    assert status == 200
    return int(re.search(rf'^dialtone_{name} (\d+)$', body.decode(), re.M).group(1))


@case
def the_second_asker_gets_the_kept_answer():
    with folder() as path, Server(path + '/data') as server:
        server.post_lines(line(1, 5) + line(2, 7))
        assert ask(server) == 2 and ask(server) == 2
        assert counter(server, 'answers_kept_hits_total') == 1
        assert counter(server, 'answers_kept_bytes') > 0
        first, second = (server.query(Q, start=FROM, end=TO) for _ in range(2))
        assert first == second
        csv = urllib.parse.urlencode({'q': Q, 'from': FROM, 'to': TO, 'format': 'csv'})
        assert b'2026-01-05' in server.request('GET', '/api/query?' + csv)[2]
        assert counter(server, 'answers_kept_hits_total') == 4  # one answer serves all formats


@case
def what_comes_or_goes_later_is_in_the_next_answer():
    with folder() as path, Server(path + '/data') as server:
        for minute in range(1, 12):
            server.post_lines(line(minute, minute))
            assert ask(server) == minute == ask(server)
        assert server.request('POST', '/api/admin/merge')[0] == 200
        assert ask(server) == 11
        server.post_lines(line(1, 5, 'web2'))
        assert ask(server) == 12
        gone = dialtone('delete', 'web.sync.run_ms', '@host:web2', '--yes', '--url', server.url)
        assert gone.returncode == 0, gone
        assert ask(server) == 11
        server.stop()
        server.start()
        assert ask(server) == 11


@case
def what_is_not_over_is_worked_out_anew():
    with folder() as path, Server(path + '/data') as server:
        server.post_lines(line(1, 5))
        for _ in range(3):
            ask(server, 'web.sync.run_ms count every 1d', to='2026-01-06T00:00:00Z')
            ask(server, 'web.sync.run_ms count every 365d', to='2999-01-01T00:00:00Z')
        assert counter(server, 'answers_kept_hits_total') == 2
        assert counter(server, 'answers_kept_misses_total') == 1


run()
