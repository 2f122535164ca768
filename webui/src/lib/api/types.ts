/**
 * The shapes of the API that pages work with. Names are those of the wire.
 * Realtime and play shapes are declared by lib/realtime/types.ts.
 */
import type { Presence, PresenceMember } from '$lib/realtime/types';

export type { ChatMessage, PlayInfo, PlaybackState, PresenceMember } from '$lib/realtime/types';

export interface UserPublic {
  id: string;
  username: string;
  display_name: string;
  avatar_url: string | null;
}

export interface Me extends UserPublic {
  role: 'root' | 'admin' | 'user';
  status: string;
  locale: string;
  created_at: string;
  version: number;
}

export interface Tokens {
  access_token: string;
  expires_in: number;
  refresh_expires_in: number;
  session_id: string;
  user: Me;
}

export interface Info {
  name: string;
  description: string;
  version: string;
  build: string;
  setup_needed: boolean;
  locale: string;
  features: {
    signup: boolean;
    signup_methods: string[];
    guests: boolean;
    passkey: boolean;
    oauth: string[];
    captcha: string;
    live: { rtmp: boolean; whip: boolean };
    webrtc: boolean;
    sharing: boolean;
    mail: boolean;
    library: boolean;
  };
  limits: Record<string, number>;
}

export type Visibility = 'public' | 'unlisted' | 'private';
export type RoomStatus = 'active' | 'pending' | 'banned' | 'closed';
export type RoomRole = 'creator' | 'admin' | 'member' | 'guest';

export interface NowPlaying {
  name: string;
  playing: boolean;
  position: number;
  duration: number | null;
  updated_at: number;
}

export interface RoomCard {
  id: string;
  slug: string | null;
  name: string;
  description: string;
  cover_url: string | null;
  creator: UserPublic;
  visibility: Visibility;
  status: RoomStatus;
  need_password: boolean;
  guests: boolean;
  members: number;
  viewers: number;
  created_at: string;
  last_activity_at: string;
  now: NowPlaying | null;
  my_status?: 'member' | 'pending' | 'banned' | 'none';
  my_role?: RoomRole;
}

export interface RoomSettings {
  allow_guests: boolean;
  require_approval: boolean;
  allow_join: boolean;
  max_members: number;
  max_viewers: number;
  chat_enabled: boolean;
  auto_play: { enabled: boolean; mode: AutoPlayMode; delay_seconds: number };
  start_paused: boolean;
  resume_positions: boolean;
  wait_for_ready: 'off' | 'soft';
  sync_tolerance_ms: number;
  allow_member_rate: boolean;
  welcome_message: string;
}
export type AutoPlayMode = 'sequential' | 'repeat_one' | 'repeat_all' | 'shuffle';

/** What PATCH settings takes: any part of it. */
export type SettingsPatch = Partial<Omit<RoomSettings, 'auto_play'>> & {
  auto_play?: Partial<RoomSettings['auto_play']>;
};

export interface MyRoom {
  role: RoomRole;
  status: string;
  permissions: string[];
  permissions_mask: string;
  guest_id?: string;
}

export interface Room extends RoomCard {
  settings: RoomSettings;
  my: MyRoom;
  invite_url: string;
  version: number;
  root_playlist_id: string;
}

export interface Member {
  user: UserPublic;
  role: RoomRole;
  status: string;
  nickname: string;
  tag: string;
  added: string[];
  removed: string[];
  permissions: string[];
  permissions_mask: string;
  joined_at: string;
  online: boolean;
  version: number;
}

export interface GuestToken {
  guest_token: string;
  expires_in: number;
  guest: { id: string; name: string };
}

export interface Playlist {
  id: string;
  parent_id: string | null;
  is_root: boolean;
  name: string;
  kind: string;
  position: number;
  media_count: number;
  version: number;
}

export interface Media {
  id: string;
  room_id: string;
  playlist_id: string;
  name: string;
  description: string;
  provider: string;
  instance: string | null;
  live: boolean;
  duration: number | null;
  thumbnail_url: string | null;
  creator: UserPublic | null;
  position: number;
  restricted: boolean;
  created_at: string;
  version: number;
}

export interface NewMedia {
  provider: string;
  source: unknown;
  instance?: string;
  name?: string;
  live?: boolean;
}

export interface ProviderInfo {
  provider: string;
  capabilities: string[];
  instances: { name: string; label?: string }[];
}

export interface BrowseItem {
  name: string;
  type: 'folder' | 'media';
  target: unknown;
  source?: unknown;
  size: number;
  modified_at: string | null;
  duration: number | null;
  thumbnail_url: string | null;
  subtitles?: number;
}

export interface BrowsePage {
  path: { name: string; target: unknown }[];
  items: BrowseItem[];
  next_cursor: string | null;
}

export interface Candidate {
  provider: string;
  name: string;
  source: unknown;
  live: boolean;
  duration: number | null;
  container: string;
  warnings: { code: string; message: string }[];
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Ticket {
  ticket: string;
  expires_at: string;
  ws_url: string;
}

export type { Presence };
export type People = PresenceMember[];
