/**
 * The messages of a room's socket: their types, and guards that decide whether
 * what arrived really is one.
 *
 * The rule: nothing that a guard has not passed reaches the store. A message
 * of a known type with a wrong shape is dropped; one of an unknown type is
 * handed on as it is, for a newer server may know more than this page.
 */
import type {
  ChatMessage,
  CurrentMedia,
  Hold,
  LibraryChange,
  NextIn,
  PeerState,
  Permissions,
  Person,
  PlaybackDo,
  PlaybackReport,
  PlaybackState,
  Presence,
  PresenceMember,
  Role,
} from './types';

/* ---------- shapes ---------- */

export interface WelcomeRoom {
  id: string;
  name: string;
}

export interface Welcome {
  conn_id: string;
  user: Person;
  role: Role;
  room: WelcomeRoom;
  permissions: string[] | null;
  permissions_mask: string;
  epoch: number;
  seq: number;
  state: PlaybackState;
  members_count: number;
  server: { version: string; build: string };
  heartbeat_s: number;
  sync_tolerance_ms?: number;
  allow_member_rate?: boolean;
  welcome_message?: string;
  /** The missed events follow. False although we asked: a resync follows. */
  resumed?: boolean;
}

/** The missed events are no longer known: everything is to be replaced. */
export interface Resync {
  epoch: number;
  seq: number;
  state: PlaybackState;
  presence: Presence;
  reason?: string;
}

export interface PlaybackReject {
  op: string;
  code: string;
  state?: PlaybackState | null;
}

export interface Bye {
  /** A word, not a number: kicked, room_closed … */
  code: string;
  detail?: string;
  /** RFC 3339. */
  retry_at?: string;
}

/** Data by message type, as far as this client acts on it. */
export interface ServerData {
  welcome: Welcome;
  resync: Resync;
  'clock.pong': { t0: number; t1: number; t2: number };
  'playback.state': PlaybackState;
  'playback.reject': PlaybackReject;
  'playback.next_in': NextIn;
  'playback.peers': { items: PeerState[] };
  'presence.count': { count: number };
  'presence.changed': Presence;
  'permissions.changed': Permissions & { role?: Role };
  'library.changed': LibraryChange;
  'chat.message': ChatMessage;
  'chat.edited': ChatMessage;
  'chat.deleted': { id: string };
  'chat.cleared': { seq: number };
  'chat.typing': { id: string; name: string };
  bye: Bye;
  error: { code: string; detail?: string; type?: string; op?: string };
}

export type ServerType = keyof ServerData;
export type Known = {
  [T in ServerType]: { type: T; data: ServerData[T]; seq?: number; at?: number };
}[ServerType];
export interface Other {
  type: string;
  data: unknown;
  seq?: number;
  at?: number;
  unknown: true;
}
export type ServerMessage = Known | Other;

export interface Command {
  op: string;
  do: PlaybackDo;
  position?: number;
  rate?: number;
  media_id?: string;
  target?: unknown;
  at?: number;
  expected_generation?: number;
  expected_version?: number;
}

export interface ClientData {
  hello: { resume: { epoch: number; seq: number } | null; client: string; caps: string[] };
  'clock.ping': { t0: number };
  'playback.command': Command;
  'playback.report': PlaybackReport;
  'sync.get': { epoch: number; version: number };
  'chat.typing': Record<string, never>;
}
export type ClientType = keyof ClientData;

/* ---------- guards ---------- */

type Guard<T> = (v: unknown) => v is T;
type Fields = Record<string, (v: unknown) => boolean>;

const str = (v: unknown): v is string => typeof v === 'string';
const num = (v: unknown): v is number => typeof v === 'number' && Number.isFinite(v);
const bool = (v: unknown): v is boolean => typeof v === 'boolean';
/** Go leaves empty fields out, or sends null. */
const optional =
  <T>(g: Guard<T>) =>
  (v: unknown): v is T | undefined | null =>
    v === undefined || v === null || g(v);
const list =
  <T>(g: Guard<T>) =>
  (v: unknown): v is T[] =>
    Array.isArray(v) && v.every(g);
const oneOf =
  (...names: string[]) =>
  (v: unknown): boolean =>
    str(v) && names.includes(v);
const isObject = (v: unknown): v is Record<string, unknown> =>
  typeof v === 'object' && v !== null && !Array.isArray(v);
const shape =
  <T>(fields: Fields): Guard<T> =>
  (v: unknown): v is T =>
    isObject(v) && Object.entries(fields).every(([name, g]) => g(v[name]));

const personFields: Fields = {
  id: str,
  kind: oneOf('user', 'guest'),
  name: str,
  avatar_url: optional(str),
};
export const isPerson = shape<Person>(personFields);

export const isPresenceMember = shape<PresenceMember>({
  ...personFields,
  role: str,
  devices: num,
  state: str,
  drift_ms: optional(num),
});

const isPresence = shape<Presence>({ count: num, members: optional(list(isPresenceMember)) });

export const isCurrentMedia = shape<CurrentMedia>({
  id: str,
  playlist_id: str,
  kind: str,
  name: optional(str),
  duration: num,
  live: bool,
  restricted: optional(bool),
});

const isHold = shape<Hold>({ since: num, deadline: num, waiting: optional(list(str)) });

