/**
 * PlayerModel: what the player shows, and what its buttons do.
 *
 * The rule: whatever a person wants goes to the room as a command, when they
 * may; what stays with this viewer (sound, subtitles, a pause of their own)
 * never leaves this file. Svelte components read the fields and call the
 * methods; nobody else touches the element.
 */
import * as C from '../realtime/constants';
import type { RoomSession } from '../realtime/room.svelte';
import type { CommandResult, PlaybackState } from '../realtime/types';
import { Captions, preferred } from './captions.svelte';
import { inspect } from './debug';
import { Loader } from './loader.svelte';
import { ScreenLock, SystemControls } from './mediasession';
import { loadPrefs, savePrefs } from './prefs';
import type { Prefs } from './prefs';
import { SyncDriver } from './syncdriver';
import type { Held } from './sync';

/** A short line over the film; the text is chosen by the overlay. */
export interface Line {
  id: number;
  code: string;
}

/** The server takes ten playback commands at once, then one per second. */
const SEEK_BURST = 6;
const SEEK_BURST_MS = 10_000;
const SEEK_SHOWN_MS = 1200;

export type Gate = 'ok' | 'offline' | 'permission' | 'live' | 'empty';

type PictureVideo = HTMLVideoElement & { webkitEnterFullscreen?: () => void };

export class PlayerModel {
  time = $state(0);
  duration = $state(0);
  /** Buffered ranges in seconds. */
  buffered = $state.raw<[number, number][]>([]);
  held = $state<Held>(null);
  spinner = $state(false);
  drift = $state<number | null>(null);
  aligning = $state(false);
  latency = $state<number | null>(null);
  behind = $state(false);
  otherCut = $state(false);
  mutedStart = $state(false);
  volume = $state(0.8);
  muted = $state(false);
  ownRate = $state(1);
  fullscreen = $state(false);
  pip = $state(false);
  canPip = $state(false);
  canVolume = $state(true);
  stats = $state(false);
  line = $state.raw<Line | null>(null);
  /** A seek that is being chosen or on its way. */
  target = $state<number | null>(null);
  prefs = $state<Prefs>(loadPrefs());

  readonly session: RoomSession;
  readonly captions = new Captions();
  loader = $state.raw<Loader | null>(null);
  driver: SyncDriver | null = null;

  #video: PictureVideo | null = null;
  #stage: HTMLElement | null = null;
  #theatre: () => void;
  #system: SystemControls | null = null;
  #screen: ScreenLock | null = null;
  #undo: (() => void)[] = [];
  #waitingSince: number | null = null;
  #spinTimer: ReturnType<typeof setTimeout> | undefined;
  #lineTimer: ReturnType<typeof setTimeout> | undefined;
  #seekTimer: ReturnType<typeof setTimeout> | undefined;
  #targetTimer: ReturnType<typeof setTimeout> | undefined;
  #lineId = 0;
  #seeksAt: number[] = [];
  #infoOf = '';

  constructor(session: RoomSession, toggleTheatre: () => void) {
    this.session = session;
    this.#theatre = toggleTheatre;
    this.volume = this.prefs.volume;
    this.muted = this.prefs.muted;
  }

  attach(video: HTMLVideoElement, stage: HTMLElement): () => void {
    this.#video = video;
    this.#stage = stage;
    video.volume = 0.5;
    this.canVolume = video.volume === 0.5; // iPhones keep it to themselves
    this.#applySound();
    this.canPip = document.pictureInPictureEnabled === true;
    // The loader needs the driver and the driver reports media to the loader at once.
    const loader = new Loader(
      this.session,
      video,
      () => this.#driverOrThrow(),
      () => this.prefs.quality,
    );
    this.loader = loader;
    let first: PlaybackState | null = null;
    this.driver = new SyncDriver(this.session, video, {
      changed: () => this.#refresh(),
      media: (s) => (this.driver ? this.#media(s) : (first = s)),
      mutedStart: () => {
        this.mutedStart = true;
        this.muted = true;
      },
      failed: () => loader.engine === null || void loader.again(),
      behind: () => this.#behind(),
    });
    this.driver.ctl.delayMs = this.prefs.delayMs;
    if (first) this.#media(first);
    this.#listen(video);
    if (new URLSearchParams(location.search).get('debug') === 'sync') this.#expose();
    return () => this.#stop();
  }

  #driverOrThrow(): SyncDriver {
    if (!this.driver) throw new Error('player: no driver');
    return this.driver;
  }

