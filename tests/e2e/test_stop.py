#!/usr/bin/env python3
"""SIGTERM under load: what was acknowledged is stored, nothing hangs, and a second signal changes nothing."""
import http.client
import signal
import socket
import threading

from harness import Server, case, folder, run

POSTERS = 50
LINES = 100


def post_until_refused(port, number, acked, tried, started):
    sequence = 0
    try:
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
        while True:
            body = ''.join(f'source=h.{number} sample#stop.load={i}\n' for i in range(LINES))
            tried[number] += LINES
            connection.request('POST', '/lines', body)
            reply = connection.getresponse()
            reply.read()
            if reply.status != 200:
                return
            acked[number] += LINES
            sequence += 1
            if sequence == 3:
                started.release()
    except (OSError, http.client.HTTPException):
        return


def seal_until_refused(port):
    try:
        while True:
            connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
            connection.request('POST', '/api/admin/seal', '')
            connection.getresponse().read()
            connection.close()
    except (OSError, http.client.HTTPException):
        return


@case
def stop_under_load_keeps_what_was_acknowledged():
    with folder() as home:
        acked, tried, started = [0] * POSTERS, [0] * POSTERS, threading.Semaphore(0)
        with Server(home + '/data') as server:
            port = server.port
            threads = [threading.Thread(target=post_until_refused, args=(port, n, acked, tried, started))
                       for n in range(POSTERS)]
            threads += [threading.Thread(target=seal_until_refused, args=(port,)) for _ in range(4)]
            # A client that begins a body and then says nothing must not hold the stop.
            hung = socket.create_connection(('127.0.0.1', port))
            hung.sendall(b'POST /lines HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\ncount#stop.hung')
            for thread in threads:
                thread.start()
            for _ in range(POSTERS):
                assert started.acquire(timeout=60), 'every client was answered at first'
            server.process.send_signal(signal.SIGTERM)
            server.process.send_signal(signal.SIGTERM)
            code = server.process.wait(timeout=60)
            hung.close()
            for thread in threads:
                thread.join(timeout=60)
                assert not thread.is_alive(), 'no client hangs'
            assert code == 0, code
        with Server(home + '/data') as server:
            stored = server.total('stop.load count')
            assert sum(acked) <= stored <= sum(tried), (sum(acked), stored, sum(tried))
            assert stored % LINES == 0, 'no body is there in part'
            server.stop()


run()
