'use strict';

// Names that users chose: of accounts, devices, reasons. A page shows each as text, whole, and
// without an effect on the texts around it.

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const development = require('./development');
const operators = require('./operators');
const { text } = require('./texts');
const { closeBrowser } = require('./visitor');
const { DEADLINE } = require('./wait');

const options = { timeout: 10 * DEADLINE };

after(closeBrowser);

const ACCOUNTS = [
  `<script>alert(1)</script>`,
  `"'><img src=x onerror=alert(1)>`,
  '{{ 7 * 7 }}#{7*7}&amp;%3Cb%3E',
  '../../admin?x=1#y&name=other',
  'مستخدم',
  'w'.repeat(128),
];

const DEVICES = [
  '<svg onload=alert(1)>',
  '"><script>alert(document.domain)</script>',
  "' autofocus onfocus='alert(1)",
  'a\u202Egpj.exe',
  '\u2066\u2067\u202Bmixed',
  'W'.repeat(64),
  '🚗'.repeat(12),
];

/** Returns the names that a page shows, as the user sees them: each alone in its element. */
function named(visitor, mark) {
  return visitor.mark(mark).evaluateAll((rows) => rows.map((row) => row.querySelector('bdi').textContent));
}

async function fill(service) {
  for (const account of ACCOUNTS) await service.account(account);
  const accepted = [];
  const [device] = await service.accountWith('alice', ['Phone']);
  for (const name of DEVICES) {
    // The service may refuse a name. Then there is nothing to show.
    await device.rename(name).then(
      () => accepted.push(name),
      (error) => assert.equal(error.code, 2, name),
    );
  }
  assert.ok(accepted.length > 0, 'the service accepts some of the names');
  return { device, accepted };
}

test('the operators’ console shows hostile names as text', options, async (t) => {
  const service = await operators.start(t, 'four_eyes = true');
  const { device, accepted } = await fill(service);
  const visitor = await operators.signedIn(t, service);
  for (const account of ACCOUNTS) {
    await visitor.go('');
    await visitor.page.locator('input[name="q"]').fill(account);
    await visitor.act(() => visitor.press('Enter'));
    assert.equal(await visitor.page.locator('input[name="q"]').inputValue(), account);
    assert.deepEqual(await named(visitor, 'result'), [account]);
    await visitor.act(() => visitor.mark('result').locator('a').click());
    assert.ok((await visitor.page.locator('h1').textContent()).includes(account));
    await operators.unblock(visitor, `</td><script>alert(1)</script> ${'long'.repeat(40)}`);
  }
  await visitor.go('proposals');
  assert.deepEqual((await named(visitor, 'proposal')).sort(), [...ACCOUNTS].sort());
  await visitor.go('audit');
  for (const name of accepted) {
    await device.rename(name);
    await visitor.go(operators.accountPage('alice'));
    assert.deepEqual(await named(visitor, 'device'), [name]);
  }
  assert.equal(await visitor.page.evaluate(() => document.scripts.length), 1);
});

test('the development console shows hostile names as text', options, async (t) => {
  const service = await development.start(t);
  const { device, accepted } = await fill(service);
  const visitor = await development.entered(t, service);
  await visitor.go('accounts');
  assert.deepEqual((await named(visitor, 'account')).sort(), ['alice', ...ACCOUNTS].sort());
  for (const account of ACCOUNTS) {
    await visitor.go('accounts');
    await visitor.act(() => visitor.mark('account').locator('a').filter({ hasText: account }).first().click());
    assert.ok((await visitor.page.locator('h1').textContent()).includes(account));
    await development.submit(visitor, '/unblock');
    assert.equal(await visitor.page.locator('.flash').textContent(), text('en', 'unblock-not-blocked'));
  }
  for (const name of accepted) {
    await device.rename(name);
    await visitor.go(development.accountPage('alice'));
    assert.deepEqual(await named(visitor, 'device'), [name]);
  }
  await visitor.go('exchanges');
  const links = await visitor
    .mark('exchange')
    .locator('a')
    .evaluateAll((found) => found.map((link) => link.getAttribute('href')));
  for (const link of links.slice(0, 8)) await visitor.go(link);
});
