'use strict';

// The operators' console: signing in, each page, each action.

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const { accountPage, removeDevice, signIn, signOut, signedIn, start, unblock } = require('./operators');
const { PHONE_NUMBER } = require('./service');
const { text } = require('./texts');
const { Visitor, closeBrowser, plain } = require('./visitor');
const { DEADLINE } = require('./wait');

const options = { timeout: 10 * DEADLINE };

after(closeBrowser);

const content = async (locator) => plain(await locator.textContent());

test('an operator signs in and out', options, async (t) => {
  const service = await start(t);
  await service.account('alice');
  const visitor = await Visitor.open(t, service.console);

  // Each page leads to the one for signing in.
  for (const path of ['', 'audit', 'health', 'proposals', accountPage('alice')]) {
    await visitor.go(path);
    assert.equal(visitor.page.url(), visitor.url('sign-in'), path);
    assert.equal(await visitor.page.locator('nav').count(), 0);
  }
  for (const wrong of ['wrong', 'ä', 'x'.repeat(2000), `${service.tokens.chief}x`]) {
    await signIn(visitor, wrong, { status: 401 });
    assert.equal(await content(visitor.page.locator('[role="alert"]')), text('en', 'sign-in-wrong'));
    assert.equal(await visitor.page.locator('input[type="password"]').inputValue(), '');
  }
  await signIn(visitor, service.tokens.chief);
  assert.equal(visitor.page.url(), visitor.url(''));
  assert.equal(await content(visitor.page.locator('.user bdi')), 'chief');
  const cookies = await visitor.page.context().cookies();
  for (const { name, httpOnly, sameSite, path } of cookies)
    assert.deepEqual([httpOnly, sameSite, path], [true, 'Strict', '/console/'], name);

  // After the end of the session, the browser's history shows nothing.
  await visitor.go(accountPage('alice'));
  await signOut(visitor);
  assert.equal(visitor.page.url(), visitor.url('sign-in'));
  await visitor.page.goBack();
  await visitor.check();
  assert.equal(visitor.page.url(), visitor.url('sign-in'));
  assert.equal(await visitor.mark('audit-row').count(), 0);
  // The secret of the ended session is worth nothing.
  await visitor.page.context().addCookies(cookies);
  await visitor.go(accountPage('alice'));
  assert.equal(visitor.page.url(), visitor.url('sign-in'));
});

test('a session that ends in one tab has ended in the other', options, async (t) => {
  const service = await start(t);
  await service.account('alice');
  const visitor = await signedIn(t, service);
  const first = visitor.page;
  const second = await visitor.tab();
  await visitor.go(accountPage('alice'));
  const form = second.locator('form[action="/console/unblock"]');
  await form.locator('input[name="reason"]').fill('the user called');
  visitor.page = first;
  await signOut(visitor);
  visitor.page = second;
  await visitor.act(() => form.locator('button').click(), { status: 401 });
  assert.match(await content(second.locator('main')), new RegExp(text('en', 'error-session')));
  await visitor.go('audit');
  assert.equal(second.url(), visitor.url('sign-in'));
});

test('an account is found by its name, number and device', options, async (t) => {
  const service = await start(t);
  await service.accountWith('alice', ['Phone of Alice']);
  await service.account('alicia');
  await service.account('bob');
  const visitor = await signedIn(t, service);
  const found = async (words) => {
    await visitor.page.locator('input[name="q"]').fill(words);
    await visitor.act(() => visitor.press('Enter'));
    assert.equal(await visitor.page.locator('input[name="q"]').inputValue(), words);
    return visitor.mark('result').locator('a').allInnerTexts();
  };
  assert.deepEqual(await found('bob'), ['bob']);
  assert.deepEqual(await found('ali'), ['alice', 'alicia']);
  assert.deepEqual(await found(PHONE_NUMBER), ['alice']);
  assert.deepEqual(await found('"><script>alert(1)</script>'), []);
  assert.equal(await visitor.mark('nothing-found').count(), 1);
  await visitor.go(accountPage('alice'));
  const id = await visitor.mark('device').locator('code').first().textContent();
  await visitor.go('');
  assert.deepEqual(await found(id), ['alice']);
  assert.deepEqual(await found(id.slice(0, 8)), ['alice']);
  await visitor.act(() => visitor.mark('result').locator('a').click());
  assert.equal(visitor.page.url(), visitor.url(accountPage('alice')));
  await visitor.go(accountPage('nobody'), { status: 404 });
});

