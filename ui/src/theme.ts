/* theme.ts: light, dark, or as the system says; kept in localStorage. Runs before the page is drawn. */

import { computed, effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'dialtone-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(dark.matches);
dark.addEventListener('change', () => { systemDark.value = dark.matches; });

function stored(): Theme {
  try {
    const t = localStorage.getItem(KEY);
    return t === 'light' || t === 'dark' ? t : 'system';
  } catch {
    return 'system';
  }
}

export const theme = signal<Theme>(stored());
export const isDark = computed(() => (theme.value === 'system' ? systemDark.value : theme.value === 'dark'));

effect(() => { document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light'; });

export function toggleTheme() {
  const next: Theme = isDark.value ? 'light' : 'dark';
  theme.value = next;
  try {
    localStorage.setItem(KEY, next);
  } catch { /* a private window keeps it for this visit */ }
}

const probe = () => getComputedStyle(document.documentElement);
export const color = (name: string) => probe().getPropertyValue(`--${name}`).trim();

/* The palette of the current theme: an index of the categorical colours or the name of a role. */
export function seriesColor(c: number | string): string {
  return typeof c === 'number' ? color(`s${c % 10}`) : color(`s-${c}`);
}
