import type { EvidenceFacts, KeyFacts, ReportFacts } from './facts.ts';

/**
 * `notApplicable`: the clause is about something that Chancery does not have, and the evidence shows
 * that it has none. `notYet`: what is there is in order, and a later version delivers the rest.
 */
export type AnswerStatus = 'pass' | 'fail' | 'notApplicable' | 'notYet';

/** Something that was looked at for an answer. */
export interface EvidenceItem {
  readonly what: string;
  /** Record, setting or file. */
  readonly where: string;
  /** RFC 3339: when what is shown happened or was recorded. */
  readonly at?: string | undefined;
  readonly value?: string | undefined;
}

/** What a check found; `conclude` makes the answer. */
export interface Judgement {
  /** Said when all of it is in order. */
  readonly shows: string;
  readonly evidence: readonly EvidenceItem[];
  /** What is wrong, and how to mend it. */
  readonly problems: readonly string[];
  /** What a later version delivers. */
  readonly later?: string | undefined;
  /** Why the clause does not concern this installation. */
  readonly notApplicable?: string | undefined;
}

export type Check = (facts: ReportFacts) => Judgement;

interface Conclusion {
  readonly status: AnswerStatus;
  readonly evidence: readonly EvidenceItem[];
  readonly reason: string;
}

/** More than this of one kind is summed up: a report is read by people. */
const mostItems = 40;
const mostProblems = 5;

/** A problem fails; a pass needs evidence. */
export function conclude(judgement: Judgement): Conclusion {
  const { problems, notApplicable, later, shows } = judgement;
  const evidence = bounded(judgement.evidence);
  const answer = (status: AnswerStatus, reason: string): Conclusion => ({
    status,
    evidence,
    reason,
  });
  if (problems.length > 0) {
    const more = problems.length - mostProblems;
    const said = problems.slice(0, mostProblems).join('; ');
    return answer('fail', sentence(more > 0 ? `${said}; and ${more} more` : said));
  }
  if (evidence.length === 0) return answer('fail', 'Nothing was found to look at.');
  if (notApplicable !== undefined) return answer('notApplicable', sentence(notApplicable));
  if (later !== undefined) return answer('notYet', `${sentence(shows)} Not yet: ${later}.`);
  return answer('pass', sentence(shows));
}

function bounded(items: readonly EvidenceItem[]): readonly EvidenceItem[] {
  if (items.length <= mostItems) return items;
  const rest = items.length - mostItems;
  return [
    ...items.slice(0, mostItems),
    { what: `and ${rest} more like these`, where: 'inventory' },
  ];
}

function sentence(text: string): string {
  const whole = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return whole.endsWith('.') ? whole : `${whole}.`;
}

export function item(what: string, where: string, value?: string, at?: Date): EvidenceItem {
  return {
    what,
    where,
    ...(at === undefined ? {} : { at: rfc3339(at) }),
    ...(value === undefined ? {} : { value }),
  };
}

/** To the second, in UTC. */
export function rfc3339(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** How a key is called in reasons. */
export function nameOf({ record }: KeyFacts): string {
  return `key ${record.label} (${record.type}, ${record.keyId.slice(0, 12)})`;
}

export function placeOf({ record }: KeyFacts): string {
  return `key ${record.keyId}`;
}

/** Keys whose private half still exists. */
export function liveKeys({ keys }: ReportFacts): readonly KeyFacts[] {
  return keys.filter(({ record }) => record.privateState !== 'destroyed');
}

export function activeKeys({ keys }: ReportFacts): readonly KeyFacts[] {
  return keys.filter(({ record }) => record.privateState === 'active');
}

export function tokenKeys(facts: ReportFacts): readonly KeyFacts[] {
  return liveKeys(facts).filter(({ record }) => record.tokenRole !== 'software');
}

/** Live keys of CAs: those whose loss or compromise costs an issuer. */
export function caKeys(facts: ReportFacts): readonly KeyFacts[] {
  return liveKeys(facts).filter(({ record }) => record.type === 'ca');
}

/** Roles of the tokens that hold a live key. */
export function tokenRoles(facts: ReportFacts): readonly string[] {
  return [...new Set(tokenKeys(facts).map(({ record }) => record.tokenRole))].sort();
}

/** The newest record of a kind. */
export function newestOf(
  { evidence }: ReportFacts,
  kind: string,
  subject?: string,
): EvidenceFacts | undefined {
  return evidence.find(
    (record) => record.kind === kind && (subject === undefined || record.subject === subject),
  );
}

/** Something that has to be done again and again: its newest record, and what is wrong with it. */
export function recurring(
  facts: ReportFacts,
  wanted: {
    readonly kind: string;
    readonly subject?: string;
    /** Seconds. */
    readonly within: number;
    readonly what: string;
    readonly mend: string;
  },
): { readonly evidence: readonly EvidenceItem[]; readonly problems: readonly string[] } {
  const { kind, subject, within, what, mend } = wanted;
  const record = newestOf(facts, kind, subject);
  if (record === undefined) {
    return { evidence: [], problems: [`there is no record of a ${what}: ${mend}`] };
  }
  const age = (facts.at.getTime() - record.at.getTime()) / 1000;
  const problems: string[] = [];
  if (age > within) {
    problems.push(
      `the last ${what} is of ${rfc3339(record.at)}, older than ${days(within)}: ${mend}`,
    );
  }
  const wrong = findingsOf(record.document);
  if (wrong !== undefined) {
    problems.push(`the ${what} of ${rfc3339(record.at)} found ${wrong}`);
  }
  return {
    evidence: [
      item(what, `evidence ${record.id}`, `${record.subject}, by ${record.by}`, record.at),
    ],
    problems,
  };
}

/** What a record says went wrong; undefined when nothing did. */
function findingsOf(document: Readonly<Record<string, unknown>>): string | undefined {
  const { findings, outcome } = document;
  if (Array.isArray(findings) && findings.length > 0) {
    return `${findings.length} disagreement${findings.length === 1 ? '' : 's'}`;
  }
  return outcome === 'failed' ? 'that it fails' : undefined;
}

export function days(seconds: number): string {
  return seconds % 86_400 === 0 ? `${seconds / 86_400} d` : `${Math.round(seconds / 3600)} h`;
}

/** One judgement of several parts. */
export function together(
  shows: string,
  parts: readonly {
    readonly evidence: readonly EvidenceItem[];
    readonly problems: readonly string[];
    readonly later?: string | undefined;
  }[],
): Judgement {
  const later = parts.map((part) => part.later).filter((part) => part !== undefined);
  return {
    shows,
    ...(later.length === 0 ? {} : { later: later.join('; ') }),
    evidence: parts.flatMap(({ evidence }) => evidence),
    problems: parts.flatMap(({ problems }) => problems),
  };
}
