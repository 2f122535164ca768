/**
 * From "this media is on" to an engine that feeds the element: play info,
 * choice of variant, engine, and what to do when an address has grown old.
 *
 * The rule: one load at a time; whatever belongs to an older one is dropped
 * when it arrives. A refreshed address is asked for at most three times in ten
 * minutes, after that the viewer has to.
 */
import { REFRESH_LIMIT, REFRESH_WINDOW_MS } from '../realtime/constants';
import { slugOf, statusOf } from '../realtime/chatlog.svelte';
import type { RoomSession } from '../realtime/room.svelte';
import type { PlayInfo, Variant } from '../realtime/types';
import { abilities, createEngine, kindFor, playable } from './engine';
import type { Abilities, Engine, EngineError, EngineTrack, Level, Source } from './engine';
import type { SyncDriver } from './syncdriver';

export type LoadErrorKind = 'unsupported' | 'network' | 'decode' | 'restricted' | 'problem' | 'nothing';

export interface LoadError {
  kind: LoadErrorKind;
  /** Slug of the problem, for `problem`. */
  slug: string;
  detail: string;
}

const GONE = [401, 403, 404, 410];
const RETRIES = 3;

export class Loader {
  phase = $state<'empty' | 'loading' | 'ready' | 'error'>('empty');
  error = $state.raw<LoadError | null>(null);
  info = $state.raw<PlayInfo | null>(null);
  variant = $state.raw<Variant | null>(null);
  levels = $state.raw<Level[]>([]);
  level = $state<number | 'auto'>('auto');
  audioTracks = $state.raw<EngineTrack[]>([]);
  audio = $state(0);

