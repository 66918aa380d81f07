#!/usr/bin/env python3
"""Sizes and ends: the largest body, too large a one, many at once, a stop under load, odd addresses and folders."""
import gzip
import http.client
import os
import threading
import time

from harness import FAST, Server, account_adds_up, case, dialtone, folder, run

MIB = 1 << 20


@case
def the_largest_body_is_one_batch():
    with folder() as home, Server(home + '/data', binary=FAST) as server:
        line = b' '.join(b'count#a%d=1' % (n % 7) for n in range(5000)) + b'\n'
        body = line * ((16 * MIB) // len(line))
        status, reply = server.post_lines(body)
        assert status == 200 and reply['accepted'] == 5000 * body.count(b'\n'), (status, str(reply)[:300])
        assert sum(server.total(f'a{n} sum') for n in range(7)) == reply['accepted']
        account_adds_up(server.status())


@case
def too_large_a_body_leaves_nothing():
    with folder() as home, Server(home + '/data', binary=FAST) as server:
        line = b'count#big.body=1\n'
        bomb = gzip.compress(line * (20 * MIB // len(line)))
        status, _, _ = server.request('POST', '/lines', bomb, {'Content-Encoding': 'gzip'})
        assert status == 413, status
        assert server.post_lines('count#big.other=1')[0] == 200
        status, answer = server.get('/api/query?q=big.body+sum')
        assert status == 400 or all(not v for s in answer['series'] for v in s['values']), answer
        account_adds_up(server.status())


@case
def many_large_bodies_at_once_are_stored_or_put_off():
    with folder() as home, Server(home + '/data', binary=FAST) as server:
        line = b'source=h count#many.bodies=1 sample#many.values=2.5\n'
        body = line * (4 * MIB // len(line))
        outcomes = []

        def post():
            for _ in range(3):
                try:
                    outcomes.append(server.post_lines(body)[0])
                except (OSError, http.client.HTTPException):
                    outcomes.append(0)
        threads = [threading.Thread(target=post) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(outcomes) <= {200, 429, 503, 0} and 200 in outcomes, outcomes
        assert server.total('many.bodies sum') == outcomes.count(200) * body.count(b'\n'), outcomes
        account_adds_up(server.status())


@case
def a_stop_under_load_keeps_what_was_acknowledged():
    with folder() as home:
        server = Server(home + '/data', binary=FAST)
        acked = []

        def post():
            while True:
                try:
                    status, reply = server.post_lines('count#stop.test=1\n' * 20)
                except (OSError, ValueError, http.client.HTTPException):
                    return
                if status == 200:
                    acked.append(reply['accepted'])
        threads = [threading.Thread(target=post) for _ in range(8)]
        for thread in threads:
            thread.start()
        idle, hung = server.connect(), server.connect()
        hung.sendall(b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\ncount#hung=1\n')
        time.sleep(1)
        server.stop()
        for thread in threads:
            thread.join()
        idle.close()
        hung.close()
        server.start()
        try:
            there = server.total('stop.test sum')
            assert there >= sum(acked) > 0, (there, sum(acked))
            assert there - sum(acked) <= 8 * 20, 'at most one unanswered body a sender'
        finally:
            server.stop()


@case
def odd_addresses_and_folders():
    with folder() as home:
        done = dialtone('serve', '--data', home + '/data', '--http', '0.0.0.0:0')
        assert done.returncode == 1 and b'loopback only' in done.stderr, done.stderr
        done = dialtone('serve', '--data', '/proc/nowhere', '--http', '127.0.0.1:0', '--line', 'none')
        assert done.returncode == 1 and b'/proc/nowhere' in done.stderr, done.stderr
        done = dialtone('serve', '--data', home + '/data', '--pack', home + '/absent', '--http', '127.0.0.1:0')
        assert done.returncode == 1 and b'scheme.yaml' in done.stderr, done.stderr


run()
