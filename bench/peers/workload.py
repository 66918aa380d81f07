"""The samples of the demo's lines as columns, and the bodies that each peer reads best.

Reading is a second, naive reading of the line format: it knows what `dialtone demo --emit` prints and nothing else, and
stops at anything else. So it can be the judge of all answers, dialtone's too. The field `dyno`, which dialtone fills in from
the frame, says the same as `process` and is spared the peers.

An event is a line: one time, one source, several measurements. Events and samples are kept in arrays, sources and
metrics are numbered in the order of their first appearance.
"""
import array
import datetime
import struct
import subprocess

UNITS = (b'', b'ms', b'MB', b'%')  # those of the demo; every one is the metric's own unit, so nothing is converted
DAY_MS = 86_400_000
BATCH = 500_000                    # rows of an insert into ClickHouse
BODY = 1 << 20                     # bytes of a POST of lines


class Workload:
    def __init__(self):
        self.event_time = array.array('q')
        self.event_source = array.array('I')
        self.event_first = array.array('I')   # index of the event's first sample; one more at the end
        self.metric = array.array('H')
        self.value = array.array('d')
        self.metrics, self.sources, self.decimals = [], [], []

    @property
    def samples(self):
        return len(self.value)

    def spread(self):
        """Time and source of every sample."""
        times, sources = array.array('q'), array.array('I')
        first = self.event_first
        lengths = [first[i + 1] - first[i] for i in range(len(first) - 1)]
        for time, source, n in zip(self.event_time, self.event_source, lengths):
            if n == 1:
                times.append(time)
                sources.append(source)
            else:
                times.extend([time] * n)
                sources.extend([source] * n)
        return times, sources


KEYS = {'ac': 'account', 'ca': 'campaign', 'cs': 'session'}
ENUMS = {**dict.fromkeys(('predictive', 'power', 'preview'), 'campaign_type'),
         **dict.fromkeys(('webui', 'phone'), 'session_type'),
         **dict.fromkeys(('landline', 'mobile', 'sip'), 'phone_type')}


class Source:
    """The fields of a source; a field that is absent is '' or 0. `process` is the frame's."""
    __slots__ = ('host', 'account', 'campaign', 'session', 'campaign_type', 'session_type', 'phone_type', 'process')

    def __init__(self, text, process):
        for name in self.__slots__:
            setattr(self, name, 0 if name in KEYS.values() else '')
        self.process = process
        parts = text.split('.')
        if '-' in text:
            self.read_keyed(parts)
        elif len(parts) == 2:   # a dyno: worker.3 is one host
            self.host = text
        elif len(parts) in (1, 3, 7):
            self.host = parts[0]
            for name, part in zip(self.__slots__[1:], parts[1:]):
                setattr(self, name, int(part) if name in KEYS.values() else part)
        else:
            raise SystemExit(f'a source that this benchmark does not know: {text}')

    def read_keyed(self, parts):
        for part in parts:
            key, dash, value = part.partition('-')
            if dash and key in KEYS:
                setattr(self, KEYS[key], int(value))
            elif part in ENUMS:
                setattr(self, ENUMS[part], part)
            else:
                raise SystemExit(f'a source that this benchmark does not know: {".".join(parts)}')


def stamp_of(word, seconds_of):
    """b'2026-01-05T08:00:00.006Z' -> epoch ms"""
    second = word[:19]
    if second not in seconds_of:
        seconds_of[second] = int(datetime.datetime.fromisoformat(second.decode() + '+00:00').timestamp()) * 1000
    if word[19:20] != b'.' or word[23:] != b'Z':
        raise SystemExit(f'a time that this benchmark does not know: {word.decode()}')
    return seconds_of[second] + int(word[20:23])


def measurement_of(word, cut):
    """b'measure#a.b=12.5ms' -> ('a.b', 12.5, digits after the point)"""
    verb, _, rest = word.partition(b'#')
    name, _, text = rest.partition(b'=')
    digits = text.rstrip(b'msMB%')
    if verb not in (b'count', b'measure', b'level') or text[len(digits):] not in UNITS:
        raise SystemExit(f'a measurement that this benchmark does not know: {word.decode()}')
    made = cut[word] = (name, float(digits) if digits else 1.0, len(digits.partition(b'.')[2]))
    return made


def read(lines):
    """Reads a file of lines into a Workload."""
    load = Workload()
    metric_of, source_of, cut = {}, {}, {}
    decimals = load.decimals
    seconds_of = {}
    with open(lines, 'rb') as file:
        for line in file:
            words = line.split()
            if words[0][:3] == b'ts=':
                time, frame, words = int(words[0][3:]), b'', words[1:]
            else:   # a stamp, then `name[process]:`
                time, frame, words = stamp_of(words[0], seconds_of), words[1], words[2:]
            key, first = (frame, words[0]), 1
            if len(words) > 1 and words[1][:5] == b'host=':   # a keyed source says its host in a pair of its own
                key, first = (frame, words[0], words[1]), 2
            source = source_of.get(key)
            if source is None:
                if words[0][:7] != b'source=':
                    raise SystemExit(f'a line that this benchmark does not know: {line.decode()}')
                source = source_of[key] = len(load.sources)
                load.sources.append(Source(words[0][7:].decode(), frame.decode().partition('[')[2].rstrip(']:')))
                if first == 2:
                    load.sources[-1].host = words[1][5:].decode()
            load.event_time.append(time)
            load.event_source.append(source)
            load.event_first.append(len(load.value))
            for word in words[first:]:
                name, value, digits = cut.get(word) or measurement_of(word, cut)
                metric = metric_of.get(name)
                if metric is None:
                    metric = metric_of[name] = len(load.metrics)
                    load.metrics.append(name.decode())
                    decimals.append(0)
                if digits > decimals[metric]:
                    decimals[metric] = digits
                load.metric.append(metric)
                load.value.append(value)
    load.event_first.append(len(load.value))
    return load


