import { describe, expect, it } from 'vitest';
import * as C from '../realtime/constants';
import { positionAt } from '../realtime/playback';
import type { PlaybackState } from '../realtime/types';
import { SimElement } from './simelement';
import type { SimOptions } from './simelement';
import { Controller } from './sync';

function chance(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (Math.imul(a, 1664525) + 1013904223) >>> 0;
    return a / 4294967296;
  };
}

const base: PlaybackState = {
  epoch: 1,
  version: 1,
  generation: 1,
  media: { id: 'm', playlist_id: 'p', kind: 'direct', name: 'x', duration: 600, live: false, restricted: false },
  playing: false,
  position: 0,
  rate: 1,
  updated_at: 0,
  hold: null,
  reason: 'select',
};

/** One viewer: controller, element, and a server clock `skew` ahead of the local one. */
class Viewer {
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

describe('a start', () => {
  it('happens at the scheduled instant with the learned cost of play()', () => {
    const v = new Viewer();
    v.run(1000);
    v.play();
    v.run(600);
    expect(Math.abs(v.error())).toBeLessThan(5);
    expect(v.worst(20_000)).toBeLessThan(C.ON_MS);
    expect(v.ctl.stats.nudges).toBe(0);
    expect(v.ctl.stats.hards).toBe(0);
  });
  it('seeks even when the position matches', () => {
    const v = new Viewer();
    v.run(1000);
    const before = v.el.seekLog.length;
    v.play();
    expect(v.el.seekLog.length).toBe(before + 1);
  });
  it('learns what play() costs on this device', () => {
    const random = chance(7);
    const v = new Viewer({ startCost: () => 110 + random() * 20 });
    v.run(500);
    for (let i = 0; i < 8; i++) {
      v.play(300, i * 30);
      v.run(4000);
      v.pause(i * 30 + 3);
      v.run(800);
    }
    expect(v.ctl.stats.startCost).toBeGreaterThan(90);
    expect(v.ctl.stats.startCost).toBeLessThan(150);
    v.play();
    v.run(700);
    expect(Math.abs(v.error())).toBeLessThan(25);
  });
  it('is on time for start costs of 40 ± 20 ms', () => {
    for (let seed = 1; seed < 20; seed++) {
      const random = chance(seed);
      const v = new Viewer({ startCost: () => 20 + random() * 40 });
      v.run(500);
      v.play();
      v.run(1000);
      expect(Math.abs(v.error())).toBeLessThan(50);
      v.run(9000);
      expect(v.worst(20_000)).toBeLessThan(C.ON_MS + 30);
    }
  });
  it('waits for metadata and a clock, and joins late at the right place', () => {
    const v = new Viewer();
    v.hasClock = false;
    v.state = { ...base, version: 5, playing: true, position: 100, updated_at: v.server - 30_000 };
    v.ctl.setState(v.state, v.instant());
    v.el.readyState = 0;
    v.kick();
    v.run(500);
    expect(v.el.plays).toBe(0);
    v.hasClock = true;
    v.run(2000);
    expect(Math.abs(v.error())).toBeLessThan(20);
  });
});

describe('steady state', () => {
  it('has no hard seek and few rate changes with oscillators 40 ppm apart', () => {
    for (const ppm of [-40, 40, 200]) {
      const v = new Viewer({ ppm });
      v.run(500);
      v.play();
      v.run(5000);
      const changes = v.ctl.stats.nudges;
      const seeks = v.ctl.stats.seeks;
      const worst = v.worst(180_000);
      expect(worst).toBeLessThan(C.ON_MS + 35); // the slip at the start of a nudge is in it
      expect(v.ctl.stats.seeks).toBe(seeks);
      // 200 ppm is far beyond real oscillators: 36 ms in three minutes
      expect(v.ctl.stats.nudges - changes).toBeLessThanOrEqual(ppm === 200 ? 24 : 6);
    }
  });
  it('does not cycle: an error inside the limit is nudged away once', () => {
    for (const off of [-0.3, -0.1, -0.03, 0.03, 0.1, 0.3]) {
      const v = new Viewer();
      v.run(500);
      v.play();
      v.run(6000);
      v.el.push(off);
      v.run(8000);
      expect(Math.abs(v.error())).toBeLessThan(C.ON_MS);
      const changes = v.ctl.stats.nudges;
      v.run(60_000);
      expect(v.ctl.stats.nudges).toBe(changes);
      expect(v.el.playbackRate).toBe(1);
    }
  });
  it('keeps every rate within the nudge limits and on the grid', () => {
    const random = chance(3);
    const v = new Viewer({ startCost: () => 20 + random() * 40 });
    v.run(500);
    v.play();
    for (let i = 0; i < 30; i++) {
      v.run(2000);
      v.el.push((random() - 0.5) * 0.6);
    }
    for (const { rate } of v.el.rateSets) {
      expect(rate).toBeGreaterThanOrEqual(0.9 - 1e-9);
      expect(rate).toBeLessThanOrEqual(1.1 + 1e-9);
      if (rate !== 1) expect(Math.abs(rate - 1)).toBeGreaterThanOrEqual(C.MIN_NUDGE - 1e-9);
      expect(Math.abs(rate / C.RATE_STEP - Math.round(rate / C.RATE_STEP))).toBeLessThan(1e-6);
    }
  });
  it('never seeks inside the hard limit, and does beyond it', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    v.run(8000);
    const seeks = v.ctl.stats.seeks;
    v.el.push(-0.45);
    v.run(8000);
    expect(v.ctl.stats.seeks).toBe(seeks);
    v.el.push(5);
    v.run(2500);
    expect(v.ctl.stats.seeks).toBeGreaterThan(seeks);
    expect(Math.abs(v.error())).toBeLessThan(30);
  });
  it('corrects a bad start once, hard, within the early limit', () => {
    let first = true;
    const v = new Viewer({ startCost: () => (first ? ((first = false), 300) : 40) });
    v.run(500);
    v.play();
    v.run(2500);
    expect(v.ctl.stats.hards).toBe(1);
    v.run(3000);
    expect(Math.abs(v.error())).toBeLessThan(30);
    expect(v.ctl.stats.hards).toBe(1);
  });
  it('uses the smaller nudge above rate 1.5 and never leads where Chromium mutes', () => {
    for (const rate of [2, 4, 0.5, 0.55]) {
      for (const push of [-0.4, 0.4]) {
        const v = new Viewer();
        v.send({ rate, reason: 'rate' });
        v.run(500);
        v.play();
        v.run(6000);
        const from = v.el.rateSets.length;
        v.el.push((push * rate) / 2);
        v.run(3000);
        for (const r of v.el.rateSets.slice(from)) {
          if (rate > 1.5) expect(Math.abs(r.rate / rate - 1)).toBeLessThanOrEqual(0.05 + 1e-9);
          expect(r.rate).toBeGreaterThanOrEqual(0.5);
          expect(r.rate).toBeLessThanOrEqual(4);
        }
      }
    }
  });
});

