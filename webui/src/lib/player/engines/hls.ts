/** HLS through hls.js: the light build for plain streams, the full one for alternate audio and text. */
import type HlsType from 'hls.js';
import type { ErrorData, HlsConfig } from 'hls.js';
import { Emitter } from '../engine';
import type { AttachOptions, Engine, EngineStats, EngineTrack, Level, Source } from '../engine';

type HlsClass = typeof HlsType;

export async function loadHls(light: boolean): Promise<HlsClass> {
  const m = light ? await import('hls.js/light') : await import('hls.js');
  return m.default;
}

const NETWORK_TRIES = 3;
const RECOVER_TRIES = 2;
const RECOVER_WINDOW_MS = 30_000;

export class HlsEngine implements Engine {
  readonly name = 'hls';
  #Hls: HlsClass;
  #hls: HlsType | null = null;
  #events = new Emitter();
  #networkTries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #recovered: number[] = [];
  #live = false;
  on = this.#events.on.bind(this.#events);

  constructor(Hls: HlsClass) {
    this.#Hls = Hls;
  }

  attach(video: HTMLVideoElement, src: Source, options: AttachOptions): Promise<void> {
    const { Events } = this.#Hls;
    this.#live = src.live;
    const config: Partial<HlsConfig> = {
      startPosition: src.live ? -1 : Math.max(0, options.startAt),
      maxBufferLength: 30,
      backBufferLength: 60,
      // One controller per element: the engine must not chase the live edge by itself.
      maxLiveSyncPlaybackRate: 1,
      renderTextTracksNatively: false,
    };
    const hls = (this.#hls = new this.#Hls(config));
    hls.on(Events.ERROR, (_e, data) => this.#error(data));
    hls.on(Events.FRAG_LOADED, () => (this.#networkTries = 0));
    for (const e of [
      Events.MANIFEST_PARSED,
      Events.LEVEL_SWITCHED,
      Events.AUDIO_TRACKS_UPDATED,
      Events.AUDIO_TRACK_SWITCHED,
      Events.SUBTITLE_TRACKS_UPDATED,
    ] as const) {
      hls.on(e, () => this.#events.tracks());
    }
    hls.loadSource(src.url);
    hls.attachMedia(video);
    return Promise.resolve();
  }

  #error(data: ErrorData): void {
    if (!data.fatal || !this.#hls) return;
    const { ErrorTypes, ErrorDetails } = this.#Hls;
    const status = data.response?.code ?? 0;
    if (data.type === ErrorTypes.NETWORK_ERROR) {
      if ([401, 403, 404, 410].includes(status)) this.#fail('expired', `${data.details} ${status}`);
      else if (data.details === ErrorDetails.MANIFEST_PARSING_ERROR) this.#fail('decode', data.details);
      else if (this.#networkTries++ < NETWORK_TRIES) this.#again(data);
      else this.#fail('network', `${data.details} ${status}`);
    } else if (data.type === ErrorTypes.MEDIA_ERROR) {
      if (data.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR)
        this.#fail('unsupported', data.details);
      else if (this.#mayRecover()) this.#hls.recoverMediaError();
      else this.#fail('decode', data.details);
    } else this.#fail('decode', data.details);
  }

  #again(data: ErrorData): void {
    clearTimeout(this.#retry);
    const manifest = data.details.startsWith('manifest');
    this.#retry = setTimeout(
      () => {
        if (manifest && data.url) this.#hls?.loadSource(data.url);
        else this.#hls?.startLoad();
      },
      500 * 2 ** this.#networkTries,
    );
  }

  #mayRecover(): boolean {
    const now = performance.now();
    this.#recovered = this.#recovered.filter((t) => now - t < RECOVER_WINDOW_MS);
    if (this.#recovered.length >= RECOVER_TRIES) return false;
    this.#recovered.push(now);
    return true;
  }

  #fail(kind: 'network' | 'expired' | 'unsupported' | 'decode', detail: string): void {
    this.#hls?.stopLoad();
    this.#events.error({ kind, detail });
  }

  levels(): Level[] {
    return (this.#hls?.levels ?? []).map((l, index) => ({
      index,
      height: l.height,
      bitrate: l.bitrate,
      label: l.height ? `${l.height}p` : l.name || `${Math.round(l.bitrate / 1000)} kbit/s`,
    }));
  }
  level(): number | 'auto' {
    const hls = this.#hls;
    return !hls || hls.autoLevelEnabled ? 'auto' : hls.nextLevel;
  }
  setLevel(index: number | 'auto'): void {
    if (this.#hls) this.#hls.nextLevel = index === 'auto' ? -1 : index;
    this.#events.tracks();
  }

  audioTracks(): EngineTrack[] {
    const list = this.#hls?.audioTracks ?? [];
    if (list.length < 2) return [];
    return list.map((t, index) => ({ index, label: t.name || t.lang || `${index + 1}`, lang: t.lang ?? '' }));
  }
  audio = (): number => this.#hls?.audioTrack ?? 0;
  setAudio(index: number): void {
    if (this.#hls) this.#hls.audioTrack = index;
  }

  textTracks(): EngineTrack[] {
    const list = this.#hls?.subtitleTracks ?? [];
    return list.map((t, index) => ({ index, label: t.name || t.lang || `${index + 1}`, lang: t.lang ?? '' }));
  }
  setText(index: number): void {
    if (this.#hls) this.#hls.subtitleTrack = index;
  }

  wallClock(): number | null {
    return this.#hls?.playingDate?.getTime() ?? null;
  }
  liveLatency(): number | null {
    const l = this.#live ? this.#hls?.latency : null;
    return l === null || l === undefined || !Number.isFinite(l) ? null : l;
  }

  stats(): EngineStats {
    const hls = this.#hls;
    const level = hls?.levels[hls.currentLevel];
    return {
      engine: this.name,
      level: level ? `${level.height}p` : '',
      bandwidth: Math.round(hls?.bandwidthEstimate ?? 0),
    };
  }

  destroy(): void {
    clearTimeout(this.#retry);
    this.#hls?.destroy();
    this.#hls = null;
  }
}
