// Pictures of every page against the mock, for looking at: node dev/shots.mjs [name] [--axe]
import { mkdirSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

process.env.SYNCTV_MOCK = '1';
const only = process.argv.slice(2).find((arg) => !arg.startsWith('-'));
const axe = process.argv.includes('--axe');
const room = '/r/0m000000000000000100';
const pages = [
  { name: 'home', path: '/', full: true },
  { name: 'home-empty', path: '/', mode: 'empty' },
  { name: 'home-error', path: '/', mode: 'error' },
  { name: 'home-out', path: '/', mode: 'out', out: true },
  { name: 'create', path: '/?create=1' },
  {
    name: 'account',
    path: '/',
    act: (page) =>
      page
        .getByRole('button', { name: /Account/ })
        .first()
        .click(),
  },
  { name: 'rooms', path: '/rooms' },
  { name: 'login', path: '/login?return_to=/r/x', out: true },
  { name: 'setup', path: '/setup#token=abc', mode: 'setup', out: true, act: setup },
  { name: 'setup-token', path: '/setup', mode: 'setup', out: true },
  { name: 'lobby', path: '/r/0m000000000000000107/join', out: true },
  { name: 'lobby-join', path: '/r/0m000000000000000105/join' },
  { name: 'lobby-members', path: '/r/0m000000000000000108/join', out: true },
  { name: 'lobby-closed', path: '/r/0m000000000000000105/join', mode: 'closed' },
  { name: 'missing', path: '/nowhere' },
  { name: 'room', path: room },
  { name: 'room-list', path: room, act: (page) => page.getByRole('tab', { name: /Playlist/ }).click() },
  { name: 'room-people', path: room, act: (page) => page.getByRole('tab', { name: /People/ }).click() },
  { name: 'room-empty', path: room, mode: 'empty' },
  { name: 'room-invite', path: room, act: invite },
  {
    name: 'room-settings',
    path: room,
    wide: true,
    act: (page) => page.getByRole('button', { name: 'Room settings' }).first().click(),
  },
  { name: 'add-media', path: room, act: add },
];

async function setup(page) {
  await page.getByLabel('Username').fill('mia');
  await page.locator('input[name=password]').fill('a few calm words');
}
async function invite(page) {
  if (await page.getByRole('button', { name: 'Invite' }).isVisible())
    await page.getByRole('button', { name: 'Invite' }).click();
  else {
    await page.getByRole('button', { name: 'Room menu' }).click();
    await page.getByRole('menuitem', { name: 'Invite' }).click();
  }
}
async function add(page) {
  await page.getByRole('button', { name: 'Add media' }).locator('visible=true').first().click();
  await page.getByLabel('Paste a link').fill('https://example.org/rivers.mp4');
  await page.getByLabel('A Lamp for the Herring Fleet').check({ force: true });
  await page.getByLabel('Slow Train South').check({ force: true });
  await page.waitForTimeout(600);
}

const server = await createServer({ server: { port: 5199, host: '127.0.0.1' }, logLevel: 'error' });
await server.listen();
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
mkdirSync('shots', { recursive: true });
let faults = 0;
for (const entry of pages) {
  if (only && !entry.name.startsWith(only)) continue;
  for (const width of [1440, 390]) {
    if (entry.wide && width < 700) continue;
    for (const theme of ['dark', 'light']) {
      const context = await browser.newContext({
        viewport: { width, height: width === 390 ? 844 : 900 },
        colorScheme: theme,
        reducedMotion: 'reduce',
        hasTouch: width === 390,
      });
      if (!entry.out) await context.addInitScript(() => localStorage.setItem('synctv.known', 'true'));
      await context.addInitScript((value) => localStorage.setItem('synctv.theme', value), theme);
      if (entry.mode)
        await context.addCookies([{ name: 'mock', value: entry.mode, url: 'http://127.0.0.1:5199' }]);
      const page = await context.newPage();
      page.on('pageerror', (error) => console.log(entry.name, width, theme, 'page error:', error.message));
      page.on(
        'console',
        (message) =>
          message.type() === 'error' &&
          !/404|503|401/.test(message.text()) &&
          console.log(entry.name, message.text()),
      );
      try {
        await page.goto('http://127.0.0.1:5199' + entry.path);
        await page.waitForSelector('h1, [role=heading]', { state: 'attached' });
        await page.waitForLoadState('networkidle', { timeout: 4000 }).catch(() => undefined);
        await page.waitForTimeout(300);
        if (entry.act) await entry.act(page);
        await page.waitForTimeout(300);
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        if (sideways) console.log(entry.name, width, theme, 'scrolls sideways');
        await page.screenshot({ path: `shots/${entry.name}-${theme}-${width}.png`, fullPage: !!entry.full });
        if (axe) faults += await check(page, `${entry.name} ${width} ${theme}`);
      } catch (error) {
        console.log(entry.name, width, theme, 'failed:', error.message.split('\n')[0]);
        await page.screenshot({ path: `shots/${entry.name}-${theme}-${width}.png` }).catch(() => undefined);
      }
      await context.close();
    }
  }
}

async function check(page, where) {
  const result = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  for (const violation of result.violations) {
    console.log(
      where,
      violation.impact,
      violation.id,
      violation.nodes
        .slice(0, 3)
        .map((node) => node.html.slice(0, 140))
        .join(' | '),
    );
  }
  return result.violations.length;
}
await browser.close();
await server.close();
if (axe) console.log(`axe: ${faults} violations`);
