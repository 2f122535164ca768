/**
 * Public types of the realtime part: what travels over a room's socket, what
 * the room store shows to pages, and what it needs from the REST client.
 *
 * The rule: names and shapes are those of the wire (snake_case, as in
 * realtime/protocol on the Go side); only things that never leave the browser
 * are in camelCase. Pages import types from here and the class from
 * `room.svelte.ts`; this file imports nothing.
 */

/* ---------- people ---------- */

export type Role = 'creator' | 'admin' | 'member' | 'guest';

export interface Person {
  id: string;
  kind: 'user' | 'guest';
  name: string;
  avatar_url?: string;
}

/** What a viewer's player does; '' when it has not said yet. */
export type ViewerState =
  'playing' | 'paused' | 'buffering' | 'seeking' | 'blocked' | 'ended' | 'error' | 'background' | '';

export interface PresenceMember extends Person {
  role: Role;
  devices: number;
  state: ViewerState;
  drift_ms: number | null;
}

export interface Presence {
  count: number;
  members: PresenceMember[];
}

/* ---------- playback ---------- */

export type PlaybackReason =
  | 'play'
  | 'pause'
  | 'seek'
  | 'rate'
  | 'select'
  | 'next'
  | 'prev'
  | 'stop'
  | 'ended'
  | 'auto_advance'
  | 'wait'
  | 'empty'
  | 'resync'
  | (string & {});

/** The media on the screen, as much of it as every viewer may know. */
export interface CurrentMedia {
  id: string;
  playlist_id: string;
  kind: string;
  name: string;
  /** Seconds; 0 when unknown. */
  duration: number;
  live: boolean;
  restricted: boolean;
  live_latency_ms?: number;
}

/** The room waits for viewers to buffer. Times are on the media clock, in ms. */
export interface Hold {
  since: number;
  deadline: number;
  waiting: string[];
}

export interface PlaybackState {
  epoch: number;
  version: number;
  generation: number;
  media: CurrentMedia | null;
  target?: unknown;
  playing: boolean;
  /** Seconds, valid at `updated_at`. */
  position: number;
  rate: number;
  /** Media clock, ms; may lie in the future (a scheduled start). */
  updated_at: number;
  hold?: Hold | null;
  reason: PlaybackReason;
  /** User or guest id; missing when the server did it. */
  actor?: string;
  op?: string;
}

export type PlaybackDo = 'play' | 'pause' | 'seek' | 'rate' | 'select' | 'next' | 'prev' | 'stop';

export type RejectCode =
  'permission-denied' | 'stale' | 'conflict' | 'validation' | 'rate-limited' | 'live' | (string & {});

export type CommandResult =
  | { ok: true }
  /** `offline`: the socket is down, nothing was sent. `timeout`: no answer within 2 s. */
  | { ok: false; code: RejectCode | 'offline' | 'timeout' };

export interface NextIn {
  seconds: number;
  media_id: string;
  media?: CurrentMedia | null;
  generation: number;
}

export interface PeerState {
  id: string;
  state: ViewerState;
  drift_ms: number | null;
  buffered_s?: number;
}

export interface PlaybackReport {
  version: number;
  generation: number;
  state: Exclude<ViewerState, ''>;
  position: number;
  at: number;
  drift_ms: number;
  buffered_s: number;
  rtt_ms: number;
  offset_err_ms: number;
  rate: number;
  duration?: number;
  stalls: number;
  dropped: number;
  engine: string;
}

/* ---------- chat ---------- */

export interface ChatMessage {
  id: string;
  seq: number;
  /** null: a deleted user, or the room itself. */
  author: Person | null;
  kind: string;
  content: string;
  reply_to: string | null;
  client_id?: string;
  /** RFC 3339 with milliseconds. */
  created_at: string;
  edited_at: string | null;
  deleted: boolean;
}

