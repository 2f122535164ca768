/**
 * The operations of this page in the form openapi-fetch reads. Written by hand
 * from the contract; `npm run gen` replaces it by the server's own document.
 */
import type { Presence } from '$lib/realtime/types';
import type * as T from './types';

interface Problem {
  type: string;
  title: string;
  status: number;
}

type Op<R, P = never, B = never, Q = never> = {
  parameters: ([P] extends [never] ? { path?: never } : { path: P }) & {
    query?: [Q] extends [never] ? never : Q;
    header?: Record<string, string>;
    cookie?: never;
  };
  responses: {
    200: { content: { 'application/json': R } };
    default: { content: { 'application/problem+json': Problem } };
  };
} & ([B] extends [never] ? { requestBody?: never } : { requestBody: { content: { 'application/json': B } } });

interface InRoom {
  room_id: string;
}
interface Paged {
  cursor?: string;
  limit?: number;
  q?: string;
}
type Cards = T.Page<T.RoomCard>;
type Nothing = undefined;

export interface paths {
  '/public/info': { get: Op<T.Info> };
  '/public/rooms': { get: Op<Cards, never, never, Paged & { sort?: string }> };
  '/public/rooms/{room_id}': { get: Op<T.RoomCard, InRoom> };
  '/setup': {
    post: Op<T.Tokens, never, { token: string; username: string; password: string; server_name?: string }>;
  };
  '/auth/login': { post: Op<T.Tokens, never, { login: string; password: string; device_name?: string }> };
  '/auth/refresh': { post: Op<T.Tokens, never, Record<string, never>> };
  '/auth/logout': { post: Op<Nothing, never, Record<string, never>> };
  '/tickets': { post: Op<T.Ticket, never, { room_id: string; purpose: 'ws' }> };
  '/me': { get: Op<T.Me>; patch: Op<T.Me, never, { display_name?: string; locale?: string }> };
  '/me/rooms': { get: Op<Cards, never, never, Paged> };
  '/rooms': {
    post: Op<
      T.Room,
      never,
      {
        name: string;
        description?: string;
        visibility?: T.Visibility;
        password?: string;
        settings?: T.SettingsPatch;
      }
    >;
  };
  '/rooms/{room_id}': {
    get: Op<T.Room, InRoom>;
    patch: Op<T.Room, InRoom, { name?: string; description?: string; visibility?: T.Visibility }>;
    delete: Op<Nothing, InRoom, { confirm: string }>;
  };
  '/rooms/{room_id}/settings': {
    get: Op<T.RoomSettings & { version?: number }, InRoom>;
    patch: Op<T.RoomSettings & { version?: number }, InRoom, T.SettingsPatch>;
  };
  '/rooms/{room_id}/password': {
    put: Op<Nothing, InRoom, { password: string }>;
    delete: Op<Nothing, InRoom>;
  };
  '/rooms/{room_id}/join': {
    post: Op<{ member: T.Member; status: string }, InRoom, { password?: string; message?: string }>;
  };
  '/rooms/{room_id}/leave': { post: Op<Nothing, InRoom, Record<string, never>> };
  '/rooms/{room_id}/guest': { post: Op<T.GuestToken, InRoom, { name?: string; password?: string }> };
  '/rooms/{room_id}/guest/refresh': { post: Op<T.GuestToken, InRoom, Record<string, never>> };
  '/rooms/{room_id}/presence': { get: Op<Presence, InRoom> };
  '/rooms/{room_id}/members': { get: Op<T.Page<T.Member>, InRoom, never, Paged> };
  '/rooms/{room_id}/members/{user_id}': { delete: Op<Nothing, InRoom & { user_id: string }> };
  '/rooms/{room_id}/playlists': { get: Op<T.Page<T.Playlist>, InRoom> };
  '/rooms/{room_id}/playlists/{playlist_id}/items': {
    get: Op<T.Page<T.Media>, InRoom & { playlist_id: string }, never, Paged & { type?: string }>;
  };
  '/rooms/{room_id}/playlists/{playlist_id}/reorder': {
    post: Op<
      { version: number; items: { id: string; position: number }[] },
      InRoom & { playlist_id: string },
      { order?: string[]; moves?: { id: string; before_id?: string; after_id?: string; index?: number }[] }
    >;
  };
  '/rooms/{room_id}/media/batch': {
    post: Op<
      { items: T.Media[]; skipped?: number },
      InRoom,
      { items: T.NewMedia[]; playlist_id?: string; index?: number }
    >;
  };
  '/rooms/{room_id}/media/batch-delete': {
    post: Op<{ deleted: number }, InRoom, { ids: string[]; force?: boolean }>;
  };
  '/rooms/{room_id}/media/{media_id}/play': { get: Op<T.PlayInfo, InRoom & { media_id: string }> };
  '/rooms/{room_id}/chat': {
    get: Op<T.Page<T.ChatMessage>, InRoom, never, { before?: number; after?: number; limit?: number }>;
    post: Op<T.ChatMessage, InRoom, { content: string; client_id: string; reply_to?: string }>;
  };
  '/rooms/{room_id}/chat/{message_id}': { delete: Op<Nothing, InRoom & { message_id: string }> };
  '/providers': { get: Op<{ items: T.ProviderInfo[] }> };
  '/resolve': { post: Op<{ candidates: T.Candidate[] }, never, { url: string }> };
  '/providers/{provider}/browse': {
    post: Op<
      T.BrowsePage,
      { provider: string },
      { instance?: string; target?: unknown; cursor?: string; q?: string; limit?: number }
    >;
  };
}