  #listen(video: HTMLVideoElement): void {
    const on = (target: EventTarget, name: string, fn: () => void) => {
      target.addEventListener(name, fn);
      this.#undo.push(() => target.removeEventListener(name, fn));
    };
    on(video, 'timeupdate', () => this.#refresh());
    on(video, 'progress', () => this.#refresh());
    on(video, 'enterpictureinpicture', () => (this.pip = true));
    on(video, 'leavepictureinpicture', () => (this.pip = false));
    on(document, 'fullscreenchange', () => (this.fullscreen = document.fullscreenElement === this.#stage));
    const remote = video.remote as RemotePlayback | undefined;
    if (remote) {
      const state = () => this.driver && (this.driver.ctl.remote = remote.state === 'connected');
      for (const name of ['connect', 'connecting', 'disconnect']) on(remote, name, state);
    }
    this.#undo.push(this.session.on('path', () => this.loader?.online()));
    this.#system = new SystemControls({
      play: () => void this.play(),
      pause: () => void this.pauseFromOutside(),
      seekBy: (s) => this.seekBy(s),
      seekTo: (s) => this.seekTo(s),
      next: () => void this.next(),
      prev: () => void this.prev(),
    });
    this.#screen = new ScreenLock();
  }

  #stop(): void {
    for (const fn of this.#undo) fn();
    this.#undo = [];
    this.#system?.stop();
    this.#screen?.stop();
    this.driver?.stop();
    this.loader?.stop();
    this.captions.stop();
    for (const t of [this.#spinTimer, this.#lineTimer, this.#seekTimer, this.#targetTimer]) clearTimeout(t);
    delete window.__sync;
  }

  #media(s: PlaybackState): void {
    this.target = null;
    this.behind = false;
    this.otherCut = false;
    if (this.driver) this.driver.ctl.wide = false;
    this.#infoOf = '';
    this.captions.reset([], null);
    void this.loader?.open(s.generation, s.media?.id ?? null);
  }

  /* ---------- what is shown ---------- */

  #refresh(): void {
    const { driver } = this;
    const v = this.#video;
    const s = this.session.playback;
    if (!driver || !v) return;
    const room = s?.media?.duration ?? 0;
    const own = Number.isFinite(v.duration) ? v.duration : 0;
    this.duration = room > 0 ? room : own;
    this.time = v.readyState > 0 ? v.currentTime : this.session.position();
    this.held = driver.ctl.held;
    this.drift = driver.ctl.drift;
    this.aligning = driver.ctl.aligning;
    this.otherCut = room > 0 && own > 0 && Math.abs(room - own) > C.OTHER_CUT_S;
    this.latency = s?.media?.live ? (this.loader?.engine?.liveLatency() ?? null) : null;
    this.#ranges(v);
    this.#spin(driver, v);
    this.captions.update(v.currentTime);
    this.#adoptInfo();
    const playing = driver.ctl.shouldPlay && this.held !== 'paused' && this.held !== 'blocked';
    this.#screen?.want(playing && this.loader?.phase === 'ready');
    this.#system?.show({
      title: s?.media ? (this.loader?.info?.title ?? s.media.name) : '',
      room: this.session.roomName,
      poster: this.loader?.info?.poster ?? null,
      playing,
      duration: this.duration,
      position: this.time,
      rate: s?.rate ?? 1,
    });
  }

  #ranges(v: HTMLVideoElement): void {
    const out: [number, number][] = [];
    for (let i = 0; i < v.buffered.length; i++) out.push([v.buffered.start(i), v.buffered.end(i)]);
    const same =
      out.length === this.buffered.length &&
      out.every(([a, b], i) => a === this.buffered[i]![0] && Math.abs(b - this.buffered[i]![1]) < 0.5);
    if (!same) this.buffered = out;
  }

  /** A spinner only for what lasts longer than 400 ms. */
  #spin(driver: SyncDriver, v: HTMLVideoElement): void {
    const loading = this.loader?.phase === 'loading';
    const starved = driver.ctl.shouldPlay && !this.held && v.readyState < 3 && this.loader?.phase === 'ready';
    const waits = loading || (starved && !v.ended);
    if (!waits) {
      this.#waitingSince = null;
      clearTimeout(this.#spinTimer);
      this.spinner = false;
    } else if (this.#waitingSince === null) {
      this.#waitingSince = this.session.now();
      this.#spinTimer = setTimeout(() => (this.spinner = true), C.SPINNER_MS);
    }
  }

  #adoptInfo(): void {
    const info = this.loader?.info;
    if (!info || info.media_id === this.#infoOf) return;
    this.#infoOf = info.media_id;
    const wish = { on: this.prefs.subtitles, lang: this.prefs.subtitleLang };
    this.captions.reset(info.subtitles, preferred(info.subtitles, wish, navigator.languages));
  }

  #behind(): void {
    if (this.loader?.lower()) return;
    if (this.driver) this.driver.ctl.wide = true;
    this.behind = true;
  }

  /** A line over the film for four seconds. */
  say(code: string): void {
    this.line = { id: ++this.#lineId, code };
    clearTimeout(this.#lineTimer);
    this.#lineTimer = setTimeout(() => (this.line = null), 4000);
  }

  /* ---------- what one may ---------- */

  gate(permission: 'play_control' | 'change_current_media' | 'change_playback_rate'): Gate {
    const { session } = this;
    if (session.controlsLocked || session.status === 'gone') return 'offline';
    if (!session.can(permission)) return 'permission';
    const live = session.playback?.media?.live;
    if (live && permission === 'change_playback_rate') return 'live';
    return session.playback?.media || permission === 'change_current_media' ? 'ok' : 'empty';
  }

  #may(permission: Parameters<PlayerModel['gate']>[0]): boolean {
    const g = this.gate(permission);
    if (g !== 'ok') this.say(`gate.${g}`);
    return g === 'ok';
  }

  async #sent(result: Promise<CommandResult>): Promise<boolean> {
    const r = await result;
    if (!r.ok) this.say(`reject.${r.code}`);
    return r.ok;
  }

  /** What the play button stands for: the room, with our own command already in it. */
  get playing(): boolean {
    const pending = this.session.pendingCommand?.do;
    if (pending === 'play') return true;
    if (pending === 'pause') return false;
    return this.session.playback?.playing ?? false;
  }

  /* ---------- room commands ---------- */

  toggle(): void {
    if (this.held === 'paused' || this.held === 'blocked') return this.rejoin();
    void (this.playing ? this.pause() : this.play());
  }

  async play(): Promise<void> {
    if (this.held === 'paused' || this.held === 'blocked') this.rejoin();
    if (this.playing || !this.#may('play_control')) return;
    await this.#sent(this.session.play());
  }

  async pause(): Promise<void> {
    if (!this.playing || !this.#may('play_control') || !this.driver) return;
    if (this.session.playback?.media?.live) return this.driver.pauseAlone();
    const ok = await this.#sent(this.session.pause(this.driver.pauseNow()));
    if (!ok) this.driver.ctl.forgetPause();
    this.driver.kick();
  }

  /** A headset or the lock screen: for everyone by those who may, for oneself by the others. */
  async pauseFromOutside(): Promise<void> {
    if (this.gate('play_control') === 'ok') return this.pause();
    if (this.session.playback?.playing && this.held === null) this.driver?.pauseAlone();
  }

  /** "Start now" while the room waits. */
  startNow(): void {
    if (this.#may('play_control')) void this.#sent(this.session.play());
  }

  seekTo(seconds: number): void {
    if (this.session.playback?.media?.live) return this.say('gate.live');
    if (!this.#may('play_control')) return;
    const to = Math.max(0, this.duration > 0 ? Math.min(seconds, this.duration) : seconds);
    this.#aim(to);
    void this.#sent(this.session.seek(to)).then((ok) => ok || (this.target = null));
  }

  /** Keys repeat: the first press goes at once, then the last target every 250 ms, or every second when it goes on. */
  seekBy(seconds: number): void {
    if (this.session.playback?.media?.live) return this.say('gate.live');
    if (!this.#may('play_control')) return;
    const from = this.target ?? this.session.position();
    const to = Math.max(0, this.duration > 0 ? Math.min(from + seconds, this.duration) : from + seconds);
    this.#aim(to);
    if (this.#seekTimer !== undefined) return;
    const now = this.session.now();
    this.#seeksAt = this.#seeksAt.filter((t) => now - t < SEEK_BURST_MS);
    const gap = this.#seeksAt.length < SEEK_BURST ? C.SEEK_REPEAT_MS : 1000;
    const wait = Math.max(0, (this.#seeksAt.at(-1) ?? -Infinity) + gap - now);
    const send = () => {
      this.#seekTimer = undefined;
      if (this.target === null) return;
      this.#seeksAt.push(this.session.now());
      void this.#sent(this.session.seek(this.target));
    };
    if (wait === 0) send();
    else this.#seekTimer = setTimeout(send, wait);
  }

  /** Shows where the room is going, until it is there or 2 s have passed. */
  #aim(to: number): void {
    this.target = to;
    clearTimeout(this.#targetTimer);
    this.#targetTimer = setTimeout(() => (this.target = null), SEEK_SHOWN_MS);
  }

  async next(): Promise<void> {
    if (this.#may('change_current_media')) await this.#sent(this.session.next());
  }
  async prev(): Promise<void> {
    if (this.#may('change_current_media')) await this.#sent(this.session.prev());
  }
  setRate(rate: number): void {
    if (this.#may('change_playback_rate')) void this.#sent(this.session.setRate(rate));
  }

  /* ---------- this viewer alone ---------- */

  rejoin(): void {
    this.mutedStart = false;
    this.muted = this.prefs.muted;
    this.#applySound(); // before play(): the gesture allows sound now
    this.driver?.rejoin();
  }
  resync(): void {
    if (this.held) return this.rejoin();
    this.session.remeasure();
    this.driver?.resync();
  }
  unmute(): void {
    this.mutedStart = false;
    this.setMuted(false);
    this.driver?.kick();
  }

  /** A rate of one's own leaves the room's time until one returns. */
  setOwnRate(rate: number | null): void {
    if (!this.driver || !this.#video) return;
    if (rate === null) return this.rejoin();
    this.driver.hold('free');
    this.ownRate = rate;
    this.#video.playbackRate = rate;
  }

  /** While a finger rests on the film, twice as fast; only away from the room's time. */
  hurry(down: boolean): void {
    if (this.held === 'free' && this.#video) this.#video.playbackRate = down ? 2 : this.ownRate;
  }

  setVolume(volume: number): void {
    this.volume = Math.max(0, Math.min(1, volume));
    this.muted = this.volume === 0;
    this.mutedStart = false;
    this.#applySound();
    this.#save({ volume: this.volume || this.prefs.volume, muted: this.muted });
  }
  setMuted(muted: boolean): void {
    this.muted = muted;
    if (!muted && this.volume === 0) this.volume = 0.5;
    this.mutedStart = this.mutedStart && muted;
    this.#applySound();
    this.#save({ muted });
  }
  #applySound(): void {
    if (!this.#video) return;
    this.#video.volume = this.volume;
    this.#video.muted = this.muted;
  }

  setDelay(ms: number): void {
    const delayMs = Math.max(-C.DELAY_LIMIT_MS, Math.min(C.DELAY_LIMIT_MS, Math.round(ms)));
    this.#save({ delayMs });
    if (this.driver) this.driver.ctl.delayMs = delayMs;
  }
  setQuality(variantId: string, label: string): void {
    this.#save({ quality: label });
    this.loader?.use(variantId);
  }
  setSubtitle(id: string | null): void {
    const track = this.captions.tracks.find((t) => t.id === id);
    this.#save({ subtitles: id !== null, ...(track?.lang ? { subtitleLang: track.lang } : {}) });
    this.captions.select(id);
  }
  toggleSubtitles(): void {
    const { captions } = this;
    if (captions.tracks.length === 0) return this.say('subtitles.none');
    const wish = { on: true, lang: this.prefs.subtitleLang };
    const tracks = this.loader?.info?.subtitles ?? [];
    this.setSubtitle(
      captions.current !== null
        ? null
        : (preferred(tracks, wish, navigator.languages) ?? captions.tracks[0]?.id ?? null),
    );
  }
  change(p: Partial<Prefs>): void {
    this.#save(p);
  }
  #save(p: Partial<Prefs>): void {
    Object.assign(this.prefs, p);
    savePrefs($state.snapshot(this.prefs));
  }

  /* ---------- the frame around it ---------- */

  async toggleFullscreen(): Promise<void> {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else if (this.#stage?.requestFullscreen) await this.#stage.requestFullscreen();
      else this.#video?.webkitEnterFullscreen?.(); // iPhone: the system's player, without our controls
    } catch {
      this.say('fullscreen.refused');
    }
  }
  async togglePip(): Promise<void> {
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture();
      else await this.#video?.requestPictureInPicture();
    } catch {
      this.say('pip.refused');
    }
  }
  toggleTheatre(): void {
    this.#theatre();
  }
  toggleStats(): void {
    this.stats = !this.stats;
    if (this.stats) this.#expose();
  }

  #expose(): void {
    if (this.driver) window.__sync = inspect(this.session, this.driver);
  }
}
