import { of, type Test } from './seen.ts'

// What can say no, and where it was seen to: `no` the test in which it refuses, `yes` the one in which the same thing just
// passes. Complete by comparison with the code (refusals.test.ts).

export interface Refusal {
  readonly no: Test
  readonly yes: Test
}

const both = (test: Test): Refusal => ({ no: test, yes: test })

const rollout = of('src/stages/deploy/rollout/rollout.test.ts')
const observed = of('src/server/observe.test.ts')
const queriesPlayed = of('src/stages/deploy/rollout/queries.test.ts')
const gates = of('src/stages/deploy/rollout/gates.test.ts')
const segments = of('src/stages/deploy/rollout/segments.test.ts')
const contests = of('src/server/contest.test.ts')
const chosen = 'of three the better one is chosen and begins its rollout, over a restart, and its replay agrees'
const alike = 'of three that are like stable none is chosen, and the contest ends with its time'
const leaves =
  'a broken one leaves early, and no caller feels it; one that is worse leaves by its labels, and with the last it ends'
const bounds = of('src/stages/deploy/rollout/bounds.test.ts')
const watch = of('src/stages/watch/watch.test.ts')
const monitor = of('src/stages/watch/monitor/advance.test.ts')
const retrains = of('src/stages/watch/monitor/retrain.test.ts')
const gate = of('src/stages/pipeline/gate.test.ts')
const training = of('src/stages/pipeline/training.test.ts')
const metric = of('src/stages/evaluate/metric-tests.test.ts')
const property = of('src/stages/evaluate/properties/properties.test.ts')
const compared = of('src/stages/evaluate/comparisons.test.ts')
const slices = of('src/stages/evaluate/slices/slices.test.ts')
const leak = of('src/stages/evaluate/leak/leak.test.ts')
const service = of('src/stages/evaluate/service-tests.test.ts')
const latency = of('src/stages/evaluate/latency-test.test.ts')
const suite = of('src/stages/evaluate/suite.test.ts')
const scaler = of('src/stages/scaler/scaler.test.ts')
const scaling = of('test/scaler.test.ts')
const retrain = of('test/running/retrain.test.ts')
const quarantine = of('test/quarantine.test.ts')
const access = of('test/server/access.test.ts')
const serve = of('test/serve.test.ts')
const served = of('test/served.test.ts')

/** Every verdict of every kind of decision: `kind verdict`. */
export const verdictsSeen: Readonly<Record<string, Test>> = {
  'gate passed': gate('warnings and notes let it pass'),
  'gate refused': gate('refuse the whole when nothing is set aside'),
  'gate unchanged': serve(
    'trains, serves, rolls a challenger in other units back, promotes a good one, and survives restarts',
  ),
  'trigger fired': watch('retrains within its policy and says why not otherwise'),
  'trigger suppressed': watch('retrains within its policy and says why not otherwise'),
  'rollout advanced': rollout('climbs the steps, bakes and completes, each with its record'),
  'rollout promoted': rollout('climbs the steps, bakes and completes, each with its record'),
  'rollout completed': rollout('climbs the steps, bakes and completes, each with its record'),
  'rollout held': rollout('holds when time runs out, goes on when the evidence arrives, and never promotes by time'),
  'rollout approved': gates(
    'is asked for once, when the evidence is there, and goes on with who gave it, when and why',
  ),
  'rollout resumed': rollout('holds, not rolls back, when the models disagree far more than offline'),
  'rollout rolled-back': rollout(
    'rolls back on nine errors that stable does not make, on a score that is not finite, and by hand, held or not',
  ),
  'contest rolled-back': contests(leaves),
  'contest chosen': contests(chosen),
  'contest ended': contests(alike),
  'alert pending': watch('fires after two bad windows and resolves after three clean ones'),
  'alert firing': watch('fires after two bad windows and resolves after three clean ones'),
  'alert joined': monitor('an alert is pending, firing, joined, resolved or withdrawn, each with its decision'),
  'alert resolved': watch('fires after two bad windows and resolves after three clean ones'),
  'alert withdrawn': monitor('an alert is pending, firing, joined, resolved or withdrawn, each with its decision'),
  'promotion promoted': served('the first version is stable at once, and every command of a rollout has its decision'),
  'promotion withdrawn': of('test/change.test.ts')('what runs goes on as it was, and the next version challenges it'),
  'quarantine quarantined': gate('stay out when they are few, and the others are accepted'),
  'quarantine readmitted': quarantine('bad rows are set aside, mended, and let in again where they stood'),
  'search chosen': of('src/stages/pipeline/search.test.ts')(
    'tries every combination on the folds, each as a run with its parameters and its score',
  ),
  'access refused': access('wrong tokens are recorded and held back; right ones are not'),
  'access accepted': of('test/keys-and-tokens.test.ts')(
    'a keystore that is not the newest is refused until a person takes it, by name',
  ),
}

