import en from '$messages/en.json';
import type enRoom from '$messages/en.room.json';
import { format, type Params } from './format';

/**
 * The words of the page. The shell's English is part of the first load, the
 * room's comes with the room (`i18n/room.ts`), and English is the fallback of
 * every key; another language comes as one chunk. Keys are typed by the English
 * catalogues, so a missing one is a compile error.
 */
export type Key = keyof typeof en | keyof typeof enRoom;
export type Locale = 'en' | 'zh-CN';
type Catalogue = Partial<Record<Key, string>>;

export const locales: { id: Locale; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'zh-CN', name: '简体中文' },
];

const storageKey = 'synctv.locale';
const load: Record<Exclude<Locale, 'en'>, () => Promise<Catalogue>> = {
  'zh-CN': async () => {
    const parts = await Promise.all([import('$messages/zh-CN.json'), import('$messages/zh-CN.room.json')]);
    return { ...parts[0].default, ...parts[1].default };
  },
};

let locale = $state<Locale>('en');
let catalogue = $state.raw<Catalogue>(en);
let english = $state.raw<Catalogue>(en);

export const i18n = {
  get locale(): Locale {
    return locale;
  },
  /** For dates and numbers: the reader's region when it speaks the language of the page. */
  get region(): string {
    const language = locale.slice(0, 2);
    return navigator.languages?.find((tag) => tag.slice(0, 2) === language) ?? locale;
  },
  /** Shows the page in another language and remembers it on this device. */
  async use(next: Locale, remember = true): Promise<void> {
    catalogue = next === 'en' ? english : await load[next]();
    locale = next;
    document.documentElement.lang = next;
    if (remember) store(next);
  },
  /** The saved choice, else the browser's, else English. */
  async start(): Promise<void> {
    const wanted = pick(saved() ?? navigator.language ?? 'en');
    if (wanted !== 'en') await this.use(wanted, false).catch(() => undefined);
  },
};

/** The message of a key in the language of the page. */
export function t(key: Key, params?: Params): string {
  return format(catalogue[key] ?? english[key] ?? key, params, locale);
}

/** Adds the English of a part that has come with its own chunk. */
export function learn(more: Catalogue): void {
  english = { ...english, ...more };
  if (locale === 'en') catalogue = english;
}

/** True when such a message exists: for keys made from server slugs. */
export function isKey(key: string): key is Key {
  return Object.hasOwn(english, key);
}

export function pick(language: string): Locale {
  return /^zh/i.test(language) ? 'zh-CN' : 'en';
}

function saved(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}

function store(value: Locale): void {
  try {
    localStorage.setItem(storageKey, value);
  } catch {
    // Storage may be refused; the choice then lasts as long as the page.
  }
}
