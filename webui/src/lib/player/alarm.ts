/**
 * A timer that is on time in hidden pages, too: there a small Worker keeps it,
 * because browsers let page timers run once a second or once a minute.
 */
const source = 'let t;onmessage=e=>{clearTimeout(t);if(e.data>=0)t=setTimeout(()=>postMessage(0),e.data)}';

export class Alarm {
  #fn: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #worker: Worker | null = null;

  constructor(fn: () => void) {
    this.#fn = fn;
  }

  /** Rings once after so many ms; an earlier setting is forgotten. */
  set(ms: number): void {
    clearTimeout(this.#timer);
    if (document.hidden && this.#startWorker()) {
      this.#worker?.postMessage(ms);
      return;
    }
    this.#worker?.postMessage(-1);
    this.#timer = setTimeout(this.#fn, ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#worker = null;
  }

  #startWorker(): boolean {
    if (this.#worker) return true;
    if (typeof Worker === 'undefined') return false;
    try {
      const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
      this.#worker = new Worker(url);
      URL.revokeObjectURL(url);
      this.#worker.onmessage = () => this.#fn();
      return true;
    } catch {
      return false; // refused by a policy: page timers have to do
    }
  }
}
