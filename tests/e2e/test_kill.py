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
    """Posts numbered batches of k lines, each 1 to kill.test from the source hSENDER.rROUND.BATCH."""

    def __init__(self, server, number, round_number):
        super().__init__(daemon=True)
        self.server, self.name_of = server, f'h{number}.r{round_number}'
        self.acked, self.sent = {}, {}
        self.stop = False
        self.random = random.Random(round_number * 1000 + number)

    def run(self):
        while not self.stop:
            size = self.random.choice([1, 2, 7, 300])
            batch = len(self.sent)
            self.sent[batch] = size
            body = f'source={self.name_of}.{batch} sample#kill.test=1 count#kill.lines=1\n' * size
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


def check(server, sender):
    """Every acknowledged batch of the sender is there whole and once, no other is there in part."""
    answer = server.query(f"kill.test count by source @source:{sender.name_of}.*", start='-1h', every='1h')
    assert not answer['limits'], answer['limits']
    there = {int(s['fields']['source'].split('.')[2]): int(sum(v or 0 for v in s['values']))
             for s in answer['series'] if s['fields'].get('source')}
    for batch, size in sender.acked.items():
        assert there.get(batch) == size, f'{sender.name_of}.{batch}: {there.get(batch)} lines of {size}'
    for batch, size in there.items():
        assert sender.sent.get(batch) == size, f'{sender.name_of}.{batch} is there in part: {size}'


@case
def acknowledged_lines_survive_kill_9_once_and_whole():
    seed = int(os.environ.get('SEED', random.randrange(10**9)))
    print(f'seed {seed}, {ROUNDS} rounds')
    dice = random.Random(seed)
    past = []
    with folder() as home, Server(home + '/data', '--head-age', '1s') as server:
        for round_number in range(ROUNDS):
            senders = [Sender(server, n, round_number) for n in range(SENDERS)]
            for sender in senders:
                sender.start()
            time.sleep(dice.uniform(0.02, 0.8))
            server.kill()
            for sender in senders:
                sender.stop = True
                sender.join(timeout=30)
            server.start()
            past += senders
            for sender in senders + dice.sample(past, min(2, len(past))):
                check(server, sender)
        for sender in past:
            check(server, sender)
        total = sum(len(s.acked) for s in past)
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
