import { describe, expect, it } from 'vitest';
import { ChangeLedger } from '../../../ocsp/change-ledger.ts';

describe('the ledger of changes', () => {
  it('tells a change after the stamp from one before it', () => {
    const ledger = new ChangeLedger();
    ledger.noteSerialNumber('i', '01');
    const stamp = ledger.stamp();
    expect(ledger.unchangedSince(stamp, 'i', ['01', '02'])).toBe(true);
    ledger.noteSerialNumber('i', '02');
    expect(ledger.unchangedSince(stamp, 'i', ['01'])).toBe(true);
    expect(ledger.unchangedSince(stamp, 'i', ['01', '02'])).toBe(false);
    expect(ledger.unchangedSince(stamp, 'j', ['02'])).toBe(true);
  });

  it('a change of an issuer concerns all of its serial numbers, a change of everything all', () => {
    const ledger = new ChangeLedger();
    const stamp = ledger.stamp();
    ledger.noteIssuer('i');
    expect(ledger.unchangedSince(stamp, 'i', ['01'])).toBe(false);
    expect(ledger.unchangedSince(stamp, 'j', ['01'])).toBe(true);
    ledger.noteAll();
    expect(ledger.unchangedSince(stamp, 'j', ['01'])).toBe(false);
    expect(ledger.unchangedSince(ledger.stamp(), 'j', ['01'])).toBe(true);
  });

  it('a stamp from before what it forgot is never taken for unchanged', () => {
    const ledger = new ChangeLedger();
    const old = ledger.stamp();
    ledger.noteSerialNumber('i', '01');
    const between = ledger.stamp();
    ledger.forget();
    expect(ledger.unchangedSince(old, 'i', ['01'])).toBe(false);
    ledger.forget();
    expect(ledger.unchangedSince(old, 'i', ['02'])).toBe(false);
    expect(ledger.unchangedSince(between, 'i', ['01'])).toBe(true);
  });
});
