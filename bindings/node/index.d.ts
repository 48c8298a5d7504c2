// The types of libpims for Node.js. See docs/api.md for the operations.

/// <reference lib="esnext.disposable" />

import type {
  Account,
  AcceptedCode,
  AccountDevice,
  AccountDevices,
  AccountNotice,
  AccountNotices,
  Approval,
  Device,
  ExportedEnrollment,
  GetResults,
  ImportedEnrollment,
  Log,
  Logs,
  OneTimePassword,
  Operations,
  PhoneNumber,
  SetResults,
  Verified,
  Version,
} from './lib/operations';

export { AccountState, ApprovalState, EnrollmentStatus, Keystore } from './lib/operations';
export type {
  Account,
  AcceptedCode,
  AccountDevice,
  AccountDevices,
  AccountNotice,
  AccountNotices,
  Approval,
  Device,
  ExportedEnrollment,
  GetResults,
  ImportedEnrollment,
  Log,
  Logs,
  OneTimePassword,
  PhoneNumber,
  SetResults,
  Verified,
  Version,
};

/**
 * A secret as a value. The package reads the bytes, in UTF-8, when it makes the request, and does
 * not keep them: wipe them when the promise is settled. A string of JavaScript cannot be wiped.
 */
export type SecretText = string | Uint8Array;

/**
 * A PIN, a code, a key or a token; or a function that fetches it. The package calls the function
 * when it makes the request, and awaits what it returns before it calls the next function.
 */
export type Secret = SecretText | (() => SecretText | PromiseLike<SecretText>);

/** A value that has a form in JSON. A member that is `undefined` is left out. */
export type Value =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | Secret
  | readonly Value[]
  | Parameters
  | (() => Value | PromiseLike<Value>);

/** The parameters of a call, or a configuration. */
export interface Parameters {
  readonly [name: string]: Value;
}

/** The `info` of an error or beside a result, see docs/guide-errors.md. Any member may be
 *  missing. */
export interface Info {
  readonly attemptsLeft?: number;
  readonly retryAfterSeconds?: number;
  /** The end of the account's block, in milliseconds since 1970 in UTC. */
  readonly blockedUntil?: number;
  readonly word?: string;
  readonly gateway?: string;
  readonly nextAction?: NextAction;
  /** `since` is in milliseconds since 1970 in UTC. */
  readonly wrongPinsSince?: { readonly count: number; readonly since: number };
}

/** Wrong PINs for the account since this device last proved the right one, from any device. */
export interface WrongPins {
  readonly count: number;
  readonly since: Date;
}

/** The codes of the catalogue, see docs/guide-errors.md. */
export declare const Code: {
  readonly UNKNOWN: 2000;
  readonly NOT_INITIALIZED: 2001;
  readonly NOT_SUPPORTED: 2002;
  readonly NOT_LOADED: 2003;
  readonly CONFIGURATION_INVALID: 2004;
  readonly DUPLICATE: 2005;
  readonly CORE_NOT_CONFIGURED: 2006;
  readonly ALREADY_INITIALIZED: 2007;
  readonly MISSING_PARAMETER: 2101;
  readonly INVALID_PARAMETER: 2102;
  readonly TIMEOUT: 2201;
  readonly NO_INTERNET: 2202;
  readonly INVALID_RETURN: 2203;
  readonly SERVER_ERROR: 2204;
  readonly PINNING_FAILED: 2208;
  readonly NEED_AUTHENTICATION: 2301;
  readonly NEED_STRONG_AUTHENTICATION: 2302;
  readonly CODE_INVALID: 2305;
  readonly CODE_EXPIRED: 2306;
  readonly NO_PHONE_NUMBER: 2307;
  readonly ACCESS_REFUSED: 2308;
  readonly VERSION_ERROR: 2309;
  readonly ACCOUNT_BLOCKED: 2310;
  readonly WRONG_STATE: 2311;
  readonly DEVICE_UNKNOWN: 2312;
  readonly NEEDS_OTHER_TOOL: 2313;
  readonly NO_SERVICE: 2314;
  readonly PIN_REUSED: 2315;
  readonly POST_SYNCHRONIZATION: 2316;
  readonly FORBIDDEN: 2317;
  readonly NOT_CONFIGURED: 2344;
  readonly DEPRECATED: 2350;
  readonly PHONE_NUMBER_REGISTERED: 2390;
};
export type Code = (typeof Code)[keyof typeof Code];

/** The next step after an error, see docs/guide-errors.md. */
export declare const NextAction: {
  /** Ask for the PIN again. */
  readonly RETRY_PIN: 'retryPin';
  /** Offer a new SMS code. */
  readonly REQUEST_SMS_CODE: 'requestSmsCode';
  /** Offer to remove all devices of the account. */
  readonly REMOVE_ENROLLMENTS: 'removeEnrollments';
  /** Offer to remove one device of the account. */
  readonly REMOVE_DEVICE: 'removeDevice';
  /** Offer a new PIN by SMS. */
  readonly RESET_PIN: 'resetPin';
  /** Get a fresh access token. */
  readonly AUTHENTICATE: 'authenticate';
  /** Ask the user to update the app. */
  readonly UPDATE: 'update';
  /** Offer to enroll this device anew, with an SMS code. */
  readonly ENROLL: 'enroll';
};
export type NextAction = (typeof NextAction)[keyof typeof NextAction];

