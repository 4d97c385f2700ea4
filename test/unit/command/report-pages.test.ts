/** The pages of reports: complete, well-formed for another's parser, and inert whatever names they hold. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  practiceHtml,
  practiceMarkdown,
} from '../../../scripts/command/report/practice-statement.ts';
import {
  type ReportJson,
  reportHtml,
  reportText,
} from '../../../scripts/command/report/sp80057.ts';
import { practiceStatement, type ReportFacts, sp80057Report } from '../../../src/keys/index.ts';
import { goodFacts, type Mutable } from '../../support/report-facts.ts';
import { sp80057Rows } from '../../vectors/sp800-57-rows.ts';

const hostile = `<script>alert(1)</script> "onmouseover='x' &amp; ]]> <!-- \u0000\u001b[2J \ud800 | \`x\` [a](javascript:b)`;

function hostileFacts(): ReportFacts {
  const facts: Mutable<ReportFacts> = goodFacts();
  for (const holder of facts.custodians) holder.person = hostile;
  for (const issuer of facts.issuers) issuer.name = hostile;
  for (const { record } of facts.keys) {
    record.owner = hostile;
    record.label = hostile;
    record.cryptoperiod.reason = hostile;
  }
  for (const principal of facts.principals) principal.name = hostile;
  return facts as ReportFacts;
}

function reportOf(facts: ReportFacts): ReportJson {
  const before = goodFacts();
  before.evidence = before.evidence.filter(({ kind }) => kind !== 'drill.compromise');
  const first = sp80057Report(before as ReportFacts, 'auditor', undefined);
  return { id: '7', ...sp80057Report(facts, hostile, first) } as ReportJson;
}

const report = reportOf(hostileFacts());
const page = reportHtml(report);
const statement = practiceStatement(hostileFacts());

/** Reads it with Python's expat, and counts elements; throws when it is not well-formed. */
function elements(html: string): Readonly<Record<string, number>> {
  const program = `
import collections, json, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
print(json.dumps(collections.Counter(e.tag.split('}')[1] for e in root.iter())))`;
  const ran = spawnSync('python3', ['-c', program], { input: html, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as Record<string, number>;
}

describe.each([
  ['the report', page],
  ['the practice statement', practiceHtml(statement)],
])('%s as HTML', (_, html) => {
  test('is well-formed, and needs nothing beside itself', () => {
    const found = elements(html);
    expect(found['body']).toBe(1);
    for (const tag of ['script', 'img', 'link', 'iframe', 'object']) {
      expect([tag, found[tag]]).toEqual([tag, undefined]);
    }
    expect(html).toContain("default-src 'none'");
    expect(html.replaceAll('http://www.w3.org/1999/xhtml', '')).not.toMatch(/(src|href)="http/);
  });

  test('holds hostile names as text', () => {
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &quot;onmouseover=&#39;x&#39;');
    expect(html).not.toMatch(/<script|\u0000|\u001b/);
  });
});

describe('the report', () => {
  test('as HTML shows every reference twice: in the strip of its section and with its evidence', () => {
    for (const row of sp80057Rows) {
      const [reference = ''] = row.split(' ');
      expect(page.split(`href="#r${reference}"`)).toHaveLength(2);
      expect(page.split(`id="r${reference}"`)).toHaveLength(2);
    }
    expect(elements(page)['details']).toBe(sp80057Rows.length);
  });

  test('is the same for the same facts', () => {
    expect(reportHtml(reportOf(hostileFacts()))).toBe(page);
  });

  test('says what turned, and in one line what rests on other evidence', () => {
    const text = reportText(report);
    expect(text).toContain('\n  9.5.4: fail → pass\n');
    expect(text).toMatch(/\n {2}same answer from other evidence: [\d., ]+\n/);
    expect(page).toContain('<li>9.5.4: fail → pass</li>');
  });

  test('as text names each reference in order with its status, and steers no terminal', () => {
    const text = reportText(report);
    const named = text.split('\n').filter((line) => /^[6-9][\d.]* {2,}/.test(line));
    expect(
      named.map((line) => line.replace(/ +(pass|fail|not applicable|not yet) +/, ' ')),
    ).toEqual(sp80057Rows);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });
});

describe('the practice statement', () => {
  test('as Markdown keeps its tables whole, and its links dead', () => {
    const text = practiceMarkdown(statement);
    expect(text).toMatch(/^# Key-management practice statement\n/);
    expect(text).toContain('\\<script\\>');
    expect(text).not.toMatch(/(?<!\\)\]\(/);
    for (const { headings, rows } of statement.sections.flatMap(({ tables }) => tables)) {
      for (const row of rows) expect(row).toHaveLength(headings.length);
    }
    // Every row of a table has as many unescaped bars as its heading.
    const tables = text.split('\n\n').filter((block) => block.startsWith('| '));
    for (const table of tables) {
      const bars = table.split('\n').map((line) => line.split(/(?<!\\)\|/).length);
      expect(new Set(bars).size).toBe(1);
    }
  });

  test('has the same hash for the same content at another time', () => {
    const later = goodFacts();
    later.at = new Date(later.at.getTime() + 3_600_000);
    expect(practiceStatement(later as ReportFacts).sha256).toBe(
      practiceStatement(goodFacts() as ReportFacts).sha256,
    );
    later.custodians = [];
    expect(practiceStatement(later as ReportFacts).sha256).not.toBe(
      practiceStatement(goodFacts() as ReportFacts).sha256,
    );
  });
});
