/* tree.ts: metric names as a tree by dotted segments, families as one branch each, and the search. Pure. */

import type { Family, Metric } from './api';

export interface Node {
  key: string;   /* unique: path of the branch, name of the metric or pattern of the family */
  label: string;
  type: 'branch' | 'metric' | 'family';
  children: Node[];
  metric?: Metric;
  family?: Family;
  rows: number;
  leaves: number;
}

export interface Row {
  node: Node;
  level: number; /* from 1 */
  open: boolean;
  index: number; /* among its siblings, from 1 */
  of: number;
  hits?: number[]; /* of a search: positions in the label */
}

const isFamily = (pattern: string | null | undefined) => !!pattern && pattern.includes('{');

function branch(key: string, label: string): Node {
  return { key, label, type: 'branch', children: [], rows: 0, leaves: 0 };
}

function place(root: Node, path: string[], leaf: Node) {
  let at = root, key = '';
  for (const segment of path) {
    key += segment + '.';
    let next = at.children.find((c) => c.type === 'branch' && c.key === key);
    if (!next) at.children.push(next = branch(key, segment));
    at = next;
  }
  at.children.push(leaf);
}

function finish(node: Node) {
  node.children.forEach(finish);
  /* a branch with one branch in it is one line: dialer.contact */
  node.children = node.children.map((c) => {
    if (c.type !== 'branch' || c.children.length !== 1 || c.children[0].type !== 'branch') return c;
    return { ...c.children[0], label: `${c.label}.${c.children[0].label}` };
  });
  if (node.type === 'branch') {
    node.rows = node.children.reduce((sum, c) => sum + c.rows, 0);
    node.leaves = node.children.reduce((sum, c) => sum + (c.type === 'branch' ? c.leaves : 1), 0);
  }
  node.children.sort((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0));
}

export function buildTree(metrics: Metric[], families: Family[]): Node {
  const root = branch('', '');
  const byPattern = new Map<string, Node>();
  const familyNode = (pattern: string, family?: Family): Node => {
    let node = byPattern.get(pattern);
    if (!node) {
      const segments = pattern.split('.');
      let literal = 0;
      while (literal < segments.length - 1 && !segments[literal].includes('{')) literal++;
      node = { key: pattern, label: segments.slice(literal).join('.'), type: 'family', children: [], rows: 0, leaves: 0,
        family: family ?? { pattern, kind: '', unit: '', fields: [] } };
      byPattern.set(pattern, node);
      place(root, segments.slice(0, literal), node);
    }
    return node;
  };
  for (const f of families) if (isFamily(f.pattern)) familyNode(f.pattern, f);
  for (const m of metrics) {
    const segments = m.name.split('.');
    const leaf: Node = { key: m.name, label: segments[segments.length - 1], type: 'metric', children: [], metric: m,
      rows: m.rows ?? 0, leaves: 1 };
    if (isFamily(m.family)) {
      const node = familyNode(m.family as string);
      leaf.label = m.name;
      node.children.push(leaf);
      node.rows += leaf.rows;
      node.leaves++;
    } else place(root, segments.slice(0, -1), leaf);
  }
  finish(root);
  return root;
}

/* The rows that show, in order. */
export function visible(root: Node, isOpen: (node: Node, level: number) => boolean): Row[] {
  const out: Row[] = [];
  const walk = (nodes: Node[], level: number) => nodes.forEach((node, i) => {
    const open = node.children.length > 0 && isOpen(node, level);
    out.push({ node, level, open, index: i + 1, of: nodes.length });
    if (open) walk(node.children, level + 1);
  });
  walk(root.children, 1);
  return out;
}

/* How well `word` fits `name`, with the places it took: a run of letters beats scattered ones, the start of a
 * segment beats its middle. null: does not fit. */
export function fit(word: string, name: string): { score: number; hits: number[] } | null {
  const w = word.toLowerCase(), n = name.toLowerCase();
  const starts = (i: number) => i === 0 || /[._{}/:-]/.test(n[i - 1]);
  let best = -1, bestScore = 0;
  for (let i = n.indexOf(w); i >= 0; i = n.indexOf(w, i + 1)) {
    const score = 100 + (starts(i) ? 40 : 0) + (i + w.length === n.length ? 10 : 0) - i * 0.1;
    if (score > bestScore) [best, bestScore] = [i, score];
  }
  if (best >= 0) return { score: bestScore - n.length * 0.05, hits: Array.from(w, (_, k) => best + k) };
  const hits: number[] = [];
  let score = 0, from = 0;
  for (const c of w) {
    let at = n.indexOf(c, from);
    if (at < 0) return null;
    /* prefer the start of a later segment to a letter in the middle of this one */
    if (!starts(at) && at !== from) {
      for (let k = at; k >= 0; k = n.indexOf(c, k + 1)) if (starts(k)) { at = k; break; }
    }
    score += starts(at) ? 12 : at === from ? 6 : 1;
    hits.push(at);
    from = at + 1;
  }
  /* letters strewn over a long name are no match */
  if (score < w.length * 3) return null;
  return { score: score - n.length * 0.1, hits };
}

/* Metrics and families that fit every word of the search, best first; a word may also stand in the doc text. */
export function search(text: string, root: Node, limit = 200): Row[] {
  const words = text.trim().split(/\s+/).filter(Boolean);
  const found: { node: Node; score: number; hits: number[] }[] = [];
  const consider = (node: Node) => {
    let score = 0;
    const hits = new Set<number>();
    for (const word of words) {
      const got = fit(word, node.key);
      const doc = (node.metric?.doc || node.family?.doc || '').toLowerCase();
      if (got) {
        score += got.score;
        got.hits.forEach((h) => hits.add(h));
      } else if (doc.includes(word.toLowerCase())) score += 5;
      else return;
    }
    found.push({ node, score: score + Math.log10(node.rows + 1), hits: [...hits] });
  };
  const walk = (node: Node) => {
    if (node.type !== 'branch') consider(node);
    node.children.forEach(walk);
  };
  walk(root);
  found.sort((a, b) => b.score - a.score || (a.node.key < b.node.key ? -1 : 1));
  const cut = found.slice(0, limit);
  return cut.map((f, i) => ({ node: f.node, level: 1, open: false, index: i + 1, of: cut.length, hits: f.hits }));
}
