/* The pure parts of the page: the query text and back, numbers as read, the tree, the address. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as F from '../src/format';
import * as T from '../src/text';
import { drawn } from '../src/series';
import { buildTree, fit, search, visible } from '../src/tree';
import { parseState, printState } from '../src/url';
import { zoomPath } from '../src/zoom';
import { queryUrl } from '../src/api';

const plain = (s: string) => s.replace(/[\u00a0\u202f]/g, ' ');
const kinds = (text: string) => T.parse(text)?.clauses.map((c) => c.kind).join(' ');

test('query: every documented example is cut and put together the same', () => {
  for (const text of [
    'dialer.contact.answered',
    'dialer.contact.answered @account_id:42',
    'dialer.contact.answered @account_id:42,caller_session_id:9001',
    'dialer.contact.answered count by campaign_type every 1m',
    '((dialer.contact.answered count) / dialer.requests.total) by account_id bottom 5',
    'dialer.contact.answered p50 p95 p99 @campaign_type:predictive',
    'dialer.contact.answered dist',
    'dialer.caller_sessions.* by metric',
    'dialer.requests.total vs 1d,1w',
    '**.error sum by metric top 10',
    ':process.:job.jobs by job top 20',
    '{process}.{job}.jobs by job spike 1w x4',
    ':process.:job.failed over 5m by process,job above 0',
    'dialer.requests.total by account_id valley 1w x4',
    'autoscale.worker.error rate 1m @host!:canary* smooth 5m',
    'share(dialer.caller_sessions.on_call by account_id) top 10 other',
    'queue.depth reaches 10000 within 4h',
    'a.b rises 20 pct in 5m', 'a.b outside 1..9', 'a.b absent 5m', 'a.b overdue x3', "'odd name'.x p99.9 fill zero as y",
    'a.b uniq account_id by host', 'a / b', 'dialer.requests.total per callers',
    "a @x:'it''s, (here)',y:(1,2),z:1..5,w:-",
  ]) {
    const q = T.parse(text);
    assert.ok(q, text);
    assert.equal(T.print(q), text);
  }
});

test('query: clauses are told apart', () => {
  assert.equal(kinds('a.b p50 p95 @x:1 by y,z every 1m top 5 other'), 'stat stat scope by every top other');
  assert.equal(kinds('a.b rate by host'), 'rate by');
  assert.equal(kinds('a.b rate 1m'), 'rate');
  assert.equal(kinds('a.b uniq by host'), 'stat by');
  assert.equal(kinds('count count'), 'stat'); /* a metric may be called count */
  assert.equal(T.parse('a / b by x')?.head, 'a / b');
  assert.deepEqual(T.byOf(T.parse('a by x , y') as T.Query), ['x', 'y']);
});

test('query: what it cannot cut is null', () => {
  for (const text of ['', '   ', '@x:1', 'a.b (', "a.b 'x", 'a.b by', 'a.b every soon', 'a.b top many', 'a.b nonsense', 'a /', 'a.b @x',
    'a.b rises 20', '/ a'])
    assert.equal(T.parse(text), null, text);
});

test('query: a control changes its own clause only', () => {
  const change = (text: string, f: (q: T.Query) => T.Query) => T.print(f(T.parse(text) as T.Query));
  assert.equal(change('a.b by x top 3', (q) => T.withScope(q, [{ field: 'h', not: false, value: '1' }])), 'a.b @h:1 by x top 3');
  assert.equal(change('a.b @h:1 p50 smooth 5m', (q) => T.withStats(q, ['p95', 'p99'])), 'a.b @h:1 p95 p99 smooth 5m');
  assert.equal(change('a.b fill zero', (q) => T.withBy(q, ['x', 'y'])), 'a.b by x,y fill zero');
  assert.equal(change('a.b p50 by x', (q) => T.withStats(q, [])), 'a.b by x');
  assert.equal(change('(a / b) by x', (q) => T.withScope(q, [{ field: 'h', not: true, value: 'c*' }])), '(a / b) @h!:c* by x');
  assert.equal(change('a @x:1 p50 @y:2', (q) => T.withScope(q, T.scopeOf(q))), 'a @x:1,y:2 p50');
  assert.equal(change('a rate 1m', (q) => T.withRate(q, null)), 'a');
  assert.equal(change('a by x', (q) => T.withTop(q, 10)), 'a by x top 10');
});

test('scope: values are quoted where they must be and read back', () => {
  for (const value of ['42', 'web.1', 'a b', "it's", 'x,y', '(z)', 'a*b', '1..5', '-', '', 'ä', 'a:b', 'under_score-x'])
    assert.equal(T.plainValue(T.quoteValue(value)), value, value);
  assert.equal(T.quoteValue(''), '-');
  for (const many of ['web*', '(1,2)', '1..5']) assert.equal(T.plainValue(many), null);
  const set = T.setMatch([{ field: 'a', not: false, value: '1' }, { field: 'b', not: false, value: '2' }], 'a', '9');
  assert.equal(T.printMatches(set), 'a:9,b:2');
  assert.equal(T.printMatches(T.setMatch(set, 'b', null)), 'a:9');
});

