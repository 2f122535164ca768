import { describe, expect, it } from 'vitest';
import { Clock, estimate } from './clock';
import {
  CLOCK_BURST,
  CLOCK_BURST_MS,
  CLOCK_FILL_MS,
  CLOCK_JITTER,
  CLOCK_PERIOD_MS,
  CLOCK_STEP_MS,
  CLOCK_WINDOW,
} from './constants';

/** A small generator with a seed, so a failure repeats. */
function chance(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

type Trace = (random: () => number) => { up: number; down: number };

const symmetric: Trace = (r) => ({ up: 80 + (r() * 2 - 1) * 40, down: 80 + (r() * 2 - 1) * 40 });
const internet: Trace = (r) => ({ up: 30 - 20 * Math.log(1 - r()), down: 30 - 20 * Math.log(1 - r()) });
const spiky: Trace = (r) => {
  const t = internet(r);
  return r() < 0.05 ? { up: t.up + r() * 300, down: t.down } : t;
};
const asymmetric: Trace = (r) => ({ up: 160 + (r() * 2 - 1) * 40, down: 120 + (r() * 2 - 1) * 40 });

/** Plays pings against a clock; true offset may be a function of local time. */
class Link {
  now = 1_000_000;
  clock: Clock;
  constructor(
    private trace: Trace,
    private random: () => number,
    public offset: (local: number) => number,
  ) {
    this.clock = new Clock(random);
    this.clock.restart(this.now);
  }
  ping(trace = this.trace): boolean {
    this.now += this.clock.nextPingIn(this.now);
    const t0 = this.now;
    this.clock.sent(t0);
    const { up, down } = trace(this.random);
    const t1 = t0 + up + this.offset(t0 + up);
    const t3 = t0 + up + 0.3 + down;
    const t2 = t0 + up + 0.3 + this.offset(t0 + up);
    return this.clock.pong({ t0, t1, t2, t3 });
  }
  run(ms: number): void {
    for (const end = this.now + ms; this.now < end;) this.ping();
  }
  error(at = this.now): number {
    return Math.abs(this.clock.offsetAt(at) - this.offset(at));
  }
}

const p95 = (xs: number[]) => [...xs].sort((a, b) => a - b)[Math.floor(xs.length * 0.95)]!;
const median = (xs: number[]) => [...xs].sort((a, b) => a - b)[xs.length >> 1]!;

function errors(trace: Trace, ms: number, runs = 300): number[] {
  return Array.from({ length: runs }, (_, i) => {
    const link = new Link(trace, chance(i + 1), () => 3700);
    link.run(ms);
    return Math.abs(link.clock.target - 3700);
  });
}

describe('the estimate', () => {
  it('agrees with the simulated figures of the sync chapter when the window is full', () => {
    const uniform = errors(symmetric, 45_000);
    expect(median(uniform)).toBeLessThan(5);
    expect(p95(uniform)).toBeLessThan(12);
    const usual = errors(internet, 45_000);
    expect(median(usual)).toBeLessThan(2);
    expect(p95(usual)).toBeLessThan(5);
  });
  it('does not mind spikes', () => {
    const spikes = errors(spiky, 45_000);
    expect(p95(spikes)).toBeLessThan(5);
  });
  it('is off by half the asymmetry, which no protocol can see', () => {
    expect(median(errors(asymmetric, 45_000))).toBeGreaterThan(12);
    expect(median(errors(asymmetric, 45_000))).toBeLessThan(28);
  });
  it('takes the mean of what is near the lowest round trip', () => {
    const s = (rtt: number, offset: number) => ({ at: 0, rtt, offset });
    expect(estimate([s(100, 10), s(104, 20), s(300, 900)])?.offset).toBe(15);
    expect(estimate([])).toBeNull();
  });
});

describe('the clock', () => {
  it('is usable after three answers and applies the first estimate at once', () => {
    const link = new Link(internet, chance(1), () => -86_400_000);
    link.ping();
    link.ping();
    expect(link.clock.ok).toBe(false);
    link.ping();
    expect(link.clock.ok).toBe(true);
    expect(link.error()).toBeLessThan(60);
  });
  it('sends a burst, then fills the window, then keeps a slow beat', () => {
    const clock = new Clock(() => 0.5);
    clock.restart(0);
    let now = 0;
    for (let i = 0; i < CLOCK_BURST; i++) {
      expect(clock.nextPingIn(now)).toBe(i === 0 ? 0 : CLOCK_BURST_MS);
      now += clock.nextPingIn(now);
      clock.sent(now);
    }
    expect(clock.nextPingIn(now)).toBe(CLOCK_FILL_MS);
    clock.sent(60_000);
    const wait = clock.nextPingIn(60_000);
    expect(wait).toBeGreaterThanOrEqual(CLOCK_PERIOD_MS * (1 - CLOCK_JITTER));
    expect(wait).toBeLessThanOrEqual(CLOCK_PERIOD_MS * (1 + CLOCK_JITTER));
  });
  it('ignores answers nobody asked for, slow ones and nonsense', () => {
    const clock = new Clock();
    clock.restart(0);
    expect(clock.pong({ t0: 5, t1: 6, t2: 6, t3: 7 })).toBe(false);
    clock.sent(10);
    expect(clock.pong({ t0: 10, t1: 11, t2: 11, t3: 5100 })).toBe(false);
    clock.sent(20);
    expect(clock.pong({ t0: 20, t1: NaN, t2: 21, t3: 22 })).toBe(false);
    clock.sent(30);
    expect(clock.pong({ t0: 30, t1: 31, t2: 90, t3: 40 })).toBe(false); // longer in the server than under way
    expect(clock.samples).toHaveLength(0);
  });
  it('recognises its ping after the server rounded t0', () => {
    const clock = new Clock();
    clock.restart(0);
    clock.sent(1790000000123.42);
    expect(clock.pong({ t0: 1790000000123.4, t1: 1, t2: 1, t3: 1790000000143 })).toBe(true);
  });
  it('slews small changes by at most 5 ms per second', () => {
    let offset = 1000;
    const link = new Link(
      () => ({ up: 10, down: 10 }),
      chance(3),
      () => offset,
    );
    link.run(60_000);
    expect(link.error()).toBeLessThan(0.5);
    offset = 1030;
    for (let i = 0; i < 60; i++) {
      link.ping();
      const due = link.now + link.clock.nextPingIn(link.now);
      for (let t = link.now; t + 100 < due; t += 100) {
        const step = Math.abs(link.clock.offsetAt(t + 100) - link.clock.offsetAt(t));
        expect(step).toBeLessThanOrEqual(0.5 + 1e-9);
      }
    }
    expect(link.error()).toBeLessThan(1);
  });
  it('steps when the server clock is another one after a reconnect', () => {
    let offset = 0;
    const link = new Link(internet, chance(4), () => offset);
    link.run(60_000);
    offset = 5000;
    link.clock.restart(link.now);
    expect(link.clock.ok).toBe(true); // the old one serves meanwhile
    for (let i = 0; i < CLOCK_BURST; i++) link.ping();
    expect(link.error()).toBeLessThan(CLOCK_STEP_MS / 2);
  });
  it('finds the time again after sleep, during which the local clock stood still', () => {
    let slept = 0;
    const link = new Link(internet, chance(5), () => 500 + slept);
    link.run(30_000);
    slept = 3_600_000;
    link.clock.restart(link.now);
    for (let i = 0; i < 3; i++) link.ping();
    expect(link.error()).toBeLessThan(60); // three answers are enough for a gap that no delay explains
    for (let i = 0; i < 9; i++) link.ping();
    expect(link.error()).toBeLessThan(15);
  });
  it('does not step on the noise of a fresh window', () => {
    const jumps: number[] = [];
    for (let seed = 1; seed < 200; seed++) {
      const link = new Link(symmetric, chance(seed), () => 3700);
      link.run(45_000);
      const before = link.clock.offsetAt(link.now);
      link.clock.restart(link.now);
      for (let i = 0; i < 4; i++) link.ping();
      jumps.push(Math.abs(link.clock.offsetAt(link.now) - before));
    }
    expect(Math.max(...jumps)).toBeLessThan(CLOCK_STEP_MS);
  });
  it('follows a drifting oscillator', () => {
    const link = new Link(internet, chance(6), (t) => 200 + (t - 1_000_000) * 50e-6);
    link.run(1_200_000);
    expect(link.error()).toBeLessThan(16); // 50 ppm over a window of five minutes
  });
  it('keeps a bounded window of recent samples', () => {
    const link = new Link(internet, chance(7), () => 0);
    link.run(600_000);
    expect(link.clock.samples.length).toBeLessThanOrEqual(CLOCK_WINDOW);
    expect(Math.min(...link.clock.samples.map((s) => link.now - s.at))).toBeLessThan(20_000);
    expect(Math.max(...link.clock.samples.map((s) => link.now - s.at))).toBeLessThanOrEqual(300_000 + 20_000);
  });
  it('tells how far it may be off', () => {
    const link = new Link(symmetric, chance(8), () => 3700);
    link.run(60_000);
    expect(link.clock.errorAt(link.now)).toBeGreaterThan(0);
    expect(link.clock.errorAt(link.now)).toBeLessThan(25);
  });
});
