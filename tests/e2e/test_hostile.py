#!/usr/bin/env python3
"""Lines and requests that mean harm: nothing crashes or stalls, the account adds up, reasons are shown."""
import os
import random
import resource
import socket
import time

from harness import FAST, QUICK, Server, account_adds_up, case, folder, run


def hostile_lines():
    dice = random.Random(1)
    yield bytes(dice.randrange(256) for _ in range(5000)).replace(b'\n', b' ')
    yield b'count#a=1 ' + b'x' * 1_000_000
    yield b'sample#q="unterminated count#b=1'
    yield b'" " " sample#c=1 msg="it\'s \\" quoted" count#d=2'
    yield b'sample#bad\xff\xfe=1 sample#good=1'
    yield b'sample#big=' + b'9' * 400
    yield b'sample#huge=1e999 sample#nan=NaN sample#inf=Infinity sample#hex=0x1p3 sample#neg=-5'
    yield b'ts=1900-01-01T00:00:00Z count#old=1'
    yield b'ts=3000-01-01T00:00:00Z count#new=1'
    yield b'ts=yesterday count#e=1'
    yield b' '.join(b'count#m%d=1' % n for n in range(3000))
    yield b' '.join(b'c#%d' % n for n in range(5000))
    yield b'source=' + b'a.' * 20000 + b' count#s=1'
    yield b'source="' + b'\\"' * 300 + b'" count#s=2'
    yield b'count#=1 sample#=2 #=3 =4 = == count##a=1 sample#a=b=c'
    yield b'\x00\x00\x00 count#zero\x00=1'
    yield b'<191>1 not a frame count#f=1'
    yield b'<999999999999>'
    yield b'ts=' + b'9' * 5000 + b' count#g=1'


def ten_thousand():
    return b' '.join(b'count#z=1' for n in range(10_001))


@case
def hostile_lines_by_http_are_accounted_for():
    with folder() as home, Server(home + '/data') as server:
        body = b'\n'.join(hostile_lines()) + b'\n'
        status, reply = server.post_lines(body)
        assert status == 200, (status, reply)
        assert reply['lines'] == body.count(b'\n'), reply
        for reason in ('line_too_long', 'number_bad', 'not_finite', 'time_bad', 'too_new', 'quote_stray', 'name_bad'):
            assert reply['reasons'].get(reason), (reason, reply['reasons'])
        state = server.status()
        account_adds_up(state)
        shown = {r['reason']: r for r in state['reasons']}
        assert shown['number_bad']['example'] and shown['number_bad']['text'], shown
        assert server.total('good sum') == 1
        assert server.total('d sum') == 2


@case
def ten_thousand_measurements_on_a_line():
    with folder() as home, Server(home + '/data') as server:
        line = ten_thousand()[:65000].rsplit(b' ', 1)[0]
        wanted = line.count(b'count#')
        status, reply = server.post_lines(line + b'\n')
        assert status == 200 and reply['accepted'] == wanted, (wanted, reply)
        many = b' '.join([b'count#'] * 0 + [b'c#a'] * 0 + [b'count#y'] * 8100)
        status, reply = server.post_lines(many + b'\n')
        assert reply['accepted'] + reply['refused'] + reply['lines'] > 0
        account_adds_up(server.status())


@case
def hostile_lines_by_tcp_and_udp():
    with folder() as home, Server(home + '/data') as server:
        with server.connect(server.line_port) as wire:
            for line in hostile_lines():
                wire.sendall(line + b'\n')
            wire.sendall(b'99999999 <13>1 count#x=1\n 12 \n-5 <13>\n' + b'count#still.here=1\n')
        server.wait_total('still.here sum', 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            for line in hostile_lines():
                wire.sendto(line[:60000], ('127.0.0.1', server.line_port))
            wire.sendto(b'count#still.udp=1', ('127.0.0.1', server.line_port))
        server.wait_total('still.udp sum', 1)
        account_adds_up(server.status())


@case
def random_bytes_on_every_port():
    dice = random.Random(int(os.environ.get('SEED', '4')))
    with folder() as home, Server(home + '/data') as server:
        for _ in range(100 if QUICK else 400):
            junk = dice.randbytes(dice.randrange(1, 3000))
            for port in (server.port, server.line_port):
                try:
                    with server.connect(port) as wire:
                        wire.sendall(junk)
                except OSError:
                    pass
        assert server.post_lines('count#alive=1')[0] == 200
        account_adds_up(server.status())


REFUSED = [
    (b'GET / HTTP/1.1\r\n\r\n', 400),
    (b'GET / HTTP/1.1\nHost: x\n\n', 400),
    (b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde', 400),
    (b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: +5\r\n\r\nabcde', 400),
    (b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    (b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: sideways\r\n\r\n', 501),
    (b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\r\n c\r\n\r\n', 400),
    (b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n' + b'A: ' + b'x' * 100000 + b'\r\n\r\n', 431),
    (b'GET /' + b'x' * 100000 + b' HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 414),
    (b'GET / HTTP/1.1\r\nHost: evil.example.com\r\n\r\n', 421),
    (b'DELETE /lines HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 405),
    (b'GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 404),
    (b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx', 415),
    (b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n', 413),
]


@case
def requests_that_are_refused():
    with folder() as home, Server(home + '/data') as server:
        for request, wanted in REFUSED:
            with server.connect() as wire:
                try:
                    wire.sendall(request)
                except OSError:
                    pass
                wire.settimeout(20)
                got = b''
                try:
                    while b'\r\n' not in got:
                        piece = wire.recv(4096)
                        if not piece:
                            break
                        got += piece
                except OSError:
                    pass
            assert got.startswith(b'HTTP/1.1 %d' % wanted), (request[:80], wanted, got[:80])


@case
def four_thousand_idle_or_dribbling_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 9000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    count = min(1000 if QUICK else 3900, wanted - 200)
    with folder() as home, Server(home + '/data', binary=FAST) as server:
        idle = []
        try:
            for n in range(count):
                wire = server.connect()
                if n % 2:
                    wire.sendall(b'POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nc')
                idle.append(wire)
            for _ in range(20):
                assert server.post_lines('count#through=1\n')[0] == 200
            for wire in idle[1::2]:
                wire.sendall(b'o')
            assert server.total('through sum') == 20
            assert server.get('/health')[0] == 200
        finally:
            for wire in idle:
                wire.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and server.status()['connections']['open'] > 50:
            time.sleep(0.1)
        assert server.status()['connections']['open'] <= 50
        account_adds_up(server.status())


run()
