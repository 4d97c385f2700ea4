import { type Command, InvalidArgumentError, Option } from 'commander';
import { usageError } from '../exit.ts';
import { parseQuantity, repeated } from '../values.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** ocsp probe, ocsp staple. Their code is loaded by the act alone: everyday commands start without it. */
export function ocspCommands(program: Command, environment: Environment): void {
  const ocsp = program
    .command('ocsp')
    .description('status over OCSP: how fast changes show, and staples for TLS servers');

  ocsp
    .command('probe')
    .description(
      'measure how long issue, hold, release and revoke take to show at each responder, on certificates of its own; exit 1 when more than 2 s',
    )
    .option(
      '--responder <url...>',
      'a responder; may be repeated; else the one in the certificate',
      repeated,
    )
    .option('--issuer <name>', 'which issuing CA')
    .option('--count <n>', 'how often each act is done', parseQuantity, 10)
    .option('--profile <name>', 'profile of the probe certificates', 'tls-server')
    .option('--dns <name>', 'the name in them', 'ocsp-probe.invalid')
    .option(
      '--metrics-file <file>',
      "write Prometheus text for the node exporter's textfile collector",
    )
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      `
Needs certificates:issue, :read, :hold, :release, :revoke and issuers:read (the role operator has them).
The certificates live for a day, carry the tag ocsp-probe, and are revoked at the end, after Ctrl-C,
or by the next run ten minutes after a kill.`,
    )
    .action(async (options: Options) => {
      const { probe } = await import('./probe.ts');
      await probe(
        {
          responders: (options['responder'] as readonly string[] | undefined) ?? [],
          issuer: options['issuer'] as string | undefined,
          count: Number(options['count']),
          profile: String(options['profile']),
          name: String(options['dns']),
          json: options['json'] === true,
          metricsFile: options['metricsFile'] as string | undefined,
        },
        environment,
      );
    });

  ocsp
    .command('delegate-request')
    .argument('[issuer]', 'its issuer id, when several wait')
    .requiredOption('--out <file>', 'where the request goes')
    .description(
      'on the machine of a responder: the request that a ceremony answers, for an issuer whose token is absent',
    )
    .action(async (issuer: string | undefined, options: Options) => {
      const { copyDelegateRequest } = await import('./delegate-request.ts');
      copyDelegateRequest(environment, issuer, String(options['out']));
    });
  ocsp
    .command('delegate-install')
    .argument('<issuer>', 'its issuer id')
    .argument('<file>', 'the certificate in PEM')
    .description(
      'on the machine of a responder: take a certificate that a ceremony elsewhere made; here it comes by itself',
    )
    .action(async (issuer: string, file: string) => {
      const { installDelegate } = await import('./delegate-request.ts');
      installDelegate(environment, issuer, file);
    });

  ocsp
    .command('staple')
    .description(
      'fetch, verify and store the OCSP staple of a certificate for nginx or haproxy, once or as a loop until SIGTERM; needs no credential',
    )
    .requiredOption(
      '--certificate <file>',
      'the server certificate, PEM or DER; may hold its issuers',
    )
    .option(
      '--issuer <file>',
      "the issuer's certificate, when the certificate's file does not hold it",
    )
    .option('--responder <url>', 'asked instead of the OCSP URL in the certificate')
    .requiredOption('--out <file>', 'where the staple goes (DER), replaced atomically')
    .addOption(
      new Option('--format <server>', 'which server reads it')
        .choices(['nginx', 'haproxy'])
        .default('nginx'),
    )
    .option('--haproxy-socket <path>', "haproxy's runtime socket, told of each new staple")
    .option(
      '--on-change <command...>',
      'run after each new staple, without a shell; arguments that begin with - go behind -- at the end',
    )
    .option(
      '--once',
      'one round, then exit; 1 when the answer is refused or the certificate revoked',
    )
    .option(
      '--interval <duration>',
      'a round every 30s, 10m, 1h; else in the middle of each staple’s life',
      seconds,
    )
    .option('--jitter <part>', 'how far a wait may stray from its mean, 0 to 0.5', jitter, 0.2)
    .argument('[argument...]', 'more arguments of --on-change')
    .addHelpText(
      'after',
      `
Examples:
  chancery ocsp staple --certificate site.pem --out /run/staples/site.der \\
    --on-change nginx -- -s reload
  chancery ocsp staple --certificate site.pem --out site.pem.ocsp --format haproxy \\
    --haproxy-socket /run/haproxy/admin.sock

A verified answer "revoked" replaces a good staple; unknown, errors and whatever does not verify
never do. --on-change finds CHANCERY_STAPLE_EVENT (good, revoked, expired) and CHANCERY_STAPLE_FILE.`,
    )
    .action(async (operands: readonly string[], options: Options) => {
      const { staple } = await import('./staple.ts');
      const onChange = (options['onChange'] as readonly string[] | undefined) ?? [];
      if (onChange.length === 0 && operands.length > 0) {
        throw usageError(`${operands.join(' ')} belongs to no option`);
      }
      await staple({
        certificateFile: String(options['certificate']),
        issuerFile: options['issuer'] as string | undefined,
        responder: options['responder'] as string | undefined,
        out: String(options['out']),
        format: options['format'] as 'nginx' | 'haproxy',
        haproxySocket: options['haproxySocket'] as string | undefined,
        onChange: [...onChange, ...operands],
        once: options['once'] === true,
        intervalSeconds: options['interval'] as number | undefined,
        jitter: Number(options['jitter']),
      });
    });
}

function seconds(value: string): number {
  const [, count, unit] = /^([1-9]\d{0,5})([smhd])$/.exec(value) ?? [];
  const factor = { s: 1, m: 60, h: 3600, d: 86_400 }[unit ?? ''];
  if (count === undefined || factor === undefined) {
    throw new InvalidArgumentError('write a whole number with d, h, m or s, for example 10m');
  }
  return Number(count) * factor;
}

function jitter(value: string): number {
  const part = Number(value);
  if (!/^\d(\.\d{1,4})?$/.test(value) || part > 0.5) {
    throw new InvalidArgumentError('write a number from 0 to 0.5');
  }
  return part;
}
