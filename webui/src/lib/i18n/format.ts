/**
 * Message formatting: `{name}` and `{n, one{# seat} other{# seats}}`, nothing
 * more. Pure; the catalogue and the locale are the caller's.
 */
export type Params = Record<string, string | number>;

export function format(message: string, params: Params | undefined, locale: string): string {
  let out = '';
  for (let i = 0; i < message.length;) {
    if (message[i] !== '{') {
      const next = message.indexOf('{', i);
      const end = next < 0 ? message.length : next;
      out += message.slice(i, end);
      i = end;
      continue;
    }
    const end = closing(message, i);
    out += fill(message.slice(i + 1, end), params ?? {}, locale);
    i = end + 1;
  }
  return out;
}

/** Names of the placeholders of a message, sorted; the catalogue check compares them between languages. */
export function placeholders(message: string): string[] {
  const names = new Set<string>();
  for (const match of message.matchAll(/\{(\w+)(?=[,}])/g)) names.add(match[1] as string);
  return [...names].sort();
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return i;
  }
  return text.length;
}

function fill(body: string, params: Params, locale: string): string {
  const comma = body.indexOf(',');
  if (comma < 0) return show(params[body.trim()], locale);
  const value = Number(params[body.slice(0, comma).trim()] ?? 0);
  const forms = new Map<string, string>();
  const rest = body.slice(comma + 1);
  for (let i = 0; i < rest.length;) {
    const open = rest.indexOf('{', i);
    if (open < 0) break;
    const end = closing(rest, open);
    forms.set(rest.slice(i, open).trim(), rest.slice(open + 1, end));
    i = end + 1;
  }
  const form =
    forms.get(`=${value}`) ??
    forms.get(new Intl.PluralRules(locale).select(value)) ??
    forms.get('other') ??
    '';
  return format(form.replaceAll('#', show(value, locale)), params, locale);
}

function show(value: string | number | undefined, locale: string): string {
  if (value === undefined) return '';
  return typeof value === 'number' ? new Intl.NumberFormat(locale).format(value) : value;
}
