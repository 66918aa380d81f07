// deps.mjs: makes sure that node_modules holds what package-lock.json says; installs only when it does not.
// With `dev` also what the tests and the type check need.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

export function depsMissing(dev = false) {
  const lock = read(join(here, 'package-lock.json')).packages;
  for (const [path, entry] of Object.entries(lock)) {
    if (!path || entry.optional || (entry.dev && !dev)) continue;
    const manifest = join(here, path, 'package.json');
    if (!existsSync(manifest) || read(manifest).version !== entry.version) return path;
  }
  return null;
}

export function depsInstall(dev = false) {
  const lacking = depsMissing(dev);
  if (!lacking) return;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', ...(dev ? [] : ['--omit=dev'])];
  process.stderr.write(`page: ${lacking} is missing or old: npm ${args.join(' ')}\n`);
  try {
    execFileSync('npm', args, { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] });
  } catch (e) {
    process.stderr.write(`page: npm could not install what ui/package-lock.json lists (${e.message}).\n` +
      'page: is an npm registry reachable? Without one: meson configure BUILD -Dpage=false\n');
    process.exit(1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) depsInstall(process.argv.includes('dev'));
