/**
 * The one formula for a position, and the one order of states. Pure; the Go
 * side has the same two functions.
 */
import type { PlaybackState } from './types';

/** Position in seconds at a time of the media clock. */
export function positionAt(s: PlaybackState, t: number): number {
  let p = s.position;
  if (s.playing && !s.hold && t > s.updated_at) p += ((t - s.updated_at) / 1000) * s.rate;
  const duration = s.media?.duration ?? 0;
  return duration > 0 && p > duration ? duration : p;
}

/** Whether a state replaces another: a higher epoch wins, then a higher version. */
export function newer(s: PlaybackState, than: PlaybackState | null): boolean {
  if (!than) return true;
  return s.epoch > than.epoch || (s.epoch === than.epoch && s.version > than.version);
}
