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
  hostName,
  mailboxOf,
  matches,
  type Subtree,
  subtree,
} from './name-matching.ts';
import { oids } from './oids.ts';
import type { Certificate, GeneralName, GeneralSubtree, Name } from './types.ts';

const clause = 'RFC 5280 §4.2.1.10';

/** Comparisons of one check; past it the check fails instead of going on. */
const workBudget = 250_000;

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

type Compiled = { readonly base: GeneralName; readonly ready: Subtree };

function compile(list: readonly GeneralSubtree[]): Compiled[] {
  return list.map(({ base }) => ({ base, ready: subtree(base) }));
}

function describe(list: readonly Compiled[]): string {
  const shown = list
    .slice(0, 5)
    .map(({ base }) =>
      base.type === 'iPAddress' ? `IP:${formatIpAddress(base.bytes)}` : formatGeneralName(base),
    );
  return shown.join(', ') + (list.length > shown.length ? ', …' : '');
}

/** The work left; shared by all comparisons of one check. */
interface Budget {
  left: number;
}

function checkOne(
  name: Candidate,
  permitted: readonly Compiled[],
  excluded: readonly Compiled[],
  issuer: string,
  budget: Budget,
): Violation | undefined {
  for (const form of name.forms) {
    const sameForm = permitted.filter(({ ready }) => ready.form === form.form);
    budget.left -= permitted.length + excluded.length;
    if (budget.left < 0) return undefined;
    const allowed = sameForm.some(({ ready }) => matches(form, ready, false) === 'yes');
    if (sameForm.length > 0 && !allowed) {
      return {
        rule: 'name-constraints-permitted',
        field: name.field,
        value: name.text,
        message: `${name.text} is outside of what issuer ${issuer} permits: ${describe(sameForm)}`,
        mend: 'ask for a name inside a permitted subtree, or use another issuer',
        clause,
      };
    }
    const hit = excluded.find(
      ({ ready }) => ready.form === form.form && matches(form, ready, true) !== 'no',
    );
    if (hit !== undefined) {
      return {
        rule: 'name-constraints-excluded',
        field: name.field,
        value: name.text,
        message: `${name.text} is, or can't be shown not to be, in a subtree that issuer ${issuer} excludes: ${describe([hit])}`,
        mend: 'ask for a name outside of it, or use another issuer',
        clause,
      };
    }
  }
  return undefined;
}

/** As `checkNameConstraints`; `isLeaf` decides whether a commonName counts as a host name. */
export function nameConstraintViolations(
  chain: readonly Certificate[],
  subject: Name,
  names: readonly GeneralName[],
  isLeaf: boolean,
): Violation[] {
  const violations: Violation[] = [];
  const budget: Budget = { left: workBudget };
  let checked: Candidate[] | undefined;
  for (const certificate of chain) {
    const extension = findExtension(certificate.extensions, oids.nameConstraints);
    if (extension === undefined) continue;
    const issuer = JSON.stringify(formatDistinguishedName(certificate.subject));
    let permitted: Compiled[];
    let excluded: Compiled[];
    try {
      const constraints = parseNameConstraints(extension.value);
      permitted = compile(constraints.permittedSubtrees);
      excluded = compile(constraints.excludedSubtrees);
    } catch (error) {
      if (!isChanceryError(error)) throw error;
      violations.push({
        rule: 'name-constraints-malformed',
        field: 'nameConstraints',
        message: `name constraints of issuer ${issuer} can't be read, so nothing is permitted: ${error.message}`,
        clause,
      });
      continue;
    }
    checked ??= candidates(subject, names, isLeaf);
    for (const name of checked) {
      const violation = checkOne(name, permitted, excluded, issuer, budget);
      if (violation !== undefined) violations.push(violation);
      if (budget.left < 0) {
        violations.push({
          rule: 'name-constraints-budget',
          field: 'nameConstraints',
          message: `more than ${workBudget} comparisons of names with constraints; ask for fewer names`,
          clause,
        });
        return violations;
      }
    }
  }
  return violations;
}

/**
 * Checks a subject and its names against the name constraints of every issuer above it, the
 * root included (RFC 5280 §4.2.1.10; RFC 5937 for the root). Each certificate's permitted
 * subtrees must admit every name of a form that they constrain; no excluded subtree may hold
 * one. A constrained form without rules (otherName, x400Address, ediPartyName, registeredID), a
 * name or a subtree with bad syntax: violation when a name of that form is present.
 *
 * @param chain issuer first, root last
 */
export function checkNameConstraints(
  chain: readonly Certificate[],
  subject: Name,
  names: readonly GeneralName[],
): Violation[] {
  return nameConstraintViolations(chain, subject, names, true);
}
