// Printed from tests/spec/api.json and operations.json by `make generate`: do not edit.

import type { Secret } from '../index';

/** The state of the account, which the service reports with an accepted code. */
export declare const EnrollmentStatus: {
  /** The account has no PIN: the user chooses one. */
  readonly NOT_ENROLLED: 'NotEnrolled';
  /** The account has a PIN, which the user enters. */
  readonly ALREADY_ENROLLED: 'AlreadyEnrolled';
};
export type EnrollmentStatus = 'NotEnrolled' | 'AlreadyEnrolled';

/** The block of the account: of its PIN or of the account itself. */
export declare const AccountState: {
  readonly NOT_BLOCKED: 'NotBlocked';
  readonly PIN_BLOCKED: 'PinBlocked';
  readonly ACCOUNT_BLOCKED: 'AccountBlocked';
  readonly UNKNOWN: 'Unknown';
};
export type AccountState = 'NotBlocked' | 'PinBlocked' | 'AccountBlocked' | 'Unknown';

/** The place of a device's storage key, by its own statement. Nobody checks it. */
export declare const Keystore: {
  /** A security chip holds the key. */
  readonly HARDWARE: 'hardware';
  /** Software alone holds the key. */
  readonly SOFTWARE: 'software';
};
export type Keystore = 'hardware' | 'software';

/** The state of the approval of a new device. */
export declare const ApprovalState: {
  /** No device waits. */
  readonly NONE: 'none';
  /** A new device waits for the decision of another one: this one may decide. */
  readonly ASKED: 'asked';
  /** This device is the new one, and waits. */
  readonly WAITING: 'waiting';
};
export type ApprovalState = 'none' | 'asked' | 'waiting';

/** A device of the account. */
export interface AccountDevice {
  /** The beginning of its id, which names it among the devices of the account. */
  deviceId: string;
  /** The name that its user gave it. It is text, never markup. */
  name: string;
  /** The time of its enrollment, in milliseconds since 1970 in UTC. */
  since: number;
  /** The time of its last use, if it was used, in milliseconds since 1970 in UTC. */
  lastUsed: number | null;
  /** True for the device that makes the call. */
  thisDevice: boolean;
  /** The place of its storage key, if it told one. */
  keystore: Keystore | null;
}

/** An event of the account, which the service keeps for its devices. */
export interface AccountNotice {
  /**
   * The kind of the event, such as newDevice (docs/api.md has them all). A newer service may have
   * others.
   */
  event: string;
  /** The time of the event, in milliseconds since 1970 in UTC. */
  at: number;
  /** The beginning of the id of the device that the event is about, if it is about one. */
  deviceId: string | null;
  /** The name that this device had then. It is text, never markup. */
  name: string | null;
}

/** The approval of a new device: its state, and what is known of the device. */
export interface Approval {
  /** The state. The other members belong to it. */
  state: ApprovalState;
  /** The two digits that this device must show, if it is the one that waits. */
  number: string | null;
  /** The id of the device that waits, if this device may decide. */
  deviceId: string | null;
  /** The name of the device that waits. It is text, never markup. */
  name: string | null;
  /** The time of its enrollment, in milliseconds since 1970 in UTC. */
  since: number | null;
  /** The seconds that are left for a decision, if a device waits. */
  lifetimeSeconds: number | null;
}

/** The result of `get pims.authentication.otp`. */
export interface OneTimePassword {
  otp: string;
}

/** The result of `set pims.authentication.smscode` with `action: 'enrollment'`. */
export interface AcceptedCode {
  status: EnrollmentStatus;
}

/** The result of `get pims.authentication.trustedphonenumber`. */
export interface PhoneNumber {
  phoneNumber: string;
}

/**
 * The result of `get pims.authentication.account`, and its events: the member that was requested,
 * or that changed.
 */
export interface Account {
  isDeviceActivated?: boolean;
  isAccountBlocked?: AccountState;
  notices?: AccountNotice[];
  approval?: Approval;
}

/** The result of `get pims.sdk.version`. */
export interface Version {
  versionCore: string;
  versionFacade: string;
}

/** The result of `get pims.sdk.device`. */
export interface Device {
  OS: string;
  OSVersion: string;
  PhoneModel: string;
  PhoneBrand: string;
}

/** The result of `get pims.sdk.log`. */
export interface Log {
  logPath: string | null;
}

/** The result of `get pims.sdk.logs`: the oldest file first. */
export interface Logs {
  logPaths: string[];
}

/** The result of `set pims.authentication.enrollment` with `action: 'import'`. */
export interface ImportedEnrollment {
  warning: string;
}

/** The result of `set pims.authentication.enrollment` with `action: 'export'`. */
export interface ExportedEnrollment {
  state: string;
}

/** The result of `get pims.authentication.devices`. */
export interface AccountDevices {
  devices: AccountDevice[];
}

/** The result of `get pims.authentication.notices`: the newest first. */
export interface AccountNotices {
  notices: AccountNotice[];
}

/** The result of `set pims.authority.otp`. */
export interface Verified {
  verified: boolean;
}

/** The results of `get`, by the api. */
export interface GetResults {
  'pims.authentication.otp': OneTimePassword;
  'pims.authentication.trustedphonenumber': PhoneNumber;
  'pims.authentication.account': Account;
  'pims.sdk.version': Version;
  'pims.sdk.device': Device;
  'pims.sdk.log': Log;
  'pims.sdk.logs': Logs;
  'pims.authentication.devices': AccountDevices;
  'pims.authentication.notices': AccountNotices;
  'pims.authentication.approval': Approval;
}

