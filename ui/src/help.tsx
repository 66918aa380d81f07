/* help.tsx: the keys and the marks, behind `?`. */

import { useEffect, useRef } from 'preact/hooks';
import * as S from './state';

const KEYS: [string, string][] = [
  ['/', 'search metrics'], ['q', 'edit the query'], ['↑ ↓ ← →', 'walk the tree; Enter chooses'], ['-', 'zoom out one level'],
  ['[  ]', 'earlier, later'], ['l', 'follow live, or stop'], ['t', 'show the numbers'], ['d', 'dark or light'], ['c', 'copy the link'],
  ['?', 'this help'],
];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = S.helpOpen.value;
  useEffect(() => {
    const el = dialog.current;
    if (open && el && !el.open) el.showModal();
    else if (!open && el?.open) el.close();
  }, [open]);
  if (!open) return null;
  const close = () => { S.helpOpen.value = false; };
  return (
    <dialog ref={dialog} class="help" aria-label="Help" data-testid="help" onClose={close} onClick={(e) => { if (e.target === e.currentTarget) close(); }}>
      <div class="help-body">
        <header class="card-head"><h2>Keys</h2>
          <button class="icon end" aria-label="Close" onClick={close}><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8" /></svg></button>
        </header>
        <dl class="keys">{KEYS.map(([k, what]) => <div key={k}><dt><kbd>{k}</kbd></dt><dd>{what}</dd></div>)}</dl>
        <h2>On the chart</h2>
        <ul class="marks">
          <li>Drag to zoom in on a time; double-click goes back.</li>
          <li><span class="mark k" /> samples arrived in this step</li>
          <li><span class="mark z" /> zero: the server was listening and nothing came</li>
          <li><span class="mark u" /> upstream said that it lost lines</li>
          <li><span class="mark g" /> shaded ground or a broken line: a gap, not a zero</li>
          <li>A dashed end is the step that is still filling.</li>
        </ul>
        <h2>The query text</h2>
        <ul class="marks mono">
          <li>dialer.contact.answered p95 @account_id:42</li>
          <li>dialer.caller_sessions.* by metric</li>
          <li>:process.:job.jobs by job top 20</li>
          <li>((dialer.contact.answered count) / dialer.requests.total) by account_id bottom 5</li>
        </ul>
      </div>
    </dialog>
  );
}