test('families: spelled for the address and back', () => {
  assert.equal(T.familySelector('autoscale.{process}.up'), 'autoscale.:process.up');
  assert.equal(T.selectorFamily(':process.:job.jobs'), '{process}.{job}.jobs');
});

test('errors: a suggestion replaces the name at the column', () => {
  assert.equal(T.replaceAt('dialer.contact.anwsered p95', 1, 'dialer.contact.answered'), 'dialer.contact.answered p95');
  assert.equal(T.replaceAt('dialer.contact.anwsered p95', 16, 'dialer.contact.answered'), 'dialer.contact.answered p95');
  assert.equal(T.replaceAt('a.b @acount_id:42', 6, 'account_id'), 'a.b @account_id:42');
  assert.equal(T.replaceAt('a.b sume by x', 5, 'sum'), 'a.b sum by x');
});

test('format: units as people read them', () => {
  const cases: [number | null, string, string][] = [
    [812.4, 'ms', '812 ms'], [6020, 'ms', '6.02 s'], [90000, 'ms', '90 s'], [150000, 'ms', '2.5 min'], [0.25, 'ms', '250 µs'], [0, 'ms', '0 ms'],
    [45, 's', '45 s'], [7200, 's', '2 h'], [21, 'MB', '21 MB'], [2100, 'MB', '2.1 GB'], [1500, 'B', '1.5 kB'], [1, 'KiB', '1.02 kB'],
    [12.5, '%', '12.5 %'], [999, '', '999'], [1234, '', '1 234'], [45678, '', '45.7k'], [4e6, '', '4M'], [0.004, '', '0.004'], [null, 'ms', '–'],
    [-1500, 'ms', '-1.5 s'], [3.5, 'ms/s', '3.5 ms/s'],
  ];
  for (const [v, unit, want] of cases) assert.equal(plain(F.value(v, unit)), want, `${v} ${unit}`);
  assert.equal(plain(F.value(12, 'callers', true)), '12 callers');
  assert.equal(plain(F.value(12, '/s', true)), '12 /s');
  assert.equal(F.value(12, 'callers'), '12');
});

test('format: ticks share a unit', () => {
  assert.deepEqual(F.ticks([0, 500, 1000, 1500], 'ms').map(plain), ['0', '0.5 s', '1.0 s', '1.5 s']);
  assert.deepEqual(F.ticks([0, 20, 40], '').map(plain), ['0', '20', '40']);
  assert.deepEqual(F.ticks([0, 20000, 40000], '').map(plain), ['0', '20k', '40k']);
});

test('format: durations and steps', () => {
  for (const [ms, text] of [[1000, '1s'], [90000, '90s'], [3600e3, '1h'], [86400e3, '1d'], [604800e3, '7d'], [250, '250ms']] as [number, string][]) {
    assert.equal(F.duration(ms), text);
    assert.equal(F.parseDuration(text), ms);
  }
  assert.equal(F.parseDuration('soon'), null);
  assert.equal(F.stepFor(3600e3, 500), 10e3);
  assert.equal(F.stepFor(900e3, 500), 5e3);
  assert.equal(F.stepFor(7 * 86400e3, 500), 3600e3);
  assert.equal(F.stepFor(1000 * 86400e3, 100), 10 * 86400e3);
});

test('address: the whole state goes in and out', () => {
  for (const s of [
    { q: "a.b p95 @x:'a b',y:-,z:(1,2) by x", range: { last: 900e3 }, live: true, table: false, split: '' },
    { q: '(a + b) / c', range: { from: 1764000000000, to: 1764000900000 }, live: true, table: true, split: 'host' },
    { q: ':process.:job.jobs by job top 20', range: { last: 604800e3 }, live: false, table: false, split: '' },
  ]) assert.deepEqual(parseState(printState(s)), s);
  assert.match(printState({ q: 'a.b @x:1', range: { last: 3600e3 }, live: true, table: false, split: '' }), /^\?q=a\.b\+@x:1&range=1h$/);
  assert.deepEqual(parseState('?from=9&to=3&range=x').range, { last: 3600e3 });
  assert.match(queryUrl({ q: 'a + b', from: 1, to: 'now' }), /q=a\+%2B\+b&/);
});

const metric = (name: string, family: string | null = null, rows = 1) => ({ name, kind: 'count', unit: '', family, doc: name === 'q.w' ? 'waiting room' : '',
  fields: [], rows, from: 0, to: 0, declared: true });

test('tree: segments, joined branches and families', () => {
  const root = buildTree([metric('dialer.contact.answered'), metric('dialer.contact.busy'), metric('q.w'), metric('worker.bill.jobs', '{process}.{job}.jobs'),
    metric('mailer.purge.jobs', '{process}.{job}.jobs')], [{ pattern: '{process}.{job}.jobs', kind: 'count', unit: '', doc: '', fields: [] }]);
  const rows = visible(root, (n) => n.type !== 'family').map((r) => `${r.level} ${r.node.type} ${r.node.label}`);
  assert.deepEqual(rows, ['1 branch dialer.contact', '2 metric answered', '2 metric busy', '1 branch q', '2 metric w', '1 family {process}.{job}.jobs']);
  assert.equal(root.children.find((n) => n.type === 'family')?.leaves, 2);
});

