'use strict';

const { inspect } = require('node:util');

// The members of results that are secrets: a one-time password, and an exported enrollment.
const SECRETS = ['otp', 'state'];

const infos = new WeakMap();

/** Returns the result of a message. Its printed form shows no secret. */
function resultOf({ result = null, info }) {
  if (result === null || typeof result !== 'object') return result;
  if (info !== undefined) infos.set(result, Object.freeze(info));
  if (SECRETS.some((name) => name in result)) {
    // It is not enumerable: the result compares and is copied as any other object.
    Object.defineProperty(result, inspect.custom, { value: shown });
  }
  return result;
}

function shown(_depth, options) {
  const members = { ...this };
  for (const name of SECRETS) if (name in members) members[name] = '<not shown>';
  return inspect(members, options);
}

/** Returns the `info` beside a result. */
function info(result) {
  return infos.get(result) ?? {};
}

/** Reads `wrongPinsSince` of an `info`. */
function wrongPins({ wrongPinsSince }) {
  if (wrongPinsSince === undefined) return undefined;
  return { count: wrongPinsSince.count, since: new Date(wrongPinsSince.since) };
}

module.exports = { info, resultOf, wrongPins };
