/**
 * The chat list as pure functions: lines from the server ordered by `seq`,
 * then our own that are not there yet.
 *
 * The rule: a message appears once. Its line is found by `client_id` while it
 * is ours and unconfirmed, by `id` afterwards; the event and the answer of the
 * request may come in either order.
 */
import type { ChatLine, ChatMessage, Person } from './types';

export const CHAT_PAGE = 50;
const KEEP = 2000;

const sent = (m: ChatMessage): ChatLine => ({ ...m, status: 'sent' });

function ordered(lines: ChatLine[]): ChatLine[] {
  const confirmed = lines.filter((l) => l.status === 'sent').sort((a, b) => a.seq - b.seq);
  return [...confirmed, ...lines.filter((l) => l.status !== 'sent')];
}

/** Adds or replaces messages that the server has confirmed. */
export function merge(lines: ChatLine[], messages: ChatMessage[]): ChatLine[] {
  if (messages.length === 0) return lines;
  const ids = new Set(messages.map((m) => m.id));
  const clientIds = new Set(messages.map((m) => m.client_id).filter(Boolean));
  const rest = lines.filter(
    (l) => !ids.has(l.id) && !(l.status !== 'sent' && l.client_id && clientIds.has(l.client_id)),
  );
  const known = new Map(messages.map((m) => [m.id, sent(m)])); // the last of equal ids wins
  const all = ordered([...rest, ...known.values()]);
  return all.length > KEEP ? all.slice(all.length - KEEP) : all;
}

/** A fresh first page: everything confirmed is replaced, our own waiting lines stay. */
export function replace(lines: ChatLine[], messages: ChatMessage[]): ChatLine[] {
  return merge(
    lines.filter((l) => l.status !== 'sent'),
    messages,
  );
}

export function pending(
  clientId: string,
  author: Person | null,
  content: string,
  replyTo: string | null,
  status: 'queued' | 'sending',
  now: Date,
): ChatLine {
  return {
    id: `local:${clientId}`,
    seq: Number.MAX_SAFE_INTEGER,
    author,
    kind: 'text',
    content,
    reply_to: replyTo,
    client_id: clientId,
    created_at: now.toISOString(),
    edited_at: null,
    deleted: false,
    status,
  };
}

export function setStatus(
  lines: ChatLine[],
  clientId: string,
  status: ChatLine['status'],
  problem?: string,
): ChatLine[] {
  return lines.map((l) => (l.client_id === clientId && l.status !== 'sent' ? { ...l, status, problem } : l));
}

export const discard = (lines: ChatLine[], clientId: string): ChatLine[] =>
  lines.filter((l) => l.status === 'sent' || l.client_id !== clientId);

/** A deleted message keeps its place, without its words. */
export const markDeleted = (lines: ChatLine[], id: string): ChatLine[] =>
  lines.map((l) => (l.id === id ? { ...l, deleted: true, content: '' } : l));

export const waiting = (lines: ChatLine[]): number =>
  lines.filter((l) => l.status === 'queued' || l.status === 'sending').length;
