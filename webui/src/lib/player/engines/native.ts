/** The browser plays the source by itself. */
import { Emitter } from '../engine';
import type { Engine, EngineErrorKind, EngineStats, EngineTrack, Level, Source } from '../engine';

interface AudioTrackLike {
  enabled: boolean;
  label: string;
  language: string;
}
type WithAudio = HTMLVideoElement & { audioTracks?: ArrayLike<AudioTrackLike> };

const kinds: Record<number, EngineErrorKind> = {
  2: 'network', // MEDIA_ERR_NETWORK
  3: 'decode', // MEDIA_ERR_DECODE
  4: 'unsupported', // MEDIA_ERR_SRC_NOT_SUPPORTED, also for 403 and 404
};

export class NativeEngine implements Engine {
  readonly name = 'native';
  #video: WithAudio | null = null;
  #events = new Emitter();
  on = this.#events.on.bind(this.#events);

  #failed = () => {
    const err = this.#video?.error;
    if (err) this.#events.error({ kind: kinds[err.code] ?? 'network', detail: err.message });
  };
  #known = () => this.#events.tracks();

  attach(video: HTMLVideoElement, src: Source): Promise<void> {
    this.#video = video;
    video.addEventListener('error', this.#failed);
    video.addEventListener('loadedmetadata', this.#known);
    video.preload = 'auto';
    video.src = src.url;
    return Promise.resolve();
  }

  levels = (): Level[] => [];
  level = (): 'auto' => 'auto';
  setLevel = (): void => {};

  audioTracks(): EngineTrack[] {
    const list = this.#video?.audioTracks;
    if (!list || list.length < 2) return [];
    return Array.from(list, (t, index) => ({ index, label: t.label || t.language, lang: t.language }));
  }
  audio(): number {
    const list = this.#video?.audioTracks;
    return list
      ? Math.max(
          0,
          Array.from(list).findIndex((t) => t.enabled),
        )
      : 0;
  }
  setAudio(index: number): void {
    const list = this.#video?.audioTracks;
    if (!list) return;
    Array.from(list).forEach((t, i) => (t.enabled = i === index));
    this.#events.tracks();
  }

  textTracks = (): EngineTrack[] => [];
  setText = (): void => {};
  wallClock = (): null => null;

  liveLatency(): number | null {
    const v = this.#video;
    if (!v || v.duration !== Infinity || v.seekable.length === 0) return null;
    return Math.max(0, v.seekable.end(v.seekable.length - 1) - v.currentTime);
  }

  stats(): EngineStats {
    const v = this.#video;
    return {
      engine: this.name,
      level: v?.videoHeight ? `${v.videoWidth}×${v.videoHeight}` : '',
      bandwidth: 0,
    };
  }

  destroy(): void {
    const v = this.#video;
    this.#video = null;
    if (!v) return;
    v.removeEventListener('error', this.#failed);
    v.removeEventListener('loadedmetadata', this.#known);
    v.removeAttribute('src');
    v.load();
  }
}
