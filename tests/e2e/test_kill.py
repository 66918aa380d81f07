#!/usr/bin/env python3
"""kill -9 at random moments under load: every POST acknowledged is there once and whole, no other is there in part.

Rounds: 20 (3 in quick mode), or the first argument. The seed is printed.
"""
import os
import random
import sys
import threading
import time

from harness import QUICK, Server, case, folder, run

ROUNDS = 3 if QUICK else 20
if len(sys.argv) > 1 and sys.argv[1].isdigit():
    ROUNDS = int(sys.argv.pop(1))
SENDERS = 3


class Sender(threading.Thread):
    """Posts numbered batches: batch b of k lines adds k times 1 to kill.SENDER with batch number as a field."""

    def __init__(self, server, number, first):
        super().__init__(daemon=True)
        self.server, self.number, self.next = server, number, first
        self.acked, self.sent = {}, {}
        self.stop = False
        self.random = random.Random(first * 1000 + number)

    def run(self):
        while not self.stop:
            size = self.random.choice([1, 2, 7, 300])
            batch, self.next = self.next, self.next + 1
            self.sent[batch] = size
            body = f'source=h{self.number}.{batch} sample#kill.test=1 count#kill.lines=1\n' * size
            try:
                status, reply = self.server.post_lines(body)
                if status == 200 and reply['accepted'] == 2 * size:
                    self.acked[batch] = size
            except (OSError, ValueError, EOFError):
                return
            except Exception as other:  # http.client's own
                if 'http' not in type(other).__module__:
                    raise
                return


def stored(server, number):
    """Batches by number; asked by their first digit, since an answer shows 10,000 groups at most."""
    there = {}
    for digit in range(1, 10):
        answer = server.query(f"kill.test count by source @source:h{number}.{digit}*", start='-1h', every='1h')
        assert not answer['limits'], answer['limits']
        there.update({int(s['fields']['source'].split('.')[1]): int(sum(v or 0 for v in s['values']))
                      for s in answer['series'] if s['fields'].get('source')})
    return there


@case
def acknowledged_lines_survive_kill_9_once_and_whole():
    seed = int(os.environ.get('SEED', random.randrange(10**9)))
    print(f'seed {seed}, {ROUNDS} rounds')
    dice = random.Random(seed)
    acked = [{} for _ in range(SENDERS)]
    sent = [{} for _ in range(SENDERS)]
    with folder() as home, Server(home + '/data', '--head-age', '1s') as server:
        for round_number in range(ROUNDS):
            senders = [Sender(server, n, max(sent[n], default=0) + 1) for n in range(SENDERS)]
            for sender in senders:
                sender.start()
            time.sleep(dice.uniform(0.02, 0.8))
            server.kill()
            for n, sender in enumerate(senders):
                sender.stop = True
                sender.join(timeout=30)
                acked[n].update(sender.acked)
                sent[n].update(sender.sent)
            server.start()
            for n in range(SENDERS):
                there = stored(server, n)
                for batch, size in acked[n].items():
                    assert there.get(batch) == size, f'round {round_number}: batch {n}.{batch}: {there.get(batch)} of {size}'
                for batch, size in there.items():
                    assert sent[n].get(batch) == size, f'round {round_number}: batch {n}.{batch} is there in part: {size}'
        total = sum(len(a) for a in acked)
        assert total > ROUNDS, 'hardly anything was acknowledged: the test says nothing'
        print(f'{total} batches acknowledged')


@case
def a_key_is_remembered_across_a_kill():
    with folder() as home, Server(home + '/data') as server:
        for n in range(5):
            assert server.post_lines('count#key.test=1\n', Idempotency_Key='me/%d' % n)[0] == 200
        server.kill()
        server.start()
        for n in range(7):
            assert server.post_lines('count#key.test=1\n', Idempotency_Key='me/%d' % n)[0] == 200
        assert server.total('key.test sum') == 7
        assert server.get('/api/batches/me')[1]['seq'] == 6


run()
