// Fails when a page has grown past its budget. Sizes are what travels: the .gz of
// each chunk that a page loads before it can be used.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const assets = join(dist, 'assets');
const names = [...new Set(readdirSync(assets).map((name) => name.replace(/\.(br|gz)$/, '')))];
const KB = 1024;

const packed = (name) => {
  const gz = join(assets, name + '.gz');
  return existsSync(gz) ? statSync(gz).size : gzipSync(readFileSync(join(assets, name))).length;
};
const source = (name) => {
  const raw = join(assets, name);
  if (existsSync(raw)) return readFileSync(raw, 'utf8');
  return gunzipSync(readFileSync(raw + '.gz')).toString(); // kept only packed from 64 KB on
};

/** A chunk and everything it imports statically. */
function closure(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const match of source(name).matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g))
    closure(match[1], seen);
  return seen;
}
const html = readFileSync(join(dist, 'index.html'), 'utf8');
const entry = /src="\/assets\/(index-[\w-]+\.js)"/.exec(html)[1];
const start = closure(entry);
for (const match of html.matchAll(/assets\/(boot-[\w-]+\.js)/g)) start.add(match[1]);
const sum = (set) => [...set].reduce((total, name) => total + packed(name), 0);
const page = (prefix) => names.find((name) => name.startsWith(prefix + '-') && name.endsWith('.js'));
const css = (prefix) => names.filter((name) => name.startsWith(prefix + '-') && name.endsWith('.css'));

const rows = [
  ['initial JS', sum(start), 40],
  ['initial CSS', sum(new Set(css('index'))), 20],
  ['room, first load JS', sum(new Set([...start, ...closure(page('RoomPage'))])), 90],
  ['room, first load CSS', sum(new Set([...css('index'), ...css('RoomPage')])), 20],
];
const room = new Set([...start, ...closure(page('RoomPage'))]);
const inRoom = ['AddMedia', 'RoomSettings', 'PlaylistPanel', 'PeoplePanel'];
for (const name of ['Home', 'Rooms', 'Login', 'Setup', 'Lobby', 'CreateRoom', ...inRoom]) {
  const have = inRoom.includes(name) ? room : start;
  const own = [...closure(page(name))].filter((chunk) => !have.has(chunk));
  rows.push([`${name} chunk`, sum(new Set(own)), 40]);
}
const engine = names.filter((name) => /^hls/.test(name) && name.endsWith('.js'));
for (const name of engine) rows.push([name, packed(name), 195]);
const walk = (dir) =>
  readdirSync(dir).reduce((total, name) => {
    const stat = statSync(join(dir, name));
    return total + (stat.isDirectory() ? walk(join(dir, name)) : stat.size);
  }, 0);
rows.push(['dist as embedded', walk(dist), 6 * 1024]);

let over = false;
for (const [name, bytes, limit] of rows) {
  const bad = bytes > limit * KB;
  over ||= bad;
  console.log(`${bad ? 'OVER' : 'ok  '} ${(bytes / KB).toFixed(1).padStart(7)} of ${limit} KB  ${name}`);
}
process.exit(over ? 1 : 0);
