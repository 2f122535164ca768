import type { GuestToken, Me, Tokens } from '$lib/api/types';
import { read, write } from '$lib/util/storage';

/**
 * Who uses this page. The access token lives in memory; the refresh token is a
 * cookie no script sees; a guest's token stays in the tab's session storage so
 * that a reload keeps seat and name.
 *
 * The rule: at most one refresh runs at a time, in all tabs together. A lock
 * orders them, and whoever waited takes the token the other one got.
 */
export interface Guest {
  token: string;
  id: string;
  name: string;
  /** Unix ms. */
  expires: number;
}

interface Access {
  token: string;
  /** Unix ms, some seconds before the real end. */
  expires: number;
}

type News = { type: 'token'; access: Access; me: Me } | { type: 'out' };

const base = '/api/v1';
const slack = 20_000;
/** Not a secret: whether this browser has signed in before, so that visitors cause no failing refresh. */
const knownKey = 'synctv.known';
const guestKey = (room: string) => `synctv.guest.${room}`;

class Session {
  status = $state<'unknown' | 'in' | 'out'>('unknown');
  me = $state.raw<Me | null>(null);
  /** Why we were signed out by the server, for the sign-in page to say. */
  ended = $state('');

  #access: Access | null = null;
  #running: Promise<string | null> | null = null;
  #channel: BroadcastChannel | null = null;
  #room = '';
  #guest = $state.raw<Guest | null>(null);

  get guest(): Guest | null {
    return this.#guest;
  }

  /** One refresh when this browser has an account, none otherwise. */
  async start(): Promise<void> {
    if (typeof BroadcastChannel !== 'undefined') {
      this.#channel = new BroadcastChannel('synctv-session');
      this.#channel.onmessage = (event: MessageEvent<News>) => this.#hear(event.data);
    }
    if (read<boolean>('local', knownKey)) await this.#refresh();
    if (this.status === 'unknown') this.status = 'out';
  }

  /** Takes the answer of set-up or log-in. */
  enter(tokens: Tokens): void {
    this.#take(tokens);
    this.ended = '';
  }

  /** Forgets the tokens here and in other tabs; the caller has told the server. */
  leave(reason = ''): void {
    this.#forget(reason);
    this.#channel?.postMessage({ type: 'out' } satisfies News);
  }

  /** The token for the next request: the account's, else the guest's of the room on screen. */
  async bearer(): Promise<string | null> {
    if (this.status === 'in' || this.#access) {
      if (this.#access && this.#access.expires > Date.now()) return this.#access.token;
      return this.#refresh();
    }
    return this.#guestToken();
  }

  /** A token newer than the one the server refused; null when there is none. */
  async refreshed(refused: string): Promise<string | null> {
    if (this.#guest?.token === refused) {
      this.dropGuest();
      return null;
    }
    if (this.#access && this.#access.token !== refused) return this.#access.token;
    this.#access = null;
    return this.#refresh();
  }

  /** The room on screen: its guest token, when there is one, speaks for us. Empty when no room is. */
  inRoom(room: string): void {
    this.#room = room;
    const kept = room ? read<Guest>('session', guestKey(room)) : null;
    this.#guest = kept && kept.expires > Date.now() ? kept : null;
  }

  enterAsGuest(room: string, answer: GuestToken): void {
    const guest: Guest = {
      token: answer.guest_token,
      id: answer.guest.id,
      name: answer.guest.name,
      expires: Date.now() + answer.expires_in * 1000 - slack,
    };
    write('session', guestKey(room), guest);
    this.#room = room;
    this.#guest = guest;
  }

  dropGuest(): void {
    if (this.#room) write('session', guestKey(this.#room), null);
    this.#guest = null;
  }

  /** Renews the guest's seat while more than half of its time is gone. */
  async #guestToken(): Promise<string | null> {
    const guest = this.#guest;
    if (!guest) return null;
    if (guest.expires - Date.now() > 2 * 3600_000) return guest.token;
    if (guest.expires < Date.now()) {
      this.dropGuest();
      return null;
    }
    const room = this.#room;
    this.#running ??= this.#renewGuest(room, guest).finally(() => (this.#running = null));
    return this.#running;
  }

  async #renewGuest(room: string, guest: Guest): Promise<string | null> {
    const answer = await post(`/rooms/${room}/guest/refresh`, guest.token);
    if (!answer?.ok) return guest.token;
    this.enterAsGuest(room, (await answer.json()) as GuestToken);
    return this.#guest?.token ?? null;
  }

  #refresh(): Promise<string | null> {
    this.#running ??= this.#locked().finally(() => (this.#running = null));
    return this.#running;
  }

  async #locked(): Promise<string | null> {
    const before = this.#access?.token;
    const run = async () => {
      const other = this.#access;
      if (other && other.token !== before && other.expires > Date.now()) return other.token;
      return this.#ask();
    };
    // No lock manager on plain http: tabs then refresh on their own, and the server's grace covers it.
    return navigator.locks ? navigator.locks.request('synctv-refresh', run) : run();
  }

  async #ask(): Promise<string | null> {
    const answer = await post('/auth/refresh', null);
    if (answer?.ok) return this.#take((await answer.json()) as Tokens);
    // 401 ends the session; a lost network or a busy server does not.
    if (answer && answer.status === 401) {
      const problem = (await answer.json().catch(() => null)) as { type?: string } | null;
      const revoked = this.me && /session-revoked$/.test(problem?.type ?? '');
      this.leave(revoked ? 'session-revoked' : '');
    }
    return null;
  }

  #take(tokens: Tokens): string {
    const access = { token: tokens.access_token, expires: Date.now() + tokens.expires_in * 1000 - slack };
    this.#access = access;
    this.me = tokens.user;
    this.status = 'in';
    write('local', knownKey, true);
    this.#channel?.postMessage({ type: 'token', access, me: tokens.user } satisfies News);
    return access.token;
  }

  #hear(news: News): void {
    if (news.type === 'out') return this.#forget('');
    this.#access = news.access;
    this.me = news.me;
    this.status = 'in';
  }

  #forget(reason: string): void {
    this.#access = null;
    this.me = null;
    this.status = 'out';
    this.ended = reason;
    write('local', knownKey, null);
  }
}

async function post(path: string, token: string | null): Promise<Response | null> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    return await fetch(base + path, { method: 'POST', headers, body: '{}' });
  } catch {
    return null;
  }
}

export const session = new Session();
