'use strict';

// The development console of `serve --dev`: the inbox that fills by itself, each page, each action.

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const { PAGES, accountPage, entered, start, submit } = require('./development');
const { PHONE_NUMBER } = require('./service');
const { text } = require('./texts');
const { Visitor, closeBrowser, plain } = require('./visitor');
const { DEADLINE, until } = require('./wait');

const options = { timeout: 10 * DEADLINE };

after(closeBrowser);

const content = async (locator) => plain(await locator.textContent());

/** Waits until a tab shows so many SMS. */
function shows(tab, count) {
  return until(async () => (await tab.locator('[data-test="sms"]').count()) === count, `${count} SMS`);
}

/** Hides a tab or shows it, as a browser does when the user looks at another one. */
function setVisible(tab, isVisible) {
  return tab.evaluate(
    (state) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
      document.dispatchEvent(new Event('visibilitychange'));
    },
    isVisible ? 'visible' : 'hidden',
  );
}

test('the console opens by its key alone', options, async (t) => {
  const service = await start(t);
  const base = new URL('/', service.console).href;
  const stranger = await Visitor.open(t, base);
  for (const path of [...PAGES, '?key=wrong', '?key=', accountPage('demo')]) {
    await stranger.go(path, { status: 401 });
    assert.equal(await stranger.page.locator('nav').count(), 0);
  }
  const visitor = await entered(t, service);
  // The key is not in the address, nor in the history.
  assert.equal(visitor.page.url(), base);
  const [cookie] = await visitor.page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, 'Strict']);
  for (const path of PAGES) {
    await visitor.go(path);
    assert.equal(await visitor.page.locator('nav a[aria-current="page"]').count(), 1, path);
  }
  await visitor.go('missing', { status: 404 });
  await visitor.go('unblock', { status: 405 });
});

test('an SMS appears by itself, and its code can be copied', options, async (t) => {
  const service = await start(t);
  const visitor = await entered(t, service);
  assert.equal(await visitor.mark('newest-code').count(), 0);
  const device = service.device('alice', await service.account('alice'));
  await device.requestCode(PHONE_NUMBER);
  await visitor.mark('newest-code').waitFor();
  const code = service.code();
  assert.equal(await content(visitor.mark('newest-code')), code);
  assert.match(await content(visitor.mark('sms')), new RegExp(code));
  await visitor.check();

  // A second one takes its place.
  await device.requestCode(PHONE_NUMBER);
  await shows(visitor.page, 2);
  assert.notEqual(service.code(), code);
  assert.equal(await content(visitor.mark('newest-code')), service.code());
  await visitor.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const button = visitor.page.locator('button[data-copy="newest-code"]');
  await button.click();
  await until(async () => (await content(button)) === text('en', 'copied'), 'the button says it');
  assert.equal(await visitor.page.evaluate(() => navigator.clipboard.readText()), service.code());
  await visitor.check();

  // A reload shows the same.
  await visitor.go('');
  assert.equal(await content(visitor.mark('newest-code')), service.code());
  assert.equal(await visitor.mark('sms').count(), 2);
});

test('two windows fill, and a ninth tab still loads', options, async (t) => {
  const service = await start(t);
  const visitor = await entered(t, service);
  const first = visitor.page;
  const second = await visitor.tab();
  await visitor.go('');
  const device = service.device('alice', await service.account('alice'));
  await device.requestCode(PHONE_NUMBER);
  await shows(first, 1);
  await shows(second, 1);

  const hidden = [first, second];
  for (let count = 0; count < 7; count += 1) {
    await setVisible(hidden.at(-1), false);
    if (count === 0) await setVisible(first, false);
    hidden.push(await visitor.tab());
    await visitor.go('');
    await shows(visitor.page, 1);
  }
  // A hidden tab learns later what came meanwhile.
  await device.requestCode(PHONE_NUMBER);
  await shows(visitor.page, 2);
  assert.equal(await first.locator('[data-test="sms"]').count(), 1);
  await setVisible(first, true);
  await shows(first, 2);
});

