// test_page_pure.mjs: the page's pure functions (ui/test/*.test.ts) under node's own runner, and its type check.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { depsInstall } from '../../ui/deps.mjs';

const ui = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'ui');
depsInstall(true);
const esbuild = createRequire(join(ui, 'package.json'))('esbuild');
const folder = mkdtempSync(join(tmpdir(), 'dialtone-page-'));
let passed = 0, failed = 0;
try {
  for (const name of readdirSync(join(ui, 'test')).filter((n) => n.endsWith('.test.ts'))) {
    const outfile = join(folder, name.replace(/\.ts$/, '.mjs'));
    await esbuild.build({ entryPoints: [join(ui, 'test', name)], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'warning' });
    const run = spawnSync(process.execPath, ['--test-reporter=tap', outfile], { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
    process.stdout.write(run.stdout + run.stderr);
    passed += Number(/^# pass (\d+)/m.exec(run.stdout)?.[1] ?? 0);
    failed += Number(/^# fail (\d+)/m.exec(run.stdout)?.[1] ?? (run.status ? 1 : 0));
  }
  const types = spawnSync(process.execPath, [join(ui, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', ui], { encoding: 'utf8' });
  process.stdout.write(types.stdout + types.stderr);
  if (types.status === 0) passed++;
  else failed++;
  console.log(`${types.status === 0 ? 'ok' : 'FAIL'} types`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
