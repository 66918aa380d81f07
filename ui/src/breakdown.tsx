/* breakdown.tsx: what lies below: the top groups by the next field of the zoom path. */

import { effect, signal, computed } from '@preact/signals';
import * as api from './api';
import { FINE_STEPS, value } from './format';
import { groupName, lastKnown } from './series';
import * as S from './state';
import * as T from './text';
import { say } from './zoom';

interface Group { name: string; fields: Record<string, string>; metric: string; spark: (number | null)[]; number: number | null; unit: string }
interface Found { key: string; field: string; stat: string; groups: Group[] }

const found = signal<Found | null>(null);
const failed = signal('');
const TOP = 10;

/* The end of the path: nothing lies below. */
export const atEnd = computed(() => S.path.value.length > 0 && S.depth.value === S.path.value.length);

export const splitFields = computed<string[]>(() => {
  const fixed = S.scope.value.filter((m) => !m.not && T.plainValue(m.value) !== null).map((m) => m.field);
  const names = [...S.path.value, ...S.otherFields.value].filter((f) => !fixed.includes(f));
  return /[*:{]/.test(S.parsed.value?.head ?? '') ? [...names, 'metric'] : names;
});

export const split = computed<string>(() => {
  const said = S.state.value.split;
  const all = splitFields.value;
  if (said && all.includes(said)) return said;
  const placeholder = (S.selector.value?.match(/[:{][a-z][a-z0-9_]*/g) ?? []).map((p) => p.slice(1)).find((p) => all.includes(p));
  if (placeholder && S.depth.value === 0) return placeholder;
  const next = S.path.value.slice(S.depth.value).find((f) => all.includes(f));
  if (next) return next;
  return all.find((f) => !S.path.value.includes(f)) ?? all[0] ?? '';
});

/* The one statistic that ranks. */
const rankStat = computed<string | null>(() => {
  const q = S.parsed.value;
  if (!q) return null;
  const own = T.statsOf(q);
  if (own.length) return own[0] === 'p50' && own.includes('p95') ? 'p95' : own[0];
  if (!S.selector.value) return '';
  return { measure: 'p95', value: 'avg' }[S.chosen.value?.kind ?? ''] ?? '';
});

const text = computed<string | null>(() => {
  const q = S.parsed.value;
  if (!q || !split.value || rankStat.value === null) return null;
  let next = T.without(q, 'by', 'top', 'bottom', 'other', 'every', 'vs', 'test', 'smooth', 'band', 'fill', 'as');
  next = T.withStats(next, rankStat.value ? [rankStat.value] : []);
  return T.print(T.withTop(T.withBy(next, [split.value]), TOP));
});

let stop: AbortController | null = null;

/* One question for the lines; one over the whole range as a single step for the numbers, as `top` ranks them. The
 * step is longer than the time since 1970 (and the server takes no longer one), so that no boundary cuts the range. */
async function load(q: string, field: string) {
  stop?.abort();
  const mine = (stop = new AbortController());
  const key = q + '\n' + JSON.stringify(S.state.value.range);
  try {
    const ask = S.ask(q, 48, FINE_STEPS);
    const [lines, whole] = await Promise.all([
      api.query(ask, mine.signal),
      api.query({ ...ask, every: '36500d' }, mine.signal),
    ]);
    const numbers = new Map(whole.series.map((s) => [groupName(s) + s.stat, lastKnown(s.values)]));
    const stat = lines.series[0]?.stat ?? '';
    const groups = lines.series.filter((s) => s.stat === stat).map((s): Group => ({
      name: groupName(s), fields: s.fields, metric: s.metric, spark: s.values, unit: s.unit,
      number: numbers.get(groupName(s) + s.stat) ?? null,
    }));
    found.value = { key, field, stat: stat || (T.clauseOf(T.parse(q) as T.Query, 'rate') !== null ? 'rate' : ''), groups };
    failed.value = '';
  } catch (e) {
    if ((e as Error).name === 'AbortError') return;
    failed.value = (e as Error).message;
    if (found.value?.key !== key) found.value = null;
  }
}

let lastText = '', lastAt = 0;
export function watchBreakdown() {
  effect(() => {
    const q = text.value, field = split.value, range = JSON.stringify(S.state.value.range);
    S.tick.value;
    if (!q || !S.namesLoaded.value || S.error.value?.status) return;
    const id = q + range;
    if (id === lastText && Date.now() - lastAt < 9000) return;
    [lastText, lastAt] = [id, Date.now()];
    load(q, field);
  });
}

function Spark({ values }: { values: (number | null)[] }) {
  const w = 100, h = 24;
  const top = values.reduce<number>((m, v) => Math.max(m, v ?? 0), 0) || 1;
  let d = '', pen = false;
  const dots: string[] = [];
  values.forEach((v, i) => {
    if (v === null) { pen = false; return; }
    const x = ((i + 0.5) / values.length) * w, y = h - 2 - (v / top) * (h - 4);
    if (!pen && values[i + 1] == null) dots.push(`M${x.toFixed(1)} ${y.toFixed(1)}h.01`);
    d += `${pen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${w} ${h}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={d} /><path class="dots" d={dots.join('')} />
    </svg>
  );
}

function Row({ g, most, field }: { g: Group; most: number; field: string }) {
  const inward = () => {
    if (field === 'metric') S.choose(g.fields.metric ?? g.metric, null);
    else S.zoomTo(field, g.fields[field] ?? '');
  };
  const width = g.number !== null && most > 0 ? Math.max(0, (100 * g.number) / most) : 0;
  return (
    <li>
      <button class="row" data-testid="breakdown-row" data-value={g.fields[field]} onClick={inward}
        title={`Zoom in to ${say(field)} ${g.name}`}>
        <span class="bar" style={{ width: `${width}%` }} />
        <span class="name">{g.name}</span>
        <Spark values={g.spark} />
        <span class="figure">{value(g.number, g.unit)}</span>
      </button>
    </li>
  );
}

export function Breakdown() {
  const f = found.value;
  const field = split.value;
  const ready = S.parsed.value !== null && splitFields.value.length > 0;
  if (!ready) {
    return (
      <section class="card breakdown" aria-label="Breakdown">
        <h2>Top by</h2>
        <p class="note">{S.namesLoaded.value ? 'Nothing to break this down by.' : 'Loading…'}</p>
      </section>
    );
  }
  const most = Math.max(0, ...(f?.groups.map((g) => g.number ?? 0) ?? []));
  return (
    <section class="card breakdown" aria-label="Breakdown" data-testid="breakdown">
      <header class="card-head">
        <h2>Top by</h2>
        <select aria-label="Field of the breakdown" value={field} data-testid="split"
          onChange={(e) => S.go({ split: e.currentTarget.value })}>
          {splitFields.value.map((n) => <option key={n} value={n}>{say(n)}</option>)}
        </select>
        <span class="muted end">{f?.stat}</span>
      </header>
      {failed.value && !S.error.value && <p class="note bad">{failed.value}</p>}
      <ol class="rows">
        {f && f.field === field && f.groups.map((g) => <Row key={g.name} g={g} most={most} field={field} />)}
      </ol>
      {f && f.field === field && !f.groups.length && !failed.value && <p class="note">No group in this time and scope.</p>}
    </section>
  );
}
