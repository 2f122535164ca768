import type { RoomSession } from '$lib/realtime/room.svelte';
import type { PlaybackState } from '$lib/realtime/types';
import type { Note } from './groups';

/** Watches a room and keeps the last notes worth a line in the chat: who came, who left, what started. */
const kept = 50;
/** In a large house nobody wants to hear every door. */
const quietAbove = 12;

export class Notes {
  list = $state.raw<Note[]>([]);

  readonly #live: RoomSession;
  #film = '';
  #people: Map<string, string> | null = null;
  #count = 0;

  constructor(live: RoomSession) {
    this.#live = live;
  }

  /** Starts listening; the answer stops it. */
  listen(): () => void {
    const off = [
      this.#live.on('state', (state) => this.#state(state)),
      this.#live.on('event', (type) => {
        if (type === 'presence.changed' || type === 'resync') queueMicrotask(() => this.#presence());
      }),
    ];
    return () => off.forEach((stop) => stop());
  }

  #state(state: PlaybackState): void {
    const film = state.media?.id ?? '';
    const before = this.#film;
    this.#film = film;
    if (!film || film === before || !/^(select|next|prev)$/.test(state.reason)) return;
    const who = this.#live.members.find((member) => member.id === state.actor)?.name ?? '';
    this.#add('started', who, state.media?.name ?? '');
  }

  #presence(): void {
    const people = new Map(this.#live.members.map((member) => [member.id, member.name]));
    const before = this.#people;
    this.#people = people;
    if (!before || people.size > quietAbove) return;
    for (const [id, name] of people)
      if (!before.has(id) && id !== this.#live.me?.id) this.#add('joined', name, '');
    for (const [id, name] of before)
      if (!people.has(id) && id !== this.#live.me?.id) this.#add('left', name, '');
  }

  #add(kind: Note['kind'], who: string, what: string): void {
    const note: Note = { id: `note-${++this.#count}`, at: Date.now(), kind, who, what };
    this.list = [...this.list, note].slice(-kept);
  }
}
