import { t } from '$lib/i18n/index.svelte';
import type { PlaybackState, PresenceMember } from '$lib/realtime/types';
import { clock } from '$lib/util/time';

/** Who did what last with the film, in words; empty when nobody did. */
export function lastAction(state: PlaybackState | null, members: PresenceMember[], me: string): string {
  if (!state?.media || !state.actor) return '';
  const who =
    state.actor === me ? t('action.you') : members.find((member) => member.id === state.actor)?.name;
  if (!who) return '';
  switch (state.reason) {
    case 'play':
      return t('action.play', { who });
    case 'pause':
      return t('action.pause', { who });
    case 'seek':
      return t('action.seek', { who, time: clock(state.position) });
    case 'rate':
      return t('action.rate', { who, rate: String(state.rate) });
    case 'select':
    case 'next':
    case 'prev':
      return t('action.select', { who });
    default:
      return '';
  }
}
