/** Made-up people, rooms and films for looking at pages. */
const id = (n: number) => `0m${String(n).padStart(18, '0')}`;

const user = (n: number, name: string) => ({
  id: id(n),
  username: name.toLowerCase(),
  display_name: name,
  avatar_url: null,
});
export const mia = user(1, 'Mia');
export const people = [
  { ...user(1, 'Mia'), role: 'creator', state: 'playing', drift: 8 },
  { ...user(2, 'Jo'), role: 'admin', state: 'playing', drift: -14 },
  { ...user(3, 'Kofi'), role: 'member', state: 'playing', drift: 31 },
  { ...user(4, '雪'), role: 'member', state: 'playing', drift: 96 },
  { ...user(5, 'Tomás'), role: 'member', state: 'playing', drift: -700 },
  { ...user(6, 'Ines'), role: 'member', state: 'buffering', drift: 2100 },
  { ...user(7, 'Ada'), role: 'guest', state: 'paused', drift: null },
  { ...user(8, 'Wen'), role: 'member', state: 'background', drift: null },
];

export const me = {
  ...mia,
  role: 'root',
  status: 'active',
  locale: 'en',
  created_at: '2026-01-01T00:00:00.000Z',
  version: 1,
};

type Row = [
  name: string,
  film: string | null,
  position: number,
  duration: number,
  viewers: number,
  members: number,
  locked?: boolean,
];
const rows: Row[] = [
  ['Friday film club', 'The Night Ferry', 2832, 6500, 8, 12, true],
  ['Kino Küche', 'Slack Water', 760, 5280, 4, 6],
  ['深夜放映室', 'Nine Rivers, part 2', 1982, 3128, 9, 12],
  ['Third floor, left', 'Understudy', 4988, 6090, 2, 4],
  ['Sunday matinee', null, 0, 0, 0, 8],
  ['Harbour cinema', 'The Rooftop Circus', 1260, 6725, 5, 8],
  ['Slow films, no talking', 'Orchard Year', 4020, 5460, 7, 8],
  ['Radio drama circle', 'A Lamp for the Herring Fleet', 250, 5800, 2, 6, true],
  ['动画星期天', '雨伞城', 2880, 7020, 8, 8],
  ['Night shift', 'Signal Hill, episode 1', 900, 3060, 3, 12],
  ['Geografía lenta', 'Cartographer of Dust', 7080, 8460, 6, 10, true],
];

export const cards = rows.map(([name, film, position, duration, viewers, members, locked], i) => ({
  id: id(100 + i),
  slug: null,
  name,
  description: i === 0 ? 'One film a week, soup included.' : '',
  cover_url: null,
  creator: i < 1 ? mia : user(2 + (i % 7), people[1 + (i % 7)]?.display_name ?? 'Jo'),
  visibility: i < 5 ? 'unlisted' : 'public',
  status: 'active',
  need_password: !!locked,
  guests: i !== 8,
  members,
  viewers,
  created_at: '2026-01-01T00:00:00.000Z',
  last_activity_at: '2026-11-25T00:00:00.000Z',
  now: film ? { name: film, playing: i < 7, position, duration, updated_at: Date.now() } : null,
  my_status: i < 5 ? 'member' : 'none',
  my_role: i === 0 ? 'creator' : 'member',
}));

export const settings = {
  allow_guests: true,
  require_approval: false,
  allow_join: true,
  max_members: 100,
  max_viewers: 12,
  chat_enabled: true,
  auto_play: { enabled: true, mode: 'sequential', delay_seconds: 3 },
  start_paused: false,
  resume_positions: true,
  wait_for_ready: 'off',
  sync_tolerance_ms: 200,
  allow_member_rate: false,
  welcome_message: '',
};

export const permissions =
  'send_chat add_media delete_own_media delete_any_media edit_own_media edit_any_media reorder_playlist manage_playlists play_control change_current_media change_playback_rate kick_member invite_member set_room_settings set_room_password delete_chat view_playlist view_member_list view_chat_history'.split(
    ' ',
  );

const films: [string, string, string | null, number][] = [
  ['The Night Ferry', 'local', 'Films', 120],
  ['Slow Train South', 'direct', null, 7451],
  ['A Lamp for the Herring Fleet', 'direct', null, 5800],
  ['Nine Rivers, part 2', 'local', 'Films', 3128],
  ['The Rooftop Circus', 'local', 'Films', 6725],
  ['Understudy', 'local', 'Films', 6090],
  ['Signal Hill, episode 4', 'local', 'Series', 3060],
  ['Umbrella City', 'direct', null, 7020],
];
export const root = id(500);
export const media = films.map(([name, provider, instance, duration], i) => ({
  id: id(300 + i),
  room_id: id(100),
  playlist_id: root,
  name,
  description: '',
  provider,
  instance,
  live: false,
  duration,
  thumbnail_url: null,
  creator: people[i % 4],
  position: i,
  restricted: false,
  created_at: '2026-11-25T00:00:00.000Z',
  version: 1,
}));

const minutes = (n: number) => new Date(Date.now() - n * 60_000).toISOString();
const said: [number, string, number][] = [
  [5, 'Tea is on. Who has the good chair?', 58],
  [1, 'Me. I was here first, there is a log.', 54],
  [1, 'Subtitles are the restored track, the old ones were two seconds late.', 53],
  [2, 'That whole crossing is one shot, isn’t it?', 37],
  [2, 'Go back to 0:14:30 and watch the gulls. https://example.org/gulls', 36.5],
  [3, '一镜到底，而且是实拍。我查过了。', 25],
  [4, 'My train lost signal, catching up. Nobody say anything.', 6],
  [6, 'Saying nothing very loudly', 5],
];
export const chat = said.map(([who, content, ago], i) => {
  const person = people[who] as (typeof people)[number];
  return {
    id: id(700 + i),
    seq: i + 1,
    author: { id: person.id, kind: person.role === 'guest' ? 'guest' : 'user', name: person.display_name },
    kind: 'text',
    content,
    reply_to: i === 5 ? id(703) : null,
    created_at: minutes(ago),
    edited_at: null,
    deleted: false,
  };
});

export const shelf = [
  { name: 'Harbour season', type: 'folder', size: 0 },
  ...[
    'Signal Hill',
    'A Lamp for the Herring Fleet',
    'Cartographer of Dust',
    'Orchard Year',
    'Slow Train South',
    'The Rooftop Circus',
    'Understudy',
    'Slack Water',
    'A Kite in March',
    'Umbrella City',
    'The Night Ferry',
  ].map((name, i) => ({ name, type: 'media', size: 9e8 + i * 3.1e8 })),
].map((item, i) => ({
  ...item,
  target: { path: item.name },
  source: item.type === 'media' ? { path: `${item.name}.mkv` } : undefined,
  modified_at: '2026-11-01T00:00:00.000Z',
  duration: item.type === 'media' ? 4200 + i * 340 : null,
  thumbnail_url: null,
  subtitles: i % 3 === 1 ? 2 : 0,
}));
