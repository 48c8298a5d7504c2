'use strict';

const bridge = require('./bridge');
const { Code, PimsError } = require('./errors');
const { encode } = require('./parameters');
const { resultOf } = require('./results');

const DONE = Object.freeze({ done: true, value: undefined });

/** The events of a subscription, which begins at once and ends with the loop over it. */
class Events {
  #facade;
  #api;
  // The last end that is under way, by its api. The next subscription to the api waits for it.
  #ends;
  #transaction;
  #began;
  #ended;
  #failure;
  #isOver = false;
  #events = [];
  #waiting = [];

  constructor(facade, ends, api, parameters) {
    this.#facade = facade;
    this.#ends = ends;
    this.#api = api;
    this.#began = this.#begin(parameters);
    this.#began.catch((error) => {
      this.#failure = { error };
      this.#finish();
    });
  }

  /** A promise that is kept when the library has acknowledged the subscription. */
  get ready() {
    return this.#began;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** Returns the next event. The program does not end while it waits for one. */
  next() {
    if (this.#events.length > 0) return Promise.resolve({ done: false, value: this.#events.shift() });
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    if (this.#isOver) return Promise.resolve(DONE);
    bridge.hold();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Ends the subscription. The promise is kept when it has ended. */
  async return() {
    this.#failure = undefined;
    this.#events.length = 0;
    this.#finish();
    this.#ended ??= this.#end();
    await this.#ended;
    return DONE;
  }

  // An async function runs at once up to its first `await`: the call is in the queue before the
  // next call of the program.
  async #begin(parameters) {
    let encoded = encode(parameters);
    if (encoded instanceof Promise) encoded = await encoded;
    // If this subscription was ended already, the end that is there may be its own.
    const ending = this.#isOver ? undefined : this.#ends.get(this.#api);
    if (ending !== undefined) await ending;
    if (this.#isOver) return;
    await new Promise((resolve, reject) => {
      let isAcknowledged = false;
      const handler = (text) => {
        if (isAcknowledged) {
          this.#receive(text);
          return;
        }
        isAcknowledged = true;
        bridge.release();
        try {
          this.#transaction = bridge.answer(text).transactionId;
          resolve();
        } catch (error) {
          reject(error);
        }
      };
      handler.isLasting = true;
      bridge.submit(this.#facade(), 'subscribe', this.#api, encoded, handler);
      bridge.hold();
    });
  }

  #receive(text) {
    if (text === null) {
      // A refused subscription ends by its failure.
      if (this.#transaction === undefined) return;
      this.#transaction = undefined;
      this.#finish();
      return;
    }
    // An event may come before `return` was acknowledged.
    if (this.#isOver) return;
    const event = resultOf(JSON.parse(text));
    const first = this.#waiting.shift();
    if (first === undefined) {
      this.#events.push(event);
    } else {
      bridge.release();
      first.resolve({ done: false, value: event });
    }
  }

  /** Tells the waiting callers that no event comes any more. */
  #finish() {
    this.#isOver = true;
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      bridge.release();
      if (this.#failure === undefined) {
        resolve(DONE);
      } else {
        reject(this.#failure.error);
        this.#failure = undefined;
      }
    }
  }

  #end() {
    const end = this.#unsubscribe();
    const settled = end
      .catch(() => {})
      .then(() => {
        if (this.#ends.get(this.#api) === settled) this.#ends.delete(this.#api);
      });
    this.#ends.set(this.#api, settled);
    return end;
  }

  async #unsubscribe() {
    try {
      await this.#began;
    } catch {
      // It never began.
      return;
    }
    if (this.#transaction === undefined) return;
    try {
      await bridge.call(this.#facade(), 'unsubscribe', this.#api, encode({ transactionId: this.#transaction }));
    } catch (error) {
      // A facade that was closed has no subscriptions.
      if (!(error instanceof PimsError && error.code === Code.NOT_INITIALIZED)) throw error;
    }
  }
}

if (Symbol.asyncDispose !== undefined) {
  Object.defineProperty(Events.prototype, Symbol.asyncDispose, {
    value: async function dispose() {
      await this.return();
    },
  });
}

module.exports = { Events };
