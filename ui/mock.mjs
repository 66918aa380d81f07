// mock.mjs: a stand-in for the server, for working on the page and for its tests: plausible data for every route that
// the page uses, the same for the same moment, with errors as the server words them.
//   node mock.mjs [PORT]      As a module: startMock({port, built}) gives {url, close, seen}.
import { createServer } from 'node:http';

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';


const CALL = ['host', 'account_id', 'campaign_id', 'caller_session_id', 'campaign_type', 'caller_session_type', 'caller_phone_type'];

const FIELDS = [
  { name: 'host', type: 'dyno', under: null, link: null, values: 20 },
  { name: 'account_id', type: 'id', under: null, link: null, values: 500 },
  { name: 'campaign_id', type: 'id', under: 'account_id', link: null, values: 5000 },
  { name: 'caller_session_id', type: 'id', under: 'campaign_id', link: 'https://admin.example.org/sessions/{value}', values: 250000 },
  { name: 'campaign_type', type: 'enum', under: null, link: null, values: 3 },
  { name: 'caller_session_type', type: 'enum', under: null, link: null, values: 2 },
  { name: 'caller_phone_type', type: 'enum', under: null, link: null, values: 3 },
  { name: 'process', type: 'word', under: null, link: null, values: 3 },
  { name: 'job', type: 'word', under: null, link: null, values: 6 },
];

const VALUES = {
  host: Array.from({ length: 20 }, (_, i) => `web.${i + 1}`),
  account_id: Array.from({ length: 500 }, (_, i) => String(i + 1)),
  campaign_type: ['predictive', 'power', 'preview'],
  caller_session_type: ['webui', 'phone'],
  caller_phone_type: ['landline', 'mobile', 'sip'],
  process: ['worker', 'clock', 'mailer'],
  job: ['import_voters', 'send_report', 'sync_crm', 'purge', 'bill', 'dial_next'],
};

const measure = (name, median, doc) => ({ name, kind: 'measure', unit: 'ms', family: null, doc, fields: CALL, median });
const counter = (name, base, doc) => ({ name, kind: 'count', unit: '', family: null, doc, fields: CALL, base });

function makeMetrics() {
  const list = [
    measure('dialer.contact.answered', 6000, 'Twilio request made to TwiML served, contact answered'),
    measure('dialer.contact.busy', 5000, 'Twilio request made to TwiML served, contact busy'),
    measure('dialer.contact.error', 2500, 'Twilio request made to an error'),
    measure('dialer.contact.redirect', 700, 'Twilio redirect followed'),
    measure('dialer.caller.redirect', 650, 'Caller redirect followed'),
    measure('dialer.transfer.answered', 7000, 'Transfer answered'),
    counter('dialer.requests.total', 90, 'Dial requests made'),
    counter('dialer.requests.error', 1, 'Dial requests that failed'),
    counter('dialer.requests.completed', 88, 'Dial requests completed'),
    counter('dialer.responses.completed', 80, 'TwiML responses served'),
    { name: 'dialer.agents.seen', kind: 'unique', unit: '', family: null, doc: 'Different callers', fields: CALL, base: 40 },
    { name: 'queue.wait', kind: 'value', unit: 's', family: null, doc: '', fields: ['host'], base: 4, declared: false },
    { name: 'memory_total', kind: 'level', unit: 'MB', family: null, doc: '', fields: ['host'], base: 500, declared: false },
  ];
  for (const s of ['on_call', 'hold', 'wrap_up']) {
    list.push({ name: `dialer.caller_sessions.${s}`, kind: 'level', unit: 'callers', family: null, doc: `Callers ${s}`, fields: CALL,
      base: s === 'on_call' ? 900 : 120 });
  }
  for (const p of VALUES.process) {
    for (const up of ['up', 'down', 'total']) {
      list.push({ name: `autoscale.${p}.${up}`, kind: 'count', unit: '', family: `autoscale.{process}.${up}`, doc: `Autoscaler ${up}`,
        fields: ['host', 'process'], base: 2 });
    }
    for (const j of VALUES.job) {
      const fields = ['process', 'job', ...CALL];
      list.push({ name: `${p}.${j}.jobs`, kind: 'count', unit: '', family: '{process}.{job}.jobs', doc: 'Jobs run', fields, base: 12 });
      list.push({ name: `${p}.${j}.run_ms`, kind: 'measure', unit: 'ms', family: '{process}.{job}.run_ms', doc: 'Time of a job', fields, median: 900 });
    }
  }
  const now = Date.now();
  return list.map((m, i) => ({ ...m, rows: Math.round(4e6 / (i + 1)), from: now - 7 * 86400e3, to: now, declared: m.declared !== false }));
}

