/**
 * A simulated media element on simulated time, with the vices of real ones:
 * play() takes a while, a new rate slips, seeks take time, sources stall.
 * Test helper of the sync controller; ships with nothing.
 */
import type { Port } from './sync';

export interface SimOptions {
  /** ms from play() to the first movement. */
  startCost: () => number;
  /** ms that leaving the nominal rate loses, once. */
  slip: number;
  /** ms from setting currentTime to data. */
  seekCost: () => number;
  duration: number;
  /** Seconds buffered ahead after a seek; -1: everything is. */
  bufferAfterSeek: number;
  /** Media seconds fetched per second of time. */
  fetchRate: number;
  /** Nominal rate of this element's oscillator: 1 + 40e-6 runs fast. */
  ppm: number;
}

export const simDefaults: SimOptions = {
  startCost: () => 40,
  slip: 25,
  seekCost: () => 60,
  duration: 600,
  bufferAfterSeek: -1,
  fetchRate: 10,
  ppm: 0,
};

export class SimElement implements Port {
  readyState = 4;
  seeking = false;
  paused = true;
  duration: number;
  nominal = 1;
  rateSets: { at: number; rate: number }[] = [];
  seekLog: { at: number; from: number; to: number }[] = [];
  plays = 0;

  #o: SimOptions;
  #pos = 0;
  #rate = 1;
  #moveAt = Infinity; // when play() takes effect
  #seekDone = Infinity;
  #buffered: [number, number];
  #stalledUntil = 0;

  constructor(
    public now: number,
    options: Partial<SimOptions> = {},
  ) {
    this.#o = { ...simDefaults, ...options };
    this.duration = this.#o.duration;
    this.#buffered = this.#o.bufferAfterSeek < 0 ? [0, this.duration] : [0, this.#o.bufferAfterSeek];
  }

  /** Time passes, in small steps. */
  advance(to: number): void {
    const dt = to - this.now;
    if (dt <= 0) return;
    if (this.#o.bufferAfterSeek >= 0 && this.now >= this.#seekDone - 1e-9 === false && !this.seeking) {
      this.#buffered[1] = Math.min(this.duration, this.#buffered[1] + (dt / 1000) * this.#o.fetchRate);
    }
    if (this.seeking && to >= this.#seekDone) {
      this.seeking = false;
      this.#seekDone = Infinity;
    }
    const dry = !this.seeking && this.#pos >= this.#buffered[1] - 0.05 && this.#pos < this.duration - 0.1;
    const starved = this.seeking || dry || to < this.#stalledUntil;
    this.readyState = starved ? 2 : 4;
    if (!this.paused && !starved) {
      if (this.#moveAt === Infinity) this.#moveAt = to; // data is back: it moves on
      const from = Math.max(this.now, this.#moveAt);
      if (to > from) {
        this.#pos = Math.min(
          this.duration,
          this.#pos + ((to - from) / 1000) * this.#rate * (1 + this.#o.ppm * 1e-6),
        );
      }
    }
    this.now = to;
  }

  stall(ms: number): void {
    this.#stalledUntil = this.now + ms;
  }
  /** Moved by something else than the controller. */
  push(seconds: number): void {
    this.#pos = Math.max(0, this.#pos + seconds);
  }

  get currentTime(): number {
    return this.#pos;
  }
  set currentTime(t: number) {
    const to = Math.max(0, Math.min(this.duration, t));
    this.seekLog.push({ at: this.now, from: this.#pos, to });
    const inside = to >= this.#buffered[0] && to <= this.#buffered[1] - 0.1;
    this.#pos = to;
    this.seeking = true;
    this.readyState = 1;
    if (this.#o.bufferAfterSeek >= 0 && !inside) {
      this.#buffered = [to, to + this.#o.bufferAfterSeek];
      this.#seekDone = this.now + this.#o.seekCost();
    } else this.#seekDone = this.now + (this.#o.bufferAfterSeek >= 0 ? 25 : this.#o.seekCost());
    if (!this.paused) this.#moveAt = this.#seekDone;
  }

  get playbackRate(): number {
    return this.#rate;
  }
  set playbackRate(r: number) {
    const leaves = Math.abs(this.#rate - this.nominal) < 1e-6 && Math.abs(r - this.nominal) > 1e-6;
    this.rateSets.push({ at: this.now, rate: r });
    this.#rate = r;
    if (leaves && !this.paused) this.#pos -= this.#o.slip / 1000;
  }

  covers(from: number, to: number): boolean {
    return this.#buffered[0] <= from && this.#buffered[1] >= to;
  }
  play(): void {
    this.plays++;
    if (!this.paused) return;
    this.paused = false;
    this.#moveAt = this.now + this.#o.startCost();
  }
  pause(): void {
    this.paused = true;
    this.#moveAt = Infinity;
  }
}
