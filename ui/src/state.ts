/* state.ts: what the page knows, and everything a person can do to it.
 *
 * The state is one value of url.ts; every action makes the next one, pushes the address, and the effects below ask
 * the server. Nothing else in the page asks it, but the value lists of popovers.
 */

import { batch, computed, effect, signal, untracked } from '@preact/signals';
import * as api from './api';
import { duration, parseDuration, stepFor } from './format';
import * as T from './text';
import { buildTree } from './tree';
import { parseState, printState, type Range, type State } from './url';
import { zoomPath } from './zoom';

export const state = signal<State>(parseState(location.search));
export const metrics = signal<api.Metric[]>([]);
export const families = signal<api.Family[]>([]);
export const fields = signal<api.FieldInfo[]>([]);
export const namesLoaded = signal(false);
export const answer = signal<api.Answer | null>(null);
export const error = signal<{ q: string; detail: api.QueryError; status: number } | null>(null);
export const loading = signal(false);
export const health = signal<api.Status | null>(null);
export const healthLost = signal(false);
export const chartWidth = signal(900);
export const helpOpen = signal(false);
export const drawerOpen = signal(false);
export const said = signal(''); /* a short notice, for eyes and screen readers */

/* What the server's clock says minus ours. */
let skew = 0;
export const now = () => Date.now() + skew;

export const parsed = computed(() => T.parse(state.value.q));
export const selector = computed(() => T.selectorOf(parsed.value));
export const tree = computed(() => buildTree(metrics.value, families.value));

interface Chosen { name: string; kind: string; unit: string; doc: string; fields: string[] }

/* Several metrics seen as one: what they have in common, and all their fields. */
function together(name: string, list: (api.Metric | api.Family)[]): Chosen | null {
  if (!list.length) return null;
  const same = (pick: (x: api.Metric | api.Family) => string) => (list.every((x) => pick(x) === pick(list[0])) ? pick(list[0]) : '');
  const all = list.map((x) => x.fields);
  return { name, kind: same((x) => x.kind), unit: same((x) => x.unit), doc: same((x) => x.doc ?? ''),
    fields: all.some((f) => !f.length) ? [] : [...new Set(all.flat())] };
}

/* A family has the fields of its members beside its placeholders. */
export const familyOf = (pattern: string): Chosen | null => {
  const family = families.value.find((f) => f.pattern === pattern);
  return family ? together(pattern, [family, ...metrics.value.filter((m) => m.family === pattern)]) : null;
};

const escape = (s: string) => s.replace(/[.+^${}()|[\]\\]/g, '\\$&');

/* A selector as a pattern of names: `**` any number of segments, `*` within one, `:field` one whole segment. */
function selectorPattern(selector: string): RegExp {
  const parts = selector.split('.').map((seg) => {
    if (seg === '**') return '.+';
    if (/^(:[a-z0-9_]+|\{[a-z0-9_]+\})$/.test(seg)) return '[^.]+';
    return seg.split('*').map(escape).join('[^.]*');
  });
  return new RegExp(`^${parts.join('\\.').replace(/^\.\+\\\./, '(?:.+\\.)?')}$`);
}