const METRICS = makeMetrics();
const FAMILIES = [...new Map(METRICS.filter((m) => m.family).map((m) =>
  [m.family, { pattern: m.family, kind: m.kind, unit: m.unit, doc: m.doc, fields: m.fields }])).values()];
FAMILIES.push({ pattern: '{process}.{job}.failed', kind: 'count', unit: '', doc: 'Jobs that failed', fields: ['process', 'job', ...CALL] });

/* ---- numbers ---- */

function hash(text) {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  h ^= h >>> 15; h = Math.imul(h, 2246822519); h ^= h >>> 13;
  return (h >>> 0) / 4294967296;
}
/* Smooth in time, different for each name. */
const wave = (seed, t) => 1 + 0.25 * Math.sin(t / 1.7e6 + 6 * hash(seed)) + 0.12 * Math.sin(t / 2.1e5 + 9 * hash(seed + 'b')) +
  0.16 * (hash(seed + t) - 0.5);

const Q = { p50: 1, p90: 2.1, p95: 2.6, p99: 4.1, max: 4.9, min: 0.2, avg: 1.15, last: 1.05, sum: 1, count: 1 };

function point(metric, stat, key, share, t, every) {
  const w = wave(metric.name + key, t);
  /* the server was away: a gap for everybody */
  const away = t % 14400e3;
  if (away > 9000e3 && away < 9300e3 && every <= 300e3) return [null, 'g'];
  if (stat === 'count' || metric.kind === 'count') {
    const mean = (metric.base ?? 60) * share * w * (every / 10e3);
    const n = mean >= 1 ? Math.round(mean) : hash(metric.name + key + t) < Math.max(0.03, mean) ? 1 : 0;
    return n ? [stat === 'rate' ? n / (every / 1000) : n, hash(key + t) > 0.995 ? 'u' : 'k'] : [0, 'z'];
  }
  if (share < 0.001 && hash(metric.name + key + t) > 0.25) return [null, 'g'];
  const base = metric.median ?? metric.base * (metric.kind === 'level' ? share : 1);
  const incident = metric.name === 'dialer.contact.answered' && /account_id=7\b/.test(key) ? 1.7 : 1;
  const stretch = 0.75 + 0.6 * hash(key + 'slow');
  const v = base * w * incident * (key ? stretch : 1) * (metric.kind === 'level' ? 1 : Q[stat] ?? Q.p95);
  return [Math.round(10 * (Math.min(metric.median ? 30000 : Infinity, v))) / 10, 'k'];
}

/* ---- a parser that knows as much of the language as the tests ask ---- */

class Wrong extends Error {
  constructor(text, column, expected, near) {
    super(text);
    this.body = { error: { text, column, expected, near } };
  }
}

function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}
const nearest = (word, known) => [...known].sort((a, b) => distance(word, a) - distance(word, b)).slice(0, 3);

function matchesOf(text, column) {
  return text.split(/,(?![^(]*\))/).map((part) => {
    const m = /^([a-z_0-9]+)(!?):(.+)$/.exec(part);
    if (!m) throw new Wrong(`"${part}" is no match`, column, 'field:value', []);
    if (!FIELDS.some((f) => f.name === m[1]))
      throw new Wrong(`unknown field "${m[1]}"`, column + text.indexOf(part), 'a field', nearest(m[1], FIELDS.map((f) => f.name)));
    return { field: m[1], not: m[2] === '!', value: m[3].replace(/^'|'$/g, '') };
  });
}