def emit(binary, lines, samples, seed, span, start):
    with open(lines, 'wb') as out:
        subprocess.run([binary, 'demo', '--emit', str(samples), '--seed', str(seed), '--span', span, '--start', start],
                       stdout=out, check=True)


# Bodies. Every writer makes one file and gives back the bodies in it as (offset, length, rows).

def write_lines(lines):
    """The lines as they are, cut at line ends into bodies of at most 1 MiB."""
    bodies, at = [], 0
    with open(lines, 'rb') as file:
        text = file.read()
    while at < len(text):
        end = text.rfind(b'\n', at, at + BODY) + 1
        bodies.append((at, end - at, 0))
        at = end
    return lines, bodies


def write_influx(load, path):
    """InfluxDB lines: like ours, a line has a time, its tags and any number of measurements, so tags are read once."""
    names = ('host', 'account_id', 'campaign_id', 'caller_session_id', 'campaign_type', 'caller_session_type',
             'caller_phone_type', 'process')
    tags = []
    for s in load.sources:
        fields = (s.host, s.account, s.campaign, s.session, s.campaign_type, s.session_type, s.phone_type, s.process)
        tags.append('x' + ''.join(f',{n}={v}' for n, v in zip(names, fields) if v) + ' ')
    bodies, at, lines, size, rows = [], 0, [], 0, 0
    first, metric, value, metrics = load.event_first, load.metric, load.value, load.metrics
    with open(path, 'wb') as out:
        def flush():
            body = ''.join(lines).encode()
            out.write(body)
            bodies.append((at, len(body), rows))
            lines.clear()
            return at + len(body)
        for i, (time, source) in enumerate(zip(load.event_time, load.event_source)):
            fields = ','.join(f'{metrics[metric[k]]}={value[k]!r}' for k in range(first[i], first[i + 1]))
            line = f'{tags[source]}{fields} {time}\n'
            lines.append(line)
            size += len(line)
            rows += first[i + 1] - first[i]
            if size > BODY:
                at = flush()
                size = rows = 0
        if lines:
            flush()
    return path, bodies


def varint(n):
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def text_of(text):
    raw = text.encode()
    return varint(len(raw)) + raw


def write_row_binary(load, path):
    """ClickHouse's RowBinary: day, hour, ms, metric, then the source, then the value."""
    sources = [text_of(s.host) + struct.pack('<IIQ', s.account, s.campaign, s.session) + text_of(s.campaign_type) +
               text_of(s.session_type) + text_of(s.phone_type) + text_of(s.process) for s in load.sources]
    metrics = [text_of(m) for m in load.metrics]
    pack_time, pack_value = struct.Struct('<HBI').pack, struct.Struct('<d').pack
    bodies, at, parts, rows = [], 0, [], 0
    first, metric, value = load.event_first, load.metric, load.value
    with open(path, 'wb') as out:
        def flush():
            body = b''.join(parts)
            out.write(body)
            bodies.append((at, len(body), rows))
            parts.clear()
            return at + len(body)
        for i, (time, source) in enumerate(zip(load.event_time, load.event_source)):
            head = pack_time(time // DAY_MS, time % DAY_MS // 3_600_000, time % 3_600_000)
            for k in range(first[i], first[i + 1]):
                parts += (head, metrics[metric[k]], sources[source], pack_value(value[k]))
                rows += 1
            if rows >= BATCH:
                at = flush()
                rows = 0
        if parts:
            flush()
    return path, bodies


NATIVE = [('ts', "DateTime64(3, 'UTC')"), ('metric', 'String'), ('host', 'String'), ('account_id', 'UInt32'),
          ('campaign_id', 'UInt32'), ('caller_session_id', 'UInt64'), ('campaign_type', 'String'),
          ('caller_session_type', 'String'), ('caller_phone_type', 'String'), ('process', 'String'), ('v', 'Float64')]


def write_native(load, path):
    """ClickHouse's Native blocks: whole columns, the cheapest form it reads."""
    times, sources = load.spread()
    table = load.sources
    texts = {name: [text_of(getattr(s, field)) for s in table] for name, field in
             [('host', 'host'), ('campaign_type', 'campaign_type'), ('caller_session_type', 'session_type'),
              ('caller_phone_type', 'phone_type'), ('process', 'process')]}
    numbers = {'account_id': ('I', [s.account for s in table]), 'campaign_id': ('I', [s.campaign for s in table]),
               'caller_session_id': ('Q', [s.session for s in table])}
    metrics = [text_of(m) for m in load.metrics]
    bodies, at = [], 0
    with open(path, 'wb') as out:
        for begin in range(0, load.samples, BATCH):
            end = min(begin + BATCH, load.samples)
            rows, ids = end - begin, sources[begin:end]
            parts = [varint(len(NATIVE)), varint(rows)]
            for name, kind in NATIVE:
                parts += [text_of(name), text_of(kind)]
                if name == 'ts':
                    parts.append(times[begin:end].tobytes())
                elif name == 'v':
                    parts.append(load.value[begin:end].tobytes())
                elif name == 'metric':
                    parts.append(b''.join(map(metrics.__getitem__, load.metric[begin:end])))
                elif name in numbers:
                    code, column = numbers[name]
                    parts.append(array.array(code, map(column.__getitem__, ids)).tobytes())
                else:
                    parts.append(b''.join(map(texts[name].__getitem__, ids)))
            body = b''.join(parts)
            out.write(body)
            bodies.append((at, len(body), rows))
            at += len(body)
    return path, bodies
