import { createHash, randomInt } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { OperatorFault } from './faults.ts';

/**
 * Reads a PIN from its file; one line end at the end is not part of it.
 *
 * @throws OperatorFault when it can't be read, is empty, or others than its owner may read it.
 */
export function readPinFile(path: string): string {
  let mode: number;
  let text: string;
  try {
    mode = statSync(path).mode;
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new OperatorFault(
      `the PIN file ${path} can't be read (${error instanceof Error ? error.message : String(error)}); create it with mode 0600, readable by the user that runs Chancery`,
    );
  }
  if ((mode & 0o077) !== 0) {
    throw new OperatorFault(
      `the PIN file ${path} may be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${path}`,
    );
  }
  const pin = text.replace(/\r?\n$/, '');
  if (pin === '') throw new OperatorFault(`the PIN file ${path} is empty; write the PIN into it`);
  return pin;
}

/** Creates a PIN file (mode 0600) with 24 random digits; leaves an existing one alone. */
export function createPinFile(path: string): void {
  const pin = Array.from({ length: 24 }, () => String(randomInt(10))).join('');
  try {
    writeFileSync(path, `${pin}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && Reflect.get(error, 'code') === 'EEXIST')) throw error;
  }
}

/** Where the memory of a refused PIN is kept; an operator may remove it to allow another try. */
export function refusedPinPath(pinFile: string): string {
  return `${pinFile}.refused`;
}

/** Hash of the PIN and the token's serial number: the memory holds for this PIN on this token only. */
function pinHash(pin: string, tokenSerial: string): string {
  return createHash('sha256').update(`${tokenSerial}\0${pin}`).digest('hex');
}

/**
 * Remembers that the token refused this PIN, restarts included: tokens lock after a few tries, so a
 * supervisor that restarts the process must not use them up.
 */
export function rememberRefusedPin(
  pinFile: string,
  pin: string,
  tokenSerial: string,
  answer: string,
): void {
  const memory = { pinHash: pinHash(pin, tokenSerial), tokenSerial, answer };
  writeFileSync(refusedPinPath(pinFile), `${JSON.stringify(memory)}\n`, { mode: 0o600 });
}

/** The token's answer to this PIN when it was refused before; undefined when it may be tried. */
export function refusedBefore(
  pinFile: string,
  pin: string,
  tokenSerial: string,
): string | undefined {
  let memory: unknown;
  try {
    memory = JSON.parse(readFileSync(refusedPinPath(pinFile), 'utf8'));
  } catch {
    return undefined;
  }
  if (typeof memory !== 'object' || memory === null) return undefined;
  if (Reflect.get(memory, 'pinHash') !== pinHash(pin, tokenSerial)) return undefined;
  const answer: unknown = Reflect.get(memory, 'answer');
  return typeof answer === 'string' ? answer : 'refused';
}

/** Forgets a refusal, after a login that worked. */
export function forgetRefusedPin(pinFile: string): void {
  rmSync(refusedPinPath(pinFile), { force: true });
}
