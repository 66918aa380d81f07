#!/usr/bin/env python3
"""Lines over every port with the clients that people have: curl, nc, logger, logplex, plain sockets."""
import gzip
import json
import shutil
import socket
import subprocess
import time

from harness import Server, Skip, account_adds_up, case, dialtone, folder, run

ANSWERED = 'source=web01.42.7.9001 sample#dialer.contact.answered=812.4ms'


def need(program):
    if not shutil.which(program):
        raise Skip(f'{program} is not installed')


def octets(text):
    return f'{len(text.encode())} {text}'.encode()


@case
def one_line_by_http_is_there_at_once():
    with folder() as home, Server(home + '/data') as server:
        status, reply = server.post_lines(ANSWERED + '\n')
        assert status == 200 and reply['lines'] == 1 and reply['accepted'] == 1, reply
        assert server.total('dialer.contact.answered count @account_id:42') == 1
        assert server.total('dialer.contact.answered sum @account_id:42') == 812.4
        assert server.total('dialer.contact.answered count @account_id:43') == 0
        account_adds_up(server.status())


@case
def the_clients_that_people_have():
    for program in ('curl', 'nc', 'logger'):
        need(program)
    with folder() as home, Server(home + '/data') as server:
        with open(home + '/lines', 'w') as file:
            file.write(ANSWERED + '\n')
        subprocess.run(['curl', '-sf', '--data-binary', '@' + home + '/lines', server.url + '/lines'], check=True,
                       stdout=subprocess.DEVNULL)
        server.wait_total('dialer.contact.answered count @account_id:42', 1)
        subprocess.run(['logger', '--tcp', '--octet-count', '--rfc5424', '-n', '127.0.0.1', '-P',
                        str(server.line_port), ANSWERED], check=True)
        server.wait_total('dialer.contact.answered count @account_id:42', 2)
        subprocess.run(['nc', '-q', '0', '127.0.0.1', str(server.line_port)], input=(ANSWERED + '\n').encode(),
                       check=True)
        server.wait_total('dialer.contact.answered count @account_id:42', 3)
        subprocess.run(['logger', '--udp', '--rfc3164', '-n', '127.0.0.1', '-P', str(server.line_port), ANSWERED],
                       check=True)
        server.wait_total('dialer.contact.answered count @account_id:42', 4)
        answer = dialtone('query', 'dialer.contact.answered count @account_id:42', '--format', 'json',
                          env={'DIALTONE_URL': server.url})
        assert answer.returncode == 0, answer.stderr
        values = json.loads(answer.stdout)['series'][0]['values']
        assert sum(v or 0 for v in values) == 4, values


@case
def a_logplex_frame_twice_counts_once():
    message = f'<174>1 2012-07-22T00:06:26+00:00 host app web.1 - {ANSWERED.replace("sample#", "ts=NOW sample#")}\n'
    message = message.replace('NOW', str(int(time.time())))
    headers = {'Content-Type': 'application/logplex-1', 'Logplex-Frame-Id': '5A1D7B3C', 'Logplex-Msg-Count': '1'}
    with folder() as home, Server(home + '/data') as server:
        for _ in range(2):
            status, _, _ = server.request('POST', '/logs', octets(message), headers)
            assert status == 200, status
        server.wait_total('dialer.contact.answered count @account_id:42', 1)
        assert server.total('dialer.contact.answered count @process:web.1') == 1
        account_adds_up(server.status())


@case
def logplex_with_and_without_the_dash():
    now = time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime())
    body = octets(f'<190>1 {now} host app web.1 - count#a.b=1\n') + octets(f'<190>1 {now} host app web.1 - - count#a.b=1\n')
    with folder() as home, Server(home + '/data') as server:
        status, _, _ = server.request('POST', '/logs', body, {'Content-Type': 'application/logplex-1'})
        assert status == 200
        server.wait_total('a.b sum', 2)


