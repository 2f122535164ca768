// A room in memory with injected delays: PORT, ROOT (built page), MEDIA (folder), LAT (ms before media), KBPS
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { WebSocketServer } from 'ws';

const { PORT = '18971', ROOT, MEDIA, LAT = '0', KBPS = '0' } = process.env;
const now = () => performance.timeOrigin + performance.now();
const round3 = (x) => Math.round(x * 1000) / 1000;
const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.mp4': 'video/mp4',
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.m4s': 'video/mp4',
  '.vtt': 'text/vtt',
  '.svg': 'image/svg+xml',
};
const files = {
  mp4: { url: '/media/a.mp4', container: 'mp4', mime: 'video/mp4' },
  hls: {
    url: '/media/hls/index.m3u8',
    container: 'hls',
    mime: 'application/vnd.apple.mpegurl',
    hls_features: 'plain',
  },
  broken: { url: '/media/none.mp4', container: 'mp4', mime: 'video/mp4' },
};
const DURATION = Number(process.env.DURATION ?? 300);

let state = {
  epoch: 1,
  version: 1,
  generation: 1,
  media: null,
  target: null,
  playing: false,
  position: 0,
  rate: 1,
  updated_at: now(),
  hold: null,
  reason: 'stop',
};
const clients = new Set();
let seq = 0;
let plays = 0;
const at = (t) =>
  Math.min(
    DURATION,
    state.position +
      (state.playing && t > state.updated_at ? ((t - state.updated_at) / 1000) * state.rate : 0),
  );
const lead = () => Math.min(600, Math.max(200, 150 + Math.max(0, ...[...clients].map((c) => c.rtt / 2))));

function apply(c, m) {
  const n = now();
  const s = { ...state, op: m.op, actor: c.name };
  if (m.expected_generation !== undefined && m.expected_generation !== state.generation) return 'stale';
  if (!c.may) return 'permission-denied';
  const from = m.at >= n - 1500 && m.at <= n + 50 ? m.at : n;
  if (m.do === 'play') {
    if (s.playing) return { ...state, op: m.op };
    Object.assign(s, { playing: true, updated_at: n + lead() });
  } else if (m.do === 'pause') {
    if (!s.playing) return { ...state, op: m.op };
    const p = at(from);
    Object.assign(s, {
      playing: false,
      position: Math.abs((m.position ?? p) - p) <= 2 ? (m.position ?? p) : p,
      updated_at: n,
    });
  } else if (m.do === 'seek')
    Object.assign(s, { position: m.position, updated_at: s.playing ? n + lead() : n });
  else if (m.do === 'rate') Object.assign(s, { position: at(n), rate: m.rate, updated_at: n });
  else if (m.do === 'select') {
    const media = {
      id: m.media_id,
      playlist_id: 'p',
      kind: 'direct',
      name: 'The Night Ferry',
      duration: DURATION,
      live: false,
      restricted: false,
    };
    Object.assign(s, { generation: s.generation + 1, media, position: 0, playing: false, updated_at: n });
  } else return 'validation';
  s.version = state.version + 1;
  s.reason = m.do;
  s.updated_at = round3(s.updated_at);
  s.position = round3(s.position);
  return s;
}

