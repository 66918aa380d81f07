/* text.ts: the query text, cut into a head and its clauses, and put together again.
 *
 * The text is the truth: the controls read what they can from it and write back only the clause they change, so
 * that whatever else somebody typed stays as it was. parse() gives null for a text it cannot cut; such a text is
 * still sent as it is, and the controls step back.
 */

export interface Match {
  field: string;
  not: boolean;
  value: string; /* as spelled: a glob, 'quoted', (a,b), 1..9, or - */
}

export type ClauseKind =
  | 'stat' | 'over' | 'rate' | 'per' | 'scope' | 'by' | 'every' | 'vs' | 'fill' | 'top' | 'bottom' | 'other' | 'smooth'
  | 'band' | 'as' | 'test';

export interface Clause {
  kind: ClauseKind;
  text: string; /* the whole clause */
}

export interface Query {
  head: string; /* a selector, or any expression */
  clauses: Clause[];
}

/* Where a new clause goes: before the first of a higher rank. */
const RANK: Record<ClauseKind, number> = {
  stat: 0, over: 1, rate: 1, per: 1, scope: 2, by: 3, every: 4, vs: 5, fill: 6, top: 7, bottom: 7, other: 8, smooth: 9,
  band: 9, as: 9, test: 10,
};

const STAT = /^(sum|count|avg|min|max|last|stddev|dist|p\d+(\.\d+)?)$/;
const DURATION = /^\d+(ms|s|m|h|d|w)$/;
const FIELD = /^[a-z][a-z0-9_]*$/;
const NUMBER = /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i;
const FACTOR = /^x\d+(\.\d+)?$/;
const WORDS = new Set(['over', 'rate', 'per', 'by', 'every', 'vs', 'fill', 'top', 'bottom', 'other', 'smooth', 'band',
  'as', 'above', 'below', 'outside', 'absent', 'overdue', 'spike', 'valley', 'rises', 'reaches', 'in', 'within', 'uniq']);

export interface Token {
  text: string;
  at: number; /* from 0 */
}

/* Words at depth 0: blanks inside quotes and parentheses belong to the word; a list goes on after its comma. */
export function tokens(text: string): Token[] | null {
  const out: Token[] = [];
  let depth = 0, quoted = false, word = '', start = 0;
  const push = () => {
    const last = out[out.length - 1];
    if (!word) return;
    if (last && (last.text.endsWith(',') || word.startsWith(','))) last.text += word;
    else out.push({ text: word, at: start });
    word = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      word += c;
      if (c === "'") quoted = false;
      continue;
    }
    if (/\s/.test(c) && depth === 0) {
      push();
      continue;
    }
    if (!word) start = i;
    if (c === "'") quoted = true;
    else if (c === '(') depth++;
    else if (c === ')' && --depth < 0) return null;
    word += c;
  }
  push();
  return depth || quoted ? null : out;
}

/* Cuts at commas outside quotes and parentheses. */
function list(text: string): string[] {
  const out: string[] = [];
  let depth = 0, quoted = false, from = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (i === text.length || (c === ',' && !depth && !quoted)) {
      out.push(text.slice(from, i).trim());
      from = i + 1;
    } else if (c === "'") quoted = !quoted;
    else if (!quoted && c === '(') depth++;
    else if (!quoted && c === ')') depth--;
  }
  return out;
}

export function parseMatches(text: string): Match[] | null {
  const out: Match[] = [];
  for (const part of list(text)) {
    const m = /^([a-z][a-z0-9_]*)(!?):(.+)$/s.exec(part);
    if (!m) return null;
    out.push({ field: m[1], not: m[2] === '!', value: m[3] });
  }
  return out;
}

export function printMatches(matches: Match[]): string {
  return matches.map((m) => `${m.field}${m.not ? '!' : ''}:${m.value}`).join(',');
}

