import { Duration } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CorsHttpMethod,
  HttpApi,
  HttpMethod,
  HttpStage,
  type IHttpRouteAuthorizer,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { type ILogGroup, LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { registry } from '../chain/registry.ts';
import { LIMITS } from '../contract/limits.ts';
import { BROWSER_USE, ENV, ROUTE_NAMES, ROUTES, type RouteName, stepQueue } from '../contract/names.ts';
import { allowEveryQueue, allowQueues, allowTable, SEND, type TableUse } from './access.ts';
import type { Foundation } from './foundation.ts';
import { removalOf, StageFunction } from './lambda.ts';
import type { StageAlarm } from './monitoring/alarms/alarm.ts';
import { apiAlarms } from './monitoring/alarms/api.ts';
import { reserveOf, waitPlacesOf } from './reserve.ts';
import { physicalName, placesOf, type Stage } from './stage.ts';

const FUNCTIONS = {
  start: { uses: ['load', 'write'], description: 'Saves a workflow and queues its first steps' },
  get: { uses: ['load', 'wait'], description: 'Shows a workflow, or waits until there is news of it' },
  list: {
    uses: ['list', 'listStatus'],
    description: 'Lists workflows, newest first, and describes the API',
  },
  cancel: { uses: ['load', 'write'], description: 'Cancels a workflow' },
  resume: {
    uses: ['load', 'write'],
    description: 'Continues a failed workflow from its failed step, or takes it back',
  },
} as const satisfies Readonly<Record<string, { uses: readonly TableUse[]; description: string }>>;
type FunctionName = keyof typeof FUNCTIONS;

/** The fixed routes, and what serves each. Routes for operators need their scope. */
const FIXED_ROUTES = {
  startNamed: { by: 'start', forOperators: false },
  list: { by: 'list', forOperators: false },
  get: { by: 'get', forOperators: false },
  timeline: { by: 'get', forOperators: true },
  cancel: { by: 'cancel', forOperators: true },
  resume: { by: 'resume', forOperators: true },
  undo: { by: 'resume', forOperators: true },
  undoPlan: { by: 'get', forOperators: true },
  openapi: { by: 'list', forOperators: false },
} as const satisfies Readonly<Record<RouteName, { by: FunctionName; forOperators: boolean }>>;

/**
 * Requests that no other route takes go to the start function, which answers them like every other mistake. OPTIONS is not among
 * the methods: API Gateway answers it where CORS is on.
 */
const CATCH_ALL = {
  paths: ['/', '/{proxy+}'],
  methods: [
    HttpMethod.HEAD,
    HttpMethod.GET,
    HttpMethod.POST,
    HttpMethod.PUT,
    HttpMethod.PATCH,
    HttpMethod.DELETE,
  ],
};

/**
 * The HTTP API: a function for each route (what shows a workflow is one function, and so is what sets a failed one going), with IAM authorization or a JWT as the stage says.
 * @example const api = new Api(this, 'Api', { foundation });
 */
export class Api extends Construct {
  readonly http: HttpApi;
  readonly functions: Readonly<Record<FunctionName, StageFunction>>;
  readonly url: string;
  readonly accessLogs: ILogGroup;
  readonly alarms: readonly StageAlarm[];

  constructor(scope: Construct, id: string, { foundation }: { readonly foundation: Foundation }) {
    super(scope, id);
    const { settings, name } = foundation.stage;
    this.functions = this.makeFunctions(foundation);
    this.http = new HttpApi(this, 'Http', {
      apiName: physicalName(name),
      description: `Stepline, stage ${name}`,
      createDefaultStage: false,
      ...(settings.corsOrigins === undefined ? {} : { corsPreflight: corsOf(settings.corsOrigins) }),
    });
    this.addRoutes(foundation);
    this.accessLogs = this.addStage(foundation);
    this.alarms = apiAlarms(this, foundation);
    this.url = this.http.apiEndpoint;
  }

  private makeFunctions(foundation: Foundation): Readonly<Record<FunctionName, StageFunction>> {
    const { stage } = foundation;
    const { authorization } = stage.settings;
    const make = (name: FunctionName): StageFunction => {
      const { uses, description } = FUNCTIONS[name];
      const fn = new StageFunction(this, name, {
        stage,
        nameParts: [name],
        entry: name,
        chains: foundation.chains,
        timeout: LIMITS.apiFunctionTimeout,
        environment: {
          ...foundation.environment,
          ...(name === 'get' ? { [ENV.waitPlaces]: String(waitPlacesOf(stage)) } : {}),
          ...(authorization.type === 'jwt' ? { [ENV.tenantClaim]: authorization.tenantClaim } : {}),
        },
        description,
        ...(name === 'start' ? { reserve: reserveOf(stage).start } : {}),
      });
      allowTable(fn, foundation, uses);
      return fn;
    };
    const functions = {
      start: make('start'),
      get: make('get'),
      list: make('list'),
      cancel: make('cancel'),
      resume: make('resume'),
    };
    const places = placesOf(stage);
    allowQueues(functions.start, stage, SEND, places.filter(({ root }) => root).map(stepQueue));
    // A cancel with undo queues what is to be taken back first, as a resume queues what goes on.
    for (const fn of [functions.cancel, functions.resume]) allowEveryQueue(fn, stage, SEND, 'steps');
    return functions;
  }

  private addRoutes({ stage }: Foundation): void {
    const { authorization } = stage.settings;
    const authorizer = this.makeAuthorizer(stage);
    const integrations = new Map<FunctionName, HttpLambdaIntegration>();
    const add = (name: FunctionName, path: string, methods: HttpMethod[], forOperators = false): void => {
      const integration =
        integrations.get(name) ??
        new HttpLambdaIntegration(name, this.functions[name].lambda, { scopePermissionToRoute: false });
      integrations.set(name, integration);
      this.http.addRoutes({
        path,
        methods,
        integration,
        authorizer,
        ...(authorization.type === 'jwt' && forOperators
          ? { authorizationScopes: [authorization.operatorScope] }
          : {}),
      });
    };
    const { current } = registry(stage.chains.map(({ definition }) => definition));
    for (const { start } of current) add('start', start, [HttpMethod.POST]);
    for (const name of ROUTE_NAMES) {
      const { by, forOperators } = FIXED_ROUTES[name];
      add(by, ROUTES[name].path, [HttpMethod[ROUTES[name].method]], forOperators);
    }
    for (const path of CATCH_ALL.paths) add('start', path, CATCH_ALL.methods);
  }

  private makeAuthorizer({ settings: { authorization } }: Foundation['stage']): IHttpRouteAuthorizer {
    if (authorization.type === 'iam') return new HttpIamAuthorizer();
    return new HttpJwtAuthorizer('Jwt', authorization.issuer, {
      jwtAudience: [...authorization.audience],
    });
  }

  private makeAccessLogs(stage: Stage): ILogGroup {
    // Resource policies of log groups below this prefix are not limited to 5,120 characters.
    const logGroupName = `/aws/vendedlogs/apis/${physicalName(stage.name)}`;
    if (stage.settings.existing?.accessLogs)
      return LogGroup.fromLogGroupName(this, 'AccessLogs', logGroupName);
    return new LogGroup(this, 'AccessLogs', {
      logGroupName,
      retention: stage.settings.logRetentionDays,
      removalPolicy: removalOf(stage),
    });
  }

  private addStage({ stage }: Foundation): ILogGroup {
    const { throttling } = stage.settings;
    const logs = this.makeAccessLogs(stage);
    new HttpStage(this, 'Stage', {
      httpApi: this.http,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: throttling.rate, burstLimit: throttling.burst },
      accessLogSettings: { destination: new LogGroupLogDestination(logs), format: ACCESS_LOG },
    });
    return logs;
  }
}

