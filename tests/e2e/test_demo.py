#!/usr/bin/env python3
"""`dialtone demo`: a server and a fleet that fills in history, goes on with the clock, ends with one signal, and goes on
after a restart where it was, with sessions that were never there before."""
import json
import os
import re
import signal
import socket
import subprocess
import time

from harness import FAST, Server, account_adds_up, case, dialtone, folder, run

WAIT_S = 120


class Demo(Server):
    """A demo on free ports; a Server as far as questions go."""

    def start(self):
        self.log = open(self.data + '.log', 'ab+')
        self.begin = self.log.seek(0, 2)
        self.process = subprocess.Popen(
            [FAST, 'demo', '--data', self.data, '--http', '127.0.0.1:0', '--line', '127.0.0.1:0', *self.flags],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until(lambda: 'Ctrl-C ends' in self.said() or self.process.poll() is not None, self.said)
        assert self.process.poll() is None, self.said()
        self.port = int(re.search(r'open  http://127\.0\.0\.1:(\d+)/', self.said()).group(1))
        self.filled_in = int(re.search(r'(\d+) samples filled in', self.said()).group(1))

    def said(self):
        self.log.seek(self.begin)
        return self.log.read().decode(errors='replace')

    def found(self):
        return self.status()['measurements']['found']


def until(true, what):
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(f'did not come: {what()}')


def closed(port):
    try:
        socket.create_connection(('127.0.0.1', port), timeout=5).close()
        return False
    except ConnectionRefusedError:
        return True


def requests_by_session(data, begin):
    """What is stored, asked without a server: that the folder is free shows that the server has gone."""
    answer = dialtone('query', 'dialer.requests.total count by caller_session_id every 1d', '--data', data, '--format', 'json',
                      '--from', str(begin), '--to', str(begin + 86400), binary=FAST)
    assert answer.returncode == 0, answer.stderr.decode()
    series = json.loads(answer.stdout)['series']
    assert series and len(series) < 10000, len(series)
    return {s['fields']['caller_session_id']: sum(v for v in s['values'] if v) for s in series}


@case
def history_is_filled_in_and_the_fleet_goes_on():
    with folder() as home, Demo(home + '/data', '--rate', '300', '--backfill', '20m') as demo:
        assert demo.filled_in > 20 * 60 * 300 // 3, demo.filled_in
        for q in ('dialer.contact.answered p95 by account_id top 5', 'dialer.caller_sessions.on_call', 'host.load.1m by host',
                  'autoscale.{process}.total by process', '{process}.{job}.jobs by process,job top 5'):
            series = demo.query(q, start='-30m')['series']
            assert any(v is not None for s in series for v in s['values']), q
        assert len(demo.query('host.load.1m by host', start='-30m')['series']) == 20
        before = demo.found()
        until(lambda: demo.found() >= before + 1000, lambda: f'{before} samples, then {demo.found()}')
        status = demo.status()
        account_adds_up(status)
        assert status['measurements']['refused'] == 0 and status['measurements']['parked'] == 0, status
        demo.stop()
        until(lambda: closed(demo.port), lambda: 'the end of the server')


@case
def started_again_it_goes_on_with_other_sessions():
    with folder() as home:
        begin = int(time.time()) - 3600
        stored = []
        for flags in (('--rate', '200', '--backfill', '1m'), ('--rate', '200'), ('--rate', '210'), ('--rate', '200')):
            with Demo(home + '/data', *flags) as demo:
                before = demo.found()
                until(lambda: demo.found() >= before + 600, lambda: f'{before} samples, then {demo.found()}')
                demo.stop()
            stored.append(requests_by_session(home + '/data', begin))
        for was, now in zip(stored, stored[1:]):
            assert len(now) > len(was), 'new sessions came'
            again = [n for n in was if now[n] != was[n]]
            assert not again, f'{len(again)} sessions logged on after the restart, such as {again[0]}'


@case
def killed_it_takes_its_server_along():
    with folder() as home:
        demo = Demo(home + '/data', '--backfill', '0s')
        os.kill(demo.process.pid, signal.SIGKILL)
        demo.process.wait()
        until(lambda: closed(demo.port), lambda: 'the end of the server')
        with Demo(home + '/data', '--backfill', '1m') as demo:
            demo.stop()


run()