describe('changes of state', () => {
  it('reaches a new place within a second in a fast source', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    v.run(5000);
    v.seek(200);
    v.run(1000);
    expect(Math.abs(v.error())).toBeLessThan(50);
    expect(v.worst(5000)).toBeLessThan(50);
  });
  it('steps to exactly the position of a pause', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    v.run(5000);
    v.pause(4.321);
    v.run(1000);
    expect(v.el.paused).toBe(true);
    expect(v.el.currentTime).toBeCloseTo(4.321, 3);
    const seeks = v.ctl.stats.seeks;
    v.run(20_000);
    expect(v.ctl.stats.seeks).toBe(seeks);
  });
  it('gives up on a frame that the source can not reach', () => {
    const v = new Viewer();
    v.run(500);
    v.pause(10);
    v.run(500);
    v.el.push(-0.5); // a keyframe-only source lands before the target
    for (let i = 0; i < 20; i++) {
      v.run(250);
      if (!v.el.seeking && v.el.currentTime === 10) v.el.push(-0.5);
    }
    expect(v.ctl.stats.seeks).toBeLessThan(6);
  });
  it('only changes the rate when the room changes the rate', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    v.run(5000);
    const seeks = v.ctl.stats.seeks;
    v.send({ rate: 1.5, position: positionAt(v.state, v.server), updated_at: v.server, reason: 'rate' });
    v.run(1000);
    expect(v.ctl.stats.seeks).toBe(seeks);
    v.run(3000);
    expect(Math.abs(v.error())).toBeLessThan(50);
  });
  it('ignores states that are not newer', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    const old = { ...v.state, version: 1, playing: false };
    expect(v.ctl.setState(old, v.instant())).toBe(false);
    expect(v.ctl.setState({ ...v.state }, v.instant())).toBe(false);
    expect(v.ctl.setState({ ...old, epoch: 2 }, v.instant())).toBe(true);
  });
  it('plays through a change of epoch that moves nothing', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    v.run(6000);
    const seeks = v.ctl.stats.seeks;
    const at = positionAt(v.state, v.server) + 0.3;
    v.send({ epoch: 2, version: 0, position: at, updated_at: v.server, reason: 'resync' });
    expect(v.ctl.stats.seeks).toBe(seeks);
    v.run(6000);
    expect(Math.abs(v.error())).toBeLessThan(C.ON_MS);
  });
  it('does nothing for media it does not hold', () => {
    const v = new Viewer();
    v.run(500);
    v.send({ generation: 2, playing: true, position: 50, updated_at: v.server + 1500 });
    v.run(3000);
    expect(v.el.plays).toBe(0);
    v.ctl.load(2);
    v.run(2000);
    expect(Math.abs(v.error())).toBeLessThan(30);
  });
  it('waits paused at the place while the room holds, and starts together', () => {
    const v = new Viewer();
    v.run(500);
    const hold = { since: v.server, deadline: v.server + 10_000, waiting: ['x'] };
    v.send({ playing: true, position: 30, updated_at: v.server + 1500, hold });
    v.run(5000);
    expect(v.el.paused).toBe(true);
    expect(v.el.currentTime).toBeCloseTo(30, 3);
    v.send({ hold: null, updated_at: v.server + 300, reason: 'wait' });
    v.run(1500);
    expect(Math.abs(v.error())).toBeLessThan(20);
  });
});

