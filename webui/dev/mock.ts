import { createReadStream, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'vite';
import { WebSocketServer, type WebSocket } from 'ws';
import * as data from './data.ts';

/**
 * A small stand-in for the server, for looking at pages without one: `npm run
 * mock`. Never part of a build. `?mock=setup`, `empty`, `out`, `error` in the
 * address of the page choose another situation (kept in a cookie).
 */
export function mock(): Plugin {
  return {
    name: 'synctv-mock',
    apply: 'serve',
    configureServer(server) {
      server.middlewares.use((req, res, next) => {
        const url = new URL(req.url ?? '/', 'http://mock');
        const mode = url.searchParams.get('mock');
        if (mode) res.setHeader('Set-Cookie', `mock=${mode}; Path=/`);
        if (url.pathname.startsWith('/api/v1/')) void api(req, res, url);
        else if (url.pathname.startsWith('/mock/')) video(req, res);
        else next();
      });
      const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'synctv.v1' });
      server.httpServer?.on('upgrade', (req, socket, head) => {
        if (!req.url?.startsWith('/ws/')) return;
        sockets.handleUpgrade(req, socket, head, (ws) => live(ws));
      });
    },
  };
}

type Answer = [status: number, body?: unknown];
type Handler = (match: RegExpExecArray, body: Record<string, unknown>, mode: string, url: URL) => Answer;

const tokens = {
  access_token: 'mock',
  expires_in: 900,
  refresh_expires_in: 9000,
  session_id: 's',
  user: data.me,
};
const list = (items: unknown[]) => ({ items, next_cursor: null });
const problem = (status: number, slug: string): Answer => [
  status,
  { type: `urn:synctv:problem:${slug}`, title: slug, status, detail: slug, request_id: 'mock-1' },
];
const room = (id: string) => {
  const card = data.cards.find((entry) => entry.id === id) ?? data.cards[0];
  return {
    ...card,
    settings: data.settings,
    my: { role: 'creator', status: 'active', permissions: data.permissions, permissions_mask: '0' },
    invite_url: `/r/${id}/join`,
    version: 1,
    root_playlist_id: data.root,
  };
};