/* The clause that starts at words[i], and how many words it takes; null when none does. */
function clauseAt(words: string[], i: number): [Clause, number] | null {
  const w = words[i], next = words[i + 1] ?? '', third = words[i + 2] ?? '', fourth = words[i + 3] ?? '';
  const take = (kind: ClauseKind, n: number): [Clause, number] => [{ kind, text: words.slice(i, i + n).join(' ') }, n];
  if (w[0] === '@') return parseMatches(w.slice(1)) ? take('scope', 1) : null;
  if (STAT.test(w)) return take('stat', 1);
  switch (w) {
    case 'uniq': return take('stat', FIELD.test(next) && !WORDS.has(next) && !STAT.test(next) ? 2 : 1);
    case 'rate': return take('rate', DURATION.test(next) ? 2 : 1);
    case 'over': case 'every': case 'smooth': case 'band': return DURATION.test(next) ? take(w, 2) : null;
    case 'top': case 'bottom': return /^\d+$/.test(next) ? take(w, 2) : null;
    case 'by': return next && list(next).every((f) => FIELD.test(f)) ? take('by', 2) : null;
    case 'vs': return next && list(next).every((d) => DURATION.test(d)) ? take('vs', 2) : null;
    case 'fill': return /^(zero|gap|last|linear)$/.test(next) ? take('fill', 2) : null;
    case 'per': case 'as': return next ? take(w, 2) : null;
    case 'other': return take('other', 1);
    case 'above': case 'below': return NUMBER.test(next) ? take('test', 2) : null;
    case 'outside': return next ? take('test', 2) : null;
    case 'absent': return DURATION.test(next) ? take('test', 2) : null;
    case 'overdue': return FACTOR.test(next) ? take('test', 2) : null;
    case 'spike': case 'valley': return DURATION.test(next) ? take('test', FACTOR.test(third) ? 3 : 2) : null;
    case 'rises': return third === 'in' ? take('test', 4) : third === 'pct' && fourth === 'in' ? take('test', 5) : null;
    case 'reaches': return third === 'within' ? take('test', 4) : null;
    default: return null;
  }
}

export function parse(text: string): Query | null {
  const found = tokens(text);
  if (!found || !found.length) return null;
  const words = found.map((t) => t.text);
  let i = 1;
  if (/^[-+*/@]$/.test(words[0]) || words[0][0] === '@') return null;
  /* a comma joins; one that hangs would join what comes next */
  if (words.some((w) => w.startsWith(',') || w.endsWith(','))) return null;
  while (i < words.length && /^[-+*/]$/.test(words[i])) {
    if (i + 1 >= words.length) return null;
    i += 2;
  }
  const head = words.slice(0, i).join(' ');
  const clauses: Clause[] = [];
  while (i < words.length) {
    const got = clauseAt(words, i);
    if (!got) return null;
    clauses.push(got[0]);
    i += got[1];
  }
  return { head, clauses };
}

export function print(q: Query): string {
  return [q.head, ...q.clauses.map((c) => c.text)].join(' ');
}

/* The only selector of the query, or null when its head is an expression. */
export function selectorOf(q: Query | null): string | null {
  return q && !/[\s()]/.test(q.head) && !NUMBER.test(q.head) ? q.head : null;
}

const rest = (c: Clause) => c.text.slice(c.kind.length).trim();

export const statsOf = (q: Query) => q.clauses.filter((c) => c.kind === 'stat').map((c) => c.text);
export const scopeOf = (q: Query): Match[] =>
  q.clauses.filter((c) => c.kind === 'scope').flatMap((c) => parseMatches(c.text.slice(1)) ?? []);
export const byOf = (q: Query) => q.clauses.filter((c) => c.kind === 'by').flatMap((c) => list(rest(c)));
export const clauseOf = (q: Query, kind: ClauseKind): string | null => {
  const c = q.clauses.find((c) => c.kind === kind);
  return c ? rest(c) : null;
};

