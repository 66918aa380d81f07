#!/usr/bin/env python3
"""Backup and restore from outside: under load, by the server and without one, with every refusal said in words."""
import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time

from harness import DIALTONE, QUICK, Server, case, dialtone, folder, run

POSTERS = 4
LINES = 50


def ends(code, *words, says=None, env=None):
    done = dialtone(*words, env=env)
    text = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == code, (words, done.returncode, text)
    assert says is None or says in text, (words, says, text)
    return text


def tree(path):
    found = {}
    for folder_, _, names in os.walk(path):
        for name in names:
            whole = os.path.join(folder_, name)
            found[os.path.relpath(whole, path)] = open(whole, 'rb').read()
    return found


def totals(data):
    """What each body left behind, by its number."""
    answer = json.loads(ends(0, 'query', 'load.n sum by account_id', '--data', data, '--format', 'json', '--from', '-2h'))
    found = {}
    for series in answer['series']:
        body = int(series['fields']['account_id'])
        found[body] = found.get(body, 0) + sum(v for v in series['values'] if v)
    return found


def keep_posting(server, number, bodies, acked, tried, stop):
    """Bodies number, number + POSTERS, ...: each of LINES lines, all with the body's number as account."""
    sequence = 0
    while not stop.is_set():
        body = sequence * POSTERS + number
        text = ''.join(f'source=h account_id={body} count#load.n=1\n' for _ in range(LINES))
        tried.add(body)
        status, _ = server.post_lines(text, Idempotency_Key=f'poster{number}/{sequence + 1}')
        if status == 200:
            acked.add(body)
        sequence += 1
        bodies.release()


def under_load(copied):
    rounds = 2 if QUICK else 4
    with folder() as home, tempfile.TemporaryDirectory(dir='/dev/shm' if copied else home) as away:
        target = away + '/safe'
        with Server(home + '/data', '--head-age', '1s') as server:
            acked, tried, stop, bodies = set(), set(), threading.Event(), threading.Semaphore(0)
            threads = [threading.Thread(target=keep_posting, args=(server, n, bodies, acked, tried, stop))
                       for n in range(POSTERS)]
            for thread in threads:
                thread.start()
            try:
                before = []
                for i in range(rounds):
                    for _ in range(15):
                        assert bodies.acquire(timeout=60)
                    before.append(set(acked))
                    text = ends(0, 'backup', f'{target}-{i}', env={'DIALTONE_URL': server.url}, says=' files, ')
                    assert ('links' in text) != copied, text
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            server.stop()
        for i in range(rounds):
            ends(0, 'inspect', '--verify', '--data', f'{target}-{i}')
            ends(0, 'restore', f'{target}-{i}', '--data', f'{home}/back{i}')
            found = totals(f'{home}/back{i}')
            assert before[i] <= set(found) <= tried, (before[i] - set(found), set(found) - tried)
            assert all(n == LINES for n in found.values()), found
            with Server(f'{home}/back{i}') as back:
                # A retry of a body that is in the backup changes nothing; it is a server that goes on.
                body = min(before[i])
                text = f'source=h account_id={body} count#load.n=1\n' * LINES
                key = f'poster{body % POSTERS}/{body // POSTERS + 1}'
                assert back.post_lines(text, Idempotency_Key=key)[0] == 200
                assert back.total('load.n sum', start='-2h') == LINES * len(found)
                assert back.post_lines('count#load.n=7')[0] == 200
                assert back.total('load.n sum', start='-2h') == LINES * len(found) + 7
                back.stop()


@case
def everything_acknowledged_before_is_there_once():
    under_load(False)


@case
def on_another_file_system_too():
    if os.stat('/dev/shm').st_dev == os.stat('/tmp').st_dev:
        return under_load(False)
    under_load(True)


@case
def a_folder_without_a_server():
    with folder() as home:
        with Server(home + '/data') as server:
            server.post_lines('count#a.b=3')
            text = ends(1, 'backup', home + '/safe', '--data', home + '/data', says='belongs to another running')
            assert 'without --data' in text, text
            server.kill()
        os.mkdir(home + '/data/pack')
        with open(home + '/data/pack/scheme.yaml', 'w') as out:
            out.write('scheme: t\nmetrics:\n  a.b: {kind: count}\n')
        ends(0, 'backup', home + '/safe', '--data', home + '/data')
        ends(1, 'backup', home + '/safe', '--data', home + '/data', says='exists already')
        ends(1, 'backup', home + '/safe2', '--data', home + '/typo', says='is no data folder')
        assert not os.path.exists(home + '/typo')
        ends(0, 'restore', home + '/safe', '--data', home + '/back')
        assert tree(home + '/back')['pack/scheme.yaml'] == tree(home + '/data')['pack/scheme.yaml']
        with Server(home + '/back') as server:
            assert server.total('a.b sum') == 3
            server.stop()