/** One JSON line for each request. It holds nothing of the body or the query. */
const ACCESS_LOG = AccessLogFormat.custom(
  JSON.stringify({
    requestId: '$context.requestId',
    time: '$context.requestTime',
    ip: '$context.identity.sourceIp',
    caller: '$context.identity.userArn',
    subject: '$context.authorizer.claims.sub',
    method: '$context.httpMethod',
    path: '$context.path',
    route: '$context.routeKey',
    status: '$context.status',
    latencyMs: '$context.responseLatency',
    functionMs: '$context.integrationLatency',
    bytes: '$context.responseLength',
    functionStatus: '$context.integrationStatus',
    // A single word. The error's message could hold quotes, which would break the line's JSON.
    error: '$context.error.responseType',
  }),
);

/** What a browser sends with a signed request. */
const SIGNATURE_HEADERS = ['x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256'];

const corsOf = (origins: readonly string[]) => ({
  allowOrigins: [...origins],
  allowMethods: BROWSER_USE.methods.map((method) => CorsHttpMethod[method]),
  allowHeaders: ['authorization', ...BROWSER_USE.requestHeaders, ...SIGNATURE_HEADERS],
  exposeHeaders: [...BROWSER_USE.answerHeaders],
  maxAge: Duration.seconds(LIMITS.preflightAge),
});
