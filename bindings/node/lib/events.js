'use strict';

const bridge = require('./bridge');
const { warn } = require('./dropped');
const { Code, PimsError } = require('./errors');
const { encode } = require('./parameters');
const { resultOf } = require('./results');

const DONE = Object.freeze({ done: true, value: undefined });

// The subscriptions with a waiting reader. The library's messages reach all others by weak
// references, so a subscription that the program dropped can be collected.
const awaited = new Set();

// The subscriptions that the library has acknowledged and that have not ended.
const dropped = new FinalizationRegistry(({ number, ends, api, transaction }) => {
  warn(`a subscription to ${api} was dropped, and is ended now: end the loop over it, or call its return()`);
  note(ends, api, unsubscribe(number, api, transaction));
});

/** The events of a subscription, which begins at once and ends with the loop over it. */
class Events {
  // Functions that return the facade's number and how often it was closed; and `ends`: the last end
  // that is under way, by its api. The next subscription to the api waits for it.
  #facade;
  #api;
  #number;
  #transaction;
  #isSubmitted = false;
  #began;
  // Fails `#began`.
  #refuse;
  #ended;
  #failure;
  #isOver = false;
  #events = [];
  #waiting = [];

  constructor(facade, api, parameters) {
    this.#facade = facade;
    this.#api = api;
    this.#began = new Promise((resolve, reject) => {
      this.#refuse = reject;
      this.#begin(parameters).then(resolve, reject);
    });
    this.#began.catch((error) => {
      // After `return` or the end of the facade, the loop ends without a failure.
      if (this.#isOver) return;
      this.#failure = { error };
      this.#finish();
    });
  }

  /**
   * A promise that is kept when the library has acknowledged the subscription. It fails if the
   * library refuses the subscription, or if the program ended it before it was submitted.
   */
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
    awaited.add(this);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Ends the subscription. The promise is kept when it has ended. */
  async return() {
    this.#failure = undefined;
    this.#events.length = 0;
    this.#finish();
    // A subscription that was not submitted never is: `#begin` sees that it is over.
    if (this.#isSubmitted) this.#ended ??= this.#end();
    else this.#refuse(new Error('the subscription was ended before it began'));
    await this.#ended;
    return DONE;
  }

  // An async function runs at once up to its first `await`: the call is in the queue before the
  // next call of the program.
  async #begin(parameters) {
    let encoded = encode(parameters);
    if (encoded instanceof Promise) encoded = await encoded;
    // If this subscription was ended already, the end that is there may be its own.
    const ending = this.#isOver ? undefined : this.#facade.ends.get(this.#api);
    if (ending !== undefined) await ending;
    if (this.#isOver) return;
    this.#number = this.#facade.number();
    const closings = this.#facade.closings();
    await new Promise((resolve, reject) => {
      const handler = Events.#handler(new WeakRef(this), (text) => {
        bridge.release();
        try {
          this.#acknowledge(text, closings);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
      bridge.submit(this.#number, 'subscribe', this.#api, encoded, handler);
      this.#isSubmitted = true;
      bridge.hold();
    });
  }

  /** Returns the receiver of the messages. It keeps the events only until the first message. */
  static #handler(weak, acknowledge) {
    let first = acknowledge;
    const handler = (text) => {
      if (first === undefined) {
        weak.deref()?.#receive(text);
        return;
      }
      const received = first;
      first = undefined;
      received(text);
    };
    handler.isLasting = true;
    return handler;
  }

  #acknowledge(text, closings) {
    try {
      this.#transaction = bridge.answer(text).transactionId;
    } catch (error) {
      // The facade was closed while the subscription was in its queue: it ends as a later one.
      if (isClosed(error) && this.#facade.closings() !== closings) this.#finish();
      throw error;
    }
    const { ends } = this.#facade;
    dropped.register(this, { number: this.#number, ends, api: this.#api, transaction: this.#transaction }, this);
  }

  #receive(text) {
    if (text === null) {
      // A refused subscription ends by its failure.
      if (this.#transaction === undefined) return;
      this.#transaction = undefined;
      dropped.unregister(this);
      this.#finish();
      return;
    }
    // An event may come before `return` was acknowledged.
    if (this.#isOver) return;
    const event = resultOf(JSON.parse(text));
    const first = this.#waiting.shift();
    if (this.#waiting.length === 0) awaited.delete(this);
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
    awaited.delete(this);
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
    note(this.#facade.ends, this.#api, end);
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
    dropped.unregister(this);
    await unsubscribe(this.#number, this.#api, this.#transaction);
  }
}

/** Notes an end that is under way, for the next subscription to the api. */
function note(ends, api, end) {
  const settled = end
    .catch(() => {})
    .then(() => {
      if (ends.get(api) === settled) ends.delete(api);
    });
  ends.set(api, settled);
}

async function unsubscribe(number, api, transaction) {
  try {
    await bridge.call(number, 'unsubscribe', api, encode({ transactionId: transaction }));
  } catch (error) {
    // A facade that was closed has no subscriptions.
    if (!isClosed(error)) throw error;
  }
}

function isClosed(error) {
  return error instanceof PimsError && error.code === Code.NOT_INITIALIZED;
}

if (Symbol.asyncDispose !== undefined) {
  Object.defineProperty(Events.prototype, Symbol.asyncDispose, {
    value: async function dispose() {
      await this.return();
    },
  });
}

module.exports = { Events };
