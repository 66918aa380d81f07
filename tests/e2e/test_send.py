#!/usr/bin/env python3
"""dialtone send: nothing lost, nothing twice, over absent and failing servers, kills and rotation."""
import http.server
import os
import signal
import socket
import subprocess
import threading
import time

from harness import DIALTONE, Server, case, folder, run


def send(home, *words, url, stdin=None, **options):
    return subprocess.Popen([DIALTONE, 'send', '--spool', home + '/spool', '--url', url, *words],
                            stdin=subprocess.PIPE if stdin is None else stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            **options)


def finish(process, data=None, timeout=60):
    out, err = process.communicate(data, timeout=timeout)
    return process.returncode, out.decode(), err.decode()


def numbered(first, last):
    return b''.join(b'ts=%d source=n.%d count#send.test=1\n' % (int(time.time()), n) for n in range(first, last))


class StandIn(http.server.ThreadingHTTPServer):
    """Answers POST /lines with what `script` says, and remembers what it took by key."""

    def __init__(self, script):
        self.script, self.bodies, self.asked = list(script), {}, 0
        super().__init__(('127.0.0.1', 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_address[1]}'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def reply(self, status, body=b'{}', **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(404)

    def do_POST(self):
        self.server.asked += 1
        what = self.server.script.pop(0) if self.server.script else 200
        body = self.rfile.read(int(self.headers['Content-Length']))
        if what == 'drop':
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if what in (200, 'take and drop'):
            self.server.bodies.setdefault(self.headers['Idempotency-Key'], body)
        if what == 'take and drop':
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif what == 400:
            self.reply(400, b'{"refused":3,"first":[{"reason":"number_bad","text":"count#a=x"}]}')
        else:
            self.reply(what, b'{"refused":0}', **({'Retry_After': '0'} if what in (429, 503) else {}))


@case
def lines_of_a_pipe_arrive_once():
    with folder() as home, Server(home + '/data') as server:
        code, _, err = finish(send(home, url=server.url), numbered(0, 5000))
        assert code == 0, err
        assert server.total('send.test sum') == 5000
        assert '0 batches wait' in err, err


@case
def trouble_is_retried_under_the_same_key():
    with folder() as home:
        stand_in = StandIn([503, 'drop', 429, 'take and drop', 503])
        code, _, err = finish(send(home, url=stand_in.url), numbered(0, 100))
        assert code == 0, err
        assert len(stand_in.bodies) == 1 and stand_in.asked == 6, (stand_in.bodies.keys(), stand_in.asked)
        assert next(iter(stand_in.bodies.values())).count(b'\n') == 100
        assert 'the server is back' in err, err
        stand_in.shutdown()


@case
def what_is_refused_is_said_and_not_sent_again():
    with folder() as home:
        stand_in = StandIn([400])
        code, _, err = finish(send(home, url=stand_in.url), numbered(0, 3))
        assert code == 4 and 'number_bad' in err and stand_in.asked == 1, (code, err)
        stand_in.shutdown()


@case
def without_a_server_lines_wait_for_the_next_run():
    with folder() as home:
        code, _, err = finish(send(home, url='http://127.0.0.1:9'), numbered(0, 10))
        assert code == 3 and '1 batches wait' in err, (code, err)
        with Server(home + '/data') as server:
            code, _, err = finish(send(home, url=server.url), numbered(10, 20))
            assert code == 0, err
            assert server.total('send.test sum') == 20


@case
def a_killed_sender_goes_on_where_it_was():
    with folder() as home, Server(home + '/data') as server:
        log = home + '/app.log'
        written = 0
        with open(log, 'ab', buffering=0) as out:
            for round_number in range(4):
                process = send(home, '-f', log, '--from-start', url=server.url)
                for _ in range(12):
                    out.write(numbered(written, written + 50))
                    written += 50
                    time.sleep(0.1)
                process.send_signal(signal.SIGKILL)
                process.communicate()
            process = send(home, '-f', log, url=server.url)
            server.wait_total('send.test sum', written, seconds=30)
            process.send_signal(signal.SIGTERM)
            code, _, err = finish(process)
            assert code == 0, err
        time.sleep(0.2)
        assert server.total('send.test sum') == written


@case
def rotation_and_truncation_are_followed():
    with folder() as home, Server(home + '/data') as server:
        log = home + '/app.log'
        process = send(home, '-f', log, '--from-start', url=server.url)
        time.sleep(0.3)
        with open(log, 'ab', buffering=0) as out:
            out.write(numbered(0, 100))
            server.wait_total('send.test sum', 100, seconds=30)
            os.rename(log, log + '.1')
            out.write(numbered(100, 200))  # the program has not noticed yet
        with open(log, 'ab', buffering=0) as out:
            out.write(numbered(200, 300))
            server.wait_total('send.test sum', 300, seconds=30)
            os.truncate(log, 0)
        with open(log, 'ab', buffering=0) as out:
            out.write(numbered(300, 310))
            server.wait_total('send.test sum', 310, seconds=30)
        process.send_signal(signal.SIGTERM)
        assert finish(process)[0] == 0


@case
def a_full_spool_drops_the_oldest_and_says_so():
    with folder() as home:
        lines = b'source=h count#send.test=1 filler=' + b'x' * 1000 + b'\n'
        code, _, err = finish(send(home, '--spool-bytes', '1MiB', url='http://127.0.0.1:9'), lines * 5000)
        assert code == 3, err
        assert ' 0 lines dropped' not in err, err
        assert sum(os.path.getsize(os.path.join(home, 'spool', f)) for f in os.listdir(home + '/spool')) < 3 << 20


@case
def other_targets():
    with folder() as home, Server(home + '/data') as server:
        for kind, count in (('tcp', 100), ('udp', 200)):
            code, _, err = finish(send(home, url=f'{kind}://127.0.0.1:{server.line_port}'), numbered(0, 100))
            assert code == 0, err
            server.wait_total('send.test sum', count)
        code, out, _ = finish(send(home, url='stdout:'), b'count#a=1\nno newline')
        assert code == 0 and out == 'count#a=1\nno newline\n', out


@case
def wrong_words():
    with folder() as home:
        code, _, err = finish(send(home, url='ftp://x'), b'')
        assert code == 2 and 'expected http://' in err, err
        first = send(home, url='http://127.0.0.1:9')
        time.sleep(0.5)
        code, _, err = finish(send(home, url='http://127.0.0.1:9'), b'')
        assert code == 1 and 'another sender' in err, (code, err)
        finish(first, b'')


run()
