/** What the sync badge says. Pure. */
import type { Dot } from '../realtime/peers';
import { drift } from './format';
import type { Held } from './sync';

export interface BadgeFacts {
  offlineMs: number;
  clockOk: boolean;
  live: boolean;
  held: Held;
  spinner: boolean;
  playing: boolean;
  driftMs: number | null;
  toleranceMs: number;
}

export type BadgeText =
  'together' | 'behind' | 'buffer' | 'alone' | 'free' | 'offline' | 'connecting' | 'live';

export interface Badge {
  dot: Dot;
  text: BadgeText;
  /** Figure behind the words: drift, or seconds offline. */
  figure: string;
}

export function badge(f: BadgeFacts): Badge {
  if (f.offlineMs >= 3000)
    return { dot: 'away', text: 'offline', figure: String(Math.floor(f.offlineMs / 1000)) };
  if (f.held === 'paused' || f.held === 'blocked') return { dot: 'alone', text: 'alone', figure: '' };
  if (f.held === 'free') return { dot: 'alone', text: 'free', figure: '' };
  if (f.live) return { dot: 'together', text: 'live', figure: '' };
  if (f.spinner) return { dot: 'buffer', text: 'buffer', figure: '' };
  if (!f.clockOk) return { dot: 'away', text: 'connecting', figure: '' };
  const d = f.playing ? f.driftMs : null;
  if (d === null) return { dot: 'together', text: 'together', figure: '' };
  if (Math.abs(d) <= f.toleranceMs) return { dot: 'together', text: 'together', figure: drift(d) };
  return { dot: Math.abs(d) <= 1000 ? 'behind' : 'buffer', text: 'behind', figure: drift(d) };
}