/** A failure that the library reports. It never holds a PIN, a code, a key or a token. */
export declare class PimsError extends Error {
  private constructor();
  readonly name: 'PimsError';
  /** The code of the catalogue: compare it with `Code`. */
  readonly code: number;
  readonly label: string;
  readonly detail?: string;
  /** It is empty if the message has none. */
  readonly info: Info;
  /** The number of attempts that are left for the PIN or the code. */
  get attemptsLeft(): number | undefined;
  /** The seconds until the program may make the same call again. */
  get retryAfterSeconds(): number | undefined;
  /** The end of the account's block by the service's clock, if the block ends by itself. To wait,
   *  use `retryAfterSeconds`. */
  get blockedUntil(): Date | undefined;
  /** The code of a gateway in front of the service that refused the request. */
  get gateway(): string | undefined;
  /** The next step. `info` alone holds a step that this package does not know. */
  get nextAction(): NextAction | undefined;
  /** Wrong PINs for the account since this device last proved the right one. */
  get wrongPins(): WrongPins | undefined;
}

/** The queue has 1,024 calls already. The call was not accepted: repeat it later. */
export declare class QueueFullError extends Error {
  private constructor();
  readonly name: 'QueueFullError';
}

/**
 * The events of a subscription: `for await (const event of events)`. It begins at once, before the
 * calls that the program makes next. It ends with the loop, by `break`, `return` or an exception.
 * If its facade is closed, the loop ends. If the library refuses the subscription, the loop throws.
 * Events that the program drops are ended when the garbage collector finds them, with a warning.
 *
 * The program does not end while it waits for an event. A subscription without such a wait does not
 * keep it from ending.
 */
export interface Events<T> extends AsyncIterableIterator<T> {
  /**
   * It is kept when the library has acknowledged the subscription. It fails if the library refuses
   * the subscription, or if `return` ended it before it began. It waits for the parameters: if one
   * of them never comes, only `return` ends the wait.
   */
  readonly ready: Promise<void>;
  /** Returns the next event. */
  next(): Promise<IteratorResult<T, undefined>>;
  /**
   * Ends the subscription. The promise is kept when it has ended: at once, if it still waits for
   * one of its parameters.
   */
  return(value?: unknown): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): this;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The operations of docs/api.md on one facade. */
export interface StrongAuthentication extends Operations {
  /**
   * Wrong PINs for the account, from the last operation with a PIN, see docs/guide-security.md.
   * `undefined` if it reported none.
   */
  readonly wrongPins: WrongPins | undefined;
  /**
   * Returns the changes of `isDeviceActivated` and `isAccountBlocked`; and notices and the approval
   * of a new device, if they are wanted. For each of these two, the library asks the service now
   * and then (`account.askSeconds` of docs/configuration.md).
   */
  watch(wanted?: { readonly notices?: boolean; readonly approval?: boolean }): Events<Account>;
}

/** A facade of its own: with its own queue, thread, storage and log. */
export interface Session {
  /** The typed operations of this session. */
  readonly device: StrongAuthentication;
  /** Requests data, see docs/api.md. Returns the result, or fails with a `PimsError`. */
  get<A extends keyof GetResults>(api: A, parameters?: Parameters): Promise<GetResults[A]>;
  get(api: string, parameters?: Parameters): Promise<unknown>;
  /** Changes data or performs an action. Returns and fails like `get`. */
  set<A extends keyof SetResults>(api: A, parameters?: Parameters): Promise<SetResults[A]>;
  set(api: string, parameters?: Parameters): Promise<unknown>;
  /** Returns the events of an api. An api has one subscription at a time. */
  subscribe(api: 'pims.authentication.account', parameters?: Parameters): Events<Account>;
  subscribe(api: string, parameters?: Parameters): Events<unknown>;
  /** Ends the subscription to an api, no matter which code began it. */
  unsubscribe(api: string, parameters?: Parameters): Promise<void>;
  /**
   * Releases the facade and ends its subscriptions. Calls that wait for the service end. When the
   * promise is kept, the storage is free again. Later calls fail with 2001. A session that the
   * program drops is closed when the garbage collector finds it, with a warning.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens a facade of its own. Configuration: docs/configuration.md. */
export declare function open(config?: Parameters): Promise<Session>;

/** Makes the default facade, which the whole process shares, with all its worker threads. */
export declare function init(config?: Parameters): Promise<void>;

/** Releases the default facade, as `Session.close` does. A second call has no effect. */
export declare function free(): Promise<void>;

/** The typed operations of the default facade. */
export declare const device: StrongAuthentication;

/** The calls of a session, on the default facade. */
export declare const get: Session['get'];
export declare const set: Session['set'];
export declare const subscribe: Session['subscribe'];
export declare const unsubscribe: Session['unsubscribe'];

/** Returns the `info` beside a result of `get` or `set`. */
export declare function info(result: unknown): Info;

/** The version of the library. */
export declare const version: string;
