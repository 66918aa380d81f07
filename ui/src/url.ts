/* url.ts: the whole state of Explore as the query string of the address, and back. Pure. */

import { encode } from './api';
import { duration, parseDuration } from './format';

export type Range = { last: number } | { from: number; to: number };

export interface State {
  q: string;
  range: Range;
  live: boolean;
  table: boolean;
  split: string; /* field of the breakdown; empty: the next of the zoom path */
}

export const START: State = { q: '', range: { last: 3600e3 }, live: true, table: false, split: '' };

export function printState(s: State): string {
  const out = [`q=${encode(s.q)}`];
  if ('last' in s.range) out.push(`range=${duration(s.range.last)}`);
  else out.push(`from=${Math.round(s.range.from)}`, `to=${Math.round(s.range.to)}`);
  if (!s.live && 'last' in s.range) out.push('live=0');
  if (s.table) out.push('table=1');
  if (s.split) out.push(`split=${encode(s.split)}`);
  return '?' + out.join('&');
}

export function parseState(search: string): State {
  const p = new URLSearchParams(search);
  const last = parseDuration(p.get('range') ?? '');
  const from = Number(p.get('from')), to = Number(p.get('to'));
  const spanned = Number.isFinite(from) && Number.isFinite(to) && from > 0 && to > from;
  return {
    q: (p.get('q') ?? '').trim(),
    range: spanned ? { from, to } : { last: last && last > 0 ? last : START.range && 3600e3 },
    live: p.get('live') !== '0',
    table: p.get('table') === '1',
    split: p.get('split') ?? '',
  };
}
