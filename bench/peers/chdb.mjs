// chDB, ClickHouse in this process. One request a line on standard input, one answer a line on standard output:
// {"path"} opens a session there; {"sql", "format"} asks it. Times are of the call alone.
// usage: node chdb.mjs FOLDER-WITH-NODE_MODULES
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join, resolve } from 'node:path';

const { Session } = createRequire(join(resolve(process.argv[2]), 'package.json'))('chdb');
let session = null;

function serve(request) {
  if (request.path) {
    session = new Session(request.path);
    return {};
  }
  const begin = process.hrtime.bigint();
  const text = session.query(request.sql, request.format || 'TabSeparated');
  return { seconds: Number(process.hrtime.bigint() - begin) / 1e9, text: String(text) };
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = serve(JSON.parse(line));
  } catch (error) {
    reply = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(reply) + '\n');
}
if (session) session.close();