describe('slow sources', () => {
  it('hops inside the buffer instead of seeking into the unknown', () => {
    for (const cost of [400, 900, 2000]) {
      const v = new Viewer({ seekCost: () => cost, bufferAfterSeek: 3, fetchRate: 3 });
      v.run(500);
      v.play();
      v.run(5000);
      v.seek(300);
      v.run(cost + 1500);
      expect(Math.abs(v.error())).toBeLessThan(50);
      expect(v.worst(10_000)).toBeLessThan(60);
    }
  });
  it('comes back after a stall, without a storm of seeks', () => {
    const v = new Viewer({ bufferAfterSeek: 20, fetchRate: 2 });
    v.run(500);
    v.play();
    v.run(6000);
    const seeks = v.ctl.stats.seeks;
    v.el.stall(3000);
    v.run(3000 + 2500);
    expect(Math.abs(v.error())).toBeLessThan(50);
    expect(v.ctl.stats.seeks - seeks).toBeLessThanOrEqual(3);
  });
  it('converges with seek costs from 20 to 2000 ms', () => {
    const random = chance(11);
    const v = new Viewer({
      seekCost: () => 20 * 100 ** random(),
      startCost: () => 20 + random() * 40,
      bufferAfterSeek: 4,
      fetchRate: 3,
    });
    v.run(500);
    v.play();
    for (let i = 0; i < 12; i++) {
      v.run(9000);
      expect(Math.abs(v.error())).toBeLessThan(50);
      v.seek(random() * 500);
    }
  });
});

