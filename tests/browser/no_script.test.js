'use strict';

// The consoles in a browser without JavaScript: every page, every action.

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const development = require('./development');
const operators = require('./operators');
const { text } = require('./texts');
const { closeBrowser, plain } = require('./visitor');
const { DEADLINE } = require('./wait');

const options = { timeout: 10 * DEADLINE };

after(closeBrowser);

const flash = async (visitor) => plain(await visitor.page.locator('.flash').textContent());

test('the operators’ console', options, async (t) => {
  const service = await operators.start(t);
  const [device] = await service.accountWith('alice', ['Phone', 'Tablet']);
  await device.block();
  const visitor = await operators.signedIn(t, service, 'chief', { script: false });
  for (const path of ['audit', 'health', 'proposals', '?q=alice']) await visitor.go(path);
  await visitor.act(() => visitor.mark('result').locator('a').click());
  await operators.unblock(visitor, 'the user called');
  assert.equal(await flash(visitor), text('en', 'done-unblocked'));
  await operators.removeDevice(visitor, visitor.mark('device').first(), 'the tablet was stolen');
  assert.equal(await flash(visitor), text('en', 'done-device-removed'));
  await operators.signOut(visitor);
});

test('four eyes', options, async (t) => {
  const service = await operators.start(t, 'four_eyes = true');
  const [device] = await service.accountWith('alice');
  await device.block();
  const first = await operators.signedIn(t, service, 'chief', { script: false });
  await first.go(operators.accountPage('alice'));
  await operators.unblock(first, 'the user called');
  const second = await operators.signedIn(t, service, 'second', { script: false });
  await second.go('proposals');
  await second.act(() => second.page.locator('form[action="/console/approve"] button').click());
  assert.equal(await flash(second), text('en', 'done-unblocked'));
});

test('the development console', options, async (t) => {
  const service = await development.start(t);
  const [device] = await service.accountWith('alice');
  const visitor = await development.entered(t, service, { script: false });
  const before = await visitor.mark('sms').count();
  await device.requestCode();
  await visitor.go('');
  assert.equal(await visitor.mark('sms').count(), before + 1);
  assert.equal(await visitor.mark('newest-code').textContent(), service.code());
  // A button that only a script can serve is not there.
  assert.ok(await visitor.page.locator('button[data-copy]').isHidden());
  for (const path of development.PAGES) await visitor.go(path);
  await visitor.go('');
  await development.submit(visitor, '/gateway', 'button[value="next"]');
  assert.equal(await flash(visitor), text('en', 'gateway-told-next'));
  await assert.rejects(device.requestCode(), { code: 4 });
  await visitor.go('errors');
  await development.submit(visitor, '/fault');
  assert.equal(await visitor.mark('armed').count(), 1);
  await visitor.act(() => visitor.mark('armed').locator('button').click());
  await visitor.go('accounts');
  await development.submit(visitor, '/clock');
  assert.equal(await flash(visitor), text('en', 'clock-told-moved'));
  await visitor.go(development.accountPage('alice'));
  await visitor.page.locator('input[name="password"]').fill(await device.otp());
  await development.submit(visitor, '/verify');
  assert.equal(plain(await visitor.mark('verify-result').textContent()), text('en', 'verify-accepted'));
  await development.submit(visitor, '/unblock');
  await development.submit(visitor, '/remove-device');
  assert.equal(await flash(visitor), text('en', 'device-removed'));
  await service.account('another');
  await visitor.go(development.accountPage('another'));
});
