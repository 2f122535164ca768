// Measures the spread between viewers in Chromium: node dev/sync/drive.mjs page=<built> media=<folder> [kind=hls] [lat=150 kbps=4000] [short=1] [steady=60]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const args = Object.fromEntries(process.argv.slice(2).map((a) => a.split(/=(.*)/s).slice(0, 2)));
const port = args.port ?? '18971';
const kind = args.kind ?? 'mp4';
const server = spawn(process.execPath, [fileURLToPath(new URL('./serve.mjs', import.meta.url))], {
  env: {
    ...process.env,
    PORT: port,
    ROOT: args.page,
    MEDIA: args.media,
    LAT: args.lat ?? '0',
    KBPS: args.kbps ?? '0',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
await once(server.stdout, 'data');
const browser = await chromium.launch({
  executablePath: args.chromium ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--autoplay-policy=no-user-gesture-required',
    '--disable-background-timer-throttling',
    '--disable-renderer-backgrounding',
    '--disable-backgrounding-occluded-windows',
    '--mute-audio',
  ],
});
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const now = () => performance.timeOrigin + performance.now();

/** The page sees a skewed, drifting clock; only the log of the test knows the true one. */
function skewed({ skew, ppm }) {
  const origin = performance.timeOrigin;
  const real = performance.now.bind(performance);
  const begin = real();
  window.__true = () => origin + real();
  Object.defineProperty(performance, 'timeOrigin', { value: origin + skew });
  performance.now = () => real() + (real() - begin) * ppm * 1e-6;
  window.__log = [];
  setInterval(() => {
    const v = document.querySelector('video');
    if (v)
      window.__log.push([
        window.__true(),
        v.currentTime,
        v.playbackRate,
        v.paused ? 1 : 0,
        v.seeking ? 1 : 0,
      ]);
  }, 50);
}
async function viewer(name, link, clock = { skew: 0, ppm: 0 }) {
  const page = await (await browser.newContext({ viewport: { width: 760, height: 480 } })).newPage();
  page.on('pageerror', (e) => console.log(name, 'ERROR', e.message));
  await page.addInitScript(skewed, clock);
  await page.goto(`http://127.0.0.1:${port}/?debug=sync&name=${name}&${link}`);
  return page;
}
const pages = [
  await viewer('A', 'delay=20&jitter=10'),
  await viewer('B', 'delay=80&jitter=40', { skew: 3700, ppm: 40 }),
  await viewer('C', 'delay=120&jitter=40&asym=40', { skew: -1500, ppm: -40 }),
];
const [A, B] = pages;
const events = [];
const cmd = async (page, name, call) => {
  events.push([now(), name, pages.length]);
  await page.evaluate(call);
};
await sleep(2500);
await A.evaluate((k) => window.session.select(k), kind);
await sleep(2500);
await cmd(A, 'play', 'session.play()');
await sleep(args.steady ? Number(args.steady) * 1000 : 10_000);
await cmd(B, 'seek+120', 'session.seek(session.position() + 120)');
await sleep(10_000);
await cmd(A, 'pause', 'document.querySelector(".ctl .bar button").click()');
await sleep(3000);
await cmd(A, 'resume', 'session.play()');
await sleep(9000);
if (!args.short) {
  events.push([now(), 'join', 4]);
  pages.push(await viewer('D', 'delay=80&jitter=40', { skew: 900, ppm: 0 }));
  await sleep(9000);
  await cmd(A, 'rate1.5', 'session.setRate(1.5)');
  await sleep(8000);
}
const end = now();
const logs = [];
const seen = [];
for (const p of pages) {
  logs.push(await p.evaluate('__log'));
  seen.push(
    await p.evaluate(() => {
      const s = window.__sync;
      const truth = window.__true() - (performance.timeOrigin + performance.now());
      return {
        off: s.offset - truth,
        rtt: s.rtt,
        error: s.error,
        seekCost: s.seekCost,
        startCost: s.startCost,
        nudges: s.nudges,
        seeks: s.seeks,
        hops: s.hops,
        hards: s.hards,
        stalls: s.stalls,
        aligns: s.aligns.map((a) => `${a.kind} ${a.error}${a.late > 15 ? ` late ${a.late}` : ''}`),
      };
    }),
  );
}
// The server's clock is another process's; the quickest of a few answers tells the difference.
let shift = 0;
for (let i = 0, best = Infinity; i < 8; i++) {
  const t0 = now();
  const t = Number(await (await fetch(`http://127.0.0.1:${port}/now`)).text());
  const rtt = now() - t0;
  if (rtt < best) [best, shift] = [rtt, t - t0 - rtt / 2];
}
await browser.close();
server.kill();

function at(log, t) {
  let lo = 0;
  let hi = log.length - 1;
  if (hi < 1 || t < log[0][0] || t > log[hi][0]) return null;
  while (hi - lo > 1) {
    const m = (lo + hi) >> 1;
    if (log[m][0] <= t) lo = m;
    else hi = m;
  }
  if (log[hi][0] - log[lo][0] > 400) return null;
  return log[lo][1] + ((t - log[lo][0]) / (log[hi][0] - log[lo][0] || 1)) * (log[hi][1] - log[lo][1]);
}
const quantile = (xs, p) =>
  xs.length ? [...xs].sort((a, b) => a - b)[Math.min(xs.length - 1, Math.floor(p * xs.length))] : NaN;
console.table(
  events.map(([t0, name, count], i) => {
    const t1 = events[i + 1]?.[0] ?? end;
    const spread = [];
    for (let t = t0; t < t1 - 100; t += 50) {
      const ps = logs.slice(0, count).map((l) => at(l, t));
      spread.push([t - t0, ps.some((p) => p === null) ? 1e5 : (Math.max(...ps) - Math.min(...ps)) * 1000]);
    }
    const tts = (limit) => {
      for (let k = 4; k + 20 < spread.length; k++)
        if (spread.slice(k, k + 20).every((s) => s[1] <= limit)) return Math.round(spread[k][0]);
      return -1;
    };
    const steady = spread.filter((s) => s[0] > (t1 - t0 > 6000 ? 5000 : 1500)).map((s) => s[1]);
    return {
      name,
      tts100: tts(100),
      tts50: tts(50),
      med: +quantile(steady, 0.5).toFixed(1),
      p95: +quantile(steady, 0.95).toFixed(1),
      max: +Math.max(...steady).toFixed(1),
    };
  }),
);
for (const [i, s] of seen.entries()) {
  console.log(
    'ABCD'[i],
    `clock error ${(s.off - shift).toFixed(1)} ms (says ${s.error.toFixed(1)}), rtt ${s.rtt.toFixed(0)}, costs ${s.seekCost.toFixed(0)}/${s.startCost.toFixed(0)}, seeks ${s.seeks}, nudges ${s.nudges}, hops ${s.hops}, hards ${s.hards}, stalls ${s.stalls}; ${s.aligns.join(', ')}`,
  );
}