class Client {
  constructor(ws, q) {
    this.ws = ws;
    this.name = q.get('name') || `viewer ${clients.size + 1}`;
    this.id = this.name.toLowerCase().replaceAll(' ', '');
    [this.delay, this.jitter, this.asym] = ['delay', 'jitter', 'asym'].map((k) => Number(q.get(k) || 0));
    this.may = q.get('perms') !== 'none';
    this.rtt = 0;
    this.up = this.down = 0;
    this.doing = { state: '', drift_ms: null };
    // Order is kept, as on a real connection.
    ws.on('message', (b) => {
      this.up = Math.max(this.up, now() + this.lag() + this.asym);
      setTimeout(() => this.take(JSON.parse(b)), this.up - now());
    });
    ws.on('close', () => {
      clients.delete(this);
      presence();
    });
  }
  lag() {
    return Math.max(0, this.delay + (Math.random() * 2 - 1) * this.jitter);
  }
  send(type, make, numbered = false) {
    const sent = now();
    const message = { type, data: make(), ...(numbered ? { seq, at: sent } : {}) };
    this.down = Math.max(this.down, sent + this.lag());
    setTimeout(() => this.ws.readyState === 1 && this.ws.send(JSON.stringify(message)), this.down - now());
  }
  take(m) {
    const t1 = now();
    const d = m.data ?? {};
    if (m.type === 'hello') this.welcome();
    else if (m.type === 'clock.ping') this.send('clock.pong', () => ({ t0: d.t0, t1, t2: now() }));
    else if (m.type === 'playback.report') {
      this.rtt = d.rtt_ms;
      const changed = this.doing.state !== d.state;
      this.doing = { state: d.state, drift_ms: Math.round(d.drift_ms) };
      if (changed)
        for (const c of clients)
          c.send('playback.peers', () => ({
            items: [...clients].map((x) => ({ id: x.id, ...x.doing, buffered_s: 1 })),
          }));
    } else if (m.type === 'sync.get') this.send('playback.state', () => state);
    else if (m.type === 'playback.command') {
      const r = apply(this, d);
      if (typeof r === 'string') return this.send('playback.reject', () => ({ op: d.op, code: r, state }));
      if (r.version === state.version) return this.send('playback.state', () => r);
      state = r;
      broadcast();
    }
  }
  welcome() {
    const permissions = this.may
      ? ['play_control', 'change_current_media', 'change_playback_rate', 'send_chat']
      : ['send_chat'];
    this.send('welcome', () => ({
      conn_id: 'c',
      user: { id: this.id, kind: 'user', name: this.name },
      role: 'member',
      room: { id: 'bench', name: 'Friday film club' },
      permissions,
      permissions_mask: '0',
      epoch: 1,
      seq,
      state,
      members_count: clients.size,
      server: { version: '0', build: '' },
      heartbeat_s: 20,
      sync_tolerance_ms: 200,
      allow_member_rate: true,
      resumed: false,
    }));
    presence();
  }
}
function broadcast() {
  seq++;
  for (const c of clients) c.send('playback.state', () => state, true);
}
function presence() {
  const members = [...clients].map((c) => ({
    id: c.id,
    kind: 'user',
    name: c.name,
    role: 'member',
    devices: 1,
    ...c.doing,
  }));
  for (const c of clients) c.send('presence.changed', () => ({ count: members.length, members }));
}

function file(req, res, path, slow) {
  if (!existsSync(path) || statSync(path).isDirectory()) return res.writeHead(404).end();
  const size = statSync(path).size;
  const [, a, b] = /bytes=(\d+)-(\d*)/.exec(req.headers.range ?? '') ?? [];
  const start = a === undefined ? 0 : Number(a);
  const end = b ? Math.min(Number(b), size - 1) : size - 1;
  res.writeHead(a === undefined ? 200 : 206, {
    'content-type': types[extname(path)] ?? 'application/octet-stream',
    'accept-ranges': 'bytes',
    'content-length': end - start + 1,
    ...(a === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
  });
  const stream = createReadStream(path, { start, end, highWaterMark: 8192 });
  if (!slow) return stream.pipe(res);
  stream.on('data', (chunk) => {
    stream.pause();
    res.write(chunk);
    setTimeout(() => stream.resume(), (chunk.length * 8) / slow);
  });
  stream.on('end', () => res.end());
  res.on('close', () => stream.destroy());
}

const server = createServer((req, res) => {
  const url = new URL(req.url, 'http://x');
  const path = normalize(url.pathname);
  if (path === '/now') return res.end(String(now()));
  if (path === '/plays') return res.end(String(plays));
  if (path.startsWith('/play/')) {
    plays++;
    const id = path.slice(6);
    const variant = {
      id,
      label: '240p',
      codecs: '',
      quality: '240p',
      width: 426,
      height: 240,
      bitrate: 300000,
      via: 'direct',
      ...files[id],
    };
    const subtitles = existsSync(join(MEDIA, 'a.vtt'))
      ? [
          {
            id: 's1',
            label: 'English',
            lang: 'en',
            format: 'vtt',
            url: '/media/a.vtt',
            default: true,
            forced: false,
          },
        ]
      : [];
    return res.end(
      JSON.stringify({
        media_id: id,
        title: 'The Night Ferry',
        duration: DURATION,
        poster: null,
        live: false,
        variants: [variant],
        subtitles,
        warnings: [],
        expires_at: null,
      }),
    );
  }
  if (path.startsWith('/media/'))
    return void setTimeout(() => file(req, res, join(MEDIA, path.slice(7)), Number(KBPS)), Number(LAT));
  file(req, res, join(ROOT, path === '/' ? 'index.html' : path), 0);
});
const sockets = new WebSocketServer({ server, path: undefined, handleProtocols: () => 'synctv.v1' });
sockets.on('connection', (ws, req) => clients.add(new Client(ws, new URL(req.url, 'http://x').searchParams)));
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`));