const routes: [string, RegExp, Handler][] = [
  [
    'GET',
    /^\/public\/info$/,
    (_m, _b, mode) => [
      200,
      {
        name: 'Kinokeller',
        description: '',
        version: 'mock',
        build: '',
        setup_needed: mode === 'setup',
        locale: 'en',
        features: { signup: false, signup_methods: [], guests: true, library: true },
        limits: { chat_max: 500 },
      },
    ],
  ],
  ['POST', /^\/setup$/, (_m, b) => (b.token === 'wrong' ? problem(401, 'bad-credentials') : [201, tokens])],
  [
    'POST',
    /^\/auth\/login$/,
    (_m, b) => (b.password === 'wrong' ? problem(401, 'bad-credentials') : [200, tokens]),
  ],
  [
    'POST',
    /^\/auth\/refresh$/,
    (_m, _b, mode) => (mode === 'out' ? problem(401, 'unauthenticated') : [200, tokens]),
  ],
  ['POST', /^\/auth\/logout$/, () => [204]],
  ['PATCH', /^\/me$/, () => [200, data.me]],
  [
    'GET',
    /^\/me\/rooms$/,
    (_m, _b, mode) =>
      mode === 'error'
        ? problem(503, 'store-unavailable')
        : [200, list(mode === 'empty' ? [] : data.cards.slice(0, 5))],
  ],
  ['GET', /^\/public\/rooms$/, (_m, _b, mode) => [200, list(mode === 'empty' ? [] : data.cards.slice(5))]],
  [
    'GET',
    /^\/public\/rooms\/(\w+)$/,
    (m, _b, mode) => {
      const card = data.cards.find((entry) => entry.id === m[1]);
      if (!card) return problem(404, 'not-found');
      return [200, { ...card, my_status: 'none', status: mode === 'closed' ? 'closed' : 'active' }];
    },
  ],
  ['POST', /^\/tickets$/, () => [201, { ticket: 't', expires_at: '', ws_url: '' }]],
  ['POST', /^\/rooms$/, (_m, b) => [201, { ...room('x'), id: data.cards[0]?.id, name: b.name }]],
  ['GET', /^\/rooms\/(\w+)$/, (m) => [200, room(m[1] ?? '')]],
  ['PATCH', /^\/rooms\/(\w+)$/, (m) => [200, room(m[1] ?? '')]],
  ['GET', /^\/rooms\/\w+\/settings$/, () => [200, data.settings]],
  ['PATCH', /^\/rooms\/\w+\/settings$/, () => [200, data.settings]],
  [
    'POST',
    /^\/rooms\/\w+\/join$/,
    (_m, b) => (b.password === 'soup' ? [200, { status: 'active' }] : problem(403, 'room-password-wrong')),
  ],
  [
    'POST',
    /^\/rooms\/\w+\/guest$/,
    (_m, b) => [201, { guest_token: 'g', expires_in: 14400, guest: { id: 'g:1', name: b.name || 'Guest' } }],
  ],
  ['GET', /^\/rooms\/\w+\/presence$/, () => [200, presence()]],
  [
    'GET',
    /^\/rooms\/\w+\/playlists$/,
    () => [
      200,
      list([
        {
          id: data.root,
          parent_id: null,
          is_root: true,
          name: '',
          kind: 'static',
          position: 0,
          media_count: 8,
          version: 1,
        },
      ]),
    ],
  ],
  [
    'GET',
    /^\/rooms\/\w+\/playlists\/\w+\/items$/,
    (_m, _b, mode) => [200, list(mode === 'empty' ? [] : data.media)],
  ],
  ['POST', /^\/rooms\/\w+\/playlists\/\w+\/reorder$/, () => [200, { version: 2, items: [] }]],
  [
    'POST',
    /^\/rooms\/\w+\/media\/batch$/,
    (_m, b) => [201, { items: (b.items as unknown[]).map((_, i) => data.media[i]) }],
  ],
  ['POST', /^\/rooms\/\w+\/media\/batch-delete$/, () => [200, { deleted: 1 }]],
  [
    'GET',
    /^\/rooms\/\w+\/media\/(\w+)\/play$/,
    (m) => [
      200,
      {
        media_id: m[1],
        title: 'The Night Ferry',
        duration: 120,
        poster: null,
        live: false,
        variants: [
          {
            id: '1',
            label: '1080p',
            url: '/mock/film.mp4',
            container: 'mp4',
            mime: 'video/mp4',
            codecs: '',
            quality: '1080p',
            width: 1920,
            height: 1080,
            bitrate: 0,
            via: 'proxy',
          },
        ],
        subtitles: [],
        warnings: [],
        expires_at: null,
      },
    ],
  ],
  [
    'GET',
    /^\/rooms\/\w+\/chat$/,
    (_m, _b, mode) => [200, list(mode === 'empty' ? [] : [...data.chat].reverse())],
  ],
  [
    'POST',
    /^\/rooms\/\w+\/chat$/,
    (_m, b) => {
      const seq = data.chat.length + 1;
      const line = {
        id: `0m${String(800 + seq).padStart(18, '0')}`,
        seq,
        author: { id: data.mia.id, kind: 'user', name: 'Mia' },
        kind: 'text',
        content: String(b.content),
        reply_to: (b.reply_to as string) ?? null,
        client_id: String(b.client_id),
        created_at: new Date().toISOString(),
        edited_at: null,
        deleted: false,
      };
      data.chat.push(line);
      return [201, line];
    },
  ],
  ['DELETE', /^\/rooms\/\w+\/(chat|members)\/\w+$/, () => [204]],
  [
    'GET',
    /^\/providers$/,
    () => [
      200,
      {
        items: [
          { provider: 'local', capabilities: ['browse'], instances: [{ name: 'Films' }, { name: 'Series' }] },
          { provider: 'direct', capabilities: ['parse'], instances: [] },
        ],
      },
    ],
  ],
  [
    'POST',
    /^\/resolve$/,
    (_m, b) =>
      /nothing/.test(String(b.url))
        ? problem(422, 'provider-failed')
        : [
            200,
            {
              candidates: [
                {
                  provider: 'direct',
                  name: 'Nine Rivers',
                  source: { url: b.url },
                  live: false,
                  duration: 9381,
                  container: 'mp4',
                  warnings: [],
                },
              ],
            },
          ],
  ],
  [
    'POST',
    /^\/providers\/local\/browse$/,
    (_m, b) => {
      const q = String(b.q ?? '').toLowerCase();
      const top = { name: String(b.instance), target: null };
      const path = b.target ? [top, { name: (b.target as { path: string }).path, target: b.target }] : [top];
      return [
        200,
        { path, items: data.shelf.filter((item) => item.name.toLowerCase().includes(q)), next_cursor: null },
      ];
    },
  ],
];