describe('hands off', () => {
  it('leaves a viewer who paused alone, and aligns on return', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    v.run(5000);
    v.el.pause();
    v.ctl.hold('paused', v.instant());
    v.run(20_000);
    expect(v.el.paused).toBe(true);
    v.seek(100);
    v.run(2000);
    expect(v.el.paused).toBe(true);
    v.ctl.hold(null, v.instant());
    v.kick();
    v.run(1500);
    expect(Math.abs(v.error())).toBeLessThan(30);
  });
  it('does not restart what this user just paused', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    v.run(5000);
    const at = v.el.currentTime;
    v.el.pause();
    v.ctl.expectPause(v.instant());
    v.run(400); // the state is under way
    expect(v.el.paused).toBe(true);
    v.pause(at);
    v.run(500);
    expect(v.el.currentTime).toBe(at);
    expect(v.el.plays).toBe(1);
  });
  it('plays on when the pause was refused', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    v.run(5000);
    v.el.pause();
    v.ctl.expectPause(v.instant());
    v.ctl.forgetPause();
    v.run(2000);
    expect(Math.abs(v.error())).toBeLessThan(30);
  });
  it('is coarse while the page is hidden', () => {
    const v = new Viewer();
    v.run(500);
    v.play();
    v.run(6000);
    v.ctl.hidden = true;
    const { seeks, nudges } = { ...v.ctl.stats };
    v.el.push(0.2);
    v.run(5000);
    expect(v.ctl.stats.nudges).toBe(nudges);
    v.el.push(-1.5);
    v.run(5000);
    expect(v.ctl.stats.seeks).toBe(seeks);
  });
  it('plays live media without looking at positions', () => {
    const v = new Viewer({ duration: 1e6 });
    v.send({ media: { ...base.media!, live: true, duration: 0 }, playing: true, updated_at: v.server });
    v.el.push(5000);
    v.run(10_000);
    expect(v.el.paused).toBe(false);
    expect(v.ctl.stats.seeks).toBe(0);
  });
});

describe('ends and lengths', () => {
  it('does not seek beyond its own, shorter end', () => {
    const v = new Viewer({ duration: 20 });
    v.run(500);
    v.play(300, 15);
    v.run(30_000);
    expect(v.el.currentTime).toBeGreaterThan(19);
    expect(v.ctl.stats.hards).toBe(0);
    for (const s of v.el.seekLog) expect(s.to).toBeLessThanOrEqual(20 - C.END_GUARD_S + 1e-9);
  });
  it('adds the delay of this viewer', () => {
    const v = new Viewer();
    v.ctl.delayMs = 200;
    v.run(500);
    v.play();
    v.run(3000);
    expect(v.error()).toBeGreaterThan(180);
    expect(v.error()).toBeLessThan(220);
  });
});

describe('imperfect surroundings', () => {
  it('starts well with timers that fire up to 12 ms late', () => {
    const random = chance(5);
    const v = new Viewer();
    v.timerLate = () => random() * 12;
    v.run(500);
    v.play();
    v.run(3000);
    expect(Math.abs(v.error())).toBeLessThan(30);
  });
  it('says when a device can not keep up', () => {
    const v = new Viewer({ ppm: -300_000 }); // runs at 0.7
    v.run(500);
    v.play();
    let told = 0;
    v.run(40_000, () => {
      if (v.ctl.takeBehind(v.now)) told++;
    });
    expect(told).toBeGreaterThan(0);
    v.ctl.wide = true;
    const hards = v.ctl.stats.hards;
    v.run(8000);
    expect(v.ctl.stats.hards - hards).toBeLessThanOrEqual(2);
  });
  it('keeps two viewers with different clocks, costs and delays together', () => {
    const random = chance(21);
    const a = new Viewer({ startCost: () => 30 + random() * 20 }, 5000);
    const b = new Viewer({ startCost: () => 20 + random() * 60, ppm: 40 }, -3700);
    a.clockError = 4;
    b.clockError = -8;
    for (const v of [a, b]) v.run(500);
    for (const v of [a, b]) v.play(v === a ? 280 : 220); // b heard 60 ms later
    for (const v of [a, b]) v.run(4000);
    const spreads: number[] = [];
    for (let i = 0; i < 1200; i++) {
      for (const v of [a, b]) v.run(100);
      spreads.push(Math.abs(a.error() - b.error()));
    }
    spreads.sort((x, y) => x - y);
    expect(spreads[spreads.length >> 1]!).toBeLessThan(20);
    expect(spreads[Math.floor(spreads.length * 0.95)]!).toBeLessThan(30);
  });
});