/** Every rule by which something is decided. */
export const rulesSeen: Readonly<Record<string, Refusal>> = {
  'read verification': both(
    of('src/app/live/verifying-reads.test.ts')(
      'compares so often as is said, alerts once where reads were wrong, and resolves when they are right again',
    ),
  ),
  freshness: both(
    of('src/stages/watch/freshness.test.ts')(
      'alerts while a promise is broken, once, and resolves when it is kept, by files or by what is pushed',
    ),
  ),
  'a token is known, not revoked and not expired': both(
    access('wrong tokens are recorded and held back; right ones are not'),
  ),
  'search over folds': {
    no: of('src/stages/pipeline/search.test.ts')('the others decide; where all do, the run says why and is 1'),
    yes: of('src/stages/pipeline/search.test.ts')(
      'tries every combination on the folds, each as a run with its parameters and its score',
    ),
  },
  'one red run': both(
    of('src/stages/retrain/scheduled-tests.test.ts')(
      'a red critical test alerts at once, another joins untold, and the first green run resolves it, over restarts too',
    ),
  ),
  'model test suite': {
    no: training('has a model that is not as good as asked'),
    yes: training('registers a version with the digest of everything that it came from'),
  },
  readmission: {
    no: quarantine('what is not mended, or is no repair, changes nothing'),
    yes: quarantine('bad rows are set aside, mended, and let in again where they stood'),
  },
  'validation gate': {
    no: gate('refuse the whole when they are more than one of a hundred'),
    yes: gate('stay out when they are few, and the others are accepted'),
  },
  'golden rows': both(of('src/stages/serve/deployment.test.ts')('a version is held to its golden rows: %s')),
  'scaler checks': {
    no: scaling('refuses a version that is registered with another scaler, before any traffic, with a decision'),
    yes: scaling('is proven on request, and every reporter says so'),
  },
  'success criteria of a retrain': {
    no: retrain('a retrain that fails alerts, is recorded, and leaves the server serving'),
    yes: retrain('real requests that drift start a retrain in a process of its own; its version challenges'),
  },
  'stable version': both(
    served('the first version is stable at once, and every command of a rollout has its decision'),
  ),
  'a keystore is of its last change': both(
    of('test/keys-and-tokens.test.ts')('a keystore that is not the newest is refused until a person takes it, by name'),
  ),
  'an audit log is whole': both(
    of('test/audit.test.ts')('lost: %s. It is accepted with a reason, told from then on, and proves what comes after'),
  ),
  // rollouts
  rollout: both(
    of('src/stages/watch/rollout-alert.test.ts')(
      'fires when a challenger was taken back, once, with the reason; the next rollout resolves it, and a person is told of none',
    ),
  ),
  contest: both(
    of('src/stages/watch/contest-alert.test.ts')(
      'fires when a challenger is broken, not when one is worse, and the next contest resolves it',
    ),
  ),
  challengers: { no: contests(leaves), yes: contests(chosen) },
  'command choose': both(contests('a person takes one, or ends it; beside a contest nothing else begins')),
  bake: both(bounds('a bake ends at its length, not a microsecond before')),
  shadow: both(bounds('shadow rows are needed to the last one')),
  guardrails: both(bounds('a step needs its requests to the last one')),
  'paired loss': both(bounds('labels against the challenger roll back, equal ones do not')),
  time: both(bounds('a step is held when its time has run out, not a microsecond before')),
  'guardrail error': both(bounds('a guardrail asks for its share of alpha: %s')),
  'guardrail timeout': both(bounds('a guardrail asks for its share of alpha: %s')),
  'guardrail latency': both(
    bounds('a challenger that takes longer than stable is one too slow, one that takes as long is not'),
  ),
  memory: both(bounds('memory beyond what is allowed rolls back, that which is allowed does not come here')),
  'guardrail slow': both(bounds('a guardrail asks for its share of alpha: %s')),
  'segment guardrail error': both(
    segments('take back who is broken in one of them, at its share of alpha and not one request earlier'),
  ),
  'segment guardrail timeout': both(segments('hold of %s as well, not one request earlier')),
  'segment guardrail slow': both(segments('hold of %s as well, not one request earlier')),
  'segment guardrail latency': both(
    segments('hold of who takes longer in one of them as well, and of nobody who takes as long'),
  ),
  'finite scores': both(bounds('a score that is no probability rolls back at once, 0 and 1 are some')),
  'shadow disagreement': both(bounds('disagreement holds beyond twice what was measured offline')),
  'command abort': both(bounds('every command does what it says once, and nothing afterwards')),
  'command promote': both(bounds('every command does what it says once, and nothing afterwards')),
  'command pause': both(bounds('every command does what it says once, and nothing afterwards')),
  'command approve': both(gates('is taken for nothing that does not wait, and no other word stands for it')),
  metric: {
    no: observed(
      'a metric that is worse takes back once its horizon is over, over a restart, and the decision follows from what is kept',
    ),
    yes: observed('a metric that is required is waited for before all traffic, and what is as good passes'),
  },
  query: {
    no: queriesPlayed(
      'takes back after so many answers in a row beyond a limit, the last one said, and not after one fewer',
    ),
    yes: queriesPlayed('no step is left before each query has said in it that it holds'),
  },
  approval: {
    no: gates('is asked for once, when the evidence is there, and goes on with who gave it, when and why'),
    yes: gates('is asked for before the first caller, also where there is no shadow'),
  },
  hours: both(gates('keep traffic from rising, not from being taken back, nor a bake from ending')),
  after: both(gates('keep traffic from rising as long as they run')),
  'command resume': both(bounds('every command does what it says once, and nothing afterwards')),
  // retrains
  trigger: both(retrains('is started by what the monitor names, and by the schedule always')),
  persistence: both(retrains('%s')),
  'new labels': both(retrains('%s')),
  'one at a time': both(retrains('%s')),
  'one rollout at a time': both(retrains('%s')),
  data: both(retrains('%s')),
  cooldown: both(retrains('%s')),
  'storm guard': both(retrains('%s')),
}

