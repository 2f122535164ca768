/**
 * Connects the controller to a real element, a real clock and the room: runs
 * the tick, tells foreign pauses from our own, handles refused starts, sleep
 * and hidden pages, and reports how the player is doing.
 *
 * The rule: it sends reports, never commands. What people want comes from the
 * controls; what the element does is at most "paused for you alone".
 */
import * as C from '../realtime/constants';
import type { RoomSession } from '../realtime/room.svelte';
import type { PlaybackReport, PlaybackState } from '../realtime/types';
import { read, write } from '../util/storage';
import { Alarm } from './alarm';
import { ElementPort } from './port';
import { Controller } from './sync';
import type { Held, Now } from './sync';

/** What the driver tells its owner. */
export interface DriverHooks {
  /** Something that is shown may have changed; called at most once per step. */
  changed(): void;
  /** Another media (or none): load it and call `loaded`. */
  media(state: PlaybackState): void;
  /** Playback started without sound because the browser wanted a gesture first. */
  mutedStart(): void;
  /** play() failed for another reason than a missing gesture. */
  failed(err: unknown): void;
  /** Three hard corrections in a minute. */
  behind(): void;
}

const nameOf = (err: unknown) => (err instanceof DOMException || err instanceof Error ? err.name : '');

export class SyncDriver {
  readonly ctl: Controller;
  readonly port: ElementPort;
  stalls = 0;

  #session: RoomSession;
  #video: HTMLVideoElement;
  #hooks: DriverHooks;
  #alarm = new Alarm(() => this.kick());
  #engine = 'native';
  #failed = false;
  #triedMuted = false;
  #undo: (() => void)[] = [];
  #lastPerf = 0;
  #lastWall = 0;
  #realignUntil = 0; // after sleep: wait for the clock, at most until then
  #reportKey = '';
  #reportAt = -Infinity;
  #reportNext = 0;
  #stopped = false;

