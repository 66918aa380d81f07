/* chart.tsx: the chart (uPlot on a canvas), its presence lane, and the legend with live values. */

import { effect, signal, useComputed } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Answer } from './api';
import { value, ticks, moment, clock, day } from './format';
import { allMarks, drawn, lastKnown, type Drawn } from './series';
import * as S from './state';
import { color, isDark, seriesColor } from './theme';

export const hover = signal<number | null>(null);
export const hidden = signal<Set<string>>(new Set());
/* a line hidden on one metric says nothing about the next */
effect(() => {
  S.selector.value;
  hidden.value = new Set();
});

/* the palette is written as #rrggbb */
const alpha = (c: string, a: number) => c + Math.round(a * 255).toString(16).padStart(2, '0');

/* The step that is still filling: drawn dashed, since a count cut short looks like a fall. */
function partial(a: Answer): number {
  const last = a.times.length - 1;
  return last > 0 && S.following.peek() && a.times[last] + a.every > a.to ? last : -1;
}

function timeTicks(_u: uPlot, splits: number[], _i: number, _s: number, incr: number): string[] {
  /* midnight carries the date */
  return splits.map((t) => (incr >= 86400e3 || clock(t) === '00:00:00' ? day(t) : clock(t, incr < 60e3)));
}

const INCREMENTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3,
  1800e3, 3600e3, 7200e3, 10800e3, 21600e3, 43200e3, 86400e3, 172800e3, 604800e3, 2592000e3];

/* Steps with nothing in between on a scale of ms read best at whole seconds and minutes. */
const MS_STEPS = [...Array.from({ length: 12 }, (_, i) => [1, 2, 5].map((k) => k * 10 ** (i - 8))).flat(), 10e3, 20e3, 30e3,
  60e3, 120e3, 300e3, 600e3, 1200e3, 1800e3, 3600e3, 7200e3, 14400e3, 36000e3, 86400e3];

class Plot {
  private u: uPlot | null = null;
  private shape = '';
  private series: Drawn[] = [];
  private answer: Answer | null = null;

  constructor(private box: HTMLElement) {}

  draw(a: Answer, series: Drawn[], width: number, height: number, off: Set<string>, dark: boolean) {
    this.answer = a;
    this.series = series;
    const units = [...new Set(series.map((s) => s.series.unit))];
    const shape = JSON.stringify([series.map((s) => [s.key, s.color, s.series.unit]), dark, width < 500]);
    const data = this.data();
    if (this.u && shape === this.shape) {
      if (this.u.width !== width || this.u.height !== height) this.u.setSize({ width, height });
      this.u.setData(data);
      series.forEach((s, i) => {
        if (this.u && this.u.series[i + 1].show === off.has(s.key)) this.u.setSeries(i + 1, { show: !off.has(s.key) });
      });
      return;
    }
    this.free();
    this.shape = shape;
    this.u = new uPlot(this.options(units, width, height, off), data, this.box);
    if (!performance.getEntriesByName('first-chart').length) requestAnimationFrame(() => performance.mark('first-chart'));
  }

  free() {
    this.u?.destroy();
    this.u = null;
    hover.value = null;
  }

  private data(): uPlot.AlignedData {
    const a = this.answer as Answer;
    const cut = partial(a);
    return [a.times, ...this.series.map((s) => (cut < 0 ? s.series.values : s.series.values.map((v, i) => (i === cut ? null : v))))] as
      uPlot.AlignedData;
  }

