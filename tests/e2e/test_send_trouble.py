#!/usr/bin/env python3
"""dialtone send when things go wrong: silent servers, odd answers, lines no datagram holds, several files per spool."""
import http.server
import os
import signal
import socket
import subprocess
import threading
import time

from harness import DIALTONE, Server, case, folder, run

LINE = b'source=n.1 count#send.test=1\n'
PATIENCE = 20  # seconds; twice and more of what any of these takes when it is right


def send(home, *words, url):
    return subprocess.Popen([DIALTONE, 'send', '--spool', home + '/spool', '--url', url, *words],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process, data=None):
    """(None, '') when it does not end: it is killed then."""
    try:
        out, err = process.communicate(data, timeout=PATIENCE)
        return process.returncode, err.decode()
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, 'did not end'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def reply(self, answer):
        status, body, headers = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(self.server.on_get)

    def do_POST(self):
        self.server.bodies.append(self.rfile.read(int(self.headers['Content-Length'])))
        self.reply(self.server.on_post)


class StandIn(http.server.ThreadingHTTPServer):
    def __init__(self, on_post=(200, b'{"refused":0}', {}), on_get=(404, b'{}', {})):
        self.on_post, self.on_get, self.bodies = on_post, on_get, []
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_address[1]}'


@case
def a_server_that_never_answers_does_not_hold_up_the_end():
    with folder() as home, socket.create_server(('127.0.0.1', 0)) as silent:
        code, err = finish(send(home, url=f'http://127.0.0.1:{silent.getsockname()[1]}'), LINE)
        assert code == 3 and '1 batches wait' in err, (code, err)


@case
def a_long_retry_after_does_not_hold_up_the_end():
    with folder() as home, StandIn((503, b'{}', {'Retry-After': '3600'})) as server:
        code, err = finish(send(home, url=server.url), LINE)
        assert code == 3 and '1 batches wait' in err, (code, err)


@case
def new_lines_do_not_cut_a_rest_short():
    with folder() as home, StandIn((503, b'{}', {'Retry-After': '60'})) as server:
        process = send(home, url=server.url)
        for _ in range(60):
            process.stdin.write(LINE)
            process.stdin.flush()
            time.sleep(0.1)
        asked = len(server.bodies)
        finish(process)
        assert asked == 1, asked


@case
def a_refused_body_is_never_called_sent():
    for body in (b'', b'no', b'{"error":{"code":"bad"}}'):
        with folder() as home, StandIn((400, body, {})) as server:
            code, err = finish(send(home, url=server.url), LINE * 3)
            assert code == 4 and ' 0 lines or measurements refused' not in err, (body, code, err)


@case
def lines_of_too_large_a_body_are_all_counted():
    with folder() as home, StandIn((413, b'{}', {})) as server:
        code, err = finish(send(home, url=server.url), LINE * 7)
        assert code == 4 and ' 7 lines or measurements refused' in err, (code, err)


@case
def an_odd_number_from_the_server_loses_nothing():
    for seq in (b'-1', b'99999999999', b'"x"', b'1e300'):
        with folder() as home, StandIn(on_get=(200, b'{"seq":' + seq + b'}', {})) as server:
            code, err = finish(send(home, url=server.url), LINE)
            assert code == 0 and server.bodies == [LINE], (seq, code, err, server.bodies)


@case
def an_odd_number_does_not_throw_away_what_waits():
    with folder() as home:
        assert finish(send(home, url='http://127.0.0.1:9'), LINE)[0] == 3
        with StandIn(on_get=(200, b'{"seq":-1}', {})) as server:
            code, err = finish(send(home, url=server.url), b'')
            assert code == 0 and server.bodies == [LINE], (code, err, server.bodies)


@case
def a_line_no_datagram_holds_neither_blocks_nor_doubles():
    with folder() as home, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(('127.0.0.1', 0))
        sink.settimeout(0.5)
        lines = b'first ' + b'a' * 1390 + b'\n' + b'x' * 70000 + b'\n' + b'last\n'
        code, err = finish(send(home, url=f'udp://127.0.0.1:{sink.getsockname()[1]}'), lines)
        got = b''
        try:
            while True:
                got += sink.recv(70000)
        except TimeoutError:
            pass
        assert (got.count(b'first '), got.count(b'last\n')) == (1, 1), (code, err, got.count(b'first '), got.count(b'last\n'))


@case
def what_a_stop_finds_unfinished_is_sent():
    with folder() as home, StandIn() as server:
        process = send(home, url=server.url)
        process.stdin.write(b'whole\nno newline yet')
        process.stdin.flush()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        code, err = finish(process)
        assert b''.join(server.bodies) == b'whole\nno newline yet\n', (code, err, server.bodies)


def follow(home, log, server, *words, write=b''):
    process = send(home, '-f', log, *words, url=server.url)
    time.sleep(1)
    if write:
        with open(log, 'ab') as out:
            out.write(write)
        time.sleep(1)
    process.send_signal(signal.SIGTERM)
    return finish(process)


@case
def a_follower_that_saw_nothing_yet_still_knows_its_place():
    with folder() as home, StandIn() as server:
        log = home + '/a.log'
        open(log, 'wb').write(b'old\n')
        follow(home, log, server)
        open(log, 'ab').write(b'written meanwhile\n')
        follow(home, log, server)
        assert b''.join(server.bodies) == b'written meanwhile\n', server.bodies


@case
def a_pipe_through_the_same_spool_keeps_the_place():
    with folder() as home, StandIn() as server:
        log = home + '/a.log'
        open(log, 'wb').write(b'old\n')
        follow(home, log, server, write=b'one\n')
        finish(send(home, url=server.url), b'piped\n')
        open(log, 'ab').write(b'two\n')
        follow(home, log, server)
        assert b''.join(server.bodies) == b'one\npiped\ntwo\n', server.bodies


@case
def another_file_begins_at_its_end():
    with folder() as home, StandIn() as server:
        open(home + '/a.log', 'wb').close()
        open(home + '/b.log', 'wb').write(b'old\n')
        follow(home, home + '/a.log', server, write=b'one\n')
        follow(home, home + '/b.log', server, write=b'new\n')
        assert b''.join(server.bodies) == b'one\nnew\n', server.bodies


@case
def rotated_while_away():
    with folder() as home, StandIn() as server:
        log = home + '/a.log'
        open(log, 'wb').close()
        follow(home, log, server, write=b'one\n')
        open(log, 'ab').write(b'end of the old\n')
        os.rename(log, log + '.1')
        open(log, 'wb').write(b'new\n')
        follow(home, log, server)
        assert b''.join(server.bodies) == b'one\nend of the old\nnew\n', server.bodies


@case
def another_file_with_the_same_inode():
    with folder() as home, StandIn() as server:
        log = home + '/a.log'
        open(log, 'wb').close()
        follow(home, log, server, write=b'one\n')
        inode = os.stat(log).st_ino
        with open(log, 'r+b') as out:  # what removing it and getting the same inode again looks like
            out.truncate(0)
            out.write(b'uno\ndos\n')
        assert os.stat(log).st_ino == inode
        follow(home, log, server)
        assert b''.join(server.bodies) == b'one\nuno\ndos\n', server.bodies


@case
def a_file_that_cannot_be_read_is_said():
    with folder() as home, StandIn() as server:
        code, err = follow(home, home, server)
        assert code == 1 or 'directory' in err, (code, err)


run()
