import { library } from '$lib/api/library';
import { sentence } from '$lib/api/problems';
import type { Media, Playlist } from '$lib/api/types';
import { t } from '$lib/i18n/index.svelte';
import { toasts } from '$lib/ui/toast.svelte';

/**
 * The programme of a room as this page shows it. Changes are shown at once and
 * taken back when the server refuses; the room's own events bring the truth.
 */
export class Programme {
  items = $state.raw<Media[] | null>(null);
  lists = $state.raw<Playlist[]>([]);
  /** The playlist on screen. */
  shown = $state('');
  failed = $state.raw<unknown>(null);

  readonly #room: string;
  readonly #root: string;
  #turn = 0;

  constructor(room: string, root: string) {
    this.#room = room;
    this.#root = root;
    this.shown = root;
  }

  get folders(): Playlist[] {
    return this.lists.filter((list) => list.parent_id === this.shown);
  }

  /** From the root down to the playlist on screen, without the root. */
  get path(): Playlist[] {
    const out: Playlist[] = [];
    for (let list = this.#find(this.shown); list && !list.is_root; list = this.#find(list.parent_id ?? '')) {
      out.unshift(list);
    }
    return out;
  }

  open(playlist: string): void {
    this.shown = playlist || this.#root;
    this.items = null;
    void this.load();
  }

  async load(): Promise<void> {
    const turn = ++this.#turn;
    try {
      const [lists, page] = await Promise.all([
        library.playlists(this.#room),
        library.items(this.#room, this.shown),
      ]);
      if (turn !== this.#turn) return;
      this.lists = lists;
      this.items = page.items;
      this.failed = null;
    } catch (error) {
      if (turn === this.#turn) this.failed = error;
    }
  }

  async move(from: number, to: number): Promise<void> {
    const before = this.items;
    const item = before?.[from];
    if (!before || !item || to < 0 || to >= before.length || from === to) return;
    const after = before.filter((_, i) => i !== from);
    after.splice(to, 0, item);
    this.items = after;
    try {
      await library.reorder(
        this.#room,
        this.shown,
        after.map((media) => media.id),
      );
    } catch (error) {
      this.items = before;
      toasts.bad(sentence(error));
    }
  }

  async remove(item: Media, force: boolean): Promise<void> {
    const before = this.items;
    this.items = (before ?? []).filter((media) => media.id !== item.id);
    try {
      await library.remove(this.#room, [item.id], force);
      toasts.good(t('playlist.removed', { name: item.name }));
    } catch (error) {
      this.items = before;
      toasts.bad(sentence(error));
    }
  }

  #find(id: string): Playlist | undefined {
    return this.lists.find((list) => list.id === id);
  }
}