  private options(units: string[], width: number, height: number, off: Set<string>): uPlot.Options {
    const text = color('ink-2'), grid = color('grid');
    const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const font = `${Math.round(em * 0.78)}px ${color('sans')}`;
    const scaleOf = (unit: string) => (units.indexOf(unit) <= 0 ? 'y' : 'y2');
    const axis = (unit: string, right: boolean): uPlot.Axis => ({
      scale: right ? 'y2' : 'y', side: right ? 1 : 3, stroke: text, font, size: Math.round(em * 4), gap: 6,
      grid: { show: !right, stroke: grid, width: 1 }, ticks: { show: false }, space: 44,
      ...(unit === 'ms' ? { incrs: MS_STEPS } : {}),
      values: (_u, splits) => ticks(splits, unit),
    });
    const yRange = (_u: uPlot, min: number | null, max: number | null): [number, number] => {
      if (min === null || max === null) return [0, 1];
      if (min >= 0) return [0, max === 0 ? 1 : max * 1.06];
      const pad = (max - min || Math.abs(max) || 1) * 0.06;
      return [min - pad, Math.max(0, max) + pad];
    };
    return {
      width, height, ms: 1, legend: { show: false }, padding: [12, units.length > 1 ? 0 : 14, 0, 0],
      cursor: {
        drag: { x: true, y: false, setScale: false, dist: 4 },
        focus: { prox: 24 }, points: { size: 7, width: 2 },
        bind: { dblclick: () => () => { S.timeBack(); return null; } },
      },
      focus: { alpha: this.series.length > 3 ? 0.25 : 0.6 },
      scales: {
        x: { time: true, range: () => this.bounds() },
        y: { range: yRange }, ...(units.length > 1 ? { y2: { range: yRange } } : {}),
      },
      axes: [
        { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false }, gap: 12, size: Math.round(em * 2.3), space: Math.round(em * 5.5),
          incrs: INCREMENTS, values: timeTicks },
        axis(units[0] ?? '', false), ...(units.length > 1 ? [axis(units[1], true)] : []),
      ],
      series: [{}, ...this.series.map((s) => this.line(s, scaleOf(s.series.unit), !off.has(s.key)))],
      hooks: {
        drawAxes: [(u) => this.gaps(u)],
        draw: [(u) => this.overlay(u)],
        setCursor: [(u) => { hover.value = u.cursor.idx ?? null; }],
        setSelect: [(u) => {
          if (u.select.width < 4) return;
          const from = u.posToVal(u.select.left, 'x'), to = u.posToVal(u.select.left + u.select.width, 'x');
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          S.zoomTime(from, to);
        }],
      },
    };
  }

  private bounds(): [number, number] {
    const a = this.answer;
    return a ? [Math.max(a.from, a.times[0] ?? a.from), a.to] : [0, 1];
  }

  private line(s: Drawn, scale: string, show: boolean): uPlot.Series {
    const stroke = seriesColor(s.color);
    const alone = this.series.length === 1;
    return {
      label: s.label, scale, show, stroke, dash: s.dash, width: this.series.length > 6 ? 1.4 : 1.75, spanGaps: false,
      points: {
        show: true, size: 5.5, fill: stroke, width: 0,
        /* a point without neighbours has no line to be seen by; where most steps are empty, each sample is a point */
        filter: (u, index) => {
          const y = u.data[index] as (number | null)[];
          const known = y.reduce<number>((n, v) => n + (v == null ? 0 : 1), 0);
          const few = u.bbox.width / Math.max(1, y.length) > 14 * devicePixelRatio || known < y.length * 0.35;
          const out: number[] = [];
          for (let i = 0; i < y.length; i++) {
            if (y[i] == null) continue;
            if (few || (y[i - 1] == null && y[i + 1] == null)) out.push(i);
          }
          return out;
        },
      },
      fill: alone ? (u) => {
        const { top, height } = u.bbox;
        if (!Number.isFinite(top) || !height) return 'transparent';
        const g = u.ctx.createLinearGradient(0, top, 0, top + height);
        g.addColorStop(0, alpha(stroke, 0.28));
        g.addColorStop(1, alpha(stroke, 0.02));
        return g;
      } : undefined,
    };
  }

  private eachStep(u: uPlot, visit: (mark: string, x: number, w: number) => void) {
    const a = this.answer;
    if (!a) return;
    const marks = allMarks(a);
    const { left, width } = u.bbox;
    for (let i = 0; i < marks.length; i++) {
      const x0 = Math.max(left, u.valToPos(a.times[i], 'x', true));
      const x1 = Math.min(left + width, u.valToPos(Math.min(a.times[i] + a.every, a.to), 'x', true));
      if (x1 > x0) visit(marks[i], x0, x1 - x0);
    }
  }

  /* Where the server took nothing at all, a count is unknown and not zero: the ground is hatched there. */
  private gaps(u: uPlot) {
    const a = this.answer;
    if (!a || !a.series.some((s) => s.marks.includes('z') || s.stat === 'sum')) return;
    const { top, height } = u.bbox;
    u.ctx.save();
    u.ctx.fillStyle = color('gap');
    /* one rectangle a gap: seams between steps would show */
    let from = -1, to = -1;
    const flush = () => { if (from >= 0) u.ctx.fillRect(Math.round(from), top, Math.round(to) - Math.round(from), height); };
    this.eachStep(u, (m, x, w) => {
      if (m !== 'g') return;
      if (from < 0 || x > to + 1) {
        flush();
        from = x;
      }
      to = x + w;
    });
    flush();
    u.ctx.restore();
  }

  /* The presence lane under the plot, and the dashed line to the step that is still filling. */
  private overlay(u: uPlot) {
    const a = this.answer;
    if (!a) return;
    const ctx = u.ctx, scale = devicePixelRatio;
    const top = u.bbox.top + u.bbox.height + 3 * scale;
    const looks: Record<string, [string, number]> = {
      k: [color('lane'), 4], z: [color('lane-zero'), 2], u: [color('warn'), 4],
    };
    ctx.save();
    this.eachStep(u, (m, x, w) => {
      const look = looks[m];
      if (!look) return;
      ctx.fillStyle = look[0];
      ctx.fillRect(x, top + ((4 - look[1]) / 2) * scale, Math.max(1, w - (w > 5 * scale ? scale : 0)), look[1] * scale);
    });
    const cut = partial(a);
    if (cut > 0) {
      ctx.setLineDash([3 * scale, 3 * scale]);
      ctx.lineWidth = 1.5 * scale;
      this.series.forEach((s, i) => {
        const from = s.series.values[cut - 1], to = s.series.values[cut];
        if (!u.series[i + 1].show || from == null || to == null) return;
        const y = u.series[i + 1].scale as string;
        ctx.strokeStyle = seriesColor(s.color);
        ctx.beginPath();
        ctx.moveTo(u.valToPos(a.times[cut - 1], 'x', true), u.valToPos(from, y, true));
        ctx.lineTo(u.valToPos(Math.min(a.times[cut], a.to), 'x', true), u.valToPos(Math.min(to, u.scales[y].max ?? to), y, true));
        ctx.stroke();
      });
    }
    ctx.restore();
  }
}