test('the stream of an inbox ends with its page', options, async (t) => {
  const service = await start(t);
  const visitor = await entered(t, service);
  // A browser has six connections to a server: pages that were left keep none.
  for (let count = 0; count < 8; count += 1) await visitor.go(count % 2 === 0 ? 'next' : '');
  await visitor.page.goBack();
  await visitor.check();
  const device = service.device('alice', await service.account('alice'));
  await visitor.go('');
  await visitor.go('next');
  await visitor.page.goBack();
  await device.requestCode(PHONE_NUMBER);
  await shows(visitor.page, 1);
  await visitor.check();
});

test('the account of a device shows its state, and is blocked and unblocked', options, async (t) => {
  const service = await start(t);
  const accessToken = await service.account('alice');
  const device = service.device('alice', accessToken);
  const visitor = await entered(t, service);
  const state = async () => {
    await visitor.go(accountPage('alice'));
    return visitor.page.locator('[data-test="state"][aria-current="true"]').evaluateAll((found) => found.map((one) => one.dataset.state));
  };
  await visitor.go(accountPage('nobody'), { status: 404 });
  await device.requestCode(PHONE_NUMBER);
  assert.deepEqual(await state(), ['state-code']);
  await device.enroll(PHONE_NUMBER);
  assert.deepEqual(await state(), ['state-enrolled', 'state-active']);
  await visitor.page.locator('summary').first().click();
  await visitor.check();
  await device.block();
  assert.deepEqual(await state(), ['state-blocked', 'state-active']);
  await submit(visitor, '/unblock');
  assert.equal(await content(visitor.page.locator('.flash')), text('en', 'unblock-lifted'));
  assert.deepEqual(await state(), ['state-enrolled', 'state-active']);

  // A password is right once.
  const otp = await device.otp();
  const verify = async (password) => {
    await visitor.page.locator('input[name="password"]').fill(password);
    await submit(visitor, '/verify');
    return content(visitor.mark('verify-result'));
  };
  assert.equal(await verify('00000000'), text('en', 'verify-refused'));
  assert.equal(await verify(otp), text('en', 'verify-accepted'));
  assert.equal(await verify(otp), text('en', 'verify-refused'));

  assert.equal(await visitor.mark('device').count(), 1);
  await submit(visitor, '/remove-device');
  assert.equal(await content(visitor.page.locator('.flash')), text('en', 'device-removed'));
  assert.equal(await visitor.mark('device').count(), 0);
  await assert.rejects(device.otp(), { code: 8 });

  await visitor.go('accounts');
  assert.equal(await visitor.mark('account').count(), 1);
  await visitor.page.locator('input[name="q"]').fill('ali');
  await visitor.act(() => visitor.press('Enter'));
  await visitor.act(() => visitor.mark('account').locator('a').click());
  assert.equal(visitor.page.url(), visitor.url(accountPage('alice')));
});

test('the clock moves, and a code expires', options, async (t) => {
  const service = await start(t);
  const device = service.device('alice', await service.account('alice'));
  await device.requestCode(PHONE_NUMBER);
  const visitor = await entered(t, service);
  await visitor.go('accounts');
  const clock = async () => new Date(await visitor.mark('clock').getAttribute('datetime')).getTime();
  const before = await clock();
  await visitor.page.locator('input[name="amount"]').fill('2');
  await visitor.page.locator('select[name="unit"]').selectOption('hours');
  await submit(visitor, '/clock');
  assert.equal(await content(visitor.page.locator('.flash')), text('en', 'clock-told-moved'));
  const moved = (await clock()) - before;
  assert.ok(moved >= 7_200_000 && moved < 7_200_000 + DEADLINE, `${moved}`);
  await assert.rejects(device.pims(['enroll', '--no-request', '--phone', PHONE_NUMBER], service.code(), '1234'), { code: 6 });
  await submit(visitor, '/clock', 'button[name="reset"]');
  assert.equal(await content(visitor.page.locator('.flash')), text('en', 'clock-told-reset'));
  assert.ok((await clock()) - before < DEADLINE);
});

