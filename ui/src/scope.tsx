/* scope.tsx: where one looks. The zoom path as breadcrumbs (in, out, sideways), other fields as chips. */

import { useState } from 'preact/hooks';
import * as S from './state';
import type { Match } from './text';
import { plainValue } from './text';
import { Popover } from './popover';
import { ValuePicker } from './values';
import { say } from './zoom';

const Caret = () => <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 6l4 4 4-4" /></svg>;

function shown(m: Match): string {
  const plain = m.not ? null : plainValue(m.value);
  return plain === null ? (m.not ? 'not ' : '') + m.value : plain === '' ? '(unset)' : plain;
}

function link(field: string, value: string | null): string | null {
  const template = S.fields.value.find((f) => f.name === field)?.link;
  if (!template || value === null || !/^https?:\/\//.test(template)) return null;
  return template.replace('{value}', encodeURIComponent(value));
}

function Crumb({ field, level }: { field: string; level: number }) {
  const m = S.scope.value.find((x) => x.field === field);
  const value = m ? shown(m) : null;
  const plain = m && !m.not ? plainValue(m.value) : null;
  const last = level === S.depth.value;
  const href = link(field, plain);
  const list = (close: () => void) => (
    <ValuePicker field={field} current={plain} pick={(v) => { close(); S.zoomTo(field, v); }} />
  );
  if (!m) {
    const deeper = level <= S.depth.value;
    return (
      <li class="crumb next">
        <Popover class="crumb-pick" testid={`zoom-${field}`} name={`Zoom in: choose ${say(field)}`} title="Zoom in"
          label={<>{deeper ? `any ${say(field)}` : say(field)}<Caret /></>}>
          {list}
        </Popover>
      </li>
    );
  }
  return (
    <li class={`crumb set ${last ? 'last' : ''}`}>
      <button class="crumb-name" data-testid={`crumb-${field}`} aria-current={last ? 'location' : undefined}
        onClick={() => S.zoomOutTo(level)} title={last ? 'You are here' : `Zoom out to ${say(field)} ${value}`}>
        <small>{say(field)}</small> {value}
      </button>
      <Popover bare class="crumb-side" testid={`side-${field}`} name={`Another ${say(field)}`} title={`Sideways: another ${say(field)}`}
        label={<Caret />}>
        {list}
      </Popover>
      {href && (
        <a class="icon small" href={href} target="_blank" rel="noreferrer noopener" aria-label={`Open ${say(field)} ${value} elsewhere`}
          title={href}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M6 3H3v10h10v-3M9 3h4v4M13 3L7 9" /></svg>
        </a>
      )}
    </li>
  );
}

function Chip({ m }: { m: Match }) {
  const plain = m.not ? null : plainValue(m.value);
  return (
    <li class="chip" data-testid={`chip-${m.field}`}>
      <Popover class="chip-body" name={`Change ${say(m.field)}`} label={<><small>{say(m.field)}</small> {shown(m)}</>}>
        {(close) => <ValuePicker field={m.field} current={plain} pick={(v) => { close(); S.zoomTo(m.field, v); }} />}
      </Popover>
      <button class="icon small" aria-label={`Drop ${say(m.field)} ${shown(m)}`} onClick={() => S.dropMatch(m.field)}>
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8" /></svg>
      </button>
    </li>
  );
}

function AddFilter() {
  const free = [...S.otherFields.value, ...S.path.value].filter((f) => !S.scope.value.some((m) => m.field === f));
  if (!free.length) return null;
  return (
    <li>
      <Popover class="chip-add" testid="add-filter" name="Add a filter on a field" label="+ filter">
        {(close) => <FieldThenValue fields={free} close={close} />}
      </Popover>
    </li>
  );
}

const fieldSize = (name: string) => {
  const f = S.fields.value.find((x) => x.name === name);
  return f?.words?.length ?? f?.values ?? '';
};

function FieldThenValue({ fields, close }: { fields: string[]; close: () => void }) {
  const [field, setField] = useState<string | null>(fields.length === 1 ? fields[0] : null);
  if (field) return <ValuePicker field={field} current={null} pick={(v) => { close(); S.zoomTo(field, v); }} />;
  return (
    <ul class="menu">
      {fields.map((f, i) => (
        <li key={f}>
          <button data-field={f} onClick={() => setField(f)} ref={(el) => { if (i === 0) el?.focus(); }}>
            {say(f)}<span class="num">{fieldSize(f)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

export function Scope() {
  const steps = S.path.value.slice(0, S.depth.value + 1);
  const others = S.scope.value.filter((m) => !S.path.value.includes(m.field));
  const can = S.parsed.value !== null;
  return (
    <nav class="scope" aria-label="Scope" data-testid="scope">
      <ol class="crumbs">
        <li class={`crumb set ${S.depth.value === 0 ? 'last' : ''}`}>
          <button class="crumb-name" data-testid="crumb-system" disabled={!can} aria-current={S.depth.value === 0 ? 'location' : undefined}
            onClick={() => S.zoomOutTo(0)}>System</button>
        </li>
        {can && steps.map((f, i) => <Crumb key={f} field={f} level={i + 1} />)}
      </ol>
      {can && (
        <ul class="chips">
          {others.map((m, i) => <Chip key={m.field + i} m={m} />)}
          <AddFilter />
        </ul>
      )}
    </nav>
  );
}