function describe(series: Drawn[]): string {
  const a = S.answer.value;
  if (!a) return 'No data';
  const parts = series.slice(0, 6).map((s) => `${s.label}: ${value(lastKnown(s.series.values), s.series.unit, true)}`);
  return `Chart of ${a.query}. Latest values: ${parts.join(', ')}${series.length > 6 ? ` and ${series.length - 6} more` : ''}.`;
}

export function Chart() {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const series = useComputed(() => drawn(S.answer.value));
  const a = S.answer.value, dark = isDark.value, off = hidden.value, width = S.chartWidth.value;

  useLayoutEffect(() => {
    const el = box.current as HTMLDivElement;
    S.chartWidth.value = Math.floor(el.clientWidth);
    const watch = new ResizeObserver(() => { S.chartWidth.value = Math.floor(el.clientWidth); });
    watch.observe(el);
    return () => watch.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (!a || !a.times.length || !a.series.length) {
      plot.current?.free();
      return;
    }
    plot.current ??= new Plot(box.current as HTMLElement);
    const height = Math.round(Math.max(200, Math.min(900, innerHeight * 0.42, 160 + width * 0.6)));
    plot.current.draw(a, series.value, width, height, off, dark);
  }, [a, dark, off, width]);

  useEffect(() => () => plot.current?.free(), []);

  const empty = a && (!a.series.length || a.series.every((s) => s.values.every((v) => v === null)));
  return (
    <div class={`chart ${!a && S.error.value ? 'none' : ''}`} data-testid="chart" data-points={a ? a.times.length : 0} data-series={a ? a.series.length : 0}>
      <div class="plot" ref={box} role="img" aria-label={describe(series.value)} />
      {empty && <Nothing />}
      {!a && !S.error.value && <div class="nothing" aria-live="polite">{S.state.value.q ? 'Loading…' : S.namesLoaded.value ? <Welcome /> : 'Loading…'}</div>}
    </div>
  );
}

