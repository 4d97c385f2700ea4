import type { Violation } from '../../domain/index.ts';

/** What one validation may cost at most. Chains of the field stay below a tenth of each. */
export interface PathLimits {
  /** Certificates, the trust anchor's included; each costs a signature. */
  readonly certificates: number;
  /** Octets of all certificates. */
  readonly octets: number;
  /** Comparisons of names with subtrees; one of directory names counts as many as it has RDNs. */
  readonly comparisons: number;
  /** Nodes and edges of the policy graph. */
  readonly policyNodes: number;
}

export const defaultLimits: PathLimits = {
  certificates: 12,
  octets: 512 * 1024,
  comparisons: 250_000,
  policyNodes: 20_000,
};

/** What is counted while a path is validated. */
export type Cost = keyof PathLimits;

const what: Readonly<Record<Cost, string>> = {
  certificates: 'certificates',
  octets: 'octets of certificates',
  comparisons: 'comparisons of names with constraints',
  policyNodes: 'policies and mappings',
};

/**
 * The work of one validation. A hostile path has many names under many subtrees, or mappings that
 * multiply; it ends with a violation, not with our time.
 */
export class Work {
  readonly spent: Record<Cost, number> = {
    certificates: 0,
    octets: 0,
    comparisons: 0,
    policyNodes: 0,
  };
  readonly limits: PathLimits;
  /** What ran out first. */
  #exceeded: Cost | undefined;

  constructor(limits: PathLimits = defaultLimits) {
    this.limits = limits;
  }

  /** False once the limit is passed: whoever asked stops, and the path is refused. */
  spend(cost: Cost, amount: number): boolean {
    this.spent[cost] += amount;
    if (this.spent[cost] > this.limits[cost]) this.#exceeded ??= cost;
    return this.#exceeded === undefined;
  }

  get isExceeded(): boolean {
    return this.#exceeded !== undefined;
  }

  /** Undefined while there is work left. */
  violation(): Violation | undefined {
    if (this.#exceeded === undefined) return undefined;
    return {
      rule: 'path-budget',
      field: 'chain',
      message: `the path costs more than ${this.limits[this.#exceeded]} ${what[this.#exceeded]}, so it is not judged further`,
      mend: 'present a shorter path, with fewer names, subtrees and policies',
      clause: 'RFC 5280 §8',
    };
  }
}