test('a blocked account says so, and is unblocked with a reason', options, async (t) => {
  const service = await start(t);
  const [device] = await service.accountWith('alice');
  const visitor = await signedIn(t, service);
  await visitor.go(accountPage('alice'));
  assert.equal(await visitor.mark('no-obstacle').count(), 1);
  await device.block();
  await visitor.go(accountPage('alice'));
  assert.equal(await visitor.mark('no-obstacle').count(), 0);
  assert.equal(await visitor.page.locator('[data-test="finding"][data-cause="Blocked"]').count(), 1);

  // A reason is required: by the browser, and by the service.
  const form = visitor.page.locator('form[action="/console/unblock"]');
  assert.equal(await form.evaluate((element) => element.checkValidity()), false);
  await form.evaluate((element) => {
    element.noValidate = true;
  });
  await visitor.act(() => form.locator('button').click(), { status: 400 });

  await visitor.go(accountPage('alice'));
  await unblock(visitor, 'the user called, ticket 4711');
  assert.equal(visitor.page.url(), visitor.url(accountPage('alice')));
  assert.equal(await content(visitor.page.locator('.flash')), text('en', 'done-unblocked'));
  const row = visitor.page.locator('[data-test="audit-row"][data-event="account.unblocked"]');
  assert.match(await content(row), /operator chief.*the user called, ticket 4711/);
  await visitor.go(accountPage('alice'));
  assert.equal(await visitor.page.locator('.flash').count(), 0);
  assert.equal(await visitor.page.locator('[data-cause="Blocked"]').count(), 0);
  assert.match(await device.otp(), /^[a-z0-9]{5,8}$/);
});

test('a device is removed with a reason', options, async (t) => {
  const service = await start(t);
  await service.accountWith('alice', ['Phone', 'Tablet']);
  const visitor = await signedIn(t, service);
  await visitor.go(accountPage('alice'));
  assert.equal(await visitor.mark('device').count(), 2);
  await removeDevice(visitor, visitor.mark('device').filter({ hasText: 'Tablet' }), 'the tablet was stolen');
  assert.equal(await content(visitor.page.locator('.flash')), text('en', 'done-device-removed'));
  assert.equal(await visitor.mark('device').count(), 1);
  assert.match(await content(visitor.mark('device')), /Phone/);
  const row = visitor.page.locator('[data-test="audit-row"][data-event="device.removed"]').first();
  assert.match(await content(row), /the tablet was stolen/);
});

test('an operator without a role sees no button, and can forge nothing', options, async (t) => {
  const service = await start(t);
  const [device] = await service.accountWith('alice');
  await device.block();
  const visitor = await signedIn(t, service, 'reader');
  await visitor.go(accountPage('alice'));
  assert.equal(await visitor.page.locator('main form').count(), 0);
  const csrf = await visitor.page.locator('form[action="/console/sign-out"] input[name="csrf"]').inputValue();
  const chief = await signedIn(t, service);
  const foreign = await chief.page.locator('form[action="/console/sign-out"] input[name="csrf"]').inputValue();
  const id = await visitor.mark('device').locator('code').first().textContent();
  const reason = 'forged';
  for (const [path, fields] of [
    ['unblock', { name: 'alice', reason, csrf }],
    ['remove-device', { name: 'alice', device: id, reason, csrf }],
  ]) {
    const answer = await visitor.post(path, fields);
    assert.deepEqual([answer.status, answer.kind], [403, 'text/html; charset=utf-8'], path);
  }
  // With the role, but without the token of the own session, or with too many or too few fields.
  for (const [fields, status] of [
    [{ name: 'alice', reason }, 403],
    [{ name: 'alice', reason, csrf: '' }, 403],
    [{ name: 'alice', reason, csrf }, 403],
    [{ name: 'alice', reason, csrf: foreign, further: '' }, 400],
    [{ name: 'alice', csrf: foreign }, 400],
  ]) {
    assert.equal((await chief.post('unblock', fields)).status, status, JSON.stringify(fields));
  }
  await visitor.go(accountPage('alice'));
  assert.equal(await visitor.page.locator('[data-cause="Blocked"]').count(), 1);
  assert.equal(await visitor.mark('device').count(), 1);
  await visitor.go('audit');
  // The trail counts refusals of the same kind in one row.
  const refused = visitor.page.locator('[data-test="audit-row"][data-event="operator.refused"]');
  assert.equal(await refused.count(), 1);
  assert.match(await content(refused.locator('td').nth(4)), /^[12]$/);
});

test('a page that does not exist, and a method that it does not have, answer with a page', options, async (t) => {
  const service = await start(t);
  const visitor = await signedIn(t, service);
  await visitor.go('missing', { status: 404 });
  await visitor.go('account', { status: 400 });
  await visitor.go('account?name=a&name=b', { status: 400 });
  await visitor.go('unblock', { status: 405 });
  await visitor.go('assets/missing.css', { status: 404 });
});

