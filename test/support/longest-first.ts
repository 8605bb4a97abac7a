import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take long, the longest first: a machine that has not run them yet cannot know. */
const LONG = [
  ...['cdk/bundles', 'e2e/local', 'local/store/lost', 'cdk/monitoring/dashboard', 'cdk/app', 'cdk/access'],
  ...['ports/store/embedded', 'functions/deployed', 'local/store/group-commit.order', 'engine/telling/storm'],
  ...['ports/store/dynamodb', 'local/process', 'cdk/thousand', 'bench/cost/measured/bundles'],
];

/** What is short fills the end of a run, where otherwise all but one would wait for a long file. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.findIndex((file) => moduleId.endsWith(`/test/${file}.test.ts`));
      return at === -1 ? LONG.length : at;
    };
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project))];
    const place = ({ project }: TestSpecification): number => projects.indexOf(project);
    return sorted.sort((a, b) => place(a) - place(b) || rank(a) - rank(b));
  }
}