/* The metric, family, or set of metrics that the query's head names. */
export const chosen = computed<Chosen | null>(() => {
  const sel = selector.value;
  if (!sel) return null;
  const name = sel.replace(/'/g, '');
  const m = metrics.value.find((x) => x.name === name);
  if (m) return together(name, [m]);
  return familyOf(T.selectorFamily(name)) ?? (/[*:{]/.test(name) ? together(name, metrics.value.filter((x) => selectorPattern(name).test(x.name))) : null);
});

/* The fields that can be asked of what the query names. */
export const ownFields = computed<string[] | null>(() => {
  if (chosen.value) return chosen.value.fields.length ? chosen.value.fields : null;
  /* of an expression: what the metrics in it have */
  const words = (parsed.value?.head ?? '').match(/[A-Za-z0-9_.:{}\/-]+/g) ?? [];
  const named = words.flatMap((w) => metrics.value.find((m) => m.name === w) ?? familyOf(T.selectorFamily(w)) ?? []);
  const all = [...new Set(named.flatMap((n) => n.fields))];
  return all.length ? all : null;
});
export const path = computed(() => zoomPath(fields.value, ownFields.value));
export const scope = computed<T.Match[]>(() => (parsed.value ? T.scopeOf(parsed.value) : []));
export const scopeValue = (field: string): string | null => {
  const m = scope.value.find((x) => x.field === field && !x.not);
  return m ? T.plainValue(m.value) : null;
};
/* How many fields of the zoom path are set, counted to the deepest one. */
export const depth = computed(() => {
  let deep = 0;
  path.value.forEach((f, i) => { if (scope.value.some((m) => m.field === f)) deep = i + 1; });
  return deep;
});
export const otherFields = computed(() => {
  const names = ownFields.value ?? fields.value.map((f) => f.name);
  return names.filter((n) => !path.value.includes(n));
});

/* ---- actions ---- */

export function go(change: Partial<State>, how: 'push' | 'replace' = 'push') {
  const next = { ...state.value, ...change };
  const url = printState(next);
  if (url !== location.search) history[how === 'push' ? 'pushState' : 'replaceState'](null, '', url);
  state.value = next;
}

export const edit = (change: (q: T.Query) => T.Query, more: Partial<State> = {}) => {
  if (parsed.value) go({ ...more, q: T.print(change(parsed.value)) });
};

/* Another metric keeps the scope and the grouping as far as it has the fields, and drops the statistic. */
export function choose(name: string, has: string[] | null) {
  const sel = T.familySelector(name);
  const q = parsed.value;
  let next: T.Query = { head: sel, clauses: [] };
  if (q) {
    const keep = (f: string) => !has || !has.length || has.includes(f);
    next = T.withScope(next, T.scopeOf(q).filter((m) => keep(m.field)));
    const by = T.byOf(q).filter(keep);
    next = T.withBy(next, by);
    if (by.length && T.clauseOf(q, 'top')) next = T.withTop(next, Number(T.clauseOf(q, 'top')));
  }
  drawerOpen.value = false;
  go({ q: T.print(next), split: '' });
}

/* In, out and sideways: sets a field of the scope. What lies deeper on the path belongs to the old value and goes. */
export function zoomTo(field: string, value: string | null) {
  edit((q) => {
    const at = path.value.indexOf(field);
    const below = at < 0 ? [] : path.value.slice(at + 1);
    const kept = T.scopeOf(q).filter((m) => !below.includes(m.field));
    let next = T.withScope(q, T.setMatch(kept, field, value));
    /* grouping by what is now fixed says nothing */
    if (value !== null && T.byOf(q).includes(field)) {
      next = T.withBy(next, T.byOf(q).filter((f) => f !== field));
      if (!T.byOf(next).length) next = T.without(next, 'top', 'bottom', 'other');
    }
    return next;
  }, { split: '' });
}

/* The query narrowed to one group of its own grouping. */
export function scopedTo(q: T.Query, group: [string, string][]): T.Query {
  let matches = T.scopeOf(q);
  for (const [field, value] of group) matches = T.setMatch(matches, field, value);
  const by = T.byOf(q).filter((f) => !group.some(([g]) => g === f));
  const next = T.withBy(T.withScope(q, matches), by);
  return by.length ? next : T.without(next, 'top', 'bottom', 'other');
}

/* Out to the first `n` fields of the path. */
export function zoomOutTo(n: number) {
  edit((q) => T.withScope(q, T.scopeOf(q).filter((m) => {
    const at = path.value.indexOf(m.field);
    return at < 0 || at < n;
  })), { split: '' });
}

export const dropMatch = (field: string) => edit((q) => T.withScope(q, T.scopeOf(q).filter((m) => m.field !== field)));

export function zoomOut() {
  const set = path.value.filter((f) => scope.value.some((m) => m.field === f));
  if (set.length) zoomOutTo(path.value.indexOf(set[set.length - 1]));
  else if (scope.value.length) dropMatch(scope.value[scope.value.length - 1].field);
  else widen();
}

/* What is on now: the statistics that the text names, else those that its kind implies. */
export function statsOn(q: T.Query): string[] {
  if (q.clauses.some((c) => c.kind === 'rate')) return ['rate', ...T.statsOf(q)];
  const own = T.statsOf(q);
  return own.length ? own : defaultStats(chosen.value?.kind ?? '');
}

/* A distribution has several statistics at once; of a count one is shown. `only`: just this one. */
export function toggleStat(stat: string, only = false) {
  edit((q) => {
    const on = statsOn(q);
    const plain = T.withRate(q, null);
    if (stat === 'rate') return on.includes('rate') ? plain : T.withStats(T.withRate(plain, ''), []);
    const many = ['measure', 'value', 'level'].includes(chosen.value?.kind ?? '');
    const have = on.filter((s) => s !== 'rate');
    if (!many || only) return T.withStats(plain, on.length === 1 && on[0] === stat ? [] : [stat]);
    if (have.includes(stat)) return T.withStats(plain, have.filter((s) => s !== stat));
    return T.withStats(plain, [...have, stat].sort(statOrder));
  });
}

const ORDER = ['count', 'sum', 'min', 'avg', 'p50', 'p90', 'p95', 'p99', 'max', 'last'];
const statOrder = (a: string, b: string) => ORDER.indexOf(a) - ORDER.indexOf(b);

/* What can be asked of a kind, as the switch offers it. */
export function statsFor(kind: string): string[] {
  switch (kind) {
    case 'count': return ['sum', 'rate', 'count'];
    case 'level': return ['sum', 'avg', 'min', 'max', 'last'];
    case 'value': return ['avg', 'min', 'p50', 'p95', 'p99', 'max', 'count'];
    case 'measure': return ['p50', 'p95', 'p99', 'avg', 'max', 'count'];
    case 'unique': return ['uniq'];
    default: return ['sum', 'count', 'avg', 'p50', 'p95', 'max'];
  }
}

/* What an unsaid statistic means. */
export function defaultStats(kind: string): string[] {
  return ({ count: ['sum'], level: ['sum'], value: ['avg'], measure: ['p50', 'p95', 'max'], unique: ['uniq'] } as Record<string, string[]>)[kind] ?? [];
}

export function toggleBy(field: string) {
  edit((q) => {
    const have = T.byOf(q);
    if (have.includes(field)) {
      const left = have.filter((f) => f !== field);
      const next = T.withBy(q, left);
      return left.length ? next : T.without(next, 'top', 'bottom', 'other');
    }
    let next = T.withBy(q, [...have, field]);
    /* three lines a group are a thicket: one statistic is enough */
    const unsaid = !T.statsOf(q).length && !q.clauses.some((c) => c.kind === 'rate');
    if (unsaid && selector.value && chosen.value?.kind === 'measure') next = T.withStats(next, ['p95']);
    const info = fields.value.find((f) => f.name === field);
    const many = info?.words?.length ?? info?.values;
    const limited = q.clauses.some((c) => c.kind === 'top' || c.kind === 'bottom');
    return limited || (many !== null && many !== undefined && many <= 12) ? next : T.withTop(next, 10);
  });
}

/* ---- time ---- */

const backs: Range[] = [];

export const rangeMs = () => {
  const r = state.value.range;
  return 'last' in r ? r.last : r.to - r.from;
};

/* The span that the last answer covered, or what would be asked now. */
export const spanNow = (): { from: number; to: number } => {
  const r = state.value.range;
  return 'last' in r ? { from: now() - r.last, to: now() } : r;
};

export function setRange(range: Range) {
  backs.length = 0;
  go({ range, live: true });
}

export function zoomTime(from: number, to: number) {
  if (to - from < 2000) return;
  backs.push(state.value.range);
  go({ range: { from: Math.round(from), to: Math.round(to) } });
}

export function timeBack() {
  const r = backs.pop();
  if (r) go({ range: r });
  else widen();
}

const LADDER = [15, 60, 360, 1440, 10080].map((m) => m * 60e3);

function widen() {
  const r = state.value.range;
  if ('last' in r) {
    const next = LADDER.find((l) => l > r.last);
    if (next) setRange({ last: next });
    return;
  }
  const size = r.to - r.from;
  go({ range: { from: r.from - size / 2, to: Math.min(r.to + size / 2, now()) } });
}

export function shiftTime(direction: -1 | 1) {
  const size = rangeMs(), at = spanNow();
  const to = at.to + (direction * size) / 2;
  if (direction > 0 && 'last' in state.value.range) return;
  if (to >= now() - 1000) setRange({ last: size });
  else go({ range: { from: to - size, to } });
}

/* ---- asking ---- */

/* from and to of the next question. While following, the start stands on a step, so that no bar is cut. */
export function ask(q: string, points: number, steps?: number[]): api.Ask & { stepMs: number } {
  const r = state.value.range;
  const size = rangeMs();
  const own = T.parse(q);
  const fixed = own ? parseDuration(T.clauseOf(own, 'every') ?? '') : null;
  const stepMs = fixed ?? stepFor(size, points, steps);
  const every = fixed ? undefined : duration(stepMs);
  if ('last' in r) return { q, from: Math.floor((now() - r.last) / stepMs) * stepMs, to: 'now', every, stepMs };
  return { q, from: Math.floor(r.from), to: Math.ceil(r.to), every, stepMs };
}

export const points = () => Math.max(40, Math.min(500, Math.floor(chartWidth.value / 2)));

let running: AbortController | null = null;
let askedFor = '';

export async function run(quiet = false) {
  const s = untracked(() => state.value);
  if (!s.q) return;
  running?.abort();
  const mine = (running = new AbortController());
  if (!quiet) loading.value = true;
  try {
    const got = await api.query(untracked(() => ask(s.q, points())), mine.signal);
    if (mine !== running) return;
    if ('last' in s.range) {
      const off = got.to - Date.now();
      skew = Math.abs(off) > 400 ? off : 0;
    }
    batch(() => {
      answer.value = got;
      error.value = null;
      loading.value = false;
    });
    askedFor = s.q;
  } catch (e) {
    if ((e as Error).name === 'AbortError' || mine !== running) return;
    const refused = e instanceof api.Refused ? e : new api.Refused({ text: String((e as Error).message) }, 0);
    batch(() => {
      error.value = { q: s.q, detail: refused.detail, status: refused.status };
      loading.value = false;
      /* a chart of another question would lie; a lost connection keeps the last one */
      if (refused.status && askedFor !== s.q) answer.value = null;
    });
  }
}

export const following = computed(() => state.value.live && 'last' in state.value.range);

export const followMs = computed(() => {
  const r = state.value.range;
  const size = 'last' in r ? r.last : 0;
  return size <= 900e3 ? 2000 : size <= 3600e3 ? 5000 : size <= 21600e3 ? 15000 : size <= 86400e3 ? 60000 : 300000;
});

export const tick = signal(0); /* counts the refreshes of the follow mode */

let timer = 0;
function schedule() {
  clearTimeout(timer);
  const lost = error.peek()?.status === 0;
  if ((!following.peek() && !lost) || document.hidden) return;
  const every = lost ? 2000 : followMs.peek();
  /* on the beat of the clock, so that steps fill at the same moment everywhere */
  timer = window.setTimeout(async () => {
    await run(true);
    tick.value++;
    schedule();
  }, every - (now() % every) + 150);
}

export async function loadNames() {
  const [m, f] = await Promise.all([api.metrics(), api.fields()]);
  batch(() => {
    metrics.value = m.metrics;
    families.value = m.families;
    fields.value = f.fields;
    namesLoaded.value = true;
  });
}

/* Without a question in the address: the measure with most samples, which tells more than a count. */
function first() {
  if (state.value.q) return;
  const all = [...metrics.value].sort((a, b) => b.rows - a.rows);
  const best = all.find((m) => m.kind === 'measure' && m.rows) ?? all.find((m) => m.rows) ?? all[0];
  if (best) go({ q: best.name }, 'replace');
}

async function pollHealth() {
  if (!document.hidden) {
    try {
      health.value = await api.status();
      healthLost.value = false;
    } catch {
      healthLost.value = true;
    }
  }
  setTimeout(pollHealth, 5000);
}

export function start() {
  addEventListener('popstate', () => { state.value = parseState(location.search); });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && following.value) run(true);
    schedule();
  });
  const asked = computed(() => {
    const { q, range, live } = state.value;
    return JSON.stringify([q, range, live]);
  });
  effect(() => {
    asked.value;
    run().then(schedule);
  });
  const names = async () => {
    try {
      await loadNames();
      first();
    } catch (e) {
      if (!namesLoaded.value) {
        error.value = { q: '', detail: { text: (e as Error).message }, status: 0 };
        setTimeout(names, 2000);
      }
    }
  };
  names();
  setTimeout(pollHealth, 400); /* after the first chart */
  setInterval(() => { if (!document.hidden) loadNames().then(first, () => {}); }, 60000);
}

let saidTimer = 0;
export function say(text: string) {
  said.value = text;
  clearTimeout(saidTimer);
  saidTimer = window.setTimeout(() => { said.value = ''; }, 2500);
}

export async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    say('Link copied');
  } catch {
    say('The address bar holds the link');
  }
}
