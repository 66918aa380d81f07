// test_page.mjs: Explore in a real Chromium. Without PAGE_URL against ui/mock.mjs (and with the size budget of the
// built files); with PAGE_URL against that server, which must hold dialer data. A line per case.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { depsInstall } from '../../ui/deps.mjs';

const ui = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'ui');
depsInstall(true);
const require = createRequire(join(ui, 'package.json'));
const { chromium } = require('playwright-core');
const axePath = require.resolve('axe-core/axe.min.js');

const METRIC = process.env.PAGE_METRIC ?? 'dialer.contact.answered';
const COUNT = process.env.PAGE_COUNT ?? 'dialer.requests.total';
const WAIT = 8000;
const only = process.argv[2];

let mock = null;
let base = process.env.PAGE_URL?.replace(/\/$/, '');
if (!base) {
  const { startMock } = await import('../../ui/mock.mjs');
  const { buildPage } = await import('../../ui/build.mjs');
  mock = await startMock({ assets: (await buildPage()).assets });
  base = mock.url;
}

const profile = mkdtempSync(join(tmpdir(), 'dialtone-chromium-'));
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args,
  viewport: { width: 1440, height: 900 }, colorScheme: 'light', bypassCSP: false });
context.setDefaultTimeout(WAIT);

let passed = 0, failed = 0;
const complaints = [], foreign = [];

async function open(path = '/', options = {}) {
  const page = await context.newPage();
  if (options.size) await page.setViewportSize(options.size);
  if (options.scheme) await page.emulateMedia({ colorScheme: options.scheme });
  page.on('console', (m) => {
    /* a refused query is a 400, which the browser reports by itself */
    if (m.type() === 'error' && !/status of 400/.test(m.text())) complaints.push(m.text());
  });
  page.on('pageerror', (e) => complaints.push(e.message));
  page.on('request', (r) => { if (!r.url().startsWith(base) && !/^(data|blob|about):/.test(r.url())) foreign.push(r.url()); });
  await page.goto(base + path);
  if (!options.bare) await charted(page);
  return page;
}

const id = (name) => `[data-testid="${name}"]`;
const charted = (page) => page.waitForFunction(() => Number(document.querySelector('[data-testid=chart]')?.dataset.points) > 1 && !!document.querySelector('.u-over'));
const text = (page) => page.inputValue(id('query'));
const says = (page, want) => page.waitForFunction(([q]) => document.querySelector('[data-testid=query]').value === q, [want]);
const matches = (page, re) => page.waitForFunction((s) => new RegExp(s).test(document.querySelector('[data-testid=query]').value), re.source);
const enc = (q) => '/?q=' + encodeURIComponent(q);

async function test(name, body) {
  if (only && !name.includes(only)) return;
  const before = complaints.length;
  try {
    await body();
    assert.deepEqual(complaints.slice(before), [], 'the console complained');
    passed++;
    console.log(`ok   ${name}`);
  } catch (e) {
    failed++;
    console.log(`FAIL ${name}\n     ${String(e.stack ?? e).split('\n').slice(0, 6).join('\n     ')}`);
  }
  for (const page of context.pages()) if (context.pages().length > 1) await page.close();
}

