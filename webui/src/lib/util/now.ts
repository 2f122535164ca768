import type { NowPlaying } from '$lib/api/types';

/** Where a room is in its film at this moment, from what the card said. */
export function positionNow(now: NowPlaying, at: number): number {
  const run = now.playing ? Math.max(0, at - now.updated_at) / 1000 : 0;
  const position = now.position + run;
  return now.duration ? Math.min(position, now.duration) : position;
}

/** 0..1, or null for live and unknown lengths. */
export function progressNow(now: NowPlaying | null, at: number): number | null {
  return now?.duration ? positionNow(now, at) / now.duration : null;
}
