/* table.tsx: the same numbers as the chart, newest first, and as CSV. */

import { queryUrl } from './api';
import { exact, moment } from './format';
import { drawn } from './series';
import * as S from './state';

const ROWS_MAX = 600;

export function Table() {
  const a = S.answer.value;
  if (!a) return null;
  const on = S.state.value.table;
  const ask = { q: a.query || S.state.value.q, from: a.from, to: a.to, every: `${a.every}ms` };
  return (
    <section class="card numbers" aria-label="Numbers">
      <header class="card-head">
        <button class="button small" aria-expanded={on} data-testid="table-toggle" onClick={() => S.go({ table: !on }, 'replace')}>
          {on ? 'Hide the numbers' : 'Show the numbers'}
        </button>
        <a class="button small" href={queryUrl(ask, 'csv')} download="dialtone.csv" data-testid="csv">CSV</a>
        <Footnote />
      </header>
      {on && <Numbers />}
    </section>
  );
}

function Footnote() {
  const a = S.answer.value;
  if (!a) return null;
  const parts = [
    a.exact ? 'exact' : `within ${(a.rel_err * 100).toFixed(1)} %`,
    a.coverage < 1 ? `${(a.coverage * 100).toFixed(0)} % of the rows came with a distribution` : '',
    `${a.rows_read.toLocaleString('en')} rows in ${a.took_ms < 10 ? a.took_ms.toFixed(1) : Math.round(a.took_ms)} ms`,
    ...a.limits,
  ].filter(Boolean);
  return <span class="muted end footnote">{parts.join(' · ')}</span>;
}

function Numbers() {
  const a = S.answer.value;
  if (!a) return null;
  const series = drawn(a);
  const order = a.times.map((_, i) => a.times.length - 1 - i).slice(0, ROWS_MAX);
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Table of numbers">
      <table data-testid="numbers">
        <thead>
          <tr><th scope="col">Time</th>{series.map((s) => <th scope="col" key={s.key}>{s.label}{s.series.unit ? <small> {s.series.unit}</small> : null}</th>)}</tr>
        </thead>
        <tbody>
          {order.map((i) => (
            <tr key={a.times[i]}>
              <th scope="row">{moment(a.times[i], a.every)}</th>
              {series.map((s) => {
                const mark = s.series.marks[i];
                return <td key={s.key} class={mark === 'z' ? 'zero' : mark === 'u' ? 'upstream' : ''} title={TITLES[mark]}>{mark === 'g' ? <span class="gap">gap</span> : exact(s.series.values[i])}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {a.times.length > ROWS_MAX && <p class="note">The newest {ROWS_MAX} of {a.times.length} steps; the CSV has all.</p>}
    </div>
  );
}

const TITLES: Record<string, string> = {
  z: 'Zero: the server was listening and nothing came', g: 'Gap: unknown', u: 'Upstream said that it lost lines',
};
