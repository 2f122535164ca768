import type { RoomCard } from '$lib/api/types';

/**
 * Which door a visitor stands before. Pure, from the room's card, whether one is
 * signed in, and what the server said to the last try.
 */
export type Door =
  | { state: 'join'; password: boolean }
  | { state: 'guest'; password: boolean }
  | { state: 'signin' }
  | { state: 'pending' }
  | { state: 'closed'; reason: Closed };

export type Closed =
  | 'room-closed'
  | 'room-banned'
  | 'room-pending'
  | 'member-banned'
  | 'kick-cooldown'
  | 'quota-exceeded'
  | 'account-pending'
  | 'account-banned';

const closed = new Set<string>([
  'room-closed',
  'room-banned',
  'room-pending',
  'member-banned',
  'kick-cooldown',
  'quota-exceeded',
  'account-pending',
  'account-banned',
]);

export function admission(card: RoomCard, signedIn: boolean, siteGuests: boolean, refused: string): Door {
  if (closed.has(refused)) return { state: 'closed', reason: refused as Closed };
  if (card.status === 'closed') return { state: 'closed', reason: 'room-closed' };
  if (card.status === 'banned') return { state: 'closed', reason: 'room-banned' };
  if (card.status === 'pending') return { state: 'closed', reason: 'room-pending' };
  if (card.my_status === 'banned') return { state: 'closed', reason: 'member-banned' };
  if (card.my_status === 'pending' || refused === 'member-pending') return { state: 'pending' };
  if (signedIn) return { state: 'join', password: card.need_password };
  if (card.guests && siteGuests && refused !== 'guest-not-allowed') {
    return { state: 'guest', password: card.need_password };
  }
  return { state: 'signin' };
}
