/* values.tsx: the values of one field with their counts and a search, to pick one. */

import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from './api';
import { count } from './format';
import * as S from './state';
import { printMatches } from './text';
import { say } from './zoom';

const LIMIT = 50;

/* Values under the scope without the field itself and what lies below it: those are the siblings. */
function siblingsScope(field: string): string {
  const at = S.path.value.indexOf(field);
  const below = at < 0 ? [] : S.path.value.slice(at);
  return printMatches(S.scope.value.filter((m) => m.field !== field && !below.includes(m.field)));
}

export function ValuePicker({ field, current, pick }: { field: string; current: string | null; pick: (v: string) => void }) {
  const [search, setSearch] = useState('');
  const [got, setGot] = useState<api.Values | null>(null);
  const [failed, setFailed] = useState('');
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const listed = useRef<HTMLUListElement>(null);

  useEffect(() => input.current?.focus(), []);
  useEffect(() => {
    const stop = new AbortController();
    const wait = setTimeout(async () => {
      try {
        const { from, to } = S.spanNow();
        setGot(await api.values(field, { scope: siblingsScope(field), q: search, limit: LIMIT, from, to }, stop.signal));
        setFailed('');
        setAt(0);
      } catch (e) {
        if ((e as Error).name !== 'AbortError') setFailed((e as Error).message);
      }
    }, search ? 120 : 0);
    return () => {
      clearTimeout(wait);
      stop.abort();
    };
  }, [field, search]);

  const values = got?.values ?? [];
  const most = Math.max(1, ...values.map((v) => v.rows));
  const typed = search.trim();
  const offerTyped = typed !== '' && got !== null && !values.some((v) => v.value === typed);
  const move = (to: number) => {
    setAt(to);
    listed.current?.children[to]?.scrollIntoView({ block: 'nearest' });
  };
  const keys = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown') move(Math.min(at + 1, values.length - 1));
    else if (e.key === 'ArrowUp') move(Math.max(at - 1, 0));
    else if (e.key === 'Enter' && values[at]) pick(values[at].value);
    else if (e.key === 'Enter' && offerTyped) pick(typed);
    else return;
    e.preventDefault();
  };
  const listId = `values-${field}`;
  return (
    <div class="picker" data-testid="picker">
      <input ref={input} type="text" autocomplete="off" placeholder={`Search ${say(field)}`} aria-label={`Search the values of ${say(field)}`}
        role="combobox" aria-expanded="true" aria-controls={listId} aria-autocomplete="list"
        aria-activedescendant={values[at] ? `${listId}-${at}` : undefined}
        value={search} onInput={(e) => setSearch(e.currentTarget.value)} onKeyDown={keys} />
      {failed && <p class="note bad">{failed}</p>}
      <ul class="values" id={listId} role="listbox" aria-label={`Values of ${say(field)}`} ref={listed}>
        {values.map((v, i) => (
          <li key={v.value} id={`${listId}-${i}`} role="option" aria-selected={i === at} class={i === at ? 'at' : ''}
            data-value={v.value} onClick={() => pick(v.value)} onPointerMove={() => i !== at && setAt(i)}>
            <span class="bar" style={{ width: `${(100 * v.rows) / most}%` }} />
            <span class="name">{v.value === '' ? '(unset)' : v.value}{v.value === current && <em> now</em>}</span>
            <span class="num">{count(v.rows)}</span>
          </li>
        ))}
      </ul>
      {got && !values.length && !offerTyped && <p class="note">No value in this time and scope.</p>}
      {offerTyped && <button class="link" onClick={() => pick(typed)}>Use “{typed}”</button>}
      {got && <p class="note">{values.length < got.distinct ? `${values.length} of ${count(got.distinct)} values` : `${count(got.distinct)} ${got.distinct === 1 ? 'value' : 'values'}`}, by samples</p>}
    </div>
  );
}
