import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import '$lib/i18n/room';
import Timeline from './Timeline.svelte';
import type { PlayerModel } from './player.svelte';

const member = (id: string, drift_ms: number, state = 'playing') => ({
  id,
  kind: 'user',
  name: id,
  role: 'member',
  devices: 1,
  state,
  drift_ms,
});

function show(change: object = {}, locked = false) {
  const model = {
    duration: 3600,
    time: 723,
    target: null,
    drift: 0,
    buffered: [[700, 900]],
    session: {
      me: { id: 'me' },
      members: [member('me', 0), member('jo', 0), member('kofi', -700), member('gone', 0, 'background')],
      playback: { playing: true, media: { live: false } },
    },
    seekTo: vi.fn(),
    seekBy: vi.fn(),
    ...change,
  };
  render(Timeline, { model: model as unknown as PlayerModel, tolerance: 200, locked });
  const slider = screen.getByRole('slider');
  slider.getBoundingClientRect = () => ({ left: 0, width: 1000 }) as DOMRect;
  slider.setPointerCapture = () => {};
  return { model, slider };
}
afterEach(cleanup);

describe('the timeline', () => {
  it('speaks its position in words', () => {
    const { slider } = show();
    expect(slider.getAttribute('aria-valuetext')).toBe('12 minutes 3 seconds of 1 hour');
    expect(slider.getAttribute('aria-valuemax')).toBe('3600');
    expect(slider.getAttribute('aria-valuenow')).toBe('723');
  });
  it('sends a drag once, on release', async () => {
    const { model, slider } = show();
    await fireEvent.pointerDown(slider, { clientX: 100, button: 0, pointerId: 1 });
    await fireEvent.pointerMove(slider, { clientX: 250, pointerId: 1 });
    await fireEvent.pointerMove(slider, { clientX: 500, pointerId: 1 });
    expect(model.seekTo).not.toHaveBeenCalled();
    expect(slider.textContent).toContain('30:00');
    await fireEvent.pointerUp(slider, { clientX: 500, pointerId: 1 });
    expect(model.seekTo.mock.calls).toEqual([[1800]]);
  });
  it('moves by keys', async () => {
    const { model, slider } = show();
    for (const key of ['ArrowRight', 'ArrowDown', 'PageUp', 'Home', 'End'])
      await fireEvent.keyDown(slider, { key });
    await fireEvent.keyDown(slider, { key: 'ArrowLeft', shiftKey: true });
    expect(model.seekBy.mock.calls.flat()).toEqual([5, -5, 60, -60]);
    expect(model.seekTo.mock.calls.flat()).toEqual([0, 3600]);
  });
  it('shows the others, not us and not who is away', () => {
    show();
    const titles = [...document.querySelectorAll('.pe')].map((e) => e.getAttribute('title'));
    expect(titles).toEqual(['jo, in sync', 'kofi, catching up']);
  });
  it('does not drag when locked, but says why', async () => {
    const { model, slider } = show({}, true);
    expect(slider.getAttribute('aria-disabled')).toBe('true');
    await fireEvent.pointerDown(slider, { clientX: 500, button: 0, pointerId: 1 });
    expect(model.seekTo).toHaveBeenCalledTimes(1); // the model answers with a line
    await fireEvent.pointerUp(slider, { clientX: 700, pointerId: 1 });
    expect(model.seekTo).toHaveBeenCalledTimes(1);
  });
  it('does nothing without a length', async () => {
    const { model, slider } = show({ duration: 0 });
    await fireEvent.pointerDown(slider, { clientX: 500, button: 0, pointerId: 1 });
    expect(model.seekTo).not.toHaveBeenCalled();
    expect(slider.getAttribute('aria-valuetext')).toBe('12 minutes 3 seconds');
  });
});
