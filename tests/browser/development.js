'use strict';

// The development console as its tests use it.

const { Service } = require('./service');
const { Visitor } = require('./visitor');

const PAGES = ['', 'accounts', 'errors', 'exchanges', 'next'];

/** Starts `serve --dev`. */
function start(t) {
  return Service.development(t);
}

/** Opens a browser that entered the console by its key. */
async function entered(t, service, options = {}) {
  const visitor = await Visitor.open(t, new URL('/', service.console).href, options);
  await visitor.act(() => visitor.page.goto(service.console, { waitUntil: 'commit' }));
  return visitor;
}

const accountPage = (name) => `account?name=${encodeURIComponent(name)}`;

/** Presses the button of a form that leads to this path. */
function submit(visitor, action, button = 'button') {
  return visitor.act(() => visitor.page.locator(`form[action="${action}"] ${button}`).first().click());
}

module.exports = { PAGES, accountPage, entered, start, submit };