  #session: RoomSession;
  #video: HTMLVideoElement;
  #driver: () => SyncDriver;
  #can: Abilities;
  #quality: () => string;
  #engine: Engine | null = null;
  #run = 0;
  #generation = -1;
  #mediaId = '';
  #refreshes: number[] = [];
  #failures = 0;
  #tried = new Set<string>();
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    session: RoomSession,
    video: HTMLVideoElement,
    driver: () => SyncDriver,
    quality: () => string,
    can: Abilities = abilities(),
  ) {
    this.#session = session;
    this.#video = video;
    this.#driver = driver;
    this.#quality = quality;
    this.#can = can;
  }

  get engine(): Engine | null {
    return this.#engine;
  }

  /** Loads the media of a generation; null: nothing is on. */
  async open(generation: number, mediaId: string | null): Promise<void> {
    if (mediaId !== null && mediaId === this.#mediaId && generation === this.#generation) return;
    this.#generation = generation;
    this.#mediaId = mediaId ?? '';
    this.#failures = 0;
    this.#tried.clear();
    this.info = null;
    this.variant = null;
    this.error = null;
    if (mediaId === null) {
      this.#release();
      this.phase = 'empty';
      return;
    }
    await this.#resolve(false);
  }

  /** The viewer asks again. */
  async again(): Promise<void> {
    if (!this.#mediaId) return;
    this.#failures = 0;
    this.#tried.clear();
    this.error = null;
    await this.#resolve(true);
  }

  /** Back online: what failed for the network may work now. */
  online(): void {
    if (this.phase === 'error' && this.error?.kind === 'network') void this.again();
  }

  async #resolve(refresh: boolean): Promise<void> {
    const run = this.#release();
    this.phase = 'loading';
    try {
      const info = await this.#session.api.playInfo(this.#session.roomId, this.#mediaId, { refresh });
      if (run !== this.#run) return;
      this.info = info;
      await this.#choose(run);
    } catch (err) {
      if (run !== this.#run) return;
      const status = statusOf(err);
      const slug = slugOf(err);
      const kind = slug === 'media-restricted' ? 'restricted' : status === 0 ? 'network' : 'problem';
      this.#fail({ kind, slug, detail: err instanceof Error ? err.message : '' });
    }
  }

  async #choose(run: number): Promise<void> {
    const all = this.info?.variants ?? [];
    const usable = all.filter((v) => playable(v, this.#can) && !this.#tried.has(v.id));
    const v = usable.find((u) => u.id === this.variant?.id || u.label === this.#quality()) ?? usable[0];
    if (v) return this.#attach(v, run);
    this.#fail({ kind: all.length > 0 ? 'unsupported' : 'nothing', slug: '', detail: all[0]?.codecs ?? '' });
  }

  async #attach(v: Variant, run: number): Promise<void> {
    const kind = kindFor(v, this.#can);
    if (kind === 'none') return;
    this.variant = v;
    const src: Source = {
      url: new URL(v.url, location.href).href,
      container: v.container,
      mime: v.mime,
      live: this.info?.live ?? false,
      hlsFeatures: v.hls_features ?? '',
    };
    let engine: Engine;
    try {
      engine = await createEngine(kind, src);
    } catch {
      if (run === this.#run) this.#fail({ kind: 'network', slug: '', detail: 'engine' });
      return;
    }
    if (run !== this.#run) return engine.destroy();
    this.#engine = engine;
    engine.on('error', (e) => run === this.#run && void this.#engineFailed(e, v));
    engine.on('tracks', () => run === this.#run && this.#tracks());
    await engine.attach(this.#video, src, { startAt: this.#session.position() });
    if (run !== this.#run) return;
    this.phase = 'ready';
    this.#tracks();
    this.#driver().loaded(this.#generation, engine.name);
  }

  #tracks(): void {
    const e = this.#engine;
    if (!e) return;
    this.levels = e.levels();
    this.level = e.level();
    this.audioTracks = e.audioTracks();
    this.audio = e.audio();
  }

  /* ---------- choices ---------- */

  /** Another quality or mirror of the same media: swap and align. */
  use(variantId: string): void {
    const v = this.info?.variants.find((x) => x.id === variantId);
    if (!v || v.id === this.variant?.id) return;
    this.#tried.clear();
    this.error = null;
    const run = this.#release();
    this.phase = 'loading';
    void this.#attach(v, run);
  }
  setLevel(index: number | 'auto'): void {
    this.#engine?.setLevel(index);
    this.level = index;
  }
  setAudio(index: number): void {
    this.#engine?.setAudio(index);
    this.audio = index;
  }

  /** A smaller picture for a slow device; false when there is none. */
  lower(): boolean {
    const { levels } = this;
    if (levels.length > 1) {
      const byRate = [...levels].sort((a, b) => a.bitrate - b.bitrate);
      const now = levels.find((l) => l.index === this.level);
      const below = now ? byRate.filter((l) => l.bitrate < now.bitrate).at(-1) : byRate.at(-2);
      if (below) this.setLevel(below.index);
      return below !== undefined;
    }
    const height = this.variant?.height ?? 0;
    const smaller = (this.info?.variants ?? [])
      .filter((v) => v.height > 0 && v.height < height && playable(v, this.#can))
      .sort((a, b) => b.height - a.height)[0];
    if (smaller) this.use(smaller.id);
    return smaller !== undefined;
  }

  /* ---------- failures ---------- */

  async #engineFailed(e: EngineError, v: Variant): Promise<void> {
    const run = this.#run;
    const kind = e.kind === 'unsupported' || e.kind === 'network' ? await this.#probe(e, v) : e.kind;
    if (run !== this.#run) return;
    if (kind === 'expired' && this.#mayRefresh()) return this.#resolve(true);
    if (kind === 'unsupported') {
      this.#tried.add(v.id);
      const next = (this.info?.variants ?? []).some((x) => playable(x, this.#can) && !this.#tried.has(x.id));
      if (next) return this.#choose(this.#release());
    }
    if ((kind === 'network' || kind === 'decode') && this.#failures < RETRIES) {
      const wait = 500 * 2 ** this.#failures++;
      this.#retry = setTimeout(() => void this.#attach(v, this.#release()), wait);
      this.phase = 'loading';
      return;
    }
    this.#fail({ kind: kind === 'expired' ? 'network' : kind, slug: '', detail: e.detail });
  }

  /** The element does not tell 403 from a strange codec; the server does, when it may be asked. */
  async #probe(e: EngineError, v: Variant): Promise<EngineError['kind']> {
    const old = this.info?.expires_at ? Date.parse(this.info.expires_at) <= Date.now() : false;
    if (old) return 'expired';
    try {
      const r = await fetch(new URL(v.url, location.href), {
        headers: { Range: 'bytes=0-0' },
        credentials: 'omit',
        signal: AbortSignal.timeout(5000),
      });
      void r.body?.cancel();
      if (GONE.includes(r.status)) return 'expired';
      if (r.status >= 500) return 'network';
      return e.kind;
    } catch {
      // No answer, or none that we may read: it played before, so the address is the likelier cause.
      return this.#driver().port.readyState > 0 ? 'expired' : e.kind;
    }
  }

  #mayRefresh(): boolean {
    const now = performance.now();
    this.#refreshes = this.#refreshes.filter((t) => now - t < REFRESH_WINDOW_MS);
    if (this.#refreshes.length >= REFRESH_LIMIT) return false;
    this.#refreshes.push(now);
    return true;
  }

  #fail(error: LoadError): void {
    this.#release();
    this.error = error;
    this.phase = 'error';
    this.#driver().fail();
  }

  /** Ends what is there; what still arrives for it is ignored. */
  #release(): number {
    clearTimeout(this.#retry);
    this.#engine?.destroy();
    this.#engine = null;
    this.levels = [];
    this.audioTracks = [];
    this.#driver().loaded(null);
    return ++this.#run;
  }

  stop(): void {
    this.#run++;
    clearTimeout(this.#retry);
    this.#engine?.destroy();
    this.#engine = null;
  }
}