test('the gateway refuses messages', options, async (t) => {
  const service = await start(t);
  const device = service.device('alice', await service.account('alice'));
  const visitor = await entered(t, service);
  await submit(visitor, '/gateway', 'button[value="every"]');
  assert.equal(await content(visitor.page.locator('.flash')), text('en', 'gateway-told-every'));
  assert.equal(await visitor.page.locator('form[action="/gateway"] button[aria-pressed="true"]').getAttribute('value'), 'every');
  await assert.rejects(device.requestCode(PHONE_NUMBER), { code: 4 });
  await submit(visitor, '/gateway', 'button[value="next"]');
  await assert.rejects(device.requestCode(PHONE_NUMBER), { code: 4 });
  await device.requestCode(PHONE_NUMBER);
  await submit(visitor, '/gateway', 'button[value="never"]');
  await device.requestCode(PHONE_NUMBER);
});

test('an error happens when a developer wants it, and the exchange is explained', options, async (t) => {
  const service = await start(t);
  const [device] = await service.accountWith('alice');
  const visitor = await entered(t, service);
  await visitor.go('errors');
  const arm = (id) => visitor.act(() => visitor.page.locator(`[data-test="fault"][data-fault="${id}"] button`).click());
  for (const [id, code] of [
    ['word-no-service', 2314],
    ['page', 2203],
  ]) {
    await arm(id);
    assert.equal(await visitor.mark('armed').count(), 1);
    await assert.rejects(device.pims(['otp', '--json'], '1234'), (error) => JSON.parse(error.stdout).error.code === code, id);
    await visitor.go('errors');
    assert.equal(await visitor.mark('armed').count(), 0);
  }
  await arm('close');
  await visitor.act(() => visitor.mark('armed').locator('button').click());
  assert.equal(await visitor.mark('armed').count(), 0);
  assert.match(await device.otp(), /^[a-z0-9]{5,8}$/);

  await visitor.go('exchanges');
  assert.ok((await visitor.mark('exchange').count()) > 5);
  const links = await visitor
    .mark('exchange')
    .locator('a')
    .evaluateAll((found) => found.map((link) => link.getAttribute('href')));
  for (const link of links) {
    await visitor.go(link);
    assert.equal(await visitor.mark('exchange').count(), 1);
    assert.equal(
      await visitor.mark('unexplained').count(),
      0,
      `${link}: ${await visitor.page.locator('tr:has([data-test="unexplained"])').allInnerTexts()}`,
    );
  }
  await visitor.go('exchange?id=999999', { status: 404 });
});

test('the next steps are commands that work', options, async (t) => {
  const service = await start(t);
  const visitor = await entered(t, service);
  await visitor.go('next');
  const { credential } = JSON.parse(await visitor.page.locator('#configuration').textContent());
  assert.equal(credential.inWeboURL, service.url);
  const { run } = require('./service');
  for (const command of await visitor.page.locator('pre[id^="command-"]').allInnerTexts()) {
    await run('sh', ['-c', command]);
  }
});

test('a form of another session or site changes nothing', options, async (t) => {
  const service = await start(t);
  const [device] = await service.accountWith('alice');
  await device.block();
  const visitor = await entered(t, service);
  const other = await entered(t, service);
  await other.go(accountPage('alice'));
  const csrf = await other.page.locator('form[action="/unblock"] input[name="csrf"]').inputValue();
  await visitor.go(accountPage('alice'));
  for (const [path, fields] of [
    ['unblock', { name: 'alice', csrf }],
    ['unblock', { name: 'alice' }],
    ['gateway', { fail: 'every', csrf }],
    ['clock', { amount: '1', unit: 'days', back: '', csrf }],
    ['fault', { fault: 'close', csrf }],
  ]) {
    const answer = await visitor.post(path, fields);
    assert.deepEqual([answer.status, answer.kind], [403, 'text/html; charset=utf-8'], path);
  }
  await visitor.go(accountPage('alice'));
  assert.equal(await visitor.page.locator('[data-state="state-blocked"][aria-current="true"]').count(), 1);
  await visitor.go('errors');
  assert.equal(await visitor.mark('armed').count(), 0);
});