async function api(req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
  let text = '';
  for await (const chunk of req) text += String(chunk);
  const body = text ? (JSON.parse(text) as Record<string, unknown>) : {};
  const mode = /mock=(\w+)/.exec(req.headers.cookie ?? '')?.[1] ?? '';
  const path = url.pathname.slice('/api/v1'.length);
  for (const [method, pattern, handle] of routes) {
    const match = req.method === method ? pattern.exec(path) : null;
    if (!match) continue;
    const [status, answer] = handle(match, body, mode, url);
    res.statusCode = status;
    res.setHeader('Content-Type', status >= 400 ? 'application/problem+json' : 'application/json');
    res.setHeader('ETag', '"v1"');
    res.end(answer === undefined ? undefined : JSON.stringify(answer));
    return;
  }
  res.statusCode = 404;
  res.end('{}');
}

function presence() {
  return {
    count: data.people.length,
    members: data.people.map((person) => ({
      id: person.id,
      kind: person.role === 'guest' ? 'guest' : 'user',
      name: person.display_name,
      role: person.role,
      devices: 1,
      state: person.state,
      drift_ms: person.drift,
    })),
  };
}

const now = () => performance.timeOrigin + performance.now();

function live(ws: WebSocket): void {
  let seq = 1;
  const first = data.media[0];
  const state = {
    epoch: 1,
    version: 1,
    generation: 1,
    media: {
      id: first?.id,
      playlist_id: data.root,
      kind: 'file',
      name: first?.name,
      duration: 120,
      live: false,
      restricted: false,
    },
    playing: true,
    position: 40,
    rate: 1,
    updated_at: now() - 12_000,
    reason: 'play',
    actor: data.mia.id,
    op: undefined as string | undefined,
  };
  const send = (type: string, body: unknown, numbered = true) =>
    ws.send(JSON.stringify({ ...(numbered ? { seq: seq++ } : {}), type, at: now(), data: body }));
  ws.on('message', (raw) => {
    const message = JSON.parse(String(raw)) as { type: string; data: Record<string, unknown> };
    if (message.type === 'clock.ping')
      send('clock.pong', { t0: message.data.t0, t1: now(), t2: now() }, false);
    if (message.type === 'hello') {
      send(
        'welcome',
        {
          conn_id: 'c',
          user: { id: data.mia.id, kind: 'user', name: 'Mia' },
          room: { id: data.cards[0]?.id, name: data.cards[0]?.name },
          role: 'creator',
          permissions: data.permissions,
          permissions_mask: '0',
          epoch: 1,
          seq: 0,
          state,
          members_count: data.people.length,
          server: { version: 'mock', build: '' },
          heartbeat_s: 20,
        },
        false,
      );
    }
    if (message.type === 'playback.command') {
      const command = message.data;
      state.version++;
      state.playing = command.do === 'play' ? true : command.do === 'pause' ? false : state.playing;
      if (typeof command.position === 'number') state.position = command.position;
      Object.assign(state, { updated_at: now(), reason: command.do, op: command.op });
      send('playback.state', state);
    }
  });
}

/** SYNCTV_MOCK_FILM: a video file to show; without it the player says that the film does not load. */
function video(req: IncomingMessage, res: ServerResponse): void {
  const film = process.env.SYNCTV_MOCK_FILM;
  if (!film) {
    res.statusCode = 404;
    res.end();
    return;
  }
  const size = statSync(film).size;
  const range = /bytes=(\d+)-(\d*)/.exec(req.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = range?.[2] ? Number(range[2]) : size - 1;
  res.writeHead(range ? 206 : 200, {
    'Content-Type': 'video/mp4',
    'Accept-Ranges': 'bytes',
    'Content-Length': end - start + 1,
    ...(range ? { 'Content-Range': `bytes ${start}-${end}/${size}` } : {}),
  });
  createReadStream(film, { start, end }).pipe(res);
}
