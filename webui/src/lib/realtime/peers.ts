/** People of a room, as pure functions: who does what, and how it is shown. */
import type { PeerState, PresenceMember } from './types';

export type Dot = 'together' | 'behind' | 'buffer' | 'alone' | 'away';

/** Applies what `playback.peers` says; people it does not name stay as they are. */
export function withPeers(members: PresenceMember[], peers: PeerState[]): PresenceMember[] {
  const by = new Map(peers.map((p) => [p.id, p]));
  return members.map((m) => {
    const p = by.get(m.id);
    return p ? { ...m, state: p.state, drift_ms: p.drift_ms ?? null } : m;
  });
}

/** Which dot a viewer gets. `roomPlaying` tells "paused alone" from "paused with all". */
export function dotOf(m: PresenceMember, toleranceMs: number, roomPlaying: boolean): Dot {
  if (m.state === 'background') return 'away';
  if (m.state === 'buffering' || m.state === 'error') return 'buffer';
  if (roomPlaying && (m.state === 'paused' || m.state === 'blocked')) return 'alone';
  const drift = Math.abs(m.drift_ms ?? 0);
  if (drift <= toleranceMs) return 'together';
  return drift <= 1000 ? 'behind' : 'buffer';
}

/** One of eight fixed colours, by a hash of the id (FNV-1a). */
export function peerClass(id: string): string {
  let h = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193);
  return `p${((h >>> 0) % 8) + 1}`;
}
