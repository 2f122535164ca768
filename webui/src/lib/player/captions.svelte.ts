/** Which subtitles are on, and the lines of this moment. */
import type { SubtitleTrack } from '../realtime/types';
import { activeAt, decodeText, load, parse } from './subtitles';
import type { Cue } from './subtitles';

export interface CaptionTrack {
  id: string;
  label: string;
  lang: string;
}

export interface CaptionWish {
  on: boolean;
  lang: string;
}

/** The track that fits a viewer best: their language, else the default one, else none. */
export function preferred(
  tracks: SubtitleTrack[],
  wish: CaptionWish,
  languages: readonly string[],
): string | null {
  if (!wish.on) return null;
  const same = (a: string, b: string) =>
    a !== '' && a.toLowerCase().split('-')[0] === b.toLowerCase().split('-')[0];
  const by = (lang: string) =>
    tracks.find((t) => t.lang.toLowerCase() === lang.toLowerCase()) ?? tracks.find((t) => same(t.lang, lang));
  if (wish.lang) {
    const wanted = by(wish.lang);
    if (wanted) return wanted.id;
  }
  const marked = tracks.find((t) => t.default) ?? tracks.find((t) => t.forced);
  if (marked) return marked.id;
  for (const lang of languages) {
    const known = by(lang);
    if (known) return known.id;
  }
  return null;
}

export class Captions {
  tracks = $state.raw<CaptionTrack[]>([]);
  current = $state<string | null>(null);
  failed = $state(false);
  /** Seconds that cues are shown later. */
  offset = $state(0);
  bottom = $state.raw<string[]>([]);
  top = $state.raw<string[]>([]);

  #sources = new Map<string, { url: string; format: string }>();
  #cues: Cue[] = [];
  #own = new Map<string, Cue[]>();
  #abort: AbortController | null = null;
  #shown = '';

  /** Tracks of another media; nothing of the old one stays. */
  reset(tracks: SubtitleTrack[], choose: string | null): void {
    this.#own.clear();
    this.#sources = new Map(tracks.map((t) => [t.id, { url: t.url, format: t.format }]));
    this.tracks = tracks.map((t) => ({ id: t.id, label: t.label || t.lang || t.format, lang: t.lang }));
    this.offset = 0;
    this.select(choose);
  }

  select(id: string | null): void {
    this.#abort?.abort();
    this.#abort = null;
    this.current = id;
    this.failed = false;
    this.#cues = [];
    this.update(0);
    if (id === null) return;
    const own = this.#own.get(id);
    if (own) this.#cues = own;
    else void this.#load(id);
  }

  async #load(id: string): Promise<void> {
    const src = this.#sources.get(id);
    if (!src) return;
    const abort = (this.#abort = new AbortController());
    try {
      const cues = await load(src.url, src.format, abort.signal);
      if (!abort.signal.aborted) this.#cues = cues;
    } catch {
      if (!abort.signal.aborted) this.failed = true;
    }
  }

  /** A file of the viewer, for this viewer alone. */
  async add(file: File): Promise<boolean> {
    const cues = parse(decodeText(await file.arrayBuffer()));
    if (cues.length === 0) return false;
    const id = `file:${file.name}`;
    this.#own.set(id, cues);
    if (!this.tracks.some((t) => t.id === id))
      this.tracks = [...this.tracks, { id, label: file.name, lang: '' }];
    this.select(id);
    return true;
  }

  /** Shows what belongs to this time of the media. */
  update(seconds: number): void {
    const active = this.#cues.length > 0 ? activeAt(this.#cues, seconds - this.offset) : [];
    const key = active.map((c) => `${c.start}${c.lines.join('\n')}`).join('|');
    if (key === this.#shown) return;
    this.#shown = key;
    this.bottom = active.filter((c) => !c.top).flatMap((c) => c.lines);
    this.top = active.filter((c) => c.top).flatMap((c) => c.lines);
  }

  stop(): void {
    this.#abort?.abort();
  }
}
