/* main.tsx: Explore: the page put together, and its keys. */

import './theme';
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { atEnd, Breakdown, watchBreakdown } from './breakdown';
import { Chart, Legend } from './chart';
import { By, Stats, Time, toggleLive } from './controls';
import { Health } from './health';
import { Help } from './help';
import { ErrorBox, focusQuery, QueryBar } from './query_bar';
import { Scope } from './scope';
import { Session } from './session';
import * as S from './state';
import { Table } from './table';
import { isDark, toggleTheme } from './theme';
import { focusSearch, TreePanel } from './tree_panel';

function Head() {
  return (
    <header class="top">
      <button class="icon drawer-open" aria-label="Metrics" onClick={focusSearch}>
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 4h12M2 8h12M2 12h12" /></svg>
      </button>
      <a class="brand" href="/" aria-label="dialtone, start page">
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M2 12h3l2.5-7 4 14 3.5-10 2 3H22" /></svg><span>dialtone</span>
      </a>
      <QueryBar />
      <div class="tools">
        <button class="icon" aria-label="Copy the link" title="Copy the link  c" onClick={S.copyLink}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M7 9a3 3 0 004.2 0l2-2A3 3 0 009 2.8l-.8.8M9 7a3 3 0 00-4.2 0l-2 2A3 3 0 007 13.2l.8-.8" /></svg>
        </button>
        <button class="icon" aria-label={isDark.value ? 'Light colours' : 'Dark colours'} title="Light or dark  d" data-testid="theme" onClick={toggleTheme}>
          {isDark.value
            ? <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="3" /><path d="M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1" /></svg>
            : <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M13.5 9.5A6 6 0 016.5 2.5a6 6 0 107 7z" /></svg>}
        </button>
        <button class="icon" aria-label="Help" title="Help  ?" onClick={() => { S.helpOpen.value = true; }}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M5.5 6a2.5 2.5 0 114 2c-1 .7-1.5 1.2-1.5 2.2M8 13v.2" /></svg>
        </button>
      </div>
    </header>
  );
}

function Title() {
  const c = S.chosen.value;
  const q = S.parsed.value;
  return (
    <div class="title">
      <h1 class={c ? '' : 'mono'}>{c?.name ?? q?.head ?? (S.state.value.q || 'Explore')}</h1>
      {c && <span class={`kind-name ${c.kind}`}>{c.kind}{c.unit ? `, ${c.unit}` : ''}</span>}
      {c?.doc && <p>{c.doc}</p>}
      {!q && S.state.value.q && !S.error.value && <p>The controls cannot follow this text; it runs as it is.</p>}
    </div>
  );
}

function App() {
  document.title = (S.chosen.value?.name ?? S.state.value.q ?? '') + ' · dialtone';
  return (
    <>
      <Head />
      <div class="body">
        <TreePanel />
        {S.drawerOpen.value && <div class="shade" onClick={() => { S.drawerOpen.value = false; }} />}
        <main id="main">
          <ErrorBox />
          <Scope />
          <div class="columns">
            <div class="centre">
              <section class={`card main-card ${S.loading.value ? 'loading' : ''}`} aria-label="Chart">
                <div class="main-head"><Title /><Time /></div>
                <div class="switches"><Stats /><By /></div>
                <Chart />
                <Legend />
              </section>
              {atEnd.value && <Session />}
              <Table />
            </div>
            <Breakdown />
          </div>
        </main>
      </div>
      <Health />
      <Help />
      <div class="toast" role="status" aria-live="polite">{S.said.value}</div>
    </>
  );
}

const ACTIONS: Record<string, () => void> = {
  '/': focusSearch,
  q: focusQuery,
  '?': () => { S.helpOpen.value = true; },
  '[': () => S.shiftTime(-1),
  ']': () => S.shiftTime(1),
  '-': S.zoomOut,
  l: toggleLive,
  t: () => S.go({ table: !S.state.value.table }, 'replace'),
  d: toggleTheme,
  c: S.copyLink,
};

function keys(e: KeyboardEvent) {
  const el = e.target as HTMLElement;
  if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(el.tagName) || S.helpOpen.value) return;
  const act = ACTIONS[e.key];
  if (!act) return;
  e.preventDefault();
  act();
}

/* the first question is under way before there is anything to draw on */
S.start();

function begin() {
  watchBreakdown();
  addEventListener('keydown', keys);
  render(<App />, document.getElementById('app') as HTMLElement);
}

if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', begin);
else begin();
