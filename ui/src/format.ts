/* format.ts: numbers, units, durations and times as people read them. Pure. */

interface Scale { factor: number; name: string }

const TIME_S: Record<string, number> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400 };
const BYTES: Record<string, number> = {
  B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3,
};
const TIME_STEPS: Scale[] = [
  { factor: 86400, name: 'd' }, { factor: 3600, name: 'h' }, { factor: 60, name: 'min' }, { factor: 1, name: 's' },
  { factor: 1e-3, name: 'ms' }, { factor: 1e-6, name: 'µs' }, { factor: 1e-9, name: 'ns' },
];
const BYTE_STEPS: Scale[] = [
  { factor: 1e12, name: 'TB' }, { factor: 1e9, name: 'GB' }, { factor: 1e6, name: 'MB' }, { factor: 1e3, name: 'kB' },
  { factor: 1, name: 'B' },
];
const PLAIN_STEPS: Scale[] = [
  { factor: 1e12, name: 'T' }, { factor: 1e9, name: 'G' }, { factor: 1e6, name: 'M' }, { factor: 1e3, name: 'k' },
  { factor: 1, name: '' },
];

/* A rate keeps the unit of what it counts: "ms/s". */
function split(unit: string): [string, string] {
  const at = unit.indexOf('/');
  return at < 0 ? [unit, ''] : [unit.slice(0, at), unit.slice(at)];
}

/* The scale in which |v| of `unit` reads best. `factor` is how many of `unit` make one shown unit. */
export function scaleFor(v: number, unit: string): Scale {
  const [base, per] = split(unit);
  const size = Math.abs(v);
  const pick = (steps: Scale[], one: number, lead: number): Scale => {
    for (const s of steps) if (size * one >= s.factor * lead) return { factor: s.factor / one, name: s.name + per };
    const last = steps[steps.length - 1];
    return { factor: last.factor / one, name: last.name + per };
  };
  if (size === 0 && (base in TIME_S || base in BYTES)) return { factor: 1, name: (base === 'us' ? 'µs' : base) + per };
  if (base in TIME_S) {
    const seconds = size * TIME_S[base];
    if (seconds >= 1 && seconds < 100) return { factor: 1 / TIME_S[base], name: 's' + per };
    return pick(TIME_STEPS, TIME_S[base], seconds >= 100 ? 1.66 : 1);
  }
  if (base in BYTES) return pick(BYTE_STEPS, BYTES[base], 1);
  if (base === '%') return { factor: 1, name: '%' + per };
  const s = pick(PLAIN_STEPS, 1, size < 10000 && size >= 1000 ? 1e5 : 1);
  return { factor: s.factor, name: s.name.replace(per, '') };
}

const strip = (s: string) => (s.includes('.') ? s.replace(/\.?0+$/, '') : s);

/* Three figures that count, no exponent between 0.001 and 9999. */
export function digits(v: number): string {
  const size = Math.abs(v);
  if (size === 0) return '0';
  if (size >= 1000) return group(Math.round(v));
  if (size >= 100) return strip(v.toFixed(Number.isInteger(v) ? 0 : 0));
  if (size >= 10) return strip(v.toFixed(1));
  if (size >= 1) return strip(v.toFixed(2));
  if (size >= 0.001) return strip(v.toPrecision(3));
  return v.toExponential(1);
}

export function group(v: number): string {
  return String(v).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
}

const own = (unit: string) => {
  const [base, per] = split(unit);
  return base in TIME_S || base in BYTES || base === '%' ? '' : (base && base !== '1' ? base : '') + per;
};

/* 812.4 ms, 6.02 s, 21 MB, 1.2k callers. Without `named` a counted thing's own word is left out. */
export function value(v: number | null | undefined, unit: string, named = false): string {
  if (v === null || v === undefined || !Number.isFinite(v)) return '–';
  const s = scaleFor(v, unit);
  const n = digits(v / s.factor);
  const word = own(unit);
  const scale = s.name && PLAIN_STEPS.some((p) => p.name === s.name) ? s.name : s.name ? '\u00a0' + s.name : '';
  return n + scale + (named && word ? '\u00a0' + word : '');
}

