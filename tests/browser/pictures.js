'use strict';

// Makes the pictures of docs/console.md: node pictures.js FOLDER. tools/console-pictures.sh calls
// it. Names and reasons are always the same. Times, ids and codes are those of the run.

const path = require('node:path');

const development = require('./development');
const operators = require('./operators');
const { closeBrowser } = require('./visitor');
const { until } = require('./wait');

const PHONE = { width: 390, height: 844 };

/** Saves pictures of the present page: the window, of this height, or the whole page. */
async function save(visitor, folder, name, { height = 720, whole = false, dark = false, phone = false } = {}) {
  const { page } = visitor;
  await page.setViewportSize({ width: 1280, height });
  await page.evaluate(() => scrollTo(0, 0));
  const take = (file, fullPage) =>
    page.screenshot({ path: path.join(folder, `${file}.png`), fullPage, animations: 'disabled', caret: 'hide' });
  await take(name, whole);
  if (dark) {
    await page.emulateMedia({ colorScheme: 'dark' });
    await take(`${name}-dark`, whole);
    await page.emulateMedia({ colorScheme: 'light' });
  }
  if (phone) {
    await page.setViewportSize(PHONE);
    await take(`${name}-phone`, false);
  }
}

async function picturesOfOperators(t, folder) {
  const service = await operators.start(t, 'four_eyes = true');
  const [device] = await service.accountWith('alice', ['Phone of Alice', 'Tablet of Alice']);
  const [other] = await service.accountWith('alicia', ['Phone'], '+33612345679');
  await service.account('alistair');
  await device.otp();
  await device.block();
  const chief = await operators.signedIn(t, service);
  const second = await operators.signedIn(t, service, 'second');
  const stranger = await operators.visitor(t, service);
  await stranger.go('sign-in');
  await save(stranger, folder, 'sign-in', { height: 480 });
  await chief.go('?q=ali');
  await save(chief, folder, 'search', { height: 480 });
  await chief.go(operators.accountPage('alice'));
  await save(chief, folder, 'account', { height: 1280, dark: true, phone: true });
  await operators.unblock(chief, 'Alice called, ticket 4711');
  await second.go('proposals');
  await save(second, folder, 'proposals', { height: 480 });
  await second.go('audit');
  await save(second, folder, 'audit');
  // A chart has a value for every ten seconds.
  await until(async () => {
    await service.verify('alicia', await other.otp());
    await second.go('health');
    const points = await second.page
      .locator('polyline')
      .first()
      .getAttribute('points', { timeout: 100 })
      .catch(() => '');
    return points.split(' ').length >= 4;
  }, 'lines in the charts');
  await save(second, folder, 'health', { whole: true });
}

async function picturesOfDevelopment(t, folder) {
  const service = await development.start(t);
  const [device] = await service.accountWith('alice', ['Phone of Alice']);
  await service.account('bob');
  await service.device('carol', await service.account('carol')).requestCode('+33612345679');
  await device.otp();
  const visitor = await development.entered(t, service);
  await save(visitor, folder, 'inbox', { dark: true, phone: true });
  await visitor.go('accounts');
  await save(visitor, folder, 'accounts');
  await visitor.go(development.accountPage('alice'));
  await save(visitor, folder, 'states', { whole: true });
  await visitor.go('errors');
  await save(visitor, folder, 'errors');
  await visitor.go('exchanges');
  await save(visitor, folder, 'exchanges');
  await visitor.act(() => visitor.mark('exchange').locator('a').first().click());
  await save(visitor, folder, 'exchange');
  await visitor.go('next');
  await save(visitor, folder, 'next');
}

async function main([folder]) {
  const ends = [];
  const t = { after: (end) => ends.unshift(end) };
  try {
    await picturesOfOperators(t, folder);
    await picturesOfDevelopment(t, folder);
  } finally {
    for (const end of ends) await end();
    await closeBrowser();
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
