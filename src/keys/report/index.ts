/** What SP 800-57 Part 1 asks, answered from facts (pure). */
export type * from './facts.ts';
export type { AnswerStatus, EvidenceItem } from './judgement.ts';
export {
  type PracticeSection,
  type PracticeStatement,
  type PracticeTable,
  practiceStatement,
} from './practice-statement.ts';
export {
  type Answer,
  answerSp80057,
  type ChangedAnswer,
  changesBetween,
  type Sp80057Report,
  sp80057Report,
  summedUp,
} from './report.ts';
