#!/usr/bin/env python3
"""Every command's help, exit codes and error texts."""
import glob
import json
import os
import subprocess

from harness import DIALTONE, Server, case, dialtone, folder, run

NOWHERE = {'DIALTONE_URL': 'http://127.0.0.1:9'}


def ends(code, *words, says=None, **options):
    done = dialtone(*words, **options)
    text = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == code, (words, done.returncode, text)
    if says:
        assert says in text, (words, says, text)
    return text


@case
def help_lists_and_explains_every_command():
    text = ends(0, 'help')
    for command in ('serve', 'demo', 'send', 'import', 'query', 'check', 'inspect', 'backup', 'restore',
                    'version', 'help'):
        assert f'  {command}' in text, command
        assert 'usage: dialtone ' + command in ends(0, 'help', command)
        assert 'usage: dialtone ' + command in ends(0, command, '--help')
    ends(0, 'version', says='dialtone ')


@case
def misspelt_words_are_answered_with_the_nearest():
    ends(2, 'sevre', says='did you mean serve?')
    ends(2, 'query', 'x', '--form', '-1h', says='did you mean --from?')
    ends(2, 'query', says='which query?')
    ends(2, 'import', says='which files?')
    ends(2, 'serve', '--http', 'nonsense', says='--http')


@case
def serve_without_a_line_port():
    for word in ('off', 'none'):
        with folder() as home:
            server = subprocess.Popen([DIALTONE, 'serve', '--data', home + '/data', '--http', '127.0.0.1:0', '--line', word],
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            ready = server.stderr.readline()
            server.terminate()
            rest = server.communicate(timeout=60)[1]
            assert 'open http://127.0.0.1:' in ready and 'lines on' not in ready, (word, ready, rest)
            assert server.returncode == 0, (word, server.returncode, rest)


@case
def no_server_is_exit_3():
    ends(3, 'query', 'a.b', env=NOWHERE, says='127.0.0.1:9')


@case
def import_accounts_for_every_line():
    with folder() as home:
        with open(home + '/lines', 'w') as out:
            out.write('count#a.b=1\ncount#a.b=x\nhello\n')
        text = ends(4, 'import', '--data', home + '/data', home + '/lines')
        assert '3 received = 2 with measurements + 1 without + 0 refused' in text, text
        assert 'number_bad' in text
        ends(1, 'import', '--data', home + '/data', home + '/absent', says='cannot open')
        answer = json.loads(ends(0, 'query', 'a.b sum', '--data', home + '/data', '--format', 'json'))
        assert sum(v or 0 for v in answer['series'][0]['values']) == 1
        ends(0, 'query', 'a.b sum', '--data', home + '/data')
        ends(0, 'query', 'a.b sum', '--data', home + '/data', '--format', 'csv', says='time')
        ends(0, 'inspect', '--data', home + '/data', '--verify', says='segments, good')


@case
def inspect_says_what_is_lost_and_rebuilds():
    with folder() as home:
        with Server(home + '/data') as server:
            server.post_lines(''.join(f'source=h{i} count#a.b=1\n' for i in range(1000)))
            server.request('POST', '/api/admin/seal', '')
            ends(0, 'inspect', '--data', home + '/data', '--verify', says='a running dialtone has it open')
            ends(1, 'inspect', '--data', home + '/data', '--rebuild', says='belongs to another running')
            server.stop()
        data = home + '/data'
        ends(2, 'inspect', '--data', data, '--verify', '--rebuild', says='either')
        ends(1, 'inspect', '--data', home + '/typo', '--rebuild')
        assert not os.path.exists(home + '/typo')
        os.unlink(data + '/catalog.db')
        ends(0, 'inspect', '--data', data, '--verify', says='catalog.db  it is missing')
        ends(0, 'inspect', '--data', data, '--rebuild', says='built anew from 1 files')
        text = ends(0, 'inspect', '--data', data, '--verify', says='catalog.db  1 segments, good')
        assert ' 0 damaged files' in text, text
        [segment] = glob.glob(data + '/seg/*/*.seg')
        content = bytearray(open(segment, 'rb').read())
        content[-5] ^= 1
        with open(segment, 'wb') as out:
            out.write(content)
        text = ends(1, 'inspect', '--data', data, '--verify', says='lost: 1000 rows of 1 metric (a.b), ')
        assert '1 damaged files' in text, text
        ends(0, 'help', 'inspect', says='--rebuild')


@case
def a_wrong_query_shows_the_column():
    with folder() as home, Server(home + '/data') as server:
        server.post_lines('count#page.views=1')
        url = {'DIALTONE_URL': server.url}
        text = ends(1, 'query', 'page.view sum', env=url, says='page.views')
        assert '^' in text, text
        status, answer = server.get('/api/query?q=page.views+smu')
        assert status == 400 and answer['error']['column'] == 12, answer
        assert 'sum' in answer['error']['near'], answer


@case
def check_finds_what_is_wrong():
    with folder() as home:
        with open(home + '/scheme.yaml', 'w') as out:
            out.write('scheme: t\nfields:\n  host: {type: dino}\nmetrics:\n  a.b: {kind: cuont}\n')
        text = ends(4, 'check', home + '/scheme.yaml')
        assert 'scheme.yaml:3:' in text and 'dyno' in text and 'count' in text, text
        ends(0, 'check')
        with open(home + '/lines', 'w') as out:
            out.write('source=web01 count#dialer.requests.totl=1\n')
        text = ends(4, 'check', '--lines', home + '/lines')
        assert 'lines:1:' in text and 'dialer.requests.total' in text, text


@case
def a_second_server_is_refused():
    with folder() as home, Server(home + '/data') as server:
        ends(1, 'serve', '--data', home + '/data', '--http', '127.0.0.1:0', '--line', '127.0.0.1:0', says='data')
        ends(1, 'serve', '--data', home + '/other', '--http', f'127.0.0.1:{server.port}', '--line', '127.0.0.1:0',
             says=str(server.port))


@case
def config_file_and_flags():
    with folder() as home:
        with open(home + '/config.yaml', 'w') as out:
            out.write(f'http: 127.0.0.1:0\nline: 127.0.0.1:0\nundeclared: refuse\n')
        with Server(home + '/data', '--config', home + '/config.yaml') as server:
            status, reply = server.post_lines('count#not.declared=1')
            assert status == 400 and reply['reasons'] == {'undeclared': 1}, reply
        with open(home + '/config.yaml', 'w') as out:
            out.write('htpp: 127.0.0.1:0\n')
        text = ends(2, 'serve', '--config', home + '/config.yaml', '--data', home + '/d2')
        assert 'config.yaml:1:1' in text and 'http' in text, text


@case
def reload_keeps_the_old_scheme_when_the_new_one_is_bad():
    with folder() as home:
        pack = home + '/pack'
        os.mkdir(pack)
        good = 'scheme: t\nfields:\n  host: {type: dyno}\ntemplates: {w: host}\nmetrics:\n  a.b: {kind: count, template: w}\n'
        with open(pack + '/scheme.yaml', 'w') as out:
            out.write(good)
        with Server(home + '/data', '--pack', pack, '--undeclared', 'refuse') as server:
            assert server.post_lines('count#a.b=1 source=h1')[0] == 200
            assert server.post_lines('count#a.c=1 source=h1')[0] == 400
            with open(pack + '/scheme.yaml', 'w') as out:
                out.write(good + '  a.c: {kind: cuont}\n')
            status, _, body = server.request('POST', '/api/admin/reload')
            assert status == 400 and b'scheme.yaml:7' in body, (status, body)
            assert server.post_lines('count#a.b=1 source=h1')[0] == 200
            with open(pack + '/scheme.yaml', 'w') as out:
                out.write(good + '  a.c: {kind: count, template: w}\n')
            assert server.request('POST', '/api/admin/reload')[0] == 200
            assert server.post_lines('count#a.c=1 source=h1')[0] == 200
            assert server.total('a.c sum @host:h1') == 1
            with open(pack + '/scheme.yaml', 'w') as out:
                out.write(good + '  a.c: {kind: unique, template: w}\n')
            status, _, body = server.request('POST', '/api/admin/reload')
            assert status == 400 and b'a.c is stored as a count' in body, (status, body)
            assert server.post_lines('count#a.c=1 source=h1')[0] == 200


@case
def parked_names_wait_until_they_are_declared():
    with folder() as home:
        os.mkdir(home + '/pack')
        good = 'scheme: t\nfields:\n  host: {type: dyno}\ntemplates: {w: host}\nmetrics:\n  a.b: {kind: count, template: w}\n'
        with open(home + '/pack/scheme.yaml', 'w') as out:
            out.write(good)
        with Server(home + '/data', '--pack', home + '/pack', '--undeclared', 'park') as server:
            status, reply = server.post_lines('source=h1 count#a.b=1 count#a.c=5')
            assert status == 200 and (reply['accepted'], reply['parked']) == (1, 1), reply
            with server.connect(server.line_port) as wire:
                wire.sendall(b'source=h1 count#a.c=2\n')
            server.wait_total('a.b sum', 1)
            assert server.get('/api/query?q=a.c+sum')[0] == 400, 'it is kept aside'
            assert server.total('a.* sum') == 1
            listed = server.get('/api/metrics')[1]
            assert [m['name'] for m in listed['parked']] == ['a.c'] and listed['parked'][0]['near'] == 'a.b', listed['parked']
            server.stop()
            server.start()
            assert server.get('/api/query?q=a.c+sum')[0] == 400, 'also after a restart'
            with open(home + '/pack/scheme.yaml', 'w') as out:
                out.write(good + '  a.c: {kind: count, template: w}\n')
            status, _, body = server.request('POST', '/api/admin/reload')
            assert status == 200, body
            server.wait_total('a.c sum', 7)


run()
