/** SP 800-57 Part 1 §6 to §9 as the report answers them: from facts, each of which can turn an answer. */
import { describe, expect, test } from 'vitest';
import {
  type Answer,
  answerSp80057,
  changesBetween,
  type ReportFacts,
  sp80057Report,
  summedUp,
} from '../../src/keys/index.ts';
import { ago, goodFacts, type Mutable, reportKeys } from '../support/report-facts.ts';
import { flips } from '../vectors/sp800-57-flips.ts';
import { sp80057Rows } from '../vectors/sp800-57-rows.ts';

type Facts = Mutable<ReportFacts>;

function answer(facts: ReportFacts, reference: string): Answer {
  const found = answerSp80057(facts).find((one) => one.reference === reference);
  if (found === undefined) throw new Error(`no answer to ${reference}`);
  return found;
}

describe('an installation that is in order', () => {
  const answers = answerSp80057(goodFacts() as ReportFacts);

  test('every reference is answered, in the order of the publication', () => {
    expect(answers.map(({ reference, title }) => `${reference} ${title}`)).toEqual(sp80057Rows);
  });

  test('nothing fails', () => {
    const failing = answers.filter(({ status }) => status === 'fail');
    expect(failing.map(({ reference, reason }) => [reference, reason])).toEqual([]);
  });

  test('every answer names evidence and says why', () => {
    for (const { reference, evidence, reason } of answers) {
      expect([reference, evidence.length > 0, reason.endsWith('.')]).toEqual([
        reference,
        true,
        true,
      ]);
    }
  });

  test('what later versions deliver is not yet there, and never a tick', () => {
    const notYet = answers.filter(({ status }) => status === 'notYet');
    expect(notYet.map(({ reference }) => reference)).toEqual([
      ...['6', '6.1', '6.1.2', '8', '8.1', '8.1.1', '8.1.5', '8.1.5.1', '8.1.5.1.1'],
      ...['8.1.5.1.1.1', '8.1.5.1.3', '8.2', '8.2.2', '8.2.2.1', '8.3', '8.3.1', '8.3.2', '8.3.5'],
      ...['9', '9.1', '9.2', '9.2.2', '9.4', '9.5', '9.5.1'],
    ]);
    for (const { reason } of notYet) expect(reason).toMatch(/Not yet: /);
  });

  test('keys that a PKI does not manage are not applicable, with what there is of the kind', () => {
    const none = answers.filter(({ status }) => status === 'notApplicable');
    expect(none.map(({ reference }) => reference)).toEqual([
      ...['8.1.5.1.2', '8.1.5.2', '8.1.5.2.1', '8.1.5.2.2', '8.1.5.2.2.1', '8.1.5.2.2.2'],
      ...['8.1.5.2.3', '8.1.5.3.2', '8.1.5.3.3', '8.1.5.3.4', '8.1.5.3.5', '8.1.5.3.6'],
      ...['8.2.3.2', '8.2.4'],
    ]);
    expect(answer(goodFacts() as ReportFacts, '8.1.5.2.1').reason).toMatch(
      /wrapping and backup keys .* session keys/,
    );
  });
});

