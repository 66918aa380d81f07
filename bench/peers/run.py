#!/usr/bin/env python3
"""dialtone beside its peers: the same samples, the same questions, one after the other in one run; all answers compared.

    bench/peers/run.py [--samples 10000000] [--span 8h] [--seed 1] [--rounds 7] [--peers LIST] [--chdb DIR] [--json FILE]

A peer that is not installed is skipped with words; nothing is installed by this script. What is measured and how: README.md
beside this file. Exit code 1 when an answer differs or a peer failed.
"""
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

import floor
import questions
import workload
from chdb import Chdb
from child import Others, repeat
from clickhouse import ClickHouse
from dialtone import Dialtone
from victoria import BUCKET, Victoria

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START = '2026-01-05T08:00:00Z'
PEERS = [Dialtone, ClickHouse, Chdb, Victoria]


def say(text):
    print(text, file=sys.stderr, flush=True)


def machine():
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        model = next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), 'unknown')
    with open('/proc/meminfo', encoding='utf-8') as file:
        memory = int(file.readline().split()[1]) / 1024 ** 2
    return {'cpu': model, 'cores': os.cpu_count(), 'memory_gb': round(memory, 1), 'kernel': platform.release(),
            'load': round(os.getloadavg()[0], 2)}


def judge(peer, kind, truth, raw):
    """[(what, None or what differs)]"""
    verdicts = []
    for what, other, wanted in peer.checks(kind, truth):
        right = truth.answers[wanted]
        if other == 'estimate':
            wrong, worst = questions.within_buckets(kind, right, peer.answer(kind, raw), BUCKET)
            what += f' (worst: a factor of {worst:.3f})'
        else:
            asked = other or kind
            answer = peer.answer(asked, peer.ask(other, truth)[1] if other else raw)
            wrong = questions.differs(kind, right, answer)
        verdicts.append((what, wrong))
    return verdicts


