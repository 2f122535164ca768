// Fails when the catalogues and the code disagree: a key missing in a language,
// placeholders that differ, a key nobody uses, or a used key that does not exist.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const load = (name) => JSON.parse(readFileSync(join(root, 'messages', name), 'utf8'));
const names = readdirSync(join(root, 'messages')).filter((name) => name.endsWith('.json'));
const en = load('en.json');
const faults = [];

const placeholders = (message) =>
  [...new Set([...message.matchAll(/\{(\w+)(?=[,}])/g)].map((match) => match[1]))].sort().join(' ');

for (const name of names) {
  const other = load(name);
  if (Object.keys(other).join() !== Object.keys(other).sort().join()) faults.push(`${name}: keys are not sorted`);
  for (const key of Object.keys(en)) {
    if (!(key in other)) faults.push(`${name}: ${key} is missing`);
    else if (placeholders(other[key]) !== placeholders(en[key])) faults.push(`${name}: ${key} has other placeholders`);
  }
  for (const key of Object.keys(other)) if (!(key in en)) faults.push(`${name}: ${key} is not in en.json`);
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
    const source = match[1].replace(/\$\{(?:[^{}]|\{[^}]*\})*\}/g, '\u0000').replace(/[.*+?^()|[\]\\{}]/g, '\\$&');
    patterns.push(new RegExp(`^${source.replaceAll('\u0000', '[\\w.-]+')}$`));
  }
  for (const match of text.matchAll(/\bt\(\s*'([^']+)'/g)) {
    if (!(match[1] in en)) faults.push(`${path.slice(root.length)}: ${match[1]} is not in en.json`);
  }
}
for (const key of Object.keys(en)) {
  if (!exact.has(key) && !patterns.some((pattern) => pattern.test(key))) faults.push(`en.json: ${key} is not used`);
}

if (faults.length) {
  console.error(faults.join('\n'));
  process.exit(1);
}
console.log(`${names.length} catalogues, ${Object.keys(en).length} keys: all in step`);
