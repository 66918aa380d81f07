/* health.tsx: the strip that says whether samples arrive, and what was refused and why. */

import type { Reason, Status } from './api';
import { about, count, digits, value } from './format';
import { Popover } from './popover';
import * as S from './state';

function List({ reasons }: { reasons: Reason[] }) {
  return (
    <ul>
      {reasons.map((r) => (
        <li key={r.reason}>
          <p><b>{count(r.count)}</b> {r.text || r.reason} <code>{r.reason}</code></p>
          {r.example && <pre tabIndex={0} role="region" aria-label={`Example of ${r.reason}`}>{r.example}</pre>}
        </li>
      ))}
    </ul>
  );
}

function Reasons({ h }: { h: Status }) {
  const some = h.reasons.filter((r) => r.count > 0).sort((a, b) => b.count - a.count);
  const remarks = some.filter((r) => r.class === 'remark'), refused = some.filter((r) => r.class !== 'remark');
  return (
    <div class="reasons" data-testid="reasons">
      <dl class="facts">
        <div><dt>Lines received</dt><dd>{count(h.lines.received)}</dd></div>
        <div><dt>with measurements</dt><dd>{count(h.lines.with)}</dd></div>
        <div><dt>without</dt><dd>{count(h.lines.without)}</dd></div>
        <div><dt>refused</dt><dd>{count(h.lines.refused)}</dd></div>
        <div><dt>Measurements found</dt><dd>{count(h.measurements.found)}</dd></div>
        <div><dt>accepted</dt><dd>{count(h.measurements.accepted)}</dd></div>
        <div><dt>refused</dt><dd>{count(h.measurements.refused)}</dd></div>
        <div><dt>parked</dt><dd>{count(h.measurements.parked)}</dd></div>
      </dl>
      {refused.length > 0 ? <List reasons={refused} /> : <p class="note">Nothing was refused since the start.</p>}
      {remarks.length > 0 && <><h2>Accepted, with a remark</h2><List reasons={remarks} /></>}
    </div>
  );
}

export function Health() {
  const h = S.health.value;
  const lost = S.healthLost.value;
  if (!h) return <footer class="health" aria-label="Health" data-testid="health">{lost ? <span class="state bad">no connection</span> : <span class="muted">…</span>}</footer>;
  const refused = h.measurements.refused + h.lines.refused;
  const state = lost ? ['bad', 'no connection'] : h.store.read_only ? ['bad', 'disk full: reading only']
    : h.rate > 0 ? ['good', 'receiving'] : ['', 'idle'];
  return (
    <footer class="health" aria-label="Health" data-testid="health">
      <span class={`state ${state[0]}`}><span class="dot" />{state[1]}</span>
      <span><b>{digits(Math.round(h.rate * 10) / 10)}</b> samples/s</span>
      <Popover class={`strip-button ${refused ? 'some' : ''}`} testid="refused" name="What was refused, and why" label={<><b>{count(refused)}</b> refused</>}>
        {() => <Reasons h={h} />}
      </Popover>
      <span class="wide"><b>{count(h.store.rows)}</b> samples stored in {count(h.store.segments)} segments</span>
      <span class="wide">{value(h.store.disk_bytes, 'B')}{h.store.disk_max ? ` of ${value(h.store.disk_max, 'B')}` : ''}</span>
      <span class="end muted">dialtone {h.version}, up {about(h.uptime_s * 1000)}</span>
    </footer>
  );
}