export const isPlaybackState = shape<PlaybackState>({
  epoch: num,
  version: num,
  generation: num,
  media: optional(isCurrentMedia),
  playing: bool,
  position: num,
  rate: num,
  updated_at: num,
  hold: optional(isHold),
  reason: optional(str),
  actor: optional(str),
  op: optional(str),
});

export const isChatMessage = shape<ChatMessage>({
  id: str,
  seq: num,
  author: optional(isPerson),
  kind: str,
  content: str,
  reply_to: optional(str),
  client_id: optional(str),
  created_at: str,
  edited_at: optional(str),
  deleted: optional(bool),
});

const isPeer = shape<PeerState>({ id: str, state: str, drift_ms: optional(num), buffered_s: optional(num) });

const guards: { [T in ServerType]: Guard<ServerData[T]> } = {
  welcome: shape({
    conn_id: str,
    user: isPerson,
    role: str,
    room: shape({ id: str, name: optional(str) }),
    permissions: optional(list(str)),
    permissions_mask: str,
    epoch: num,
    seq: num,
    state: isPlaybackState,
    members_count: num,
    server: shape({ version: str, build: str }),
    heartbeat_s: num,
    sync_tolerance_ms: optional(num),
    allow_member_rate: optional(bool),
    welcome_message: optional(str),
    resumed: optional(bool),
  }),
  resync: shape({
    epoch: num,
    seq: num,
    state: isPlaybackState,
    presence: isPresence,
  }),
  'clock.pong': shape({ t0: num, t1: num, t2: num }),
  'playback.state': isPlaybackState,
  'playback.reject': shape({ op: optional(str), code: str, state: optional(isPlaybackState) }),
  'playback.next_in': shape({ seconds: num, media_id: optional(str), generation: num }),
  'playback.peers': shape({ items: list(isPeer) }),
  'presence.count': shape({ count: num }),
  'presence.changed': isPresence,
  'permissions.changed': shape({
    role: optional(str),
    permissions: optional(list(str)),
    permissions_mask: str,
  }),
  'library.changed': shape({
    playlist_id: str,
    version: num,
    op: str,
    ids: optional(list(str)),
    reload: optional(bool),
  }),
  'chat.message': isChatMessage,
  'chat.edited': isChatMessage,
  'chat.deleted': shape({ id: str }),
  'chat.cleared': shape({ seq: num }),
  'chat.typing': shape({ id: str, name: str }),
  bye: shape({ code: str, detail: optional(str), retry_at: optional(str) }),
  error: shape({ code: str, detail: optional(str), type: optional(str), op: optional(str) }),
};

export const isKnownType = (type: string): type is ServerType => Object.hasOwn(guards, type);

/** Whether data is what a message of this type carries; true for types we do not know. */
export function matches(type: string, data: unknown): boolean {
  return !isKnownType(type) || guards[type](data);
}

/** Reads one frame; null when it is not a message of ours. */
export function decode(frame: unknown): ServerMessage | null {
  if (!str(frame)) return null;
  let raw: unknown;
  try {
    raw = JSON.parse(frame);
  } catch {
    return null;
  }
  if (!isObject(raw) || !str(raw.type)) return null;
  const base = {
    data: raw.data,
    ...(num(raw.seq) ? { seq: raw.seq } : {}),
    ...(num(raw.at) ? { at: raw.at } : {}),
  };
  if (!isKnownType(raw.type)) return { type: raw.type, ...base, unknown: true };
  if (!guards[raw.type](raw.data)) return null;
  return { type: raw.type, ...base } as Known;
}

export function encode<T extends ClientType>(type: T, data: ClientData[T]): string {
  return JSON.stringify({ type, data });
}

/* ---------- close codes ---------- */

const finalCodes: Record<number, string> = {
  4001: 'session_revoked',
  4002: 'user_banned',
  4003: 'room_access_revoked',
  4004: 'kicked',
  4005: 'guest_access_revoked',
  4006: 'room_deleted',
  4007: 'room_banned',
  4008: 'room_closed',
  4009: 'owner_inactive',
  4010: 'replaced',
  4011: 'idle',
};

/** The server is draining: come back at once, spread over a second. */
export const CLOSE_DRAIN = 1012;
/** We said too much: a page that comes back at once would only say it again. */
export const CLOSE_RATE = 1008;
/** We read too slowly: events were lost, so resume is useless. */
export const CLOSE_SLOW = 1013;

const finalWords = new Set(Object.values(finalCodes));
/** Whether the word of a `bye` is final. */
export const isFinalWord = (word: string): boolean => finalWords.has(word);
/** Every final close code with its word. */
export const closeCodes = (): Record<number, string> => ({ ...finalCodes });

/** Reason of a close code that must not be followed by a reconnect, else null. */
export const finalReason = (code: number): string | null => finalCodes[code] ?? null;

/** 16 characters for `op` and `client_id`: unique enough for a minute, and not guessable by accident. */
export function newOp(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  let out = '';
  let acc = 0;
  let bits = 0;
  for (const b of bytes) {
    acc = (acc << 8) | b;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += 'abcdefghijklmnopqrstuvwxyz234567'[(acc >> bits) & 31];
    }
    acc &= 31;
  }
  return out;
}
