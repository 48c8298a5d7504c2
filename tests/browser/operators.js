'use strict';

// The operators' console as its tests use it.

const { Service } = require('./service');
const { Visitor } = require('./visitor');

/** The roles of the operators of a test. */
const OPERATORS = {
  chief: ['read', 'add', 'unblock', 'remove'],
  second: ['read', 'unblock', 'remove'],
  reader: ['read'],
};

/** Starts a service with these operators. */
function start(t, settings = '') {
  return Service.production(t, { operators: OPERATORS, settings });
}

/** Opens a browser in which nobody is signed in. */
function visitor(t, service, options = {}) {
  return Visitor.open(t, service.console, options);
}

/** Opens a browser in which an operator is signed in. */
async function signedIn(t, service, operator = 'chief', options = {}) {
  const signed = await visitor(t, service, options);
  await signed.go('');
  await signIn(signed, service.tokens[operator]);
  return signed;
}

/** Fills in the form of the page for signing in. */
async function signIn(visitor, token, options) {
  await visitor.page.locator('input[type="password"]').fill(token);
  await visitor.act(() => visitor.page.locator('form[action="/console/sign-in"] button').first().click(), options);
}

function signOut(visitor) {
  return visitor.act(() => visitor.page.locator('form[action="/console/sign-out"] button').click());
}

const accountPage = (name) => `account?name=${encodeURIComponent(name)}`;

/** Unblocks the account of the present page, or proposes it. */
async function unblock(visitor, reason) {
  const form = visitor.page.locator('form[action="/console/unblock"]');
  await form.locator('input[name="reason"]').fill(reason);
  await visitor.act(() => form.locator('button').click());
}

/** Removes the device of a row, or proposes it. */
async function removeDevice(visitor, row, reason) {
  const form = row.locator('form[action="/console/remove-device"]');
  await form.locator('input[name="reason"]').fill(reason);
  await visitor.act(() => form.locator('button').click());
}

module.exports = { accountPage, removeDevice, signIn, signOut, signedIn, start, unblock, visitor };
