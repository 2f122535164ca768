import { describe, expect, it } from 'vitest';
import * as C from '../realtime/constants';
import { base, chance, Viewer } from './simviewer';

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
