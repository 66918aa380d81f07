/* session.tsx: the end of the zoom path: one call session, all its metrics, when they were measured and what was
 * measured. The lanes come from one coarse question over the range; the list from one by the second over the life of
 * the session, since a session is short. */

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

function laneOf(a: api.Answer, s: api.Series): Lane {
  const times: number[] = [];
  let total = 0;
  s.values.forEach((v, i) => { if (v) { times.push(a.times[i]); total += v; } });
  return { name: nameOf(s), times, total };
}

async function loadLanes(key: string) {
  const ask = S.ask(`** count @${key} by metric top 20`, 500);
  const a = await api.query(ask);
  const lanes = a.series.map((s) => laneOf(a, s)).filter((m) => m.times.length).sort((x, y) => y.total - x.total);
  const all = lanes.flatMap((m) => m.times);
  timeline.value = all.length ? { key, lanes, every: a.every, from: Math.min(...all), to: Math.max(...all) + a.every } : null;
}

async function loadSamples(key: string, from: number, to: number) {
  const seconds = Math.max(1, Math.ceil((to - from) / 1000 / 10000));
  const a = await api.query({ q: `** count avg @${key} by metric top 20`, from, to, every: `${seconds}s` });
  const counts = new Map(a.series.filter((s) => s.stat === 'count').map((s) => [nameOf(s), s]));
  const list: Sample[] = [];
  for (const s of a.series) {
    if (s.stat === 'count') continue;
    const n = counts.get(nameOf(s));
    n?.values.forEach((c, i) => {
      if (c) list.push({ time: a.times[i], metric: nameOf(s), value: s.values[i], unit: s.unit, count: c });
    });
  }
  list.sort((x, y) => y.time - x.time || (x.metric < y.metric ? -1 : 1));
  samples.value = { key, list, every: a.every };
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
