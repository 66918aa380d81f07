/* api.ts: the server's answers and how they are asked for. */

/* What may be unknown may also be left out. */
export interface Metric {
  name: string; kind: string; unit: string; family?: string | null; doc?: string; fields: string[];
  rows: number; from?: number; to?: number; declared: boolean;
}
export interface Family { pattern: string; kind: string; unit: string; doc?: string; fields: string[] }
export interface FieldInfo {
  name: string; type: string; under?: string | null; link?: string | null; values?: number | null; words?: string[];
}
export interface Value { value: string; rows: number }
export interface Values { field: string; values: Value[]; distinct: number }

export interface Series {
  metric: string; stat: string; unit: string; fields: Record<string, string>; values: (number | null)[]; marks: string;
}
export interface Answer {
  query: string; from: number; to: number; every: number; exact: boolean; rel_err: number; coverage: number;
  took_ms: number; rows_read: number; limits: string[]; times: number[]; series: Series[];
}
export interface QueryError { text: string; column?: number; expected?: string; near?: string[] }

export interface Reason { reason: string; class: string; text: string; count: number; example: string | null }
export interface Status {
  version: string; uptime_s: number;
  lines: { received: number; with: number; without: number; refused: number };
  measurements: { found: number; accepted: number; refused: number; parked: number };
  reasons: Reason[];
  store: { rows: number; segments: number; disk_bytes: number; disk_max: number; oldest: number; newest: number;
    read_only: boolean };
  rate: number;
}

export class Refused extends Error {
  constructor(public detail: QueryError, public status: number) {
    super(detail.text);
  }
}

async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  let reply: Response;
  try {
    reply = await fetch(url, { signal, headers: { Accept: 'application/json' } });
  } catch (e) {
    if ((e as Error).name === 'AbortError') throw e;
    throw new Refused({ text: 'The server does not answer. Trying again.' }, 0);
  }
  const text = await reply.text();
  let body: any;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Refused({ text: `The server answered ${reply.status}: ${text.slice(0, 200)}` }, reply.status);
  }
  if (reply.ok) return body as T;
  const error = body?.error;
  throw new Refused(typeof error === 'object' && error ? error : { text: String(error ?? reply.statusText) }, reply.status);
}

/* Spaces as +, and what RFC 3986 allows stays readable. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/%20/g, '+').replace(/%(40|3A|2C|2F|28|29|21|27|2A)/g, (h) => decodeURIComponent(h));
}

export interface Ask { q: string; from: string | number; to: string | number; every?: string }

export function queryUrl(ask: Ask, format?: string): string {
  return `/api/query?q=${encode(ask.q)}&from=${ask.from}&to=${ask.to}` + (ask.every ? `&every=${ask.every}` : '') +
    (format ? `&format=${format}` : '');
}

export async function query(ask: Ask, signal?: AbortSignal): Promise<Answer> {
  const a = await get<Answer>(queryUrl(ask), signal);
  /* null is a field that is unset; here that is the empty value */
  for (const s of a.series) for (const f of Object.keys(s.fields)) s.fields[f] ??= '';
  return a;
}

export const metrics = () => get<{ metrics: Metric[]; families: Family[] }>('/api/metrics');
export const fields = () => get<{ fields: FieldInfo[] }>('/api/fields');
export const status = () => get<Status>('/api/status');
export async function values(field: string, o: { scope: string; q: string; limit: number; from: number; to: number },
  signal?: AbortSignal): Promise<Values> {
  const got = await get<Values>(`/api/fields/${encodeURIComponent(field)}/values?scope=${encode(o.scope)}&q=${encode(o.q)}` +
    `&limit=${o.limit}&from=${Math.floor(o.from)}&to=${Math.ceil(o.to)}`, signal);
  for (const v of got.values) v.value ??= '';
  return got;
}
