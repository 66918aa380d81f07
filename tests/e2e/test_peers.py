#!/usr/bin/env python3
"""The comparison with peers runs: dialtone's column and the floor on a small workload, and its judge judges."""
import copy
import json
import os
import random
import subprocess
import sys

from harness import DIALTONE, ROOT, Skip, case, folder, run

PEERS = os.path.join(ROOT, 'bench', 'peers')
sys.dont_write_bytecode = True
sys.path.insert(0, PEERS)
import floor  # noqa: E402
import questions  # noqa: E402
import workload  # noqa: E402


def compare(*words, env=None):
    return subprocess.run([sys.executable, '-B', os.path.join(PEERS, 'run.py'), '--binary', DIALTONE, *words],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, env=env)


@case
def dialtone_agrees_with_a_naive_count():
    with folder() as home:
        done = compare('--samples', '20000', '--span', '20m', '--rounds', '2', '--peers', 'dialtone,floor',
                       '--json', f'{home}/figures', '--tmp', home)
        assert done.returncode == 0, (done.stdout, done.stderr)
        with open(f'{home}/figures', encoding='utf-8') as file:
            figures = json.load(file)
        assert os.listdir(home) == ['figures'], os.listdir(home)
    out = figures['peers']['dialtone']['out']
    assert sorted(out) == sorted(kind for kind, _ in questions.QUESTIONS), out
    verdicts = [wrong for kind in out.values() for _, wrong in kind['checks']]
    assert verdicts == [None] * 8, verdicts
    assert '8 of 8 answers agree' in done.stdout, done.stdout
    least = figures['floor']['bytes_per_sample']
    for way in figures['peers']['dialtone']['in']:
        assert way['bytes'] / figures['samples'] > least > 0.5, (way, least)


@case
def peers_that_are_installed_agree():
    """ClickHouse and VictoriaMetrics where Debian's packages are; chDB where DIALTONE_CHDB says the folder."""
    with folder() as home:
        done = compare('--samples', '5000', '--span', '10m', '--rounds', '2', '--peers', 'clickhouse,victoria,chdb',
                       '--json', f'{home}/figures', '--tmp', home, '--chdb', os.environ.get('DIALTONE_CHDB', ''))
        assert done.returncode == 0, (done.stdout, done.stderr)
        with open(f'{home}/figures', encoding='utf-8') as file:
            figures = json.load(file)
    for peer in figures['peers'].values():
        assert len(peer['out']) == 8 and all(kind['checks'] for kind in peer['out'].values()), peer
    if not figures['peers']:
        raise Skip('no peer is installed')


@case
def a_wrong_answer_is_seen():
    with folder() as home:
        workload.emit(DIALTONE, f'{home}/lines', 5000, 3, '10m', '2026-01-05T08:00:00Z')
        truth = questions.Truth(workload.read(f'{home}/lines'))
    for kind, _ in questions.QUESTIONS:
        right = truth.answers[kind]
        assert right, kind
        assert questions.differs(kind, right, copy.deepcopy(right)) is None
        assert questions.differs(kind, right, wrong_answer(kind, right)) is not None, kind
        assert questions.differs(kind, right, type(right)()) is not None, kind


def wrong_answer(kind, right):
    if kind == 'Q5':
        return [(right[0][0] + 1, right[0][1]), *right[1:]]
    wrong, key = dict(right), sorted(right)[-1]
    wrong[key] = {'Q4': lambda a: (a[0], a[1] + 0.1), 'Q6': lambda a: a * 1.001 + 1e-6}.get(
        kind, lambda a: a + 1 if isinstance(a, int) else (a[0], a[1] * (1 + 1e-8)))(wrong[key])
    return wrong


@case
def ranks_are_those_of_the_documents():
    ten = list(range(1, 11))
    assert [questions.nearest_rank(ten, q) for q in (0, 50, 95, 99, 100)] == [1, 5, 10, 10, 10]
    assert [questions.floor_rank(ten, q) for q in (0, 50, 95, 100)] == [1, 6, 10, 10]


@case
def an_unknown_line_stops_the_reader():
    for line in ('ts=1767600000000 count#a=1\n', 'ts=1767600000000 source=web01 sample#a=1\n',
                 'ts=1767600000000 source=web01 measure#a=1s\n', 'ts=1767600000000 source=a.b.c.d count#a=1\n'):
        with folder() as home:
            with open(f'{home}/lines', 'w', encoding='utf-8') as out:
                out.write(line)
            try:
                workload.read(f'{home}/lines')
            except (SystemExit, ValueError):
                continue
        raise AssertionError(line)


def made_up(events):
    """A workload of one metric with a decimal, from (time, value)."""
    load = workload.Workload()
    load.metrics, load.decimals = ['a'], [1]
    load.sources = [workload.Source('web01', '')]
    for i, (time, value) in enumerate(events):
        load.event_time.append(time)
        load.event_source.append(0)
        load.event_first.append(i)
        load.metric.append(0)
        load.value.append(value)
    load.event_first.append(len(load.value))
    return load


@case
def the_floor_finds_what_is_known():
    """Uniform noise cannot be packed, a clock and a constant can."""
    chance = random.Random(7)
    n = 20_000
    noise = floor.floor_of(made_up((i * 1000, chance.randrange(1 << 16) / 10) for i in range(n)))['parts']
    assert 0.99 < noise['values'] / 2.0 < 1.03, noise
    assert noise['times given sources'] < 0.01, noise
    times, now = [], 0
    for _ in range(n):
        now += 1 + chance.randrange(1 << 10)
        times.append(now)
    steps = floor.floor_of(made_up((t, 5.0) for t in times))['parts']
    assert 0.99 < steps['times given sources'] / 1.25 < 1.05, steps
    assert steps['values'] < 0.01, steps


@case
def absent_peers_are_skipped_with_words():
    with folder() as home:
        done = compare('--samples', '2000', '--span', '10m', '--peers', 'chdb,victoria', '--tmp', home,
                       env={**os.environ, 'PATH': home})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('skipped, ') == 2, done.stdout
    assert 'apt-get install victoria-metrics' in done.stdout, done.stdout


run()