describe('a fact that is not in order turns the answer', () => {
  test.each(flips)('$reference: $what', ({ reference, change, says }) => {
    const facts: Facts = goodFacts();
    change(facts);
    const { status, reason } = answer(facts as ReportFacts, reference);
    expect([status, reason]).toEqual(['fail', expect.stringMatching(new RegExp(says, 'i'))]);
  });

  test('each reference that passes or waits has a fact that turns it', () => {
    const turned = new Set(flips.map(({ reference }) => reference));
    const answered = answerSp80057(goodFacts() as ReportFacts).filter(
      ({ reference, status }) =>
        status !== 'notApplicable' && !summedUp.some((one) => one === reference),
    );
    expect(answered.map(({ reference }) => reference).filter((one) => !turned.has(one))).toEqual([
      // Waits for a later version, whatever the facts.
      '8.1.5.1.3',
    ]);
  });

  test('a reference that stands for others fails with them, and names them', () => {
    const facts = goodFacts();
    facts.evidence = facts.evidence.filter(({ kind }) => kind !== 'drill.compromise');
    for (const reference of ['9.5', '9']) {
      expect(answer(facts as ReportFacts, reference)).toMatchObject({ status: 'fail' });
    }
    expect(answer(facts as ReportFacts, '9').reason).toBe('9.5 fails.');
  });

  test('nothing to look at is no pass', () => {
    const facts = goodFacts();
    facts.keys = [];
    facts.issuers = [];
    const answers = answerSp80057(facts as ReportFacts);
    for (const reference of ['6.1.1', '6.2.2.4', '7', '7.2', '8.1.6', '9.2.1']) {
      expect([reference, answers.find((one) => one.reference === reference)?.status]).toEqual([
        reference,
        'fail',
      ]);
    }
  });

  test('states that no key has are not applicable', () => {
    const facts = goodFacts();
    const { goneId, lostId, heldId } = reportKeys;
    facts.keys = facts.keys.filter(
      ({ record }) => ![goneId, lostId, heldId].includes(record.keyId),
    );
    for (const reference of ['7.3', '7.4', '7.5', '7.6', '8.3.3', '8.3.4', '8.4']) {
      expect(answer(facts as ReportFacts, reference)).toMatchObject({ status: 'notApplicable' });
    }
  });

  test('a wrapping key ends the claim that there is none', () => {
    const facts = goodFacts();
    const [first] = facts.keys;
    if (first !== undefined) first.record.type = 'wrapping';
    expect(answer(facts as ReportFacts, '8.1.5.2.1').status).toBe('notYet');
  });

  test('long lists are cut off for readers, and say so', () => {
    const facts = goodFacts();
    const delegate = facts.keys[2];
    if (delegate === undefined) throw new Error('no delegate');
    facts.keys.push(
      ...Array.from({ length: 100 }, (_, index) => ({
        ...delegate,
        record: { ...delegate.record, keyId: `${index}`, record: `${index}`, owner: '' },
      })),
    );
    const { evidence, reason } = answer(facts as ReportFacts, '6.2.2.5');
    expect(evidence).toHaveLength(41);
    expect(reason).toMatch(/and 95 more\.$/);
  });
});

describe('the difference from the run before', () => {
  test('names what changed its status, and what rests on other evidence', () => {
    const before = sp80057Report(goodFacts() as ReportFacts, 'auditor', undefined);
    expect(before).toMatchObject({ changes: [], previousAt: null });
    const later = goodFacts();
    later.evidence = later.evidence.filter(({ kind }) => kind !== 'drill.restore');
    const report = sp80057Report(later as ReportFacts, 'auditor', before);
    expect(report.previousAt).toBe(before.at);
    expect(report.changes.map(({ reference, before: b, after: a }) => [reference, b, a])).toEqual([
      ['8', 'notYet', 'fail'],
      ['8.2', 'notYet', 'fail'],
      ['8.2.2', 'notYet', 'fail'],
      ['8.2.2.2', 'pass', 'fail'],
      ['9', 'notYet', 'fail'],
      ['9.5', 'notYet', 'fail'],
      ['9.5.2', 'pass', 'fail'],
      ['9.5.3', 'pass', 'fail'],
      ['9.5.3.2', 'pass', 'fail'],
    ]);
  });

  test('the same facts an hour later are no change', () => {
    const later = goodFacts();
    later.at = ago(-1 / 24);
    expect(
      changesBetween(
        answerSp80057(goodFacts() as ReportFacts),
        answerSp80057(later as ReportFacts),
      ),
    ).toEqual([]);
  });

  test('other evidence with the same answer is told', () => {
    const later = goodFacts();
    const holder = later.custodians[0];
    if (holder !== undefined) holder.person = 'Somebody else';
    expect(
      changesBetween(
        answerSp80057(goodFacts() as ReportFacts),
        answerSp80057(later as ReportFacts),
      ),
    ).toEqual([{ reference: '9.3', before: 'pass', after: 'pass', evidenceChanged: true }]);
  });
});
