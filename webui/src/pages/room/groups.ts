import type { ChatLine } from '$lib/realtime/types';

/** What happened in the room, told between the lines of the chat. Only on this page, never stored. */
export interface Note {
  id: string;
  at: number;
  kind: 'started' | 'joined' | 'left';
  who: string;
  what: string;
}

export type Block =
  | { type: 'lines'; key: string; lines: ChatLine[] }
  | { type: 'note'; key: string; note: Note }
  | { type: 'day'; key: string; at: number }
  | { type: 'new'; key: string };

const together = 2 * 60_000;

/**
 * Puts lines of one author within two minutes under one head, with notes, day
 * marks and the divider of what is unread between them. Pure.
 */
export function blocks(lines: ChatLine[], notes: Note[], unreadAfter: number | null): Block[] {
  const out: Block[] = [];
  let divided = unreadAfter === null;
  let day = '';
  let next = 0;
  const from = lines[0] ? Date.parse(lines[0].created_at) : 0;
  const shown = notes.filter((note) => note.at >= from);
  const tell = (until: number) => {
    for (let note = shown[next]; note && note.at <= until; note = shown[++next]) {
      out.push({ type: 'note', key: note.id, note });
    }
  };
  for (const line of lines) {
    const at = Date.parse(line.created_at);
    tell(at);
    const date = new Date(at).toDateString();
    if (date !== day && day) out.push({ type: 'day', key: `day ${date}`, at });
    day = date;
    if (!divided && line.status === 'sent' && line.seq > (unreadAfter ?? 0)) {
      divided = true;
      out.push({ type: 'new', key: 'new' });
    }
    const last = out[out.length - 1];
    if (last?.type === 'lines' && follows(last.lines[last.lines.length - 1], line, at)) last.lines.push(line);
    else out.push({ type: 'lines', key: line.client_id || line.id, lines: [line] });
  }
  tell(Infinity);
  return out;
}

function follows(before: ChatLine | undefined, line: ChatLine, at: number): boolean {
  if (!before?.author || !line.author || before.author.id !== line.author.id) return false;
  return at - Date.parse(before.created_at) < together && !line.reply_to && line.kind === before.kind;
}
