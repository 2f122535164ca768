/** Times and drifts as the player shows them. Pure. */
import { clock } from '../util/time';

export { clock };

/** +8 ms, −0.7 s: with a real minus, and no more digits than one can feel. */
export function drift(ms: number): string {
  const sign = ms < 0 ? '−' : '+';
  const abs = Math.abs(ms);
  return abs < 500 ? `${sign}${Math.round(abs)} ms` : `${sign}${(abs / 1000).toFixed(1)} s`;
}

export interface Spoken {
  h: number;
  m: number;
  s: number;
}

/** Parts of a time for `aria-valuetext`. */
export function parts(seconds: number): Spoken {
  const t = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  return { h: Math.floor(t / 3600), m: Math.floor(t / 60) % 60, s: t % 60 };
}

/** 1×, 1.25×, 0.5× */
export const times = (rate: number): string => `${Number(rate.toFixed(2))}×`;

export const RATES = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2] as const;

/** The next faster or slower rate of the list. */
export function stepRate(rate: number, up: boolean): number {
  const list = [...RATES];
  return up
    ? (list.find((r) => r > rate + 1e-6) ?? list.at(-1)!)
    : (list.reverse().find((r) => r < rate - 1e-6) ?? RATES[0]);
}
