"""The questions, the right answers by counting naively, and the judge who compares.

Answers have one shape for every peer:
  Q1 Q2 Q3  {minute: (count, mean)}         minute = epoch ms of its start; minutes without samples are absent
  Q4        {minute: (p95, p99)}            by nearest rank: the ceil(q * n)-th smallest
  Q5        [(account, p95)]                the ten largest
  Q6        {minute: ratio}                 where there is a denominator
  Q7a Q7b   {value: number of samples}      None where the peer has only the names
"""
import array
import math
from collections import Counter, defaultdict

ANSWERED, ERROR, TOTAL = 'dialer.contact.answered', 'dialer.requests.error', 'dialer.requests.total'
MINUTE = 60_000

QUESTIONS = [
    ('Q1', 'one metric, whole system, per minute, count and mean'),
    ('Q2', 'the same, one account'),
    ('Q3', 'the same, one call session'),
    ('Q4', 'p95 and p99 per minute, exact'),
    ('Q5', 'top 10 accounts by p95'),
    ('Q6', 'ratio of two counts per minute'),
    ('Q7a', 'values of a field: accounts'),
    ('Q7b', 'values of a field: campaigns'),
]


def nearest_rank(ordered, percent):
    return ordered[max(0, (percent * len(ordered) + 99) // 100 - 1)]


def floor_rank(ordered, percent):
    """What ClickHouse's quantileExact means: index floor(q * n)."""
    return ordered[min(len(ordered) - 1, percent * len(ordered) // 100)]


def middle(counts):
    """The key whose count is in the middle, ties by the smaller key."""
    ranked = sorted(counts, key=lambda k: (counts[k], k))
    return ranked[len(ranked) // 2]


def count_and_mean(minutes):
    return {m: (len(v), math.fsum(v) / len(v)) for m, v in minutes.items()}


class Truth:
    """The right answers, and the account and session that are asked for: those of middle size."""

    def __init__(self, load):
        times, sources = load.spread()
        number = {name: i for i, name in enumerate(load.metrics)}
        self.begin, self.end, self.samples = min(times), max(times), load.samples
        self.choose(load, sources, number[ANSWERED])
        minutes, accounts = self.count_answered(load, times, sources, number[ANSWERED])
        p95_of = {a: nearest_rank(v, 95) for a, v in accounts.items()}
        floor_p95_of = {a: floor_rank(v, 95) for a, v in accounts.items()}
        per_source = Counter(sources)
        self.answers.update({
            'Q1': count_and_mean(minutes),
            'Q4': {m: (nearest_rank(v, 95), nearest_rank(v, 99)) for m, v in minutes.items()},
            'Q4 floor': {m: (floor_rank(v, 95), floor_rank(v, 99)) for m, v in minutes.items()},
            'Q5': top(p95_of), 'Q5 floor': top(floor_p95_of),
            'Q6': self.ratio(load, times, number.get(ERROR), number[TOTAL]),
            'Q7a': self.values_of(load.sources, per_source, 'account'),
            'Q7b': self.values_of(load.sources, per_source, 'campaign')})

    def choose(self, load, sources, answered):
        by_account, by_session = Counter(), Counter()
        for source, n in Counter(s for s, m in zip(sources, load.metric) if m == answered).items():
            by_account[load.sources[source].account] += n
            by_session[load.sources[source].session] += n
        self.account, self.session = middle(by_account), middle(by_session)

    def count_answered(self, load, times, sources, answered):
        """The values per minute and per account, sorted; and the answers to Q2 and Q3."""
        minutes, accounts, one_account, one_session = (defaultdict(lambda: array.array('d')) for _ in range(4))
        table = load.sources
        for metric, time, source, value in zip(load.metric, times, sources, load.value):
            if metric == answered:
                minute, source = time - time % MINUTE, table[source]
                minutes[minute].append(value)
                accounts[source.account].append(value)
                if source.account == self.account:
                    one_account[minute].append(value)
                if source.session == self.session:
                    one_session[minute].append(value)
        self.answers = {'Q2': count_and_mean(one_account), 'Q3': count_and_mean(one_session)}
        for column in (minutes, accounts):
            for key in column:
                column[key] = array.array('d', sorted(column[key]))
        return minutes, accounts

    @staticmethod
    def ratio(load, times, error, total):
        sums = {error: Counter(), total: Counter()}
        for metric, time, value in zip(load.metric, times, load.value):
            if metric in sums:
                sums[metric][time - time % MINUTE] += value
        return {m: sums[error][m] / n for m, n in sums[total].items() if n}

    @staticmethod
    def values_of(table, per_source, field):
        counts = Counter()
        for source, n in per_source.items():
            if getattr(table[source], field):
                counts[getattr(table[source], field)] += n
        return dict(counts)


def top(p95_of):
    return sorted(p95_of.items(), key=lambda pair: (-pair[1], pair[0]))[:10]


def close(a, b, within):
    if a is None or b is None:
        return a is b
    return abs(a - b) <= within * max(abs(a), abs(b))


def differs(kind, wanted, got, within=1e-9):
    """None when the answers agree, else words. Counts and percentiles must be the same; means and ratios within 1e-9."""
    if kind == 'Q5':
        return differs_in_top(wanted, got)
    if set(wanted) != set(got):
        odd = sorted(set(wanted) ^ set(got))
        return f'{len(odd)} keys are on one side only, as {odd[0]}'
    for key, right in wanted.items():
        answer = got[key]
        if kind in ('Q1', 'Q2', 'Q3'):
            same = right[0] == answer[0] and close(right[1], answer[1], within)
        elif kind == 'Q4':
            same = tuple(right) == tuple(answer)
        elif kind == 'Q6':
            same = close(right, answer, within)
        else:
            same = answer is None or right == answer
        if not same:
            return f'at {key}: {answer}, right is {right}'
    return None


def differs_in_top(wanted, got):
    """Accounts with the same percentile may stand in any order, or stand in for one another at the end."""
    if [v for _, v in wanted] != [v for _, v in got]:
        return f'percentiles {[v for _, v in got]}, right are {[v for _, v in wanted]}'
    last = wanted[-1][1] if wanted else 0
    left = sorted(p for p in wanted if p[1] > last)
    right = sorted(tuple(p) for p in got if p[1] > last)
    return None if left == right else f'accounts {right}, right are {left}'


def within_buckets(kind, wanted, got, ratio):
    """For estimates from a histogram: every percentile within a factor of the right one."""
    pairs = zip([v for _, v in wanted], [v for _, v in got]) if kind == 'Q5' else \
        [(w, g) for m in wanted for w, g in zip(wanted[m], got.get(m, (0, 0)))]
    worst = max((max(w / g, g / w) if g and w else math.inf for w, g in pairs), default=math.inf)
    return (None if worst <= ratio else f'worst estimate is off by a factor of {worst:.3f}'), worst
