/**
 * Subtitles as our own cue layer: WebVTT, SubRip and the plain text of ASS all
 * become the same list of cues, shown by time. Pure; fetching and showing are
 * done by others.
 *
 * The rule: text stays text. Styling tags are removed or kept as italics and
 * bold, nothing becomes markup.
 */
export interface Cue {
  /** Seconds. */
  start: number;
  end: number;
  lines: string[];
  /** At the top of the picture instead of the bottom. */
  top: boolean;
}

const MAX_CUES = 50_000;

/** 01:02:03.456, 02:03,456 or 0:00:01.23 as seconds; NaN when it is none. */
export function timestamp(text: string): number {
  const m = /^(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})$/.exec(text.trim());
  if (!m) return NaN;
  const [, h = '0', min, s, frac = '0'] = m;
  return Number(h) * 3600 + Number(min) * 60 + Number(s) + Number(`0.${frac}`);
}

const entities: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  nbsp: '\u00a0',
  lrm: '\u200e',
  rlm: '\u200f',
  quot: '"',
};

function plain(text: string): string {
  return text
    .replace(/<[^>]*>/g, '')
    .replace(/\{\\[^}]*\}/g, '')
    .replace(/&(\w+);/g, (all, name: string) => entities[name] ?? all)
    .trim();
}

/** WebVTT and SubRip: blocks with a line `start --> end`. */
export function parseTimed(text: string): Cue[] {
  const cues: Cue[] = [];
  const blocks = text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .split(/\n{2,}/);
  for (const block of blocks) {
    const rows = block.split('\n');
    const at = rows.findIndex((r) => r.includes('-->'));
    if (at < 0 || cues.length >= MAX_CUES) continue;
    const [from = '', rest = ''] = rows[at]!.split('-->');
    const [to = '', ...settings] = rest.trim().split(/\s+/);
    const body = rows.slice(at + 1);
    const lines = body.map(plain).filter(Boolean);
    const start = timestamp(from);
    const end = timestamp(to);
    if (!(end > start) || lines.length === 0) continue;
    const line = settings.find((s) => s.startsWith('line:'));
    const percent = line ? Number.parseFloat(line.slice(5)) : NaN;
    const top =
      /\{\\an[789]\}/.test(body.join('')) || (percent >= 0 && percent < 50 && !!line?.includes('%'));
    cues.push({ start, end, lines, top });
  }
  return sorted(cues);
}

/** The spoken lines of an ASS or SSA file, without its looks. */
export function parseAss(text: string): Cue[] {
  const cues: Cue[] = [];
  let format: string[] = [];
  let events = false;
  for (const row of text.replace(/^\uFEFF/, '').split(/\r\n?|\n/)) {
    if (/^\s*\[/.test(row)) events = /^\s*\[events\]/i.test(row);
    if (!events || cues.length >= MAX_CUES) continue;
    const [, key = '', value = ''] = /^(\w+):\s*(.*)$/.exec(row) ?? [];
    if (key === 'Format') format = value.split(',').map((f) => f.trim().toLowerCase());
    if (key !== 'Dialogue' || format.length === 0) continue;
    const parts = value.split(',');
    const field = (name: string) => parts[format.indexOf(name)] ?? '';
    const raw = parts.slice(format.length - 1).join(','); // the text may hold commas
    if (/\{[^}]*\\p[1-9]/.test(raw)) continue; // a drawing
    const lines = raw.split(/\\N|\\n/).map((l) => plain(l.replace(/\{[^}]*\}/g, '').replace(/\\h/g, ' ')));
    const start = timestamp(field('start'));
    const end = timestamp(field('end'));
    const shown = lines.filter(Boolean);
    if (end > start && shown.length > 0) cues.push({ start, end, lines: shown, top: /\\an[789]/.test(raw) });
  }
  return sorted(cues);
}

const sorted = (cues: Cue[]) => cues.sort((a, b) => a.start - b.start || a.end - b.end);

/** By what the text looks like, whatever its name says. */
export function parse(text: string): Cue[] {
  return /^\s*\[(script info|v4\+? styles|events)\]/im.test(text.slice(0, 4096))
    ? parseAss(text)
    : parseTimed(text);
}

/** Cues to be shown at a time. Cues are sorted by start. */
export function activeAt(cues: Cue[], t: number): Cue[] {
  // Everything that starts later is out; long cues make an index by end useless, files are small.
  let high = cues.length;
  for (let low = 0; low < high;) {
    const mid = (low + high) >> 1;
    if (cues[mid]!.start <= t) low = mid + 1;
    else high = mid;
  }
  const out: Cue[] = [];
  for (let i = high - 1; i >= 0 && i > high - 64; i--) if (cues[i]!.end > t) out.unshift(cues[i]!);
  return out;
}

/** Bytes of a subtitle file as text: UTF with a mark, UTF-8, else what Chinese files usually are. */
export function decodeText(bytes: ArrayBuffer): string {
  const b = new Uint8Array(bytes);
  if (b[0] === 0xff && b[1] === 0xfe) return new TextDecoder('utf-16le').decode(b);
  if (b[0] === 0xfe && b[1] === 0xff) return new TextDecoder('utf-16be').decode(b);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(b);
  } catch {
    return new TextDecoder('gb18030').decode(b);
  }
}

const MAX_BYTES = 8 << 20;

/** Loads a track of the play info. ASS goes through the server's plain-text form when it is ours. */
export async function load(url: string, format: string, signal?: AbortSignal): Promise<Cue[]> {
  const u = new URL(url, location.href);
  const ours = u.origin === location.origin && u.pathname.startsWith('/media/');
  if (ours && (format === 'ass' || format === 'ssa')) u.searchParams.set('format', 'vtt');
  const r = await fetch(u, { signal, credentials: 'omit' });
  if (!r.ok) throw new Error(`subtitle ${r.status}`);
  const bytes = await r.arrayBuffer();
  if (bytes.byteLength > MAX_BYTES) throw new Error('subtitle too large');
  return parse(decodeText(bytes));
}
