import { CfnQueryDefinition } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { physicalName, placesOf, type Stage } from '../stage.ts';
import { chunksOf } from './pages.ts';

/** Log groups that one query reads. Source: StartQuery, `logGroupNames`. */
const GROUPS_PER_QUERY = 50;

/** All log lines of one workflow, in order. */
const WORKFLOW_STORY = `# Write the workflow's id:
filter workflowId = "wf_00000000000000000000000000000000"
| sort @timestamp asc
| display @timestamp, level, event, step, action, attempt, error.code, error.httpStatus, error.message, error.detail, durationMs, repair, did, because, message, @log
| limit 1000`;

/** Why attempts failed, the most frequent reason first. Where no call failed, only the step-failed function logs the failure. */
const FAILURES_BY_ERROR = `filter event in ["step_failed", "step_retrying"] or (event in ["workflow_failed", "workflow_compensating", "compensation_failed"] and error.code in ["NOT_TAKEN", "EXPIRED", "PAST_PIVOT", "LOOKUP_UNKNOWN"])
| fields coalesce(step, error.step) as failedStep, coalesce(error.detail, error.message) as said
| stats count(*) as attempts, count_distinct(workflowId) as workflows, latest(error.httpStatus) as lastHttpStatus, latest(said) as lastMessage by chain, failedStep, error.code, action
| sort attempts desc
| limit 100`;

/**
 * The queries that on-call needs most, saved in Logs Insights under the stage's name.
 * @param functions the names of the API's functions
 * @example savedQueries(this, { stage, functions: ['start', 'get'] }); // stepline_dev/workflow-story, stepline_dev/failures-by-error
 */
export function savedQueries(
  scope: Construct,
  { stage, functions }: { readonly stage: Stage; readonly functions: readonly string[] },
): void {
  const queries = new Construct(scope, 'Queries');
  const steps = placesOf(stage).map(({ chain, step }) => logGroup(stage, chain, step));
  const stepFailed = logGroup(stage, 'step-failed');
  const others = [...functions, 'reconciler'].map((name) => logGroup(stage, name));
  const save = (name: string, queryString: string, groups: readonly string[], at: number): void => {
    new CfnQueryDefinition(queries, `${name}-${at + 1}`, {
      name: `${physicalName(stage.name)}/${name}${at === 0 ? '' : `-${at + 1}`}`,
      queryString,
      logGroupNames: [...groups],
    });
  };
  // A saved query names its log groups: only the API takes a prefix. Steps that do not fit have a query of their own.
  for (const [at, some] of chunksOf(steps, GROUPS_PER_QUERY - others.length - 1).entries()) {
    save('workflow-story', WORKFLOW_STORY, [...some, stepFailed, ...others], at);
  }
  for (const [at, some] of chunksOf(steps, GROUPS_PER_QUERY - 1).entries()) {
    save('failures-by-error', FAILURES_BY_ERROR, [...some, stepFailed], at);
  }
}

const logGroup = ({ name }: Stage, ...parts: readonly string[]): string =>
  `/aws/lambda/${physicalName(name, ...parts)}`;
