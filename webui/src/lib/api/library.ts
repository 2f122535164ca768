import { api, ok } from './client';
import type { BrowsePage, Candidate, Media, NewMedia, Page, Playlist, ProviderInfo } from './types';

/** Calls about playlists, media and where they come from. */
export const library = {
  playlists: async (room_id: string): Promise<Playlist[]> =>
    (await ok(api.GET('/rooms/{room_id}/playlists', { params: { path: { room_id } } }))).items,
  items: (room_id: string, playlist_id: string, cursor?: string): Promise<Page<Media>> =>
    ok(
      api.GET('/rooms/{room_id}/playlists/{playlist_id}/items', {
        params: { path: { room_id, playlist_id }, query: { cursor, limit: 1000, type: 'media' } },
      }),
    ),
  add: async (room_id: string, items: NewMedia[], playlist_id?: string): Promise<Media[]> =>
    (
      await ok(
        api.POST('/rooms/{room_id}/media/batch', {
          params: { path: { room_id } },
          body: { items, playlist_id },
        }),
      )
    ).items,
  remove: (room_id: string, ids: string[], force = false) =>
    ok(
      api.POST('/rooms/{room_id}/media/batch-delete', {
        params: { path: { room_id } },
        body: { ids, force },
      }),
    ),
  reorder: (room_id: string, playlist_id: string, order: string[]) =>
    ok(
      api.POST('/rooms/{room_id}/playlists/{playlist_id}/reorder', {
        params: { path: { room_id, playlist_id } },
        body: { order },
      }),
    ),
  providers: async (): Promise<ProviderInfo[]> => (await ok(api.GET('/providers'))).items,
  resolve: async (url: string, signal?: AbortSignal): Promise<Candidate[]> =>
    (await ok(api.POST('/resolve', { body: { url }, signal }))).candidates,
  browse: (
    provider: string,
    body: { instance?: string; target?: unknown; cursor?: string; q?: string },
    signal?: AbortSignal,
  ): Promise<BrowsePage> =>
    ok(api.POST('/providers/{provider}/browse', { params: { path: { provider } }, body, signal })),
};
