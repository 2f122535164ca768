/** What `?debug=sync` and Shift+D show of the controller; reading it changes nothing. */
import type { RoomSession } from '../realtime/room.svelte';
import type { SyncDriver } from './syncdriver';

export interface SyncSample {
  /** Local monotonic time, ms. */
  t: number;
  /** The same instant on the server's media clock. */
  server: number | null;
  currentTime: number;
  rate: number;
  paused: boolean;
  seeking: boolean;
  readyState: number;
  version: number;
  expected: number | null;
}

export function inspect(session: RoomSession, driver: SyncDriver) {
  const { ctl, port } = driver;
  const { clock } = session;
  return {
    get offset() {
      return clock.offsetAt(session.now());
    },
    get rtt() {
      return clock.rtt;
    },
    get error() {
      return clock.errorAt(session.now());
    },
    get seekCost() {
      return ctl.stats.seekCost;
    },
    get startCost() {
      return ctl.stats.startCost;
    },
    get nudges() {
      return ctl.stats.nudges;
    },
    get seeks() {
      return ctl.stats.seeks;
    },
    get hops() {
      return ctl.stats.hops;
    },
    get hards() {
      return ctl.stats.hards;
    },
    get aligns() {
      return ctl.stats.aligns;
    },
    get drift() {
      return ctl.drift;
    },
    get stalls() {
      return driver.stalls;
    },
    get samples() {
      return clock.samples.length;
    },
    sample(): SyncSample {
      // The element is read right beside the clock: a later reading would be an error of the test.
      const currentTime = port.currentTime;
      const now = driver.now();
      return {
        t: now.local,
        server: now.server,
        currentTime,
        rate: port.playbackRate,
        paused: port.paused,
        seeking: port.seeking,
        readyState: port.readyState,
        version: ctl.state?.version ?? 0,
        expected: now.server === null ? null : ctl.expected(now.server),
      };
    },
  };
}

export type SyncInspector = ReturnType<typeof inspect>;

declare global {
  interface Window {
    __sync?: SyncInspector;
  }
}