function parseQuery(q) {
  const bare = q.replace(/^\(+|\)+/g, ' ');
  const words = [];
  bare.replace(/'[^']*'|[^\s]+/g, (w, at) => words.push([w, at + 1]));
  if (!words.length) throw new Wrong('an empty query', 1, 'a metric', []);
  const out = { head: words[0][0], stats: [], scope: [], by: [], top: 0, every: 0, rate: false };
  const glob = out.head.replace(/'/g, '');
  const pattern = glob.replace(/:([a-z_]+)/g, '{$1}');
  const re = new RegExp('^' + glob.split('.').map((s) => (s === '**' ? '.+' : s.split('*').join('[^.]*'))).join('\\.') + '$');
  out.metrics = METRICS.filter((m) => m.name === glob || m.family === pattern || (glob.includes('*') && re.test(m.name)));
  if (!out.metrics.length && !FAMILIES.some((f) => f.pattern === pattern))
    throw new Wrong(`no metric is called "${glob}"`, words[0][1], 'a metric', nearest(glob, METRICS.map((m) => m.name)));
  for (let i = 1; i < words.length; i++) {
    const [w, at] = words[i];
    const next = words[i + 1]?.[0] ?? '';
    if (w[0] === '@') out.scope.push(...matchesOf(w.slice(1), at + 1));
    else if (/^(sum|count|avg|min|max|last|uniq|p\d+)$/.test(w)) out.stats.push(w);
    else if (w === 'rate') out.rate = true;
    else if (w === 'by') { out.by = next.split(','); i++; }
    else if (w === 'top' || w === 'bottom') { out.top = Number(next); i++; }
    else if (w === 'every') { out.every = duration(next); i++; }
    else if (/^(over|smooth|vs|fill|per|as)$/.test(w) || /^[-+*/]$/.test(w)) i++;
    else if (w !== 'other') throw new Wrong(`"${w}" is no clause`, at, 'a clause: @scope, a statistic, by, every, top', nearest(w, ['by', 'every', 'top', 'rate', 'over', 'count', 'sum']));
  }
  return out;
}

const duration = (text) => {
  const m = /^(\d+)(ms|s|m|h|d|w)$/.exec(text ?? '');
  return m ? Number(m[1]) * { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 604800e3 }[m[2]] : 0;
};

const when = (text, now, otherwise) => {
  if (!text) return otherwise;
  if (text === 'now') return now;
  if (text[0] === '-') return now - duration(text.slice(1));
  const n = Number(text);
  return Number.isFinite(n) ? (n >= 1e11 ? n : n * 1000) : Date.parse(text);
};

function defaults(kind) {
  return { count: ['sum'], level: ['sum'], value: ['avg'], measure: ['p50', 'p95', 'max'], unique: ['uniq'] }[kind] ?? ['sum'];
}

function valuesOf(field, scope) {
  const fixed = Object.fromEntries(scope.filter((m) => !m.not).map((m) => [m.field, m.value]));
  if (field in fixed && !/[*(]/.test(fixed[field])) return [fixed[field]];
  if (field === 'campaign_id') {
    const accounts = 'account_id' in fixed ? [fixed.account_id] : VALUES.account_id.slice(0, 40);
    return accounts.flatMap((a) => Array.from({ length: 10 }, (_, i) => String(Number(a) * 100 + i + 1)));
  }
  if (field === 'caller_session_id') {
    const campaign = fixed.campaign_id ?? String(100 * Number(fixed.account_id ?? 1) + 1);
    return Array.from({ length: 60 }, (_, i) => String(Number(campaign) * 1000 + i + 1));
  }
  return VALUES[field] ?? [];
}

/* A skewed share: few are busy, many quiet. */
const share = (field, value, i) => 0.45 / (i + 1) ** 0.9 * (0.8 + 0.4 * hash(field + value));
const SCOPE_SHARE = { account_id: 0.05, campaign_id: 0.2, caller_session_id: 0.0008, host: 0.05 };

function runQuery(params) {
  const q = params.get('q') ?? '';
  const now = Date.now();
  const from = when(params.get('from'), now, now - 3600e3), to = when(params.get('to'), now, now);
  if (!(to > from)) throw new Wrong('the end must come after the start', 0, 'from < to', []);
  const p = parseQuery(q);
  let every = p.every || duration(params.get('every'));
  if (!every) every = [1e3, 5e3, 10e3, 30e3, 60e3, 300e3, 900e3, 3600e3, 21600e3, 86400e3].find((s) => (to - from) / s <= 500) ?? 86400e3;
  const times = [];
  for (let t = Math.floor(from / every) * every; t < to; t += every) times.push(t);
  if (times.length > 11000) throw new Wrong(`${times.length} steps are too many`, 0, 'at most 11000', []);
  let base = p.scope.reduce((s, m) => s * (m.not ? 0.95 : SCOPE_SHARE[m.field] ?? 0.4), 1);
  let groups = [{ fields: {}, share: base, key: p.scope.map((m) => `${m.field}=${m.value}`).join(' ') }];
  for (const f of p.by) {
    if (f === 'metric') continue;
    if (!FIELDS.some((x) => x.name === f)) throw new Wrong(`unknown field "${f}"`, q.indexOf(f) + 1, 'a field', nearest(f, FIELDS.map((x) => x.name)));
    groups = groups.flatMap((g) => valuesOf(f, p.scope).slice(0, 60).map((v, i) => ({
      fields: { ...g.fields, [f]: v }, share: g.share * share(f, v, i), key: `${g.key} ${f}=${v}` })));
  }
  const shown = p.by.includes('metric') ? p.metrics : p.metrics.slice(0, 1);
  let series = [];
  for (const m of shown) {
    const stats = p.rate ? ['rate'] : p.stats.length ? p.stats : defaults(m.kind);
    for (const g of groups) {
      for (const stat of stats) {
        const points = times.map((t) => point(m, stat, g.key, g.share, Math.max(t, from), Math.min(every, to - from)));
        series.push({ key: g.key, share: g.share, metric: p.head, stat, unit: stat === 'count' ? '' : m.unit + (stat === 'rate' ? '/s' : ''),
          fields: p.by.includes('metric') ? { ...g.fields, metric: m.name } : g.fields,
          values: points.map((x) => x[0]), marks: points.map((x) => x[1]).join('') });
      }
    }
  }
  if (p.top) {
    /* over the whole range, whatever the steps */
    const size = (s) => point(p.metrics.find((m) => m.name === s.fields.metric) ?? p.metrics[0], s.stat, s.key, s.share, from, to - from)[0] ?? 0;
    const first = series[0]?.stat;
    const ranked = series.filter((s) => s.stat === first).sort((a, b) => size(b) - size(a)).slice(0, p.top)
      .map((s) => JSON.stringify(s.fields));
    series = ranked.flatMap((k) => series.filter((s) => JSON.stringify(s.fields) === k));
  }
  return { query: q, from, to, every, exact: true, rel_err: 0, coverage: 1, took_ms: 2.31, rows_read: 81234, limits: [], times,
    series: series.map(({ key, share, ...s }) => s) };
}

function fieldValues(field, params) {
  if (!FIELDS.some((f) => f.name === field)) throw new Wrong(`unknown field "${field}"`, 0, 'a field', nearest(field, FIELDS.map((f) => f.name)));
  const scope = params.get('scope') ? matchesOf(params.get('scope'), 1) : [];
  const all = valuesOf(field, scope).map((value, i) => ({ value, rows: Math.round(2e6 * share(field, value, i)) }));
  const found = all.filter((v) => v.value.includes(params.get('q') ?? ''));
  return { field, values: found.slice(0, Number(params.get('limit')) || 50), distinct: found.length };
}

function status() {
  const t = Math.floor(Date.now() / 1000) % 100000;
  const received = 1e6 + t * 700;
  return {
    version: '0.2.0', uptime_s: 86400 * 3 + t, rate: 1200 + 150 * Math.sin(t / 9),
    lines: { received, with: received - 12034 - 57, without: 12034, refused: 57 },
    measurements: { found: 2 * received, accepted: 2 * received - 1290, refused: 1290, parked: 0 },
    reasons: [
      { reason: 'not_finite', class: 'sample', text: 'the number is not finite', count: 3, example: 'source=web01 sample#load=NaN' },
      { reason: 'verb_differs', class: 'remark', text: 'the verb is not the declared kind', count: 1230, example: 'measure#dialer.requests.total=1 source=web01.42' },
      { reason: 'line_too_long', class: 'line', text: 'the line is longer than 64 KiB', count: 57, example: null },
    ],
    store: { rows: 41234567, segments: 212, disk_bytes: 213e6, disk_max: 40e9, oldest: Date.now() - 7 * 86400e3, newest: Date.now(), read_only: false },
  };
}

const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export async function startMock({ port = 0, assets = null } = {}) {
  const seen = [];
  let page = assets;
  if (!page) page = (await (await import('./build.mjs')).buildPage({ minify: false })).assets;
  const server = createServer(async (request, reply) => {
    const url = new URL(request.url, 'http://mock');
    seen.push(request.url);
    const json = (code, body) => {
      reply.writeHead(code, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      reply.end(JSON.stringify(body));
    };
    try {
      const asset = page.find((a) => a.path === url.pathname);
      if (asset) {
        reply.writeHead(200, { 'Content-Type': asset.type, 'Content-Security-Policy': CSP, 'Content-Encoding': 'gzip',
          'Cache-Control': asset.immutable ? 'public, max-age=31536000, immutable' : 'no-cache' });
        return void reply.end(gzipSync(asset.bytes));
      }
      const values = /^\/api\/fields\/([^/]+)\/values$/.exec(url.pathname);
      if (values) return void json(200, fieldValues(decodeURIComponent(values[1]), url.searchParams));
      switch (url.pathname) {
        case '/api/query': {
          const answer = runQuery(url.searchParams);
          if (url.searchParams.get('format') !== 'csv') return void json(200, answer);
          reply.writeHead(200, { 'Content-Type': 'text/csv' });
          return void reply.end(['time,' + answer.series.map((s) => s.stat).join(','),
            ...answer.times.map((t, i) => [new Date(t).toISOString(), ...answer.series.map((s) => s.values[i] ?? '')].join(','))].join('\n'));
        }
        case '/api/metrics': return void json(200, { metrics: METRICS.map(({ median, base, ...m }) => m), families: FAMILIES });
        case '/api/fields': return void json(200, { fields: FIELDS });
        case '/api/status': return void json(200, status());
        default: json(404, { error: { text: `no route ${url.pathname}` } });
      }
    } catch (e) {
      if (e instanceof Wrong) json(400, e.body);
      else {
        console.error(e);
        json(500, { error: { text: String(e) } });
      }
    }
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}`, seen, close: () => { server.closeAllConnections?.(); server.close(); } };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.argv[2] ?? 0) });
  console.log(mock.url);
}