/** The results of `set`, by the api. */
export interface SetResults {
  'pims.authority.otp': Verified;
}

/** The operations. */
export declare abstract class Operations {
  /** Asks the service to send an SMS code for an enrollment to the trusted phone number. */
  requestEnrollmentCode(): Promise<void>;

  /**
   * Submits the code. The result tells if the account has a PIN. A call of `enroll` without a code
   * then finishes the enrollment.
   */
  acceptEnrollmentCode(smsCode: Secret): Promise<EnrollmentStatus>;

  /**
   * Enrolls the device: in one step with a code, or without a code after `acceptEnrollmentCode`. If
   * another device of the account must confirm or approve it, this one does not work before:
   * `pendingFingerprint` or `approval` has what this device must show.
   */
  enroll(pin: Secret, smsCode?: Secret): Promise<void>;

  /**
   * Enrolls the device and registers the trusted phone number, with a code from
   * `requestPhoneNumberCode`.
   */
  enrollWithPhoneNumber(pin: Secret, smsCode: Secret, phoneNumber: string): Promise<void>;

  /**
   * Imports the enrollment of another client, whose PIN one password proves. Returns a warning: the
   * other client must stop, and its file must be removed. `format` is `auto`, `pickle`,
   * `homey-json`, `e3008-json`, `kotlin-json` or `pims`. A pickle is given in base64.
   */
  importEnrollment(format: string, state: Secret, pin: Secret): Promise<string>;

  /**
   * Returns the enrollment of this device as neutral JSON, with K1 in clear. One password proves
   * the PIN.
   */
  exportEnrollment(pin: Secret): Promise<string>;

  /**
   * Returns a code of ten letters with which another device of the account enrolls, if the service
   * permits it. A code before it ends.
   */
  makeEnrollmentCode(pin: Secret): Promise<string>;

  /**
   * Returns the fingerprint of the device that entered the code and waits for its confirmation:
   * another device, or this one. Returns null if none waits.
   */
  pendingFingerprint(): Promise<string | null>;

  /** Lets the device with this fingerprint work. The user has compared it on both devices. */
  confirmDevice(fingerprint: string, pin: Secret): Promise<void>;

  /** Ends the device with this fingerprint, which entered the code. */
  rejectDevice(fingerprint: string, pin: Secret): Promise<void>;

  /**
   * Returns whether a new device waits for an approval: another one, or this one after `enroll`.
   * This one must then show its number to the user.
   */
  approval(): Promise<Approval>;

  /**
   * Lets the new device work. The user has read the number on that device, and enters it here. A
   * wrong number ends that device.
   */
  approveNewDevice(deviceId: string, number: string, pin: Secret): Promise<void>;

  /**
   * Ends the new device, and blocks the account: the user did not enroll it. The user sets a new
   * PIN with an SMS code, see `resetPin`.
   */
  rejectNewDevice(deviceId: string): Promise<void>;

  /**
   * Returns the events of the account that the service still has, the newest first. Those that this
   * device caused are not among them.
   */
  notices(): Promise<AccountNotice[]>;

  /**
   * Removes every enrollment of the account, its PIN and a block, then this device's enrollment.
   */
  removeEnrollments(): Promise<void>;

  /** Asks the service to send an SMS code to a phone number that is to become the trusted one. */
  requestPhoneNumberCode(phoneNumber: string): Promise<void>;

  /** Registers the account's first trusted phone number. */
  addPhoneNumber(smsCode: Secret, phoneNumber: string): Promise<void>;

  /** Replaces the account's trusted phone number. */
  modifyPhoneNumber(smsCode: Secret, phoneNumber: string): Promise<void>;

  /** Returns the account's trusted phone number. Fails with 2307 if there is none. */
  trustedPhoneNumber(): Promise<string>;

  /** Changes the PIN. */
  changePin(oldPin: Secret, newPin: Secret): Promise<void>;

  /** Asks the service to send an SMS code with which the user can set a new PIN. */
  requestResetCode(): Promise<void>;

  /** Sets a new PIN with a code from `requestResetCode`, and lifts a block of the PIN. */
  resetPin(newPin: Secret, smsCode: Secret): Promise<void>;

  /** Returns a one-time password. A wrong PIN is 2308, with `attemptsLeft`. */
  otp(pin: Secret): Promise<string>;

  /**
   * Returns a one-time password that proves the device and nothing about the user, if the service
   * allows it.
   */
  otpWithoutPin(): Promise<string>;

  /** Returns the devices of the account. A device that is not enrolled needs the access token. */
  devices(): Promise<AccountDevice[]>;

  /**
   * Renames a device of the account. An enrolled device must give the PIN. Another one needs the
   * access token instead.
   */
  renameDevice(deviceId: string, name: string, pin?: Secret): Promise<void>;

  /**
   * Removes one device of the account, this one or another. An enrolled device must give the PIN.
   * Another one needs the access token instead.
   */
  removeDevice(deviceId: string, pin?: Secret): Promise<void>;

  /** Returns true if this device is enrolled, according to its own state. */
  isActivated(): Promise<boolean>;

  /** Returns the block of the account. If the device is enrolled, the library asks the service. */
  accountState(): Promise<AccountState>;

  /** Replaces `account.accessToken`. */
  setAccessToken(token: Secret): Promise<void>;

  /**
   * Returns true if a one-time password is right, like a relying party's check. It works with the
   * embedded authority only; else it raises 2003.
   */
  verify(password: Secret): Promise<boolean>;
}
