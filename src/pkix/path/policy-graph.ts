import { oids } from '../oids.ts';
import type { PolicyMapping } from '../types.ts';
import type { Work } from './work.ts';

const anyPolicy = oids.anyPolicy;

interface PolicyNode {
  readonly policy: string;
  /** Policies that would satisfy this one in the next certificate. */
  expected: ReadonlySet<string>;
  readonly parents: readonly PolicyNode[];
}

/**
 * The valid_policy_graph of RFC 9618 §5, which replaces the valid_policy_tree of RFC 5280 §6.1: a
 * policy stands once at each depth, however many mappings lead to it, so that a chain of mappings
 * costs what it is long and not what it multiplies to (RFC 9618 §3). What a graph accepts, its
 * tree accepts (§4.2). Qualifiers are left aside: nobody here acts on them.
 *
 * Nodes without children are not deleted one by one: only the deepest depth decides what comes
 * next, and `authorityConstrainedPolicies` takes those that lead there.
 */
export class PolicyGraph {
  readonly #work: Work;
  readonly #depths: Map<string, PolicyNode>[];

  constructor(work: Work) {
    this.#work = work;
    // §6.1.2 (a): one node, anyPolicy.
    const root: PolicyNode = { policy: anyPolicy, expected: new Set([anyPolicy]), parents: [] };
    this.#depths = [new Map([[anyPolicy, root]])];
  }

  /** NULL in the words of the RFC: no policy is valid for the path so far. */
  get isNull(): boolean {
    return this.#deepest.size === 0;
  }

  get #deepest(): Map<string, PolicyNode> {
    return this.#depths.at(-1) ?? new Map<string, PolicyNode>();
  }

  /** §6.1.3 (e): a certificate without certificatePolicies. */
  makeNull(): void {
    this.#depths.push(new Map());
  }

  /**
   * §6.1.3 (d): the policies of the next certificate.
   *
   * @param takeAny whether its anyPolicy counts: (d)(2), inhibit_anyPolicy above 0, or self-issued and not the last
   */
  add(policies: readonly string[], takeAny: boolean): void {
    const above = this.#deepest;
    const awaiting = this.#awaiting(above);
    const depth = new Map<string, PolicyNode>();
    const create = (policy: string, parents: readonly PolicyNode[]): void => {
      if (!this.#work.spend('policyNodes', 1 + parents.length)) return;
      depth.set(policy, { policy, expected: new Set([policy]), parents });
    };
    const any = above.get(anyPolicy);
    for (const policy of policies) {
      if (policy === anyPolicy || this.#work.isExceeded) continue;
      const parents = awaiting.get(policy) ?? (any === undefined ? [] : [any]);
      if (parents.length > 0) create(policy, parents);
    }
    if (takeAny && policies.includes(anyPolicy)) {
      for (const [policy, parents] of awaiting) {
        if (this.#work.isExceeded) break;
        if (!depth.has(policy)) create(policy, parents);
      }
    }
    this.#depths.push(depth);
  }

  /** The nodes of a depth by the policies that they expect. */
  #awaiting(depth: ReadonlyMap<string, PolicyNode>): Map<string, PolicyNode[]> {
    const awaiting = new Map<string, PolicyNode[]>();
    for (const node of depth.values()) {
      for (const policy of node.expected) {
        const nodes = awaiting.get(policy);
        if (nodes === undefined) awaiting.set(policy, [node]);
        else nodes.push(node);
      }
    }
    return awaiting;
  }

  /** §6.1.4 (b): the mappings of the certificate whose policies were added last. */
  map(mappings: readonly PolicyMapping[], allowed: boolean): void {
    const depth = this.#deepest;
    const bySource = new Map<string, Set<string>>();
    for (const { issuerDomainPolicy, subjectDomainPolicy } of mappings) {
      if (!this.#work.spend('policyNodes', 1)) return;
      const targets = bySource.get(issuerDomainPolicy);
      if (targets === undefined) bySource.set(issuerDomainPolicy, new Set([subjectDomainPolicy]));
      else targets.add(subjectDomainPolicy);
    }
    const any = depth.get(anyPolicy);
    for (const [policy, expected] of bySource) {
      const node = depth.get(policy);
      if (!allowed) depth.delete(policy);
      else if (node !== undefined) node.expected = expected;
      // Its parents are those of anyPolicy: the one node of anyPolicy above.
      else if (any !== undefined) depth.set(policy, { policy, expected, parents: any.parents });
    }
  }

  /**
   * §6.1.5 (g) of RFC 9618: what the path is valid for in the words of its trust anchor: the
   * policies below anyPolicy that lead to the last certificate, and anyPolicy where it has that.
   */
  authorityConstrainedPolicies(): ReadonlySet<string> {
    const found = new Set<string>();
    let live: ReadonlySet<PolicyNode> = new Set(this.#deepest.values());
    if (this.#deepest.has(anyPolicy)) found.add(anyPolicy);
    while (live.size > 0) {
      const parents = new Set<PolicyNode>();
      for (const node of live) {
        for (const parent of node.parents) {
          parents.add(parent);
          if (parent.policy === anyPolicy && node.policy !== anyPolicy) found.add(node.policy);
        }
      }
      live = parents;
    }
    return found;
  }
}
