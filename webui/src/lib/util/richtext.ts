/** What a chat line is made of: words, links, and times of the film. Nothing is ever turned into markup. */
export type Token =
  | { type: 'text'; text: string }
  | { type: 'url'; text: string; href: string }
  | { type: 'time'; text: string; seconds: number };

const pattern = /(https?:\/\/[^\s<>"']+)|(?<![\w:.])(\d{1,2}(?::[0-5]\d){1,2})(?![\w:])/gi;

export function tokens(content: string): Token[] {
  const out: Token[] = [];
  let last = 0;
  const text = (to: number) => {
    if (to > last) out.push({ type: 'text', text: content.slice(last, to) });
  };
  for (const match of content.matchAll(pattern)) {
    const found = match[1] ? link(match[1]) : time(match[2] ?? '');
    if (!found) continue;
    text(match.index);
    out.push(found);
    last = match.index + found.text.length;
  }
  text(content.length);
  return out;
}

function link(raw: string): Token | null {
  const trimmed = raw.replace(/[.,;:!?)\]}'"，。！？）]+$/u, '');
  try {
    const url = new URL(trimmed);
    return url.hostname ? { type: 'url', text: trimmed, href: url.href } : null;
  } catch {
    return null;
  }
}

function time(raw: string): Token {
  const seconds = raw.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return { type: 'time', text: raw, seconds };
}
