/**
 * Estimates the server's media clock from ping exchanges.
 *
 * The rule: pure. Time is a parameter in ms of the caller's monotonic clock,
 * nothing here reads a clock, sets a timer or knows a socket. Two viewers agree
 * to about half the asymmetry of their paths, whatever this file does.
 */
import {
  CLOCK_BEST,
  CLOCK_BURST,
  CLOCK_BURST_MS,
  CLOCK_FILL_FOR_MS,
  CLOCK_FILL_MS,
  CLOCK_JITTER,
  CLOCK_MAX_AGE_MS,
  CLOCK_MAX_RTT_MS,
  CLOCK_NEAR_MS,
  CLOCK_NEAR_RATIO,
  CLOCK_PERIOD_MS,
  CLOCK_SLEW_MS_PER_S,
  CLOCK_STEP_MS,
  CLOCK_USABLE,
  CLOCK_WINDOW,
} from './constants';

export interface Sample {
  /** Local time of arrival. */
  at: number;
  rtt: number;
  offset: number;
}

/** Answer to one `clock.ping`; t0 and t3 are local, t1 and t2 the server's. */
export interface Pong {
  t0: number;
  t1: number;
  t2: number;
  t3: number;
}

export interface Estimate {
  offset: number;
  /** Lowest round trip of the window. */
  rtt: number;
  /** Standard error of the mean of the samples used. */
  error: number;
}

/** Mean offset of the samples whose round trip is close to the lowest. */
export function estimate(samples: readonly Sample[]): Estimate | null {
  if (samples.length === 0) return null;
  const byRtt = [...samples].sort((a, b) => a.rtt - b.rtt);
  const min = byRtt[0]!.rtt;
  const limit = min + Math.max(CLOCK_NEAR_MS, min * CLOCK_NEAR_RATIO);
  const near = byRtt.filter((s) => s.rtt <= limit).slice(0, CLOCK_BEST);
  const offset = near.reduce((sum, s) => sum + s.offset, 0) / near.length;
  const spread = near.reduce((sum, s) => sum + (s.offset - offset) ** 2, 0);
  // One or two samples say nothing of their spread: the next best delays have to.
  const third = byRtt[2]?.rtt ?? 2 * min;
  const error =
    near.length < 3 ? Math.min(min, third - min) / 2 : Math.sqrt(spread / (near.length - 1) / near.length);
  return { offset, rtt: min, error };
}

/** The server may round to three decimals on the way; a tenth of a ms still tells pings apart. */
const key = (t0: number) => Math.round(t0 * 10);

export class Clock {
  #samples: Sample[] = [];
  #pending = new Set<number>();
  #sent = 0;
  #startedAt = 0;
  #lastSentAt = -Infinity;
  #applied: number | null = null;
  #appliedAt = 0;
  #target = 0;
  #rtt = 0;
  #error = 0;
  #period = CLOCK_PERIOD_MS;
  #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Whether `serverNow` may be relied on: three answers since the first start. */
  get ok(): boolean {
    return this.#applied !== null;
  }
  get rtt(): number {
    return this.#rtt;
  }
  get samples(): readonly Sample[] {
    return this.#samples;
  }
  /** The estimate, before slewing. */
  get target(): number {
    return this.#target;
  }

  /** Expected error in ms, with what is still to be slewed. */
  errorAt(now: number): number {
    return this.#error + Math.abs(this.#target - this.offsetAt(now));
  }

  /** Begins a new window and a new burst. The old offset serves until three new answers are in. */
  restart(now: number): void {
    this.#samples = [];
    this.#pending.clear();
    this.#sent = 0;
    this.#startedAt = now;
    this.#lastSentAt = -Infinity;
  }

  /** Milliseconds until the next ping is due; 0 = now. */
  nextPingIn(now: number): number {
    const since = now - this.#lastSentAt;
    if (this.#sent < CLOCK_BURST) return Math.max(0, CLOCK_BURST_MS - since);
    const period = now - this.#startedAt < CLOCK_FILL_FOR_MS ? CLOCK_FILL_MS : this.#period;
    return Math.max(0, period - since);
  }

  /** Takes note of a ping that leaves now; its `t0` is what the pong must carry. */
  sent(t0: number): void {
    this.#pending.add(key(t0));
    // Lost answers must not pile up for ever.
    if (this.#pending.size > CLOCK_WINDOW) {
      for (const oldest of this.#pending) {
        this.#pending.delete(oldest);
        break;
      }
    }
    this.#sent++;
    this.#lastSentAt = t0;
    this.#period = CLOCK_PERIOD_MS * (1 + CLOCK_JITTER * (2 * this.#random() - 1));
  }

  /** False when the answer is not to be used: unknown, too slow or nonsense. */
  pong(p: Pong): boolean {
    if (!this.#pending.delete(key(p.t0))) return false;
    const rtt = p.t3 - p.t0 - (p.t2 - p.t1);
    const offset = (p.t1 - p.t0 + (p.t2 - p.t3)) / 2;
    if (!Number.isFinite(rtt) || !Number.isFinite(offset)) return false;
    if (rtt < 0 || rtt > CLOCK_MAX_RTT_MS) return false;
    this.#samples.push({ at: p.t3, rtt, offset });
    if (this.#samples.length > CLOCK_WINDOW) this.#samples.shift();
    this.#samples = this.#samples.filter((s) => p.t3 - s.at <= CLOCK_MAX_AGE_MS);
    if (this.#samples.length >= CLOCK_USABLE) this.#apply(p.t3);
    return true;
  }

  #apply(now: number): void {
    const e = estimate(this.#samples);
    if (!e) return;
    const current = this.#applied === null ? null : this.offsetAt(now);
    this.#target = e.offset;
    this.#rtt = e.rtt;
    this.#error = e.error;
    if (current === null || this.#mayStep(Math.abs(e.offset - current))) this.#applied = e.offset;
    else this.#applied = current;
    this.#appliedAt = now;
  }

  /** A fresh window of few samples may be off by half its round trip: only a larger gap is a fact by then. */
  #mayStep(gap: number): boolean {
    const doubt = this.#samples.length >= CLOCK_BEST ? 0 : this.#rtt / 2;
    return gap > CLOCK_STEP_MS + doubt;
  }

  /** The offset in force at a local time: the target, approached by at most 5 ms per second. */
  offsetAt(now: number): number {
    if (this.#applied === null) return 0;
    const room = (Math.max(0, now - this.#appliedAt) / 1000) * CLOCK_SLEW_MS_PER_S;
    const gap = this.#target - this.#applied;
    return this.#applied + Math.max(-room, Math.min(room, gap));
  }

  serverNow(now: number): number {
    return now + this.offsetAt(now);
  }
}
