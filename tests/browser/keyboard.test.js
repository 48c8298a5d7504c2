'use strict';

// The consoles by the keyboard alone: each step by Tab, Enter and text. The focus is visible.

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const development = require('./development');
const operators = require('./operators');
const { text } = require('./texts');
const { Visitor, closeBrowser, plain } = require('./visitor');
const { DEADLINE } = require('./wait');

const options = { timeout: 10 * DEADLINE };

after(closeBrowser);

test('an operator signs in, finds an account and unblocks it', options, async (t) => {
  const service = await operators.start(t);
  const [device] = await service.accountWith('alice');
  await device.block();
  const visitor = await Visitor.open(t, service.console);
  const enter = (how) => visitor.act(() => visitor.press('Enter'), how);
  await visitor.go('');
  await visitor.tabTo('input[type="password"]');
  await visitor.page.keyboard.type(service.tokens.chief);
  await enter();

  // The first stop is the link that jumps over the navigation.
  await visitor.press('Tab');
  assert.equal(await visitor.page.evaluate(() => document.activeElement.className), 'skip');
  const skip = await visitor.page.locator('.skip').boundingBox();
  assert.ok(skip.x >= 0 && skip.y >= 0, 'the link is visible');
  await visitor.press('Enter');
  assert.equal(await visitor.page.evaluate(() => document.activeElement.id), 'main');
  await visitor.tabTo('input[name="q"]');
  await visitor.page.keyboard.type('ali');
  await enter();
  await visitor.tabTo('[data-test="result"] a');
  await enter();
  await visitor.tabTo('form[action="/console/unblock"] input[name="reason"]');
  await visitor.page.keyboard.type('the user called');
  await visitor.tabTo('form[action="/console/unblock"] button');
  await enter();
  assert.equal(plain(await visitor.page.locator('.flash').textContent()), text('en', 'done-unblocked'));
  await visitor.tabTo('form[action="/console/sign-out"] button');
  await enter();
  assert.equal(visitor.page.url(), visitor.url('sign-in'));
});

test('every stop of every page is visible', options, async (t) => {
  const service = await operators.start(t);
  await service.accountWith('alice', ['Phone', 'Tablet']);
  const visitor = await operators.signedIn(t, service);
  for (const path of ['?q=alice', operators.accountPage('alice'), 'audit', 'health', 'proposals']) {
    await visitor.go(path);
    await visitor.tabTo('footer button:last-of-type');
  }
  const dev = await development.start(t);
  await dev.accountWith('bob');
  const developer = await development.entered(t, dev);
  for (const path of [...development.PAGES, development.accountPage('bob')]) {
    await developer.go(path);
    await developer.tabTo('footer button:last-of-type');
  }
});

test('a developer opens the states of an account and removes a device', options, async (t) => {
  const service = await development.start(t);
  await service.accountWith('bob');
  const visitor = await development.entered(t, service);
  await visitor.tabTo('nav a[href="/accounts"]');
  await visitor.act(() => visitor.press('Enter'));
  await visitor.tabTo('[data-test="account"] a');
  await visitor.act(() => visitor.press('Enter'));
  await visitor.tabTo('summary');
  await visitor.press('Enter');
  assert.ok(await visitor.page.locator('[data-test="state"][aria-current="true"]').first().isVisible());
  await visitor.tabTo('form[action="/remove-device"] button');
  await visitor.act(() => visitor.press('Enter'));
  assert.equal(plain(await visitor.page.locator('.flash').textContent()), text('en', 'device-removed'));
});
