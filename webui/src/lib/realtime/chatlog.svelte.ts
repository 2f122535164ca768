/**
 * The chat of a room: what was said, and what of ours is on its way.
 *
 * The rule: lines leave in the order of typing, one request at a time, and at
 * most ten wait. Part of RoomSession, which tells it when the room is reached.
 */
import { CHAT_PAGE, discard, markDeleted, merge, pending, replace, setStatus, waiting } from './chat';
import { CHAT_QUEUE } from './constants';
import { newOp } from './protocol';
import type { ChatLine, ChatMessage, Person, RoomApi } from './types';

export const slugOf = (err: unknown): string =>
  typeof err === 'object' && err !== null && 'slug' in err && typeof err.slug === 'string' ? err.slug : '';
export const statusOf = (err: unknown): number =>
  typeof err === 'object' && err !== null && 'status' in err && typeof err.status === 'number'
    ? err.status
    : 0;

export class ChatLog {
  lines = $state.raw<ChatLine[]>([]);
  more = $state(false);
  loading = $state(false);

  #roomId: string;
  #api: RoomApi;
  #online: () => boolean;
  #flushing = false;
  #run = 0;

  constructor(roomId: string, api: RoomApi, online: () => boolean) {
    this.#roomId = roomId;
    this.#api = api;
    this.#online = online;
  }

  /** False when the queue is full. */
  send(author: Person | null, content: string, replyTo: string | null): boolean {
    if (waiting(this.lines) >= CHAT_QUEUE) return false;
    this.lines = [...this.lines, pending(newOp(), author, content, replyTo, 'queued', new Date())];
    void this.flush();
    return true;
  }

  retry(clientId: string): void {
    this.lines = setStatus(this.lines, clientId, 'queued');
    void this.flush();
  }

  discard(clientId: string): void {
    this.lines = discard(this.lines, clientId);
  }

  async delete(id: string): Promise<void> {
    await this.#api.deleteChat(this.#roomId, id);
    this.deleted(id);
  }

  /* what the room says */

  received(m: ChatMessage): void {
    this.lines = merge(this.lines, [m]);
  }
  deleted(id: string): void {
    this.lines = markDeleted(this.lines, id);
  }
  cleared(upTo: number): void {
    this.lines = this.lines.filter((l) => l.status !== 'sent' || l.seq > upTo);
  }

  /** Replaces what is confirmed by the newest page. */
  async load(): Promise<void> {
    const run = ++this.#run;
    this.loading = true;
    try {
      const page = await this.#api.chatPage(this.#roomId, { limit: CHAT_PAGE });
      if (run !== this.#run) return;
      // Events that came while the page was under way are newer than it.
      const since = this.lines.filter((l) => l.status === 'sent' && page.every((m) => m.seq < l.seq));
      this.lines = merge(replace(this.lines, page), since);
      this.more = page.length >= CHAT_PAGE;
    } catch {
      // Without the right to read, or while offline, the list stays what the events make it.
      if (run === this.#run) this.more = false;
    } finally {
      if (run === this.#run) this.loading = false;
    }
  }

  async loadOlder(): Promise<void> {
    const oldest = this.lines.find((l) => l.status === 'sent');
    if (this.loading || !this.more || !oldest) return;
    const run = this.#run;
    this.loading = true;
    try {
      const page = await this.#api.chatPage(this.#roomId, { before: oldest.seq, limit: CHAT_PAGE });
      if (run !== this.#run) return;
      this.lines = merge(this.lines, page);
      this.more = page.length >= CHAT_PAGE;
    } finally {
      if (run === this.#run) this.loading = false;
    }
  }

  /** Sends the waiting lines one after the other. */
  async flush(): Promise<void> {
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      for (;;) {
        const line = this.lines.find((l) => l.status === 'queued');
        if (!line?.client_id || !this.#online()) return;
        if (!(await this.#post(line, line.client_id))) return;
      }
    } finally {
      this.#flushing = false;
    }
  }

  /** False when the connection is to blame: the line waits on. */
  async #post(line: ChatLine, clientId: string): Promise<boolean> {
    this.lines = setStatus(this.lines, clientId, 'sending');
    try {
      const m = await this.#api.sendChat(this.#roomId, {
        content: line.content,
        client_id: clientId,
        ...(line.reply_to ? { reply_to: line.reply_to } : {}),
      });
      this.lines = merge(this.lines, [{ ...m, client_id: clientId }]);
      return true;
    } catch (err) {
      const network = statusOf(err) === 0;
      const wait = network && !this.#online();
      const problem = slugOf(err) || (network ? 'network' : 'unknown');
      this.lines = setStatus(this.lines, clientId, wait ? 'queued' : 'failed', problem);
      return !wait;
    }
  }
}
