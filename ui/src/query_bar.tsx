/* query_bar.tsx: the exact text that is sent, and what is wrong with it. */

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { QueryError } from './api';
import * as S from './state';
import { replaceAt } from './text';

const draft = signal<string | null>(null); /* not yet sent; null: as in the address */

export const focusQuery = () => {
  const el = document.getElementById('query') as HTMLInputElement | null;
  el?.focus();
  el?.select();
};

export function QueryBar() {
  const input = useRef<HTMLInputElement>(null);
  const q = S.state.value.q;
  useEffect(() => { draft.value = null; }, [q]);
  const shown = draft.value ?? q;
  const send = (text: string) => {
    draft.value = null;
    const next = text.trim();
    if (next && next !== S.state.value.q) S.go({ q: next, split: '' });
    else if (next) S.run();
  };
  return (
    <form class="query" role="search" aria-label="Query" onSubmit={(e) => { e.preventDefault(); send(input.current?.value ?? ''); }}>
      <div class={`query-box ${S.error.value && S.error.value.status ? 'bad' : ''}`}>
        <label for="query" class="query-label">Query</label>
        <input id="query" ref={input} type="text" class="mono" value={shown} autocomplete="off" autocapitalize="off" spellcheck={false}
          data-testid="query" aria-invalid={!!S.error.value?.status} aria-describedby={S.error.value ? 'query-error' : undefined}
          onInput={(e) => { draft.value = e.currentTarget.value; }}
          onKeyDown={(e) => {
            if (e.key !== 'Escape') return;
            draft.value = null;
            e.currentTarget.value = q;
            e.currentTarget.blur();
            e.stopPropagation();
          }} />
        {draft.value !== null && draft.value !== q && <span class="query-draft">Enter to run</span>}
        <kbd class="hint" aria-hidden="true">q</kbd>
      </div>
      <button class="button primary" type="submit">Run</button>
    </form>
  );
}

function Caret({ q, detail }: { q: string; detail: QueryError }) {
  const column = detail.column ?? 0;
  if (!column) return null;
  const at = Math.min(column - 1, q.length);
  return (
    <pre class="caret" data-testid="caret">{q.slice(0, at)}<b>{q[at] ?? ' '}</b>{q.slice(at + 1)}{'\n'}{' '.repeat(at)}^</pre>
  );
}

export function ErrorBox() {
  const e = S.error.value;
  if (!e) return null;
  const near = e.detail.near ?? [];
  const fix = (word: string) => S.go({ q: e.detail.column ? replaceAt(e.q, e.detail.column, word) : word, split: '' });
  return (
    <div class={`error ${e.status ? '' : 'lost'}`} id="query-error" role="alert" data-testid="error">
      <Caret q={e.q} detail={e.detail} />
      <p>{e.detail.text}{e.detail.column ? <span class="muted"> (column {e.detail.column})</span> : null}</p>
      {e.detail.expected && <p class="muted">Expected {e.detail.expected}</p>}
      {near.length > 0 && (
        <p class="near">Did you mean {near.map((n) => <button key={n} class="button mono" data-testid="near" onClick={() => fix(n)}>{n}</button>)}</p>
      )}
      {e.status === 401 || e.status === 403 ? <p><a href="/login">Sign in with a token</a></p> : null}
    </div>
  );
}