test('the pages of the service tell its state', options, async (t) => {
  const service = await start(t);
  const [device] = await service.accountWith('alice');
  assert.equal(await service.verify('alice', await device.otp()), true);
  const visitor = await signedIn(t, service);
  await visitor.go('health');
  assert.ok((await visitor.mark('chart').count()) >= 4);
  assert.equal(await content(visitor.mark('database')), text('en', 'health-ready'));
  await visitor.go('audit');
  assert.ok((await visitor.mark('audit-row').count()) > 5);
  await visitor.go('proposals');
  assert.equal(await visitor.mark('no-proposal').count(), 1);
});

test('the audit trail goes back to its beginning', options, async (t) => {
  const service = await start(t);
  const visitor = await signedIn(t, service);
  for (let number = 0; number < 30; number += 1) {
    await service.account(`user${number}`);
    await service.command('account', 'remove', `user${number}`, '--yes');
  }
  const seen = [];
  await visitor.go('audit');
  for (;;) {
    seen.push(...(await visitor.mark('audit-row').evaluateAll((rows) => rows.map((row) => row.dataset.event))));
    if ((await visitor.mark('older').count()) === 0) break;
    await visitor.act(() => visitor.mark('older').click());
  }
  const count = (event) => seen.filter((other) => other === event).length;
  assert.deepEqual([count('account.created'), count('account.removed'), count('operator.signed_in')], [30, 30, 1]);
});

test('four eyes: another operator approves', options, async (t) => {
  const service = await start(t, 'four_eyes = true');
  const [device] = await service.accountWith('alice', ['Phone', 'Tablet']);
  await device.block();
  const first = await signedIn(t, service, 'chief');
  const second = await signedIn(t, service, 'second');
  const reader = await signedIn(t, service, 'reader');
  await first.go(accountPage('alice'));
  await unblock(first, 'the user called');
  assert.equal(first.page.url(), first.url('proposals'));
  assert.equal(await first.mark('proposal').count(), 1);

  // The operator who proposed cannot approve, not even by a forged form. A reader cannot decide.
  assert.equal(await first.page.locator('form[action="/console/approve"]').count(), 0);
  const id = await first.page.locator('form[action="/console/reject"] input[name="id"]').inputValue();
  const csrf = await first.page.locator('form[action="/console/reject"] input[name="csrf"]').inputValue();
  const forged = await first.post('approve', { id, csrf });
  assert.ok(forged.redirected || forged.status >= 400);
  await reader.go('proposals');
  assert.equal(await reader.page.locator('main form').count(), 0);
  await first.go(accountPage('alice'));
  assert.equal(await first.page.locator('[data-cause="Blocked"]').count(), 1);

  await second.go('proposals');
  await second.act(() => second.page.locator('form[action="/console/approve"] button').click());
  await second.go(accountPage('alice'));
  assert.equal(await second.page.locator('[data-cause="Blocked"]').count(), 0);
  const approved = second.page.locator('[data-test="audit-row"][data-event="account.unblocked"]');
  assert.match(await content(approved), /operator second.*the user called/);
  assert.match(await device.otp(), /^[a-z0-9]{5,8}$/);

  // One proposal is rejected by the other operator, one is withdrawn.
  for (const [visitor, told] of [
    [first, 'done-withdrawn'],
    [second, 'done-rejected'],
  ]) {
    await first.go(accountPage('alice'));
    await removeDevice(first, first.mark('device').filter({ hasText: 'Tablet' }), 'the tablet was stolen');
    await visitor.go('proposals');
    await visitor.act(() => visitor.page.locator('form[action="/console/reject"] button').click());
    assert.equal(await content(visitor.page.locator('.flash')), text('en', told));
    await visitor.go('proposals');
    assert.equal(await visitor.mark('proposal').count(), 0);
  }
  await first.go(accountPage('alice'));
  assert.equal(await first.mark('device').count(), 2);
  await removeDevice(first, first.mark('device').filter({ hasText: 'Tablet' }), 'the tablet was stolen');
  await second.go('proposals');
  await second.act(() => second.page.locator('form[action="/console/approve"] button').click());
  await first.go(accountPage('alice'));
  assert.equal(await first.mark('device').count(), 1);
});

test('a proposal that another operator decided is gone', options, async (t) => {
  const service = await start(t, 'four_eyes = true');
  const [device] = await service.accountWith('alice');
  await device.block();
  const first = await signedIn(t, service, 'chief');
  const second = await signedIn(t, service, 'second');
  await first.go(accountPage('alice'));
  await unblock(first, 'the user called');
  await second.go('proposals');
  await first.act(() => first.page.locator('form[action="/console/reject"] button').click());
  await second.act(() => second.page.locator('form[action="/console/approve"] button').click(), { status: 404 });
  assert.match(await content(second.page.locator('main')), new RegExp(text('en', 'proposal-ended')));
  await second.go(accountPage('alice'));
  assert.equal(await second.page.locator('[data-cause="Blocked"]').count(), 1);
});
