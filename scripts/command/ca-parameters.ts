import { type Command, InvalidArgumentError } from 'commander';
import { parseCount, repeated } from './values.ts';

type Options = Readonly<Record<string, unknown>>;

/** Forms of names that a CA can be limited to, and how a subtree of each is written. */
const forms = [
  ['dns', 'DNS names: `example.org` and below, `.example.org` below only'],
  ['ip', 'IP addresses: 192.0.2.0/24, 2001:db8::/32'],
  ['email', 'mail addresses: one, all of a host, all of the hosts below (.example.org)'],
  ['uri', 'hosts of URIs: `example.org` alone, `.example.org` below only'],
  ['directory', 'directory names, RFC 4514: O=Example,C=US'],
  ['upn', 'user principal names, as mail addresses'],
] as const;

/** `A=B` collected: the policy A of the issuer is equal to the policy B of the subject. */
function mapping(
  value: string,
  previous: readonly object[] | undefined,
): readonly { readonly issuerDomainPolicy: string; readonly subjectDomainPolicy: string }[] {
  const [issuerDomainPolicy, subjectDomainPolicy, more] = value.split('=');
  if (!issuerDomainPolicy || !subjectDomainPolicy || more !== undefined) {
    throw new InvalidArgumentError('write ISSUER-POLICY=SUBJECT-POLICY, two object identifiers');
  }
  return [
    ...((previous as ReturnType<typeof mapping> | undefined) ?? []),
    { issuerDomainPolicy, subjectDomainPolicy },
  ];
}

/** The options with which an administrator chooses what a CA certificate may do. */
export function caParameterOptions(command: Command): Command {
  command.option('--path-length <n>', 'how many CAs may stand below it', parseCount);
  for (const [form, how] of forms) {
    command
      .option(`--permit-${form} <s...>`, `only these ${how}; may be repeated`, repeated)
      .option(`--exclude-${form} <s...>`, `none of these ${form} names; may be repeated`, repeated);
  }
  return command
    .option('--policy <oid...>', 'certificate policy that it asserts; may be repeated', repeated)
    .option('--map-policy <a=b...>', 'policy A of its issuer equals B of its own', mapping)
    .option('--require-explicit-policy <n>', 'after N more certificates', parseCount)
    .option('--inhibit-policy-mapping <n>', 'after N more certificates', parseCount)
    .option('--inhibit-any-policy <n>', 'after N more certificates', parseCount)
    .option('--ca-repository <url...>', 'where what it issues is published', repeated);
}

/** The members of the REST body that the options stand for. */
export function caParametersOf(options: Options): Readonly<Record<string, unknown>> {
  const sides = forms.flatMap(([form]) => {
    const name = `${form.charAt(0).toUpperCase()}${form.slice(1)}`;
    return [`permit${name}`, `exclude${name}`];
  });
  const same = [
    'pathLength',
    ...sides,
    'requireExplicitPolicy',
    'inhibitPolicyMapping',
    'inhibitAnyPolicy',
    'caRepository',
  ];
  return {
    ...Object.fromEntries(same.map((name) => [name, options[name]])),
    policies: options['policy'],
    policyMappings: options['mapPolicy'],
  };
}
