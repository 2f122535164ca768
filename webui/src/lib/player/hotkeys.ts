/**
 * Which key does what to playback. Pure but for `watch`; what an action needs
 * and whether it may happen is decided by the player.
 */
export type Action =
  | { do: 'toggle' | 'next' | 'prev' | 'faster' | 'slower' | 'mute' | 'fullscreen' | 'theatre' }
  | { do: 'pip' | 'subtitles' | 'resync' | 'stats' | 'frame-back' | 'frame-forward' | 'start' | 'end' }
  | { do: 'seek-by'; seconds: number }
  | { do: 'seek-to'; fraction: number }
  | { do: 'volume'; by: number };

type Press = Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey'>;

const plainKeys: Record<string, Action> = {
  ' ': { do: 'toggle' },
  k: { do: 'toggle' },
  j: { do: 'seek-by', seconds: -10 },
  l: { do: 'seek-by', seconds: 10 },
  arrowleft: { do: 'seek-by', seconds: -5 },
  arrowright: { do: 'seek-by', seconds: 5 },
  ',': { do: 'frame-back' },
  '.': { do: 'frame-forward' },
  home: { do: 'start' },
  end: { do: 'end' },
  arrowup: { do: 'volume', by: 0.05 },
  arrowdown: { do: 'volume', by: -0.05 },
  m: { do: 'mute' },
  f: { do: 'fullscreen' },
  t: { do: 'theatre' },
  i: { do: 'pip' },
  c: { do: 'subtitles' },
  r: { do: 'resync' },
};

const shiftKeys: Record<string, Action> = {
  arrowleft: { do: 'seek-by', seconds: -60 },
  arrowright: { do: 'seek-by', seconds: 60 },
  n: { do: 'next' },
  p: { do: 'prev' },
  d: { do: 'stats' },
  '<': { do: 'slower' },
  '>': { do: 'faster' },
};

export function actionFor(e: Press): Action | null {
  if (e.ctrlKey || e.metaKey || e.altKey) return null;
  const key = e.key.toLowerCase();
  if (e.shiftKey) return shiftKeys[key] ?? null;
  if (/^[0-9]$/.test(key)) return { do: 'seek-to', fraction: Number(key) / 10 };
  // Layouts where < and > need no Shift.
  return plainKeys[key] ?? (key === '<' || key === '>' ? shiftKeys[key]! : null);
}

/** Keys belong to fields, to open dialogs and menus, and to a focused control that uses them itself. */
export function taken(target: EventTarget | null, key: string): boolean {
  const el = target instanceof Element ? target : null;
  if (!el) return false;
  if (el.matches('input[type="range"]')) return /^(arrow|home|end|page)/i.test(key);
  if (el.closest('input, textarea, select, [contenteditable=""], [contenteditable="true"]')) return true;
  if (el.closest('[role="menu"], [role="dialog"], [role="listbox"], [role="tablist"], dialog')) return true;
  if (el.ownerDocument.querySelector('dialog[open]')) return true;
  return key === ' ' && el.closest('button, a, summary, [role="button"]') !== null;
}

export function watch(run: (a: Action) => void, enabled: () => boolean): () => void {
  const down = (e: KeyboardEvent) => {
    if (e.defaultPrevented || e.isComposing || taken(e.target, e.key)) return;
    const action = enabled() ? actionFor(e) : null;
    if (!action) return;
    const holds = action.do === 'seek-by' || action.do === 'volume' || action.do.startsWith('frame');
    if (e.repeat && !holds) return;
    e.preventDefault();
    run(action);
  };
  document.addEventListener('keydown', down);
  return () => document.removeEventListener('keydown', down);
}
