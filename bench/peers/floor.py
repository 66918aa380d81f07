"""How few bytes the samples could take: the code length of an ideal arithmetic coder under adaptive models.

What is coded is the set of samples, each with its metric, source, time in ms and value. Nothing else: no order of
arrival, no checksums, no index, nothing that would make a query quick. Samples of one event (a line, or several lines of
one source and one millisecond) share source and time, so these are counted once.

  sources    sorted by the number of fields and the session's id: ids as differences to the one before, every other field
             given the best of: nothing, the row before, the campaign, the account
  times      given the sources. First events as differences to the first event of the source before; the others by the
             better of two models, chosen for sources with the same number of fields:
               whole:  a source's events are one point process; gaps given the measurements' names of the two events
               parts:  every (source, set of names) is a point process of its own, as each begins with its source
  structure  which measurements an event has, and how many events a source has: in `whole` given the event before, in
             `parts` as a number of events for every set of names
  values     per metric, as integers scaled to its decimals, by the best of: plain; given the value before of that source;
             given the measurement before in the event; given the account, host or types; as difference to the value before

A number becomes a class and bits: the 2^k classes of an octave (best k), then its uniform bits inside the class. Values
that are frequent (above one in a thousand) are classes of their own; decimals that happen to be whole numbers are a
class apart. Classes are counted per context with a Dirichlet prior (best alpha), whose code length is exact and includes
learning the frequencies, so that a fine model cannot look better than it is; alphabets are charged as well.

The same without contexts is given as well (every number and symbol by itself, only the kind of source known): about what a
packer can reach that must find any block without those before it.

So it is a length that a slow packer could reach, not a proof: a cleverer model may find more (for instance that a
latency is about the time since the request). Plain empirical entropy would be lower and unreachable, for it does not
pay for its tables.
"""
from collections import Counter, defaultdict
from math import inf, lgamma, log, log2

LN2 = log(2)
ALPHAS = (1, 0.5, 0.1, 0.02, 0.004)
FINEST = 6   # largest k


def dirichlet_bits(groups, alphabet):
    """Bits of all symbols; groups: context -> list of counts."""
    best = inf
    for alpha in ALPHAS:
        whole, one, bits = alpha * alphabet, lgamma(alpha), 0.0
        start = lgamma(whole)
        for counts in groups:
            bits += lgamma(sum(counts) + whole) - start - sum(lgamma(c + alpha) - one for c in counts)
        best = min(best, bits / LN2)
    return best + log2(len(ALPHAS))


def class_of(v, k):
    """(class, bits inside the class) of an integer: exact below 2^k, then 2^k classes an octave."""
    size = -v if v < 0 else v
    extra = size.bit_length() - k - 1
    if extra <= 0:
        return v, 0
    return (v < 0, extra, size >> extra), extra


