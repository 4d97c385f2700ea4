import { type Command, InvalidArgumentError, Option } from 'commander';
import { usageError } from '../exit.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Options = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** ocsp probe, ocsp staple. Their code is loaded by the act alone: everyday commands start without it. */
export function ocspCommands(program: Command, _environment: Environment): void {
  const ocsp = program.command('ocsp').description('status over OCSP: staples for TLS servers');

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
