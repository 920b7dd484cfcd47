import type { Command } from './command.ts'

export interface Entry {
  readonly summary: string
  readonly load: () => Promise<{ readonly command: Command }>
}

/**
 * Every verb with its one-line summary. Help is printed from here alone, and only the module of the verb that is called
 * is loaded: `--help` stays fast.
 */
export const table: Readonly<Record<string, Entry>> = {
  init: { summary: 'write a project file to start from', load: () => import('./commands/init.ts') },
  demo: { summary: 'play the whole loop on three million real flights', load: () => import('./commands/demo.ts') },
  doctor: { summary: 'check this machine and this project', load: () => import('./commands/doctor.ts') },
  up: { summary: 'serve predictions, the API and the dashboard', load: () => import('./commands/up.ts') },
  validate: { summary: 'check data against its expectations', load: () => import('./commands/validate.ts') },
  'check-test': {
    summary: 'write a Vitest file that tests the expectations of a dataset on rows',
    load: () => import('./commands/check-test.ts'),
  },
  'data ingest': { summary: 'take files into a dataset if they hold', load: () => import('./commands/data/ingest.ts') },
  'data snapshot': {
    summary: 'validate a dataset and keep its good rows as a snapshot',
    load: () => import('./commands/data/snapshot.ts'),
  },
  'data list': { summary: 'snapshots of the datasets', load: () => import('./commands/data/list.ts') },
  'data quarantine': {
    summary: 'rows that the newest snapshot set aside, to look at and to repair',
    load: () => import('./commands/data/quarantine.ts'),
  },
  'data readmit': { summary: 'let repaired rows in again', load: () => import('./commands/data/readmit.ts') },
  profile: { summary: 'say what is in data, declared or not', load: () => import('./commands/profile.ts') },
  suggest: { summary: 'find expectations that data bear out', load: () => import('./commands/suggest.ts') },
  'features plan': {
    summary: 'what a change of feature definitions means',
    load: () => import('./commands/features/plan.ts'),
  },
  'features apply': {
    summary: 'make the planned definitions those that are served',
    load: () => import('./commands/features/apply.ts'),
  },
  'features history': {
    summary: 'which definitions of features were applied when',
    load: () => import('./commands/features/history.ts'),
  },
  'features rollback': {
    summary: 'serve the definitions of features that were applied before',
    load: () => import('./commands/features/rollback.ts'),
  },
  'features promote': {
    summary: 'serve here the definitions of features that another environment serves',
    load: () => import('./commands/features/promote.ts'),
  },
  'features materialise': {
    summary: 'write online records from the offline data',
    load: () => import('./commands/features/materialise.ts'),
  },
  'features verify': {
    summary: 'prove that online values equal offline values',
    load: () => import('./commands/features/verify.ts'),
  },
  'features get': {
    summary: 'features of entities as predictions read them',
    load: () => import('./commands/features/get.ts'),
  },
  'features export': {
    summary: 'features of views, or of a model, for a table of labels',
    load: () => import('./commands/features/export.ts'),
  },
  train: { summary: 'run the pipeline of a model up to its registration', load: () => import('./commands/train.ts') },
  'models import': {
    summary: 'take an ONNX file that was made elsewhere as a version',
    load: () => import('./commands/models/import.ts'),
  },
  'models list': {
    summary: 'versions with their metrics and aliases',
    load: () => import('./commands/models/list.ts'),
  },
  'models export': {
    summary: 'write a version as a folder that scores rows in a browser or in Node.js',
    load: () => import('./commands/models/export.ts'),
  },
  'models show': { summary: 'one version with its proofs', load: () => import('./commands/models/show.ts') },
  'models counterexamples': {
    summary: 'rows on which properties of models did not hold',
    load: () => import('./commands/models/counterexamples.ts'),
  },
  'models explain': {
    summary: 'what matters to a version, and why it scores rows as it does',
    load: () => import('./commands/models/explain.ts'),
  },
  'models test': { summary: 'run the tests of a version again', load: () => import('./commands/models/test.ts') },
  score: { summary: 'score files of rows with a version', load: () => import('./commands/score.ts') },
  'scaler check': {
    summary: 'prove the scaler of a version',
    load: () => import('./commands/scaler/check.ts'),
  },
  deploy: {
    summary: 'deploy a version, through the canary when one is stable already',
    load: () => import('./commands/deploy.ts'),
  },
  undeploy: { summary: 'end a deployment: its name answers no more', load: () => import('./commands/undeploy.ts') },
  'rollout status': {
    summary: 'where the rollout stands, with its evidence',
    load: () => import('./commands/rollout/status.ts'),
  },
  'rollout contest': {
    summary: 'compare several versions with the stable one, and roll out the better one',
    load: () => import('./commands/rollout/contest.ts'),
  },
  'rollout choose': {
    summary: 'take one of the versions that are compared: its rollout begins',
    load: () => import('./commands/rollout/choose.ts'),
  },
  'rollout promote': {
    summary: 'give the challenger all traffic now',
    load: () => import('./commands/rollout/promote.ts'),
  },
  'rollout approve': {
    summary: 'let a rollout go on that waits for a person',
    load: () => import('./commands/rollout/approve.ts'),
  },
  'rollout abort': { summary: 'take the challenger out now', load: () => import('./commands/rollout/abort.ts') },
  'rollout pause': { summary: 'hold the rollout where it is', load: () => import('./commands/rollout/pause.ts') },
  'rollout replay': {
    summary: 'make every decision again from the events that led to it',
    load: () => import('./commands/rollout/replay.ts'),
  },
  'rollout resume': { summary: 'let a held rollout go on', load: () => import('./commands/rollout/resume.ts') },
  'runs list': { summary: 'runs, newest first', load: () => import('./commands/runs/list.ts') },
  'runs show': { summary: 'one run, step by step', load: () => import('./commands/runs/show.ts') },
  'runs resume': { summary: 'go on with an unfinished run', load: () => import('./commands/runs/resume.ts') },
  'runs recover': { summary: 'take up all runs whose process died', load: () => import('./commands/runs/recover.ts') },
  'runs cancel': { summary: 'end a run', load: () => import('./commands/runs/cancel.ts') },
  explain: { summary: 'why a step ran or was reused', load: () => import('./commands/explain.ts') },
  'explain-error': { summary: 'the long form of an error code', load: () => import('./commands/explain-error.ts') },
  reproduce: { summary: 'rebuild a model version and compare digests', load: () => import('./commands/reproduce.ts') },
  lineage: {
    summary: 'what something was made from, and what was made from it',
    load: () => import('./commands/lineage.ts'),
  },
  decisions: { summary: 'automatic choices with their evidence', load: () => import('./commands/decisions.ts') },
  monitor: { summary: 'windows, drift and alerts of a monitor', load: () => import('./commands/monitor.ts') },
  'onnx verify': { summary: 'check an ONNX file without running it', load: () => import('./commands/onnx/verify.ts') },
  'onnx inspect': { summary: 'what is in an ONNX file', load: () => import('./commands/onnx/inspect.ts') },
  'import sklearn-scaler': {
    summary: 'read a scaler that scikit-learn fitted, without running a pickle',
    load: () => import('./commands/import/sklearn-scaler.ts'),
  },
  'import great-expectations': {
    summary: 'bring the suites of Great Expectations over',
    load: () => import('./commands/import/great-expectations.ts'),
  },
  'import soda': {
    summary: 'bring the checks and contracts of Soda over',
    load: () => import('./commands/import/soda.ts'),
  },
  'import pandera': {
    summary: 'bring the schemas of Pandera over',
    load: () => import('./commands/import/pandera.ts'),
  },
  'import dbt': {
    summary: 'bring the tests of dbt models over',
    load: () => import('./commands/import/dbt.ts'),
  },
  'image build': {
    summary: 'make a container image without a daemon',
    load: () => import('./commands/image/build.ts'),
  },
  'image push': { summary: 'push the image to a registry', load: () => import('./commands/image/push.ts') },
  'k8s render': {
    summary: 'write Kubernetes objects for training and serving',
    load: () => import('./commands/k8s/render.ts'),
  },
  'ci azure': {
    summary: 'write an Azure pipeline that validates and tests',
    load: () => import('./commands/ci/azure.ts'),
  },
  'ci github': {
    summary: 'write a GitHub workflow that validates and tests',
    load: () => import('./commands/ci/github.ts'),
  },
  'ci gitlab': {
    summary: 'write a GitLab pipeline that validates and tests',
    load: () => import('./commands/ci/gitlab.ts'),
  },
  'ci jenkins': {
    summary: 'write a Jenkinsfile that validates and tests',
    load: () => import('./commands/ci/jenkins.ts'),
  },
  'keys create': { summary: 'make a key in the local keystore', load: () => import('./commands/keys/create.ts') },
  'keys list': { summary: 'keys with their versions and grants', load: () => import('./commands/keys/list.ts') },
  'keys grant': { summary: 'let a principal use a key', load: () => import('./commands/keys/grant.ts') },
  'keys revoke': { summary: 'take a grant back', load: () => import('./commands/keys/revoke.ts') },
  'keys rotate': { summary: 'make a new version of a key', load: () => import('./commands/keys/rotate.ts') },
  'keys accept': {
    summary: 'take the keystore as it is for the newest one',
    load: () => import('./commands/keys/accept.ts'),
  },
  'audit verify': { summary: 'prove that the audit log is whole', load: () => import('./commands/audit/verify.ts') },
  'audit accept': {
    summary: 'answer for a loss of the audit log, signed in the log',
    load: () => import('./commands/audit/accept.ts'),
  },
  'token create': { summary: 'make an access token', load: () => import('./commands/token/create.ts') },
  'token list': { summary: 'tokens, without their secrets', load: () => import('./commands/token/list.ts') },
  'token revoke': { summary: 'end a token', load: () => import('./commands/token/revoke.ts') },
}
