/** What a viewer likes, kept on this device. */
import { read, write } from '../util/storage';

export interface Prefs {
  volume: number;
  muted: boolean;
  /** Subtitles: wanted at all, their language, size in percent and a plate behind them. */
  subtitles: boolean;
  subtitleLang: string;
  subtitleSize: number;
  subtitlePlate: boolean;
  delayMs: number;
  /** Label of the wanted variant, e.g. 1080p. */
  quality: string;
  /** Single-key shortcuts. */
  keys: boolean;
}

const key = 'synctv.player';
const defaults: Prefs = {
  volume: 0.8,
  muted: false,
  subtitles: true,
  subtitleLang: '',
  subtitleSize: 100,
  subtitlePlate: false,
  delayMs: 0,
  quality: '',
  keys: true,
};

const between = (x: number, min: number, max: number) => Math.max(min, Math.min(max, x));

export function loadPrefs(): Prefs {
  const saved = read<Partial<Prefs>>('local', key) ?? {};
  const p = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof Prefs)[]) {
    if (typeof saved[name] === typeof defaults[name]) (p as Record<string, unknown>)[name] = saved[name];
  }
  p.volume = between(p.volume, 0, 1);
  p.subtitleSize = between(p.subtitleSize, 50, 200);
  p.delayMs = between(p.delayMs, -500, 500);
  return p;
}

export const savePrefs = (p: Prefs): void => write('local', key, p);
