/**
 * What plays a source: the browser itself, or a library that feeds it.
 *
 * The rule: an engine moves data, never the playhead. It does not call play,
 * pause or seek and does not set the rate; the controller does. Engines load
 * on demand, so a room that plays a plain file pays for none.
 */
import type { Variant } from '../realtime/types';

export interface Source {
  url: string;
  container: string;
  mime: string;
  live: boolean;
  /** plain: the light build of hls.js is enough. */
  hlsFeatures: string;
}

export interface AttachOptions {
  /** Where the room is, so that loading starts there. Seconds. */
  startAt: number;
}

export interface Level {
  index: number;
  height: number;
  bitrate: number;
  label: string;
}

export interface EngineTrack {
  index: number;
  label: string;
  lang: string;
}

export interface EngineStats {
  engine: string;
  level: string;
  bandwidth: number;
}

/**
 * network: could not be fetched. expired: 401, 403, 404 or 410, so the address
 * may be too old. unsupported: this browser can not play it. decode: broken data.
 */
export type EngineErrorKind = 'network' | 'expired' | 'unsupported' | 'decode';

export interface EngineError {
  kind: EngineErrorKind;
  detail: string;
}

export interface EngineEvents {
  error: (e: EngineError) => void;
  /** Levels or tracks are known, or others are in use. */
  tracks: () => void;
}

export interface Engine {
  readonly name: string;
  attach(video: HTMLVideoElement, src: Source, options: AttachOptions): Promise<void>;
  levels(): Level[];
  /** Index of the chosen level, or 'auto'. */
  level(): number | 'auto';
  setLevel(index: number | 'auto'): void;
  audioTracks(): EngineTrack[];
  audio(): number;
  setAudio(index: number): void;
  textTracks(): EngineTrack[];
  setText(index: number): void;
  /** Capture time of what is on the screen, ms; null when the stream does not say. */
  wallClock(): number | null;
  /** Distance to the live edge in seconds; null for anything else. */
  liveLatency(): number | null;
  stats(): EngineStats;
  on<K extends keyof EngineEvents>(event: K, fn: EngineEvents[K]): () => void;
  destroy(): void;
}

/** Listeners of an engine. */
export class Emitter {
  #listeners: { [K in keyof EngineEvents]: Set<EngineEvents[K]> } = { error: new Set(), tracks: new Set() };

  on<K extends keyof EngineEvents>(event: K, fn: EngineEvents[K]): () => void {
    this.#listeners[event].add(fn);
    return () => this.#listeners[event].delete(fn);
  }
  error(e: EngineError): void {
    for (const fn of this.#listeners.error) fn(e);
  }
  tracks(): void {
    for (const fn of this.#listeners.tracks) fn();
  }
}

export type EngineKind = 'native' | 'hls' | 'none';

const hlsMimes = [
  'application/vnd.apple.mpegurl',
  'application/x-mpegurl',
  'audio/mpegurl',
  'audio/x-mpegurl',
];
/** Need engines of their own; the browser can not play them. */
const foreign = new Set(['flv', 'dash', 'mpd', 'mpegts', 'ts', 'whep']);

export function isHls(v: Pick<Variant, 'container' | 'mime' | 'url'>): boolean {
  const mime = v.mime.toLowerCase().split(';')[0]!.trim();
  if (v.container === 'hls' || v.container === 'm3u8' || hlsMimes.includes(mime)) return true;
  return v.container === '' && mime === '' && /\.m3u8($|[?#])/i.test(v.url);
}

export interface Abilities {
  mse: boolean;
  /** `canPlayType` of a video element. */
  canPlay(type: string): string;
}

/** Which engine plays a variant here; none when nothing does. */
export function kindFor(v: Pick<Variant, 'container' | 'mime' | 'url'>, can: Abilities): EngineKind {
  if (isHls(v)) {
    if (can.mse) return 'hls';
    return can.canPlay('application/vnd.apple.mpegurl') ? 'native' : 'none';
  }
  return foreign.has(v.container) ? 'none' : 'native';
}

/** False only when the browser is sure that it can not decode this. */
export function playable(v: Pick<Variant, 'container' | 'mime' | 'codecs' | 'url'>, can: Abilities): boolean {
  const kind = kindFor(v, can);
  if (kind === 'none') return false;
  if (kind === 'hls' || !v.mime || !v.codecs) return true;
  const type = `${v.mime.split(';')[0]}; codecs="${v.codecs}"`;
  // Containers that are played but not announced (mkv) answer "" without codecs as well.
  return can.canPlay(type) !== '' || can.canPlay(v.mime) === '';
}

export function abilities(): Abilities {
  const w = window as { ManagedMediaSource?: unknown };
  const probe = document.createElement('video');
  return {
    mse: typeof MediaSource !== 'undefined' || w.ManagedMediaSource !== undefined,
    canPlay: (type) => probe.canPlayType(type),
  };
}

/** Makes an engine, loading its code when needed. */
export async function createEngine(kind: Exclude<EngineKind, 'none'>, src: Source): Promise<Engine> {
  if (kind === 'native') return new (await import('./engines/native')).NativeEngine();
  const { HlsEngine, loadHls } = await import('./engines/hls');
  return new HlsEngine(await loadHls(src.hlsFeatures === 'plain'));
}
