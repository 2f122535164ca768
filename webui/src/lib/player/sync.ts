/**
 * The controller that keeps one media element where the room is.
 *
 * The rule: it is the only one who calls play, pause, seek and sets the rate,
 * and it never learns from media events what anybody wants. Pure: time and the
 * element are parameters, waiting is a number returned by `step`, so tests run
 * it against a simulated element. `syncdriver.ts` connects it to a real one.
 *
 * Why it looks like this is measured in the sync chapter: start aligned rather
 * than correct later, seek even when the position matches, nudge with
 * hysteresis because every departure from the nominal rate slips 20–25 ms.
 */
import * as C from '../realtime/constants';
import { newer, positionAt } from '../realtime/playback';
import type { PlaybackState } from '../realtime/types';

/** The element as the controller sees it. `play` must not throw; failures are told by `hold`. */
export interface Port {
  readonly readyState: number;
  readonly seeking: boolean;
  readonly paused: boolean;
  readonly duration: number;
  currentTime: number;
  playbackRate: number;
  covers(from: number, to: number): boolean;
  play(): void;
  pause(): void;
}

/** One instant on both clocks, in ms; server is null until the clock is usable. */
export interface Now {
  local: number;
  server: number | null;
}

type Ready = Now & { server: number };

export type AlignKind = 'start' | 'seek' | 'hard' | 'resync' | 'source';

/** Why the element is left alone although the room plays. */
export type Held = 'paused' | 'blocked' | 'free' | 'background' | null;

export interface AlignRecord {
  kind: AlignKind;
  /** Error of the first measurement, ms; + = ahead. */
  error: number;
  /** How late the start was, ms. */
  late: number;
  at: number;
}

export interface Stats {
  seekCost: number;
  startCost: number;
  nudges: number;
  seeks: number;
  hops: number;
  hards: number;
  aligns: AlignRecord[];
}

interface Align {
  kind: AlignKind;
  began: number;
  when: number;
  phase: 'seek' | 'data' | 'arm';
  armed: boolean;
  measured: boolean;
}

const HAVE_METADATA = 1;
const HAVE_FUTURE_DATA = 3;
const KEEP_ALIGNS = 20;
/** While a start waits for data: events tell at once, this is for those that never come. */
const ALIGN_POLL_MS = 50;
/** A timer that fires this late still starts: hopping again would only be later. */
const ARMED_LATE_MS = 100;

const clamp = (x: number, min: number, max: number) => Math.max(min, Math.min(max, x));

export class Controller {
  readonly stats: Stats;
  /** Hidden page: coarse timers, so coarse rules. */
  hidden = false;
  /** AirPlay or Cast: the latency is unknown. */
  remote = false;
  /** The device can not hold the rate: only wide corrections. */
  wide = false;
  /** This viewer alone is ahead by so much, e.g. for Bluetooth sound. */
  delayMs = 0;

  #port: Port;
  #state: PlaybackState | null = null;
  #loaded = -1; // generation of what the element holds
  #held: Held = null;
  #align: Align | null = null;
  #learn: { kind: AlignKind; late: number } | null = null;
  #history: number[] = [];
  #nudging = false;
  #settleUntil = 0;
  #measuredAt = -Infinity;
  #freshAt = -Infinity; // since when a start counts as early
  #earlyDone = '';
  #pauseUntil = 0;
  #pausedSeek = { key: '', tries: 0 };
  #drift: number | null = null;
  #hardAt: number[] = [];
  #stalled = false;

  constructor(port: Port, costs: { seekCost?: number; startCost?: number } = {}) {
    this.#port = port;
    this.stats = {
      seekCost: costs.seekCost ?? C.SEEK_COST_MS,
      startCost: costs.startCost ?? C.START_COST_MS,
      nudges: 0,
      seeks: 0,
      hops: 0,
      hards: 0,
      aligns: [],
    };
  }

  get state(): PlaybackState | null {
    return this.#state;
  }
  get held(): Held {
    return this.#held;
  }
  get aligning(): boolean {
    return this.#align !== null;
  }
  get nudging(): boolean {
    return this.#nudging;
  }
  /** Median error of the last measurements in ms, + = ahead; null when there is none. */
  get drift(): number | null {
    return this.#drift;
  }
  /** Whether the room means this element to move now. */
  get shouldPlay(): boolean {
    return !!this.#state && this.#state.playing && !this.#state.hold;
  }

