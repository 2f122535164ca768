export type Theme = 'system' | 'dark' | 'light';

const key = 'synctv.theme';

let theme = $state<Theme>(saved());

export const look = {
  get theme(): Theme {
    return theme;
  },
  /** The value is stored bare (not JSON): the boot script reads it before anything else runs. */
  use(next: Theme): void {
    theme = next;
    try {
      if (next === 'system') localStorage.removeItem(key);
      else localStorage.setItem(key, next);
    } catch {
      // Storage may be refused.
    }
    const light =
      next === 'light' || (next === 'system' && matchMedia('(prefers-color-scheme: light)').matches);
    document.documentElement.dataset.theme = light ? 'light' : 'dark';
  },
};

function saved(): Theme {
  try {
    const value = localStorage.getItem(key);
    return value === 'dark' || value === 'light' ? value : 'system';
  } catch {
    return 'system';
  }
}
