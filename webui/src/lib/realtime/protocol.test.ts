import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { someState, someWelcome } from './fakesocket';
import { closeCodes, decode, encode, finalReason, isKnownType, newOp } from './protocol';

// The golden files of the Go side are the documentation of the wire.
const dir = resolve(process.cwd(), '../realtime/protocol/testdata');
const golden = existsSync(dir) ? readdirSync(dir).filter((f) => f.endsWith('.json')) : [];
const read = (name: string) =>
  JSON.parse(readFileSync(resolve(dir, name), 'utf8')) as Record<string, unknown>;
const of = (prefix: string) => golden.filter((f) => f.startsWith(prefix));

/** Types that only make pages fetch again; their data is not looked at. */
const passedOn = ['member.', 'room.', 'playlist.', 'playback.advance_failed', 'playback.wait_limit', 'node.'];

describe.skipIf(golden.length === 0)('golden messages of the server', () => {
  it.each(of('server.'))('%s passes its guard', (name) => {
    const raw = read(name);
    const m = decode(JSON.stringify(raw));
    expect(m).not.toBeNull();
    expect(m!.type).toBe(raw.type);
    expect(m!.seq).toBe(raw.seq);
    expect(m!.data).toEqual(raw.data);
    const type = raw.type as string;
    expect(isKnownType(type) || passedOn.some((p) => type.startsWith(p)), `${type} is not handled`).toBe(
      true,
    );
  });
  it.each(of('server.').filter((n) => isKnownType(read(n).type as string)))(
    '%s is refused when a number is a text',
    (name) => {
      const raw = read(name);
      const data = raw.data as Record<string, unknown>;
      for (const [field, value] of Object.entries(data)) {
        if (typeof value !== 'number' || ['by', 'actor'].includes(field)) continue;
        const broken = decode(JSON.stringify({ ...raw, data: { ...data, [field]: String(value) } }));
        const unused = type(raw) === 'chat.deleted' && field === 'seq';
        if (!unused) expect(broken, field).toBeNull();
      }
    },
  );
});
const type = (raw: Record<string, unknown>) => raw.type as string;

describe.skipIf(golden.length === 0)('what we send', () => {
  const fields = (name: string) => Object.keys(read(name).data as object);
  const sent = (text: string) => JSON.parse(text) as { type: string; data: object };

  it('has the names of the golden messages and no others', () => {
    const hello = sent(encode('hello', { resume: { epoch: 1, seq: 2 }, client: 'web/x', caps: [] }));
    expect(Object.keys(hello.data)).toEqual(fields('client.hello.json'));
    expect(Object.keys(sent(encode('clock.ping', { t0: 1 })).data)).toEqual(fields('client.clock.ping.json'));
    expect(Object.keys(sent(encode('sync.get', { epoch: 1, version: 1 })).data)).toEqual(
      fields('client.sync.get.json'),
    );
    const report = encode('playback.report', {
      version: 1,
      generation: 1,
      state: 'playing',
      position: 1,
      at: 1,
      drift_ms: 0,
      buffered_s: 0,
      rtt_ms: 0,
      offset_err_ms: 0,
      rate: 1,
      duration: 0,
      stalls: 0,
      dropped: 0,
      engine: 'native',
    });
    expect(Object.keys(sent(report).data)).toEqual(fields('client.playback.report.json'));
  });
});

describe('decode', () => {
  const state = (change: object) =>
    decode(JSON.stringify({ type: 'playback.state', seq: 1, data: { ...someState, ...change } }));
  it('takes what the server may leave out', () => {
    expect(state({})).not.toBeNull();
    expect(state({ hold: undefined, actor: undefined, op: undefined, target: undefined })).not.toBeNull();
    expect(state({ hold: { since: 1, deadline: 2, waiting: null } })).not.toBeNull();
    expect(
      decode(JSON.stringify({ type: 'welcome', data: { ...someWelcome, permissions: null } })),
    ).not.toBeNull();
  });
  it.each([
    { version: null },
    { position: 'x' },
    { playing: 1 },
    { media: 7 },
    { media: { id: 'a' } },
    { hold: { since: 1 } },
  ])('refuses %o', (change) => expect(state(change)).toBeNull());
  it.each([
    '',
    'null',
    '7',
    '{}',
    '{"type":null}',
    '{"type":"playback.state"}',
    '[1]',
    '{"type":"bye","data":{"code":4004}}',
  ])('refuses %s', (text) => expect(decode(text)).toBeNull());
  it('refuses binary frames', () => expect(decode(new ArrayBuffer(3))).toBeNull());
  it('hands on what it does not know', () => {
    expect(decode('{"type":"x.y","seq":4,"at":9,"data":{"a":1}}')).toEqual({
      type: 'x.y',
      seq: 4,
      at: 9,
      data: { a: 1 },
      unknown: true,
    });
    expect(decode('{"type":"constructor","data":1}')).toMatchObject({ unknown: true });
  });
});

describe('close codes', () => {
  it('are final from 4001 to 4011', () => {
    expect(Object.keys(closeCodes()).map(Number)).toEqual(Array.from({ length: 11 }, (_, i) => 4001 + i));
    for (const code of [1000, 1001, 1006, 1008, 1012, 1013, 4000, 4012]) expect(finalReason(code)).toBeNull();
  });
  it.skipIf(!existsSync(resolve(dir, '../close.go')))('have the words of the Go side', () => {
    const go = readFileSync(resolve(dir, '../close.go'), 'utf8');
    const names = new Map(
      [...go.matchAll(/(Close\w+)\s+CloseCode = (\d+)/g)].map((m) => [m[1]!, Number(m[2])]),
    );
    const words = new Map([...go.matchAll(/(Close\w+):\s*"(\w+)"/g)].map((m) => [names.get(m[1]!)!, m[2]!]));
    for (const [code, word] of Object.entries(closeCodes())) expect(words.get(Number(code))).toBe(word);
  });
});

describe('operation ids', () => {
  it('are 16 characters and differ', () => {
    const ids = new Set(Array.from({ length: 1000 }, newOp));
    expect(ids.size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^[a-z2-7]{16}$/);
  });
});
