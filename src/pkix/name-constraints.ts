import { isChanceryError, type Violation } from '../domain/index.ts';
import { formatDistinguishedName } from './distinguished-name.ts';
import { findExtension } from './extensions/extension.ts';
import { parseNameConstraints } from './extensions/names.ts';
import { formatGeneralName } from './general-name.ts';
import { formatIpAddress } from './ip-address.ts';
import { commonNameOf } from './name.ts';
import {
  type Comparable,
  comparable,
  type Form,
  hostName,
  mailboxOf,
  matches,
  type Subtree,
  subtree,
} from './name-matching.ts';
import { oids } from './oids.ts';
import { Work } from './path/work.ts';
import type { Certificate, GeneralName, GeneralSubtree, Name, NameConstraints } from './types.ts';

const clause = 'RFC 5280 §4.2.1.10';

interface Candidate {
  readonly field: 'subject' | 'subjectAltName';
  readonly text: string;
  readonly forms: readonly Comparable[];
}

function candidate(field: Candidate['field'], name: GeneralName): Candidate {
  const mailbox = mailboxOf(name);
  const own = comparable(name);
  return {
    field,
    text: formatGeneralName(name),
    forms: mailbox === undefined ? [own] : [own, mailbox],
  };
}

/**
 * Everything that constraints apply to: the subjectAltName; the subject when not empty; each
 * emailAddress in the subject as an rfc822Name (also beside a subjectAltName, which is stricter
 * than the clause); and a commonName that is a host name as a dNSName when the
 * subjectAltName has none, because clients still read it as one.
 */
function candidates(subject: Name, names: readonly GeneralName[], isLeaf: boolean): Candidate[] {
  const all = names.map((name) => candidate('subjectAltName', name));
  if (subject.rdns.length > 0) {
    all.push(candidate('subject', { type: 'directoryName', name: subject }));
  }
  for (const attribute of subject.rdns.flat()) {
    if (attribute.oid !== oids.emailAddress) continue;
    all.push(candidate('subject', { type: 'rfc822Name', value: attribute.value }));
  }
  const commonName = commonNameOf(subject);
  if (
    isLeaf &&
    commonName?.includes('.') === true &&
    hostName(commonName.replace(/^\*\./, '')) !== undefined &&
    !names.some((name) => name.type === 'dNSName')
  ) {
    all.push(candidate('subject', { type: 'dNSName', value: commonName }));
  }
  return all;
}

interface Compiled {
  readonly base: GeneralName;
  readonly ready: Subtree;
}
type ByForm = ReadonlyMap<Form, readonly Compiled[]>;

/** The constraints of one certificate, or of a relying party, ready to compare. */
export interface ConstraintSet {
  /** Who constrains, for messages. */
  readonly by: string;
  readonly permitted: ByForm;
  readonly excluded: ByForm;
}

function compile(list: readonly GeneralSubtree[]): ByForm {
  const byForm = new Map<Form, Compiled[]>();
  for (const { base } of list) {
    const ready = subtree(base);
    const same = byForm.get(ready.form);
    if (same === undefined) byForm.set(ready.form, [{ base, ready }]);
    else same.push({ base, ready });
  }
  return byForm;
}

/** Makes constraints ready; `by` says in messages whose they are. */
export function constraintSet(by: string, constraints: NameConstraints): ConstraintSet {
  return {
    by,
    permitted: compile(constraints.permittedSubtrees),
    excluded: compile(constraints.excludedSubtrees),
  };
}

/** The constraints of a certificate; undefined when it has none, a violation when they can't be read. */
export function constraintsOf(certificate: Certificate): ConstraintSet | Violation | undefined {
  const extension = findExtension(certificate.extensions, oids.nameConstraints);
  if (extension === undefined) return undefined;
  const by = `issuer ${JSON.stringify(formatDistinguishedName(certificate.subject))}`;
  try {
    return constraintSet(by, parseNameConstraints(extension.value));
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    return {
      rule: 'name-constraints-malformed',
      field: 'nameConstraints',
      message: `name constraints of ${by} can't be read, so nothing is permitted: ${error.message}`,
      clause,
    };
  }
}

