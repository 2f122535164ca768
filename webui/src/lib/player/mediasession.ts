/**
 * The system's media controls: headset buttons, lock screen, media keys.
 *
 * The rule: they mean what our own buttons mean. Whoever may not control the
 * room pauses alone; the player decides that, here it is only passed on.
 */
export interface MediaIntents {
  play(): void;
  pause(): void;
  seekBy(seconds: number): void;
  seekTo(seconds: number): void;
  next(): void;
  prev(): void;
}

export interface MediaFacts {
  title: string;
  room: string;
  poster: string | null;
  playing: boolean;
  duration: number;
  position: number;
  rate: number;
}

export class SystemControls {
  #session = 'mediaSession' in navigator ? navigator.mediaSession : null;
  #shown = '';
  #at = '';

  constructor(intents: MediaIntents) {
    this.#handle('play', () => intents.play());
    this.#handle('pause', () => intents.pause());
    this.#handle('stop', () => intents.pause());
    this.#handle('seekbackward', (d) => intents.seekBy(-(d.seekOffset ?? 10)));
    this.#handle('seekforward', (d) => intents.seekBy(d.seekOffset ?? 10));
    this.#handle('seekto', (d) => d.seekTime !== undefined && intents.seekTo(d.seekTime));
    this.#handle('nexttrack', () => intents.next());
    this.#handle('previoustrack', () => intents.prev());
  }

  #handle(action: MediaSessionAction, fn: MediaSessionActionHandler | null): void {
    try {
      this.#session?.setActionHandler(action, fn);
    } catch {
      // This browser does not know the action.
    }
  }

  show(f: MediaFacts): void {
    if (!this.#session) return;
    const shown = JSON.stringify([f.title, f.room, f.poster]);
    if (shown !== this.#shown) {
      this.#shown = shown;
      const artwork = f.poster ? [{ src: new URL(f.poster, location.href).href }] : [];
      this.#session.metadata = f.title
        ? new MediaMetadata({ title: f.title, artist: f.room, artwork })
        : null;
    }
    const at = `${f.playing} ${f.duration} ${f.rate} ${Math.floor(f.position)}`;
    if (at === this.#at) return;
    this.#at = at;
    this.#session.playbackState = f.title ? (f.playing ? 'playing' : 'paused') : 'none';
    const known = Number.isFinite(f.duration) && f.duration > 0;
    this.#session.setPositionState?.(
      known
        ? {
            duration: f.duration,
            playbackRate: f.rate,
            position: Math.max(0, Math.min(f.position, f.duration)),
          }
        : undefined,
    );
  }

  stop(): void {
    const all = [
      'play',
      'pause',
      'stop',
      'seekbackward',
      'seekforward',
      'seekto',
      'nexttrack',
      'previoustrack',
    ];
    for (const a of all) this.#handle(a as MediaSessionAction, null);
    if (!this.#session) return;
    this.#session.metadata = null;
    this.#session.playbackState = 'none';
  }
}

/** Keeps the screen on while something plays; silently nothing where that is not possible. */
export class ScreenLock {
  #lock: WakeLockSentinel | null = null;
  #wanted = false;
  #asking = false;
  #seen = () => void this.#update();

  constructor() {
    document.addEventListener('visibilitychange', this.#seen);
  }

  want(on: boolean): void {
    if (this.#wanted === on) return;
    this.#wanted = on;
    void this.#update();
  }

  async #update(): Promise<void> {
    if (this.#asking || !('wakeLock' in navigator)) return;
    if (!this.#wanted) {
      const lock = this.#lock;
      this.#lock = null;
      await lock?.release().catch(() => undefined);
      return;
    }
    if (document.hidden || (this.#lock && !this.#lock.released)) return;
    this.#asking = true;
    // Refused on low battery or without a gesture: the next change of state asks again.
    this.#lock = await navigator.wakeLock.request('screen').catch(() => null);
    this.#asking = false;
    if (!this.#wanted) void this.#update();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.#seen);
    this.want(false);
  }
}