def split(v, k, unit):
    """As class_of; with unit > 1 whole multiples of it are classes of their own."""
    if unit == 1:
        return class_of(v, k)
    if v % unit == 0:
        found, extra = class_of(v // unit, k)
        return ('whole', found), extra
    found, extra = class_of(v, k)
    return found, extra + log2(1 - 1 / unit) if extra >= 4 else extra


def number_bits(pairs, unit=1):
    """Bits of integers given contexts; pairs: Counter of (context, integer). The best k wins."""
    total, seen = sum(pairs.values()), Counter()
    for (_, v), n in pairs.items():
        seen[v] += n
    if not total:
        return 0.0
    often = {v for v, n in seen.items() if n >= max(32, total / 1000)}
    # Classes of a small k are unions of those of the largest: from here on one number stands for its class.
    first, stands = {}, {}
    for v in seen:
        stands[v] = v if v in often else first.setdefault(split(v, FINEST, unit)[0], v)
    classes = Counter()
    for (context, v), n in pairs.items():
        classes[context, stands[v]] += n
    best = inf
    for k in range(1, FINEST + 1):
        cut = {v: (('often', v), 0) if v in often else split(v, k, unit) for v in set(stands.values())}
        groups, extras = defaultdict(Counter), 0.0
        for (context, v), n in classes.items():
            symbol, extra = cut[v]
            groups[context][symbol] += n
            extras += n * extra
        alphabet = len(set(symbol for symbol, _ in cut.values()))
        bits = extras + dirichlet_bits([g.values() for g in groups.values()], alphabet)
        best = min(best, bits + 8 * alphabet + 32 * len(often))
    return best + log2(FINEST)


def symbol_bits(pairs, each=16):
    """Bits of symbols of a small alphabet given contexts."""
    groups, alphabet = defaultdict(list), set()
    for (context, symbol), n in pairs.items():
        groups[context].append(n)
        alphabet.add(symbol)
    return dirichlet_bits(groups.values(), len(alphabet)) + each * len(alphabet) if groups else 0.0


class Bits:
    """A length under the best model, and without contexts."""

    def __init__(self, best=0.0, alone=None):
        self.best, self.alone = best, best if alone is None else alone

    def __add__(self, other):
        return Bits(self.best + other.best, self.alone + other.alone)


def alone(pairs):
    """The pairs without their contexts."""
    out = Counter()
    for (_, symbol), n in pairs.items():
        out[0, symbol] += n
    return out


def best_of(bits, column, contexts):
    """The first context is none; the best is the cheapest, and the choice."""
    lengths = [bits(Counter(zip(context, column))) for context in contexts]
    return Bits(min(lengths) + log2(len(lengths)), lengths[0])


def kind_of(source):
    return 2 if source.session else 1 if source.campaign else 0


def source_bits(table, order):
    rows = [table[i] for i in order]
    kinds = [kind_of(s) for s in rows]
    sessions = [s.session for s in rows]
    bits = Bits(number_bits(Counter((k, b - a) for k, a, b in zip(kinds, [0] + sessions, sessions))))
    fields = {name: [getattr(s, name) for s in rows] for name in
              ('campaign', 'account', 'host', 'campaign_type', 'session_type', 'phone_type', 'process')}
    for name, column in fields.items():
        contexts = [kinds, list(zip(kinds, [column[0]] + column))]
        if name != 'campaign':
            contexts += [list(zip(kinds, fields['campaign']))]
            if name != 'account':
                contexts += [list(zip(kinds, fields[given])) for given in ('account', 'host') if given != name]
        bits = bits + best_of(symbol_bits, column, contexts)
    return bits


class Events:
    """Events by source and time, lines of the same source and time as one."""

    def __init__(self, load):
        self.load = load
        self.order = sorted(range(len(load.sources)), key=lambda i: (kind_of(load.sources[i]), load.sources[i].session, i))
        rank = {source: at for at, source in enumerate(self.order)}
        base = self.base = min(load.event_time)
        keys = sorted((rank[s] << 80) | ((t - base) << 32) | i
                      for i, (t, s) in enumerate(zip(load.event_time, load.event_source)))
        self.of_source = [[] for _ in self.order]   # per source in order: (time, names, samples)
        names, last = {}, None
        first, metric = load.event_first, load.metric
        for key in keys:
            at, rest = key >> 80, key & ((1 << 80) - 1)
            time, event = rest >> 32, rest & 0xffffffff
            samples = range(first[event], first[event + 1])
            mine = self.of_source[at]
            if last == (at, time):
                samples = [*mine.pop()[2], *samples]
            last = (at, time)
            found = tuple(sorted(metric[k] for k in samples))
            mine.append((time, names.setdefault(found, len(names)), samples))
        self.names = names


def whole_bits(sources):
    """Times and structure with a source's events as one process."""
    gaps, gaps_before, following, lengths = Counter(), Counter(), Counter(), Counter()
    for events in sources:
        lengths[0, len(events)] += 1
        time, name, _ = events[0]
        following[None, name] += 1
        before = 0
        for now, this, _ in events[1:]:
            gap = now - time
            gaps[(name, this), gap] += 1
            gaps_before[(name, this, before), gap] += 1
            following[name, this] += 1
            time, name, before = now, this, gap.bit_length()
    ends = number_bits(lengths)
    return (Bits(min(number_bits(gaps), number_bits(gaps_before)) + 1, number_bits(alone(gaps))),
            Bits(symbol_bits(following) + ends, symbol_bits(alone(following)) + ends))


def parts_bits(sources):
    """Times and structure with a process for every (source, set of names)."""
    gaps, gaps_before, lengths, every = Counter(), Counter(), Counter(), {e[1] for events in sources for e in events}
    for events in sources:
        last, count, before = {}, Counter(), {}
        begin = events[0][0]
        for now, this, _ in events:
            gap = now - last.get(this, begin)
            follows = this in last
            gaps[(this, follows), gap] += 1
            gaps_before[(this, follows, before.get(this)), gap] += 1
            last[this], before[this] = now, gap.bit_length()
            count[this] += 1
        for this in every:
            lengths[this, count[this]] += 1
    return Bits(min(number_bits(gaps), number_bits(gaps_before)) + 1), Bits(number_bits(lengths))


def time_bits(events):
    """(times, structure)"""
    table = events.load.sources
    by_kind, firsts, before = defaultdict(list), Counter(), 0
    for at, mine in enumerate(events.of_source):
        kind = kind_of(table[events.order[at]])
        by_kind[kind].append(mine)
        firsts[kind, mine[0][0] - before] += 1
        before = mine[0][0]
    times, structure = Bits(number_bits(firsts)), Bits(32.0 * sum(map(len, events.names)))
    for sources in by_kind.values():
        whole, parts = whole_bits(sources), parts_bits(sources)
        time, shape = min(whole, parts, key=lambda pair: pair[0].best + pair[1].best)
        times += Bits(time.best, whole[0].alone)
        structure += Bits(shape.best + 1, whole[1].alone)
    return times, structure


def octave(v, unit):
    return class_of(v // unit, 2)[0]


def value_bits(events):
    """Bits of each metric's values."""
    load = events.load
    columns = defaultdict(lambda: ([], [], [], []))   # metric: values, before of the source, before in the event, source
    for at, mine in enumerate(events.of_source):
        source, last = load.sources[events.order[at]], {}
        for _, _, samples in mine:
            beside = None
            for k in samples:
                metric = load.metric[k]
                v = round(load.value[k] * 10 ** load.decimals[metric])
                values, before, besides, sources = columns[metric]
                values.append(v)
                before.append(last.get(metric))
                besides.append(beside)
                sources.append(source)
                last[metric] = v
                beside = v // 10 ** load.decimals[metric]
    bits = {}
    for metric, (values, before, besides, sources) in columns.items():
        unit = 10 ** load.decimals[metric]
        contexts = [
            [0] * len(values),
            [None if b is None else octave(b, unit) for b in before],
            [None if b is None else octave(b, 1) for b in besides],
            [s.account for s in sources],
            [s.host for s in sources],
            [(s.campaign_type, s.session_type, s.phone_type) for s in sources]]
        plain = best_of(lambda pairs, unit=unit: number_bits(pairs, unit), values, contexts)
        steps = Counter((b is None, v - (b or 0)) for v, b in zip(values, before))
        bits[load.metrics[metric]] = Bits(min(plain.best, number_bits(steps)) + 1, plain.alone)
    return bits


def floor_of(load):
    """Bytes a sample, by part."""
    events = Events(load)
    sources = source_bits(load.sources, events.order)
    times, structure = time_bits(events)
    values = value_bits(events)
    n = 8.0 * load.samples
    parts = {'times given sources': times, 'structure of events': structure, 'values': sum(values.values(), Bits()),
             'sources': sources, 'names of metrics': Bits(8.0 * sum(len(m) + 1 for m in load.metrics))}
    largest = sorted(values.items(), key=lambda pair: -pair[1].best)[:8]
    return {'bytes_per_sample': sum(b.best for b in parts.values()) / n,
            'bytes_per_sample_alone': sum(b.alone for b in parts.values()) / n,
            'parts': {part: b.best / n for part, b in parts.items()},
            'parts_alone': {part: b.alone / n for part, b in parts.items()}, 'samples': load.samples,
            'events': sum(map(len, events.of_source)), 'sources': len(load.sources),
            'largest_values': {metric: [b.best / n, b.alone / n] for metric, b in largest}}
