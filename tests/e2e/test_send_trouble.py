#!/usr/bin/env python3
"""dialtone send when things go wrong: silent servers, odd answers, lines no datagram holds, several files per spool."""
import http.server
import os
import resource
import signal
import socket
import subprocess
import threading
import time

from harness import DIALTONE, Server, case, folder, run

LINE = b'source=n.1 count#send.test=1\n'
PATIENCE = 20  # seconds; twice and more of what any of these takes when it is right


def send(home, *words, url, spool='spool', **options):
    return subprocess.Popen([DIALTONE, 'send', '--spool', f'{home}/{spool}', '--url', url, *words],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def finish(process, data=None):
    """(None, '') when it does not end: it is killed then."""
    try:
        out, err = process.communicate(data, timeout=PATIENCE)
        return process.returncode, err.decode()
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, 'did not end'


def numbered(first, last, filler=b''):
    return b''.join(b'source=n.%d count#send.test=1%s\n' % (n, filler) for n in range(first, last))


def wait_until(true, what):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


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
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.server.bodies.append(body)
        if self.server.gate:
            self.server.gate.wait(PATIENCE)
        answer = self.server.script.pop(0) if self.server.script else self.server.on_post
        try:
            self.reply(answer)
        except OSError:
            pass  # it had no patience
        if answer[0] == 200:
            self.server.taken.setdefault(self.headers['Idempotency-Key'], body)


class StandIn(http.server.ThreadingHTTPServer):
    """Answers POST with what `script` says, then on_post; keeps all bodies, and by key those it took. A gate holds answers."""

    def __init__(self, on_post=(200, b'{"refused":0}', {}), on_get=(404, b'{}', {}), script=(), gate=None):
        self.on_post, self.on_get, self.script, self.gate = on_post, on_get, list(script), gate
        self.bodies, self.taken = [], {}
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_address[1]}'

    def lines(self):
        return b''.join(list(self.taken.values()))


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
        assert code == 4 and 'too_long' in err and ' 1 lines or measurements refused' in err, (code, err)


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


@case
def a_file_that_is_not_there_yet_is_waited_for():
    with folder() as home, StandIn() as server:
        code, err = follow(home, home + '/a.log', server, write=b'first\n')
        assert code == 0 and server.lines() == b'first\n', (code, err, server.lines())
        assert err.count('waits for') == 1, err


@case
def rotated_three_times_while_away():
    with folder() as home, StandIn() as server:
        log = home + '/a.log'
        open(log, 'wb').close()
        follow(home, log, server, write=b'one\n')
        for n, text in enumerate((b'end of one\n', b'two\n', b'three, unfinished')):
            with open(log, 'ab') as out:
                out.write(text)
            for k in range(n, -1, -1):
                os.rename(f'{log}.{k}' if k else log, f'{log}.{k + 1}')
        open(log, 'wb').write(b'four\n')
        open(log + '.1.gz', 'wb').write(b'not to be read\n')
        follow(home, log, server)
        assert server.lines() == b'one\nend of one\ntwo\nthree, unfinished\nfour\n', server.lines()


@case
def rotated_by_date_while_away():
    with folder() as home, StandIn() as server:
        log = home + '/a.log'
        open(log, 'wb').close()
        follow(home, log, server, write=b'one\n')
        os.rename(log, log + '-20260116')
        open(log + '-20260115', 'wb').write(b'older\n')
        open(log + '-20260117', 'wb').write(b'two\n')
        follow(home, log, server)  # nothing is under the name
        open(log, 'wb').write(b'three\n')
        follow(home, log, server)
        assert server.lines() == b'one\ntwo\nthree\n', server.lines()


@case
def an_old_file_that_is_gone_is_said():
    with folder() as home, StandIn() as server:
        log = home + '/a.log'
        open(log, 'wb').close()
        follow(home, log, server, write=b'one\n')
        os.rename(log, home + '/kept')  # else its inode could come again
        os.rename(home + '/kept', home + '/spool/elsewhere')
        open(log, 'wb').write(b'two\n')
        _, err = follow(home, log, server)
        assert server.lines() == b'one\ntwo\n' and 'is lost' in err, (server.lines(), err)


