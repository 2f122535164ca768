import { t } from '$lib/i18n/index.svelte';
import { dotOf, type Dot } from '$lib/realtime/peers';
import type { PresenceMember } from '$lib/realtime/types';

/** How a viewer stands to the room: the dot, the word, and the number beside it. */
export interface Standing {
  dot: Dot;
  word: string;
  figure: string;
}

export function standing(member: PresenceMember, tolerance: number, playing: boolean): Standing {
  const dot = dotOf(member, tolerance, playing);
  const drift = member.drift_ms ?? 0;
  const size = Math.abs(drift);
  const figure = size >= 400 ? `${(size / 1000).toFixed(1)} s` : `${Math.round(size)} ms`;
  const signed = `${drift < 0 ? '−' : '+'}${figure}`;
  switch (dot) {
    case 'together':
      return {
        dot,
        word: playing ? t('sync.together') : t('sync.waiting'),
        figure: playing && member.drift_ms !== null ? signed : '',
      };
    case 'behind':
      return { dot, word: t('sync.behind'), figure };
    case 'buffer':
      return { dot, word: member.state === 'error' ? t('sync.error') : t('sync.buffer'), figure: '' };
    case 'alone':
      return { dot, word: t('sync.alone'), figure: '' };
    default:
      return { dot, word: t('sync.away'), figure: '' };
  }
}

const rank = { creator: 0, admin: 1, member: 2, guest: 3 };

export function sorted(members: PresenceMember[]): PresenceMember[] {
  return [...members].sort((a, b) => rank[a.role] - rank[b.role] || a.name.localeCompare(b.name));
}
