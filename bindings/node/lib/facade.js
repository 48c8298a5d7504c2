'use strict';

const bridge = require('./bridge');
const { warn } = require('./dropped');
const { PimsError } = require('./errors');
const { Events } = require('./events');
const { Operations } = require('./operations');
const { encode } = require('./parameters');
const { resultOf, wrongPins } = require('./results');
const { RUN } = require('./run');

const ACCOUNT = 'pims.authentication.account';
const CHANGES = ['isDeviceActivated', 'isAccountBlocked'];

const DEFAULT = 1;

/** The calls of one facade. */
class Facade {
  #ends = new Map();
  // Returns the facade's number.
  #number;
  // Returns how often the facade was closed.
  #closings;
  #device;

  constructor(number, closings) {
    this.#number = number;
    this.#closings = closings;
    this.#device = new StrongAuthentication(this);
  }

  get device() {
    return this.#device;
  }

  async get(api, parameters) {
    return resultOf(await this[RUN]('get', api, parameters));
  }

  async set(api, parameters) {
    return resultOf(await this[RUN]('set', api, parameters));
  }

  async unsubscribe(api, parameters) {
    await this[RUN]('unsubscribe', api, parameters);
  }

  subscribe(api, parameters) {
    if (typeof api !== 'string') throw new TypeError(`the name of an api is a string, not ${typeof api}`);
    const facade = { number: () => this.#number(), closings: () => this.#closings(), ends: this.#ends };
    return new Events(facade, api, parameters);
  }

  /** Makes a call, and returns its message. */
  async [RUN](method, api, parameters) {
    // A call without promises among its parameters is in the queue before this function returns.
    let encoded = encode(parameters);
    if (encoded instanceof Promise) encoded = await encoded;
    return bridge.call(this.#number(), method, api, encoded);
  }
}

/** The default facade, which is the process's. */
class DefaultFacade extends Facade {
  #frees = 0;

  constructor() {
    super(
      () => DEFAULT,
      () => this.#frees,
    );
  }

  async init(config) {
    await bridge.open(await encode(config), true);
  }

  async free() {
    this.#frees += 1;
    await bridge.close(DEFAULT);
  }
}

// The ends of dropped sessions that are under way.
const closings = new Set();

// The sessions that are not closed, by their facades' numbers. A call or a loop over events that is
// under way keeps its session.
const dropped = new FinalizationRegistry((facade) => {
  warn('a session was dropped, and is closed now: call its close(), which frees thread and storage');
  const closing = bridge
    .close(facade)
    .catch(() => {})
    .then(() => closings.delete(closing));
  closings.add(closing);
});

/** A facade of its own. */
class Session extends Facade {
  static async open(config) {
    // Its storage may be that of a dropped session.
    await Promise.all(closings);
    return new Session(await bridge.open(await encode(config), false));
  }

  #facade;
  #closed;

  constructor(facade) {
    super(
      () => {
        if (this.#closed !== undefined) throw bridge.closed();
        return facade;
      },
      () => (this.#closed === undefined ? 0 : 1),
    );
    this.#facade = facade;
    dropped.register(this, facade, this);
  }

  close() {
    dropped.unregister(this);
    this.#closed ??= bridge.close(this.#facade);
    return this.#closed;
  }
}

if (Symbol.asyncDispose !== undefined) {
  Object.defineProperty(Session.prototype, Symbol.asyncDispose, {
    value: function dispose() {
      return this.close();
    },
  });
}

/** The operations of docs/api.md on one facade. */
class StrongAuthentication extends Operations {
  #facade;
  #wrongPins;

  constructor(facade) {
    super();
    this.#facade = facade;
  }

  get wrongPins() {
    return this.#wrongPins;
  }

  watch({ notices = false, approval = false } = {}) {
    const type = [...CHANGES, ...(notices ? ['notices'] : []), ...(approval ? ['approval'] : [])];
    return this.#facade.subscribe(ACCOUNT, { actionType: 'strong', type });
  }

  async [RUN](method, api, parameters, { member, isWhole = false, done, provesPin = false }) {
    let result;
    let reported;
    try {
      const message = await this.#facade[RUN](method, api, parameters);
      result = message.result;
      reported = wrongPins(message.info ?? {});
    } catch (error) {
      reported = error.wrongPins;
      if (!(error instanceof PimsError && error.code === done)) throw error;
    } finally {
      if (provesPin) this.#wrongPins = reported;
    }
    if (isWhole) return result;
    return member === undefined ? undefined : result[member];
  }
}

module.exports = { DefaultFacade, Session };