  /** Where the element should be at a server time, in seconds, within its own media. */
  expected(server: number): number {
    const s = this.#state;
    if (!s) return 0;
    const shift = this.shouldPlay ? (this.delayMs / 1000) * s.rate : 0;
    const own = this.#port.duration;
    const end = Number.isFinite(own) && own > 0 ? Math.max(0, own - C.END_GUARD_S) : Infinity;
    return clamp(positionAt(s, server) + shift, 0, end);
  }

  /* ---------- what happens around it ---------- */

  /** The element holds the media of this generation now (or soon); -1 = nothing. */
  load(generation: number): void {
    this.#loaded = generation;
    this.#drop();
    this.#pausedSeek = { key: '', tries: 0 };
  }

  /** Takes a state from the server; false when it is not newer. */
  setState(s: PlaybackState, now: Now, forced = false): boolean {
    const old = this.#state;
    if (!forced && !newer(s, old)) return false;
    this.#state = s;
    this.#pauseUntil = 0;
    this.#freshAt = now.local;
    if (!this.#ready() || s.generation !== old?.generation || now.server === null) {
      this.#drop();
      return true;
    }
    if (!this.shouldPlay || this.#held || s.media?.live) this.#drop();
    else if (this.#inPhase(s, old, now.server)) {
      this.#rate(s.rate, false);
      this.#reset(now.local + C.SETTLE_RATE_MS);
    } else this.align(old.playing ? 'seek' : 'start', now);
    return true;
  }

  /** Already where the new state wants it, so that only the rate may differ. */
  #inPhase(s: PlaybackState, old: PlaybackState, server: number): boolean {
    if (!old.playing || old.hold || this.#port.paused || this.#align) return false;
    if (server < s.updated_at) return false; // a start that is still to come is always aligned
    const off = Math.abs(this.#port.currentTime - this.expected(server)) * 1000;
    return off < (s.epoch !== old.epoch ? this.#hardLimit(false) : C.RESEEK_MS);
  }

  /** Leaves the element alone, or takes it back (null): then it is aligned. */
  hold(why: Held, now: Now): void {
    if (this.#held === why) return;
    this.#held = why;
    this.#drop();
    if (why === null && this.#ready() && this.shouldPlay && now.server !== null) this.align('resync', now);
  }

  /** We paused by our own command, whose state is on its way: do not start again meanwhile. */
  expectPause(now: Now): void {
    this.#drop();
    this.#pauseUntil = now.local + C.OPTIMISTIC_MS;
  }
  /** The command was refused. */
  forgetPause(): void {
    this.#pauseUntil = 0;
  }

  /** Three hard corrections within a minute since the last call that said so. */
  takeBehind(local: number): boolean {
    this.#hardAt = this.#hardAt.filter((t) => local - t < C.BEHIND_WINDOW_MS);
    if (this.#hardAt.length < C.BEHIND_COUNT) return false;
    this.#hardAt = [];
    return true;
  }

  /* ---------- the tick ---------- */

  /** Does what is due and says in how many ms to call again; call at once on media events, too. */
  step(now: Now): number {
    const s = this.#state;
    const el = this.#port;
    if (!s || !this.#ready()) return C.TICK_MS;
    if (s.media?.live) return this.#stepLive();
    if (!this.shouldPlay)
      return this.#held && this.#held !== 'blocked' ? C.TICK_MS : this.#stepPaused(s, now);
    if (now.server === null || this.#held || now.local < this.#pauseUntil) return C.TICK_MS;
    if (this.#align) return this.#stepAlign(this.#align, now as Ready);
    if (this.#atEnd(now.server)) return this.#stepEnd();
    if (el.paused) return this.align('start', now);
    if (el.seeking || el.readyState < HAVE_FUTURE_DATA) {
      this.#stalled = !el.seeking;
      this.#reset(now.local + C.SETTLE_MS);
      return C.TICK_MS;
    }
    if (this.#stalled) {
      this.#stalled = false;
      const off = ((el.currentTime - this.expected(now.server)) * 1000) / s.rate;
      if (Math.abs(off) > this.#hardLimit(false)) return this.align('hard', now);
    }
    const wait = Math.max(this.#settleUntil - now.local, this.#measuredAt + C.TICK_MS - now.local);
    if (wait > 1) return Math.min(wait, C.TICK_MS);
    this.#measure(s, now as Ready);
    return this.#align ? this.step(now) : C.TICK_MS;
  }

  /** Live media have no common position: the engine keeps its distance to the edge. */
  #stepLive(): number {
    if (this.#held) return C.TICK_MS;
    if (this.shouldPlay && this.#port.paused && this.#port.readyState >= HAVE_FUTURE_DATA) this.#port.play();
    if (!this.shouldPlay && !this.#port.paused) this.#port.pause();
    return C.TICK_MS;
  }

  #stepPaused(s: PlaybackState, now: Now): number {
    const el = this.#port;
    this.#drop();
    if (!el.paused) el.pause();
    this.#rate(s.rate, false);
    const target = this.expected(now.server ?? s.updated_at);
    if (el.seeking || Math.abs(el.currentTime - target) <= C.PAUSED_TOLERANCE_S) return C.TICK_MS;
    // Sources that only reach keyframes never arrive: twice is enough.
    const key = `${s.epoch}/${s.version}/${target.toFixed(3)}`;
    if (this.#pausedSeek.key !== key) this.#pausedSeek = { key, tries: 0 };
    if (this.#pausedSeek.tries++ < 2) this.#seek(target);
    return C.TICK_MS;
  }

  /** The room is past the end of what we have: nothing to correct, and no seek would help. */
  #atEnd(server: number): boolean {
    const own = this.#port.duration;
    return Number.isFinite(own) && own > 0 && this.expected(server) >= own - C.END_GUARD_S - 1e-6;
  }

  /** A late joiner at least sees the end; a viewer who got there by playing stays where it is. */
  #stepEnd(): number {
    const el = this.#port;
    if (el.paused && !el.seeking && el.currentTime < el.duration - 1) this.#seek(el.duration - C.END_GUARD_S);
    return C.TICK_MS;
  }

  #measure(s: PlaybackState, now: Ready): void {
    this.#measuredAt = now.local;
    this.#history.push(((this.#port.currentTime - this.expected(now.server)) * 1000) / s.rate);
    if (this.#history.length > C.MEDIAN_WINDOW) this.#history.shift();
    if (this.#history.length < C.MEDIAN_WINDOW) return;
    const e = [...this.#history].sort((a, b) => a - b)[C.MEDIAN_WINDOW >> 1]!;
    this.#drift = e;
    this.#learned(e, now.local);
    const early = now.local - this.#freshAt < C.EARLY_MS && this.#earlyDone !== this.#key(s);
    if (Math.abs(e) > this.#hardLimit(early)) {
      if (early) this.#earlyDone = this.#key(s);
      this.stats.hards++;
      if (!early) this.#hardAt.push(now.local);
      this.align('hard', now);
      return;
    }
    this.#nudge(s, e);
  }

  /** The first measurement after a start that was in time tells what `play()` really costs. */
  #learned(e: number, at: number): void {
    const learn = this.#learn;
    if (!learn) return;
    this.#learn = null;
    if (learn.late <= C.ALIGN_SLACK_MS && Math.abs(e) < C.HARD_MS) {
      this.stats.startCost = clamp(this.stats.startCost - 0.6 * e, 0, C.START_COST_MAX_MS);
    }
    this.stats.aligns.push({ kind: learn.kind, error: Math.round(e), late: Math.round(learn.late), at });
    if (this.stats.aligns.length > KEEP_ALIGNS) this.stats.aligns.shift();
  }

  #hardLimit(early: boolean): number {
    if (this.hidden || this.wide) return C.HARD_WIDE_MS;
    if (this.remote) return C.HARD_REMOTE_MS;
    return early ? C.HARD_START_MS : C.HARD_MS;
  }

  #nudge(s: PlaybackState, e: number): void {
    const on = this.hidden ? C.ON_HIDDEN_MS : C.ON_MS;
    if (!this.#nudging && Math.abs(e) > on) this.#nudging = true;
    if (this.#nudging && Math.abs(e) < C.OFF_MS) this.#nudging = false;
    if (this.remote) this.#nudging = false;
    let k = 0;
    if (this.#nudging) {
      const max = s.rate > C.FAST_RATE ? C.MAX_NUDGE_FAST : C.MAX_NUDGE;
      k = clamp(-e / 1000 / C.TAU_S, -max, max);
      if (Math.abs(k) < C.MIN_NUDGE) k = Math.sign(k) * C.MIN_NUDGE;
      k = Math.round(k / C.RATE_STEP) * C.RATE_STEP;
      const r = s.rate * (1 + k);
      if (r < C.NUDGE_RATE_MIN || r > C.NUDGE_RATE_MAX) k = 0; // muted out there
    }
    this.#rate(s.rate * (1 + k), true);
  }

  /* ---------- aligned start ---------- */

  /** Pauses, seeks to where the room will be a little later, and starts at that instant. */
  align(kind: AlignKind, now: Now): number {
    const s = this.#state;
    if (!s || s.media?.live || now.server === null || !this.#ready()) return C.TICK_MS;
    this.#stalled = false;
    this.#reset(0);
    this.#rate(s.rate, false);
    const { seekCost, startCost } = this.stats;
    const when = Math.max(s.updated_at, now.server + 1.25 * seekCost + 30 + startCost);
    if (!this.#port.paused) this.#port.pause();
    this.#seek(this.expected(when)); // also when equal: every start is the same kind of start
    this.#align = { kind, began: now.local, when, phase: 'seek', armed: false, measured: false };
    return ALIGN_POLL_MS;
  }

  #stepAlign(a: Align, now: Ready): number {
    const expired = now.local - a.began > C.ALIGN_LIMIT_MS;
    if (a.phase === 'seek' && !this.#port.seeking) a.phase = 'data';
    if (a.phase === 'data' && this.#port.readyState >= HAVE_FUTURE_DATA) {
      a.phase = 'arm';
      if (!a.measured) {
        a.measured = true;
        const took = Math.min(C.SEEK_COST_MAX_MS, now.local - a.began);
        this.stats.seekCost = 0.5 * this.stats.seekCost + 0.5 * took;
      }
    }
    if (a.phase !== 'arm') {
      if (expired) this.#drop(); // no data at all: start over from where the room is by then
      return ALIGN_POLL_MS;
    }
    const wait = a.when - this.stats.startCost - now.server;
    if (wait > 0.5) {
      a.armed = true;
      return wait;
    }
    const late = -wait;
    if (late <= C.ALIGN_SLACK_MS || (a.armed && late <= ARMED_LATE_MS) || expired)
      return this.#fire(a, late, now);
    return this.#hop(a, now);
  }

  /** Too late, because the source was slow: hop inside the buffer, never into the unknown again. */
  #hop(a: Align, now: Ready): number {
    const when = now.server + this.stats.startCost + C.HOP_MS;
    const to = this.expected(when);
    const own = this.#port.duration;
    const end = Number.isFinite(own) && own > 0 ? Math.min(own, to + C.HOP_COVER_S) : to + C.HOP_COVER_S;
    if (!this.#port.covers(to, end)) return C.HOP_MS;
    this.stats.hops++;
    a.when = when;
    a.phase = 'seek';
    a.armed = false;
    this.#seek(to);
    return ALIGN_POLL_MS;
  }

  #fire(a: Align, late: number, now: Now): number {
    this.#align = null;
    this.#reset(now.local + C.SETTLE_MS);
    this.#learn = { kind: a.kind, late: Math.max(0, late) };
    if (a.kind === 'start' || a.kind === 'source') this.#freshAt = now.local;
    this.#port.play();
    return C.SETTLE_MS;
  }

  /* ---------- small things ---------- */

  #ready(): boolean {
    return this.#state?.generation === this.#loaded && this.#port.readyState >= HAVE_METADATA;
  }
  #key(s: PlaybackState): string {
    return `${s.epoch}/${s.version}`;
  }

  /** Forgets what was measured; the next measurement not before `until`. */
  #reset(until: number): void {
    this.#align = null;
    this.#history = [];
    this.#nudging = false;
    this.#learn = null;
    this.#settleUntil = until;
  }

  #drop(): void {
    this.#reset(0);
    this.#drift = null;
  }

  #rate(rate: number, nudge: boolean): void {
    if (Math.abs(this.#port.playbackRate - rate) <= 1e-4) return;
    this.#port.playbackRate = rate;
    if (nudge) this.stats.nudges++;
  }

  #seek(to: number): void {
    this.stats.seeks++;
    this.#port.currentTime = to;
  }
}
