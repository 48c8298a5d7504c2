'use strict';

// The calls of this JavaScript thread, and their messages. The library's threads put messages into
// an inbox of the native part and wake this thread, which takes them. Nothing here waits.

const { setInterval } = require('node:timers');

const { Code, PimsError, QueueFullError } = require('./errors');
const { native } = require('./native');

const METHODS = { get: 0, set: 1, subscribe: 2, unsubscribe: 3 };
const ACCEPTED = 0;
const QUEUE_FULL = 1;

const library = native();
const port = new library.Port(deliver);

// The function for the messages of each call that is under way.
const handlers = new Map();
let calls = 0;

// The program does not end while it waits for a message. The native part keeps it from nothing, so
// an idle timer does, as long as it is referenced.
const idle = setInterval(() => {}, 2 ** 31 - 1).unref();
let waiting = 0;

/** Keeps the program from ending, until `release` is called as often. */
function hold() {
  waiting += 1;
  if (waiting === 1) idle.ref();
}

function release() {
  waiting -= 1;
  if (waiting === 0) idle.unref();
}

/**
 * Submits a call at once. Its messages go to `handler`, as text; `null` is the end of a
 * subscription. Throws if the call was not accepted. The parameters are wiped.
 */
function submit(facade, method, api, encoded, handler) {
  if (typeof api !== 'string') throw new TypeError(`the name of an api is a string, not ${typeof api}`);
  calls += 1;
  const call = calls;
  handlers.set(call, handler);
  let status;
  try {
    status = encoded.use((bytes) => port.call(facade, METHODS[method], api, bytes, call));
  } catch (error) {
    handlers.delete(call);
    throw error;
  }
  if (status === ACCEPTED) return;
  handlers.delete(call);
  throw status === QUEUE_FULL ? new QueueFullError() : closed();
}

/** Returns the error of a call to a session that was closed. */
function closed() {
  return new PimsError({
    code: Code.NOT_INITIALIZED,
    label: 'Facade not initialized',
    detail: 'this session was closed: open another one',
  });
}

/** Submits a call at once, and returns its message as soon as it comes. */
async function call(facade, method, api, encoded) {
  const text = await new Promise((resolve) => {
    submit(facade, method, api, encoded, (received) => {
      release();
      resolve(received);
    });
    hold();
  });
  // Here, and not in the handler: the stack of the error then has the functions that await it.
  return answer(text);
}

/** Opens a facade, and returns its number. */
async function open(config, isDefault) {
  const [text, number] = await config.use((bytes) => port.open(bytes, isDefault));
  answer(text);
  return number;
}

/** Closes a facade. */
function close(facade) {
  return port.close(facade);
}

/** Returns the content of a message. Throws a `PimsError` for a failure. */
function answer(text) {
  const message = JSON.parse(text);
  if (message.status === 'FAILED') throw new PimsError(message.error);
  return message;
}

/** Takes all that the inbox holds. */
function deliver() {
  for (;;) {
    const taken = port.take();
    if (taken === null) return;
    const [number, text] = taken;
    const handler = handlers.get(number);
    if (handler === undefined) continue;
    if (text === null || !handler.isLasting) handlers.delete(number);
    handler(text);
  }
}

module.exports = { answer, call, close, closed, hold, open, release, submit, version: library.version() };
