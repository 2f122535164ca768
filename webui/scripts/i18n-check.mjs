// Fails when the catalogues and the code disagree: a key missing in a language,
// placeholders that differ, a key nobody uses, or a used key that does not exist.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const load = (name) => JSON.parse(readFileSync(join(root, 'messages', name), 'utf8'));
const names = readdirSync(join(root, 'messages')).filter((name) => name.endsWith('.json'));
const en = { ...load('en.json'), ...load('en.room.json') };
const faults = [];

const placeholders = (message) =>
  [...new Set([...message.matchAll(/\{(\w+)(?=[,}])/g)].map((match) => match[1]))].sort().join(' ');

const locales = names.map((name) => name.replace('.json', '')).filter((name) => !name.endsWith('.room'));
const shell = load('en.json');
const room = load('en.room.json');
for (const name of names) {
  const keys = Object.keys(load(name));
  if (keys.join() !== keys.toSorted().join()) faults.push(`${name}: keys are not sorted`);
}
for (const key of Object.keys(shell)) if (key in room) faults.push(`en.room.json: ${key} is also in en.json`);
for (const locale of locales) {
  for (const part of ['', '.room']) {
    const name = `${locale}${part}.json`;
    const ours = load(`en${part}.json`);
    const theirs = load(name);
    for (const key of Object.keys(ours)) {
      if (!(key in theirs)) faults.push(`${name}: ${key} is missing`);
      else if (placeholders(theirs[key]) !== placeholders(ours[key]))
        faults.push(`${name}: ${key} has other placeholders`);
    }
    for (const key of Object.keys(theirs))
      if (!(key in ours)) faults.push(`${name}: ${key} is not in English`);
  }
}
function files(dir) {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) return files(path);
    return /\.(svelte|ts)$/.test(name) && !/\.test\.ts$/.test(name) ? [path] : [];
  });
}

// A key counts as used when it stands in the code as a string, or matches a template like `note.${kind}`.
const exact = new Set();
const patterns = [];
for (const path of files(join(root, 'src'))) {
  const text = readFileSync(path, 'utf8');
  for (const match of text.matchAll(/'([a-z][\w.-]*\.[\w.-]+)'/gi)) exact.add(match[1]);
  for (const match of text.matchAll(/`([a-z]+\.[^`\s]*\$\{[^`]*)`/g)) {
    const source = match[1]
      .replace(/\$\{(?:[^{}]|\{[^}]*\})*\}/g, '\u0000')
      .replace(/[.*+?^()|[\]\\{}]/g, '\\$&');
    patterns.push(new RegExp(`^${source.replaceAll('\u0000', '[\\w.-]+')}$`));
  }
  for (const match of text.matchAll(/\bt\(\s*'([^']+)'/g)) {
    if (!(match[1] in en)) faults.push(`${path.slice(root.length)}: ${match[1]} is in no catalogue`);
    // The room's words come with the room: nothing outside may lean on them.
    else if (match[1] in room && !/src\/(pages\/room|lib\/player|lib\/realtime)\//.test(path)) {
      faults.push(`${path.slice(root.length)}: ${match[1]} belongs to the room`);
    }
  }
}
for (const key of Object.keys(en)) {
  if (!exact.has(key) && !patterns.some((pattern) => pattern.test(key))) faults.push(`${key} is not used`);
}

if (faults.length) {
  console.error(faults.join('\n'));
  process.exit(1);
}
console.log(`${locales.length} languages, ${Object.keys(en).length} keys: all in step`);