  constructor(session: RoomSession, video: HTMLVideoElement, hooks: DriverHooks) {
    this.#session = session;
    this.#video = video;
    this.#hooks = hooks;
    this.port = new ElementPort(video, (err) => this.#refused(err));
    this.ctl = new Controller(this.port, this.#costs());
    this.ctl.hidden = this.#unseen;
    this.#listen();
    this.#lastPerf = session.now();
    this.#lastWall = Date.now();
    if (session.playback) this.#state(session.playback, true);
    this.kick();
  }

  stop(): void {
    this.#stopped = true;
    this.#alarm.stop();
    this.#saveCosts();
    for (const fn of this.#undo) fn();
  }

  now(): Now {
    const local = this.#session.now();
    const { clock } = this.#session;
    return { local, server: clock.ok ? clock.serverNow(local) : null };
  }

  /* ---------- what the owner does ---------- */

  /** The element gets (or has) the media of this generation; null: it holds nothing. */
  loaded(generation: number | null, engine = 'native'): void {
    if (engine !== this.#engine) {
      this.#saveCosts();
      this.#engine = engine;
      Object.assign(this.ctl.stats, this.#costs());
    }
    this.#failed = false;
    this.port.forget();
    this.ctl.load(generation ?? -1);
    this.kick();
  }

  /** The media can not be played here. */
  fail(): void {
    this.#failed = true;
    this.kick();
  }

  /** Stops at once, before the room has agreed; the position of the command. */
  pauseNow(): number {
    const { ctl, port } = this;
    const synced = ctl.shouldPlay && !ctl.held && !ctl.aligning && !port.seeking;
    const position = synced ? port.currentTime : this.#session.position();
    if (!ctl.held) port.pause();
    ctl.expectPause(this.now());
    return Math.max(0, position);
  }

  hold(why: Held): void {
    this.ctl.hold(why, this.now());
    this.kick();
  }

  /** Stops for this viewer alone. */
  pauseAlone(): void {
    this.port.pause();
    this.hold('paused');
  }

  /** From a gesture: takes the element back, with sound allowed from now on. */
  rejoin(): void {
    if (this.ctl.held === 'blocked') {
      // The gesture must see play() itself; the aligned start follows.
      this.port.play();
    }
    this.ctl.hold(null, this.now());
    this.kick();
  }

  resync(): void {
    if (this.ctl.held) return this.rejoin();
    this.ctl.align('resync', this.now());
    this.kick();
  }

  /** A new source of the same media, or the same after an error. */
  realign(): void {
    if (this.ctl.shouldPlay && !this.ctl.held) this.ctl.align('source', this.now());
    this.kick();
  }

  /* ---------- the loop ---------- */

  /** Steps now and sets the alarm for the next time. */
  kick = (): void => {
    if (this.#stopped) return;
    this.#noticeSleep();
    const now = this.now();
    let wait: number = C.TICK_MS;
    if (now.local < this.#realignUntil) {
      if (this.#session.clock.samples.length >= C.CLOCK_USABLE) {
        this.#realignUntil = 0;
        this.realign();
        return;
      }
    } else wait = this.ctl.step(now);
    if (this.ctl.takeBehind(now.local)) this.#hooks.behind();
    this.#report(now);
    this.#alarm.set(Math.max(1, wait));
    this.#hooks.changed();
  };

  /** Both clocks are asked: some systems stop the monotonic one while they sleep. */
  #noticeSleep(): void {
    const perf = this.#session.now();
    const wall = Date.now();
    const gap = Math.max(perf - this.#lastPerf, wall - this.#lastWall);
    this.#lastPerf = perf;
    this.#lastWall = wall;
    if (gap < C.SLEEP_GAP_MS || document.hidden) return;
    this.#session.remeasure();
    this.#session.requestState();
    this.#realignUntil = perf + C.OPTIMISTIC_MS;
  }

  #state(s: PlaybackState, forced: boolean): void {
    const old = this.ctl.state;
    if (!this.ctl.setState(s, this.now(), forced)) return;
    const other = s.generation !== old?.generation || s.media?.id !== old?.media?.id;
    if (other) this.#hooks.media(s);
    this.kick();
  }

  #listen(): void {
    const on = <T extends EventTarget>(target: T, names: string, fn: (ev: Event) => void) => {
      for (const name of names.split(' ')) {
        target.addEventListener(name, fn);
        this.#undo.push(() => target.removeEventListener(name, fn));
      }
    };
    this.#undo.push(this.#session.on('state', (s, forced) => this.#state(s, forced)));
    // A new connection knows nothing of our player.
    this.#undo.push(this.#session.on('path', () => (this.#reportKey = '')));
    on(this.#video, 'seeked canplay playing loadedmetadata durationchange ended', this.kick);
    on(this.#video, 'emptied', () => this.port.forget());
    on(this.#video, 'pause', () => this.#foreignPause());
    on(this.#video, 'play', () => this.#foreignPlay());
    on(this.#video, 'waiting', () => {
      if (this.ctl.shouldPlay && !this.ctl.aligning && !this.ctl.held && !this.port.seeking) this.stalls++;
      this.kick();
    });
    on(document, 'visibilitychange', () => this.#visibility());
    on(this.#video, 'enterpictureinpicture leavepictureinpicture', () => this.#visibility());
    on(window, 'pagehide', () => this.#saveCosts());
  }

  /** Hidden, and not in a little window of its own either. */
  get #unseen(): boolean {
    return document.hidden && document.pictureInPictureElement !== this.#video;
  }

  #visibility(): void {
    this.ctl.hidden = this.#unseen;
    if (!document.hidden) {
      this.#lastPerf = this.#session.now();
      this.#lastWall = Date.now();
      if (this.ctl.held === 'background') this.ctl.hold(null, this.now());
    }
    this.kick();
  }

  #foreignPause(): void {
    if (this.port.ownPause()) return;
    const { ctl } = this;
    if (this.#video.ended || ctl.held || !ctl.shouldPlay || ctl.aligning) return;
    // A hidden tab without sound is paused by some browsers; playing in a loop would fight them.
    this.hold(document.hidden ? 'background' : 'paused');
  }

  #foreignPlay(): void {
    if (this.port.ownPlay()) return;
    if (this.ctl.held === 'paused') return this.rejoin();
    this.kick();
  }

  #refused(err: unknown): void {
    this.port.playRefused();
    if (nameOf(err) === 'AbortError' || this.#stopped) return;
    if (nameOf(err) !== 'NotAllowedError') return this.#hooks.failed(err);
    if (this.#video.muted || this.#triedMuted) return this.hold('blocked');
    this.#triedMuted = true;
    this.#video.muted = true;
    this.#video.play().then(
      () => {
        this.#hooks.mutedStart();
        this.realign();
      },
      () => {
        this.#video.muted = false;
        this.hold('blocked');
      },
    );
  }

  /* ---------- reports ---------- */

  #doing(): PlaybackReport['state'] {
    const { ctl, port } = this;
    const v = this.#video;
    if (this.#failed) return 'error';
    if (ctl.held === 'blocked') return 'blocked';
    if (this.#unseen) return 'background';
    if (v.ended) return 'ended';
    if (ctl.held === 'paused') return 'paused';
    if (port.readyState < 3) return 'buffering';
    if (port.seeking || ctl.aligning) return 'seeking';
    return v.paused ? 'paused' : 'playing';
  }

  #report(now: Now): void {
    const s = this.ctl.state;
    if (!s?.media || now.server === null) return;
    const state = this.#doing();
    const ahead = this.port.ahead();
    // While the room waits, "enough is there" is news, too.
    const key = `${s.generation} ${state} ${s.hold ? ahead >= C.READY_BUFFER_S : ''}`;
    const due = now.local - this.#reportAt >= this.#reportNext;
    if (key === this.#reportKey && !due) return;
    if (!this.#session.report(this.#statement(s, state, ahead, now as Now & { server: number }))) return;
    this.#reportKey = key;
    this.#reportAt = now.local;
    const jitter = (Math.random() * 2 - 1) * C.REPORT_JITTER_MS;
    this.#reportNext = this.#unseen ? C.REPORT_HIDDEN_MS : C.REPORT_MS + jitter;
  }

  #statement(
    s: PlaybackState,
    state: PlaybackReport['state'],
    ahead: number,
    now: Now & { server: number },
  ): PlaybackReport {
    const v = this.#video;
    const { clock } = this.#session;
    const d = v.duration;
    const round = (x: number, n = 1) => Math.round(x * n) / n;
    return {
      version: s.version,
      generation: s.generation,
      state,
      position: round(Math.max(0, v.currentTime), 1000),
      at: round(now.server, 1000),
      drift_ms: round(this.ctl.drift ?? 0),
      buffered_s: round(ahead, 10),
      rtt_ms: round(clock.rtt),
      offset_err_ms: round(clock.errorAt(now.local)),
      rate: round(v.playbackRate, 1000),
      duration: Number.isFinite(d) && d > 0 && d <= 604_800 ? round(d, 1000) : 0,
      stalls: this.stalls,
      dropped: v.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0,
      engine: this.#engine,
    };
  }

  /* ---------- learned costs, per engine and tab ---------- */

  #costs(): { seekCost: number; startCost: number } {
    const c = read<{ seekCost?: unknown; startCost?: unknown }>('session', `synctv.cost.${this.#engine}`);
    const num = (x: unknown, fallback: number) =>
      typeof x === 'number' && Number.isFinite(x) ? x : fallback;
    return { seekCost: num(c?.seekCost, C.SEEK_COST_MS), startCost: num(c?.startCost, C.START_COST_MS) };
  }

  #saveCosts(): void {
    const { seekCost, startCost } = this.ctl.stats;
    write('session', `synctv.cost.${this.#engine}`, { seekCost, startCost });
  }
}
