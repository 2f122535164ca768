import en from '$messages/en.json';
import { format, type Params } from './format';

/**
 * The words of the page. English is part of the first load and the fallback of
 * every key; other languages come as one chunk each. Keys are typed by the
 * English catalogue, so a missing one is a compile error.
 */
export type Key = keyof typeof en;
export type Locale = 'en' | 'zh-CN';
type Catalogue = Partial<Record<Key, string>>;

export const locales: { id: Locale; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'zh-CN', name: '简体中文' },
];

const storageKey = 'synctv.locale';
const load: Record<Exclude<Locale, 'en'>, () => Promise<{ default: Catalogue }>> = {
  'zh-CN': () => import('$messages/zh-CN.json'),
};

let locale = $state<Locale>('en');
let catalogue = $state.raw<Catalogue>(en);

export const i18n = {
  get locale(): Locale {
    return locale;
  },
  /** Shows the page in another language and remembers it on this device. */
  async use(next: Locale, remember = true): Promise<void> {
    catalogue = next === 'en' ? en : (await load[next]()).default;
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
  return format(catalogue[key] ?? en[key], params, locale);
}

/** True when such a message exists: for keys made from server slugs. */
export function isKey(key: string): key is Key {
  return Object.hasOwn(en, key);
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
