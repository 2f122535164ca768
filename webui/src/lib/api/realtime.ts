import { api, ok } from './client';
import type { Presence, RoomApi } from '$lib/realtime/types';

const path = (room_id: string) => ({ path: { room_id } });

/** What a live room asks of REST: tickets, pages of chat, play info. */
export const roomApi: RoomApi = {
  ticket: (room_id) => ok(api.POST('/tickets', { body: { room_id, purpose: 'ws' } })),
  // The document names role and state as plain strings; the values are those of the socket.
  presence: (room_id) =>
    ok(api.GET('/rooms/{room_id}/presence', { params: path(room_id) })) as Promise<Presence>,
  chatPage: async (room_id, query) =>
    (await ok(api.GET('/rooms/{room_id}/chat', { params: { ...path(room_id), query } }))).items,
  sendChat: (room_id, { content, client_id, reply_to }) =>
    ok(
      api.POST('/rooms/{room_id}/chat', {
        params: path(room_id),
        body: { content, client_id, reply_to: reply_to ?? undefined },
      }),
    ),
  deleteChat: async (room_id, message_id) => {
    await ok(api.DELETE('/rooms/{room_id}/chat/{message_id}', { params: { path: { room_id, message_id } } }));
  },
  playInfo: async (room_id, media_id, options) => {
    const info = await ok(
      api.GET('/rooms/{room_id}/media/{media_id}/play', {
        params: { path: { room_id, media_id } },
        cache: options?.refresh ? 'reload' : 'default',
      }),
    );
    const variants = info.variants.map((v) => ({ ...v, quality: v.quality ? `${v.quality}p` : '' }));
    return { ...info, variants };
  },
};
