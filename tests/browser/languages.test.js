'use strict';

// The pages in each language: no text of another one, and the choice of the language. The check of
// each page (visitor.js) compares its texts with the messages of the other languages.

const assert = require('node:assert/strict');
const { after, test } = require('node:test');

const development = require('./development');
const operators = require('./operators');
const { languages, text } = require('./texts');
const { Visitor, closeBrowser, plain } = require('./visitor');
const { DEADLINE } = require('./wait');

const options = { timeout: 10 * DEADLINE };

after(closeBrowser);

const OTHERS = languages().filter((language) => language !== 'en');

for (const language of OTHERS) {
  test(`the operators’ console in ${language}`, options, async (t) => {
    const service = await operators.start(t, 'four_eyes = true');
    const [device] = await service.accountWith('alice', ['Téléphone', 'Tablette']);
    await device.block();
    const stranger = await Visitor.open(t, service.console, { language });
    await stranger.go('sign-in');
    assert.equal(plain(await stranger.page.locator('h1').textContent()), text(language, 'sign-in-title'));
    await operators.signIn(stranger, 'wrong', { status: 401 });
    const visitor = await operators.signedIn(t, service, 'chief', { language });
    for (const path of ['', '?q=alice', '?q=nobody', operators.accountPage('alice'), 'audit', 'health', 'proposals'])
      await visitor.go(path);
    await visitor.go('missing', { status: 404 });
    await visitor.go(operators.accountPage('alice'));
    await operators.unblock(visitor, 'appel de l’utilisateur');
    const second = await operators.signedIn(t, service, 'second', { language });
    await second.go('proposals');
    await second.act(() => second.page.locator('form[action="/console/approve"] button').click());
    await second.go(operators.accountPage('alice'));
    await operators.removeDevice(second, second.mark('device').first(), 'téléphone volé');
    await visitor.go(operators.accountPage('alice'));
    await operators.signOut(visitor);
  });

  test(`the development console in ${language}`, options, async (t) => {
    const service = await development.start(t);
    const [device] = await service.accountWith('alice', ['Téléphone']);
    const stranger = await Visitor.open(t, new URL('/', service.console).href, { language });
    await stranger.go('', { status: 401 });
    const visitor = await development.entered(t, service, { language });
    await visitor.go('exchanges');
    const link = await visitor.mark('exchange').locator('a').first().getAttribute('href');
    for (const path of [...development.PAGES, link, development.accountPage('alice')]) await visitor.go(path);
    await visitor.page.locator('summary').first().click();
    await visitor.check();
    await development.submit(visitor, '/unblock');
    await visitor.page.locator('input[name="password"]').fill('00000000');
    await development.submit(visitor, '/verify');
    await device.block();
    await visitor.go(development.accountPage('alice'));
    await development.submit(visitor, '/remove-device');
    await visitor.go('');
    await development.submit(visitor, '/gateway', 'button[value="every"]');
    // What the live inbox adds is in the language of the page, too.
    await development.submit(visitor, '/gateway', 'button[value="never"]');
    const before = await visitor.mark('sms').count();
    await device.requestCode();
    await visitor.mark('sms').nth(before).waitFor();
    await visitor.check();
    await visitor.go('errors');
    await development.submit(visitor, '/fault');
    await visitor.go('accounts');
    await development.submit(visitor, '/clock');
  });
}

test('the chosen language stays, and wins over that of the browser', options, async (t) => {
  const service = await operators.start(t);
  const visitor = await operators.signedIn(t, service);
  for (const language of [...OTHERS, 'en']) {
    await visitor.go('health');
    visitor.language = language;
    await visitor.act(() => visitor.page.locator(`footer button[value="${language}"]`).click());
    assert.equal(visitor.page.url(), visitor.url('health'));
    assert.equal(await visitor.page.locator('footer button[aria-pressed="true"]').getAttribute('value'), language);
    await visitor.go('audit');
  }
});

test('a browser that prefers an unknown language gets English', options, async (t) => {
  const service = await operators.start(t);
  const visitor = await Visitor.open(t, service.console, { locale: 'de-DE' });
  await visitor.go('sign-in');
});