async function axe(page, where) {
  await page.waitForTimeout(300);
  /* the page's own policy forbids injected scripts: axe comes in by the debugger, as a reader's extension would */
  const source = (await import('node:fs')).readFileSync(axePath, 'utf8');
  await page.evaluate(source);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const lines = found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`);
  assert.deepEqual(lines, [], `axe: ${where}`);
}

await test('first visit shows a chart of some metric, and the address says which', async () => {
  const page = await open('/');
  assert.match(await text(page), /^[\w.:-]+$/);
  assert.match(page.url(), /\?q=[\w.:-]+&range=1h$/);
});

await test('three requests bring the page, within 120 KB gzipped', async () => {
  const page = await context.newPage();
  const wire = await context.newCDPSession(page);
  const own = new Map(), bytes = new Map();
  wire.on('Network.responseReceived', (e) => {
    if (!/^data:|\/api\//.test(e.response.url)) own.set(e.requestId, e.response);
  });
  wire.on('Network.loadingFinished', (e) => bytes.set(e.requestId, e.encodedDataLength));
  await wire.send('Network.enable');
  await wire.send('Network.setCacheDisabled', { cacheDisabled: true });
  await page.goto(base + '/');
  await charted(page);
  assert.ok(own.size <= 3, [...own.values()].map((r) => r.url).join(' '));
  let sum = 0;
  for (const [request, r] of own) {
    assert.equal(r.status, 200);
    sum += bytes.get(request);
  }
  assert.ok(sum > 10e3 && sum <= 120 * 1024, `${sum} bytes`);
  console.log(`     ${own.size} requests, ${(sum / 1024).toFixed(1)} KiB`);
  const csp = (await page.request.get(base + '/')).headers()['content-security-policy'] ?? '';
  assert.match(csp, /script-src 'self'(;|$)/);
  assert.ok(!csp.includes('unsafe'), csp);
});

await test('time to the first chart is measured', async () => {
  const page = await context.newPage();
  await page.goto(base + enc(METRIC));
  await charted(page);
  const ms = await page.evaluate(() => {
    const mark = performance.getEntriesByName('first-chart')[0];
    return mark ? Math.round(mark.startTime) : null;
  });
  assert.notEqual(ms, null);
  console.log(`     first chart after ${ms} ms`);
});

await test('tree: choosing a metric charts it', async () => {
  const page = await open(enc(METRIC));
  await page.fill('#search', COUNT);
  await page.click(`[data-key="${COUNT}"]`);
  await says(page, COUNT);
  await page.waitForFunction((c) => document.querySelector('h1').textContent === c, COUNT);
});

await test('tree: branches fold, a family is one line that opens', async () => {
  const page = await open(enc(METRIC));
  await page.fill('#search', '');
  const family = page.locator('.tree-row.family').first();
  await family.scrollIntoViewIfNeeded();
  const key = await family.getAttribute('data-key');
  assert.ok(key.includes('{'), key);
  await family.click();
  await matches(page, /:/);
  assert.equal(await text(page), key.replace(/\{(\w+)\}/g, ':$1'));
});

await test('search: pieces and letters find, keys choose', async () => {
  const page = await open(enc(COUNT));
  await page.keyboard.press('/');
  await page.waitForFunction(() => document.activeElement.id === 'search');
  const parts = METRIC.split('.');
  await page.keyboard.type(parts.slice(-2).map((p) => p.slice(0, 4)).join(' '));
  await page.waitForFunction((m) => document.querySelector('.tree-row')?.dataset.key === m, METRIC);
  assert.ok(await page.locator('.tree-row mark').count());
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await says(page, METRIC);
});

await test('tree: arrows walk, left and right fold', async () => {
  const page = await open(enc(METRIC));
  await page.fill('#search', '');
  await page.focus('[role=tree]');
  await page.keyboard.press('Home');
  const first = page.locator('.tree-row').first();
  const branch = (await first.getAttribute('aria-expanded')) !== null;
  assert.ok(branch);
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(() => document.querySelector('.tree-row').getAttribute('aria-expanded') === 'false');
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(() => document.querySelector('.tree-row').getAttribute('aria-expanded') === 'true');
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.getAttribute('[role=tree]', 'aria-activedescendant'), 'tree-1');
});

async function zoomIn(page, field) {
  await page.click(id(`zoom-${field}`));
  const first = page.locator(`${id('picker')} [role=option]`).first();
  const value = await first.getAttribute('data-value');
  await first.click();
  await matches(page, new RegExp(`${field}:${value}`));
  return value;
}

await test('scope: in to one session, and out by the crumbs', async () => {
  const page = await open(enc(METRIC) + '&range=6h');
  const account = await zoomIn(page, 'account_id');
  const campaign = await zoomIn(page, 'campaign_id');
  const session = await zoomIn(page, 'caller_session_id');
  await says(page, `${METRIC} @account_id:${account},campaign_id:${campaign},caller_session_id:${session}`);
  await charted(page);
  await page.waitForSelector(id('session'));
  await page.click(`${id('samples')} summary`);
  assert.ok(await page.locator(`${id('samples')} tbody tr`).count() > 0);
  await page.click(id('fit'));
  await page.waitForFunction(() => /from=\d+&to=\d+/.test(location.search));
  await page.click(id('crumb-account_id'));
  await says(page, `${METRIC} @account_id:${account}`);
  await page.click(id('crumb-system'));
  await says(page, METRIC);
});

await test('scope: sideways to a sibling keeps the rest', async () => {
  const page = await open(enc(METRIC));
  const account = await zoomIn(page, 'account_id');
  await page.click(id('side-account_id'));
  const other = page.locator(`${id('picker')} [role=option]:not([data-value="${account}"])`).first();
  const value = await other.getAttribute('data-value');
  await other.click();
  await says(page, `${METRIC} @account_id:${value}`);
});

await test('scope: the search of a value list narrows it, Enter takes the first', async () => {
  const page = await open(enc(METRIC));
  await page.click(id('zoom-account_id'));
  await page.waitForSelector(`${id('picker')} [role=option]`);
  const target = await page.locator(`${id('picker')} [role=option]`).nth(2).getAttribute('data-value');
  await page.keyboard.type(target);
  await page.waitForFunction((t) => [...document.querySelectorAll('[data-testid=picker] [role=option]')].every((o) => o.dataset.value.includes(t)), target);
  const first = await page.locator(`${id('picker')} [role=option]`).first().getAttribute('data-value');
  await page.keyboard.press('Enter');
  await says(page, `${METRIC} @account_id:${first}`);
  await page.click(id('side-account_id'));
  await page.waitForSelector(id('picker'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('picker'), { state: 'detached' });
});

await test('scope: another field as a chip, dropped again', async () => {
  const page = await open(enc(METRIC));
  await page.click(id('add-filter'));
  await page.click('[data-field="campaign_type"]');
  const first = page.locator(`${id('picker')} [role=option]`).first();
  const value = await first.getAttribute('data-value');
  await first.click();
  await says(page, `${METRIC} @campaign_type:${value}`);
  await page.click(`${id('chip-campaign_type')} [aria-label^="Drop"]`);
  await says(page, METRIC);
});

await test('breakdown: a row zooms in, the field below follows', async () => {
  const page = await open(enc(METRIC));
  const row = page.locator(id('breakdown-row')).first();
  await row.waitFor();
  assert.equal(await page.inputValue(id('split')), 'account_id');
  await page.waitForFunction(() => /\d/.test(document.querySelector('[data-testid=breakdown-row] .figure').textContent));
  const value = await row.getAttribute('data-value');
  await row.click();
  await says(page, `${METRIC} @account_id:${value}`);
  await page.waitForFunction(() => document.querySelector('[data-testid=split]').value === 'campaign_id');
  await page.selectOption(id('split'), 'host');
  await page.waitForFunction(() => new URLSearchParams(location.search).get('split') === 'host');
});

await test('by: chips group and ungroup', async () => {
  const page = await open(enc(METRIC));
  await page.click('[data-by="campaign_type"]');
  await says(page, `${METRIC} p95 by campaign_type`);
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=chart]').dataset.series) >= 3);
  await page.click('[data-by="campaign_type"]');
  await says(page, `${METRIC} p95`);
});

await test('stat: the switch adds and removes, rate stands alone', async () => {
  const page = await open(enc(METRIC));
  assert.equal(await page.getAttribute('[data-stat="p95"]', 'aria-pressed'), 'true');
  await page.click('[data-stat="p99"]');
  await says(page, `${METRIC} p50 p95 p99 max`);
  await page.waitForFunction(() => document.querySelectorAll('[data-testid=legend] li').length === 4);
  await page.click('[data-stat="count"]', { modifiers: ['Shift'] });
  await says(page, `${METRIC} count`);
  await page.goto(base + enc(COUNT));
  await charted(page);
  await page.click('[data-stat="rate"]');
  await says(page, `${COUNT} rate`);
});

await test('query: editing the text wins and the controls follow', async () => {
  const page = await open(enc(METRIC));
  await page.keyboard.press('q');
  await page.waitForFunction(() => document.activeElement.id === 'query');
  await page.fill(id('query'), `${METRIC} p99 by campaign_type every 5m`);
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('[data-by="campaign_type"]').getAttribute('aria-pressed') === 'true');
  assert.equal(await page.getAttribute('[data-stat="p99"]', 'aria-pressed'), 'true');
  assert.equal(await page.getAttribute('[data-stat="p50"]', 'aria-pressed'), 'false');
  assert.match(page.url(), /p99\+by\+campaign_type\+every\+5m/);
});

await test('query: an error shows column, caret and suggestions that can be clicked', async () => {
  const page = await open(enc(METRIC));
  const wrong = METRIC.slice(0, -2) + 'xd';
  await page.fill(id('query'), `${wrong} p95`);
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('error'));
  assert.match(await page.textContent(id('caret')), /\n *\^$/);
  assert.match(await page.textContent(id('error')), /column 1\b/);
  await page.click(`${id('near')}:has-text("${METRIC}")`);
  await says(page, `${METRIC} p95`);
  await page.waitForSelector(id('error'), { state: 'detached' });
  await charted(page);
});

await test('query: a text the controls cannot follow still runs or is refused, not lost', async () => {
  const page = await open(enc(METRIC));
  await page.fill(id('query'), `${METRIC} sume`);
  await page.keyboard.press('Enter');
  await page.waitForSelector(id('error'));
  assert.equal(await text(page), `${METRIC} sume`);
  await page.goBack();
  await says(page, METRIC);
  await page.waitForSelector(id('error'), { state: 'detached' });
});

await test('address: the whole state comes back, and back and forward work', async () => {
  const page = await open(enc(`${METRIC} p95 by campaign_type`) + '&range=15m&table=1&split=host');
  assert.equal(await page.getAttribute('[data-range="15m"]', 'aria-pressed'), 'true');
  assert.equal(await page.inputValue(id('split')), 'host');
  await page.waitForSelector(id('numbers'));
  await page.click('[data-range="6h"]');
  await page.waitForFunction(() => location.search.includes('range=6h'));
  await page.goBack();
  await page.waitForFunction(() => document.querySelector('[data-range="15m"]').getAttribute('aria-pressed') === 'true');
  await page.goForward();
  await page.waitForFunction(() => document.querySelector('[data-range="6h"]').getAttribute('aria-pressed') === 'true');
  const url = page.url();
  const twin = await context.newPage();
  await twin.goto(url);
  await charted(twin);
  assert.equal(await text(twin), `${METRIC} p95 by campaign_type`);
  assert.equal(twin.url(), url);
});

await test('time: dragging zooms, double-click goes back', async () => {
  const page = await open(enc(METRIC));
  const box = await page.locator('.u-over').boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 80, { steps: 5 });
  await page.mouse.up();
  await page.waitForFunction(() => /from=\d+&to=\d+/.test(location.search));
  await charted(page);
  await page.dblclick('.u-over', { position: { x: 200, y: 80 } });
  await page.waitForFunction(() => location.search.includes('range=1h'));
});

await test('time: follow asks again by itself, and stops when told', async () => {
  const page = await open(enc(METRIC) + '&range=15m');
  assert.equal(await page.getAttribute(id('live'), 'aria-pressed'), 'true');
  await page.waitForRequest((r) => r.url().includes('/api/query'));
  await page.click(id('live'));
  await page.waitForFunction(() => location.search.includes('live=0'));
  await page.waitForTimeout(400);
  let asked = 0;
  page.on('request', (r) => { if (r.url().includes('/api/query')) asked++; });
  await page.waitForTimeout(3500);
  assert.equal(asked, 0);
});

await test('time: a hidden page asks nothing, and asks at once when seen again', async () => {
  const page = await open(enc(METRIC) + '&range=15m');
  const hide = (hidden) => page.evaluate((h) => {
    Object.defineProperty(document, 'hidden', { value: h, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await page.waitForTimeout(300);
  let asked = 0;
  page.on('request', (r) => { if (r.url().includes('/api/query')) asked++; });
  await page.waitForTimeout(3500);
  assert.equal(asked, 0);
  await hide(false);
  await page.waitForTimeout(300);
  assert.ok(asked >= 1);
});

await test('time: a span of one\'s own', async () => {
  const page = await open(enc(METRIC));
  await page.click(id('custom'));
  await page.fill('.custom input >> nth=0', '2026-01-01T10:00');
  await page.fill('.custom input >> nth=1', '2026-01-01T09:00');
  assert.ok(await page.isDisabled('.custom .primary'));
  await page.fill('.custom input >> nth=1', '2026-01-01T11:00');
  await page.click('.custom .primary');
  const [from, to] = await page.evaluate(() => [new Date(2026, 0, 1, 10).getTime(), new Date(2026, 0, 1, 11).getTime()]);
  await page.waitForFunction((s) => location.search.includes(s), `from=${from}&to=${to}`);
});

await test('a server that goes away: the last chart stays, the page says so, and comes back', async () => {
  const page = await open(enc(METRIC) + '&range=15m');
  await page.route('**/api/**', (route) => route.abort());
  await page.waitForSelector(`${id('error')}.lost`);
  await charted(page);
  await page.unroute('**/api/**');
  await page.waitForSelector(id('error'), { state: 'detached' });
  complaints.splice(0, complaints.length, ...complaints.filter((c) => !/ERR_FAILED/.test(c)));
});

await test('keys: [ ] walk in time, - zooms out, t d ? act', async () => {
  const page = await open(enc(`${METRIC} @campaign_type:predictive`));
  await page.keyboard.press('[');
  await page.waitForFunction(() => /from=\d+/.test(location.search));
  await page.keyboard.press(']');
  await page.waitForFunction(() => /range=1h/.test(location.search));
  await page.keyboard.press('-');
  await says(page, METRIC);
  await page.keyboard.press('t');
  await page.waitForSelector(id('numbers'));
  const before = await page.getAttribute('html', 'data-theme');
  await page.keyboard.press('d');
  await page.waitForFunction((b) => document.documentElement.dataset.theme !== b, before);
  await page.keyboard.press('d');
  await page.keyboard.press('?');
  await page.waitForSelector(id('help'));
  await page.keyboard.press('Escape');
  await page.waitForSelector(id('help'), { state: 'detached' });
});

await test('table: the same numbers as the chart, and CSV', async () => {
  const page = await open(enc(`${COUNT} every 5m`) + '&range=6h');
  await page.click(id('table-toggle'));
  const rows = await page.locator(`${id('numbers')} tbody tr`).count();
  assert.equal(rows, Number(await page.getAttribute(id('chart'), 'data-points')));
  const csv = await page.request.get(base + await page.getAttribute(id('csv'), 'href'));
  assert.equal(csv.status(), 200);
  assert.ok((await csv.text()).trim().split('\n').length >= rows);
});

await test('legend: follows the cursor, hides a line', async () => {
  const page = await open(enc(METRIC));
  await page.hover('.u-over', { position: { x: 300, y: 60 } });
  await page.waitForFunction(() => /\d\d:\d\d/.test(document.querySelector('.legend-time').textContent));
  const first = page.locator('.legend-toggle').first();
  await first.click();
  assert.equal(await first.getAttribute('aria-pressed'), 'false');
});

await test('health: the strip counts samples and opens the reasons', async () => {
  const page = await open(enc(METRIC));
  await page.waitForFunction(() => /samples\/s/.test(document.querySelector('[data-testid=health]').textContent));
  await page.click(id('refused'));
  await page.waitForSelector(id('reasons'));
});

await test('dark: as the system says, or as chosen, and kept', async () => {
  const page = await open(enc(METRIC), { scheme: 'dark' });
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await charted(page);
  assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.click(id('theme'));
  assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), ground);
  await page.reload();
  await charted(page);
  assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
  await page.evaluate(() => localStorage.clear());
});

for (const [width, height] of [[360, 640], [768, 1024], [1280, 720], [3840, 2160]]) {
  await test(`${width} px wide: nothing sticks out, everything is reached`, async () => {
    const page = await open(enc(`${METRIC} @account_id:1 by campaign_type`) + '&table=1', { size: { width, height } });
    const over = await page.evaluate(() => {
      const wide = document.documentElement.clientWidth;
      return { page: document.documentElement.scrollWidth - wide, main: document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth };
    });
    assert.deepEqual(over, { page: 0, main: 0 });
    if (width < 860) {
      await page.click('.drawer-open');
      await page.waitForSelector('.side.open');
      await page.fill('#search', COUNT);
      await page.click(`[data-key="${COUNT}"]`);
      await matches(page, new RegExp('^' + COUNT.replace(/\./g, '\\.')));
      await page.waitForSelector('.side.open', { state: 'detached' });
    }
  });
}

for (const scheme of ['light', 'dark']) {
  await test(`axe finds nothing, ${scheme}`, async () => {
    const page = await open(enc(`${METRIC} @account_id:1 by campaign_type`) + '&table=1&range=6h', { scheme });
    await page.waitForSelector(id('breakdown-row'));
    await axe(page, 'grouped');
    await page.click(id('side-account_id'));
    await page.waitForSelector(`${id('picker')} [role=option]`);
    await axe(page, 'value list');
    await page.keyboard.press('Escape');
    await page.click(id('refused'));
    await axe(page, 'reasons');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.waitForSelector(id('help'));
    await axe(page, 'help');
    await page.keyboard.press('Escape');
    await page.fill(id('query'), 'dialer.nonsense');
    await page.keyboard.press('Enter');
    await page.waitForSelector(id('error'));
    await axe(page, 'error');
  });
}

await test('axe finds nothing at 360 px', async () => {
  const page = await open(enc(METRIC), { size: { width: 360, height: 740 } });
  await axe(page, 'narrow');
});

await test('no request left the server', async () => {
  assert.deepEqual(foreign, []);
});

await context.close();
rmSync(profile, { recursive: true, force: true });
mock?.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
