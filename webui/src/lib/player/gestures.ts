/**
 * Taps, double taps, swipes and long presses on the film. A finger and a mouse
 * mean different things: a tap shows the controls, a click plays or pauses.
 */
export type Side = 'left' | 'middle' | 'right';

export interface GestureHooks {
  tap(): void;
  doubleTap(side: Side): void;
  swipeUp(): void;
  click(): void;
  doubleClick(): void;
  /** A finger rests (true), and leaves (false). */
  press(down: boolean): void;
}

const DOUBLE_MS = 280;
const PRESS_MS = 500;
const MOVED_PX = 12;
const SWIPE_PX = 60;

export const sideOf = (x: number, width: number): Side =>
  x < width * 0.35 ? 'left' : x > width * 0.65 ? 'right' : 'middle';

export class Gestures {
  #hooks: GestureHooks;
  #from: { x: number; y: number } | null = null;
  #pressed = false;
  #pressTimer: ReturnType<typeof setTimeout> | undefined;
  #tapTimer: ReturnType<typeof setTimeout> | undefined;
  #lastTap: { at: number; side: Side } | null = null;
  #clickTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(hooks: GestureHooks) {
    this.#hooks = hooks;
  }

  attach(el: HTMLElement): () => void {
    const down = (e: PointerEvent) => this.#down(e);
    const up = (e: PointerEvent) => this.#up(e, el);
    const move = (e: PointerEvent) => this.#move(e);
    const cancel = () => this.#cancel();
    el.addEventListener('pointerdown', down);
    el.addEventListener('pointerup', up);
    el.addEventListener('pointermove', move);
    el.addEventListener('pointercancel', cancel);
    return () => {
      el.removeEventListener('pointerdown', down);
      el.removeEventListener('pointerup', up);
      el.removeEventListener('pointermove', move);
      el.removeEventListener('pointercancel', cancel);
      this.#cancel();
      clearTimeout(this.#tapTimer);
      clearTimeout(this.#clickTimer);
    };
  }

  #down(e: PointerEvent): void {
    if (e.button !== 0) return;
    this.#from = { x: e.clientX, y: e.clientY };
    if (e.pointerType === 'mouse') return;
    this.#pressTimer = setTimeout(() => {
      this.#pressed = true;
      this.#hooks.press(true);
    }, PRESS_MS);
  }

  #move(e: PointerEvent): void {
    if (!this.#from) return;
    if (Math.hypot(e.clientX - this.#from.x, e.clientY - this.#from.y) > MOVED_PX)
      clearTimeout(this.#pressTimer);
  }

  #cancel(): void {
    clearTimeout(this.#pressTimer);
    if (this.#pressed) this.#hooks.press(false);
    this.#pressed = false;
    this.#from = null;
  }

  #up(e: PointerEvent, el: HTMLElement): void {
    const from = this.#from;
    const rested = this.#pressed;
    this.#cancel();
    if (!from || rested) return;
    const dx = e.clientX - from.x;
    const dy = e.clientY - from.y;
    if (e.pointerType !== 'mouse' && dy < -SWIPE_PX && Math.abs(dy) > 2 * Math.abs(dx))
      return this.#hooks.swipeUp();
    if (Math.hypot(dx, dy) > MOVED_PX) return;
    if (e.pointerType === 'mouse') this.#click(e.timeStamp);
    else this.#tap(e.timeStamp, sideOf(e.clientX - el.getBoundingClientRect().left, el.clientWidth));
  }

  #tap(at: number, side: Side): void {
    const last = this.#lastTap;
    clearTimeout(this.#tapTimer);
    if (last && last.side === side && at - last.at < DOUBLE_MS) {
      // A third tap at the side goes on: it is another ten seconds.
      this.#lastTap = side === 'middle' ? null : { at, side };
      return this.#hooks.doubleTap(side);
    }
    this.#lastTap = { at, side };
    this.#tapTimer = setTimeout(() => this.#hooks.tap(), DOUBLE_MS);
  }

  /** The first click waits for a second one: a double click must not pause the room and start it again. */
  #click(at: number): void {
    if (this.#lastTap && at - this.#lastTap.at < DOUBLE_MS) {
      this.#lastTap = null;
      clearTimeout(this.#clickTimer);
      return this.#hooks.doubleClick();
    }
    this.#lastTap = { at, side: 'middle' };
    this.#clickTimer = setTimeout(() => this.#hooks.click(), DOUBLE_MS);
  }
}
