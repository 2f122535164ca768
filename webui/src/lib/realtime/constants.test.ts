import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as C from './constants';

// Tests run in webui/; the Go side lies beside it.
const go = resolve(process.cwd(), '../realtime');

/** Numeric constants of the Go packages that share them with us. */
function goConstants(): Map<string, number> {
  const out = new Map<string, number>();
  for (const dir of [go, resolve(go, 'playback'), resolve(go, 'protocol')]) {
    if (!existsSync(dir)) continue;
    for (const name of readdirSync(dir).filter((f) => f.endsWith('.go') && !f.endsWith('_test.go'))) {
      const text = readFileSync(resolve(dir, name), 'utf8');
      for (const m of text.matchAll(/^\s*(?:const )?(\w+)\s*=\s*([\d_]+(?:\.\d+)?)(?:\s*$|\s*\/\/)/gm)) {
        out.set(m[1]!, Number(m[2]!.replaceAll('_', '')));
      }
    }
  }
  return out;
}

const shared: [ours: keyof typeof C, theirs: string][] = [
  ['LEAD_MIN_MS', 'LeadMin'],
  ['LEAD_MAX_MS', 'LeadMax'],
  ['LEAD_DEFAULT_MS', 'LeadDefault'],
  ['SELECT_LEAD_MS', 'SelectLead'],
  ['AT_PAST_MS', 'TrustPast'],
  ['AT_FUTURE_MS', 'TrustFuture'],
  ['POSITION_TRUST_S', 'PositionTrust'],
  ['HOLD_SELECT_MS', 'holdSelect'],
  ['HOLD_STALL_MS', 'holdStall'],
  ['END_WAIT_MS', 'endWait'],
];

describe.skipIf(!existsSync(go))('constants shared with the server', () => {
  const found = goConstants();
  it.each(shared)('%s is %s', (ours, theirs) => {
    expect(found.get(theirs), `no constant ${theirs} in realtime`).toBe(C[ours]);
  });
});

describe('constants of the sync chapter', () => {
  it('are those of its table', () => {
    expect([C.TICK_MS, C.SETTLE_MS, C.ON_MS, C.OFF_MS, C.RESEEK_MS]).toEqual([250, 350, 15, 8, 250]);
    expect([C.MAX_NUDGE, C.MAX_NUDGE_FAST, C.MIN_NUDGE, C.RATE_STEP, C.TAU_S]).toEqual([
      0.1, 0.05, 0.02, 0.005, 1,
    ]);
    expect([C.HARD_MS, C.HARD_START_MS, C.HARD_WIDE_MS, C.MEDIAN_WINDOW]).toEqual([500, 120, 3000, 3]);
    expect([C.SEEK_COST_MS, C.START_COST_MS, C.REPORT_MS]).toEqual([150, 40, 5000]);
    expect([
      C.CLOCK_BURST,
      C.CLOCK_BURST_MS,
      C.CLOCK_FILL_MS,
      C.CLOCK_FILL_FOR_MS,
      C.CLOCK_PERIOD_MS,
    ]).toEqual([12, 100, 2000, 40_000, 15_000]);
  });
});
