'use strict';

const bridge = require('./bridge');
const { PimsError } = require('./errors');
const { Events } = require('./events');
const { Operations } = require('./operations');
const { encode } = require('./parameters');
const { resultOf, wrongPins } = require('./results');
const { RUN } = require('./run');

const ACCOUNT = 'pims.authentication.account';
const CHANGES = { actionType: 'strong', type: ['isDeviceActivated', 'isAccountBlocked'] };

const DEFAULT = 1;

/** The calls of one facade. */
class Facade {
  #ends = new Map();
  // Returns the facade's number.
  #number;
  #device;

  constructor(number) {
    this.#number = number;
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
    return new Events(() => this.#number(), this.#ends, api, parameters);
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
  constructor() {
    super(() => DEFAULT);
  }

  async init(config) {
    await bridge.open(await encode(config), true);
  }

  async free() {
    await bridge.close(DEFAULT);
  }
}

/** A facade of its own. */
class Session extends Facade {
  static async open(config) {
    return new Session(await bridge.open(await encode(config), false));
  }

  #facade;
  #closed;

  constructor(facade) {
    super(() => {
      if (this.#closed !== undefined) throw bridge.closed();
      return facade;
    });
    this.#facade = facade;
  }

  close() {
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

  watch() {
    return this.#facade.subscribe(ACCOUNT, CHANGES);
  }

  async [RUN](method, api, parameters, { member, done, provesPin = false }) {
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
    return member === undefined ? undefined : result[member];
  }
}

module.exports = { DefaultFacade, Session };
