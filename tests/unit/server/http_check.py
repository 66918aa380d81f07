#!/usr/bin/env python3
"""Real sockets against the HTTP port: http_check.py HTTP_HOST_EXECUTABLE. A line per case."""
import gzip
import os
import random
import resource
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

HOST = b'Host: 127.0.0.1\r\n'
program = sys.argv[1]
cases = []


def case(**limits):
    def note(function):
        cases.append((function, limits))
        return function
    return note


class Server:
    def __init__(self, **limits):
        limits.setdefault('stop_ms', 2000)
        self.child = subprocess.Popen([program] + [f'{k}={v}' for k, v in limits.items()], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        self.port = int(self.child.stdout.readline())

    def connect(self):
        s = socket.create_connection(('127.0.0.1', self.port), timeout=20)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def counts(self):
        text = ask(self, b'GET /counts HTTP/1.1\r\n' + HOST + b'\r\n')[2]
        return {k: int(v) for k, v in (line.split() for line in text.decode().splitlines())}

    def wait_count(self, name, value):
        for _ in range(400):
            if self.counts()[name] >= value:
                return
            time.sleep(0.025)
        raise AssertionError(f'{name} is {self.counts()[name]}, not {value}')

    def wait_zero(self, name, zero=0):
        """Replies are on their way a moment before they are accounted."""
        for _ in range(400):
            if self.counts()[name] == zero:
                return
            time.sleep(0.025)
        raise AssertionError(f'{name} is {self.counts()[name]}, not {zero}')

    def stop(self):
        self.child.stdin.close()
        rest = self.child.stdout.read()
        code = self.child.wait(timeout=30)
        assert code == 0 and rest == b'stopped\n', (code, rest)


class Reader:
    """Replies cut from a socket, by a second hand: http.client hides too much."""
    def __init__(self, sock):
        self.sock, self.data = sock, b''

    def more(self):
        part = self.sock.recv(65536)
        self.data += part
        return bool(part)

    def line(self):
        while b'\r\n' not in self.data:
            if not self.more():
                raise EOFError(self.data)
        line, self.data = self.data.split(b'\r\n', 1)
        return line

    def take(self, n):
        while len(self.data) < n:
            if not self.more():
                raise EOFError(self.data)
        part, self.data = self.data[:n], self.data[n:]
        return part

    def reply(self, head=False):
        status = int(self.line().split()[1])
        headers = {}
        while line := self.line():
            name, value = line.split(b': ', 1)
            headers[name.decode().lower()] = value.decode()
        if status < 200:
            return status, headers, b''
        body = b''
        if head or status in (204, 304):
            pass
        elif headers.get('transfer-encoding') == 'chunked':
            while size := int(self.line(), 16):
                body += self.take(size)
                assert self.line() == b''
            assert self.line() == b''
        elif 'content-length' in headers:
            body = self.take(int(headers['content-length']))
        else:
            while self.more():
                pass
            body, self.data = self.data, b''
        return status, headers, body

    def at_end(self):
        try:
            return not self.data and not self.more()
        except ConnectionResetError:
            return True


def ask(server, request, head=False):
    with server.connect() as s:
        s.sendall(request)
        return Reader(s).reply(head)


def get(path, extra=b''):
    return b'GET ' + path + b' HTTP/1.1\r\n' + HOST + extra + b'\r\n'


def post(path, body, extra=b''):
    return b'POST ' + path + b' HTTP/1.1\r\n' + HOST + extra + b'Content-Length: %d\r\n\r\n' % len(body) + body


def chunked(path, parts, extra=b''):
    body = b''.join(b'%x\r\n%s\r\n' % (len(p), p) for p in parts)
    return b'POST ' + path + b' HTTP/1.1\r\n' + HOST + extra + b'Transfer-Encoding: chunked\r\n\r\n' + body + b'0\r\n\r\n'


def sum_of(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) & (2**64 - 1)
    return b'%d %d\n' % (len(data), total)


@case()
def plain_requests(server):
    with server.connect() as s:
        reader = Reader(s)
        for _ in range(3):
            s.sendall(get(b'/health'))
            status, headers, body = reader.reply()
            assert (status, body) == (200, b'ok\n')
            assert headers['content-type'] == 'text/plain' and headers['date'].endswith('GMT')
            assert 'connection' not in headers
        s.sendall(b'HEAD /health HTTP/1.1\r\n' + HOST + b'\r\n' + get(b'/health'))
        status, headers, body = reader.reply(head=True)
        assert status == 200 and headers['content-length'] == '3'
        assert reader.reply()[2] == b'ok\n'
        s.sendall(post(b'/echo', b'hello'))
        assert reader.reply()[2] == b'hello'
        s.sendall(post(b'/echo', b''))
        assert reader.reply()[2] == b''
        s.sendall(get(b'/health', b'Connection: close\r\n'))
        assert reader.reply()[1]['connection'] == 'close'
        assert reader.at_end()


@case()
def old_clients(server):
    with server.connect() as s:
        s.sendall(b'GET /health HTTP/1.0\r\n\r\n')
        assert Reader(s).reply()[1]['connection'] == 'close'
    with server.connect() as s:
        reader = Reader(s)
        for _ in range(2):
            s.sendall(b'GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
            assert reader.reply()[1]['connection'] == 'keep-alive'
        s.sendall(b'GET /stream?n=3&size=5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
        status, headers, body = reader.reply()
        assert body == b'aaaaabbbbbccccc' and 'transfer-encoding' not in headers


@case()
def routes_are_chosen(server):
    assert ask(server, get(b'/nothing'))[0] == 404
    status, headers, _ = ask(server, post(b'/health', b''))
    assert status == 405 and headers['allow'] == 'GET, HEAD'
    status, headers, _ = ask(server, b'DELETE /d/exact HTTP/1.1\r\n' + HOST + b'\r\n')
    assert status == 405 and headers['allow'] == 'GET, HEAD, PUT'
    status, headers, _ = ask(server, b'OPTIONS /slow HTTP/1.1\r\n' + HOST + b'\r\n')
    assert status == 204 and headers['allow'] == 'GET, HEAD, POST'
    assert ask(server, get(b'/d/exact'))[2] == b'ok\n'
    assert ask(server, get(b'/d/exactly'))[2] == b'/d/exactly <d> <exactly>'
    assert ask(server, get(b'/d/a%2Fb/%C3%A9?x=1%202+3&&y&=z'))[2] == \
        '/d/a/b/é <d> <a/b> <é> [x=1 2 3] [y=] [=z]'.encode()
    assert ask(server, get(b'/d/%zz'))[0] == 400
    assert ask(server, get(b'/d/x?a=%'))[0] == 400
    assert ask(server, get(b'/d/x?' + b'a&' * 100))[0] == 200
    assert ask(server, get(b'/d/x?' + b'a&' * 101))[0] == 400
    assert ask(server, get(b'/secret'))[0] == 401


@case()
def hosts_and_origins(server):
    for host, status in ((b'localhost', 200), (b'x.localhost:80', 200), (b'[::1]:7411', 200), (b'10.1.2.3', 200),
                         (b'METRICS.example.org:1', 200), (b'evil.example.org', 421), (b'metrics.example.org.evil', 421),
                         (b'1.2.3.evil', 421)):
        assert ask(server, b'GET /health HTTP/1.1\r\nHost: ' + host + b'\r\n\r\n')[0] == status, host
    for origin, status in ((b'http://127.0.0.1', 200), (b'https://metrics.example.org', 200), (b'http://evil.example', 403),
                           (b'null', 403), (b'http://127.0.0.1:81', 403), (b'', 403), (b'http://', 403)):
        assert ask(server, post(b'/echo', b'x', b'Origin: ' + origin + b'\r\n'))[0] == status, origin
    assert ask(server, get(b'/health', b'Origin: http://evil.example\r\n'))[0] == 200
    assert server.counts()['refused_host'] == 3 + 5


@case()
def bytes_may_dribble(server):
    body = gzip.compress(b'line of metrics\n' * 200)
    request = get(b'/health') + chunked(b'/sum', [body[i:i + 7] for i in range(0, len(body), 7)], b'Content-Encoding: gzip\r\n') \
        + post(b'/echo', b'hello')
    with server.connect() as s:
        for i in range(len(request)):
            s.sendall(request[i:i + 1])
        reader = Reader(s)
        assert reader.reply()[2] == b'ok\n'
        assert reader.reply()[2] == sum_of(b'line of metrics\n' * 200)
        assert reader.reply()[2] == b'hello'


@case()
def requests_are_pipelined(server):
    """Also behind slow ones, and beyond what is read at once: the order holds."""
    requests = b''
    for i in range(100):
        requests += [get(b'/d/%d' % i), post(b'/echo', b'body %d' % i), get(b'/slow?ms=5'),
                     chunked(b'/echo', [b'a', b'b%d' % i])][i % 4]
    with server.connect() as s:
        threading.Thread(target=lambda: s.sendall(requests * 3)).start()
        reader = Reader(s)
        for _ in range(3):
            for i in range(100):
                want = [b'/d/%d <d> <%d>' % (i, i), b'body %d' % i, b'slow\n', b'ab%d' % i][i % 4]
                status, _, body = reader.reply()
                assert (status, body) == (200, want), (i, body)


@case()
def many_small_requests_with_large_answers(server):
    """The answers are larger than what may be queued for a client, who reads only at the end."""
    path = b'/d/' + b'x' * 7000
    requests = get(path) * 400
    with server.connect() as s:
        writer = threading.Thread(target=lambda: s.sendall(requests))
        writer.start()
        time.sleep(0.3)
        reader = Reader(s)
        for _ in range(400):
            assert len(reader.reply()[2]) == 7000 + 3 + 4 + 7003
        writer.join()


@case()
def bodies_of_every_kind(server):
    rng = random.Random(7)
    data = bytes(rng.choice(b'abcdefghij\n') for _ in range(1_000_000))
    packed = gzip.compress(data, 1)
    want = sum_of(data)
    assert ask(server, post(b'/sum', data))[2] == want
    assert ask(server, chunked(b'/sum', [data[i:i + 50_000] for i in range(0, len(data), 50_000)]))[2] == want
    assert ask(server, post(b'/sum', packed, b'Content-Encoding: gzip\r\n'))[2] == want
    assert ask(server, post(b'/pause', packed, b'Content-Encoding: x-gzip\r\n'))[2] == want
    assert ask(server, post(b'/pause', data))[2] == want
    two = gzip.compress(data[:1000]) + gzip.compress(data[1000:])
    assert ask(server, post(b'/sum', two, b'Content-Encoding: gzip\r\n'))[2] == want
    zeros = bytes(60 << 20)
    assert ask(server, post(b'/sum', gzip.compress(zeros), b'Content-Encoding: gzip\r\n'))[2] == b'%d 0\n' % len(zeros)
    assert ask(server, post(b'/pause', gzip.compress(zeros), b'Content-Encoding: gzip\r\n'))[2] == b'%d 0\n' % len(zeros)
    assert ask(server, post(b'/raw', two[:9000], b'Content-Encoding: gzip\r\n'))[2] == two[:9000]
    assert ask(server, post(b'/echo', b'', b'Content-Encoding: gzip\r\n'))[0] == 200
    assert ask(server, post(b'/echo', b'x', b'Content-Encoding: identity\r\n'))[2] == b'x'
    server.wait_zero('in_flight')


@case()
def bad_bodies_are_refused(server):
    bomb = gzip.compress(bytes(65 << 20))
    for body in (bomb, bomb + b'x'):
        assert ask(server, post(b'/sum', body, b'Content-Encoding: gzip\r\n'))[0] == 413
    small = gzip.compress(b'hello' * 100)
    for body, status in ((small[:-1], 400), (small[:12], 400), (small + b'junk', 400), (b'not gzip', 400),
                         (small[:20] + b'\0\0\0' + small[23:], 400), (small[:-8] + b'\0' * 8, 400), (zlib.compress(b'x'), 400)):
        assert ask(server, post(b'/echo', body, b'Content-Encoding: gzip\r\n'))[0] == status, body
    status, headers, _ = ask(server, post(b'/echo', b'x', b'Content-Encoding: br\r\n'))
    assert status == 415 and headers['accept-encoding'] == 'gzip'
    assert ask(server, post(b'/echo', b'x', b'Content-Encoding: gzip, gzip\r\n'))[0] == 415
    with server.connect() as s: # refused before the body is sent
        s.sendall(b'POST /echo HTTP/1.1\r\n' + HOST + b'Content-Length: 1048577\r\n\r\n')
        assert Reader(s).reply()[0] == 413
    assert ask(server, chunked(b'/echo', [b'x' * 524288, b'y' * 524288]))[0] == 200
    assert ask(server, chunked(b'/echo', [b'x' * 524288, b'y' * 524289]))[0] == 413
    # A body where none is expected: a small one is dropped, the connection goes on.
    with server.connect() as s:
        s.sendall(b'GET /health HTTP/1.1\r\n' + HOST + b'Content-Length: 5\r\n\r\nhello' + get(b'/health'))
        reader = Reader(s)
        assert [reader.reply()[0] for _ in range(2)] == [200, 200]
    counts = server.counts()
    assert counts['refused_large'] == 4 and counts['refused_encoding'] == 9, counts
    server.wait_zero('in_flight')


@case()
def early_replies(server):
    """The route has answered before the body came: small bodies are dropped, large ones cost the connection."""
    with server.connect() as s:
        s.sendall(post(b'/early', b'x' * 60_000) + get(b'/health'))
        reader = Reader(s)
        assert reader.reply()[0] == 403
        assert reader.reply()[2] == b'ok\n'
    with server.connect() as s:
        reader = Reader(s)
        try:
            s.sendall(post(b'/early', b'x' * 800_000))
        except ConnectionError:
            pass
        status, headers, body = reader.reply()
        assert status == 403 and headers['connection'] == 'close' and b'not you' in body
        assert reader.at_end()
    with server.connect() as s:
        s.sendall(b'POST /early HTTP/1.1\r\n' + HOST + b'Expect: 100-continue\r\nContent-Length: 5\r\n\r\n')
        reader = Reader(s)
        status, headers, _ = reader.reply()
        assert status == 403 and headers['connection'] == 'close'


@case()
def expect_continue(server):
    with server.connect() as s:
        s.sendall(b'POST /echo HTTP/1.1\r\n' + HOST + b'Expect: 100-continue\r\nContent-Length: 5\r\n\r\n')
        reader = Reader(s)
        assert reader.reply()[0] == 100
        s.sendall(b'hello')
        assert reader.reply()[2] == b'hello'
        s.sendall(get(b'/health'))
        assert reader.reply()[2] == b'ok\n'
        s.sendall(b'GET /health HTTP/1.1\r\n' + HOST + b'Expect: 200-maybe\r\n\r\n')
        assert reader.reply()[0] == 417


@case()
def smuggling_is_refused(server):
    smuggled = b'0\r\n\r\nGET /stream?n=1&size=7 HTTP/1.1\r\n' + HOST + b'\r\n'
    heads = [b'Content-Length: %d\r\nTransfer-Encoding: chunked' % len(smuggled), b'Transfer-Encoding: chunked\r\nContent-Length: 4',
             b'Content-Length: 0\r\nContent-Length: 5', b'Content-Length: 5\r\nContent-Length: 5', b'Content-Length: +5',
             b'Content-Length: 5,5', b'Content-Length : 5', b'Transfer-Encoding: xchunked', b'Transfer-Encoding: chunked, chunked',
             b'Transfer-Encoding:\n chunked', b'X: y\nContent-Length: 5', b'X: y\rContent-Length: 5', b'Host: b',
             b' Content-Length: 5', b'X\x00: y', b'X: y\x00', b'Transfer-Encoding: identity']
    for head in heads:
        with server.connect() as s:
            s.sendall(b'POST /echo HTTP/1.1\r\n' + HOST + head + b'\r\n\r\n' + smuggled)
            reader = Reader(s)
            status, headers, body = reader.reply()
            assert status in (400, 501) and headers['connection'] == 'close', (head, status)
            assert reader.at_end(), head
    assert server.counts()['refused_syntax'] == len(heads)


@case()
def huge_heads_are_refused(server):
    for request, status in ((b'GET /' + b'x' * 9000, 414), (get(b'/health', b'X: ' + b'y' * 33000 + b'\r\n'), 431),
                            (get(b'/health', b'X: y\r\n' * 100), 431), (get(b'/health', b'X: y\r\n' * 99), 200),
                            (b'\x16\x03\x01\x02', 400), (b'GET / HTTP/2.0\r\n\r\n', 505)):
        with server.connect() as s:
            s.sendall(request)
            assert Reader(s).reply()[0] == status
    # A head without end is refused at its limit, not stored.
    with server.connect() as s:
        try:
            for _ in range(1000):
                s.sendall(b'x' * 10000)
        except ConnectionError:
            pass


@case(head_ms=400, body_grace_ms=400, idle_ms=600)
def slow_clients_are_cut_off(server):
    idle, head, body, fair, kept = (server.connect() for _ in range(5))
    head.sendall(b'GET /health HT')
    body.sendall(b'POST /sum HTTP/1.1\r\n' + HOST + b'Content-Length: 100000\r\n\r\nx')
    fair.sendall(b'POST /sum HTTP/1.1\r\n' + HOST + b'Content-Length: 20000\r\n\r\n')
    kept.sendall(get(b'/health'))
    assert Reader(kept).reply()[0] == 200
    stop = time.monotonic() + 1.2
    while time.monotonic() < stop: # 16 KB/s is enough
        fair.sendall(b'y' * 800)
        head_alive = head.fileno() >= 0
        try:
            head.sendall(b'x')
            body.sendall(b'x')
        except ConnectionError:
            pass
        time.sleep(0.05)
    sent = 0
    reader = Reader(fair)
    fair.sendall(b'y' * 20000)
    assert reader.reply()[2].startswith(b'20000 ')
    assert Reader(idle).at_end()
    assert Reader(kept).at_end()
    assert Reader(head).reply()[0] == 408
    assert Reader(body).reply()[0] == 408
    assert server.counts()['refused_slow'] == 2
    server.wait_count('routes_gone', 1)
    for s in (idle, head, body, fair, kept):
        s.close()


@case()
def clients_that_leave_are_noticed(server):
    """While their answer is worked on, also behind other requests; a reset and a plain close alike."""
    s = server.connect()
    s.sendall(get(b'/slow?ms=20000'))
    time.sleep(0.1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()
    server.wait_count('routes_gone', 1)
    s = server.connect()
    s.sendall(get(b'/slow?ms=20000'))
    time.sleep(0.1)
    s.close()
    server.wait_count('routes_gone', 2)
    s = server.connect()
    s.sendall(get(b'/health') + get(b'/slow?ms=20000') + get(b'/health'))
    s.close()
    server.wait_count('routes_gone', 3)
    s = server.connect() # in the middle of its body
    s.sendall(b'POST /sum HTTP/1.1\r\n' + HOST + b'Content-Length: 100\r\n\r\nhalf')
    time.sleep(0.1)
    s.close()
    server.wait_count('routes_gone', 4)
    s = server.connect() # in the middle of an endless answer
    s.sendall(get(b'/stream?n=0&size=1000'))
    Reader(s).take(100_000)
    s.close()
    server.wait_count('routes_gone', 5)
    s = server.connect() # who does not read, and then leaves
    s.sendall(get(b'/stream?n=0&size=100000'))
    time.sleep(0.2)
    s.close()
    server.wait_count('routes_gone', 6)
    server.wait_zero('open', 1)
    assert server.counts()['gone'] >= 6


@case()
def half_closed_clients_get_their_answer(server):
    for path, wait in ((b'/health', 0), (b'/slow?ms=50', 0), (b'/slow?ms=600', 1)):
        with server.connect() as s:
            s.sendall(get(path))
            s.shutdown(socket.SHUT_WR)
            reader = Reader(s)
            status = reader.reply()[0]
            if wait:
                assert status == 100 # the question whether it is still there
                status = reader.reply()[0]
            assert status == 200
            assert reader.at_end()
    with server.connect() as s:
        s.sendall(post(b'/echo', b'a') + get(b'/slow?ms=50') + post(b'/echo', b'b'))
        s.shutdown(socket.SHUT_WR)
        reader = Reader(s)
        assert [reader.reply()[2] for _ in range(3)] == [b'a', b'slow\n', b'b']
        assert reader.at_end()
    with server.connect() as s:
        s.sendall(b'POST /echo HTTP/1.1\r\n' + HOST + b'Content-Length: 100\r\n\r\nhalf')
        s.shutdown(socket.SHUT_WR)
        assert Reader(s).reply()[0] == 400


@case(idle_ms=500)
def streams_flow(server):
    status, headers, body = ask(server, get(b'/stream?n=2000&size=3000'))
    assert headers['transfer-encoding'] == 'chunked' and len(body) == 6_000_000
    with server.connect() as s: # a slow reader gets all of it
        s.sendall(get(b'/stream?n=100&size=30000'))
        reader = Reader(s)
        time.sleep(0.3)
        assert len(reader.reply()[2]) == 3_000_000
        s.sendall(get(b'/health'))
        assert reader.reply()[2] == b'ok\n'
    with server.connect() as s: # one that takes nothing is given up
        s.sendall(get(b'/stream?n=0&size=30000'))
        server.wait_count('routes_gone', 1)


@case(connections_max=50)
def connections_are_capped(server):
    held = [server.connect() for _ in range(50)]
    for s in held:
        s.sendall(get(b'/health'))
        assert Reader(s).reply()[0] == 200
    for _ in range(20):
        status, headers, body = ask(server, b'')
        assert status == 503 and headers['retry-after'] == '1' and body.endswith(b'}\n')
    held.pop().close()
    time.sleep(0.2)
    assert ask(server, get(b'/health'))[0] == 200
    for s in held:
        s.close()
    time.sleep(0.2)
    assert server.counts()['refused_connections'] == 20


@case(in_flight_max=1_000_000)
def bodies_in_flight_are_capped(server):
    held = []
    for _ in range(3):
        s = server.connect()
        s.sendall(b'POST /echo HTTP/1.1\r\n' + HOST + b'Content-Length: 400001\r\n\r\n' + b'x' * 400_000)
        held.append(s)
    select.select(held, [], [], 10)
    time.sleep(0.5)  # two that go over the limit at the same moment are both refused
    refused, _, _ = select.select(held, [], [], 0)
    assert len(refused) in (1, 2)
    for s in held:
        if s in refused:
            status, headers, _ = Reader(s).reply()
            assert status == 503 and headers['retry-after'] == '1'
        else:
            s.sendall(b'y')
            assert len(Reader(s).reply()[2]) == 400_001
        s.close()
    server.wait_zero('in_flight')  # the last of them are given back when their connections are seen to end
    assert ask(server, post(b'/echo', b'x' * 900_000))[0] == 200
    server.wait_zero('in_flight')
    assert server.counts()['refused_in_flight'] == len(refused)


@case(head_ms=60000)
def idle_and_dribbling_crowds_change_nothing(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = 4000 if hard == resource.RLIM_INFINITY or hard >= 4500 else hard - 500
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, want + 400), hard))
    crowd = [server.connect() for _ in range(want)]
    for s in crowd[::2]:
        s.sendall(b'GET /hea')
    stop = False

    def dribble():
        while not stop:
            for s in crowd[::20]:
                s.sendall(b'x')
            time.sleep(0.01)
    dribbler = threading.Thread(target=dribble)
    dribbler.start()
    with server.connect() as s:
        reader = Reader(s)
        for _ in range(500):
            s.sendall(post(b'/echo', b'hello'))
            assert reader.reply()[2] == b'hello'
    memory = [int(line.split()[1]) for line in open(f'/proc/{server.child.pid}/status') if line.startswith('VmRSS')][0]
    stop = True
    dribbler.join()
    server.wait_zero('open', want + 1)
    for s in crowd:
        s.close()
    print(f'  {want} connections, resident {memory // 1024} MiB')


@case(stop_ms=5000)
def stopping_is_graceful(server):
    idle, slow, half = server.connect(), server.connect(), server.connect()
    slow.sendall(get(b'/slow?ms=700') + get(b'/health'))
    half.sendall(b'POST /echo HTTP/1.1\r\n' + HOST + b'Content-Length: 5\r\n\r\nhe')
    time.sleep(0.2)
    server.child.stdin.close()
    assert Reader(idle).at_end()
    for attempt in range(200): # every loop has a socket of its own to close
        try:
            socket.create_connection(('127.0.0.1', server.port), timeout=1).close()
        except ConnectionRefusedError:
            break
        except ConnectionError:
            pass
        assert attempt < 199, 'still listening'
        time.sleep(0.02)
    half.sendall(b'llo')
    status, headers, body = Reader(half).reply()
    assert (status, headers['connection'], body) == (200, 'close', b'hello')
    reader = Reader(slow)
    status, headers, body = reader.reply()
    assert (status, headers['connection'], body) == (200, 'close', b'slow\n')
    assert reader.at_end()
    for s in (idle, slow, half):
        s.close()


@case(stop_ms=300)
def stopping_has_a_deadline(server):
    never, stream = server.connect(), server.connect()
    never.sendall(get(b'/slow?ms=1500'))
    stream.sendall(get(b'/stream?n=0&size=100000'))
    time.sleep(0.2)
    server.child.stdin.close()
    assert Reader(never).at_end()
    never.close()
    stream.close()
    time.sleep(1.5) # the late reply finds its exchange gone


def random_noise(server, seed):
    rng = random.Random(seed)
    parts = [get(b'/health'), post(b'/echo', b'hello'), chunked(b'/sum', [b'abc', b'defg']), b'\r\n', b'GET ', b'Host: x\r\n',
             post(b'/pause', gzip.compress(b'x' * 5000), b'Content-Encoding: gzip\r\n'), get(b'/slow?ms=1'), bytes(20)]
    for _ in range(600):
        data = bytearray(b''.join(rng.choice(parts) for _ in range(rng.randrange(1, 6))))
        for _ in range(rng.randrange(0, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with server.connect() as s:
            try:
                at = 0
                while at < len(data):
                    step = rng.choice((1, 5, 50, 5000))
                    s.sendall(data[at:at + step])
                    at += step
                if rng.random() < 0.5:
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
            except ConnectionError:
                pass


@case()
def noise_breaks_nothing(server):
    seed = int(os.environ.get('SEED', '0')) or random.randrange(1, 1 << 30)
    print(f'  seed {seed}')
    random_noise(server, seed)
    assert ask(server, get(b'/health'))[0] == 200
    server.wait_zero('open', 1)
    server.wait_zero('in_flight')


def main():
    wanted = sys.argv[2:]
    failed = 0
    for function, limits in cases:
        if wanted and function.__name__ not in wanted:
            continue
        begun = time.monotonic()
        server = Server(**limits)
        try:
            function(server)
            server.stop()
            print(f'ok {function.__name__} ({time.monotonic() - begun:.1f} s)', flush=True)
        except Exception as error:
            failed += 1
            print(f'not ok {function.__name__}: {type(error).__name__} {str(error)[:500]}', flush=True)
            import traceback
            traceback.print_exc(file=sys.stdout)
            if server.child.poll() is None:
                server.child.kill()
            print(f'  the server ended with {server.child.wait()}')
    print(f'{len(cases) - failed} passed, {failed} failed')
    return 1 if failed else 0


sys.exit(main())
