// What the types allow, and what they refuse. The compiler checks this file; nothing runs it.

import * as pims from 'libpims';
import { AccountState, Code, type Events, NextAction, open, PimsError, QueueFullError, type Secret, type Session } from 'libpims';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

export async function calls(pin: Secret): Promise<void> {
  const session: Session = await open({
    storage: { path: 'state', key: async () => new Uint8Array(32) },
    network: { callTimeoutMs: 5000n },
  });
  const { device } = session;
  const otp = await device.otp(pin);
  same<typeof otp, string>(true);
  const status = await device.acceptEnrollmentCode(() => '123456');
  same<typeof status, 'NotEnrolled' | 'AlreadyEnrolled'>(true);
  const nothing = await device.enroll(pin);
  same<typeof nothing, void>(true);
  const blocked = (await device.accountState()) === AccountState.PIN_BLOCKED;
  same<typeof blocked, boolean>(true);
  const count = device.wrongPins?.count;
  same<typeof count, number | undefined>(true);

  const version = await session.get('pims.sdk.version');
  same<typeof version.versionCore, string>(true);
  const log = await pims.get('pims.sdk.log');
  same<typeof log.logPath, string | null>(true);
  const unknown = await session.get('a.later.api', { a: [1, null, { b: true }] });
  same<typeof unknown, unknown>(true);
  const { verified } = await session.set('pims.authority.otp', { action: 'verify', otp });
  same<typeof verified, boolean>(true);

  const events = session.subscribe('pims.authentication.account', { type: 'isDeviceActivated' });
  same<typeof events, Events<pims.Account>>(true);
  await events.ready;
  for await (const event of device.watch()) {
    const activated = event.isDeviceActivated;
    same<typeof activated, boolean | undefined>(true);
  }
  for await (const { approval, notices } of device.watch({ notices: true, approval: true })) {
    same<typeof approval, pims.Approval | undefined>(true);
    same<typeof notices, pims.AccountNotice[] | undefined>(true);
  }
  const { state, deviceId, number } = await device.approval();
  if (state === pims.ApprovalState.ASKED && deviceId !== null) await device.approveNewDevice(deviceId, '47', pin);
  same<typeof number, string | null>(true);
  const { notices } = await session.get('pims.authentication.notices');
  same<typeof notices, pims.AccountNotice[]>(true);
  await events.return();
  await session.close();

  // @ts-expect-error: a PIN is a text
  await device.otp(1234);
  // @ts-expect-error: an argument is missing
  await device.changePin(pin);
  // @ts-expect-error: a Date has no form in JSON
  await session.get('pims.sdk.version', { at: new Date() });
  // @ts-expect-error: no such member
  version.core;
  // @ts-expect-error: errors come from the package
  new PimsError();
}

export async function disposal(): Promise<void> {
  await using session = await open();
  await using events = session.device.watch();
  await events.next();
}

export function failures(error: unknown): string {
  if (error instanceof QueueFullError) return error.message;
  if (!(error instanceof PimsError)) throw error;
  if (error.code === Code.ACCESS_REFUSED && error.attemptsLeft !== undefined) return `${error.attemptsLeft} tries are left`;
  switch (error.nextAction) {
    case NextAction.RETRY_PIN:
      return 'again';
    case 'enroll':
      return 'enroll anew';
    // @ts-expect-error: no such action
    case 'giveUp':
      return '';
    default:
      return error.detail ?? error.label;
  }
}
