/** What a key does, through the same methods as the buttons. */
import { RATES, stepRate } from './format';
import type { Action } from './hotkeys';
import type { PlayerModel } from './player.svelte';

const FRAME_S = 1 / 25;

export function perform(model: PlayerModel, a: Action): void {
  const { session, duration } = model;
  switch (a.do) {
    case 'toggle':
      return model.toggle();
    case 'seek-by':
      return model.seekBy(a.seconds);
    case 'seek-to':
      return duration > 0 ? model.seekTo(a.fraction * duration) : undefined;
    case 'start':
      return model.seekTo(0);
    case 'end':
      return duration > 0 ? model.seekTo(duration) : undefined;
    case 'frame-back':
    case 'frame-forward':
      return session.playback?.playing ? undefined : model.seekBy(a.do === 'frame-back' ? -FRAME_S : FRAME_S);
    case 'next':
      return void model.next();
    case 'prev':
      return void model.prev();
    case 'faster':
    case 'slower': {
      const now = session.playback?.rate ?? 1;
      const rate = stepRate(now, a.do === 'faster');
      return rate === now || !RATES.some((r) => r === rate) ? undefined : model.setRate(rate);
    }
    case 'volume':
      return model.setVolume(model.volume + a.by);
    case 'mute':
      return model.setMuted(!model.muted);
    case 'fullscreen':
      return void model.toggleFullscreen();
    case 'theatre':
      return model.toggleTheatre();
    case 'pip':
      return void model.togglePip();
    case 'subtitles':
      return model.toggleSubtitles();
    case 'resync':
      return model.resync();
    case 'stats':
      return model.toggleStats();
  }
}
