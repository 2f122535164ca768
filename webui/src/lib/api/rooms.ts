import { api, ok } from './client';
import type { Page, Room, RoomCard, RoomSettings, SettingsPatch, Visibility } from './types';

/** Calls about rooms, one function each; `npm run gen` keeps their shapes honest. */
const at = (room_id: string) => ({ params: { path: { room_id } } });

export interface NewRoom {
  name: string;
  visibility: Visibility;
  password?: string;
  settings?: SettingsPatch;
}

export const rooms = {
  mine: (query: { cursor?: string; limit?: number; q?: string } = {}): Promise<Page<RoomCard>> =>
    ok(api.GET('/me/rooms', { params: { query } })),
  public: (
    query: { cursor?: string; limit?: number; q?: string; sort?: 'activity' | 'created' | 'name' } = {},
  ): Promise<Page<RoomCard>> => ok(api.GET('/public/rooms', { params: { query } })),
  card: (id: string): Promise<RoomCard> => ok(api.GET('/public/rooms/{room_id}', at(id))),
  get: (id: string): Promise<Room> => ok(api.GET('/rooms/{room_id}', at(id))),
  create: (body: NewRoom): Promise<Room> => ok(api.POST('/rooms', { body })),
  update: (
    id: string,
    body: { name?: string; description?: string; visibility?: Visibility },
  ): Promise<Room> => ok(api.PATCH('/rooms/{room_id}', { ...at(id), body })),
  setPassword: (id: string, password: string) =>
    ok(api.PUT('/rooms/{room_id}/password', { ...at(id), body: { password } })),
  clearPassword: (id: string) => ok(api.DELETE('/rooms/{room_id}/password', at(id))),
  join: (id: string, body: { password?: string }) =>
    ok(api.POST('/rooms/{room_id}/join', { ...at(id), body })),
  leave: (id: string) => ok(api.POST('/rooms/{room_id}/leave', at(id))),
  guest: (id: string, body: { name?: string; password?: string }) =>
    ok(api.POST('/rooms/{room_id}/guest', { ...at(id), body })),
  kick: (id: string, user_id: string) =>
    ok(api.DELETE('/rooms/{room_id}/members/{user_id}', { params: { path: { room_id: id, user_id } } })),
  members: (id: string, cursor?: string) =>
    ok(
      api.GET('/rooms/{room_id}/members', {
        params: { path: { room_id: id }, query: { cursor, limit: 100 } },
      }),
    ),
};

/** Settings carry their version in the ETag; a change must name the one it read. */
export async function settingsOf(id: string): Promise<{ settings: RoomSettings; etag: string }> {
  const answer = await api.GET('/rooms/{room_id}/settings', at(id));
  return { settings: await ok(Promise.resolve(answer)), etag: answer.response.headers.get('ETag') ?? '' };
}

export const patchSettings = (id: string, etag: string, body: SettingsPatch): Promise<RoomSettings> =>
  ok(api.PATCH('/rooms/{room_id}/settings', { ...at(id), body, headers: { 'If-Match': etag } }));
