/* zoom.ts: the zoom path (account > campaign > session) that the scheme's `under` spells. Pure. */

import type { FieldInfo } from './api';

/* The longest chain of fields linked by `under` whose fields are all in `on` (null: all fields). Fields of the chain
 * that the metric lacks end it. */
export function zoomPath(fields: FieldInfo[], on: string[] | null): string[] {
  const has = (name: string) => !on || on.includes(name);
  const children = (name: string) => fields.filter((f) => f.under === name && has(f.name)).map((f) => f.name);
  const chain = (name: string, seen: string[]): string[] => {
    const tails = children(name).filter((c) => !seen.includes(c)).map((c) => chain(c, [...seen, name]));
    const longest = tails.reduce((a, b) => (b.length > a.length ? b : a), [] as string[]);
    return [name, ...longest];
  };
  const roots = fields.filter((f) => !f.under && has(f.name) && fields.some((g) => g.under === f.name));
  return roots.map((f) => chain(f.name, [])).reduce((a, b) => (b.length > a.length ? b : a), [] as string[]);
}

/* How people say a field: caller_session_id -> "caller session". */
export function say(field: string): string {
  return field.replace(/_id$/, '').replace(/_/g, ' ');
}
