// Walks through a real server as two people and takes pictures: node dev/walk.mjs <binary> <library folder>
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const [binary, library] = process.argv.slice(2);
const data = mkdtempSync(join(tmpdir(), 'synctv-walk-'));
const origin = 'http://127.0.0.1:18099';
const server = spawn(
  binary,
  ['serve', '--data-dir', data, '--listen', '127.0.0.1:18099', '--library', library],
  {
    stdio: ['ignore', 'ignore', 'inherit'],
  },
);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
});
mkdirSync('shots/walk', { recursive: true });
let n = 0;

async function person(name, width) {
  const context = await browser.newContext({
    viewport: { width, height: width < 500 ? 844 : 900 },
    locale: 'en-GB',
    hasTouch: width < 500,
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.log(name, 'page error:', error.message));
  page.on(
    'console',
    (message) =>
      message.type() === 'error' && console.log(name, 'console:', message.text(), message.location().url),
  );
  page.on('response', async (response) => {
    if (response.status() >= 400)
      console.log(
        name,
        response.status(),
        response.request().method(),
        response.url(),
        (await response.text().catch(() => '')).slice(0, 300),
      );
  });
  page.on(
    'request',
    (request) =>
      !request.url().startsWith(origin) &&
      !/^(data|blob):/.test(request.url()) &&
      console.log(name, 'foreign request', request.url()),
  );
  await page.addInitScript(() =>
    addEventListener('securitypolicyviolation', (e) =>
      console.error('CSP', e.violatedDirective, e.blockedURI),
    ),
  );
  return page;
}
async function shot(page, name) {
  await page.waitForTimeout(500);
  await page.screenshot({ path: `shots/walk/${String(++n).padStart(2, '0')}-${name}.png` });
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const v of violations)
    console.log('axe', name, v.impact, v.id, v.nodes.map((node) => node.html.slice(0, 120)).join(' | '));
}

try {
  for (let i = 0; i < 100; i++) {
    if (
      await fetch(origin + '/health/live').then(
        (r) => r.ok,
        () => false,
      )
    )
      break;
    await new Promise((done) => setTimeout(done, 100));
  }
  const token = readFileSync(join(data, 'setup-token'), 'utf8').trim();
  const mia = await person('mia', 1440);
  await mia.goto(origin + '/');
  await mia.waitForURL('**/setup');
  await mia.goto(`${origin}/setup#token=${token}`);
  await mia.reload();
  await mia.goto('about:blank');
  await mia.goto(`${origin}/setup#token=${token}`);
  await mia.getByLabel('Username').fill('mia');
  await mia.locator('input[name=password]').fill('a few calm words');
  await shot(mia, 'setup');
  if (mia.url().includes('token')) console.log('the token is still in the address bar');
  await mia.getByRole('button', { name: 'Next' }).click();
  await mia.getByLabel('Name of this server').fill('Kinokeller');
  await mia.getByRole('button', { name: 'Open the house' }).click();
  await mia.getByRole('heading', { name: 'Lights down.' }).waitFor();
  await shot(mia, 'setup-done');
  await mia.getByRole('link', { name: 'Create the first room' }).click();
  await mia.getByLabel('Room name').fill('Friday film club');
  await mia.locator('dialog input[name=room-password]').fill('soup');
  await mia.getByRole('dialog').getByRole('button', { name: 'Create room' }).click();
  await mia.getByLabel('Invitation link').waitFor();
  const invite = await mia.getByLabel('Invitation link').inputValue();
  console.log('invite', invite);
  await shot(mia, 'created');
  await mia.getByRole('link', { name: 'Enter the room' }).click();
  await mia.getByRole('tab', { name: 'Chat' }).waitFor();
  await shot(mia, 'room-empty');
  await mia.getByRole('tab', { name: /Playlist/ }).click();
  await mia.getByRole('tabpanel').getByRole('button', { name: 'Add media' }).last().click();
  await mia.getByLabel('The Night Ferry').first().check({ force: true });
  await shot(mia, 'add');
  await mia.getByRole('button', { name: 'More ways to add' }).click();
  await mia.getByRole('menuitem', { name: 'Play now' }).click();
  await mia.getByRole('dialog').waitFor({ state: 'detached' });
  await mia.waitForTimeout(2500);
  await shot(mia, 'playing');

  const ada = await person('ada', 390);
  await ada.goto(invite);
  await ada.getByPlaceholder('Your name').fill('Ada');
  await shot(ada, 'lobby');
  await ada.getByPlaceholder(/Password from/).fill('wrong');
  await ada.getByRole('button', { name: 'Take your seat' }).click();
  await ada.getByText('That is not the password.').waitFor();
  await ada.getByPlaceholder(/Password from/).fill('soup');
  await ada.getByRole('button', { name: 'Take your seat' }).click();
  await ada.getByRole('tab', { name: 'Chat' }).waitFor();
  await ada.waitForTimeout(2500);
  await ada.getByLabel('Message the room').fill('Is this seat free? Look at 0:14');
  await ada.keyboard.press('Enter');
  await shot(ada, 'guest');
  await mia.getByRole('tab', { name: /Chat/ }).click();
  await mia.getByText('Is this seat free?').waitFor();
  await mia.getByLabel('Message the room').fill('All yours.');
  await mia.keyboard.press('Enter');
  await ada.getByText('All yours.').waitFor();
  await shot(mia, 'chat');
  await ada.reload();
  await ada.getByText('All yours.').waitFor();
  await mia.getByRole('tab', { name: /People/ }).click();
  await shot(mia, 'people');
  await mia.getByRole('button', { name: 'Room settings' }).click();
  await mia.getByLabel('Description').fill('One film a week, soup included.');
  await mia.getByLabel('At the end of a title').selectOption('repeat_all');
  await mia.getByRole('button', { name: 'Save' }).click();
  await mia.getByText('Room settings saved').waitFor();
  await shot(mia, 'settings-saved');
  await mia.getByRole('button', { name: /What to do with Ada/ }).click();
  await mia.getByRole('menuitem', { name: 'Ask to leave' }).click();
  await ada.getByRole('alert').waitFor();
  await shot(ada, 'kicked');
  await mia.goto(origin);
  await mia.getByText('On now').waitFor();
  await shot(mia, 'home');
  await mia.getByRole('button', { name: /Account of/ }).click();
  await mia.getByRole('menuitemradio', { name: '简体中文' }).click();
  await mia.waitForTimeout(400);
  await mia.keyboard.press('Escape');
  await shot(mia, 'home-zh');
  await mia.getByRole('button', { name: /的账号/ }).click();
  await mia.getByRole('menuitem', { name: '退出登录' }).click();
  await shot(mia, 'signed-out-zh');
} catch (error) {
  console.log('stopped:', error.message.split('\n').slice(0, 6).join('\n'));
  for (const context of browser.contexts())
    for (const page of context.pages()) await page.screenshot({ path: `shots/walk/stopped-${++n}.png` });
} finally {
  await browser.close();
  server.kill('SIGTERM');
  await new Promise((done) => server.once('exit', done));
  rmSync(data, { recursive: true, force: true });
}