/* All digits, for the table: never rounded below what was stored with. */
export function exact(v: number | null | undefined): string {
  if (v === null || v === undefined || !Number.isFinite(v)) return '';
  return Number.isInteger(v) ? group(v) : strip(v.toFixed(Math.abs(v) < 1 ? 6 : 3));
}

/* Ticks of one axis share one unit and as many decimals as they need. */
export function ticks(splits: number[], unit: string): string[] {
  const top = splits.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const s = scaleFor(top, unit);
  const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) / s.factor : 1;
  let decimals = 0;
  while (decimals < 6 && Math.abs(Math.round(step * 10 ** decimals) - step * 10 ** decimals) > 1e-6) decimals++;
  const plain = PLAIN_STEPS.some((p) => p.name === s.name);
  return splits.map((v) => {
    if (v === 0) return '0';
    const n = v / s.factor;
    const shown = Math.abs(n) >= 1000 ? group(Math.round(n)) : n.toFixed(decimals);
    return shown + (s.name ? (plain ? '' : '\u00a0') + s.name : '');
  });
}

const DURATIONS: [string, number][] = [
  ['w', 604800e3], ['d', 86400e3], ['h', 3600e3], ['m', 60e3], ['s', 1e3], ['ms', 1],
];

/* 90000 -> "90s", 3600000 -> "1h": the largest unit that divides, as the query language spells it. */
export function duration(ms: number): string {
  for (const [name, size] of DURATIONS) if (ms >= size && ms % size === 0 && name !== 'w') return `${ms / size}${name}`;
  return `${ms}ms`;
}

export function parseDuration(text: string): number | null {
  const m = /^(\d+)\s*(ms|s|m|h|d|w)$/.exec(text.trim());
  if (!m) return null;
  return Number(m[1]) * (DURATIONS.find(([n]) => n === m[2]) as [string, number])[1];
}

/* About how long: "3 min", "5 d". */
export function about(ms: number): string {
  const names: [string, number][] = [['d', 86400e3], ['h', 3600e3], ['min', 60e3], ['s', 1e3]];
  for (const [name, size] of names) if (ms >= size * (name === 's' ? 1 : 1.5)) return `${Math.round(ms / size)}\u00a0${name}`;
  return `${Math.round(ms)}\u00a0ms`;
}

const two = (n: number) => String(n).padStart(2, '0');

export function clock(ms: number, seconds = true): string {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}` + (seconds ? `:${two(d.getSeconds())}` : '');
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function day(ms: number): string {
  const d = new Date(ms);
  return `${d.getDate()} ${MONTHS[d.getMonth()]}`;
}

/* A moment as exact as the step needs. */
export function moment(ms: number, stepMs: number): string {
  return `${day(ms)} ${clock(ms, stepMs < 60e3)}`;
}

export function span(from: number, to: number): string {
  const same = day(from) === day(to);
  const seconds = to - from < 600e3;
  return same ? `${day(from)}, ${clock(from, seconds)} – ${clock(to, seconds)}`
    : `${day(from)} ${clock(from, false)} – ${day(to)} ${clock(to, false)}`;
}

/* For <input type=datetime-local>, in the reader's zone. */
export function localInput(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${clock(ms)}`;
}

/* Small whole numbers: rows, samples, lines. */
export function count(n: number): string {
  return n < 10000 ? group(n) : value(n, '');
}

const STEPS = [1e3, 5e3, 10e3, 30e3, 60e3, 300e3, 900e3, 3600e3, 21600e3, 86400e3];

/* For small lines, which want a number of points rather than a round step. */
export const FINE_STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400]
  .map((s) => s * 1e3);

/* The smallest step of a list (the server's own) that gives at most `points`. */
export function stepFor(rangeMs: number, points: number, steps = STEPS): number {
  for (const s of steps) if (rangeMs / s <= points) return s;
  return STEPS[STEPS.length - 1] * Math.ceil(rangeMs / STEPS[STEPS.length - 1] / points);
}
