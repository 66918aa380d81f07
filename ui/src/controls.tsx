/* controls.tsx: statistic, grouping and time. */

import { useState } from 'preact/hooks';
import { about, duration, localInput, span } from './format';
import { Popover } from './popover';
import * as S from './state';
import { byOf, clauseOf, statsOf } from './text';
import { say } from './zoom';

export function Stats() {
  const q = S.parsed.value;
  if (!q) return null;
  const kind = S.chosen.value?.kind ?? '';
  const own = statsOf(q);
  /* in an expression each side has its own */
  if (!S.selector.value && !own.length) return null;
  const on = S.statsOn(q);
  const extra = own.filter((s) => !S.statsFor(kind).includes(s));
  return (
    <div class="group" role="group" aria-label="Statistic" data-testid="stats">
      <span class="group-name" aria-hidden="true">stat</span>
      <div class="segments">
        {[...S.statsFor(kind), ...extra].map((s) => {
          const implied = on.includes(s) && s !== 'rate' && !own.includes(s);
          return (
            <button key={s} class={`segment ${implied ? 'implied' : ''}`} aria-pressed={on.includes(s)} data-stat={s}
              title={`${s === 'rate' ? 'per second' : s}${implied ? ', shown by default' : ''}; Shift: only this`} onClick={(e) => S.toggleStat(s, e.shiftKey)}>
              {s === 'rate' ? (clauseOf(q, 'rate') ? `rate ${clauseOf(q, 'rate')}` : 'rate') : s}
            </button>
          );
        })}
      </div>
    </div>
  );
}

export function By() {
  const q = S.parsed.value;
  if (!q) return null;
  const by = byOf(q);
  const names = [...new Set([...(S.ownFields.value ?? S.fields.value.map((f) => f.name)), ...by])];
  /* many metrics under one selector: the name is a field too */
  if ((/[*{:]/.test(q.head) || by.includes('metric')) && !names.includes('metric')) names.unshift('metric');
  if (!names.length) return null;
  const top = clauseOf(q, 'top') ?? clauseOf(q, 'bottom');
  return (
    <div class="group by" role="group" aria-label="Group by" data-testid="by">
      <span class="group-name" aria-hidden="true">by</span>
      <div class="wrap">
        {names.map((f) => (
          <button key={f} class="chip-toggle" aria-pressed={by.includes(f)} data-by={f} title={f} onClick={() => S.toggleBy(f)}>{say(f)}</button>
        ))}
        {by.length > 0 && top && <span class="muted top-n">{clauseOf(q, 'top') ? 'top' : 'bottom'} {top}</span>}
      </div>
    </div>
  );
}

const RANGES = [15, 60, 360, 1440, 10080].map((m) => m * 60e3);

function Custom({ close }: { close: () => void }) {
  const at = S.spanNow();
  const [from, setFrom] = useState(localInput(at.from));
  const [to, setTo] = useState(localInput(at.to));
  const a = new Date(from).getTime(), b = new Date(to).getTime();
  const good = Number.isFinite(a) && Number.isFinite(b) && b > a;
  return (
    <form class="custom" onSubmit={(e) => { e.preventDefault(); if (good) { close(); S.setRange({ from: a, to: b }); } }}>
      <label>From <input type="datetime-local" step="1" value={from} onInput={(e) => setFrom(e.currentTarget.value)} /></label>
      <label>To <input type="datetime-local" step="1" value={to} onInput={(e) => setTo(e.currentTarget.value)} /></label>
      <p class="note">{good ? 'In your own time zone.' : 'The end must come after the start.'}</p>
      <button class="button primary" disabled={!good}>Show</button>
    </form>
  );
}

export function Time() {
  const r = S.state.value.range;
  const name = (ms: number) => (ms === 604800e3 ? '7d' : ms === 86400e3 ? '24h' : duration(ms));
  const odd = 'last' in r && !RANGES.includes(r.last) ? r.last : null;
  const now = S.answer.value;
  return (
    <div class="group time" role="group" aria-label="Time" data-testid="time">
      <button class="icon" aria-label="Earlier" title="Earlier  [" onClick={() => S.shiftTime(-1)}>
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M10 3L5 8l5 5" /></svg>
      </button>
      <div class="segments">
        {[...RANGES, ...(odd ? [odd] : [])].sort((a, b) => a - b).map((ms) => (
          <button key={ms} class="segment" aria-pressed={'last' in r && r.last === ms} data-range={name(ms)} onClick={() => S.setRange({ last: ms })}>{name(ms)}</button>
        ))}
        <Popover class={`segment ${'from' in r ? 'on' : ''}`} name="Choose a time span" align="right" testid="custom"
          label={'from' in r ? span(r.from, r.to) : 'custom'}>
          {(close) => <Custom close={close} />}
        </Popover>
      </div>
      <button class="icon" aria-label="Later" title="Later  ]" disabled={'last' in r} onClick={() => S.shiftTime(1)}>
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M6 3l5 5-5 5" /></svg>
      </button>
      <button class={`live ${S.following.value ? 'on' : ''}`} aria-pressed={S.following.value} data-testid="live" title="Follow live  l"
        onClick={toggleLive}>
        <span class="dot" />Live{S.following.value && now ? <span class="muted"> {about(S.followMs.value)}</span> : null}
      </button>
    </div>
  );
}

export function toggleLive() {
  const r = S.state.value.range;
  if ('from' in r) S.setRange({ last: RANGES.reduce((best, ms) => (Math.abs(ms - (r.to - r.from)) < Math.abs(best - (r.to - r.from)) ? ms : best)) });
  else S.go({ live: !S.state.value.live });
}
