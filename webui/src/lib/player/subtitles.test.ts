import { describe, expect, it } from 'vitest';
import { preferred } from './captions.svelte';
import { activeAt, decodeText, parse, parseAss, parseTimed, timestamp } from './subtitles';

describe('timestamps', () => {
  it.each([
    ['00:00:01.500', 1.5],
    ['01:02:03,004', 3723.004],
    ['02:03.25', 123.25],
    ['0:00:01.23', 1.23],
  ])('%s', (text, seconds) => expect(timestamp(text)).toBeCloseTo(seconds, 6));
  it('refuses what is none', () => expect(timestamp('soon')).toBeNaN());
});

describe('WebVTT and SubRip', () => {
  it('reads blocks, drops tags and keeps lines', () => {
    const cues = parseTimed(
      'WEBVTT - x\n\nNOTE no\n\nSTYLE\n::cue { color: red }\n\n1\n00:00.000 --> 00:02.000 align:start\n<v Mia>Hello</v>\n<i>you</i> &amp; me\n\n00:03.000 --> 00:02.000\nbackwards\n',
    );
    expect(cues).toEqual([{ start: 0, end: 2, lines: ['Hello', 'you & me'], top: false }]);
  });
  it('takes commas, CRLF, a mark at the start and positions of SubRip', () => {
    const cues = parseTimed(
      '\uFEFF1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}up\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\ndown\r\n',
    );
    expect(cues.map((c) => [c.lines[0], c.top])).toEqual([
      ['up', true],
      ['down', false],
    ]);
  });
  it('never makes markup', () => {
    expect(parseTimed('00:00.000 --> 00:01.000\n<script>alert(1)</script>&lt;b&gt;')[0]?.lines).toEqual([
      'alert(1)<b>',
    ]);
  });
});

describe('ASS', () => {
  const file = [
    '[Script Info]',
    'Title: x',
    '[Events]',
    'Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text',
    'Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,{\\an8\\b1}Up, there\\Nand {\\i1}more',
    'Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,first',
    'Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\p1}m 0 0 l 10 10',
    'Comment: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,no',
  ].join('\n');
  it('keeps the words', () => {
    expect(parseAss(file)).toEqual([
      { start: 1, end: 2.5, lines: ['first'], top: false },
      { start: 2, end: 3, lines: ['Up, there', 'and more'], top: true },
    ]);
  });
  it('is recognised by its contents', () => expect(parse(file)).toHaveLength(2));
});

describe('what is shown', () => {
  const cues = parseTimed('00:01.000 --> 00:10.000\nlong\n\n00:02.000 --> 00:03.000\nshort');
  it('is what covers the moment, in order', () => {
    expect(activeAt(cues, 0.5)).toEqual([]);
    expect(activeAt(cues, 2.5).map((c) => c.lines[0])).toEqual(['long', 'short']);
    expect(activeAt(cues, 3).map((c) => c.lines[0])).toEqual(['long']);
  });
});

describe('text in old encodings', () => {
  it('is read as UTF-8 when it is, else as GB18030', () => {
    expect(decodeText(new TextEncoder().encode('灯塔').buffer)).toBe('灯塔');
    expect(decodeText(new Uint8Array([0xb5, 0xc6, 0xcb, 0xfe]).buffer)).toBe('灯塔');
    expect(decodeText(new Uint8Array([0xff, 0xfe, 0x41, 0x00]).buffer)).toContain('A');
  });
});

describe('the track that fits', () => {
  const track = (id: string, lang: string, more = {}) => ({
    id,
    label: id,
    lang,
    format: 'vtt',
    url: '/x',
    default: false,
    forced: false,
    ...more,
  });
  const tracks = [track('a', 'en'), track('b', 'zh-Hans'), track('c', 'de', { default: true })];
  it('is the wanted language, then the default, then one that the browser speaks', () => {
    expect(preferred(tracks, { on: true, lang: 'zh-CN' }, [])).toBe('b');
    expect(preferred(tracks, { on: true, lang: '' }, ['en'])).toBe('c');
    expect(preferred(tracks.slice(0, 2), { on: true, lang: '' }, ['fr', 'en-GB'])).toBe('a');
    expect(preferred(tracks.slice(0, 2), { on: true, lang: '' }, ['fr'])).toBeNull();
    expect(preferred(tracks, { on: false, lang: 'en' }, ['en'])).toBeNull();
  });
});
