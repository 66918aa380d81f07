// build.mjs: bundles the page: one HTML, one JS, one CSS, names with a hash of their content.
//   node build.mjs                       writes dist/
//   node build.mjs --c OUT --depfile D   writes the C file with the same bytes, plain and gzipped
// As a module: buildPage() gives [{path, type, immutable, bytes}].
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { depsInstall } from './deps.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 12);

export async function buildPage({ minify = true } = {}) {
  const esbuild = await import('esbuild');
  const out = await esbuild.build({
    entryPoints: [join(here, 'src/main.tsx')], outdir: join(here, 'dist'), write: false, bundle: true, minify, metafile: true,
    format: 'iife', target: ['es2021'], jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none', charset: 'utf8',
    absWorkingDir: here, logLevel: 'warning', define: { 'process.env.NODE_ENV': '"production"' },
  });
  const get = (ext) => Buffer.from(out.outputFiles.find((f) => f.path.endsWith(ext)).contents);
  const js = get('.js'), css = get('.css');
  const jsPath = `/assets/page-${hash(js)}.js`, cssPath = `/assets/page-${hash(css)}.css`;
  const html = Buffer.from(readFileSync(join(here, 'src/index.html'), 'utf8').replace('@JS@', jsPath).replace('@CSS@', cssPath));
  return {
    assets: [
      { path: '/', type: 'text/html; charset=utf-8', immutable: false, bytes: html },
      { path: jsPath, type: 'text/javascript; charset=utf-8', immutable: true, bytes: js },
      { path: cssPath, type: 'text/css; charset=utf-8', immutable: true, bytes: css },
    ],
    inputs: [...Object.keys(out.metafile.inputs).map((p) => resolve(here, p)), join(here, 'src/index.html')],
  };
}

const gzip = (bytes) => gzipSync(bytes, { level: 9 });

/* A C string literal, a line per 100 bytes; always three octal digits, so that no digit after it is taken in. */
function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 100) {
    let line = '';
    for (const b of bytes.subarray(at, at + 100)) {
      if (b >= 32 && b < 127 && b !== 34 && b !== 92 && b !== 63) line += String.fromCharCode(b);
      else line += '\\' + b.toString(8).padStart(3, '0');
    }
    lines.push(`    "${line}"`);
  }
  return lines.join('\n') || '    ""';
}

function cFile(assets) {
  const out = ['/* Made by ui/build.mjs: the page, as server/page.h describes it. */', '#include "server/page_assets.h"', ''];
  assets.forEach((a, i) => {
    out.push(`static const char plain_${i}[] =`, literal(a.bytes) + ';', `static const char gzip_${i}[] =`, literal(gzip(a.bytes)) + ';');
  });
  out.push('', 'const struct page_asset page_assets[] = {');
  assets.forEach((a, i) => {
    const str = (s) => `{"${s.replace(/"/g, '\\"')}", ${Buffer.byteLength(s)}}`;
    out.push(`    {${str(a.path)}, ${str(a.type)}, {plain_${i}, sizeof plain_${i} - 1}, {gzip_${i}, sizeof gzip_${i} - 1},`,
      `     ${str(`"${hash(a.bytes)}"`)}, ${a.immutable}},`);
  });
  out.push('};', `const size_t page_asset_count = ${assets.length};`, '');
  return out.join('\n');
}

async function main() {
  const option = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : null);
  depsInstall();
  const { assets, inputs } = await buildPage();
  const c = option('--c');
  if (c) {
    writeFileSync(c, cFile(assets));
    const depfile = option('--depfile');
    const own = ['package.json', 'package-lock.json', 'build.mjs', 'deps.mjs'].map((f) => join(here, f));
    const listed = [...inputs, ...own].filter((p) => !p.includes('node_modules')).map((p) => p.replace(/ /g, '\\ '));
    if (depfile) writeFileSync(depfile, `${c}: ${listed.join(' ')}\n`);
    return;
  }
  let sum = 0;
  for (const a of assets) {
    const path = join(here, 'dist', a.path === '/' ? 'index.html' : a.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, a.bytes);
    sum += gzip(a.bytes).length;
    console.log(`${relative(here, path)}  ${a.bytes.length} B, ${gzip(a.bytes).length} B gzipped`);
  }
  console.log(`${assets.length} files, ${(sum / 1024).toFixed(1)} KiB gzipped`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