/** Every kind of check of a model, a scaler or a window. Expectations: `test/oracle`. */
export const checksSeen: Readonly<Record<string, Refusal>> = {
  metric: {
    no: metric('holds at its least value and fails just above'),
    yes: metric('holds at its greatest value and fails just below'),
  },
  monotone: both(property('passes what rises, and only that, in any unit: %d')),
  invariant: both(property('fails where the input moves the score by more than is allowed: numbers, booleans, texts')),
  matters: both(property('does, or fails')),
  stable: both(property('moves a smooth model little, and one that flickers much')),
  relation: both(property('holds or is shown')),
  leak: { no: leak('%s among the inputs refuses the version, asked for or not'), yes: leak('is none in honest data') },
  fairness: {
    no: compared('names what is unfair, with its interval'),
    yes: compared('holds of a model that treats groups alike'),
  },
  simpleModel: both(compared('is beaten by one that knows more')),
  overfit: both(compared('is what is far better on the training rows')),
  fresh: both(compared('rows are fresh to the last microsecond')),
  memory: both(compared('that is kept for ever is found, what comes and goes is not')),
  directional: both(property('adds to the row’s own value and looks which way the score goes')),
  golden: {
    no: service('that are answered by no number, or are none, prove nothing'),
    yes: service('hold within a hundred-thousandth'),
  },
  slices: { no: slices('%s'), yes: slices('%s') },
  calibration: both(metric('calibration holds at the error that is allowed and fails just below')),
  latency: both(latency('is measured in microseconds and held to the limit, to the last one')),
  size: both(service('size holds at the bytes that are allowed and fails at one more')),
  bounds: {
    no: suite('scores %s are out of range'),
    yes: suite('just 0 and just 1 are in range, and any finite number is for a regression'),
  },
  batchConsistent: both(suite('scores alone, in company, and again are the same, but for rounding')),
  'scaler-names': both(scaler('%s: %s')),
  'scaler-refit': both(scaler('%s')),
  'scaler-train-only': both(scaler('%s')),
  'scaler-constant': {
    no: scaler('are told at fit'),
    yes: scaling('is proven on request, and every reporter says so'),
  },
  'scaler-constant-moved': both(scaler('and may not move at serving, not in a single row')),
  'scaler-precision': both(scaler('bounds what float32 does to a value of the training range')),
  'scaler-serving-range': {
    no: scaler('mean %d and deviation %d'),
    yes: scaler('traffic like training passes everything'),
  },
  'scaler-double': {
    no: scaler('what arrives scaled already is told apart from what was like that in training'),
    yes: scaler('traffic like training passes everything'),
  },
  'scaler-window-unit': { no: scaler('a window says %d: %s'), yes: scaler('and nothing of windows that only vary') },
  'scaler-unit-change': {
    no: training("a version whose input is the champion's in another unit is refused, unless the unit is declared"),
    yes: scaler('what only moves or spreads, or grows by less than units differ, is let pass'),
  },
  'scaler-nan-path': both(scaler('missing values need a graph that answers for them')),
  'scaler-round-trip': { no: scaler('a scale that loses its values is found'), yes: scaler('hold on real rows') },
  'scaler-merge': both(
    scaler('parts merged give what one pass gives; values that the last digits of their mean hide do not'),
  ),
  'scaler-hash-chain': both(scaler('S13: every link of the chain must name the scaler that is served')),
  'scaler-onnx-parity': {
    no: scaling('refuses a version that is registered with another scaler, before any traffic, with a decision'),
    yes: scaling('is proven on request, and every reporter says so'),
  },
  drift: both(
    watch('is found in a shift, in missing values, in an unseen category and a new value, each in its own column'),
  ),
}

/** Verdicts, rules and checks that no test has met yet. Only ever shorter. */
export const unseenRefusals: readonly string[] = []

/** Codes that no test can bring about, with the reason. */
export const beyondTests: Readonly<Record<string, string>> = {
  MR4009: 'inputs are float32 before they are scaled: the variance of no column of them is beyond float64',
  MR6015: 'no command and no setting disables a version of a key yet; what a rotation leaves may still decrypt',
}

/** Codes that no test has met yet. Only ever shorter. */
export const unseenCodes: readonly string[] = []