@case
def refusals_are_said_in_words():
    with folder() as home, Server(home + '/data') as server:
        server.post_lines('count#a.b=3')
        url = {'DIALTONE_URL': server.url}

        def post(body):
            status, _, reply = server.request('POST', '/api/admin/backup', body)
            return status, json.loads(reply)['error']['text']

        assert post('{"to": "relative/path"}')[0] == 400 and 'absolute' in post('{"to": "x"}')[1]
        assert post('{"to": ""}')[0] == 400
        assert post('{"from": "/x"}')[0] == 400 and post('[]')[0] == 400 and post('')[0] == 400
        assert post('{"to": 7}')[0] == 400
        status, text = post(json.dumps({'to': home + '/data/inside'}))
        assert status == 400 and 'inside of a data folder' in text, text
        os.makedirs(home + '/data/quarantine/deep')
        status, text = post(json.dumps({'to': home + '/data/quarantine/deep/x'}))
        assert status == 400 and 'inside of a data folder' in text, text
        os.symlink(home + '/data/quarantine', home + '/link')
        status, text = post(json.dumps({'to': home + '/link/x'}))
        assert status == 400 and 'inside of a data folder' in text, text
        status, text = post(json.dumps({'to': home + '/data'}))
        assert status == 409 and 'exists already' in text, text
        status, text = post(json.dumps({'to': home + '/none/x'}))
        assert status == 400 and 'there is no folder' in text, text
        ends(1, 'backup', home + '/none/x', env=url, says='there is no folder')
        ends(2, 'backup', says='to which folder')
        ends(2, 'backup', 'a', 'b', says='one word too many')
        ends(2, 'backup', 'a', '--data', 'b', '--url', 'c', says='either')
        ends(3, 'backup', home + '/x', env={'DIALTONE_URL': 'http://127.0.0.1:9'}, says='--data')
        ends(0, 'help', 'backup', says='usage: dialtone backup DIR')
        ends(0, 'help', 'restore', says='usage: dialtone restore BACKUP')
        assert sorted(os.listdir(home)) == ['data', 'data.log', 'link'], os.listdir(home)
        # A relative path is the caller's, not the server's.
        done = dialtone('backup', os.path.relpath(home + '/safe'), env=url)
        assert done.returncode == 0 and os.path.exists(home + '/safe/backup'), done
        server.stop()


@case
def a_restore_refuses_what_is_not_whole():
    with folder() as home:
        with Server(home + '/data') as server:
            for _ in range(3):
                server.post_lines(''.join(f'source=h{i} count#a.b={i}\n' for i in range(500)))
                server.request('POST', '/api/admin/seal', '')
            server.post_lines('count#a.b=1')
            ends(0, 'backup', home + '/safe', env={'DIALTONE_URL': server.url})
            server.stop()
        ends(1, 'restore', home + '/safe', '--data', home + '/data', says='is not empty')
        ends(1, 'restore', home + '/none', '--data', home + '/back', says='there is no folder')
        ends(1, 'restore', home + '/data', '--data', home + '/back', says='is no backup')
        ends(2, 'restore', says='which backup')
        rng = random.Random(7)
        for name, content in sorted(tree(home + '/safe').items()):
            path = f'{home}/safe/{name}'
            at = rng.randrange(len(content))
            os.unlink(path)  # a link: the store's own file stays as it is
            with open(path, 'wb') as out:
                out.write(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1:])
            ends(4, 'restore', home + '/safe', '--data', home + '/back', says='damaged')
            assert not os.path.exists(home + '/back')
            os.unlink(path)
            ends(1 if name == 'backup' else 4, 'restore', home + '/safe', '--data', home + '/back')
            with open(path, 'wb') as out:
                out.write(content)
        os.mkdir(home + '/back')
        ends(0, 'restore', home + '/safe', '--data', home + '/back')
        with Server(home + '/back') as server:
            assert server.total('a.b sum') == 3 * sum(range(500)) + 1
            server.stop()


@case
def half_a_restore_is_not_opened():
    with folder() as home:
        with Server(home + '/data') as server:
            server.post_lines('count#a.b=3')
            ends(0, 'backup', home + '/safe', env={'DIALTONE_URL': server.url})
            server.stop()
        ends(0, 'restore', home + '/safe', '--data', home + '/back')
        open(home + '/back/restore.unfinished', 'w').close()
        shutil.rmtree(home + '/back/log')
        ends(1, 'query', 'a.b sum', '--data', home + '/back', says='did not end')
        ends(1, 'serve', '--data', home + '/back', '--http', '127.0.0.1:0', '--line', 'off', says='did not end')
        ends(0, 'restore', home + '/safe', '--data', home + '/back')
        ends(0, 'query', 'a.b sum', '--data', home + '/back')


@case
def a_stop_gives_the_backup_up_or_lets_it_end():
    rng = random.Random(5)
    with folder() as home, tempfile.TemporaryDirectory(dir='/dev/shm') as away:
        ended = given_up = 0
        for i in range(4 if QUICK else 10):
            with Server(home + '/data') as server:
                for _ in range(3):
                    server.post_lines(''.join(f'source=h{j} count#a.b=1\n' for j in range(2000)))
                    server.request('POST', '/api/admin/seal', '')
                target = f'{away}/safe{i}'
                child = subprocess.Popen([DIALTONE, 'backup', target], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         env={**os.environ, 'DIALTONE_URL': server.url})
                time.sleep(rng.random() * 0.06)
                server.stop()
                text = child.communicate(timeout=60)[0].decode()
            # 3: the stop was faster than the request.
            assert child.returncode in (0, 1, 3), text
            assert child.returncode != 0 or os.path.exists(target), text
            assert not os.path.exists(target + '.partial'), text
            if os.path.exists(target):
                ends(0, 'restore', target, '--data', f'{home}/back{i}')
                ended += 1
            else:
                given_up += 1
        print(f'{ended} ended, {given_up} given up')


run()
