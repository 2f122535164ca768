/** A viewer of the sync tests: controller, simulated element and two clocks on simulated time. Ships with nothing. */
import { positionAt } from '../realtime/playback';
import type { PlaybackState } from '../realtime/types';
import { SimElement } from './simelement';
import type { SimOptions } from './simelement';
import { Controller } from './sync';

/** A small generator with a seed, so a failure repeats. */
export function chance(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (Math.imul(a, 1664525) + 1013904223) >>> 0;
    return a / 4294967296;
  };
}

export const base: PlaybackState = {
  epoch: 1,
  version: 1,
  generation: 1,
  media: {
    id: 'm',
    playlist_id: 'p',
    kind: 'direct',
    name: 'x',
    duration: 600,
    live: false,
    restricted: false,
  },
  playing: false,
  position: 0,
  rate: 1,
  updated_at: 0,
  hold: null,
  reason: 'select',
};

/** One viewer: controller, element, and a server clock `skew` ahead of the local one. */
export class Viewer {
  readonly el: SimElement;
  readonly ctl: Controller;
  now = 0;
  clockError = 0;
  hasClock = true;
  state = base;
  timerLate = () => 0;

  constructor(
    options: Partial<SimOptions> = {},
    readonly skew = 5000,
  ) {
    this.el = new SimElement(0, options);
    this.ctl = new Controller(this.el);
    this.ctl.load(1);
  }

  get server(): number {
    return this.now + this.skew;
  }
  instant() {
    return { local: this.now, server: this.hasClock ? this.server + this.clockError : null };
  }

  send(change: Partial<PlaybackState>): void {
    this.state = { ...this.state, ...change, version: this.state.version + 1 };
    this.el.nominal = this.state.rate;
    this.ctl.setState(this.state, this.instant());
    this.kick();
  }
  play(lead = 300, position = this.state.position): void {
    this.send({ playing: true, position, updated_at: this.server + lead, reason: 'play' });
  }
  seek(position: number, lead = 300): void {
    this.send({ position, updated_at: this.server + (this.state.playing ? lead : 0), reason: 'seek' });
  }
  pause(position: number): void {
    this.send({ playing: false, position, updated_at: this.server, reason: 'pause' });
  }

  #due = 0;
  kick(): void {
    this.#due = this.now + Math.max(1, this.ctl.step(this.instant()));
  }

  /** Runs for so many ms; events of the element call step at once, as in the browser. */
  run(ms: number, each?: () => void): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now += 1;
      const before = `${this.el.seeking}${this.el.readyState >= 3}`;
      this.el.advance(this.now);
      const event = before !== `${this.el.seeking}${this.el.readyState >= 3}`;
      if (event || this.now >= this.#due + this.timerLate()) this.kick();
      each?.();
    }
  }
  /** ms ahead of the room, on the true clock. */
  error(): number {
    return ((this.el.currentTime - positionAt(this.state, this.server)) * 1000) / this.state.rate;
  }
  /** Largest error over the next ms. */
  worst(ms: number): number {
    let worst = 0;
    this.run(ms, () => (worst = Math.max(worst, Math.abs(this.error()))));
    return worst;
  }
}