function describe(list: readonly Compiled[]): string {
  const shown = list
    .slice(0, 5)
    .map(({ base }) =>
      base.type === 'iPAddress' ? `IP:${formatIpAddress(base.bytes)}` : formatGeneralName(base),
    );
  return shown.join(', ') + (list.length > shown.length ? ', …' : '');
}

/** What comparing a name with these subtrees costs: a directory name is compared RDN by RDN. */
function costOf(list: readonly Compiled[]): number {
  return list.reduce((sum, { ready }) => sum + ('rdns' in ready ? ready.rdns.length + 1 : 1), 0);
}

function checkOne(
  name: Candidate,
  { by, permitted, excluded }: ConstraintSet,
  work: Work,
): Violation | undefined {
  for (const form of name.forms) {
    const inside = permitted.get(form.form) ?? [];
    const outside = excluded.get(form.form) ?? [];
    if (!work.spend('comparisons', costOf(inside) + costOf(outside))) return undefined;
    const allowed = inside.some(({ ready }) => matches(form, ready, false) === 'yes');
    if (inside.length > 0 && !allowed) {
      return {
        rule: 'name-constraints-permitted',
        field: name.field,
        value: name.text,
        message: `${name.text} is outside of what ${by} permits: ${describe(inside)}`,
        mend: 'ask for a name inside a permitted subtree, or use another issuer',
        clause,
      };
    }
    const hit = outside.find(({ ready }) => matches(form, ready, true) !== 'no');
    if (hit !== undefined) {
      return {
        rule: 'name-constraints-excluded',
        field: name.field,
        value: name.text,
        message: `${name.text} is, or can't be shown not to be, in a subtree that ${by} excludes: ${describe([hit])}`,
        mend: 'ask for a name outside of it, or use another issuer',
        clause,
      };
    }
  }
  return undefined;
}

/**
 * The names of one certificate under the constraints above it; stops when the work is used up.
 *
 * @param isLeaf whether a commonName counts as a host name
 */
export function nameConstraintViolations(
  sets: readonly ConstraintSet[],
  subject: Name,
  names: readonly GeneralName[],
  isLeaf: boolean,
  work: Work,
): Violation[] {
  if (sets.length === 0) return [];
  const violations: Violation[] = [];
  const checked = candidates(subject, names, isLeaf);
  for (const set of sets) {
    for (const name of checked) {
      const violation = checkOne(name, set, work);
      if (violation !== undefined) violations.push(violation);
      if (work.isExceeded) return violations;
    }
  }
  return violations;
}

/**
 * Checks a subject and its names against the name constraints of every issuer above it, the
 * root included (RFC 5280 §4.2.1.10; RFC 5937 for the root). Each certificate's permitted
 * subtrees must admit every name of a form that they constrain; no excluded subtree may hold
 * one. A constrained form without rules (otherName but for user principal names, x400Address,
 * ediPartyName, registeredID), a name or a subtree with bad syntax: violation when a name of that
 * form is present.
 *
 * @param chain issuer first, root last
 */
export function checkNameConstraints(
  chain: readonly Certificate[],
  subject: Name,
  names: readonly GeneralName[],
): Violation[] {
  const work = new Work();
  const violations: Violation[] = [];
  const sets: ConstraintSet[] = [];
  for (const certificate of chain) {
    const constraints = constraintsOf(certificate);
    if (constraints === undefined) continue;
    if ('rule' in constraints) violations.push(constraints);
    else sets.push(constraints);
  }
  violations.push(...nameConstraintViolations(sets, subject, names, true, work));
  const exceeded = work.violation();
  return exceeded === undefined ? violations : [...violations, exceeded];
}
