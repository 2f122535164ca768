/**
 * The shapes of the API that pages work with, under short names: aliases of the
 * generated document, narrowed where it can not say that a reference may be
 * null. Realtime and play shapes are declared by lib/realtime/types.ts.
 */
import type { components } from './schema';

type S = components['schemas'];
type Nullable<T, K extends keyof T> = Omit<T, K> & { [P in K]: T[P] | null };

export type { ChatMessage, PlayInfo, PlaybackState, Presence, PresenceMember } from '$lib/realtime/types';

export type UserPublic = S['UserPublic'];
export type Me = S['Me'];
export type Tokens = S['Tokens'];
export type Info = S['Info'];
export type GuestToken = S['GuestToken'];

export type NowPlaying = S['RoomNow'];
export type RoomCard = Nullable<S['RoomCard'], 'now'>;
export type Room = Nullable<S['Room'], 'now'>;
export type RoomSettings = S['RoomSettingsBody'];
export type SettingsPatch = S['RoomSettingsPatch'];
export type Visibility = RoomCard['visibility'];
export type AutoPlayMode = NonNullable<S['AutoPlayPatch']['mode']>;
export type Member = S['RoomMember'];

export type Playlist = S['Playlist'];
export type Media = Nullable<S['Media'], 'creator'>;
export type NewMedia = S['MediaNew'];
export type ProviderInfo = S['ProviderInfo'];
export type BrowseItem = S['BrowseItem'];
export type BrowsePage = S['BrowsePage'];
export type Candidate = S['Candidate'];

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
