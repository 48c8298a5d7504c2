'use strict';

const { wrongPins } = require('./results');

/** The codes of the catalogue, see docs/guide-errors.md. */
const Code = Object.freeze({
  UNKNOWN: 2000,
  NOT_INITIALIZED: 2001,
  NOT_SUPPORTED: 2002,
  NOT_LOADED: 2003,
  CONFIGURATION_INVALID: 2004,
  DUPLICATE: 2005,
  CORE_NOT_CONFIGURED: 2006,
  ALREADY_INITIALIZED: 2007,
  MISSING_PARAMETER: 2101,
  INVALID_PARAMETER: 2102,
  TIMEOUT: 2201,
  NO_INTERNET: 2202,
  INVALID_RETURN: 2203,
  SERVER_ERROR: 2204,
  PINNING_FAILED: 2208,
  NEED_AUTHENTICATION: 2301,
  NEED_STRONG_AUTHENTICATION: 2302,
  CODE_INVALID: 2305,
  CODE_EXPIRED: 2306,
  NO_PHONE_NUMBER: 2307,
  ACCESS_REFUSED: 2308,
  VERSION_ERROR: 2309,
  ACCOUNT_BLOCKED: 2310,
  WRONG_STATE: 2311,
  DEVICE_UNKNOWN: 2312,
  NEEDS_OTHER_TOOL: 2313,
  NO_SERVICE: 2314,
  PIN_REUSED: 2315,
  POST_SYNCHRONIZATION: 2316,
  FORBIDDEN: 2317,
  NOT_CONFIGURED: 2344,
  DEPRECATED: 2350,
  PHONE_NUMBER_REGISTERED: 2390,
});

/** The next step after an error, see docs/guide-errors.md. */
const NextAction = Object.freeze({
  RETRY_PIN: 'retryPin',
  REQUEST_SMS_CODE: 'requestSmsCode',
  REMOVE_ENROLLMENTS: 'removeEnrollments',
  REMOVE_DEVICE: 'removeDevice',
  RESET_PIN: 'resetPin',
  AUTHENTICATE: 'authenticate',
  UPDATE: 'update',
  ENROLL: 'enroll',
});

const ACTIONS = new Set(Object.values(NextAction));

/** A failure that the library reports. It never holds a PIN, a code, a key or a token. */
class PimsError extends Error {
  constructor({ code, label, detail, info }) {
    super(detail ? `${code} ${label}: ${detail}` : `${code} ${label}`);
    this.code = code;
    this.label = label;
    if (detail !== undefined) this.detail = detail;
    this.info = Object.freeze(info ?? {});
  }

  get attemptsLeft() {
    return this.info.attemptsLeft;
  }

  get retryAfterSeconds() {
    return this.info.retryAfterSeconds;
  }

  get blockedUntil() {
    const until = new Date(this.info.blockedUntil);
    return Number.isNaN(until.getTime()) ? undefined : until;
  }

  get gateway() {
    return this.info.gateway;
  }

  get nextAction() {
    return ACTIONS.has(this.info.nextAction) ? this.info.nextAction : undefined;
  }

  get wrongPins() {
    return wrongPins(this.info);
  }
}

Object.defineProperty(PimsError.prototype, 'name', { value: 'PimsError' });

/** The queue has 1,024 calls already. The call was not accepted. */
class QueueFullError extends Error {
  constructor() {
    super('1,024 calls wait already: call again later');
  }
}

Object.defineProperty(QueueFullError.prototype, 'name', { value: 'QueueFullError' });

module.exports = { Code, NextAction, PimsError, QueueFullError };