@case
def written_anew_while_followed():
    with folder() as home, StandIn() as server:
        log = home + '/a.log'
        open(log, 'wb').close()
        process = send(home, '-f', log, url=server.url)
        time.sleep(0.5)
        with open(log, 'ab') as out:
            out.write(b'one\n')
        wait_until(lambda: server.lines() == b'one\n', 'the first line')
        with open(log, 'r+b') as out:  # never shorter than what was read
            out.write(b'uno\ndos\n')
        wait_until(lambda: server.lines() == b'one\nuno\ndos\n', 'the new content')
        process.send_signal(signal.SIGTERM)
        code, err = finish(process)
        assert code == 0 and 'written anew' in err, (code, err)


@case
def two_followers():
    with folder() as home, StandIn() as server:
        names = ('a', 'b')
        for name in names:
            open(f'{home}/{name}.log', 'wb').close()
        processes = [send(home, '-f', f'{home}/{name}.log', url=server.url, spool=name) for name in names]
        time.sleep(0.5)
        for n in range(100):
            for name in names:
                with open(f'{home}/{name}.log', 'ab') as out:
                    out.write(b'%s %d\n' % (name.encode(), n))
            time.sleep(0.02)
        wait_until(lambda: len(server.lines().splitlines()) >= 200, 'all lines')
        for process in processes:
            process.send_signal(signal.SIGTERM)
            assert finish(process)[0] == 0
        for name in names:
            mine = [line for line in server.lines().splitlines() if line.startswith(name.encode())]
            assert mine == [b'%s %d' % (name.encode(), n) for n in range(100)], mine


@case
def a_server_that_hangs_for_a_while():
    gate = threading.Event()
    with folder() as home, StandIn(gate=gate) as server:
        process = send(home, url=server.url)
        process.stdin.write(numbered(0, 100))
        process.stdin.flush()
        wait_until(lambda: len(server.bodies) == 2, 'the second try')
        gate.set()
        code, err = finish(process, numbered(100, 200))
        assert code == 0 and 'the server is back' in err, (code, err)
        assert server.lines() == numbered(0, 200), server.taken.keys()


@case
def a_rest_that_was_asked_for_is_kept():
    with folder() as home, StandIn(script=[(503, b'{}', {'Retry-After': '2'}), (429, b'{}', {'Retry-After': '1'})]) as server:
        process = send(home, url=server.url)
        for n in range(40):  # what comes meanwhile does not make it ask again
            process.stdin.write(numbered(n, n + 1))
            process.stdin.flush()
            time.sleep(0.1)
        code, err = finish(process)
        assert code == 0 and server.lines() == numbered(0, 40), (code, err, server.lines())
        assert server.bodies.count(server.bodies[0]) == 3, server.bodies


@case
def a_server_that_is_killed_in_the_middle_gets_every_line_once():
    with folder() as home:
        server = Server(home + '/data')
        process = send(home, url=server.url)
        for n in range(0, 6000, 100):
            process.stdin.write(numbered(n, n + 100))
            process.stdin.flush()
            time.sleep(0.05)
            if n in (1500, 3500):
                server.kill()
            if n in (2500, 4500):
                server = Server(home + '/data', '--http', f'127.0.0.1:{server.port}')
        code, err = finish(process)
        with server:
            assert code == 0, (code, err)
            assert server.total('send.test sum') == 6000


@case
def a_full_spool_keeps_the_newest():
    with folder() as home:
        code, err = finish(send(home, '--spool-bytes', '1MiB', url='http://127.0.0.1:9'), numbered(0, 5000, b' x=' + b'x' * 1000))
        assert code == 3, (code, err)
        dropped = int(err.split(' lines dropped')[0].split()[-1])
        with StandIn() as server:
            code, err = finish(send(home, url=server.url), b'')
            assert code == 0, (code, err)
        assert dropped and server.lines() == numbered(dropped, 5000, b' x=' + b'x' * 1000), (dropped, len(server.lines()))


