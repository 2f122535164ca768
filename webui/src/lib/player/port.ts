/**
 * A media element as the controller wants it, which also remembers what it did
 * itself: every other pause or play event came from outside (a headset, the
 * picture-in-picture window, the browser).
 */
import type { Port } from './sync';

export class ElementPort implements Port {
  #pauses = 0;
  #plays = 0;

  constructor(
    readonly video: HTMLVideoElement,
    private refused: (err: unknown) => void,
  ) {}

  get readyState(): number {
    return this.video.readyState;
  }
  get seeking(): boolean {
    return this.video.seeking;
  }
  get paused(): boolean {
    return this.video.paused;
  }
  get duration(): number {
    return this.video.duration;
  }
  get currentTime(): number {
    return this.video.currentTime;
  }
  set currentTime(t: number) {
    this.video.currentTime = t;
  }
  get playbackRate(): number {
    return this.video.playbackRate;
  }
  set playbackRate(r: number) {
    this.video.playbackRate = r;
  }

  covers(from: number, to: number): boolean {
    const b = this.video.buffered;
    for (let i = 0; i < b.length; i++) if (b.start(i) <= from && b.end(i) >= to) return true;
    return false;
  }

  /** Seconds that are there from the present position on. */
  ahead(): number {
    const b = this.video.buffered;
    const t = this.video.currentTime;
    for (let i = 0; i < b.length; i++) {
      if (b.start(i) <= t + 0.1 && b.end(i) > t) return b.end(i) - t;
    }
    return 0;
  }

  play(): void {
    if (this.video.paused) this.#plays++;
    this.video.play().catch((err: unknown) => this.refused(err));
  }

  pause(): void {
    if (this.video.paused) return;
    this.#pauses++;
    this.video.pause();
  }

  /** Whether a `pause` event is the answer to our own call. */
  ownPause(): boolean {
    if (this.#pauses === 0) return false;
    this.#pauses--;
    return true;
  }
  ownPlay(): boolean {
    if (this.#plays === 0) return false;
    this.#plays--;
    return true;
  }
  /** A new source swallows the events of the old one. */
  forget(): void {
    this.#pauses = 0;
    this.#plays = 0;
  }
  /** A refused play() may have fired no event. */
  playRefused(): void {
    if (this.#plays > 0) this.#plays--;
  }
}