/**
 * A line of the chat list. `sent` came from the server; the others are ours:
 * `queued` waits for the connection, `sending` is under way, `failed` may be
 * retried or discarded by its `client_id`.
 */
export interface ChatLine extends ChatMessage {
  status: 'sent' | 'queued' | 'sending' | 'failed';
  /** Problem slug of a failed line. */
  problem?: string;
}

/* ---------- library, permissions, the end ---------- */

export interface LibraryChange {
  playlist_id: string;
  version: number;
  op: string;
  ids: string[];
  reload: boolean;
}

export interface Permissions {
  permissions: string[];
  permissions_mask: string;
}

/**
 * connecting: first attempt. online. reconnecting: lost, trying; playback goes
 * on. gone: the server ended it for good, see `RoomSession.gone`.
 */
export type ConnectionStatus = 'idle' | 'connecting' | 'online' | 'reconnecting' | 'gone';

/** Why there is no way back without the user doing something. */
export interface Gone {
  code: number;
  /** session_revoked user_banned room_access_revoked kicked guest_access_revoked room_deleted room_banned room_closed owner_inactive replaced idle; or a problem slug of the ticket request. */
  reason: string;
  detail: string;
  /** RFC 3339. */
  retry_at?: string;
}

/** Something worth a toast; the text is chosen by whoever shows it. */
export interface Notice {
  kind: 'reject' | 'error' | 'advance_failed' | 'wait_limit' | 'queue_full' | 'welcome';
  code: string;
  detail?: string;
}

/* ---------- play info (REST) ---------- */

export interface Variant {
  id: string;
  label: string;
  url: string;
  container: string;
  mime: string;
  codecs: string;
  quality: string;
  width: number;
  height: number;
  bitrate: number;
  via: string;
  /** plain | full: which build of hls.js is enough. */
  hls_features?: string;
}

export interface SubtitleTrack {
  id: string;
  label: string;
  lang: string;
  /** vtt srt ass ssa */
  format: string;
  url: string;
  default: boolean;
  forced: boolean;
}

export interface PlayInfo {
  media_id: string;
  title: string;
  duration: number | null;
  poster: string | null;
  live: boolean;
  variants: Variant[];
  subtitles: SubtitleTrack[];
  warnings: { code: string; message: string }[];
  expires_at: string | null;
}

/* ---------- what the store needs from the REST client ---------- */

/**
 * Errors thrown by these functions carry `status` (0 = network) and `slug`
 * (last part of the problem type); anything else counts as a network failure.
 */
export interface RoomApi {
  /** POST /tickets {room_id, purpose: "ws"}. `ws_url` may be relative or absolute. */
  ticket(roomId: string): Promise<{ ticket: string; ws_url?: string }>;
  /** GET /rooms/{id}/presence */
  presence(roomId: string): Promise<Presence>;
  /** GET /rooms/{id}/chat, any order. */
  chatPage(roomId: string, page: { before?: number; after?: number; limit?: number }): Promise<ChatMessage[]>;
  /** POST /rooms/{id}/chat */
  sendChat(
    roomId: string,
    message: { content: string; client_id: string; reply_to?: string | null },
  ): Promise<ChatMessage>;
  /** DELETE /rooms/{id}/chat/{message_id} */
  deleteChat(roomId: string, messageId: string): Promise<void>;
  /** GET /rooms/{id}/media/{media_id}/play; `refresh` drops what is cached on the way. */
  playInfo(roomId: string, mediaId: string, options?: { refresh?: boolean }): Promise<PlayInfo>;
}

export interface RoomSessionOptions {
  roomId: string;
  api: RoomApi;
  /** Our own user or guest id, when the page knows it; `welcome` says it anyway. */
  me?: Person | null;
  /** Build id of the running app; a different one in `welcome` sets `staleBuild`. */
  build?: string;
  /** Origin for a relative or missing `ws_url`; default: the page's own. */
  wsBase?: string;
  onNotice?(notice: Notice): void;
}