@case
def gzip_chunked_and_dribbled_bodies():
    line = b'count#x.y=1\n'
    with folder() as home, Server(home + '/data') as server:
        status, reply = server.post_lines(gzip.compress(line * 1000), Content_Encoding='gzip')
        assert status == 200 and reply['accepted'] == 1000, reply
        with server.connect() as wire:
            wire.sendall(b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n')
            for piece in (line * 3, line[:5], line[5:]):
                wire.sendall(b'%x\r\n%s\r\n' % (len(piece), piece))
            wire.sendall(b'0\r\n\r\n')
            assert b'"accepted":4' in wire.recv(65536)
        with server.connect() as wire:
            for byte in b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 12\r\n\r\n' + line:
                wire.sendall(bytes([byte]))
            assert b'"accepted":1' in wire.recv(65536)
        assert server.total('x.y sum') == 1005


@case
def pipelined_requests_are_answered_in_order():
    with folder() as home, Server(home + '/data') as server, server.connect() as wire:
        one = b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 12\r\n\r\ncount#p.q=1\n'
        wire.sendall(one * 50)
        got = b''
        while got.count(b'HTTP/1.1 200') < 50 or not got.endswith(b'}'):
            piece = wire.recv(65536)
            assert piece, got[-500:]
            got += piece
            if got.count(b'"accepted":1') == 50:
                break
        assert server.total('p.q sum') == 50


@case
def tcp_lines_framed_and_bare_on_one_connection():
    with folder() as home, Server(home + '/data') as server:
        with server.connect(server.line_port) as wire:
            wire.sendall(b'count#t.c=1\n' + octets('<13>1 - h a - - - count#t.c=1') + b'count#t.c=1\r\n')
            wire.sendall(b'count#t.c=1')  # the last one without a newline
        server.wait_total('t.c sum', 4)


@case
def udp_datagrams_with_several_lines():
    with folder() as home, Server(home + '/data') as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            for _ in range(10):
                wire.sendto(b'count#u.d=1\ncount#u.d=2', ('127.0.0.1', server.line_port))
        server.wait_total('u.d sum', 30)


@case
def sigterm_loses_nothing_of_any_port():
    with folder() as home, Server(home + '/data') as server:
        with server.connect(server.line_port) as wire:
            wire.sendall(b'count#s.t=1\n' * 1000)
            time.sleep(0.3)
            server.stop()
        server.start()
        assert server.total('s.t sum') == 1000


@case
def what_was_refused_is_said_with_line_and_column():
    with folder() as home, Server(home + '/data') as server:
        status, reply = server.post_lines('count#ok=1\ncount#bad=--1\nnothing here\n')
        assert status == 200, status
        assert (reply['lines'], reply['without'], reply['accepted'], reply['refused']) == (3, 1, 1, 1), reply
        assert reply['reasons'] == {'number_bad': 1}, reply
        first = reply['first'][0]
        assert (first['line'], first['column'], first['reason']) == (2, 1, 'number_bad'), first
        status, reply = server.post_lines('count#bad=x\n')
        assert status == 400 and reply['refused'] == 1, (status, reply)
        account_adds_up(server.status())


@case
def sources_that_trip_others():
    lines = {
        'source=web.1 sample#memory_total=21.0MB': ('memory_total', 'host:web.1'),
        'source=web.1.42.7.9001 sample#dialer.contact.busy=5ms': ('dialer.contact.busy', 'host:web.1,account_id:42'),
        'source=preview.ac-1.ca-2.cs-3 sample#dialer.contact.error=5ms':
            ('dialer.contact.error', 'campaign_type:preview,account_id:1,campaign_id:2,caller_session_id:3'),
        'source=web01.1.2.3.surprise sample#dialer.contact.redirect=5ms':
            ('dialer.contact.redirect', 'campaign_type:surprise,account_id:1'),
        'source=web01.prod.example.com count#un.declared=1': ('un.declared', 'source:web01.prod.example.com'),
    }
    with folder() as home, Server(home + '/data') as server:
        for line in lines:
            assert server.post_lines(line)[0] == 200
        for metric, scope in lines.values():
            assert server.total(f"{metric} count @{scope}") == 1, (metric, scope)
        router = ('at=info method=GET path="/calls" host=caller.example.com request_id=8 fwd="1.2.3.4" dyno=web.1 '
                  'connect=1ms service=18ms status=200 bytes=1548')
        now = time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime())
        body = octets(f'<158>1 {now} host heroku router - {router}\n')
        assert server.request('POST', '/logs', body, {'Content-Type': 'application/logplex-1'})[0] == 200
        server.wait_total('router.service sum @status:200,method:GET', 18)
        assert server.total('router.bytes sum') == 1548
        assert server.total('router.service count @host:caller.example.com') == 0


run()
