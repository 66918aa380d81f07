/* series.ts: what the series of an answer are called and coloured. Pure. */

import type { Answer, Series } from './api';

export interface Drawn {
  key: string;
  label: string;      /* what tells it from the others */
  full: string;       /* the same, nothing left out */
  color: number | string; /* index of the palette, or the name of a role */
  dash?: number[];
  series: Series;
  unset: boolean;
}

const STAT_COLORS: Record<string, string> = {
  p50: 'calm', avg: 'calm', sum: 'calm', count: 'calm', last: 'calm', rate: 'calm', min: 'low', p90: 'warm', p95: 'warm',
  p99: 'hot', max: 'peak',
};
const DASHES = [undefined, [6, 4], [2, 3], [8, 3, 2, 3]];

export const groupName = (s: Series): string =>
  'other' in s.fields && s.fields.other === 'true' ? 'other'
    : Object.values(s.fields).map((v) => (v === '' ? '(unset)' : v)).join(' · ');

export function drawn(a: Answer | null): Drawn[] {
  if (!a) return [];
  const groups = [...new Set(a.series.map(groupName))];
  const stats = [...new Set(a.series.map((s) => s.stat))];
  const names = [...new Set(a.series.map((s) => s.metric))];
  const used = new Set<string>();
  const out = a.series.map((s, i): Drawn => {
    const group = groupName(s);
    const parts: string[] = [];
    if (group) parts.push(group);
    if (names.length > 1 && !s.fields.metric) parts.unshift(s.metric);
    if (stats.length > 1 || !parts.length) parts.push(s.stat || s.metric || 'value');
    let key = parts.join(' ');
    while (used.has(key)) key += '′';
    used.add(key);
    const alone = groups.length === 1 && names.length === 1;
    const role = STAT_COLORS[s.stat];
    const twin = alone && role && a.series.findIndex((t) => STAT_COLORS[t.stat] === role) !== i;
    const color = group === 'other' ? 'rest' : alone ? (role && !twin ? role : i) : groups.length > 1 ? groups.indexOf(group) : i;
    const dash = groups.length > 1 && stats.length > 1 ? DASHES[stats.indexOf(s.stat) % DASHES.length] : undefined;
    return { key, label: parts.join(' '), full: parts.join(' '), color, dash, series: s, unset: group.includes('(unset)') };
  });
  shorten(out);
  return out;
}

/* Metrics side by side need not repeat what they share: dialer.caller_sessions.hold is "hold" beside "on_call". */
function shorten(all: Drawn[]) {
  const names = all.map((d) => d.series.fields.metric);
  if (all.length < 2 || names.some((n) => !n)) return;
  const segments = names.map((n) => n.split('.'));
  let shared = 0;
  while (segments.every((s) => s.length > shared + 1 && s[shared] === segments[0][shared])) shared++;
  if (!shared) return;
  const prefix = segments[0].slice(0, shared).join('.') + '.';
  for (const d of all) d.label = d.full.replace(prefix, '');
}

/* One letter a step for all series together: what is worst to miss comes first. */
export function allMarks(a: Answer): string {
  let out = '';
  for (let i = 0; i < a.times.length; i++) {
    let mark = 'g';
    for (const s of a.series) {
      const m = s.marks[i];
      if (m === 'u') { mark = 'u'; break; }
      if (m === 'k') mark = 'k';
      else if (m === 'z' && mark === 'g') mark = 'z';
    }
    out += mark;
  }
  return out;
}

export const lastKnown = (values: (number | null)[]): number | null => {
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null && values[i] !== undefined) return values[i];
  return null;
};