function Welcome() {
  return (
    <div class="welcome">
      <p>No metric has arrived yet. Send one:</p>
      <pre>echo 'source=web01.42.7 sample#my.metric=812.4ms' | curl --data-binary @- {location.origin}/lines</pre>
    </div>
  );
}

function Nothing() {
  const m = S.metrics.value.find((x) => x.name === S.chosen.value?.name);
  const span = S.spanNow();
  const elsewhere = m && m.rows > 0 && m.from && m.to && (m.to < span.from || m.from > span.to) ? { from: m.from, to: m.to } : null;
  return (
    <div class="nothing">
      <p>No sample in this time{S.scope.value.length ? ' and scope' : ''}.</p>
      {elsewhere && (
        <button class="button" onClick={() => S.zoomTime(elsewhere.from, elsewhere.to + 1)}>
          Show where its data lies ({moment(elsewhere.from, 60e3)} – {moment(elsewhere.to, 60e3)})
        </button>
      )}
      {S.depth.value > 0 && <button class="button" onClick={S.zoomOut}>Zoom out</button>}
    </div>
  );
}

function LegendRow({ s, at }: { s: Drawn; at: number | null }) {
  const off = hidden.value.has(s.key);
  const a = S.answer.value;
  const cut = a ? partial(a) : -1;
  /* the latest is the last full step: a count still filling is no news */
  const v = at !== null ? s.series.values[at] : lastKnown(cut > 0 ? s.series.values.slice(0, cut) : s.series.values);
  const mark = at === null ? '' : s.series.marks[at];
  const fields = Object.entries(s.series.fields).filter(([f]) => f !== 'metric' && f !== 'other');
  const toggle = (e: MouseEvent) => {
    const next = new Set(hidden.value);
    if (e.altKey || e.shiftKey) {
      const others = drawn(S.answer.value).map((d) => d.key).filter((k) => k !== s.key);
      next.clear();
      if (!others.every((k) => hidden.value.has(k))) others.forEach((k) => next.add(k));
    } else if (off) next.delete(s.key);
    else next.add(s.key);
    hidden.value = next;
  };
  const zoom = () => S.edit((q) => S.scopedTo(q, fields), { split: '' });
  return (
    <li class={off ? 'off' : ''}>
      <button class="legend-toggle" aria-pressed={!off} onClick={toggle} title="Click: hide or show. Shift-click: only this one.">
        <span class="swatch" style={{ background: seriesColor(s.color) }} />
        <span class="legend-label" title={s.full}>{s.label}</span>
      </button>
      <span class="legend-value">{mark === 'g' ? 'gap' : value(v, s.series.unit, true)}{mark === 'u' ? ' (incomplete)' : ''}</span>
      {fields.length > 0 && (
        <button class="icon small" onClick={zoom} aria-label={`Zoom in to ${s.label}`} title="Zoom in">
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M6 3l5 5-5 5" /></svg>
        </button>
      )}
    </li>
  );
}

export function Legend() {
  const a = S.answer.value;
  isDark.value;
  if (!a || !a.series.length) return null;
  const at = hover.value !== null && hover.value < a.times.length ? hover.value : null;
  const series = drawn(a);
  return (
    <div class="legend" data-testid="legend">
      <div class="legend-time">{at === null ? (S.following.value ? 'latest' : 'last value') : moment(a.times[at], a.every)}</div>
      <ul>{series.map((s) => <LegendRow key={s.key} s={s} at={at} />)}</ul>
    </div>
  );
}
