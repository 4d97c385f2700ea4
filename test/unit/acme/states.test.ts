import { describe, expect, it } from 'vitest';
import type { AuthorizationStatus, OrderStatus } from '../../../src/acme/ports.ts';
import {
  accountTransitions,
  authorizationStatusAt,
  authorizationTransitions,
  challengeTransitions,
  nextOf,
  orderStatusAt,
  orderTransitions,
} from '../../../src/acme/states.ts';

/** Every pair of statuses that the figures of RFC 8555 §7.1.6 join by an arrow, and what §7.5.2 and §8.2 add. */
const arrows = (
  transitions: Readonly<Record<string, Readonly<Record<string, string>>>>,
): string[] =>
  Object.entries(transitions)
    .flatMap(([from, events]) => Object.values(events).map((to) => `${from} ${to}`))
    .filter((arrow, index, all) => all.indexOf(arrow) === index)
    .toSorted();

describe('RFC 8555 §7.1.6 (A15)', () => {
  it('orders', () => {
    expect(arrows(orderTransitions)).toEqual([
      'pending invalid',
      'pending ready',
      'processing invalid',
      // A crash in the midst of issuing: the next attempt has another serial number.
      'processing processing',
      'processing valid',
      'ready invalid',
      'ready processing',
    ]);
  });

  it('authorizations', () => {
    expect(arrows(authorizationTransitions)).toEqual([
      'pending deactivated',
      'pending invalid',
      'pending valid',
      'valid deactivated',
      'valid expired',
      'valid revoked',
    ]);
  });

  it('challenges', () => {
    expect(arrows(challengeTransitions)).toEqual([
      'pending processing',
      'processing invalid',
      'processing processing',
      'processing valid',
    ]);
  });

  it('accounts', () => {
    expect(arrows(accountTransitions)).toEqual(['valid deactivated', 'valid revoked']);
  });

  it('an order is finalized once, and only when it is ready (A22)', () => {
    const from = Object.keys(orderTransitions) as OrderStatus[];
    expect(
      from.filter((status) => nextOf(orderTransitions, status, 'finalize') !== undefined),
    ).toEqual(['ready']);
  });
});

describe('what time does', () => {
  const expiresAt = new Date('2026-11-21T00:00:00Z');
  const before = new Date(expiresAt.getTime() - 1);

  it.each<[OrderStatus, OrderStatus]>([
    ['pending', 'invalid'],
    ['ready', 'invalid'],
    // Its certificate is being made or was: that it took long does not undo it.
    ['processing', 'processing'],
    ['valid', 'valid'],
    ['invalid', 'invalid'],
  ])('an order that is %s is %s once it expires', (status, then) => {
    expect(orderStatusAt({ status, expiresAt }, before)).toBe(status);
    expect(orderStatusAt({ status, expiresAt }, expiresAt)).toBe(then);
  });

  it.each<[AuthorizationStatus, AuthorizationStatus]>([
    ['pending', 'invalid'],
    ['valid', 'expired'],
    ['invalid', 'invalid'],
    ['deactivated', 'deactivated'],
    ['revoked', 'revoked'],
    ['expired', 'expired'],
  ])('an authorization that is %s is %s once it expires (§7.1.4)', (status, then) => {
    expect(authorizationStatusAt({ status, expiresAt }, before)).toBe(status);
    expect(authorizationStatusAt({ status, expiresAt }, expiresAt)).toBe(then);
  });
});
