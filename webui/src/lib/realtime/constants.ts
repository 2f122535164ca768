/**
 * The numbers of the sync chapter, one table per side with the same names.
 * `constants.test.ts` compares the shared ones with the Go side.
 *
 * Units are in the names: `_MS` milliseconds, `_S` seconds.
 */

/* ---------- controller ---------- */

export const TICK_MS = 250;
export const SETTLE_MS = 350;
/** Settle after a state that only changed the rate. */
export const SETTLE_RATE_MS = 150;
export const ON_MS = 15;
export const OFF_MS = 8;
/** While hidden: timers are coarse and nobody looks. */
export const ON_HIDDEN_MS = 250;
export const RESEEK_MS = 250;
export const MAX_NUDGE = 0.1;
export const MAX_NUDGE_FAST = 0.05;
/** Above this rate the smaller MAX applies. */
export const FAST_RATE = 1.5;
export const MIN_NUDGE = 0.02;
export const RATE_STEP = 0.005;
export const TAU_S = 1;
export const HARD_MS = 500;
export const HARD_START_MS = 120;
/** Live, background, and devices that can not hold the rate. */
export const HARD_WIDE_MS = 3000;
export const HARD_REMOTE_MS = 2000;
export const MEDIAN_WINDOW = 3;
export const SEEK_COST_MS = 150;
export const SEEK_COST_MAX_MS = 600;
export const START_COST_MS = 40;
export const START_COST_MAX_MS = 400;
/** How long after a new state a start counts as early (HARD_START). */
export const EARLY_MS = 4000;
export const ALIGN_LIMIT_MS = 8000;
export const ALIGN_SLACK_MS = 15;
export const HOP_MS = 100;
export const HOP_COVER_S = 0.3;
export const PAUSED_TOLERANCE_S = 0.01;
/** Expected positions stay this far from the end of our own media. */
export const END_GUARD_S = 0.1;
/** Chromium mutes outside these rates, so nudging must not lead there. */
export const NUDGE_RATE_MIN = 0.5;
export const NUDGE_RATE_MAX = 4;
export const RATE_MIN = 0.25;
export const RATE_MAX = 4;
/** This many hard corrections within the window mean a device that can not keep up. */
export const BEHIND_COUNT = 3;
export const BEHIND_WINDOW_MS = 60_000;
/** Two ticks further apart than this: the machine slept. */
export const SLEEP_GAP_MS = 3000;

/* ---------- clock ---------- */

export const CLOCK_BURST = 12;
export const CLOCK_BURST_MS = 100;
export const CLOCK_FILL_MS = 2000;
export const CLOCK_FILL_FOR_MS = 40_000;
export const CLOCK_PERIOD_MS = 15_000;
export const CLOCK_JITTER = 0.2;
export const CLOCK_WINDOW = 32;
export const CLOCK_MAX_AGE_MS = 300_000;
export const CLOCK_USABLE = 3;
export const CLOCK_BEST = 8;
export const CLOCK_NEAR_MS = 5;
export const CLOCK_NEAR_RATIO = 0.1;
export const CLOCK_STEP_MS = 50;
export const CLOCK_SLEW_MS_PER_S = 5;
export const CLOCK_MAX_RTT_MS = 5000;
/** Away for longer than this: measure again on return. */
export const CLOCK_AWAY_MS = 10_000;

/* ---------- room rules the client mirrors ---------- */

export const LEAD_MIN_MS = 200;
export const LEAD_MAX_MS = 600;
export const LEAD_DEFAULT_MS = 300;
export const SELECT_LEAD_MS = 1500;
export const AT_PAST_MS = 1500;
export const AT_FUTURE_MS = 50;
export const POSITION_TRUST_S = 2;
export const HOLD_SELECT_MS = 10_000;
export const HOLD_STALL_MS = 5000;
export const END_WAIT_MS = 1500;
export const REPORT_MS = 5000;
export const REPORT_JITTER_MS = 1000;
export const REPORT_HIDDEN_MS = 30_000;
export const OPTIMISTIC_MS = 2000;
export const READY_BUFFER_S = 2;
/** Keyboard repeat: one seek command per this long, trailing. */
export const SEEK_REPEAT_MS = 250;

/* ---------- socket ---------- */

export const SUBPROTOCOL = 'synctv.v1';
export const SILENCE_MS = 45_000;
export const BACKOFF_MS = 500;
export const BACKOFF_MAX_MS = 15_000;
export const DRAIN_JITTER_MS = 1000;
export const WELCOME_MS = 10_000;
/** A connection that held this long resets the backoff. */
export const STABLE_MS = 5000;
/** After `online` or a return an old socket must show life this fast. */
export const PROBE_MS = 4000;
export const SHOW_RECONNECTING_MS = 3000;
export const LOCK_CONTROLS_MS = 10_000;
export const CHAT_QUEUE = 10;
export const TYPING_SEND_MS = 3000;
export const TYPING_SHOW_MS = 5000;

/* ---------- player ---------- */

export const SPINNER_MS = 400;
export const REFRESH_LIMIT = 3;
export const REFRESH_WINDOW_MS = 600_000;
export const OTHER_CUT_S = 2.5;
export const DELAY_LIMIT_MS = 500;
export const CONTROLS_HIDE_MS = 2500;
