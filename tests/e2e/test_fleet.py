#!/usr/bin/env python3
"""`dialtone demo --emit`: exactly the samples asked for, the same bytes again, within the span, in the promised shape."""
import collections
import datetime
import re
import tempfile

from harness import FAST, case, dialtone, folder, run

START, START_MS = '2026-01-05T08:00:00Z', 1767600000000
SOURCE = re.compile(r'source=web\d\d\.\d+\.\d+\.(\d+)\.|source=\w+\.ac-\d+\.ca-\d+\.cs-(\d+) host=web(?:19|20) ')


def emit(samples, *flags, seed=1, span='3h'):
    done = dialtone('demo', '--emit', str(samples), '--seed', str(seed), '--span', span, '--start', START, *flags, binary=FAST)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.endswith(b'\n')
    return done.stdout.decode()


def samples_of(text):
    return text.count('#')


def time_ms(line):
    word = line.split(' ', 1)[0]
    if word.startswith('ts='):
        return int(word[3:])
    return round(datetime.datetime.fromisoformat(word.replace('Z', '+00:00')).timestamp() * 1000)


def part_of_span(text, hours):
    last = text.rstrip('\n').rsplit('\n', 1)[-1]
    return (time_ms(last) - START_MS) / (hours * 3600000)


@case
def exactly_as_many_samples_as_asked_for():
    whole = emit(3000)
    for n in [*range(1, 40), 100, 999, 1000, 1001]:
        text = emit(n)
        assert samples_of(text) == n, (n, samples_of(text))
    for seed in range(1, 30):
        assert samples_of(emit(3000, seed=seed)) == 3000, seed
    assert samples_of(whole) == 3000
    with folder() as home:  # the shortened line is a whole one
        lines = ''.join(emit(n).splitlines(keepends=True)[-1] for n in range(1, 40))
        with tempfile.NamedTemporaryFile('w', dir=home, delete=False) as file:
            file.write(lines)
        done = dialtone('import', '--data', home + '/data', file.name, binary=FAST)
        assert done.returncode == 0, done.stderr.decode()
        assert f'{samples_of(lines)} accepted + 0 refused' in done.stdout.decode() + done.stderr.decode(), done


@case
def the_same_options_give_the_same_bytes():
    assert emit(50000, seed=4) == emit(50000, seed=4)
    assert emit(50000, seed=4) != emit(50000, seed=5)


@case
def the_span_is_kept():
    for samples, span, hours in ((20000, '3h', 3), (50000, '8h', 8), (200000, '3h', 3), (200000, '1d', 24)):
        for seed in (1, 2, 3):
            part = part_of_span(emit(samples, seed=seed, span=span), hours)
            assert 0.95 <= part <= 1.02, (samples, span, seed, part)
    assert 0.6 <= part_of_span(emit(1000), 3) <= 1.4


@case
def sessions_live_and_log_as_promised():
    samples, sessions, shape = 2000000, collections.defaultdict(list), collections.Counter()
    last = START_MS
    for line in emit(samples, span='2h').splitlines():
        now = time_ms(line)
        assert now >= last, line
        last = now
        shape['latencies'] += line.count('measure#dialer.')
        shape['answered'] += line.count('measure#dialer.contact.answered=')
        shape['counts'] += line.count('count#dialer.')
        shape['levels'] += line.count('level#')
        if '#dialer.' in line and 'level#' not in line:
            found = SOURCE.search(line)
            assert found, f'no host, or no session: {line}'
            shape['keyed'] += found[2] is not None
            shape['lines'] += 1
            sessions[found[1] or found[2]].append((now, line.count('#')))
    assert 36 <= samples / len(sessions) <= 44, samples / len(sessions)
    # Those whose life lies within the span.
    whole = [s for s in sessions.values() if s[0][0] > START_MS + 600000 and s[0][0] < START_MS + 3600000]
    own = sum(n for s in whole for _, n in s) / len(whole)
    life_s = sum(s[-1][0] - s[0][0] for s in whole) / len(whole) / 1000
    assert 33 <= own <= 37, own
    assert 1000 <= life_s <= 1400, life_s
    assert 0.38 <= shape['latencies'] / samples <= 0.45, shape
    assert 0.38 <= shape['counts'] / samples <= 0.47, shape
    assert 0.59 <= shape['answered'] / shape['latencies'] <= 0.61, shape
    assert shape['levels'] / samples <= 0.2, shape
    assert 0.08 <= shape['keyed'] / shape['lines'] <= 0.12, shape


run()
