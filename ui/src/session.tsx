/* session.tsx: the end of the zoom path: one call session, all its metrics, when they were measured and what was
 * measured. The lanes come from coarse questions over the range, the list from the same by the second over the life of
 * the session, since a session is short. Two questions each: `count` of a pattern means its measures and values, so
 * that the metrics of kind count come by their `sum`. */

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import * as api from './api';
import { clock, count, duration, span, value } from './format';
import * as S from './state';
import * as T from './text';
import { say } from './zoom';

interface Lane { name: string; times: number[]; total: number }
interface Timeline { key: string; lanes: Lane[]; from: number; to: number; every: number }
interface Sample { time: number; metric: string; value: number | null; unit: string; count: number }

const timeline = signal<Timeline | null>(null);
const samples = signal<{ key: string; list: Sample[]; every: number } | null>(null);
const LISTED = 200;

const nameOf = (s: api.Series) => s.fields.metric || s.metric;

/* summed: `counts` is the sum of a metric of kind count, and not a number of samples. */
type Found = { metric: string; unit: string; summed: boolean; times: number[]; counts: number[]; values: (number | null)[] }[];

const TOP = 30;

async function find(key: string, ask: Omit<api.Ask, 'q'>): Promise<{ found: Found; every: number }> {
  const [single, summed] = await Promise.all([
    api.query({ ...ask, q: `** count avg @${key} by metric top ${TOP}` }),
    api.query({ ...ask, q: `** sum @${key} by metric top ${TOP}` }),
  ]);
  const found: Found = [];
  const add = (a: api.Answer, counts: api.Series, values: api.Series) => {
    const at = counts.values.flatMap((v, i) => (v ? [i] : []));
    if (at.length) {
      found.push({ metric: nameOf(counts), unit: values.unit, summed: counts === values, times: at.map((i) => a.times[i]),
        counts: at.map((i) => counts.values[i] as number), values: at.map((i) => values.values[i]) });
    }
  };
  for (const s of single.series.filter((x) => x.stat === 'count'))
    add(single, s, single.series.find((x) => x.stat === 'avg' && nameOf(x) === nameOf(s)) ?? s);
  for (const s of summed.series)
    if (S.metrics.value.find((m) => m.name === nameOf(s))?.kind === 'count' && !found.some((f) => f.metric === nameOf(s))) add(summed, s, s);
  return { found, every: single.every };
}

async function loadLanes(key: string) {
  const { found, every } = await find(key, S.ask('', 500));
  const lanes = found.map((f): Lane => ({ name: f.metric, times: f.times, total: f.counts.reduce((x, y) => x + y, 0) }))
    .sort((x, y) => y.total - x.total);
  const all = lanes.flatMap((m) => m.times);
  timeline.value = all.length ? { key, lanes, every, from: Math.min(...all), to: Math.max(...all) + every } : null;
}

async function loadSamples(key: string, from: number, to: number) {
  const seconds = Math.max(1, Math.ceil((to - from) / 1000 / 10000));
  const { found, every } = await find(key, { from, to, every: `${seconds}s` });
  const list: Sample[] = found.flatMap((f) => f.times.map((time, i) => ({ time, metric: f.metric, value: f.values[i], unit: f.unit,
    count: f.summed ? 1 : f.counts[i] })));
  list.sort((x, y) => y.time - x.time || (x.metric < y.metric ? -1 : 1));
  samples.value = { key, list, every };
}

async function load(key: string) {
  try {
    await loadLanes(key);
    const t = timeline.value;
    if (t && t.key === key) await loadSamples(key, t.from, t.to);
    else samples.value = null;
  } catch {
    timeline.value = null;
    samples.value = null;
  }
}

const choose = (name: string) => S.choose(name, S.metrics.value.find((x) => x.name === name)?.fields ?? null);

function Lanes({ t }: { t: Timeline }) {
  const width = t.to - t.from || 1;
  return (
    <ul class="lanes">
      {t.lanes.map((m) => (
        <li key={m.name}>
          <button class="lane" onClick={() => choose(m.name)} aria-current={S.chosen.value?.name === m.name} title={`${m.name}: ${m.total} samples`}>
            <span class="name">{m.name}</span>
            <svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true">
              {m.times.map((x) => <rect key={x} x={(1000 * (x - t.from)) / width} y="3" width={Math.max(3, (1000 * t.every) / width - 0.6)} height="10" rx="1" />)}
            </svg>
            <span class="figure">{count(m.total)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Samples() {
  const s = samples.value;
  if (!s || !s.list.length) return null;
  return (
    <details class="samples" data-testid="samples">
      <summary>Every sample, newest first</summary>
      <div class="table-box" tabIndex={0} role="region" aria-label="Samples">
        <table>
          <thead><tr><th scope="col">Time</th><th scope="col">Metric</th><th scope="col">Value</th></tr></thead>
          <tbody>
            {s.list.slice(0, LISTED).map((x) => (
              <tr key={x.metric + x.time}>
                <th scope="row">{clock(x.time)}</th>
                <td class="left"><button class="link" onClick={() => choose(x.metric)}>{x.metric}</button></td>
                <td>{value(x.value, x.unit, true)}{x.count > 1 ? <span class="muted"> mean of {x.count}</span> : null}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {s.list.length > LISTED && <p class="note">The newest {LISTED} of {s.list.length}.</p>}
      </div>
    </details>
  );
}

export function Session() {
  const key = T.printMatches(S.scope.value.filter((m) => S.path.value.includes(m.field)));
  const range = JSON.stringify(S.state.value.range);
  useEffect(() => { load(key); }, [key, range, S.tick.value]);
  const t = timeline.value;
  if (!t || t.key !== key) return null;
  const pad = Math.max(5000, (t.to - t.from) * 0.05);
  const end = S.path.value[S.path.value.length - 1];
  return (
    <section class="card session" aria-label={`Samples of this ${say(end)}`} data-testid="session">
      <header class="card-head">
        <h2>This {say(end)}</h2>
        <span class="muted">{count(t.lanes.reduce((n, m) => n + m.total, 0))} samples, {span(t.from, t.to)}</span>
        <button class="button small end" data-testid="fit" onClick={() => S.zoomTime(t.from - pad, t.to + pad)}>Fit the time</button>
      </header>
      <Lanes t={t} />
      <p class="note">A mark is a step of {duration(t.every)} with samples.</p>
      <Samples />
    </section>
  );
}
