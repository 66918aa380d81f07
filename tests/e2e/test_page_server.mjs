// test_page_server.mjs: the page's own tests (test_page.mjs) against the real server: DIALTONE_FAST, or DIALTONE, on a
// fresh data folder, fed an hour of a small dialer fleet by POST /lines.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const binary = [process.env.DIALTONE_FAST, process.env.DIALTONE, join(root, 'build', 'dialtone')].find((b) => b && existsSync(b));
if (!binary) {
  console.log('no dialtone binary: set DIALTONE\n0 passed, 1 failed');
  process.exit(1);
}

/* The same numbers at every run but for the time. */
let seed = 7;
function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const normal = () => Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());
const skewed = (n, by) => Math.floor(n * random() ** by);

const sessions = new Map();
let lastSession = 9000;
function sessionAt(t) {
  const account = 1 + skewed(40, 3), campaign = account * 10 + skewed(6, 2), key = `${campaign}.${skewed(3, 1)}`;
  let s = sessions.get(key);
  if (!s || s.until < t) {
    const words = [['predictive', 'power', 'preview'][account % 3], random() < 0.7 ? 'webui' : 'phone', ['landline', 'mobile', 'sip'][skewed(3, 1)]];
    s = { host: `web${1 + skewed(8, 1)}`, path: `${account}.${campaign}.${++lastSession}.${words.join('.')}`, until: t + 6e5 + 6e5 * random() };
    sessions.set(key, s);
  }
  return s;
}

function second(t) {
  const out = [];
  for (let i = 0; i < 4; i++) {
    const s = sessionAt(t), end = random() < 0.7 ? ['answered', 6000] : ['busy', 5000];
    out.push(`${new Date(t + Math.floor(1000 * random())).toISOString()} source=${s.host}.${s.path} ` +
      `measure#dialer.contact.${end[0]}=${Math.min(30000, end[1] * Math.exp(0.5 * normal())).toFixed(1)}ms count#dialer.requests.total=1`);
  }
  if (t % 10000 === 0) {
    for (const job of ['bill', 'sync_crm']) out.push(`${new Date(t).toISOString()} source=worker1 count#worker.${job}.jobs=${1 + skewed(3, 1)}`);
    out.push('source=web1 measure#dialer.contact.answered=NaN');
  }
  return out;
}

async function feed(url) {
  const now = Math.floor(Date.now() / 1000) * 1000;
  const lines = [];
  for (let t = now - 3600e3; t < now; t += 1000) lines.push(...second(t));
  const reply = await fetch(url + '/lines', { method: 'POST', body: lines.join('\n') + '\n' });
  const said = await reply.json();
  if (!reply.ok || said.accepted < lines.length) throw new Error(`POST /lines: ${reply.status} ${JSON.stringify(said)}`);
}

const folder = mkdtempSync(join(tmpdir(), 'dialtone-page-'));
const server = spawn(binary, ['serve', '--data', join(folder, 'data'), '--pack', join(root, 'packs', 'dialer'), '--http', '127.0.0.1:0', '--line', '127.0.0.1:0'],
  { stdio: ['ignore', 'pipe', 'pipe'] });
let said = '', code = 1;
const stopped = new Promise((done) => server.on('exit', done));
try {
  const url = await new Promise((done, lost) => {
    const hear = (bytes) => {
      said += bytes;
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
      if (found) done(found[0]);
    };
    server.stdout.on('data', hear);
    server.stderr.on('data', hear);
    server.on('error', lost);
    server.on('exit', (c) => lost(new Error(`the server ended with ${c}: ${said}`)));
  });
  await feed(url);
  code = spawnSync(process.execPath, [join(here, 'test_page.mjs'), ...process.argv.slice(2)],
    { stdio: 'inherit', env: { ...process.env, PAGE_URL: url } }).status ?? 1;
} catch (e) {
  console.log(`${e.message}\n0 passed, 1 failed`);
} finally {
  server.kill('SIGTERM');
  await stopped;
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code);
