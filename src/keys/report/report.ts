import { absentChecks } from './absent-checks.ts';
import { accountabilityChecks } from './accountability-checks.ts';
import { establishmentChecks } from './establishment-checks.ts';
import type { ReportFacts } from './facts.ts';
import {
  type AnswerStatus,
  type Check,
  conclude,
  type EvidenceItem,
  item,
  type Judgement,
  rfc3339,
} from './judgement.ts';
import { operationChecks } from './operation-checks.ts';
import { type Reference, sp80057References } from './references.ts';
import { stateChecks } from './state-checks.ts';
import { storageChecks } from './storage-checks.ts';
import { transitChecks } from './transit-checks.ts';

/** The answer to one reference. */
export interface Answer {
  readonly reference: string;
  readonly title: string;
  readonly status: AnswerStatus;
  readonly evidence: readonly EvidenceItem[];
  readonly reason: string;
}

/** A reference whose answer differs from the one before. */
export interface ChangedAnswer {
  readonly reference: string;
  readonly before: AnswerStatus | null;
  readonly after: AnswerStatus | null;
  /** Whether other evidence was looked at, the status aside. */
  readonly evidenceChanged: boolean;
}

/** SP 800-57 Part 1, as this installation answers it at one moment. */
export interface Sp80057Report {
  readonly publication: 'NIST SP 800-57 Part 1 Rev. 5';
  readonly at: string;
  readonly by: string;
  readonly counts: Readonly<Record<AnswerStatus, number>>;
  readonly answers: readonly Answer[];
  /** Against the run before; empty when it was the first. */
  readonly changes: readonly ChangedAnswer[];
  /** When the run before was made. */
  readonly previousAt: string | null;
}

const checks: Readonly<Partial<Record<Reference, Check>>> = {
  ...transitChecks,
  ...storageChecks,
  ...stateChecks,
  ...establishmentChecks,
  ...absentChecks,
  ...operationChecks,
  ...accountabilityChecks,
};

/** References that stand for those below them. */
export const summedUp: readonly Reference[] = sp80057References
  .map(([reference]) => reference)
  .filter((reference) => checks[reference] === undefined);

/**
 * Answers every reference from the facts, in the publication's order (pure). A reference fails
 * and waits with those below it.
 */
export function answerSp80057(facts: ReportFacts): readonly Answer[] {
  const answers = new Map<string, Answer>();
  for (const [reference, title] of sp80057References.toReversed()) {
    const below = childrenOf(reference, [...answers.values()]);
    const own = checks[reference]?.(facts);
    const judgement = own === undefined ? sum(below) : withBelow(own, below);
    answers.set(reference, { reference, title, ...conclude(judgement) });
  }
  return [...answers.values()].toReversed();
}

function childrenOf(reference: string, below: readonly Answer[]): readonly Answer[] {
  return below
    .filter((answer) => answer.reference.startsWith(`${reference}.`))
    .filter(({ reference: one }) => !one.slice(reference.length + 1).includes('.'))
    .toReversed();
}

/** What a clause says itself, and what those below it say. */
function withBelow(own: Judgement, children: readonly Answer[]): Judgement {
  if (children.length === 0) return own;
  const { evidence, problems, later } = sum(children);
  return {
    ...own,
    evidence: [...own.evidence, ...evidence],
    problems: [...own.problems, ...problems],
    later: own.later ?? later,
  };
}

/** A clause that stands for those below it. */
function sum(children: readonly Answer[]): Judgement {
  const failing = children.filter(({ status }) => status === 'fail');
  const waiting = children.filter(({ status }) => status === 'notYet');
  return {
    shows: `${children.map((child) => child.reference).join(', ')} are answered and none fails`,
    evidence: children.map((child) =>
      item(`${child.reference} ${child.title}`, 'this report', child.status),
    ),
    problems:
      failing.length === 0
        ? []
        : [
            `${failing.map((child) => child.reference).join(', ')} ${failing.length === 1 ? 'fails' : 'fail'}`,
          ],
    ...(waiting.length === 0
      ? {}
      : {
          later: `what ${waiting.map((child) => child.reference).join(', ')} ${waiting.length === 1 ? 'waits' : 'wait'} for`,
        }),
    ...(children.every(({ status }) => status === 'notApplicable')
      ? { notApplicable: 'none of the clauses below applies' }
      : {}),
  };
}

/** The report of a run, with what differs from the run before. */
export function sp80057Report(
  facts: ReportFacts,
  by: string,
  previous: Pick<Sp80057Report, 'answers' | 'at'> | undefined,
): Sp80057Report {
  const answers = answerSp80057(facts);
  const counts = { pass: 0, fail: 0, notApplicable: 0, notYet: 0 };
  for (const { status } of answers) counts[status] += 1;
  return {
    publication: 'NIST SP 800-57 Part 1 Rev. 5',
    at: rfc3339(facts.at),
    by,
    counts,
    answers,
    changes: previous === undefined ? [] : changesBetween(previous.answers, answers),
    previousAt: previous?.at ?? null,
  };
}

/** What differs between two runs, in the publication's order. */
export function changesBetween(
  before: readonly Answer[],
  after: readonly Answer[],
): readonly ChangedAnswer[] {
  const old = new Map(before.map((answer) => [answer.reference, answer]));
  const present = new Set(after.map(({ reference }) => reference));
  return [
    ...after.flatMap((answer): ChangedAnswer[] => {
      const last = old.get(answer.reference);
      const evidenceChanged = fingerprint(last) !== fingerprint(answer);
      return last?.status === answer.status && !evidenceChanged
        ? []
        : [
            {
              reference: answer.reference,
              before: last?.status ?? null,
              after: answer.status,
              evidenceChanged,
            },
          ];
    }),
    ...before
      .filter(({ reference }) => !present.has(reference))
      .map(({ reference, status }) => ({
        reference,
        before: status,
        after: null,
        evidenceChanged: true,
      })),
  ];
}

/** What an answer rests on; counts and dates that move with every run are no other evidence. */
function fingerprint(answer: Answer | undefined): string {
  return JSON.stringify([
    still(answer?.reason ?? ''),
    answer?.evidence.map(({ what, where, value }) => [still(what), where, still(value ?? '')]),
  ]);
}

function still(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'date').replace(/\b\d+\b/g, '#');
}
