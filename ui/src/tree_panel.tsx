/* tree_panel.tsx: the tree of metrics with its search. Only the rows in sight are in the document. */

import { computed, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { count } from './format';
import * as S from './state';
import { search, visible, type Node, type Row } from './tree';

const ROW = 30;
const text = signal('');
const opened = signal<Map<string, boolean>>(new Map());
const at = signal('');
const top = signal(0);
const tall = signal(600);

const KINDS: Record<string, [string, string]> = {
  count: ['C', 'count: how many'], level: ['L', 'level: how much there is now'], value: ['V', 'value'],
  measure: ['M', 'measure: a distribution'], unique: ['U', 'unique: how many different'],
};

/* Small trees start open, large ones closed below the first level; a family always starts closed. */
const open = (node: Node, level: number): boolean => {
  const said = opened.value.get(node.key);
  if (said !== undefined) return said;
  if (node.type === 'family') return false;
  const current = S.selector.value ?? '';
  if (current.startsWith(node.key)) return true;
  return S.metrics.value.length <= 80 ? true : level < 2 && S.metrics.value.length < 400;
};

const rows = computed<Row[]>(() => (text.value.trim() ? search(text.value, S.tree.value) : visible(S.tree.value, open)));

const selected = (node: Node) => {
  const c = S.chosen.value?.name;
  return node.type !== 'branch' && c !== undefined && node.key === c;
};

function setOpen(node: Node, value: boolean) {
  const next = new Map(opened.value);
  next.set(node.key, value);
  opened.value = next;
}

function use(row: Row) {
  at.value = row.node.key;
  const n = row.node;
  if (n.type === 'branch') setOpen(n, !row.open);
  else S.choose(n.key, n.metric?.fields ?? S.familyOf(n.key)?.fields ?? null);
}

function Marked({ label, hits }: { label: string; hits?: number[] }) {
  if (!hits || !hits.length) return <>{label}</>;
  const set = new Set(hits);
  return <>{Array.from(label, (c, i) => (set.has(i) ? <mark key={i}>{c}</mark> : c))}</>;
}

function Line({ row, index }: { row: Row; index: number }) {
  const n = row.node;
  const about = n.metric ?? n.family;
  const kind = about && KINDS[about.kind];
  const doc = about ? [about.doc, kind?.[1], about.unit && `unit ${about.unit}`, n.metric && !n.metric.declared && 'not declared']
    .filter(Boolean).join(' · ') : `${n.leaves} metrics`;
  const dim = n.rows === 0;
  return (
    <li id={`tree-${index}`} role="treeitem" aria-level={row.level} aria-setsize={row.of} aria-posinset={row.index}
      aria-selected={selected(n)} aria-expanded={n.children.length && !row.hits ? row.open : undefined}
      class={`tree-row ${n.type} ${selected(n) ? 'selected' : ''} ${n.key === at.value ? 'at' : ''} ${dim ? 'dim' : ''}`}
      style={{ top: `${index * ROW}px`, paddingLeft: `${8 + (row.level - 1) * 14}px` }} title={doc} data-key={n.key}
      onClick={() => use(row)}>
      {n.children.length && !row.hits ? (
        <span class={`twist ${row.open ? 'open' : ''}`} onClick={(e) => { e.stopPropagation(); at.value = n.key; setOpen(n, !row.open); }}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M6 4l4 4-4 4" /></svg>
        </span>
      ) : <span class="twist" />}
      {about && <span class={`kind ${about.kind}`} aria-label={about.kind}>{kind?.[0] ?? '?'}</span>}
      <span class="tree-label"><Marked label={row.hits ? n.key : n.label} hits={row.hits} /></span>
      <span class="num">{n.type === 'metric' ? (n.rows ? count(n.rows) : '–') : n.leaves}</span>
    </li>
  );
}

export const focusSearch = () => {
  S.drawerOpen.value = true;
  setTimeout(() => {
    const el = document.getElementById('search') as HTMLInputElement | null;
    el?.focus();
    el?.select();
  });
};

export function TreePanel() {
  const list = rows.value;
  const box = useRef<HTMLDivElement>(null);
  const index = Math.max(0, list.findIndex((r) => r.node.key === at.value));
  const first = Math.max(0, Math.floor(top.value / ROW) - 8);
  const some = list.slice(first, first + Math.ceil(tall.value / ROW) + 16);

  const show = (i: number) => {
    const el = box.current;
    if (!el || !list[i]) return;
    at.value = list[i].node.key;
    if (i * ROW < el.scrollTop) el.scrollTop = i * ROW;
    else if ((i + 1) * ROW > el.scrollTop + el.clientHeight) el.scrollTop = (i + 1) * ROW - el.clientHeight;
    top.value = el.scrollTop;
  };

  useEffect(() => {
    const el = box.current as HTMLDivElement;
    const watch = new ResizeObserver(() => { tall.value = el.clientHeight; });
    watch.observe(el);
    return () => watch.disconnect();
  }, []);

  /* the chosen metric comes into sight when it is chosen from elsewhere */
  const chosen = S.chosen.value?.name;
  useEffect(() => {
    const i = list.findIndex((r) => r.node.key === chosen);
    if (i >= 0 && !text.value) show(i);
  }, [chosen, S.metrics.value.length]);

  const keys = (e: KeyboardEvent) => {
    const row = list[index];
    if (!row || e.ctrlKey || e.metaKey || e.altKey) return;
    const parent = () => {
      for (let i = index - 1; i >= 0; i--) if (list[i].level < row.level) return i;
      return index;
    };
    switch (e.key) {
      case 'ArrowDown': show(Math.min(index + 1, list.length - 1)); break;
      case 'ArrowUp':
        if (index === 0) document.getElementById('search')?.focus();
        else show(index - 1);
        break;
      case 'Home': show(0); break;
      case 'End': show(list.length - 1); break;
      case 'ArrowRight':
        if (row.node.children.length && !row.open && !row.hits) setOpen(row.node, true);
        else if (row.open) show(index + 1);
        break;
      case 'ArrowLeft':
        if (row.open) setOpen(row.node, false);
        else show(parent());
        break;
      case 'Enter': case ' ': use(row); break;
      default: return;
    }
    e.preventDefault();
    e.stopPropagation();
  };

  const searchKeys = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown') {
      e.preventDefault();
      box.current?.querySelector<HTMLElement>('[role=tree]')?.focus();
      show(0);
    } else if (e.key === 'Enter' && list.length) {
      const hit = list.find((r) => r.node.type !== 'branch');
      if (hit) use(hit);
    } else if (e.key === 'Escape') {
      if (text.value) text.value = '';
      else {
        (e.currentTarget as HTMLElement).blur();
        S.drawerOpen.value = false;
      }
      e.stopPropagation();
    }
  };

  return (
    <section class={`side ${S.drawerOpen.value ? 'open' : ''}`} aria-label="Metrics" data-testid="tree">
      <div class="side-head">
        <input id="search" type="search" placeholder="Search metrics" aria-label="Search metrics" autocomplete="off" spellcheck={false}
          value={text.value} onInput={(e) => { text.value = e.currentTarget.value; at.value = ''; if (box.current) box.current.scrollTop = 0; }}
          onKeyDown={searchKeys} />
        <kbd class="hint" aria-hidden="true">/</kbd>
        <button class="icon drawer-close" aria-label="Close the list of metrics" onClick={() => { S.drawerOpen.value = false; }}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8" /></svg>
        </button>
      </div>
      <div class="tree-box" ref={box} onScroll={(e) => { top.value = e.currentTarget.scrollTop; }}>
        <ul role="tree" aria-label="Metrics" tabIndex={0} class="tree" style={{ height: `${list.length * ROW}px` }} onKeyDown={keys}
          aria-activedescendant={list.length && index >= first && index < first + some.length ? `tree-${index}` : undefined}>
          {some.map((r, i) => <Line key={r.node.key} row={r} index={first + i} />)}
          {!list.length && <li role="treeitem" aria-disabled="true" class="tree-row dim">{S.namesLoaded.value ? (text.value ? 'No metric fits' : 'No metric yet') : 'Loading…'}</li>}
        </ul>
      </div>
      <p class="side-foot" aria-live="polite">{text.value.trim() ? `${list.length} found` : `${count(S.metrics.value.length)} metrics, ${count(S.families.value.filter((f) => f.pattern.includes('{')).length)} families`}</p>
    </section>
  );
}
