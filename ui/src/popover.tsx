/* popover.tsx: a button with a panel below it; Escape and a click outside close it, the focus goes back. */

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface Props {
  label: ComponentChildren;
  title?: string;
  name: string;   /* of the panel */
  bare?: boolean; /* the button shows no text: it takes the panel's name */
  class?: string;
  testid?: string;
  align?: 'left' | 'right';
  children: (close: () => void) => ComponentChildren;
}

export function Popover(p: Props) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };

  useEffect(() => {
    if (!open) return;
    const outside = (e: Event) => { if (!root.current?.contains(e.target as Node)) setOpen(false); };
    addEventListener('pointerdown', outside);
    return () => removeEventListener('pointerdown', outside);
  }, [open]);

  /* kept inside the window */
  useLayoutEffect(() => {
    const el = panel.current;
    if (!open || !el) return;
    const box = el.getBoundingClientRect(), wide = document.documentElement.clientWidth;
    const over = box.right - (wide - 8);
    if (over > 0) el.style.left = `${-Math.min(over, box.left - 8)}px`;
    else if (box.left < 8) el.style.left = `${8 - box.left}px`;
    const room = innerHeight - box.top - 8;
    el.style.maxHeight = `${Math.max(180, Math.min(440, room))}px`;
  }, [open]);

  const keys = (e: KeyboardEvent) => {
    if (e.key === 'Escape' && open) {
      e.stopPropagation();
      close();
    }
  };
  return (
    <div class="popover" ref={root} onKeyDown={keys}>
      <button ref={button} type="button" class={p.class} title={p.title} aria-label={p.bare ? p.name : undefined} aria-expanded={open}
        aria-haspopup="dialog" aria-controls={open ? id : undefined} data-testid={p.testid} onClick={() => setOpen(!open)}>
        {p.label}
      </button>
      {open && (
        <div class={`panel ${p.align === 'right' ? 'right' : ''}`} id={id} ref={panel} role="dialog" aria-label={p.name}>
          {p.children(close)}
        </div>
      )}
    </div>
  );
}