test('search: finds by pieces, by letters and by the doc text', () => {
  const root = buildTree([metric('dialer.contact.answered'), metric('dialer.contact.busy'), metric('dialer.caller.redirect'), metric('q.w')], []);
  const names = (text: string) => search(text, root).map((r) => r.node.key);
  assert.equal(names('answ')[0], 'dialer.contact.answered');
  assert.equal(names('contact bu')[0], 'dialer.contact.busy');
  assert.equal(names('dcr')[0], 'dialer.caller.redirect');
  assert.deepEqual(names('waiting'), ['q.w']);
  assert.deepEqual(names('zzz'), []);
  assert.deepEqual(fit('con', 'dialer.contact')?.hits, [7, 8, 9]);
});

test('zoom path: the chain of under, as far as the metric has it', () => {
  const f = (name: string, under: string | null = null) => ({ name, type: 'id', under, link: null, values: null });
  const fields = [f('host'), f('account_id'), f('campaign_id', 'account_id'), f('caller_session_id', 'campaign_id'), f('team_id'), f('member_id', 'team_id')];
  assert.deepEqual(zoomPath(fields, null), ['account_id', 'campaign_id', 'caller_session_id']);
  assert.deepEqual(zoomPath(fields, ['account_id', 'campaign_id', 'host']), ['account_id', 'campaign_id']);
  assert.deepEqual(zoomPath(fields, ['host']), []);
});

test('series: named by what differs', () => {
  const s = (metric: string, stat: string, fields: Record<string, string>) => ({ metric, stat, unit: 'ms', fields, values: [1], marks: 'k' });
  const a = (series: ReturnType<typeof s>[]) => ({ query: '', from: 0, to: 1, every: 1, exact: true, rel_err: 0, coverage: 1, took_ms: 0, rows_read: 0,
    limits: [], times: [0], series });
  assert.deepEqual(drawn(a([s('a', 'p50', {}), s('a', 'p95', {})])).map((d) => d.label), ['p50', 'p95']);
  assert.deepEqual(drawn(a([s('a', 'sum', { x: '1' }), s('a', 'sum', { x: '' })])).map((d) => d.label), ['1', '(unset)']);
  assert.deepEqual(drawn(a([s('a', 'p50', { x: '1' }), s('a', 'p95', { x: '1' })])).map((d) => d.label), ['1 p50', '1 p95']);
  assert.deepEqual(drawn(a([s('a', 'sum', { other: 'true' })])).map((d) => d.label), ['other']);
  assert.deepEqual(drawn(a([s('(a / b)', '', {})])).map((d) => d.label), ['(a / b)']);
  const both = drawn(a([s('d.c.*', 'sum', { metric: 'd.c.hold' }), s('d.c.*', 'sum', { metric: 'd.c.on_call' })]));
  assert.deepEqual(both.map((d) => d.label), ['hold', 'on_call']);
  assert.deepEqual(both.map((d) => d.full), ['d.c.hold', 'd.c.on_call']);
  assert.deepEqual(drawn(a([s('**', 'sum', { metric: 'a' }), s('**', 'sum', { metric: 'a.b' })])).map((d) => d.label), ['a', 'a.b']);
});

/* A small generator, so that a failure can be run again by its seed. */
function random(seed: number) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test('query: whatever is typed is cut the same again, and every control leaves it readable', () => {
  const seed = Date.now() % 1e9;
  const next = random(seed);
  const pick = <V>(list: V[]): V => list[Math.floor(next() * list.length)];
  const pieces = ['a.b', '**', ':x.y', "'q r'", '@h:1', "@h:'a b',k!:(1,2)", '@', 'by', 'x', 'x,y', ',', 'top', '5', 'p95', 'sum', 'uniq', 'rate', '1m', 'every',
    'over', 'other', 'above', '-3', 'spike', '1w', 'x4', 'rises', 'pct', 'in', 'within', 'reaches', '(', ')', '+', '-', '/', "'", '  ', 'share(', 'fill', 'zero', 'ä'];
  let cut = 0;
  for (let i = 0; i < 20000; i++) {
    const text = Array.from({ length: 1 + Math.floor(next() * 7) }, () => pick(pieces)).join(next() < 0.9 ? ' ' : '');
    const q = T.parse(text);
    if (!q) continue;
    cut++;
    const why = `seed ${seed}: ${text}`;
    assert.deepEqual(T.parse(T.print(q)), q, why);
    for (const changed of [T.withStats(q, ['p50', 'p95']), T.withBy(q, ['x']), T.withTop(q, 3), T.withScope(q, T.setMatch(T.scopeOf(q), 'k', "it's (a) b")),
      T.withRate(q, '1m'), T.without(q, 'by', 'top', 'bottom', 'other')]) {
      const again = T.parse(T.print(changed));
      assert.ok(again, `${why} -> ${T.print(changed)}`);
      assert.equal(again.head, q.head, why);
    }
  }
  assert.ok(cut > 200, `only ${cut} were cut`);
});