/* The query with all clauses of these kinds replaced by the given ones, at the place of the first replaced. */
export function withClauses(q: Query, kinds: ClauseKind[], put: Clause[]): Query {
  const first = q.clauses.findIndex((c) => kinds.includes(c.kind));
  const kept = q.clauses.filter((c) => !kinds.includes(c.kind));
  let at = first >= 0 ? first : kept.findIndex((c) => RANK[c.kind] > RANK[put[0]?.kind ?? 'test']);
  if (at < 0) at = kept.length;
  return { head: q.head, clauses: [...kept.slice(0, at), ...put, ...kept.slice(at)] };
}

export const withStats = (q: Query, stats: string[]) =>
  withClauses(q, ['stat'], stats.map((text) => ({ kind: 'stat', text })));
export const withRate = (q: Query, dur: string | null) =>
  withClauses(q, ['rate'], dur === null ? [] : [{ kind: 'rate', text: dur ? `rate ${dur}` : 'rate' }]);
export const withScope = (q: Query, matches: Match[]) =>
  withClauses(q, ['scope'], matches.length ? [{ kind: 'scope', text: '@' + printMatches(matches) }] : []);
export const withBy = (q: Query, fields: string[]) =>
  withClauses(q, ['by'], fields.length ? [{ kind: 'by', text: 'by ' + fields.join(',') }] : []);
export const withTop = (q: Query, n: number | null) =>
  withClauses(q, ['top', 'bottom'], n ? [{ kind: 'top', text: `top ${n}` }] : []);
export const without = (q: Query, ...kinds: ClauseKind[]) => withClauses(q, kinds, []);

/* A value as it is spelled in a scope: bare where the grammar reads it back the same, else quoted. A value that
 * is empty means unset. */
export function quoteValue(value: string): string {
  if (value === '') return '-';
  if (value !== '-' && /^[A-Za-z0-9_./-]+$/.test(value) && !value.includes('..')) return value;
  return "'" + value.replace(/'/g, "''") + "'";
}

/* The plain value behind a spelling; null when it stands for more than one (glob, list, range). */
export function plainValue(spelled: string): string | null {
  if (spelled === '-') return '';
  if (spelled[0] === "'") return spelled.slice(1, -1).replace(/''/g, "'");
  return /[*(]/.test(spelled) || spelled.includes('..') ? null : spelled;
}

/* Sets one field of a scope to one value (null: drops it); the other matches stay where they are. */
export function setMatch(matches: Match[], field: string, value: string | null): Match[] {
  const put = value === null ? [] : [{ field, not: false, value: quoteValue(value) }];
  const at = matches.findIndex((m) => m.field === field);
  const kept = matches.filter((m) => m.field !== field);
  return at < 0 ? [...kept, ...put] : [...kept.slice(0, at), ...put, ...kept.slice(at)];
}

/* How a family is spelled in a query: {process}.jobs -> :process.jobs */
export const familySelector = (pattern: string) => pattern.replace(/\{([a-z0-9_]+)\}/g, ':$1');
export const selectorFamily = (selector: string) => selector.replace(/(^|\.):([a-z][a-z0-9_]*)/g, '$1{$2}');

/* Puts `word` in the place of the name that stands at `column` (from 1). */
export function replaceAt(text: string, column: number, word: string): string {
  let from = Math.max(0, Math.min(column - 1, text.length));
  const part = /[A-Za-z0-9_.:{}*/-]/;
  let to = from;
  if (part.test(word[0] ?? '')) {
    const stop = text[from - 1];
    while (from > 0 && part.test(text[from - 1]) && stop !== undefined && (word.includes('.') || text[from - 1] !== '.')) {
      if (text[from - 1] === ':' && !word.includes('.')) break;
      from--;
    }
  }
  while (to < text.length && part.test(text[to])) {
    if (text[to] === ':' && !word.includes('.') && to > from) break;
    to++;
  }
  return text.slice(0, from) + word + text.slice(to);
}