def question(peer, kind, truth, rounds):
    last, server = [None], []

    def once():
        seconds, last[0] = peer.ask(kind, truth)
        server.append(peer.server_ms(kind, last[0]))
        return seconds

    figures = repeat(once, rounds)
    if server[0] is not None:
        figures['server_first_ms'], figures['server_median_ms'] = server[0], sorted(server)[len(server) // 2]
    figures['checks'] = judge(peer, kind, truth, last[0])
    return figures


def measure(peer, load, truth, lines, home, rounds):
    """All figures of a peer. Its files go when it is done."""
    os.makedirs(home)
    others = Others()
    try:
        peer.prepare(load, lines, home)
        say(f'{peer.title}: loading')
        figures = {'title': peer.title, 'http': peer.http, 'in': peer.load()}
        figures['version'] = peer.version()
        figures['peak_rss_mb_loaded'] = peer.peak_rss_mb()
        figures['floor'] = peer.floor(max(rounds, 20))
        figures['out'] = {}
        for kind, text in questions.QUESTIONS:
            say(f'{peer.title}: {kind} {text}')
            figures['out'][kind] = question(peer, kind, truth, rounds)
        figures['peak_rss_mb'] = peer.peak_rss_mb()
        if hasattr(peer, 'afterwards'):
            figures['in'][0].update(peer.afterwards())
    finally:
        peer.stop()
        shutil.rmtree(home)
    figures['cores_of_others'] = others.cores()
    return figures


def short(ms):
    return f'{ms:.2f}' if ms < 10 else f'{ms:.1f}' if ms < 100 else f'{ms:.0f}'


def table(rows):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    lines = ['| ' + ' | '.join(c.ljust(w) for c, w in zip(r, widths)) + ' |' for r in rows]
    lines.insert(1, '|' + '|'.join('-' * (w + 2) for w in widths) + '|')
    return '\n'.join(lines)


def columns_in(result):
    """A column per way in: dialtone has two."""
    columns = []
    for peer in result['peers'].values():
        for figures in peer['in']:
            title = peer['title'] + (f" ({figures['how'].split()[0]})" if len(peer['in']) > 1 else '')
            rss = figures.get('peak_rss_mb', peer['peak_rss_mb_loaded'])
            columns.append((title, figures, rss))
    return columns


def report_in(result):
    n, columns = result['samples'], columns_in(result)
    least = result.get('floor', {}).get('bytes_per_sample')

    def row(what, value):
        return [what] + [value(f, rss) for _, f, rss in columns]

    rows = [['in'] + [title for title, _, _ in columns],
            row('samples per CPU-second, merged', lambda f, _: f"{n / max(f['cpu_s'], 0.01) / 1e6:.2f} M"),
            row('samples per second until all can be asked for', lambda f, _: f"{n / f['wall_s'] / 1e6:.2f} M"),
            row('peak memory, loading', lambda _, rss: f'{rss:.0f} MB'),
            row('bytes a sample, merged', lambda f, _: f"{f['bytes'] / n:.2f}" + ('' if f['merged'] else ' (not merged)'))]
    if any('bytes_smallest' in f for _, f, _ in columns):
        rows.append(row('... with all that makes it small', lambda f, _: f"{f['bytes_smallest'] / n:.2f}"
                        if 'bytes_smallest' in f else ''))
    if least:
        rows.append(row(f'... as a multiple of the floor of {least:.2f}', lambda f, _: f"{f['bytes'] / n / least:.2f}"))
    return table(rows)


def report_out(result):
    peers = list(result['peers'].values())
    rows = [['out: first / median, ms (server)'] + [p['title'] for p in peers]]
    rows.append(['nothing: HTTP, or SELECT 1 in process'] + [f"{short(p['floor']['median_ms'])}" for p in peers])
    for kind, text in questions.QUESTIONS:
        row = [f'{kind} {text}']
        for peer in peers:
            f = peer['out'][kind]
            cell = f"{short(f['first_ms'])} / {short(f['median_ms'])}"
            if 'server_median_ms' in f:
                cell += f" ({short(f['server_median_ms'])})"
            if any('estimate' in what for what, _ in f['checks']):
                cell += ' estimate'
            row.append(cell)
        rows.append(row)
    rows.append(['peak memory, all questions asked'] + [f"{p['peak_rss_mb']:.0f} MB" for p in peers])
    rows.append(['cores that other processes used meanwhile'] + [f"{p['cores_of_others']:.2f}" for p in peers])
    return table(rows)


def report_floor(figures):
    rows = [['the least, bytes a sample', 'best model', 'without contexts']]
    rows += [[part, f'{v:.3f}', f"{figures['parts_alone'][part]:.3f}"] for part, v in figures['parts'].items()]
    rows.append(['together'] + [f'{figures[key]:.3f}' for key in ('bytes_per_sample', 'bytes_per_sample_alone')])
    return table(rows)


def verdicts(result):
    for name, peer in result['peers'].items():
        for kind, figures in peer['out'].items():
            for what, wrong in figures['checks']:
                yield name, kind, what, wrong


def report(result):
    m = result['machine']
    parts = [f"{result['samples'] / 1e6:g} M samples over {result['span']}, seed {result['seed']}, {result['sources']} sources; "
             f"{m['cores']} cores of {m['cpu']}, {m['memory_gb']} GB, load {m['load']} before the run. "
             + '; '.join(f"{p['title']}: {p['version']}" for p in result['peers'].values()) + '.']
    if result['peers']:
        parts += [report_in(result), report_out(result)]
    if 'floor' in result:
        parts.append(report_floor(result['floor']))
    found = list(verdicts(result))
    if found:
        wrong = [v for v in found if v[3]]
        parts.append(f'{len(found) - len(wrong)} of {len(found)} answers agree with the naive count.'
                     + ''.join(f'\nDIFFERS: {name} {kind}, {what}: {why}' for name, kind, what, why in wrong))
    parts += [f'{title}: skipped, {why}.' for title, why in result['skipped'].items()]
    parts += [f'{title}: FAILED, {why}' for title, why in result['failed'].items()]
    return '\n\n'.join(parts)


def options_of(argv):
    names = [p.name for p in PEERS] + ['floor']
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--samples', type=int, default=10_000_000)
    parser.add_argument('--span', default='8h')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--peers', default=','.join(names), help='any of ' + ','.join(names))
    parser.add_argument('--binary', default=os.path.join(ROOT, 'build', 'dialtone'))
    parser.add_argument('--chdb', metavar='DIR', help='folder in which npm installed chdb')
    parser.add_argument('--json', metavar='FILE', help='all figures')
    parser.add_argument('--tmp', metavar='DIR', help='where the temporary folder is made (default: the system\'s)')
    options = parser.parse_args(argv)
    options.peers = options.peers.split(',')
    odd = set(options.peers) - set(names)
    if odd:
        parser.error(f'no such peer: {", ".join(sorted(odd))}')
    return options


def run(options):
    result = {'machine': machine(), 'samples': options.samples, 'span': options.span, 'seed': options.seed,
              'rounds': options.rounds, 'peers': {}, 'skipped': {}, 'failed': {}}
    home = tempfile.mkdtemp(prefix='dialtone-peers-', dir=options.tmp)
    try:
        lines = f'{home}/lines'
        workload.emit(options.binary, lines, options.samples, options.seed, options.span, START)
        say('reading the lines, counting the right answers')
        load = workload.read(lines)
        truth = questions.Truth(load)
        result.update(samples=load.samples, sources=len(load.sources), account=truth.account, session=truth.session)
        for kind in PEERS:
            if kind.name not in options.peers:
                continue
            peer = kind(options)
            why = peer.missing()
            if why:
                result['skipped'][peer.title] = why
                say(f'{peer.title}: skipped, {why}')
                continue
            try:
                result['peers'][peer.name] = measure(peer, load, truth, lines, f'{home}/{peer.name}', options.rounds)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                result['failed'][peer.title] = str(error)
                say(f'{peer.title}: failed, {error}')
        if 'floor' in options.peers:
            say('the floor')
            begin = time.monotonic()
            result['floor'] = floor.floor_of(load)
            result['floor']['took_s'] = time.monotonic() - begin
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return result


def main():
    options = options_of(sys.argv[1:])
    result = run(options)
    print(report(result))
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as out:
            json.dump(result, out, indent=1)
    return 1 if result['failed'] or any(wrong for _, _, _, wrong in verdicts(result)) else 0


if __name__ == '__main__':
    sys.exit(main())