def full_disk():
    """No file can be longer than 512 bytes: what a full disk looks like."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, resource.RLIM_INFINITY))


def give_space(process):
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@case
def a_full_disk_does_not_stop_a_pipe():
    with folder() as home, StandIn() as server:
        process = send(home, url=server.url, preexec_fn=full_disk, restore_signals=False)
        process.stdin.write(numbered(0, 100))
        process.stdin.flush()
        wait_until(lambda: server.lines() == numbered(0, 100), 'lines from memory')
        code, err = finish(process, numbered(100, 200))
        assert code == 0 and 'from memory' in err and server.lines() == numbered(0, 200), (code, err)


@case
def a_full_disk_without_a_server_holds_the_writer_up():
    with folder() as home:
        lines = numbered(0, 8000, b' x=' + b'x' * 1000)
        process = send(home, url='http://127.0.0.1:9', preexec_fn=full_disk, restore_signals=False)
        writer = threading.Thread(target=lambda: (process.stdin.write(lines), process.stdin.close()))
        writer.start()
        time.sleep(2)
        assert writer.is_alive(), 'it took 8 MB without a disk'
        give_space(process)
        writer.join(PATIENCE)
        process.wait(PATIENCE)
        err = process.stderr.read().decode()
        process.stdout.close(), process.stderr.close()
        assert process.returncode == 3 and 'takes lines again' in err and ' 0 lines dropped' in err, (process.returncode, err)
        with StandIn() as server:
            code, err = finish(send(home, url=server.url), b'')
            assert code == 0 and server.lines() == lines, (code, err, len(server.lines()))


@case
def what_a_full_disk_loses_is_counted():
    with folder() as home:
        process = send(home, url='http://127.0.0.1:9', preexec_fn=full_disk, restore_signals=False)
        code, err = finish(process, numbered(0, 100))
        assert code == 1 and ' 100 lines lost' in err, (code, err)


@case
def a_full_disk_loses_nothing_of_a_file():
    with folder() as home, StandIn() as server:
        log = home + '/a.log'
        open(log, 'wb').close()
        process = send(home, '-f', log, url=server.url, preexec_fn=full_disk, restore_signals=False)
        time.sleep(0.5)
        with open(log, 'ab') as out:
            out.write(numbered(0, 100))
        time.sleep(2)
        process.send_signal(signal.SIGTERM)
        code, err = finish(process)
        assert code == 0 and not server.bodies and 'no more is read' in err, (code, err, server.bodies)
        follow(home, log, server)
        assert server.lines() == numbered(0, 100), server.lines()


@case
def a_reader_that_left_ends_it():
    with folder() as home:
        process = send(home, url='stdout:')
        process.stdout.close()
        process.stdin.write(LINE)
        process.stdin.flush()  # and its input goes on
        code = process.wait(PATIENCE)
        err = process.stderr.read().decode()
        assert code == 1 and 'cannot write to standard output' in err and '1 batches wait' in err, (code, err)
        process.stderr.close()
        process.stdin.close()
        with StandIn() as server:
            assert finish(send(home, url=server.url), b'')[0] == 0 and server.lines() == LINE, server.lines()


@case
def a_stop_with_an_open_input():
    with folder() as home, StandIn() as server:
        process = send(home, url=server.url)
        process.stdin.write(b'whole\nno newline yet')
        process.stdin.flush()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        err = process.stderr.read().decode()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
        assert server.lines() == b'whole\nno newline yet\n' and ' 14 bytes' in err, (err, server.lines())


@case
def a_damaged_batch_is_counted_and_the_rest_goes_on():
    with folder() as home:
        for n in range(3):
            finish(send(home, url='http://127.0.0.1:9'), numbered(n, n + 1))
        with open(home + '/spool/2.batch', 'r+b') as out:
            out.write(b'garbage')
        with StandIn() as server:
            code, err = finish(send(home, url=server.url), b'')
            assert code == 1 and ' 1 batches gone or damaged' in err, (code, err)
            assert server.lines() == numbered(0, 1) + numbered(2, 3), server.lines()


run()
