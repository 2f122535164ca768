/**
 * The player alone, against the small room of serve.mjs: for measuring how far
 * viewers are apart, and for looking at the states of the stage. Not shipped.
 */
import '../../src/styles/tokens.css';
import '../../src/styles/base.css';
import '$lib/i18n/room';
import { mount } from 'svelte';
import Player from '$lib/player/Player.svelte';
import { RoomSession } from '$lib/realtime/room.svelte';
import type { PlayInfo, RoomApi } from '$lib/realtime/types';

const q = new URLSearchParams(location.search);
const link = ['delay', 'jitter', 'asym', 'name', 'perms'].map((k) => `${k}=${q.get(k) ?? ''}`).join('&');

const none = () => Promise.reject(Object.assign(new Error('not here'), { status: 404, slug: 'not-found' }));
const api: RoomApi = {
  ticket: () => Promise.resolve({ ticket: 't', ws_url: `/ws?${link}` }),
  presence: none,
  chatPage: () => Promise.resolve([]),
  sendChat: none,
  deleteChat: none,
  playInfo: async (_room, id) => (await (await fetch(`/play/${id}`)).json()) as PlayInfo,
};

const session = new RoomSession({ roomId: 'bench', api, onNotice: (n) => console.info(JSON.stringify(n)) });
mount(Player, {
  target: document.getElementById('app')!,
  props: { session, tolerance: 200, allowOwnRate: true, controllers: q.get('controllers') ?? '' },
});
session.start();
Object.assign(window, { session });
